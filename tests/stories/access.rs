//! Credentials and TLS: every node is reached as the user says, and no password is ever shown.

use std::path::{Path, PathBuf};

use rcluster::model::Slot;

use crate::support::data::{assert_same, contents, fill, owner};
use crate::support::{Run, Server, TestCluster, rcluster, rcluster_at_terminal, rcluster_with};

const PASSWORD: &str = "s3cret-hunter2";

/// Servers that want a password.
fn guarded() -> TestCluster {
    let cluster = TestCluster::start(3);
    cluster.tell_all(&["CONFIG", "SET", "masterauth", PASSWORD]);
    cluster.tell_all(&["CONFIG", "SET", "requirepass", PASSWORD]);
    cluster
}

fn args(cluster: &TestCluster, more: &[&str]) -> Vec<String> {
    let all = ["create".to_owned()]
        .into_iter()
        .chain(cluster.nodes.iter().map(|node| node.addr().to_string()));
    all.chain(["--yes".to_owned()]).chain(more.iter().map(|word| (*word).to_owned())).collect()
}

fn run(args: &[String], password: Option<&str>) -> Run {
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    rcluster_with(&args, |command| {
        command.envs(password.map(|password| ("REDISCLI_AUTH", password)));
    })
}

#[test]
fn without_the_password_nothing_happens() {
    let cluster = guarded();
    run(&args(&cluster, &[]), None).exits(3).tells(&["NOAUTH", "REDISCLI_AUTH"]);
}

#[test]
fn a_wrong_password_is_told_from_a_missing_one_and_never_shown() {
    let cluster = guarded();
    let failed =
        run(&args(&cluster, &["--json"]), Some("wr0ng-pass")).exits(3).tells(&["WRONGPASS"]);
    assert!(!failed.err.contains("wr0ng-pass") && !failed.out.contains("wr0ng-pass"), "{failed:?}");
}

#[test]
fn words_of_a_server_that_repeat_the_password_are_not_shown() {
    let cluster = TestCluster::start_as(1, &Server::with(&["rename-command AUTH \"\""]));
    let check = |addr: &str| {
        let args = ["check", addr, "--json", "--timeout", "2s"];
        rcluster_with(&args, |command| {
            command.env("REDISCLI_AUTH", PASSWORD);
        })
    };
    let refused = check(&cluster.addr(0)).exits(3).tells(&["unknown command"]);
    assert!(!refused.err.contains(PASSWORD) && !refused.out.contains(PASSWORD), "{refused:?}");

    // A service that says back what it hears.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut from, mut to) = (stream.as_ref().unwrap(), stream.as_ref().unwrap());
            let _ = std::io::Write::write_all(&mut to, b"echo: ");
            let _ = std::io::copy(&mut from, &mut to);
        }
    });
    let echoed = check(&addr).exits(3).tells(&["no Redis or Valkey server", "echo:"]);
    assert!(!echoed.err.contains(PASSWORD) && !echoed.out.contains(PASSWORD), "{echoed:?}");
}

#[test]
fn passwords_are_asked_for_on_the_terminal() {
    let guarded = guarded();
    run(&args(&guarded, &[]), Some(PASSWORD)).succeeds();
    let addr = guarded.addr(0);
    let check = ["check", &addr, "--askpass", "--wait", "20s"];
    let prompt = "Password: ";
    let asked = rcluster_at_terminal(&check, prompt, PASSWORD).succeeds();
    assert!(asked.out.contains(prompt) && asked.out.contains("healthy"), "{asked:?}");
    let wrong = rcluster_at_terminal(&check, prompt, "wr0ng-pass").exits(3);
    assert!(wrong.out.contains("WRONGPASS"), "{wrong:?}");

    let open = TestCluster::formed(3, 0);
    let entry = open.addr(0);
    let import = ["import", &entry, "--from", &addr, "--from-askpass", "--yes"];
    rcluster(&import[..4]).exits(3).tells(&["NOAUTH", "--from-"]);
    rcluster_at_terminal(&import, prompt, PASSWORD).succeeds();

    // A session of its own has no terminal.
    let mut alone = std::process::Command::new("setsid");
    alone.args(["-w", env!("CARGO_BIN_EXE_rcluster")]).args(check);
    let refused = alone.output().unwrap();
    let told = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(2), "{told}");
    assert!(told.contains("cannot ask") && told.contains("--password-file"), "{told}");
}

#[test]
fn the_password_comes_from_the_environment_or_a_file() {
    let cluster = guarded();
    let formed = run(&args(&cluster, &["--json", "--progress", "json"]), Some(PASSWORD)).succeeds();
    assert!(!formed.err.contains(PASSWORD) && !formed.out.contains(PASSWORD), "{formed:?}");

    let file = cluster.dir().join("password");
    std::fs::write(&file, format!("{PASSWORD}\n")).unwrap();
    let addr = cluster.nodes[0].addr().to_string();
    rcluster(&["check", &addr, "--password-file", file.to_str().unwrap()]).succeeds();
    rcluster(&["check", &addr, "--password-file", "/no/such/file"])
        .exits(2)
        .tells(&["/no/such/file"]);
}

#[test]
fn a_remedy_reaches_the_servers_as_the_run_did_that_names_it() {
    let cluster = guarded();
    run(&args(&cluster, &[]), Some(PASSWORD)).succeeds();
    let entry = cluster.addr(0);
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    run(&words(&["delslots", &entry, "5", "--yes"]), Some(PASSWORD)).succeeds();

    let asked = ["check", &entry, "--user", "default", "--timeout", "7s", "--json"];
    let fix =
        run(&words(&asked), Some(PASSWORD)).exits(1).problem("slots-uncovered")["fix"].clone();

    let fix = fix.as_str().unwrap();
    assert_eq!(fix, format!("rcluster --user default --timeout 7s addslots {entry} 5"));
    let program = Path::new(env!("CARGO_BIN_EXE_rcluster")).parent().unwrap();
    let pasted = std::process::Command::new("/bin/sh")
        .args(["-c", fix])
        .env("PATH", program)
        .env("REDISCLI_AUTH", PASSWORD)
        .output()
        .unwrap();
    assert!(pasted.status.success(), "{pasted:?}");
    run(&words(&["check", &entry, "--wait", "10s"]), Some(PASSWORD)).succeeds();
}

#[test]
fn a_password_for_servers_that_want_none_does_no_harm() {
    let cluster = TestCluster::start(3);
    run(&args(&cluster, &[]), Some(PASSWORD)).succeeds();
}

#[test]
fn a_user_without_the_rights_is_refused_with_the_servers_words() {
    let cluster = TestCluster::start(3);
    cluster.tell_all(&["ACL", "SETUSER", "reader", "on", &format!(">{PASSWORD}"), "~*", "+get"]);
    let before = cluster.facts();
    run(&args(&cluster, &["--user", "reader"]), Some(PASSWORD)).exits(3).tells(&["NOPERM"]);
    rcluster(&["check", &cluster.addr(0), "--user", "reader"])
        .exits(3)
        .tells(&["WRONGPASS", "REDISCLI_AUTH"]);
    assert_eq!(cluster.facts(), before);
}

#[test]
fn a_user_without_password_logs_in_and_has_its_keys_moved() {
    let cluster = TestCluster::start(3);
    cluster.tell_all(&["ACL", "SETUSER", "ann", "on", "nopass", "~*", "&*", "+@all"]);
    cluster.tell_all(&["ACL", "SETUSER", "bob", "on", ">", "~*", "&*", "+@all"]);
    run(&args(&cluster, &["--user", "ann"]), None).succeeds();
    fill(&cluster, 100);
    let before = contents(&cluster);
    // From here on nobody else may do anything.
    let (first, last) = (cluster.addr(0), cluster.addr(2));
    let connections: Vec<_> = (0..3).map(|node| cluster.connect(node)).collect();
    cluster.tell_all(&["ACL", "SETUSER", "default", "off"]);

    let args = ["reshard", &first, "--to", &last, "--slots", "0-999", "--yes", "--json"];
    let as_user = |user: &str, password: Option<&str>| {
        rcluster_with(&[&args[..], &["--user", user]].concat(), |command| {
            command.envs(password.map(|password| ("REDISCLI_AUTH", password)));
        })
    };
    assert_eq!(as_user("ann", None).succeeds().json()["moved_count"], 1000);
    // An empty password is one: given in the environment, or in an empty file.
    as_user("bob", Some("")).succeeds();
    let file = cluster.dir().join("empty");
    std::fs::write(&file, "\n").unwrap();
    let check = ["check", &first, "--user", "bob", "--password-file", file.to_str().unwrap()];
    rcluster(&check).succeeds();

    for mut connection in connections {
        redis::cmd("ACL").arg(&["SETUSER", "default", "on"]).exec(&mut connection).unwrap();
    }
    assert_same(&before, &contents(&cluster));
}

#[test]
fn the_script_of_a_dry_run_shows_no_password() {
    let cluster = guarded();
    let shown =
        run(&args(&cluster, &["--dry-run", "--format", "script"]), Some(PASSWORD)).succeeds();
    assert!(shown.out.contains("CLUSTER MEET") && !shown.out.contains(PASSWORD), "{}", shown.out);
}

/// A certificate authority and a certificate of its own for a server, written as PEM files.
pub struct Authority {
    dir: tempfile::TempDir,
}

impl Authority {
    pub fn new() -> Authority {
        Authority::with_usages(&[])
    }

    /// One whose certificate is fit for servers alone.
    pub fn for_servers_only() -> Authority {
        Authority::with_usages(&[rcgen::ExtendedKeyUsagePurpose::ServerAuth])
    }

    fn with_usages(usages: &[rcgen::ExtendedKeyUsagePurpose]) -> Authority {
        let dir = tempfile::tempdir().unwrap();
        let named = |name: &str, hosts: &[&str]| {
            let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
            let mut params = rcgen::CertificateParams::new(hosts).unwrap();
            params.distinguished_name = rcgen::DistinguishedName::new();
            params.distinguished_name.push(rcgen::DnType::CommonName, name);
            params
        };
        let mut params = named("the authority", &[]);
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let key = rcgen::KeyPair::generate().unwrap();
        let ca = params.self_signed(&key).unwrap();
        let issuer = rcgen::Issuer::new(params, key);
        // Like most, this certificate names no IP: the nodes are told apart by nothing else.
        let mut params = named("a server", &["redis.example.com"]);
        params.extended_key_usages = usages.to_vec();
        let server_key = rcgen::KeyPair::generate().unwrap();
        let server = params.signed_by(&server_key, &issuer).unwrap();
        let authority = Authority { dir };
        std::fs::write(authority.file("ca.pem"), ca.pem()).unwrap();
        std::fs::write(authority.file("server.pem"), server.pem()).unwrap();
        std::fs::write(authority.file("server.key"), server_key.serialize_pem()).unwrap();
        authority
    }

    fn file(&self, name: &str) -> PathBuf {
        Path::join(self.dir.path(), name)
    }

    pub fn path(&self, name: &str) -> String {
        self.file(name).to_str().unwrap().to_owned()
    }
}

/// Three servers that speak TLS to clients and to each other, and their TLS addresses.
fn tls_servers(authority: &Authority) -> (TestCluster, Vec<String>) {
    several_tls_servers(authority, 3)
}

/// The same, as many as are asked for.
pub fn several_tls_servers(authority: &Authority, count: usize) -> (TestCluster, Vec<String>) {
    let mut cluster = TestCluster::start(0);
    let mut addrs = Vec::new();
    for _ in 0..count {
        let port = crate::support::Port::take();
        let settings = vec![
            format!("tls-port {}", port.number),
            "tls-cluster yes".to_owned(),
            "tls-replication yes".to_owned(),
            format!("tls-ca-cert-file {}", authority.path("ca.pem")),
            format!("tls-cert-file {}", authority.path("server.pem")),
            format!("tls-key-file {}", authority.path("server.key")),
        ];
        // Of the packaged servers this is the one that is built with TLS.
        let one = TestCluster::start_as(
            1,
            &Server { name: "redis-7.0".to_owned(), settings, ..Server::default() },
        );
        addrs.push(format!("127.0.0.1:{}", port.number));
        cluster.adopt(one);
        cluster.keep(port);
    }
    (cluster, addrs)
}

#[test]
fn a_cluster_is_formed_and_its_slots_move_over_tls() {
    let authority = Authority::new();
    let (cluster, addrs) = tls_servers(&authority);
    let (ca, cert, key) =
        (authority.path("ca.pem"), authority.path("server.pem"), authority.path("server.key"));
    let over_tls = |words: &[&str]| {
        let tls = ["--tls", "--cacert", &ca, "--cert", &cert, "--key", &key];
        rcluster(&[words, &tls].concat())
    };

    over_tls(&["create", &addrs[0], &addrs[1], &addrs[2], "--yes"]).succeeds();

    over_tls(&["check", &addrs[1], "--wait", "10s", "--sni", "redis.example.com"]).succeeds();
    fill(&cluster, 300);
    let before = contents(&cluster);
    let moved =
        over_tls(&["reshard", &addrs[0], "--to", &addrs[2], "--slots", "0-999", "--yes", "--json"]);
    assert_eq!(moved.succeeds().json()["moved_count"], 1000);
    assert_same(&before, &contents(&cluster));
    assert_eq!(owner(&cluster, Slot::new(0).unwrap()), 2);
}

#[test]
fn a_plain_client_moves_slots_of_servers_that_talk_tls_to_each_other() {
    let authority = Authority::new();
    let (cluster, addrs) = tls_servers(&authority);
    let (ca, cert, key) =
        (authority.path("ca.pem"), authority.path("server.pem"), authority.path("server.key"));
    let tls = ["--tls", "--cacert", &ca, "--cert", &cert, "--key", &key];
    let create = ["create", &addrs[0], &addrs[1], &addrs[2], "--yes"];
    rcluster(&[&create[..], &tls].concat()).succeeds();
    fill(&cluster, 1000);
    let before = contents(&cluster);
    let plain = cluster.addrs();

    let (entry, to) = (&plain[0], &plain[2]);
    rcluster(&["reshard", entry, "--to", to, "--slots", "0-999", "--yes"]).succeeds();

    assert_same(&before, &contents(&cluster));
    assert_eq!(owner(&cluster, Slot::new(0).unwrap()), 2);
}

#[test]
fn a_source_has_a_password_and_tls_of_its_own() {
    let authority = Authority::new();
    let (source, addrs) = several_tls_servers(&authority, 1);
    // The same version at both ends, whichever is under test: what is imported is not the point.
    let like_it = Server { name: "redis-7.0".to_owned(), ..Server::default() };
    let cluster = TestCluster::start_as(3, &like_it);
    cluster.create(0).succeeds();
    source.tell(0, &["CLUSTER", "ADDSLOTSRANGE", "0", "16383"]);
    crate::support::eventually("it serves", || {
        source.ask::<String>(0, &["CLUSTER", "INFO"]).contains("cluster_state:ok")
    });
    fill(&source, 50);
    let before = contents(&source);
    let file = |name: &str, text: &str| {
        let path = cluster.dir().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (right, wrong) = (file("right", &format!("{PASSWORD}\n")), file("wrong", "wr0ng-pass\n"));
    source.tell(0, &["CONFIG", "SET", "requirepass", PASSWORD]);

    let path = |name: &str| authority.path(name);
    let (ca, cert, key) = (path("ca.pem"), path("server.pem"), path("server.key"));
    let entry = cluster.addr(0);
    let import = |more: &[&str]| {
        let import = ["import", &entry, "--from", &addrs[0], "--copy", "--yes"];
        rcluster(&[&import[..], &["--from-cert", &cert, "--from-key", &key], more].concat())
    };
    let password = ["--from-password-file", &right];
    import(&[&["--from-cacert", &ca][..], &password].concat()).exits(2).tells(&["need --from-tls"]);
    import(&[&["--from-tls"][..], &password].concat()).exits(3).tells(&["TLS failed", &addrs[0]]);
    let over_tls = ["--from-tls", "--from-cacert", &ca, "--from-password-file"];
    import(&[&over_tls[..], &[&wrong]].concat()).exits(3).tells(&["WRONGPASS"]);
    import(&[&over_tls[..], &[&right]].concat()).succeeds();
    assert_same(&before, &contents(&cluster));
}

#[test]
fn tls_failures_are_told_from_each_other() {
    let authority = Authority::new();
    let stranger = Authority::new();
    let (cluster, addrs) = tls_servers(&authority);
    let (ca, other) = (authority.path("ca.pem"), stranger.path("ca.pem"));
    let (cert, key) = (authority.path("server.pem"), authority.path("server.key"));
    let check = |more: &[&str]| {
        let mut args = vec!["check", &addrs[0], "--tls", "--cert", &cert, "--key", &key];
        args.extend(more);
        rcluster(&args)
    };
    check(&["--cacert", &other]).exits(3).tells(&[&addrs[0], "TLS failed"]);
    check(&["--cacert", &ca, "--sni", "other.example.com"])
        .exits(3)
        .tells(&["TLS failed", "other.example.com"]);
    // Not yet formed, but reached: that is problem enough.
    check(&["--insecure"]).exits(1);
    check(&["--cacert", &ca]).exits(1);
    check(&["--cacert", "/no/such/ca.pem"]).exits(2).tells(&["/no/such/ca.pem"]);
    // Plain where TLS is spoken, TLS where it is not.
    rcluster(&["check", &addrs[0], "--timeout", "2s"]).exits(3).tells(&[&addrs[0], "--tls"]);
    let plain = cluster.addr(0);
    rcluster(&["check", &plain, "--tls", "--insecure"]).exits(3).tells(&[&plain, "TLS failed"]);
    rcluster(&["check", &plain, "--insecure"]).exits(2).tells(&["need --tls"]);
}

#[test]
fn what_of_a_certificate_is_checked_is_the_users_choice() {
    let authority = Authority::new();
    let (_cluster, addrs) = tls_servers(&authority);
    let ca = authority.path("ca.pem");
    let (cert, key) = (authority.path("server.pem"), authority.path("server.key"));
    let by_name = addrs[0].replace("127.0.0.1", "localhost");
    let check = |addr: &str, more: &[&str]| {
        let args = ["check", addr, "--tls", "--cert", &cert, "--key", &key];
        rcluster(&[&args[..], more].concat())
    };
    let own = ["--cacert", &ca];

    // The certificate holds redis.example.com alone. Reached means: not formed yet, exit 1.
    check(&addrs[0], &own).exits(1);
    check(&by_name, &own).exits(3).tells(&["TLS failed", "localhost", "--tls-verify ca"]);
    check(&by_name, &[&own[..], &["--tls-verify", "ca"]].concat()).exits(1);
    check(&addrs[0], &[&own[..], &["--tls-verify", "full"]].concat())
        .exits(3)
        .tells(&["TLS failed"]);
    check(&addrs[0], &[&own[..], &["--tls-verify", "full", "--sni", "redis.example.com"]].concat())
        .exits(1);
    for none in [&["--tls-verify", "none"][..], &["--insecure"]] {
        let run = check(&by_name, none).exits(1).tells(&["no certificate is verified"]);
        assert_eq!(run.err.matches("warning:").count(), 1, "{}", run.err);
    }
    check(&addrs[0], &["--insecure", "--tls-verify", "ca"]).exits(2);

    // The system's bundle, which knows nothing of this authority.
    let system = |more: &[&str], bundle: &str| {
        let args = ["check", &addrs[0], "--tls", "--cert", &cert, "--key", &key];
        rcluster_with(&[&args[..], more].concat(), |command| {
            command.env("SSL_CERT_FILE", bundle);
        })
    };
    let names = "names are not verified";
    system(&["--tls-verify", "ca"], &ca).exits(1).tells(&[names]);
    let full = system(&[], &ca).exits(3).tells(&["TLS failed"]);
    assert!(!full.err.contains(names), "{}", full.err);
}

#[test]
fn nodes_that_differ_in_tls_on_the_bus_are_not_introduced() {
    let authority = Authority::new();
    let (cluster, addrs) = tls_servers(&authority);
    cluster.tell(2, &["CONFIG", "SET", "tls-cluster", "no"]);
    let plain = TestCluster::start(1);
    let nodes = cluster.addrs();
    let before = cluster.facts();

    let differ = ["tls-cluster is yes on", "no on", &nodes[2], "CONFIG SET tls-cluster"];
    rcluster(&["create", &nodes[0], &nodes[1], &nodes[2], "--yes"]).exits(1).tells(&differ);
    rcluster(&["meet", &nodes[0], &nodes[2]]).exits(1).tells(&differ);
    rcluster(&["add-node", &plain.addr(0), &nodes[0], "--yes"])
        .exits(1)
        .tells(&["tls-cluster is yes on", &plain.addr(0)]);

    assert_eq!(cluster.facts(), before);
    assert_eq!(addrs.len(), 3);
}

#[test]
fn certificates_that_keep_buses_apart_are_named_as_a_cause() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let (mut cluster, _) = tls_servers(&ours);
    let (strangers, _) = tls_servers(&theirs);
    let last = strangers.addr(0);
    let run = rcluster(&[
        "create",
        &cluster.addr(0),
        &cluster.addr(1),
        &last,
        "--yes",
        "--join-timeout",
        "3s",
    ]);
    run.exits(4).tells(&["tls-cluster is yes", "certificate", &last]);
    cluster.adopt(strangers);
}
