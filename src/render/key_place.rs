//! The slots and nodes that keys belong to.

use base64::display::Base64Display;
use base64::engine::general_purpose::STANDARD;
use itertools::Itertools;

use super::json::{KeyPlaceJson, NodeNameJson, SlotMoveJson, SlotPlaceJson};
use super::table::Table;
use crate::model::{ClusterReport, NodeId, Slot, excerpt, hash_tag, printable};
use crate::plan::slot_place::{SlotPlace, slot_places};

/// The columns of a key in the table.
const KEY: usize = 32;

/// What was asked about: a key, or a slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    Key(Vec<u8>),
    Slot(Slot),
}

impl Wanted {
    pub fn slot(&self) -> Slot {
        match self {
            Wanted::Key(key) => Slot::of_key(key),
            Wanted::Slot(slot) => *slot,
        }
    }
}

/// Each with its slot; with its nodes where there is a cluster.
pub fn key_places_json(wanted: &[Wanted], cluster: Option<&ClusterReport>) -> Vec<KeyPlaceJson> {
    let slots = wanted.iter().map(Wanted::slot).collect_vec();
    let places = cluster.map(|cluster| slot_places(cluster, &slots));
    let mut places = places.into_iter().flatten();
    let json = |wanted: &Wanted| {
        let place = cluster.zip(places.next()).map(|(cluster, place)| place_json(cluster, &place));
        let slot = wanted.slot();
        let (key, hash_tag) = match wanted {
            Wanted::Key(key) => (Some(key), hash_tag(key).map(printable)),
            Wanted::Slot(slot) => (None, Some(slot.tag())),
        };
        let text = key.map(|key| String::from_utf8(key.clone()));
        let bytes = key.filter(|key| std::str::from_utf8(key).is_err());
        KeyPlaceJson {
            key: text.and_then(Result::ok),
            key_base64: bytes.map(|key| Base64Display::new(key, &STANDARD).to_string()),
            hash_tag,
            slot,
            place,
        }
    };
    wanted.iter().map(json).collect()
}

fn place_json(cluster: &ClusterReport, place: &SlotPlace) -> SlotPlaceJson {
    let node = |id: &NodeId| NodeNameJson::of(cluster, *id);
    let moves = place.moves.iter();
    SlotPlaceJson {
        owners: place.owners.iter().map(node).collect(),
        replicas: place.replicas.iter().map(node).collect(),
        moves: moves.map(|(from, to)| SlotMoveJson { from: node(from), to: node(to) }).collect(),
    }
}

/// A row each; replicas are left out where they do not fit.
pub fn key_places_text(wanted: &[Wanted], rows: &[KeyPlaceJson]) -> String {
    table(wanted, rows, true).or_if_too_wide(|| table(wanted, rows, false)).to_string()
}

fn table(wanted: &[Wanted], rows: &[KeyPlaceJson], with_replicas: bool) -> Table {
    let has_nodes = rows.iter().any(|row| row.place.is_some());
    let mut headers = vec!["Key", "Hash tag", ">Slot"];
    headers.extend(has_nodes.then_some("Master"));
    headers.extend((has_nodes && with_replicas).then_some("Replicas"));
    headers.extend(has_nodes.then_some("State"));
    let mut table = Table::new(&headers);
    let names = |nodes: &[NodeNameJson]| match nodes {
        [] => "-".to_owned(),
        nodes => nodes.iter().map(NodeNameJson::name).join(", "),
    };
    for (wanted, row) in wanted.iter().zip(rows) {
        let mut cells = vec![
            match wanted {
                Wanted::Key(key) => excerpt(key, KEY),
                Wanted::Slot(_) => "-".to_owned(),
            },
            row.hash_tag.clone().unwrap_or_else(|| "-".to_owned()),
            row.slot.to_string(),
        ];
        if let Some(place) = &row.place {
            cells.push(names(&place.owners));
            cells.extend(with_replicas.then(|| names(&place.replicas)));
            cells.push(state(place));
        }
        table.row(cells);
    }
    table
}

fn state(place: &SlotPlaceJson) -> String {
    let owned = match &place.owners[..] {
        [owner] if !owner.reachable => Some("unreachable"),
        [_] => None,
        [] => Some("no owner"),
        _ => Some("several owners"),
    };
    let moves = place.moves.iter().map(|slot| format!("moving to {}", slot.to.name()));
    let all = owned.map(str::to_owned).into_iter().chain(moves).join(", ");
    if all.is_empty() { "ok".to_owned() } else { all }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::model::{ClusterView, NodeAddr};

    #[test]
    fn keys_have_their_tags_slots_and_nodes() {
        let (a, b, c) = ("a".repeat(40), "b".repeat(40), "c".repeat(40));
        let text = format!(
            "{a} 10.0.0.1:1@2 myself,master - 0 0 1 connected 0-9999 [5->-{b}]\n\
             {b} 10.0.0.2:1@2 master - 0 1 2 connected 10001-16383\n\
             {c} 10.0.0.3:1@2 slave {a} 0 1 1 connected\n"
        );
        let asked: NodeAddr = "10.0.0.1:1".parse().unwrap();
        let cluster = ClusterReport::of_view(&ClusterView::parse(text, &asked).unwrap());
        let slot = |number| Wanted::Slot(Slot::new(number).unwrap());
        let key = |bytes: &[u8]| Wanted::Key(bytes.to_vec());
        let wanted =
            [key(b"{user1000}.following"), key(b"foo"), key(b"\xff\x1b{x"), slot(5), slot(10_000)];
        let rows = key_places_json(&wanted, Some(&cluster));
        expect![[r#"
            Key                   Hash tag   Slot  Master      State
            {user1000}.following  user1000   3443  10.0.0.1:1  ok
            foo                   -         12182  10.0.0.2:1  ok
            \xff\u{1b}{x          -          4877  10.0.0.1:1  ok
            -                     4r8           5  10.0.0.1:1  moving to 10.0.0.2:1
            -                     dmk       10000  -           no owner
        "#]]
        .assert_eq(&key_places_text(&wanted, &rows));
        let wide = key_places_text(&wanted[..2], &rows[..2]);
        expect![[r#"
            Key                   Hash tag   Slot  Master      Replicas    State
            {user1000}.following  user1000   3443  10.0.0.1:1  10.0.0.3:1  ok
            foo                   -         12182  10.0.0.2:1  -           ok
        "#]]
        .assert_eq(&wide);
        let json = serde_json::to_value(&rows).unwrap();
        assert_eq!(json[1]["key"], "foo");
        assert_eq!((&json[2]["key"], &json[2]["key_base64"]), (&().into(), &"/xt7eA==".into()));
        assert_eq!(json[3]["place"]["moves"][0]["to"]["id"], b);
        assert_eq!(json[1]["place"]["owners"][0]["reachable"], true);
        let offline = serde_json::to_value(key_places_json(&wanted[..1], None)).unwrap();
        let alone = serde_json::json!([
            {"key": "{user1000}.following", "key_base64": null, "hash_tag": "user1000",
             "slot": 3443, "place": null}
        ]);
        assert_eq!(offline, alone);
    }
}
