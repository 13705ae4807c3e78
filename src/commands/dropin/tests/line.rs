//! The new line as a whole: for a shell, and for rcluster itself.

use std::os::unix::ffi::OsStringExt;

use clap::Parser;

use super::*;
use crate::commands::cli::Cli;

#[test]
fn lines_can_be_pasted_into_a_shell() {
    let args = ["--cluster", "call", "a:1", "set", "it's", "a $b", "", "two\nlines\\", "é"];
    let mut args: Vec<OsString> = args.map(OsString::from).to_vec();
    args.push(OsString::from_vec(b"\xff'".to_vec()));
    args.extend(words("-a secret"));
    let translation = translate("redis-cli", &args).unwrap();
    assert_eq!(
        translation.line(),
        r#"REDISCLI_AUTH=*** rcluster call a:1 set 'it'\''s' 'a $b' '' $'two\x0alines\\' 'é' $'\xff\''"#
    );
    assert_eq!(translation.args[2..], args[3..10], "the bytes themselves are kept");
    assert!(!format!("{translation:?}").contains("secret"));
    let old = "redis-cli -a pw --tls --cluster check 127.0.0.1:7001";
    assert_eq!(
        translated(old).unwrap().line(),
        "REDISCLI_AUTH=*** rcluster check 127.0.0.1:7001 --tls"
    );
}

#[test]
fn bytes_that_are_no_text_are_refused_where_text_is_needed() {
    let bytes = OsString::from_vec(b"s3cret\xff".to_vec());
    for option in ["-a", "-u", "-p", "--cluster-to"] {
        let mut args = words("--cluster reshard a:1");
        args.extend([option.into(), bytes.clone()]);
        let error = translate("redis-cli", &args).unwrap_err().to_string();
        assert!(error.starts_with(option), "{error}");
        assert!(option == "-p" || !error.contains("s3cret"), "{error}");
    }
    let error = translate("redis-cli", &[words("--cluster check"), vec![bytes]].concat());
    assert!(matches!(error, Err(DropinError::BadNode(_))));
}

/// What exists of rcluster's commands takes every translation.
#[test]
fn translations_are_lines_that_rcluster_takes() {
    let connection = "--tls --sni n --cacert ca --cert c --key k --insecure --user -u -a pw -t 2.5";
    for old in [
        "redis-cli --cluster create a:1 b:2 [::1]:3 --cluster-replicas 1 --cluster-yes",
        "redis-cli --cluster check ::1 7001",
        "redis-cli --cluster info a:1@2",
        "redis-cli --cluster fix a:1 --cluster-fix-with-unreachable-masters --cluster-timeout 60000",
        "redis-cli --cluster reshard a:1 --cluster-from A,B --cluster-to A --cluster-slots 16384",
        "redis-cli --cluster reshard a:1 --cluster-from all --cluster-to A --cluster-slots 1 --cluster-yes --cluster-replace --cluster-timeout 1",
        "redis-cli --cluster rebalance a:1 --cluster-weight a1=0 b2=1.5 --cluster-use-empty-masters --cluster-threshold 0 --cluster-simulate --cluster-replace",
        "redis-cli --cluster add-node n:1 a:1 --cluster-slave --cluster-master-id A",
        "redis-cli --cluster add-node n:1 a:1 --cluster-slave",
        "redis-cli --cluster add-node n:1 a:1",
        "redis-cli --cluster del-node a:1 A",
    ] {
        let translation = translated(&format!("{old} {connection}")).unwrap();
        let line = [vec!["rcluster".into()], translation.args].concat();
        if let Err(error) = Cli::try_parse_from(line) {
            panic!("{old}: {error}");
        }
    }
    let mut asked = translated("redis-cli --cluster reshard a:1").unwrap();
    for (ask, answer) in asked.asks.iter().zip(["5", A, "all"]) {
        asked.args.extend([ask.option().0.into(), answer.into()]);
    }
    assert!(Cli::try_parse_from([vec!["rcluster".into()], asked.args].concat()).is_ok());
}
