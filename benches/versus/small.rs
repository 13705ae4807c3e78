//! What needs no server: start-up, size, the parser of CLUSTER NODES.

use std::hint::black_box;
use std::time::Instant;

use rcluster::model::ClusterView;

use super::measure::{self, Spread};
use super::peer::{Program, rcluster};
use super::table::{Unit, alone};

pub fn run() {
    let start = |program: &Program| {
        let run = || measure::run(program, &["--version".to_owned()]).time.as_secs_f64();
        Spread::of((0..50).map(|_| run())).median
    };
    let nothing = start(&vec!["true".into()]);
    alone("rcluster --version", Unit::Milliseconds, start(&rcluster()), Some(nothing), 2e-3);

    let size = std::fs::metadata(&rcluster()[0]).expect("the binary is there").len();
    alone("size of the binary", Unit::Megabytes, size as f64, None, 7e6);

    let text = nodes_text(1000);
    let via = "127.0.0.1:7000".parse().expect("an address");
    let parse = || {
        let begun = Instant::now();
        let view = ClusterView::parse(black_box(&text), &via).expect("a view");
        let time = begun.elapsed();
        assert_eq!(black_box(&view).nodes().len(), 1000);
        time.as_secs_f64()
    };
    let parsing = Spread::of((0..50).map(|_| parse())).median;
    alone("parse a 1000-node view", Unit::Milliseconds, parsing, None, 5e-3);
}

/// A cluster of masters, each with one replica and with its slots in several ranges.
fn nodes_text(count: usize) -> String {
    let masters = count / 2;
    let line = |index: usize| {
        let port = 7000 + index;
        let place = format!("{index:040x} 10.0.0.1:{port}@{}", port + 10_000);
        if index >= masters {
            return format!(
                "{place} slave {:040x} 0 1700000000000 {index} connected\n",
                index - masters
            );
        }
        let flags = if index == 0 { "myself,master" } else { "master" };
        let slots =
            (index..16_384).step_by(masters).map(|slot| format!(" {slot}")).collect::<String>();
        format!("{place} {flags} - 0 1700000000000 {index} connected{slots}\n")
    };
    (0..count).map(line).collect()
}
