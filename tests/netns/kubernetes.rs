//! The commands of deploy/kubernetes/ on hosts that stand for pods: their names and addresses, the
//! environment that the manifests give them, and the network policy as a packet filter.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;

use serde_json::Value;

use crate::hosts::{Hosts, Net};
use crate::table::Place;

const PODS: usize = 6;

/// The words of a container, with what Kubernetes puts in for `$(NAME)`.
fn words(container: &Value, env: &[(String, String)]) -> Vec<String> {
    let lists = [&container["command"], &container["args"]];
    let words = lists.iter().flat_map(|list| list.as_array().into_iter().flatten());
    let expanded = words.map(|word| {
        let word = word.as_str().expect("words are text").to_owned();
        env.iter().fold(word, |word, (name, value)| word.replace(&format!("$({name})"), value))
    });
    let expanded: Vec<String> = expanded.collect();
    assert!(
        !expanded.iter().any(|word| word.contains("$(") && !word.contains("redis-cli")),
        "{expanded:?}"
    );
    expanded
}

struct Manifests(Vec<Value>);

impl Manifests {
    fn read() -> Manifests {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/kubernetes");
        let files = ["redis.yaml", "create.yaml", "cron.yaml"].map(|file| folder.join(file));
        let texts = files.map(|file| fs::read_to_string(file).unwrap());
        let documents =
            texts.iter().map(|text| serde_saphyr::from_multiple::<Value>(text).unwrap());
        Manifests(documents.flatten().collect())
    }

    fn find(&self, kind: &str, name: &str) -> &Value {
        let is_meant =
            |document: &&Value| document["kind"] == kind && document["metadata"]["name"] == name;
        self.0.iter().find(is_meant).unwrap_or_else(|| panic!("no {kind} {name}"))
    }

    fn pod(&self, kind: &str, name: &str) -> &Value {
        let spec = &self.find(kind, name)["spec"];
        let job = if kind == "CronJob" { &spec["jobTemplate"]["spec"] } else { spec };
        &job["template"]["spec"]
    }

    fn server(&self) -> &Value {
        &self.pod("StatefulSet", "redis")["containers"][0]
    }

    fn password(&self) -> String {
        self.find("Secret", "redis")["stringData"]["password"].as_str().unwrap().to_owned()
    }

    /// The variables of a container in a pod of this name and address.
    fn env(&self, container: &Value, name: &str, ip: &str) -> Vec<(String, String)> {
        let variables = container["env"].as_array().into_iter().flatten();
        let value = |variable: &Value| {
            let from = &variable["valueFrom"];
            match from["fieldRef"]["fieldPath"].as_str() {
                Some("status.podIP") => ip.to_owned(),
                Some("metadata.name") => name.to_owned(),
                Some("metadata.namespace") => "default".to_owned(),
                Some(field) => panic!("{field}"),
                None => {
                    let secret = from["secretKeyRef"]["name"].as_str().unwrap();
                    let key = from["secretKeyRef"]["key"].as_str().unwrap();
                    self.find("Secret", secret)["stringData"][key].as_str().unwrap().to_owned()
                }
            }
        };
        variables.map(|it| (it["name"].as_str().unwrap().to_owned(), value(it))).collect()
    }

    /// The policy as a host's packet filter: rcluster's host is the one with 254.
    fn filter(&self) -> String {
        let ports = self.server()["ports"].as_array().unwrap();
        let number = |name: &Value| {
            let port = ports.iter().find(|port| port["name"] == *name).expect("a port of the pod");
            port["containerPort"].as_u64().unwrap()
        };
        let policy = &self.find("NetworkPolicy", "redis")["spec"];
        let rules = policy["ingress"].as_array().unwrap().iter().flat_map(|rule| {
            let from =
                rule["from"].as_array().unwrap().iter().map(|from| {
                    match from["podSelector"]["matchLabels"]["app.kubernetes.io/name"].as_str() {
                        Some("redis") => "ip saddr 10.77.0.0/24 ip saddr != 10.77.0.254",
                        Some("rcluster") => "ip saddr 10.77.0.254",
                        _ => "ip saddr 10.77.1.0/24",
                    }
                });
            let ports = rule["ports"]
                .as_array()
                .unwrap()
                .iter()
                .map(|port| number(&port["port"]).to_string());
            let ports = ports.collect::<Vec<_>>().join(", ");
            let line =
                |from: &str| format!("add rule inet g in {from} tcp dport {{ {ports} }} accept\n");
            from.map(|from| line(from)).collect::<Vec<_>>()
        });
        format!(
            "add table inet g; add chain inet g in {{ type filter hook input priority 0; policy drop; }}
             add rule inet g in ct state established,related accept; add rule inet g in iif lo accept
             {}",
            rules.collect::<String>()
        )
    }
}

/// The servers of the StatefulSet, started as it says.
fn pods() -> Hosts {
    let manifests = Manifests::read();
    let config =
        manifests.find("ConfigMap", "redis")["data"]["redis.conf"].as_str().unwrap().to_owned();
    assert!(config.contains("dir /data\n"));
    let replicas = manifests.find("StatefulSet", "redis")["spec"]["replicas"].as_u64();
    assert_eq!(replicas, Some(PODS as u64));
    let servers = std::env::var("RCLUSTER_TEST_SERVERS")
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/target/servers").to_owned());
    let (filter, password) = (manifests.filter(), manifests.password());
    let start = move |number: usize, ip: &str, dir: &Path| {
        let file = dir.join("redis.conf");
        fs::write(&file, config.replace("/data", dir.to_str().unwrap())).unwrap();
        let env = manifests.env(manifests.server(), &format!("redis-{}", number - 1), ip);
        let words = words(manifests.server(), &env);
        assert_eq!(words[..2], ["redis-server", "/etc/redis/redis.conf"]);
        let own = [format!("{servers}/redis-7.0/redis-server"), file.to_str().unwrap().to_owned()];
        own.into_iter().chain(words[2..].iter().cloned()).collect()
    };
    let net = Net {
        rules: filter,
        server_words: Some(Box::new(start)),
        password: Some(password),
        ..Net::default()
    };
    Hosts::with("m", PODS, net)
}

/// What the headless service has of the first pods.
fn serve(hosts: &Hosts, count: usize) {
    let line = |number: usize| format!("{} redis redis-{}.redis", hosts.ip(number), number - 1);
    hosts.name(&(1..=count).map(line).collect::<Vec<_>>());
}

/// Runs a container of the manifests: its exit code, and what it wrote.
fn run(hosts: &Hosts, container: &Value, pod: &str) -> (Option<i32>, String, String) {
    let manifests = Manifests::read();
    let words = words(container, &manifests.env(container, pod, "10.77.0.254"));
    let backup = hosts.dir().join("backup");
    fs::create_dir_all(&backup).unwrap();
    let words =
        words.iter().map(|word| word.replace("/backup/", &format!("{}/", backup.display())));
    let words: Vec<String> = words.collect();
    assert_eq!(words[0], "rcluster");
    hosts.run(&words[1..].iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn the_manifests_make_a_cluster_that_outlives_its_addresses() {
    let mut hosts = pods();
    let manifests = Manifests::read();
    let job = manifests.pod("Job", "redis-create");
    let (create, check) = (&job["initContainers"][0], &job["containers"][0]);
    let cron = |name: &str| &manifests.pod("CronJob", name)["containers"][0];
    let done = |hosts: &Hosts, container: &Value| {
        let (code, out, err) = run(hosts, container, "redis-job-29012345-abcde");
        assert_eq!(code, Some(0), "{container:#}\n{out}{err}");
        out
    };

    // The Job may begin before the last pod has an address.
    serve(&hosts, PODS - 1);
    thread::scope(|scope| {
        let created = scope.spawn(|| run_alone(&hosts, create));
        serve(&hosts, PODS);
        let (code, err) = created.join().unwrap();
        assert_eq!(code, Some(0), "{err}");
    });
    done(&hosts, check);
    let probe = &manifests.server()["readinessProbe"]["exec"];
    let mut env = manifests.env(manifests.server(), "redis-0", "10.77.0.1");
    let cli = hosts.program().parent().unwrap().to_str().unwrap().to_owned();
    env.push(("PATH".to_owned(), format!("{cli}:{}", std::env::var("PATH").unwrap())));
    assert!((1..=PODS).all(|number| hosts.passes(number, &words(probe, &[]), &env)));
    let set = ["call", "redis-0.redis:6379", "--only", &hosts.addr(1), "SET", "{06S}kept", "1"];
    assert_eq!(hosts.cli(&set).0, Some(0));

    // Run again it changes nothing, whoever is master by then.
    assert!(done(&hosts, create).contains("nothing to do: this cluster exists already"));
    let replica = [4, 5, 6].map(|number| hosts.addr(number));
    assert_eq!(hosts.cli(&["failover", "dns+redis:6379", &replica[0], "--yes"]).0, Some(0));
    assert!(done(&hosts, create).contains("nothing to do: this cluster exists already"));

    assert!(done(&hosts, cron("redis-check")).contains("<testsuite"));
    done(&hosts, cron("redis-backup"));
    let backup = hosts.dir().join("backup/redis-job-29012345-abcde");
    assert_eq!(hosts.cli(&["backup", "--verify", backup.to_str().unwrap()]).0, Some(0));

    // A pod comes back elsewhere: the others find it by themselves.
    hosts.move_to(&[(2, 12)]);
    serve(&hosts, PODS);
    done(&hosts, check);

    // All do, at once: nobody finds anybody.
    hosts.move_to(&[(1, 21), (2, 22), (3, 23), (4, 24), (5, 25), (6, 26)]);
    serve(&hosts, PODS);
    // As redis-check does, which waits for 30 s.
    let (code, err) = hosts.cli(&["check", "dns+redis:6379"]);
    assert_eq!(code, Some(1), "{err}");
    done(&hosts, cron("redis-meet"));
    done(&hosts, check);
    assert!(done(&hosts, create).contains("nothing to do: this cluster exists already"));
    let (_, found, _) = hosts.run(&["info", "dns+redis:6379", "--json"]);
    let found: Value = serde_json::from_str(&found).unwrap();
    assert_eq!(found["keys"], 1, "{found}");
}

/// The same for a thread beside this one.
fn run_alone(hosts: &Hosts, container: &Value) -> (Option<i32>, String) {
    let (code, _, err) = run(hosts, container, "redis-create");
    (code, err)
}

/// `kustomize` of kubectl reads the folder, where that is to be had.
#[test]
fn the_folder_is_one_kustomization() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/kubernetes");
    let Ok(made) = Command::new("kubectl").args(["kustomize", folder]).output() else {
        return println!("left out: there is no kubectl");
    };
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let made =
        serde_saphyr::from_multiple::<Value>(&String::from_utf8(made.stdout).unwrap()).unwrap();
    assert_eq!(made.len(), Manifests::read().0.len());
}
