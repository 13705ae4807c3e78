//! How servers are reached: names, logins, TLS.

use super::*;

#[test]
fn connection_options_are_passed_on() {
    says(&[
        ("redis-cli -a pw --cluster check a:1", "check a:1"),
        ("redis-cli --pass pw --user u --cluster check a:1", "check a:1 --user u"),
        ("redis-cli --user -u --pass x --cluster check a:1", "check a:1 --user=-u"),
        ("redis-cli --askpass --cluster check a:1", "check a:1 --askpass"),
        ("redis-cli -4 --cluster check a:1", "check a:1 --ipv4"),
        ("redis-cli -6 --cluster check a:1", "check a:1 --ipv6"),
        ("redis-cli -t 2.5 --cluster check a:1", "check a:1 --connect-timeout 2.5"),
        (
            "redis-cli --tls --sni n --cacert ca --cert c --key k --insecure --cluster check a:1",
            "check a:1 --tls --sni n --cacert ca --cert c --key k --insecure",
        ),
        // Without --tls they change nothing, and rcluster would refuse them.
        (
            "redis-cli --sni n --cacert ca --cacertdir d --tls-ciphers x --insecure --cluster check a:1",
            "check a:1",
        ),
        // In front of the command for the servers, for all behind it is theirs.
        (
            "valkey-cli --cluster call a:1 get x --tls --user u --cluster-only-replicas",
            "call a:1 --only replicas --user u --tls get x",
        ),
    ]);
    warns(&[
        ("redis-cli -t 0 --cluster check a:1", "-t is left out"),
        ("redis-cli --tls --cacertdir d --cluster check a:1", "--cacertdir is left out"),
        ("redis-cli --tls --tls-ciphers x --cluster check a:1", "--tls-ciphers is left out"),
        ("redis-cli --tls --tls-ciphersuites x --cluster check a:1", "--tls-ciphersuites is"),
        ("valkey-cli --mptcp --cluster check a:1", "--mptcp is left out"),
        ("valkey-cli --rdma --cluster check a:1", "--rdma is left out"),
    ]);
    fails(&[
        ("redis-cli -4 -6 --cluster check a:1", "-4 and -6 exclude each other"),
        ("redis-cli -s /tmp/s --cluster check a:1", "-s is not possible"),
        ("redis-cli -t soon --cluster check a:1", "-t needs seconds"),
        ("redis-cli -t -1 --cluster check a:1", "-t needs seconds"),
        ("redis-cli --cluster check a:1 -a", "-a needs a value"),
        ("redis-cli --cluster check a:1 --cacert", "--cacert needs a value"),
    ]);
}

#[test]
fn passwords_go_to_the_environment() {
    let env = |old: &str| translated(old).unwrap().env;
    let cluster = |pass: &str| vec![("REDISCLI_AUTH", pass.to_owned())];
    for (old, pass) in [
        ("redis-cli -a pw --cluster check a:1", "pw"),
        ("redis-cli --cluster check a:1 --pass --pw", "--pw"),
        ("redis-cli -a old -a new --cluster check a:1", "new"),
        ("redis-cli -a old -u redis://new@a --cluster check a:1", "new"),
        ("redis-cli -u redis://u:p%40%3a@a --cluster check a:1", "p@:"),
        ("redis-cli -u redis://u:p@:/@a --cluster check a:1", "p@:/"),
        ("redis-cli -a pw --cluster import a:1 --cluster-from b:1", "pw"),
        ("redis-cli -a pw --cluster check a:1 --cluster-from-pass other", "pw"),
    ] {
        assert_eq!(env(old), cluster(pass), "{old}");
    }
    let import = "redis-cli --cluster import a:1 --cluster-from b:1 --cluster-from-pass";
    assert_eq!(env(&format!("{import} s")), [("RCLUSTER_FROM_AUTH", "s".to_owned())]);
    assert_eq!(env(&format!("{import} s -a c")).len(), 2);
    assert_eq!(env(&format!("{import} s --cluster-from-askpass")), []);
    assert_eq!(env("redis-cli -a pw --askpass --cluster check a:1"), []);
    assert_eq!(env("redis-cli -u redis://@a:1 -a pw -u redis://:@a:1 --cluster check a:1"), []);
}

#[test]
fn uris_name_node_and_login() {
    says(&[
        ("redis-cli -u redis://a:7001 --cluster check", "check a:7001"),
        ("redis-cli -u redis://a --cluster check", "check a:6379"),
        ("redis-cli -u redis:// -p 7001 --cluster check", "check 127.0.0.1:7001"),
        ("redis-cli -u redis://[::1]:7001/0 --cluster check", "check '[::1]:7001'"),
        ("redis-cli -u redis://u:p@a:7001/3 --cluster check", "check a:7001 --user u"),
        ("redis-cli -u redis://p@a:7001 --cluster check", "check a:7001"),
        ("redis-cli --user u -u redis://:p@a:7001 --cluster check", "check a:7001"),
        ("redis-cli -u rediss://a:7001 --cluster check", "check a:7001 --tls"),
        ("valkey-cli -u VALKEYS://u:p@a:7001 --cluster info", "info a:7001 --user u --tls"),
        ("valkey-cli -u valkey://b:1 --cluster info a:7001", "info a:7001"),
    ]);
    fails(&[
        ("redis-cli -u http://a --cluster check", "-u needs redis://"),
        ("redis-cli -u redis://secret%4@a --cluster check", "-u needs user and password"),
        ("redis-cli -u redis://%ff@a --cluster check", "-u needs user and password in UTF-8"),
        ("redis-cli -u redis://a:x --cluster check", "bad port 'x'"),
    ]);
    let error = translated("redis-cli -u redis://secret%4@a --cluster check").unwrap_err();
    assert!(!format!("{error} {error:?}").contains("secret"));
}
