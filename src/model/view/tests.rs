use super::*;

const A: &str = "07c37dfeb235213a872192d90877d0cd55635b91";
const B: &str = "67ed2db8d677e59ec4a4cefb06858cf2a1a89fa1";

fn parse(text: &str) -> Result<ClusterView, ViewError> {
    ClusterView::parse(text, &"10.0.0.9:30001".parse().unwrap())
}

#[test]
fn a_full_line_is_read() {
    let view = parse(&format!(
        "{A} 127.0.0.1:30004@31004,redis-4.example.com slave,fail? {B} 0 14261 4 connected\n\
         {B} 127.0.0.1:30002@31002 myself,master - 0 0 2 connected 0-5460 7000 [93-<-{A}] [77->-{A}]\n"
    ))
    .unwrap();
    let (a, b) = (&view.nodes()[0], view.me());
    assert_eq!(a.role, Role::Replica { of: b.id });
    assert!(a.flags.has(Flag::PFail) && !a.flags.has(Flag::Fail));
    assert_eq!(a.hostname.as_deref(), Some("redis-4.example.com"));
    assert_eq!(a.addr.as_ref().unwrap().bus_port(), Some(31004));
    assert_eq!((b.epoch, b.slots.to_string()), (2, "0-5460,7000".to_owned()));
    let open: Vec<_> = view.open.iter().map(|o| (o.slot.get(), o.state, o.peer)).collect();
    assert_eq!(open, [(93, OpenState::Importing, a.id), (77, OpenState::Migrating, a.id)]);
}

#[test]
fn a_node_never_met_takes_the_host_it_was_asked_through() {
    let view = parse(&format!("{A} :30001@41007 myself,master - 0 0 0 connected\n")).unwrap();
    let addr = view.me().addr.clone().unwrap();
    assert_eq!((addr.to_string(), addr.bus_port()), ("10.0.0.9:30001".to_owned(), Some(41007)));
}

#[test]
fn ipv6_noaddr_and_handshake_lines_are_read() {
    let view = parse(&format!(
        "{A} ::1:21831@31831 myself,master - 0 0 1 connected\n\
         {B} :0@0 master,noaddr - 1 1 2 disconnected 0-99\n\
         {} 10.0.0.3:7003@17003 handshake - 1 0 0 disconnected\n",
        "c".repeat(40)
    ))
    .unwrap();
    assert_eq!(view.me().name(), "[::1]:21831");
    assert_eq!(view.nodes()[1].addr, None);
    assert_eq!(view.nodes()[1].slots.len(), 100, "a node without an address still owns slots");
    assert_eq!(view.nodes()[2].role, Role::Unknown);
    assert_eq!(view.members().count(), 2);
}

#[test]
fn bad_lines_are_named() {
    let myself = format!("{A} 1.1.1.1:1@2 myself,master - 0 0 1 connected\n");
    for (line, what) in [
        ("xyz", "id"),
        (A, "address"),
        (&format!("{A} nonsense"), "address"),
        (&format!("{A} h:x@1"), "port"),
        (&format!("{A} h:1@1"), "flags"),
        (&format!("{A} h:1@1 master"), "master id"),
        (&format!("{A} h:1@1 master x"), "ping time"),
        (&format!("{A} h:1@1 master - 0 0 -4 connected"), "epoch"),
        (&format!("{A} h:1@1 master - 0 0 4 connected 5-99999"), "slot range"),
        (&format!("{A} h:1@1 master - 0 0 4 connected [5=>x]"), "open slot"),
    ] {
        let view = parse(&format!("{myself}{line}\n")).unwrap();
        assert_eq!((view.nodes().len(), view.unreadable[0].what), (1, what), "{line}");
    }
    let own = myself.replace(A, "xyz");
    let error = parse(&format!("\n{own}")).unwrap_err().to_string();
    assert!(error.contains("line 2 of CLUSTER NODES has a bad id: xyz 1.1.1.1"), "{error}");
    assert_eq!(parse("").unwrap_err(), ViewError::NoMyself);
    assert_eq!(parse(&"x\n".repeat(MOST_NODES + 1)).unwrap_err(), ViewError::TooMany);
}

/// As Redis 6.2 lists a node whose id was too short in nodes.conf.
#[test]
fn a_line_with_a_bad_id_is_set_apart_with_its_bytes_and_its_slots() {
    let mut text = format!("{A} 1.1.1.1:1@2 myself,master - 0 0 1 connected 0-99\n").into_bytes();
    let id = [&B.as_bytes()[..38], b"\0\xff"].concat();
    text.extend(&id);
    text.extend(b" :0@0 master,noaddr - 1 2 3 disconnected 100-199 300\n");
    let view = ClusterView::parse(&text, &"10.0.0.9:30001".parse().unwrap()).unwrap();
    assert_eq!((view.nodes().len(), view.unreadable.len()), (1, 1));
    let Unreadable { id: bytes, what, slots, .. } = &view.unreadable[0];
    assert_eq!((bytes, *what, &*slots.to_string()), (&id, "id", "100-199,300"));
    assert_eq!(view.unreadable[0].name(), format!("'{}\\x00\\xff'", &B[..38]));
}

proptest::proptest! {
    /// Whatever a server sends, reading it never panics.
    #[test]
    fn no_text_makes_it_panic(text in "([0-9a-f]{40} )?[ -~\n\\[\\]@:,-]{0,200}") {
        let _ = parse(&text);
    }
}

#[test]
fn a_node_is_found_by_its_id_and_of_two_lines_with_one_the_first_counts() {
    let line = |id: &str, port: u16, flags: &str| {
        format!("{id} 127.0.0.1:{port}@{port} {flags} - 0 0 1 connected\n")
    };
    let view =
        parse(&(line(B, 1, "master") + &line(A, 2, "myself,master") + &line(B, 3, "master")))
            .unwrap();
    let port = |id: &str| {
        let node = view.node(id.parse().unwrap())?;
        node.addr.as_ref().map(NodeAddr::port)
    };
    assert_eq!((port(A), port(B), port(&"f".repeat(40))), (Some(2), Some(1), None));
}

#[test]
fn views_share_the_hosts_that_they_have_alike() {
    let text = |host: &str| {
        format!("{A} 127.0.0.1:1@11 myself,master - 0 0 1 connected\n")
            + &format!("{B} {host}:2@12 master - 0 0 1 connected\n")
    };
    let (one, mut two) = (parse(&text("10.0.0.1")).unwrap(), parse(&text("10.0.0.2")).unwrap());
    two.share_hosts(&one);
    let host = |view: &ClusterView, id: &str| -> *const str {
        view.node(id.parse().unwrap()).unwrap().addr.as_ref().unwrap().host()
    };
    assert!(std::ptr::eq(host(&one, A), host(&two, A)));
    assert_eq!(two.node(B.parse().unwrap()).unwrap().name(), "10.0.0.2:2");
}
