use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::ops::{Event, Phase};

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(remote = "Phase", rename_all = "lowercase")]
enum PhaseJson {
    Epochs,
    Meet,
    Assign,
    Agree,
    Serve,
    Reset,
    Move,
    Copy,
    Backup,
    Load,
    Promote,
    Restart,
    Sync,
    Forget,
    Settings,
    Close,
    Settle,
    #[serde(rename = "reveal")]
    LocateOrphans,
    FindBigKeys,
    Functions,
}

/// A phase, named as in the events.
#[derive(Clone, Copy, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct PhaseName(#[serde(with = "PhaseJson")] pub Phase);

/// One line of `--progress json`.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(remote = "Event", tag = "event", rename_all = "lowercase")]
pub(super) enum EventFields {
    Start {
        #[serde(with = "PhaseJson")]
        phase: Phase,
        total: usize,
    },
    Step {
        #[serde(with = "PhaseJson")]
        phase: Phase,
        done: usize,
        total: usize,
    },
    Keys {
        #[serde(with = "PhaseJson")]
        phase: Phase,
        keys: u64,
        keys_per_s: u64,
        bytes_per_s: u64,
        left_s: u64,
    },
    Wait {
        #[serde(with = "PhaseJson")]
        phase: Phase,
        message: String,
    },
    Done {
        #[serde(with = "PhaseJson")]
        phase: Phase,
        #[serde(rename = "elapsed_ms", serialize_with = "milliseconds")]
        #[cfg_attr(test, schemars(with = "u64"))]
        elapsed: Duration,
    },
    Note {
        message: String,
    },
}

/// An event as it is written.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct EventJson<'a>(#[serde(serialize_with = "EventFields::serialize")] pub &'a Event);

fn milliseconds<S: Serializer>(elapsed: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(elapsed.as_millis() as u64)
}
