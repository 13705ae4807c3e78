//! What a file may say, and what is wrong in one.

use proptest::proptest;

use crate::model::NodeAddr;
use crate::plan::layout::{NodeLocation, Wishes, plan};
use crate::plan::topology::{Mistake, parse, write};

fn nodes(count: usize) -> Vec<NodeAddr> {
    (1..=count).map(|n| format!("10.0.0.{n}:7001").parse().unwrap()).collect()
}

fn mistakes(text: &str) -> Vec<String> {
    parse(text).unwrap_err().iter().map(Mistake::to_string).collect()
}

#[test]
fn what_is_written_is_read_back_the_same() {
    let nodes = nodes(7);
    let seats: Vec<NodeLocation> = nodes
        .iter()
        .map(|node| NodeLocation { host: node.host().to_owned(), zone: None })
        .collect();
    let planned = plan(&seats, &Wishes { replicas: 1, ..Wishes::default() }).unwrap();
    let text = write(&planned, &nodes);
    let read = parse(&text).unwrap().place(&nodes, &seats).unwrap();
    assert_eq!(read.shards, planned.shards, "{text}");
    assert_eq!(read.score, planned.score);
}

#[test]
fn every_error_names_its_line_and_column() {
    let shard = |master: &str, slots: &str| {
        format!("[[shard]]\nmaster = \"{master}\"\nslots = \"{slots}\"\n")
    };
    let one = shard("10.0.0.1:7001", "0-8000");
    let cases = [
        (
            one.clone() + &shard("10.0.0.2:7001", "8000-16383"),
            "6:9: slot 8000 given to 10.0.0.1:7001 on line 3 already",
        ),
        (
            one.clone() + &shard("10.0.0.2:7001", "8001-16000"),
            "1:1: slots 16001-16383 given to no shard",
        ),
        (
            one.clone() + &shard("10.0.0.1:7001", "8001-16383"),
            "5:10: 10.0.0.1:7001 stands on line 2 already",
        ),
        (shard("10.0.0.1", "0-16383"), "2:10: '10.0.0.1' has no port"),
        (shard("10.0.0.1:7001", "0-16384"), "3:9: slot 16384 is out of range"),
        (shard("10.0.0.1:7001", "0-16383,5"), "3:9: slot 5 given twice"),
        ("[[shard]]\nmaster = 5\n".to_owned(), "2:10: master is an integer, not a string"),
        ("[[shard]]\nslaves = []\n".to_owned(), "2:1: unknown key 'slaves'"),
        ("[[shard]]\nslots = \"0-16383\"\n".to_owned(), "1:1: this shard has no master"),
        ("[[shard]\n".to_owned(), "1:9: "),
        (String::new(), "1:1: no nodes"),
        ("[[shard]]\nmaster = \"a:1\"\nweight = -1\n".to_owned(), "3:10: weight -1 is negative"),
        ("[[shard]]\nmaster = \"a:1\"\nweight = 0\n".to_owned(), "3:10: all weights are 0"),
        (one.clone() + "weight = 2\n", "4:10: a weight and slots for one shard: give one of them"),
        (
            shard("a:1", "0-16383") + "[[shard]]\nmaster = \"b:1\"\nweight = 2\n",
            "6:10: a weight means nothing where other shards list their slots",
        ),
        (
            "[cluster]\nnodes = [\"a:1\"]\n".to_owned() + &shard("b:1", "0-16383"),
            "3:1: both nodes and shards",
        ),
        (
            "[cluster]\nreplicas = 1\n".to_owned() + &shard("b:1", "0-16383"),
            "3:1: this shard lists 0 replicas, [cluster] asks for 1",
        ),
        (
            "[cluster]\nnodes = [\"a:1\"]\nreplicas = 1\n".to_owned(),
            "2:9: 1 nodes are too few for 1 replicas",
        ),
        (shard("a:1", "0-16383") + "[zones]\nb = \"x\"\n", "5:1: 'b' is no host or address"),
        (
            shard("a:1", "0-16383") + "[settings]\nport = 1\n",
            "5:1: 'port' is not the same on every node",
        ),
        (shard("a:1", "0-16383") + "[settings]\nx = [1]\n", "5:5: x is an array, not a string"),
    ];
    for (text, says) in cases {
        let found = mistakes(&text);
        assert!(found.iter().any(|found| found.starts_with(says)), "{text}: {found:?}");
    }
}

#[test]
fn all_errors_come_at_once_in_their_order() {
    let text = "[cluster]\nreplicas = -1\ncolor = 1\n[[shard]]\nmaster = \"a:1\"\n\
                replicas = [\"a:1\", \"b\"]\nslots = \"0-5\"\n[[shard]]\nmaster = \"c:1\"\n\
                slots = \"5-16000\"\n[setings]\n";
    assert_eq!(
        mistakes(text),
        [
            "2:12: replicas is -1: a whole number from 0 up",
            "3:1: unknown key 'color': [cluster] has nodes, replicas",
            "4:1: slots 16001-16383 given to no shard",
            "6:13: a:1 stands on line 5 already",
            "6:20: 'b' has no port: write host:port, like 127.0.0.1:7001 or [::1]:7001",
            "10:9: slot 5 given to a:1 on line 7 already",
            "11:2: unknown key 'setings': the file has cluster, shard, zones, settings",
        ]
    );
}

#[test]
fn a_file_is_read() {
    let text = "[cluster]\nreplicas = 1\nnodes = [\"10.0.0.1:7001\", \"10.0.0.2:7001@7\"]\n\
                [zones]\n\"10.0.0.1\" = \"a\"\n\"10.0.0.2:7001\" = \"b\"\n[settings]\n\
                Cluster-Node-Timeout = 5000\nappendonly = true\nsave = \"\"\n";
    let read = parse(text).unwrap();
    let addrs = read.addrs();
    assert_eq!(addrs[1].bus_port(), Some(7));
    assert_eq!(read.zone(&addrs[0]).as_deref(), Some("a"));
    assert_eq!(read.zone(&addrs[1]).as_deref(), Some("b"));
    let settings = read.settings.iter().map(|s| (s.name.value.as_str(), s.value.as_str()));
    let settings: Vec<_> = settings.collect();
    assert_eq!(settings, [("cluster-node-timeout", "5000"), ("appendonly", "yes"), ("save", "")]);
}

#[test]
fn nodes_and_layout_have_to_fit() {
    let text = "[[shard]]\nmaster = \"10.0.0.1:7001\"\nslots = \"0-16383\"\nreplicas = [\"10.0.0.2:7001\"]\n";
    let file = parse(text).unwrap();
    let place = |count: usize| {
        let nodes = nodes(count);
        let seats = vec![NodeLocation::default(); count];
        file.place(&nodes, &seats).map(|_| ()).map_err(|error| error.to_string())
    };
    assert_eq!(place(2), Ok(()));
    assert_eq!(
        place(1),
        Err("4:13: 10.0.0.2:7001 is none of the nodes that were named".to_owned())
    );
    assert_eq!(place(3), Err("10.0.0.3:7001 was named but has no place in the layout".to_owned()));
}

proptest! {
    /// Texts that are nearly right, and any other: nothing panics.
    #[test]
    fn any_text_is_read_or_refused(text in "(\\[\\[(shards?|masters?)\\]\\]\n|[a-z]{1,8} = (\"\\PC{0,12}\"|[0-9]{1,6}|\\[.{0,8}\\])\n){0,6}|\\PC*") {
        let _ = parse(&text);
    }
}
