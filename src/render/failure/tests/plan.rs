use super::{Failure, Sample, every, id, named, node, parts, slots, unknown, whole, words};
use crate::model::{FindError, NodeAddr};
use crate::plan::announced::{BadAddress, FamiliesApart};
use crate::plan::assign::AssignError;
use crate::plan::bus_tls::TlsApart;
use crate::plan::create::Precondition;
use crate::plan::import::ImportError;
use crate::plan::join::JoinError;
use crate::plan::layout::LayoutError;
use crate::plan::leave::LeaveError;
use crate::plan::meet::MeetError;
use crate::plan::moves::MovesError;
use crate::plan::replicate::ReplicateError;
use crate::plan::reset::ResetError;
use crate::plan::rolling::{Refusal, UnsafeHost};
use crate::plan::slots::WeightError;
use crate::plan::topology::{Mistake, Position, TopologyError, WrittenError};
use crate::plan::transfer::TransferError;
use crate::plan::versions::TooNew;

pub fn samples() -> Vec<Sample> {
    let apart = tls_apart().to_string();
    let parts = [
        parts(layout()),
        parts(weights()),
        parts(moves()),
        parts(bad_addresses()),
        parts(vec![("FamiliesApart", families_apart())]),
        parts(vec![("TlsApart", apart)]),
        parts(vec![(
            "TooNew",
            TooNew {
                replica: words("10.0.0.1:6379 (7.0.15)"),
                master: words("10.0.0.2:6379 (8.2.1)"),
            },
        )]),
        parts(written()),
        parts(vec![("Mistake", mistake())]),
    ];
    let wholes = [
        together(preconditions()),
        together(resets()),
        together(rolling()),
        whole(vec![("UnsafeHost", UnsafeHost(NodeAddr::new("$(x)", 6379, None)))]),
        whole(meet()),
        whole(join()),
        whole(assign()),
        whole(replicate()),
        whole(leave()),
        whole(transfer()),
        whole(topology()),
        whole(import()),
    ];
    parts.into_iter().chain(wholes).flatten().collect()
}

/// Errors that come as a list: each alone, and all together.
fn together<E: ToString + Clone>(errors: Vec<(&'static str, E)>) -> Vec<Sample>
where
    Failure: From<Vec<E>>,
{
    let all: Vec<E> = errors.iter().map(|(_, error)| error.clone()).collect();
    let all = errors.first().map(|(name, _)| Sample {
        name,
        text: words("all together"),
        failure: Some(Failure::from(all)),
    });
    let one = errors.into_iter().map(|(name, error)| Sample {
        name,
        text: error.to_string(),
        failure: Some(Failure::from(vec![error])),
    });
    one.chain(all).collect()
}

fn tls_apart() -> TlsApart {
    TlsApart { with: named(1), without: named(2) }
}

fn bad_address() -> BadAddress {
    BadAddress::NoHost { node: node(1), said: words("a b") }
}

fn bad_addresses() -> Vec<(&'static str, BadAddress)> {
    let said = words("a-name-that-is-far-too-long-for-any-server.example");
    every!(BadAddress { NoHost = bad_address(), TooLong { node: node(1), said: said } })
}

fn families_apart() -> FamiliesApart {
    FamiliesApart { v4: named(1), v6: words("[fd00::2]:6379") }
}

fn layout() -> Vec<(&'static str, LayoutError)> {
    every!(LayoutError {
        TooFewNodes { nodes: 3, replicas: 3 },
        TooManyNodes { nodes: 70000 },
        TooManyMasters { masters: 20000 },
        TooManyPins { wished: 4, masters: 3 },
        UnknownSeat { seat: 9 },
        BadWeight { seat: 1, what: "negative" },
        AllZero { seat: 0 },
    })
}

fn weights() -> Vec<(&'static str, WeightError)> {
    every!(WeightError { Bad { index: 1, what: "negative" }, AllZero })
}

fn moves() -> Vec<(&'static str, MovesError)> {
    every!(MovesError {
        Weights(WeightError::AllZero),
        Lengths { masters: 3, goals: 2 },
        Sum { asked: 16385, owned: 16384 },
        Overlap { slot: "5".parse().unwrap(), first: 0, second: 1 },
    })
}

fn mistake() -> Mistake {
    Mistake { at: Position { line: 3, column: 9 }, what: words("unknown key 'color'") }
}

fn written() -> Vec<(&'static str, WrittenError)> {
    every!(WrittenError { Mistake(mistake()), NotPlaced(node(1)), NoShards })
}

fn topology() -> Vec<(&'static str, TopologyError)> {
    every!(TopologyError {
        Slots(MovesError::Weights(WeightError::AllZero)),
        Conflict { one: named(1), other: named(2) },
        Unreachable { node: named(1), action: "it is to join", why: words("connection refused") },
        HoldsKeys { node: named(1), keys: 7 },
        NoMaster { nodes: 3 },
    })
}

fn preconditions() -> Vec<(&'static str, Precondition)> {
    every!(Precondition {
        TwoNames(node(1), node(2), id("a")),
        SameId(node(1), node(2), id("a")),
        TlsApart(tls_apart()),
        NotAlone { node: node(1), others: named(2) },
        OwnsSlots { node: node(1), slots: slots("0-9"), planned: slots("0-5") },
        OpenSlots { node: node(1), slots: slots("5") },
        WrongRole { node: node(1), master: named(2) },
        HasKeys { node: node(1), keys: 1 },
        HasKeys { node: node(1), keys: 2 },
        HasFunctions { node: node(1), libraries: 1 },
        HasFunctions { node: node(1), libraries: 2 },
        BadAddress(bad_address()),
        FamiliesApart(families_apart()),
    })
}

fn resets() -> Vec<(&'static str, ResetError)> {
    every!(ResetError {
        HoldsData { node: node(1), what: words("3 keys") },
        Serves { node: node(1), slots: words("slots 0-99") },
    })
}

fn meet() -> Vec<(&'static str, MeetError)> {
    every!(MeetError {
        OtherCluster { node: node(1), others: named(2), lone: None },
        OtherCluster { node: node(1), others: named(2), lone: Some(node(3)) },
        SlotClash { node: node(1), owner: named(2), slots: slots("5") },
        SameId(node(1), node(2), id("a")),
        TlsApart(tls_apart()),
        BadAddress(bad_address()),
        FamiliesApart(families_apart()),
    })
}

fn join() -> Vec<(&'static str, JoinError)> {
    every!(JoinError {
        Meet(MeetError::TlsApart(tls_apart())),
        NotEmpty { node: node(1), keys: 1 },
        NotEmpty { node: node(1), keys: 2 },
        IsReplica { node: node(1), master: named(2) },
        IsMaster { node: node(1), slots: words("slots 0-99") },
        NotAMaster { node: named(1), master: named(2) },
        Itself(node(1)),
        Unreachable { node: named(1), why: words("no answer to PING within 10s") },
        NoMasters,
    })
}

fn assign() -> Vec<(&'static str, AssignError)> {
    every!(AssignError {
        Taken { slots: slots("5"), owner: named(1) },
        IsReplica { node: named(1), master: named(2) },
        NotOwned { node: named(1), slots: slots("0-9"), owner: None },
        NotOwned { node: named(1), slots: slots("0-9"), owner: Some(named(2)) },
        Open { node: named(1), slots: slots("5") },
    })
}

fn replicate() -> Vec<(&'static str, ReplicateError)> {
    every!(ReplicateError {
        Find(FindError::Unknown(unknown(None))),
        Find(FindError::Unknown(unknown(Some(named(1))))),
        Itself(named(1)),
        NotAMaster { node: named(1), master: named(2) },
        Handshake(named(1)),
        OwnsSlots { node: named(1), slots: slots("0-9") },
        HasKeys { node: named(1), keys: 1 },
        HasKeys { node: words("aaaaaaaa"), keys: 2 },
    })
}

fn leave() -> Vec<(&'static str, LeaveError)> {
    every!(LeaveError {
        OwnsSlots { node: named(1), slots: words("slots 0-99") },
        DeadOwner { node: named(1), slots: words("slots 0-99"), replica: None },
        DeadOwner { node: named(1), slots: words("slots 0-99"), replica: Some(named(2)) },
        HoldsKeys { node: named(1), keys: 3 },
        NobodyStays,
        Transfer(TransferError::NoMasters),
    })
}

fn transfer() -> Vec<(&'static str, TransferError)> {
    let slot = || "5".parse().unwrap();
    every!(TransferError {
        IsReplica { node: named(1), master: named(2) },
        Unreachable { node: named(1), why: words("no answer to PING within 10s") },
        NotServing { node: named(1) },
        Conflict { slots: slots("5"), one: named(1), other: named(2) },
        Unowned { slots: slots("5") },
        TooMany { asked: 9, owned: 3, from: named(1) },
        ToItself(named(1)),
        OpenElsewhere { slot: slot(), from: named(1), to: named(2) },
        OpenOddly { slot: slot(), ends: words("migrating at 10.0.0.1:6379") },
        NoRoom { node: named(1), used: 90, limit: 100 },
        Weights(MovesError::Weights(WeightError::AllZero)),
        NoMasters,
    })
}

fn import() -> Vec<(&'static str, ImportError)> {
    every!(ImportError {
        Itself(node(1)),
        Replica(node(1)),
        Unowned(slots("5")),
        NotServing(named(1)),
    })
}

fn rolling() -> Vec<(&'static str, Refusal)> {
    let (version, target) = (|| words("Redis 7.4.1"), |text: &str| text.parse().unwrap());
    every!(Refusal {
        Unhealthy(words("slot 5 has no owner")),
        NoReplica { master: named(1) },
        NoPersistence { node: named(1) },
        Downgrade { node: named(1), version: version(), target: target("7.2") },
        Unreadable { node: named(1), version: version(), target: target("valkey-9.1") },
        FewReplicas { master: named(1), needed: 1, good: 1 },
    })
}
