//! Clusters by name: what a context gives, what counts more, and that a protected one asks for its
//! name.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use crate::access::{Authority, several_tls_servers};
use crate::support::{
    Run, TestCluster, eventually, rcluster, rcluster_at_terminal_with, rcluster_with, server_named,
    server_under_test,
};

const PASSWORD: &str = "p:@s$ w%0rd#";

/// A file of contexts, and runs with it.
struct Config {
    dir: TempDir,
}

impl Config {
    fn new(text: &str) -> Config {
        let config = Config { dir: tempfile::tempdir().unwrap() };
        config.write(text, 0o600);
        config
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("config.toml")
    }

    fn write(&self, text: &str, mode: u32) {
        fs::write(self.path(), text).unwrap();
        fs::set_permissions(self.path(), PermissionsExt::from_mode(mode)).unwrap();
    }

    fn run(&self, line: &str, variables: &[(&str, &str)]) -> Run {
        let words: Vec<&str> = line.split(' ').collect();
        self.run_words(&words, variables)
    }

    fn run_words(&self, words: &[&str], variables: &[(&str, &str)]) -> Run {
        let path = self.path();
        let run = rcluster_with(words, |command| {
            command.env("RCLUSTER_CONFIG", path).envs(variables.iter().copied());
        });
        assert!(!run.out.contains(PASSWORD) && !run.err.contains(PASSWORD), "{words:?}: {run:?}");
        run
    }

    /// What a run would use of an option, and where it is from.
    fn effective(&self, option: &str, flags: &str, variables: &[(&str, &str)]) -> String {
        let run = self.run(&format!("context show prod --effective --json{flags}"), variables);
        let shown = run.succeeds().json();
        let settings = shown["settings"].as_array().unwrap();
        let found = settings.iter().find(|setting| setting["name"] == option);
        found.map_or_else(String::new, |setting| {
            let text = |key: &str| setting[key].as_str().unwrap().to_owned();
            format!("{} ({})", text("value"), text("source"))
        })
    }
}

#[test]
fn a_flag_counts_more_than_the_environment_and_that_more_than_the_context() {
    let config = Config::new(
        "[contexts.prod]\nentries = [\"127.0.0.1:1\"]\nuser = \"ann\"\ntls = true\ntimeout = \"3s\"\n\
         tls_verify = \"ca\"\npassword_command = \"exit 9\"\n",
    );
    let timeout = |flags, variables: &[_]| config.effective("timeout", flags, variables);
    assert_eq!(timeout("", &[]), "3s (context)");
    assert_eq!(timeout("", &[("RCLUSTER_TIMEOUT", "")]), "3s (context)");
    let variable = [("RCLUSTER_TIMEOUT", "7s")];
    assert_eq!(timeout("", &variable), "7s (environment: RCLUSTER_TIMEOUT)");
    assert_eq!(timeout(" --timeout 9s", &variable), "9s (flag)");
    assert_eq!(config.effective("connect-timeout", "", &[]), "5s (default)");
    assert_eq!(config.effective("tls", "", &[]), "yes (context)");
    assert_eq!(config.effective("tls", "", &[("RCLUSTER_TLS", "no")]), "");

    // The command of the context is not run to show this.
    let password = |variables: &[_]| config.effective("password", "", variables);
    assert_eq!(password(&[]), "the command: exit 9 (context)");
    let secret = [("REDISCLI_AUTH", PASSWORD)];
    assert_eq!(password(&secret), "*** (environment: REDISCLI_AUTH)");
    let file = [("RCLUSTER_PASSWORD_FILE", "/pw"), ("REDISCLI_AUTH", PASSWORD)];
    assert_eq!(password(&file), "the file /pw (environment: RCLUSTER_PASSWORD_FILE)");
    config.run("check prod", &[]).exits(2).tells(&["password command failed (exit status: 9)"]);

    // A flag excludes the variable of another, and two variables exclude each other.
    let both = [("RCLUSTER_IPV6", "1"), ("RCLUSTER_CHECK_FORMAT", "junit")];
    config.run("check 127.0.0.1:1 --ipv4 --json", &both).exits(3).tells(&["refused"]);
    let both = [("RCLUSTER_IPV6", "1"), ("RCLUSTER_IPV4", "1")];
    config.run("check 127.0.0.1:1", &both).exits(2).tells(&["RCLUSTER_IPV4, RCLUSTER_IPV6"]);
    let wrong = [("RCLUSTER_TIMEOUT", "soon")];
    config
        .run("check 127.0.0.1:1", &wrong)
        .exits(2)
        .tells(&["in the environment: RCLUSTER_TIMEOUT"]);
}

#[test]
fn a_name_is_looked_up_where_it_is_meant_and_what_is_wrong_is_told() {
    let config = Config::new("[contexts.prod]\nentries = [\"127.0.0.1:1\", \"127.0.0.1:2\"]\n");
    let named = [("RCLUSTER_CLUSTER", "prod")];
    let refused = ["127.0.0.1:1", "127.0.0.1:2", "refused"];
    for line in [
        "check prod",
        "-c prod check",
        "check -c prod",
        "--cluster prod check",
        "check --cluster=prod",
    ] {
        config.run(line, &[]).exits(3).tells(&refused);
    }
    config.run("check", &named).exits(3).tells(&refused);
    config.run("failover 127.0.0.1:5", &named).exits(3).tells(&refused);
    config.run("check prod/127.0.0.1:3", &[]).exits(3).tells(&["127.0.0.1:3"]);
    // ENTRY in the line counts alone; where it could be either, it is not guessed.
    config.run("check 127.0.0.1:4", &named).exits(3).tells(&["127.0.0.1:4"]);
    config
        .run("del-node 127.0.0.1:4 127.0.0.1:5", &named)
        .exits(2)
        .tells(&["could be ENTRY", "del-node prod"]);
    config.run("-c prod check 127.0.0.1:4", &[]).exits(2).tells(&["unexpected argument"]);
    config.run("acl create", &[("RCLUSTER_CLUSTER", "none")]).succeeds();

    config
        .run("check prdo", &[])
        .exits(2)
        .tells(&["neither an address (host:port) nor a context", "'prod'"]);
    config
        .run("-c prdo check", &[])
        .exits(2)
        .tells(&["no context 'prdo' in", "did you mean prod?"]);
    let none = [("RCLUSTER_CONFIG", "/nonexistent/config.toml")];
    config.run("-c prod check", &none).exits(2).tells(&[
        "no context 'prod': /nonexistent/config.toml does not exist",
        "to write one: rcluster context add prod HOST:PORT",
    ]);
    config.run("check localhost", &[]).exits(2).tells(&["no port", "the contexts are prod"]);
    let hidden = config.run("check prod/redis://u:hunter2@h:1", &[]).exits(2);
    assert!(!hidden.err.contains("hunter2"), "{hidden:?}");
    // Old command lines take no contexts, and no variables.
    let old = config.run("--cluster check prod", &[("RCLUSTER_TIMEOUT", "soon")]).exits(1);
    assert!(old.err.contains("'prod' has no port"), "{old:?}");

    let secret = "[contexts.a]\nentries = [\"127.0.0.1:1\"]\npassword = \"x\"\n";
    config.write(secret, 0o640);
    config
        .run("check a", &[])
        .exits(2)
        .tells(&["has a password, and others may read it (mode 0640)", "chmod 600"]);
    config.write(&secret.replace("password", "password_command"), 0o620);
    config
        .run("check a", &[])
        .exits(2)
        .tells(&["has a password command, and others may change it"]);
    config.write(secret, 0o600);
    config.run("check a", &[]).exits(3);
    config.write("[contexts.a]\nentires = 1\n", 0o600);
    config
        .run("check a", &[])
        .exits(2)
        .tells(&["line 2: unknown key 'entires': did you mean 'entries'?"]);
    config.run("check 127.0.0.1:1", &[]).exits(3).tells(&["refused"]);
    config.write(&"#\n".repeat(1 << 20), 0o600);
    config.run("check a", &[]).exits(2).tells(&["is larger than 1024 KiB"]);

    // None of these is waited for.
    let odd = |name: &str| config.dir.path().join(name);
    symlink(odd("loop"), odd("loop")).unwrap();
    assert!(Command::new("mkfifo").arg(odd("pipe")).status().unwrap().success());
    for (file, says) in
        [("loop", "symbolic links"), ("pipe", "no regular file"), (".", "no regular file")]
    {
        let file = odd(file).display().to_string();
        config.run("check a", &[("RCLUSTER_CONFIG", &file)]).exits(2).tells(&[says]);
    }
    let pipe = odd("pipe").display().to_string();
    let add = [("RCLUSTER_CONFIG", &*pipe)];
    config.run("context add b h:1", &add).exits(2).tells(&["no regular file"]);
    let homeless = |words: &[&str]| {
        let change = |command: &mut Command| {
            command.env_remove("HOME").env_remove("XDG_CONFIG_HOME").env_remove("RCLUSTER_CONFIG");
        };
        rcluster_with(words, change)
    };
    homeless(&["check", "a"]).exits(2).tells(&["'a' has no port"]);
    homeless(&["context", "add", "a", "h:1"])
        .exits(2)
        .tells(&["no home directory", "RCLUSTER_CONFIG"]);
    homeless(&["context", "list"]).succeeds();
}

#[test]
fn a_context_gives_password_tls_and_a_second_entry() {
    let authority = Authority::new();
    let (cluster, addrs) = several_tls_servers(&authority, 3);
    for node in 0..3 {
        cluster.tell(node, &["CONFIG", "SET", "masterauth", PASSWORD]);
        cluster.tell(node, &["CONFIG", "SET", "requirepass", PASSWORD]);
    }
    let config = Config::new("# mine\n");
    let pass = config.dir.path().join("pass");
    fs::write(&pass, format!("{PASSWORD}\nurl: x\n")).unwrap();
    let [ca, cert, key] = ["ca.pem", "server.pem", "server.key"].map(|file| authority.path(file));
    let command = format!("cat {}", pass.display());
    let add =
        ["context", "add", "prod", "127.0.0.1:1", &addrs[0], "--tls", "--cacert", &ca, "--cert"];
    let rest = [&*cert, "--key", &key, "--password-command", &command, "--protected"];
    config.run_words(&[&add[..], &rest].concat(), &[]).succeeds();
    assert!(fs::read_to_string(config.path()).unwrap().starts_with("# mine\n\n[contexts.prod]\n"));

    let create = ["-c", "prod", "create", &addrs[0], &addrs[1], &addrs[2]];
    config
        .run_words(&[&create[..], &["--yes"]].concat(), &[])
        .exits(2)
        .tells(&["prod is protected", "--confirm prod"]);
    config.run_words(&[&create[..], &["--confirm", "prod"]].concat(), &[]).succeeds();
    config.run("check prod --wait 10s", &[]).succeeds();
    let tested = config.run("context test prod", &[]).exits(3).out;
    for says in ["127.0.0.1:1 ", "refused", &*addrs[0], "master, it lists 3 nodes"] {
        assert!(tested.contains(says), "{says}: {tested}");
    }
    config.run("check prod", &[("REDISCLI_AUTH", "wrong")]).exits(3).tells(&["WRONGPASS"]);

    // What is printed to be typed next reaches the same servers, and asks as this run would.
    config.run(&format!("-c prod delslots {} 5 --confirm prod", addrs[0]), &[]).succeeds();
    let fix = format!("rcluster -c prod addslots {} 5", addrs[0]);
    let checked = config.run("check prod", &[]).exits(1).out;
    assert!(checked.contains(&fix), "{checked}");
    let line = fix.strip_prefix("rcluster ").unwrap();
    config.run(line, &[]).exits(2).tells(&["prod is protected"]);
    let words: Vec<&str> = line.split(' ').collect();
    let path = config.path().display().to_string();
    let typed = |name: &str| rcluster_at_terminal_with(&words, &path, "type its name: ", name);
    let refused = typed("yes").exits(1).out;
    assert!(refused.contains("its name was not given, nothing was changed"), "{refused}");
    typed("prod").succeeds();
    config.run("check prod --wait 10s", &[]).succeeds();
    config
        .run("failover prod 127.0.0.1:99 --yes", &[])
        .exits(1)
        .tells(&["no node of the cluster is"]);
}

/// A line for each command that changes something, where it has something to change: A to D are
/// nodes of a cluster, E to G are alone, FILE declares E to G, DIR is a backup.
const CHANGES: [&str; 20] = [
    "create E F G",
    "apply FILE",
    "meet A E",
    "addslots E 5",
    "delslots A 5",
    "replicate D B",
    "reset D --force",
    "reshard A --to B --count 1",
    "rebalance A --weight B=2",
    "add-node E A",
    "del-node A D",
    "failover A D",
    "rolling A --exec true --force",
    "forget A D",
    "set-timeout A 4000",
    "import A --from H",
    "restore DIR A --server SERVER",
    "call A FLUSHALL",
    "fix A",
    "replace-node A IDD E",
];

#[test]
fn no_command_changes_a_protected_context_without_its_name() {
    let tree = rcluster::commands::command();
    let changes = |command: &&clap::Command| {
        command.get_arguments().any(|arg| arg.get_long() == Some("dry-run"))
    };
    let known: BTreeSet<&str> =
        tree.get_subcommands().filter(changes).map(clap::Command::get_name).collect();
    let tried = CHANGES.iter().filter_map(|line| line.split(' ').next());
    assert_eq!(tried.collect::<BTreeSet<_>>(), known.into_iter().chain(["call"]).collect());

    let mut cluster = TestCluster::start(8);
    let addrs = cluster.addrs();
    let create = ["create", &addrs[0], &addrs[1], &addrs[2], "--yes"];
    rcluster(&create).succeeds();
    rcluster(&["add-node", &addrs[3], &addrs[0], "--replica-of", &addrs[0], "--yes"]).succeeds();
    rcluster(&["check", &addrs[0], "--wait", "20s"]).succeeds();
    cluster.tell(7, &["CLUSTER", "ADDSLOTSRANGE", "0", "16383"]);
    eventually("the source takes a key", || {
        cluster.try_ask::<String>(7, &["SET", "foo", "bar"]).is_ok()
    });
    let dir = tempfile::tempdir().unwrap();
    let (backup, file) = (dir.path().join("backup"), dir.path().join("cluster.toml"));
    rcluster(&["backup", &addrs[0], backup.to_str().unwrap()]).succeeds();
    fs::write(&file, format!("[cluster]\nnodes = {:?}\n", &addrs[4..7])).unwrap();
    let config =
        Config::new(&format!("[contexts.prod]\nentries = [{:?}]\nprotected = true\n", addrs[0]));
    let (gone, mut before) = (cluster.id(3), cluster.facts());
    let word = |word: &str| match word {
        "A" => "prod".to_owned(),
        "DIR" => backup.display().to_string(),
        "FILE" => file.display().to_string(),
        "SERVER" => server_named(&server_under_test()).display().to_string(),
        "IDD" => gone.clone(),
        "B=2" => format!("{}=2", addrs[1]),
        letter if letter.len() == 1 && letter.as_bytes()[0].is_ascii_uppercase() => {
            addrs[usize::from(letter.as_bytes()[0] - b'A')].clone()
        }
        other => other.to_owned(),
    };
    for line in CHANGES {
        // A node is named by its address where it is not ENTRY.
        let line = match line.split_once(' ') {
            Some(("delslots", rest)) => format!("delslots {}", rest.replace('A', &addrs[0])),
            _ => line.to_owned(),
        };
        let mut words: Vec<String> = line.split(' ').map(word).collect();
        if !words.contains(&"prod".to_owned()) {
            words.splice(0..0, ["-c", "prod"].map(str::to_owned));
        }
        if line.starts_with("replace-node") {
            assert_eq!(cluster.facts(), before);
            cluster.nodes[3].kill();
        }
        if line.starts_with("fix") {
            assert_eq!(cluster.facts(), before);
            let source = cluster.id(0);
            cluster.tell(1, &["CLUSTER", "SETSLOT", "5", "IMPORTING", &source]);
            before = cluster.facts();
        }
        if !line.starts_with("call") {
            words.push("--yes".to_owned());
        }
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        config.run_words(&words, &[]).exits(2).tells(&["prod is protected"]);
    }
    cluster.restart(3);
    assert_eq!(cluster.facts(), before);
}
