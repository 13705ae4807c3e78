use super::*;

#[test]
fn a_rule_names_what_the_servers_know() {
    let check = rule("ops", &["check"], Redis6);
    assert_eq!(
        check,
        "ACL SETUSER ops on resetkeys resetchannels -@all +cluster|info +cluster|nodes \
         +config|get +info"
    );
    assert!(rule("ops", &["check"], Valkey8).ends_with("+function|stats +info"));
    assert!(rule("ops", &["reshard"], Valkey9).contains(" ~* "));
    assert!(rule("ops", &["reshard"], Redis84).contains("+cluster|migration "));
    assert!(!rule("ops", &["reshard"], Redis74).contains("migration"));
}

#[test]
fn families_are_found_by_version() {
    let families = ["redis-6.2", "redis-7.0", "redis-8.2.3", "redis-8.6", "valkey-8.1"];
    let families = families.map(|name| Family::of(name).unwrap());
    assert_eq!(families, [Redis6, Redis70, Redis82, Redis84, Valkey8]);
    assert_eq!(Family::of("valkey-9.1"), Some(Valkey9));
    assert_eq!(Family::of("memcached-1.6"), None);
}
