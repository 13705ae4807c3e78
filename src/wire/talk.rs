//! Conversations with servers. Each goes on where it was once its server is ready: one by itself, or
//! many together, on as few threads as have something to do.

use std::cell::Cell;
use std::future::poll_fn;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::thread::available_parallelism;
use std::time::Instant;

use itertools::Itertools;
use mio::unix::SourceFd;
use mio::{Events, Interest, Registry, Token};
use rustix::event::{PollFd, PollFlags, Timespec};

use super::fleet::all_at_once;

/// Most conversations at a time: as many as a cluster can have nodes, below the usual limit of open
/// files.
const AT_ONCE: usize = 1024;

/// What one thread is through with before another has started: replies of so many nearby servers.
const SHARE: usize = 64;

/// How many begin before those that have begun go on: near servers reply meanwhile.
const EAGER: usize = 16;

/// Where a conversation waits.
#[derive(Debug, Default)]
pub struct Wait(Option<Cell<Option<Want>>>);

/// What it waits for.
#[derive(Clone, Copy, Debug)]
struct Want {
    source: RawFd,
    is_new: bool,
    way: Way,
    until: Instant,
}

/// Which way bytes are to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    In,
    Out,
}

impl Wait {
    /// Until bytes can go that way, or nearly so: what cannot be done then waits once more. At the
    /// latest until a moment. A new source is one that nothing waited for before.
    pub(super) async fn ready(&self, source: &impl AsFd, is_new: bool, way: Way, until: Instant) {
        let Some(want) = &self.0 else {
            let flags = match way {
                Way::In => PollFlags::IN,
                Way::Out => PollFlags::OUT,
            };
            let left = until.saturating_duration_since(Instant::now());
            // What goes wrong here shows in what is tried next.
            let left = Timespec::try_from(left).ok();
            let _ = rustix::event::poll(&mut [PollFd::new(source, flags)], left.as_ref());
            return;
        };
        want.set(Some(Want { source: source.as_fd().as_raw_fd(), is_new, way, until }));
        let mut is_over = false;
        poll_fn(|_| match std::mem::replace(&mut is_over, true) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        })
        .await;
    }

    fn until(&self) -> Option<Instant> {
        self.0.as_ref()?.get().map(|want| want.until)
    }

    fn end(&self) {
        self.0.as_ref().inspect(|want| want.set(None));
    }

    /// Has the system report when it is ready.
    fn watch(&self, registry: &Registry, at: usize, watched: &mut Option<(RawFd, Way)>) {
        let Some(want) = self.0.as_ref().and_then(Cell::get) else { return };
        let (source, way) = (want.source, want.way);
        let interest = match way {
            Way::In => Interest::READABLE,
            Way::Out => Interest::WRITABLE,
        };
        let before = watched.replace((source, way));
        // Where the system refuses it, the conversation goes on when its time is up.
        let _ = match before.filter(|(before, _)| !want.is_new && *before == source) {
            Some((_, before)) if before == way => Ok(()),
            Some(_) => registry.reregister(&mut SourceFd(&source), Token(at), interest),
            // A file that was closed may have left its number to this one.
            None => registry.register(&mut SourceFd(&source), Token(at), interest),
        };
    }
}

/// One conversation; whoever has it waits.
pub fn alone<T>(talk: impl AsyncFnOnce(&Wait) -> T) -> T {
    let wait = Wait(None);
    let mut talk = pin!(talk(&wait));
    loop {
        if let Poll::Ready(done) = step(talk.as_mut()) {
            return done;
        }
    }
}

/// A conversation with each at once; gives the results in the items' order.
pub fn together<I: Send, T: Send>(
    items: impl IntoIterator<Item = I>,
    talk: impl AsyncFn(I, &Wait) -> T + Sync,
) -> Vec<T> {
    let items: Vec<I> = items.into_iter().collect();
    if items.len() <= SHARE {
        return share(items, &talk, AT_ONCE);
    }
    // Replies of large clusters are megabytes: reading them is work for all processors.
    let processors = available_parallelism().map_or(1, usize::from);
    let threads = processors.min(items.len().div_ceil(SHARE));
    let each = items.len().div_ceil(threads);
    let chunks = items.into_iter().chunks(each);
    let shares: Vec<Vec<I>> = chunks.into_iter().map(Iterator::collect).collect();
    let done = all_at_once(shares, |items| share(items, &talk, AT_ONCE.div_ceil(threads)));
    done.into_iter().flatten().collect()
}

/// The conversations of one thread, at most so many at a time.
fn share<I, T>(items: Vec<I>, talk: &impl AsyncFn(I, &Wait) -> T, most: usize) -> Vec<T> {
    let poll = if items.len() > 1 { mio::Poll::new().ok() } else { None };
    // Where the system refuses it, they come one after the other.
    let Some(mut poll) = poll else {
        return items.into_iter().map(|item| alone(async |wait| talk(item, wait).await)).collect();
    };
    let mut events = Events::with_capacity(items.len().min(most));
    let waits: Vec<Wait> = items.iter().map(|_| Wait(Some(Cell::default()))).collect();
    let mut results: Vec<Option<T>> = items.iter().map(|_| None).collect();
    let mut queue = items.into_iter().zip(&waits).map(|(item, wait)| Box::pin(talk(item, wait)));
    let mut talks = Vec::new();
    let mut sources = Vec::new();
    let mut running = 0;
    loop {
        let mut due: Vec<usize> = Vec::new();
        for talk in queue.by_ref().take(EAGER.min(most - running)) {
            due.push(talks.len());
            talks.push(Some(talk));
            sources.push(None);
        }
        running += due.len();
        if running == 0 {
            return results.into_iter().flatten().collect();
        }
        let asleep = || waits.iter().enumerate().filter_map(|(at, wait)| Some((at, wait.until()?)));
        let first = match due.is_empty() {
            true => asleep().map(|(_, until)| until).min(),
            false => Some(Instant::now()),
        };
        let left = first.map(|until| until.saturating_duration_since(Instant::now()));
        // What goes wrong here, as a signal, shows in what is tried next.
        let _ = poll.poll(&mut events, left);
        due.extend(events.iter().map(|event| event.token().0));
        let now = Instant::now();
        due.extend(asleep().filter(|(_, until)| *until <= now).map(|(at, _)| at));
        for at in due {
            let Some(talk) = &mut talks[at] else { continue };
            match step(talk.as_mut()) {
                Poll::Ready(done) => {
                    results[at] = Some(done);
                    talks[at] = None;
                    waits[at].end();
                    running -= 1;
                }
                Poll::Pending => waits[at].watch(poll.registry(), at, &mut sources[at]),
            }
        }
    }
}

fn step<T>(talk: Pin<&mut impl Future<Output = T>>) -> Poll<T> {
    talk.poll(&mut Context::from_waker(Waker::noop()))
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::thread;
    use std::time::Duration;

    use super::*;

    /// Reads one byte from a server that lets nobody have one before all are there.
    async fn byte(server: &TcpListener, wait: &Wait) -> u8 {
        let mut stream = TcpStream::connect(server.local_addr().unwrap()).unwrap();
        stream.set_nonblocking(true).unwrap();
        let mut byte = [0];
        while stream.read(&mut byte).is_err() {
            let until = Instant::now() + Duration::from_secs(60);
            wait.ready(&stream, true, Way::In, until).await;
        }
        byte[0]
    }

    #[test]
    fn all_wait_at_once_and_results_keep_the_order() {
        for count in [2, 30, 200] {
            let server = TcpListener::bind("127.0.0.1:0").unwrap();
            thread::scope(|scope| {
                scope.spawn(|| {
                    let all: Vec<_> = (0..count).map(|_| server.accept().unwrap().0).collect();
                    all.into_iter().for_each(|mut one| one.write_all(b"x").unwrap());
                });
                let begun = Instant::now();
                let talk = async |n, wait: &Wait| (n, byte(&server, wait).await);
                let results = together(0..count, talk);
                assert_eq!(results, (0..count).map(|n| (n, b'x')).collect::<Vec<_>>());
                assert!(begun.elapsed() < Duration::from_secs(30), "nothing woke them");
            });
        }
    }

    #[test]
    fn a_time_that_is_up_ends_a_wait_that_nothing_else_ends() {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let begun = Instant::now();
        let late = async |millis: u64, wait: &Wait| {
            let stream = TcpStream::connect(server.local_addr().unwrap()).unwrap();
            let until = begun + Duration::from_millis(millis);
            while Instant::now() < until {
                wait.ready(&stream, true, Way::In, until).await;
            }
            millis
        };
        assert_eq!(together([60, 20, 40], late), [60, 20, 40]);
        assert!((60..30_000).contains(&begun.elapsed().as_millis()));
        assert_eq!(alone(async |wait| late(80, wait).await), 80);
        assert!(begun.elapsed() >= Duration::from_millis(80));
    }

    #[test]
    fn more_than_are_let_in_at_once_all_have_their_turn() {
        let talk = async |n: usize, _: &Wait| n * 2;
        let doubled: Vec<_> = (0..500).map(|n| n * 2).collect();
        assert_eq!(share((0..500).collect(), &talk, 7), doubled);
        assert_eq!(together(0..500, talk), doubled);
    }
}
