//! What happens while a plan is carried out.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

/// The parts of carrying a plan out, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Config epochs are set, before nodes know each other.
    Epochs,
    /// Nodes get to know each other.
    Meet,
    /// Slots and roles are given out.
    Assign,
    /// All nodes come to see slots and roles alike.
    Agree,
    /// Every node comes to say `cluster_state:ok`.
    Serve,
    /// Nodes are taken out of whatever they are in.
    Reset,
    /// Slots go from one master to another.
    Move,
    /// Keys come from other servers.
    Copy,
    /// Masters' data is saved.
    Backup,
    /// Servers load what was saved.
    Load,
    /// A replica takes its master's place.
    Promote,
    /// Nodes are restarted, and waited for until they are ready.
    Restart,
    /// Replicas come to have all that their masters have.
    Sync,
    /// Nodes that left are struck off every list.
    Forget,
    /// Settings that should be alike are made so.
    Settings,
    /// Marks of open slots are taken away, and slots that another owns as well are given up.
    Close,
    /// Each slot gets one owner, and all are told.
    Settle,
    /// Keys are looked for that their holders do not tell of.
    LocateOrphans,
    /// Keys are looked for that block nodes while they move.
    FindBigKeys,
    /// Masters get the function libraries that others have.
    Functions,
}

impl Phase {
    /// A few words for a person.
    pub const fn summary(self) -> &'static str {
        match self {
            Phase::Epochs => "setting config epochs",
            Phase::Meet => "meeting nodes",
            Phase::Assign => "assigning slots and roles",
            Phase::Agree => "waiting for agreement",
            Phase::Serve => "waiting for cluster_state:ok",
            Phase::Reset => "resetting nodes",
            Phase::Move => "moving slots",
            Phase::Copy => "importing keys",
            Phase::Backup => "backing up masters",
            Phase::Load => "loading files",
            Phase::Promote => "promoting a replica",
            Phase::Restart => "restarting nodes",
            Phase::Sync => "waiting for replicas to sync",
            Phase::Forget => "forgetting nodes",
            Phase::Settings => "restoring settings",
            Phase::Close => "clearing slot states",
            Phase::Settle => "setting slot owners",
            Phase::LocateOrphans => "locating orphaned keys",
            Phase::FindBigKeys => "finding big keys",
            Phase::Functions => "copying functions",
        }
    }

    /// What is counted in it.
    pub const fn unit(self) -> &'static str {
        match self {
            Phase::Epochs | Phase::Assign | Phase::Close | Phase::Settle => "steps",
            Phase::Settings => "settings",
            Phase::Functions => "libraries",
            Phase::Meet => "introductions",
            Phase::Move => "slots",
            Phase::Copy => "keys",
            Phase::Load => "files",
            Phase::Agree
            | Phase::Serve
            | Phase::Reset
            | Phase::Promote
            | Phase::Restart
            | Phase::Sync
            | Phase::Backup
            | Phase::Forget
            | Phase::LocateOrphans
            | Phase::FindBigKeys => "nodes",
        }
    }
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A phase begins: `total` things are to be done in it.
    Start { phase: Phase, total: usize },
    /// `done` of them are done.
    Step { phase: Phase, done: usize, total: usize },
    /// So many keys have moved, at this pace.
    Keys { phase: Phase, keys: u64, keys_per_s: u64, bytes_per_s: u64, left_s: u64 },
    /// The phase goes on, and this is one of the things it waits for.
    Wait { phase: Phase, message: String },
    /// The phase is over.
    Done { phase: Phase, elapsed: Duration },
    /// Something a person should know.
    Note { message: String },
}

/// Who is told, from many threads at once.
pub trait Observer: Sync {
    fn on(&self, event: Event);
}

/// Counts what is done in a phase and tells the observer.
pub(super) struct Tally<'a> {
    phase: Phase,
    begun: AtomicBool,
    total: AtomicUsize,
    /// Locked while it is told, so that nobody hears 9 after 10.
    done: Mutex<usize>,
    observer: &'a dyn Observer,
}

impl Tally<'_> {
    pub(super) fn new(phase: Phase, observer: &dyn Observer) -> Tally<'_> {
        let (begun, total) = (AtomicBool::new(false), AtomicUsize::new(0));
        Tally { phase, begun, total, done: Mutex::new(0), observer }
    }

    pub(super) fn expect(&self, total: usize) {
        self.begun.store(true, Ordering::Relaxed);
        self.total.store(total, Ordering::Relaxed);
        self.observer.on(Event::Start { phase: self.phase, total });
    }

    /// Whether the phase's beginning was told.
    pub(super) fn has_begun(&self) -> bool {
        self.begun.load(Ordering::Relaxed)
    }

    /// Whether there was anything to do.
    pub(super) fn had_work(&self) -> bool {
        self.total.load(Ordering::Relaxed) > 0
    }

    /// So many keys and bytes have moved in this time.
    pub(super) fn moved(&self, keys: u64, bytes: u64, elapsed: Duration) {
        let done = *self.done.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let total = self.total.load(Ordering::Relaxed);
        let seconds = elapsed.as_secs_f64().max(0.001);
        let left_s = seconds * total.saturating_sub(done) as f64 / done.max(1) as f64;
        self.observer.on(Event::Keys {
            phase: self.phase,
            keys,
            keys_per_s: (keys as f64 / seconds) as u64,
            bytes_per_s: (bytes as f64 / seconds) as u64,
            left_s: left_s.ceil() as u64,
        });
    }

    pub(super) fn waits(&self, message: String) {
        self.observer.on(Event::Wait { phase: self.phase, message });
    }

    pub(super) fn note(&self, message: String) {
        self.observer.on(Event::Note { message });
    }

    pub(super) fn add(&self, count: usize) {
        self.set(|done| done + count);
    }

    /// So much is done by now; what was done once stays done.
    pub(super) fn reach(&self, count: usize) {
        self.set(|done| done.max(count));
    }

    fn set(&self, change: impl Fn(usize) -> usize) {
        let mut done = self.done.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let now = change(*done);
        if now > *done {
            *done = now;
            let total = self.total.load(Ordering::Relaxed);
            self.observer.on(Event::Step { phase: self.phase, done: now, total });
        }
    }
}
