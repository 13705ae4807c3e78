//! `watch` on a screen, a tick a second: how busy it keeps a core, and its memory. redis-cli has
//! nothing like it.

use std::fs::read_to_string;
use std::time::{Duration, Instant};

use super::support::{Screen, TestCluster, has_tmux};
use super::table::{Unit, alone};

const MEASURED: Duration = Duration::from_secs(20);

/// The system counts CPU time in these (USER_HZ).
const PER_SECOND: f64 = 100.0;

const SCRIPT: &str = "echo $$ > $DIR/pid; exec $RCLUSTER watch ENTRY";

pub fn run(nodes: usize) {
    if !has_tmux() {
        return;
    }
    let cluster = TestCluster::formed(nodes, 1);
    let screen = Screen::start(120, 40, &SCRIPT.replace("ENTRY", &cluster.addr(0)));
    screen.shows("no problems");
    let process = read_to_string(screen.file("pid")).expect("the script has written it");
    let about = |file: &str| {
        read_to_string(format!("/proc/{}/{file}", process.trim())).expect("watch still runs")
    };
    // The first fields are its number, its name in brackets and its state.
    let cpu = || {
        let stat = about("stat");
        let fields = stat.rsplit(") ").next().unwrap_or("").split(' ').skip(11).take(2);
        fields.map(|ticks| ticks.parse::<f64>().expect("a number")).sum::<f64>() / PER_SECOND
    };
    let (begun, before) = (Instant::now(), cpu());
    std::thread::sleep(MEASURED);
    let share = (cpu() - before) / begun.elapsed().as_secs_f64();
    let status = about("status");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("its peak");
    let peak: f64 = peak.trim().trim_end_matches(" kB").parse().expect("a number");
    alone(&format!("watch {nodes} nodes, of a core"), Unit::Percent, share, None, 0.05);
    alone(&format!("watch {nodes} nodes, memory"), Unit::Megabytes, peak * 1024.0, None, 30e6);
}
