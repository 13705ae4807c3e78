use super::{Sample, every, parts, unknown, whole, words};
use crate::model::{
    AddrError, BadLogin, FindError, IdError, NodeRef, SlotError, SlotRange, ViewError,
};

pub fn samples() -> Vec<Sample> {
    let slots = every!(SlotError {
        OutOfRange(words("16384")),
        NotASlot(words("x")),
        Backwards = "9-3".parse::<SlotRange>().unwrap_err(),
    });
    let view = every!(ViewError {
        BadLine { line: 2, what: "slot", text: words("x") },
        NoMyself,
        TooMany,
    });
    let addr = every!(AddrError {
        NoPort(words("redis1")),
        NoHost(words(":7001")),
        BadPort { text: words("redis1:x"), port: words("x") },
        BadHost(words("a b:7001")),
    });
    let find = every!(FindError {
        Unknown(unknown(None)),
        Unknown(unknown(Some(words("10.0.0.1:6379")))),
        Ambiguous(NodeRef::Id(words("aa")), words("10.0.0.1:6379 and 10.0.0.2:6379")),
    });
    let single =
        [parts(vec![("BadLogin", BadLogin)]), parts(vec![("IdError", IdError(words("x")))])];
    let parsed = [parts(slots), parts(view), parts(addr)];
    parsed.into_iter().chain(single).chain([whole(find)]).flatten().collect()
}
