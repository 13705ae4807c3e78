//! Every subcommand with its options, and redis-trib's.

use super::*;

#[test]
fn every_subcommand_is_known() {
    says(&[
        (
            "redis-cli --cluster create 10.0.0.1:7001 n2:7001 [::1]:7001 --cluster-replicas 1",
            "create 10.0.0.1:7001 n2:7001 '[::1]:7001' --replicas 1",
        ),
        ("redis-cli --cluster create a:1 b:2 c:3 --cluster-yes", "create a:1 b:2 c:3 --yes"),
        ("redis-cli --cluster check a:1", "check a:1"),
        ("redis-cli --cluster info a:1", "info a:1"),
        ("redis-cli --cluster fix a:1", "fix a:1 --yes"),
        ("redis-cli --cluster rebalance a:1", "rebalance a:1 --yes"),
        ("redis-cli --cluster add-node new:1 a:1", "add-node new:1 a:1 --yes"),
        ("redis-cli --cluster del-node a:1 A", "del-node a:1 A --yes"),
        ("redis-cli --cluster call a:1 config get maxmemory", "call a:1 config get maxmemory"),
        ("redis-cli --cluster set-timeout a:1 15000", "set-timeout a:1 15000 --yes"),
        ("redis-cli --cluster import a:1 --cluster-from b:2", "import a:1 --from b:2 --yes"),
        ("redis-cli --cluster backup a:1 /var/backup", "backup a:1 /var/backup"),
        ("redis-cli --cluster help", "help"),
        ("redis-cli --cluster help create", "help create"),
        ("redis-cli --cluster help junk", "help"),
    ]);
    let old = "redis-cli --cluster reshard a:1 --cluster-from A,B --cluster-to B --cluster-slots 9";
    says(&[(old, "reshard a:1 --count 9 --to B --from A,B")]);
}

#[test]
fn create_and_fix_and_call_have_their_options() {
    says(&[
        ("redis-cli --cluster create a:1 --cluster-replicas 0", "create a:1 --replicas 0"),
        (
            "redis-cli --cluster fix a:1 --cluster-fix-with-unreachable-masters",
            "fix a:1 --with-unreachable-masters --accept-data-loss --yes",
        ),
        (
            "valkey-cli --cluster fix a:1 --cluster-fix-with-unreachable-primaries",
            "fix a:1 --with-unreachable-masters --accept-data-loss --yes",
        ),
        ("redis-cli --cluster fix a:1 --cluster-timeout 500", "fix a:1 --timeout 500ms --yes"),
        ("redis-cli --cluster fix a:1 --cluster-search-multiple-owners", "fix a:1 --yes"),
        ("redis-cli --cluster check a:1 --cluster-search-multiple-owners", "check a:1"),
        (
            "redis-cli --cluster call a:1 ping --cluster-only-masters",
            "call a:1 --only masters ping",
        ),
        (
            "redis-cli --cluster call a:1 ping --cluster-only-primaries",
            "call a:1 --only masters ping",
        ),
        (
            "redis-cli --cluster call a:1 ping --cluster-only-replicas",
            "call a:1 --only replicas ping",
        ),
    ]);
    warns(&[
        ("redis-cli --cluster fix a:1 --cluster-pipeline 5", "--cluster-pipeline is left out"),
        ("redis-cli --cluster fix a:1 --cluster-replace", "--cluster-replace is left out"),
        ("redis-cli --cluster fix a:1 --cluster-timeout 0", "--cluster-timeout is left out"),
    ]);
    fails(&[
        (
            "redis-cli --cluster create a:1 --cluster-replicas one",
            "--cluster-replicas needs a whole",
        ),
        ("redis-cli --cluster create a:1 --cluster-replicas -1", "a whole number, not '-1'"),
        ("redis-cli --cluster create a:1 --cluster-replicas", "--cluster-replicas needs a value"),
        (
            "redis-cli --cluster fix a:1 --cluster-timeout 1s",
            "--cluster-timeout needs milliseconds",
        ),
        (
            "redis-cli --cluster call a:1 ping --cluster-only-masters --cluster-only-replicas",
            "--cluster-only-masters and --cluster-only-replicas exclude each other",
        ),
        // Here too an argument cannot begin with a dash.
        ("redis-cli --cluster call a:1 lrange k 0 -1", "there is no option '-1'"),
        ("redis-cli -x --cluster call a:1 echo", "-x is not possible"),
        ("redis-cli -X tag --cluster call a:1 echo tag", "-X is not possible"),
    ]);
}

#[test]
fn reshard_and_rebalance_have_their_options() {
    let reshard =
        "redis-cli --cluster reshard a:1 --cluster-from all --cluster-to B --cluster-slots 9";
    for (more, new) in [
        ("", ""),
        ("--cluster-yes", " --yes"),
        ("--cluster-timeout 60000", " --timeout 60000ms"),
        ("--cluster-replace", " --replace"),
        ("--cluster-use-atomic-slot-migration", ""),
        ("--cluster-from A,all", ""),
        ("--cluster-to A --cluster-to B", ""),
    ] {
        let new = format!("reshard a:1 --count 9 --to B --from all{new}");
        says(&[(&format!("{reshard} {more}"), &new)]);
    }
    warns(&[(&format!("{reshard} --cluster-pipeline 100"), "--cluster-pipeline is left out")]);
    for (more, why) in [
        ("--cluster-slots x", "--cluster-slots needs a number from 1 to 16384, not 'x'"),
        ("--cluster-slots 16385", "not '16385'"),
        ("--cluster-from ,", "--cluster-from needs ids of masters"),
        ("--cluster-to", "--cluster-to needs a value"),
    ] {
        fails(&[(&format!("{reshard} {more}"), why)]);
    }
    for (more, new) in [
        ("--cluster-weight A=1 b=2.5", "--weight A=1 --weight b=2.5 "),
        ("--cluster-weight -b=2 --cluster-yes", "--weight=-b=2 "),
        ("--cluster-use-empty-masters", "--use-empty-masters "),
        ("--cluster-use-empty-primaries", "--use-empty-masters "),
        ("--cluster-threshold 2.5", "--threshold 2.5 "),
        ("--cluster-replace", "--replace "),
        ("--cluster-timeout 100", "--timeout 100ms "),
        ("--cluster-simulate", "--dry-run "),
        ("--cluster-use-atomic-slot-migration", ""),
    ] {
        let new = format!("rebalance a:1 {new}--yes").replace("A=", &format!("{A}="));
        let old =
            format!("valkey-cli --cluster rebalance a:1 {more}").replace("A=", &format!("{A}="));
        says(&[(&old, &new)]);
    }
    warns(&[
        ("redis-cli --cluster rebalance a:1 --cluster-weight b=1 c", "'c' is left out"),
        ("redis-cli --cluster rebalance a:1 --cluster-pipeline 5", "--cluster-pipeline is"),
        ("redis-cli --cluster rebalance a:1 --verbose", "--verbose is left out"),
    ]);
    fails(&[
        ("redis-cli --cluster rebalance a:1 --cluster-weight b=x", "ID=NUMBER, not 'b=x'"),
        ("redis-cli --cluster rebalance a:1 --cluster-weight =1", "ID=NUMBER, not '=1'"),
        ("redis-cli --cluster rebalance a:1 --cluster-weight b=-1", "ID=NUMBER, not 'b=-1'"),
        ("redis-cli --cluster rebalance a:1 --cluster-weight b", "--cluster-weight needs a value"),
        ("redis-cli --cluster rebalance a:1 --cluster-weight", "--cluster-weight needs a value"),
        (
            "redis-cli --cluster rebalance a:1 --cluster-weight b=1 --cluster-weight c=1",
            "--cluster-weight is given twice",
        ),
        ("redis-cli --cluster rebalance a:1 --cluster-threshold x", "needs a percentage, not 'x'"),
    ]);
}

#[test]
fn what_reshard_is_not_told_it_asks_for_in_order() {
    let asks =
        |old: &str| translated(&format!("redis-cli --cluster reshard a:1 {old}")).unwrap().asks;
    assert_eq!(asks(""), [Ask::Slots, Ask::To, Ask::From]);
    assert_eq!(asks("--cluster-slots 0 --cluster-from all"), [Ask::Slots, Ask::To]);
    assert_eq!(asks("--cluster-from all --cluster-slots 1"), [Ask::To]);
    assert_eq!(asks("--cluster-to A --cluster-slots 1"), [Ask::From]);
    says(&[
        ("redis-cli --cluster reshard a:1", "reshard a:1 --count COUNT --to ID --from IDS"),
        (
            "redis-trib.rb reshard --to A --yes a:1",
            "reshard a:1 --to A --yes --count COUNT --from IDS",
        ),
    ]);
}

#[test]
fn add_node_and_import_have_their_options() {
    says(&[
        (
            "redis-cli --cluster add-node n:1 a:1 --cluster-slave",
            "add-node n:1 a:1 --replica-of auto --yes",
        ),
        (
            "valkey-cli --cluster add-node n:1 a:1 --cluster-replica",
            "add-node n:1 a:1 --replica-of auto --yes",
        ),
        (
            "redis-cli --cluster add-node n:1 a:1 --cluster-slave --cluster-master-id A",
            "add-node n:1 a:1 --replica-of A --yes",
        ),
        (
            "valkey-cli --cluster add-node n:1 a:1 --cluster-replica --cluster-primary-id A",
            "add-node n:1 a:1 --replica-of A --yes",
        ),
        (
            "valkey-cli --cluster add-node n:1 a:1 --cluster-replica --cluster-primaries-id A",
            "add-node n:1 a:1 --replica-of A --yes",
        ),
        (
            "redis-cli --cluster import a:1 --cluster-from b:2 --cluster-copy --cluster-replace",
            "import a:1 --from b:2 --copy --replace --yes",
        ),
        (
            "redis-cli --cluster import a:1 --cluster-from b:2 --cluster-from-user u --cluster-from-pass p",
            "import a:1 --from b:2 --from-user u --yes",
        ),
        (
            "redis-cli --cluster import a:1 --cluster-from b:2 --cluster-from-askpass --cluster-timeout 9",
            "import a:1 --from b:2 --from-askpass --timeout 9ms --yes",
        ),
    ]);
    // redis-cli adds it as a master, and says nothing.
    warns(&[(
        "redis-cli --cluster add-node n:1 a:1 --cluster-master-id A",
        "--cluster-master-id is left out: no option makes the node a replica",
    )]);
    fails(&[
        ("redis-cli --cluster import a:1", "'import' needs its source"),
        ("redis-cli --cluster import a:1 --cluster-from b", "'b' has no port"),
    ]);
}

#[test]
fn redis_trib_is_understood() {
    says(&[
        ("redis-trib.rb create --replicas 1 a:1 b:1 c:1", "create a:1 b:1 c:1 --replicas 1"),
        ("redis-trib.rb CHECK a:1", "check a:1"),
        ("redis-trib info a:1", "info a:1"),
        ("redis-trib.rb fix --timeout 5000 a:1", "fix a:1 --timeout 5000ms --yes"),
        (
            "redis-trib.rb reshard --from A,B --to B --slots 5 --yes --timeout 10 a:1",
            "reshard a:1 --count 5 --to B --from A,B --timeout 10ms --yes",
        ),
        (
            "redis-trib.rb reshard a:1 --from all --to B --slots 5",
            "reshard a:1 --count 5 --to B --from all",
        ),
        (
            "redis-trib.rb rebalance --weight x=1 --weight y=2 --use-empty-masters --timeout 10 --threshold 3 a:1",
            "rebalance a:1 --weight x=1 --weight y=2 --use-empty-masters --threshold 3 --timeout 10ms --yes",
        ),
        ("redis-trib.rb rebalance --simulate a:1", "rebalance a:1 --dry-run --yes"),
        ("redis-trib.rb add-node n:1 a:1", "add-node n:1 a:1 --yes"),
        ("redis-trib.rb add-node --slave n:1 a:1", "add-node n:1 a:1 --replica-of auto --yes"),
        (
            "redis-trib.rb add-node --slave --master-id A n:1 a:1",
            "add-node n:1 a:1 --replica-of A --yes",
        ),
        ("redis-trib.rb del-node a:1 A", "del-node a:1 A --yes"),
        ("redis-trib.rb set-timeout a:1 5000", "set-timeout a:1 5000 --yes"),
        ("redis-trib.rb call a:1 lrange k 0 -1", "call a:1 lrange k 0 -1"),
        ("redis-trib.rb call a:1 config --weird x", "call a:1 config --weird x"),
        (
            "redis-trib.rb import --from b:2 --copy --replace a:1",
            "import a:1 --from b:2 --copy --replace --yes",
        ),
        ("redis-trib.rb check --verbose a:1", "check a:1"),
    ]);
    warns(&[
        ("redis-trib.rb rebalance --auto-weights a:1", "--auto-weights is left out"),
        ("redis-trib.rb rebalance --pipeline 5 a:1", "--pipeline is left out"),
        ("redis-trib.rb add-node --master-id A n:1 a:1", "--master-id is left out"),
    ]);
}
