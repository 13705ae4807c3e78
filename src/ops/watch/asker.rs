//! One node: a thread that asks it, and what it reported last.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::Builder;
use std::time::{Duration, Instant};

use crate::model::{NodeAddr, NodeId, NodeReport, Slot};
use crate::plan::live::Reading;
use crate::wire::{Access, MigrationSupport, Pulse, Server, WireError};

/// A node that has not replied for so long counts as unreachable; none is waited for any longer.
pub(super) const LATE: Duration = Duration::from_secs(1);

/// A thread of these needs little; there is one for each node.
const STACK: usize = 256 << 10;

pub(super) type Answer = Result<Box<Pulse>, WireError>;

/// A node that does not reply.
#[derive(Clone, Copy, Debug)]
pub struct Silence {
    pub since: Duration,
    /// It took the question, and nothing has come; else it cannot be asked.
    pub hangs: bool,
}

/// One node that is asked.
#[derive(Debug)]
pub(super) struct Asker {
    questions: Sender<Vec<Slot>>,
    /// When it was asked, if it has not replied yet.
    asked: Option<Instant>,
    /// When the question was asked that it did not reply to first, of those in a row.
    failing: Option<Instant>,
    id: Option<NodeId>,
    last: Result<(Reading, NodeReport), WireError>,
}

impl Asker {
    /// Starts the thread; where the system refuses one, that is what is wrong with the node.
    pub(super) fn start(
        addr: NodeAddr,
        access: Access,
        answers: Sender<(NodeAddr, Answer)>,
    ) -> Asker {
        let (questions, asked) = channel();
        let node = addr.clone();
        let thread = Builder::new().name("asker".to_owned()).stack_size(STACK);
        let started = thread.spawn(move || work(&node, &access, &asked, &answers));
        let last = match started {
            Ok(_) => unasked(&addr),
            Err(error) => WireError::Connect { addr, why: error.to_string() },
        };
        Asker { questions, asked: None, failing: None, id: None, last: Err(last) }
    }

    /// Asks, unless it is being asked. Whether there is now something to wait for.
    pub(super) fn ask(&mut self, count: &BTreeMap<NodeId, Vec<Slot>>) -> bool {
        if self.asked.is_some() {
            return false;
        }
        let slots = self.id.and_then(|id| count.get(&id)).cloned().unwrap_or_default();
        let is_asked = self.questions.send(slots).is_ok();
        self.asked = is_asked.then(Instant::now);
        is_asked
    }

    pub(super) fn is_asked(&self) -> bool {
        self.asked.is_some()
    }

    pub(super) fn note(&mut self, answer: Result<(Reading, NodeReport), WireError>) {
        let asked = self.asked.take();
        match &answer {
            Ok((_, report)) => (self.id, self.failing) = (Some(report.id()), None),
            Err(_) => self.failing = self.failing.or(asked),
        }
        self.last = answer;
    }

    /// The newest that it has reported; what was wrong with it is so until it replies.
    pub(super) fn newest(&self, addr: &NodeAddr) -> Result<(Reading, NodeReport), WireError> {
        match (self.hanging(), &self.last) {
            (Some(asked), Ok(_)) => Err(timeout(addr, asked.elapsed())),
            (_, last) => last.clone(),
        }
    }

    fn hanging(&self) -> Option<Instant> {
        self.asked.filter(|asked| asked.elapsed() >= LATE)
    }

    pub(super) fn silence(&self) -> Option<Silence> {
        let since = self.failing.or(self.hanging())?;
        let hangs = self.hanging().is_some() || matches!(self.last, Err(WireError::Timeout { .. }));
        Some(Silence { since: since.elapsed(), hangs })
    }
}

/// What is said of a node before anything is known of it.
pub(super) fn unasked(addr: &NodeAddr) -> WireError {
    timeout(addr, LATE)
}

fn timeout(addr: &NodeAddr, after: Duration) -> WireError {
    let after = Duration::from_secs(after.as_secs());
    WireError::Timeout { addr: addr.clone(), command: "CLUSTER NODES".to_owned(), after }
}

fn work(
    addr: &NodeAddr,
    access: &Access,
    questions: &Receiver<Vec<Slot>>,
    answers: &Sender<(NodeAddr, Answer)>,
) {
    let mut open = None;
    for slots in questions {
        let was_open = open.is_some();
        let mut answer = ask(&mut open, addr, access, &slots);
        if was_open && matches!(answer, Err(WireError::Lost { .. })) {
            // The server has closed it meanwhile, as after a restart.
            answer = ask(&mut open, addr, access, &slots);
        }
        if answers.send((addr.clone(), answer.map(Box::new))).is_err() {
            return;
        }
    }
}

fn ask(
    open: &mut Option<(Server, MigrationSupport)>,
    addr: &NodeAddr,
    access: &Access,
    slots: &[Slot],
) -> Result<Pulse, WireError> {
    let (mut server, support) = match open.take() {
        Some(open) => open,
        None => {
            let mut server = Server::connect(addr, access)?;
            // Who may not ask sees no moves.
            let support = match server.migration_support() {
                Err(error) if error.refusal().is_some() => MigrationSupport::Classic,
                support => support?,
            };
            (server, support)
        }
    };
    let pulse = server.pulse(support, slots)?;
    *open = Some((server, support));
    Ok(pulse)
}
