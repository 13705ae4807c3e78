//! Whatever is read: bytes that nobody meant, and texts that are nearly right. Nothing panics, and
//! what is shown of it does nothing to a terminal. `make soak` asks for many more cases.

use proptest::prelude::*;
use rcluster::model::{
    AddressMap, ClusterInfo, ClusterView, InfoMap, Manifest, Mapping, NodeAddr, NodeList, NodeRef,
    NodeUrl, RdbHead, SlotRange, is_printable, parts,
};

/// A text that is nearly a line of CLUSTER NODES, some bytes of which are others.
fn nearly_nodes() -> impl Strategy<Value = Vec<u8>> {
    let line = "[0-9a-f]{38,41} ([0-9.]{7}|\\PC{0,5})?:[0-9]{1,5}@[0-9]{1,5}(,\\PC{0,8})? \
                (myself,)?(master|slave|fail\\?|handshake|noaddr) (-|[0-9a-f]{40}) [0-9]{1,3} [0-9]{1,20} \
                [0-9]{1,20} (dis)?connected( [0-9]{1,5}(-[0-9]{1,5})?| \\[[0-9]{1,5}-[<>]-[0-9a-f]{40}\\]){0,4}\n";
    let lines = proptest::collection::vec(line, 0..5).prop_map(|lines| lines.concat().into_bytes());
    (lines, proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4)).prop_map(
        |(mut bytes, changes)| {
            for (at, byte) in changes {
                if !bytes.is_empty() {
                    let at = at.index(bytes.len());
                    bytes[at] = byte;
                }
            }
            bytes
        },
    )
}

fn is_harmless(text: &str) -> bool {
    text.chars().all(is_printable)
}

proptest! {
    #[test]
    fn cluster_nodes(bytes in prop_oneof![nearly_nodes(), any::<Vec<u8>>()]) {
        let via = NodeAddr::new("10.0.0.1", 7001, None);
        match ClusterView::parse(&bytes, &via) {
            Ok(view) => {
                prop_assert!(view.nodes().iter().all(|node| is_harmless(&node.name())));
                prop_assert!(view.unreadable.iter().all(|line| is_harmless(&line.name())));
                prop_assert!(view.unreadable.iter().all(|line| is_harmless(&line.text)));
            }
            Err(error) => prop_assert!(is_harmless(&error.to_string())),
        }
    }

    #[test]
    fn info(text in "(([a-z_]{1,12}|db[0-9]{1,3}|slave[0-9]):(keys=)?\\PC{0,20}\r?\n){0,8}|\\PC*") {
        let info = InfoMap::parse(&text);
        let _ = (info.version(), info.keys(), info.link(), info.copies(), ClusterInfo::parse(&text));
    }

    #[test]
    fn rdb_head(
        magic in "(REDIS0011|VALKEY080)?",
        bytes: Vec<u8>,
        codes in proptest::collection::vec(prop_oneof![0xf5..=0xffu8, 0xc0..=0xc3u8, any::<u8>()], 0..40),
    ) {
        for rest in [bytes, codes] {
            let _ = RdbHead::read(&[magic.as_bytes(), &rest].concat()[..]);
        }
    }

    #[test]
    fn manifest(bytes: Vec<u8>, text in r#"[\[{"formatshrds:,0-9}\]]{0,60}"#) {
        let _ = (Manifest::read(&bytes), Manifest::read(text.as_bytes()));
    }

    #[test]
    fn what_users_type(
        text in "(rediss?://)?(\\PC{0,6}(:\\PC{0,6})?@)?[a-z0-9.\\[\\]:,+=*-]{0,24}(/[0-9]?)?|\\PC{0,40}"
    ) {
        let _ = (text.parse::<NodeAddr>(), text.parse::<NodeList>(), text.parse::<NodeRef>());
        let _ = (text.parse::<SlotRange>(), NodeUrl::read(&text).map(|url| url.login()));
        if let Ok(mapping) = text.parse::<Mapping>() {
            let _ = AddressMap::new([mapping]).outer(&NodeAddr::new("10.0.0.1", 7001, None));
        }
        prop_assert_eq!(parts(&text).join(","), text);
    }
}
