//! What files of contexts mean, and what is wrong with them.

use std::path::Path;

use itertools::Itertools;

use super::read::{NamedCluster, parse};
use crate::commands::args::PasswordSource;
use crate::render::Usage;

fn read(text: &str) -> Result<Vec<NamedCluster>, String> {
    let failure = |usage: Usage| {
        let failure = crate::render::Failure::from(usage);
        [vec![failure.message], failure.details].concat().join("\n")
    };
    parse(text, Path::new("/etc/rc/config.toml")).map_err(failure)
}

#[test]
fn a_context_has_entries_a_login_and_options() {
    let text = "\u{feff}# clusters\r\n[contexts.prod]\r\nentries = [\"10.0.0.1:6379\", \"dns+r.svc:6379\"]\r\n\
        user = \"ann\"\r\npassword_command = \"pass show redis/prod\"\r\ntls = true\r\ncacert = \"ca.pem\"\r\n\
        key = \"/k.pem\"\r\ninsecure = true\r\ntimeout = 3\r\naddress_map = [\"10.0.0.1=gw\"]\r\nprotected = true\r\n\
        [contexts.dev]\r\nentries = \"127.0.0.1:7001\"\r\n";
    let clusters = read(text).unwrap();
    assert_eq!(clusters.iter().map(|cluster| &*cluster.name).collect_vec(), ["dev", "prod"]);
    let prod = &clusters[1];
    assert_eq!((prod.entries.places().len(), prod.entries.to_string()), (2, "prod".to_owned()));
    let command = PasswordSource::Command("pass show redis/prod".to_owned());
    assert_eq!((prod.password.as_ref(), prod.protected), (Some(&command), true));
    let option = |wanted: &str| {
        let found = prod.options.iter().find(|(key, _)| *key == wanted);
        found.map(|(_, values)| values.join(" ".as_ref()).into_string().unwrap())
    };
    for (key, value) in [
        ("user", Some("ann")),
        ("tls", Some("true")),
        ("cacert", Some("/etc/rc/ca.pem")),
        ("key", Some("/k.pem")),
        ("tls_verify", Some("none")),
        ("timeout", Some("3")),
        ("address_map", Some("10.0.0.1=gw")),
        ("sni", None),
    ] {
        assert_eq!(option(key).as_deref(), value, "{key}");
    }
}

#[test]
fn every_mistake_is_told_with_its_line() {
    let context = |line: &str| format!("[contexts.a]\nentries = [\"h:1\"]\n{line}\n");
    for (text, says) in [
        ("contxts = 1", "line 1: unknown key 'contxts': did you mean 'contexts'?"),
        (
            "[contexts.a]\nentires = [\"h:1\"]",
            "line 2: unknown key 'entires': did you mean 'entries'?",
        ),
        ("[contexts.a]\n", "line 1: 'a' has no entries"),
        ("[contexts.a]\nentries = [\"h\"]", "line 2: 'h' has no port"),
        ("[contexts.a]\nentries = [\"redis://u:p@h:1\"]", "line 2: an entry is HOST:PORT"),
        ("[contexts.a]\nentries = []", "line 2: entries is a list"),
        ("[contexts.a]\nentries = 7001", "line 2: entries is a list"),
        ("[contexts.\"a b\"]\nentries = [\"h:1\"]", "line 1: 'a b': a name has letters"),
        ("[contexts.a\n", "line 1: "),
        (&*context("user = \"\""), "line 3: user is a text in quotes"),
        (&*context("tls = \"yes\""), "line 3: tls is true or false"),
        (&*context("cacert = \"ca.pem\""), "line 1: 'a': cacert needs tls = true"),
        (&*context("timeout = \"soon\""), "line 3: timeout: write a time"),
        (&*context("tls_verify = \"all\""), "line 3: tls_verify: full, ca or none"),
        (&*context("address_map = [\"a\"]"), "line 3: 'a' has to be INNER=OUTER"),
        (&*context("password = \"a\"\npassword_env = \"B\""), "line 1: 'a' has 2 sources"),
        (&*context("\"\\u001b[2J\" = 1"), "line 3: unknown key '\\u{1b}[2J'"),
    ] {
        let error = read(text).unwrap_err();
        assert!(error.contains(says), "{text}: {error}");
    }
    let several = read(&context("usr = 1\ntsl = true")).unwrap_err();
    assert!(several.starts_with("/etc/rc/config.toml has 2 mistakes\n"), "{several}");
    assert!(several.contains("line 4: unknown key 'tsl': did you mean 'tls'?"), "{several}");
}

proptest::proptest! {
    #[test]
    fn no_file_makes_it_panic(text in "(\\[contexts\\.[a-z]{1,2}\\]\n|[a-z_]{1,8} = (true|\"\\PC{0,4}\"|[0-9]{1,3}|\\[\"h:1\"\\])\n){0,5}|\\PC*") {
        let _ = read(&text);
    }
}
