//! The terminal: taken for the view, and given back as it was however the view ends.

use std::io::{self, IsTerminal, Write};
use std::panic;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crossterm::cursor::{Hide, Show};
use crossterm::event::{self, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use crossterm::{execute, queue};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Signal, getpgrp, getsid, kill_current_process_group};
use signal_hook::consts::{SIGCONT, SIGTSTP};
use signal_hook::{flag, low_level};

use super::draw::draw;
use super::state::{Event, Flow, Key, State};
use crate::ops::clock;

/// How long a key is waited for before ticks and signals are looked at.
const SLICE: Duration = Duration::from_millis(100);

/// How long what blinks is lit.
const BLINK: Duration = Duration::from_millis(500);

/// The terminal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TerminalError {
    #[error("the terminal cannot be used: {0}")]
    Io(#[from] io::Error),
    #[error("watch stopped by a defect: {0}")]
    Defect(String),
}

/// How the view ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// A key, or the last tick.
    Quit,
    Signal,
}

/// Why there can be no view on standard output, if so.
pub fn refusal() -> Option<&'static str> {
    if !io::stdout().is_terminal() {
        return Some("standard output is not a terminal");
    }
    let is_dumb = std::env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
    is_dumb.then_some("the terminal cannot place text (TERM is dumb or not set)")
}

/// Shows the state until a key ends it, a signal comes, or the ticks end.
pub fn run(
    mut state: State,
    ticks: &Receiver<Event>,
    colors: bool,
    is_signalled: impl Fn() -> bool,
) -> Result<End, TerminalError> {
    let caught = Caught::begin();
    let shown = show(&mut state, ticks, colors, is_signalled);
    match caught.end() {
        Some(defect) => Err(TerminalError::Defect(defect)),
        None => Ok(shown?),
    }
}

/// What can be done for a terminal that nothing can be written to: lines are read as before.
pub fn release() {
    let _ = disable_raw_mode();
}

fn show(
    state: &mut State,
    ticks: &Receiver<Event>,
    colors: bool,
    is_signalled: impl Fn() -> bool,
) -> io::Result<End> {
    let mut taken = Taken::take(io::stdout(), true)?;
    let stops = Stops::catch()?;
    let mut terminal = Terminal::new(CrosstermBackend::new(io::stdout()))?;
    let (mut is_new, mut blinked) = (true, Instant::now());
    loop {
        if is_new {
            terminal.draw(|frame| draw(&state.view(), frame.area(), frame.buffer_mut(), colors))?;
        }
        is_new = false;
        let mut flow = Flow::Stay;
        if is_gone(SLICE)? {
            return Ok(End::Signal);
        }
        if event::poll(Duration::ZERO)? {
            is_new = true;
            if let event::Event::Key(pressed) = event::read()?
                && let Some(key) = key(pressed)
            {
                // Esc and a key that comes at once look like the key with Alt.
                if pressed.modifiers.contains(KeyModifiers::ALT) {
                    state.on(Event::Key(Key::Esc));
                }
                flow = state.on(Event::Key(key));
            }
        }
        let mut is_over = false;
        loop {
            match ticks.try_recv() {
                Ok(tick) => (state.on(tick), is_new = true),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => break is_over = true,
            };
        }
        if blinked.elapsed() >= BLINK {
            blinked = Instant::now();
            state.on(Event::Blink(clock()));
            is_new |= state.blinks();
        }
        match flow {
            _ if is_signalled() => return Ok(End::Signal),
            _ if is_over => return Ok(End::Quit),
            Flow::Quit => return Ok(End::Quit),
            _ if flow == Flow::Suspend || stops.is_asked() => {
                taken.give_back()?;
                stops.suspend()?;
                taken.enter()?;
                terminal.clear()?;
            }
            // Whoever stopped us may have used the terminal.
            _ if stops.has_continued() => {
                taken.give_back()?;
                taken.enter()?;
                terminal.clear()?;
            }
            _ => {}
        }
    }
}

/// Waits until something is typed or the time is over; whether the terminal is there no more, as
/// after a connection that broke. crossterm itself would read at its end for ever.
fn is_gone(time: Duration) -> io::Result<bool> {
    let out = io::stdout();
    let mut terminal = [PollFd::new(&out, PollFlags::IN)];
    let time = Timespec::try_from(time).map_err(io::Error::other)?;
    match poll(&mut terminal, Some(&time)) {
        // A new size, or a signal that is looked at next.
        Err(Errno::INTR) => return Ok(false),
        waited => waited?,
    };
    Ok(terminal[0].revents().intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL))
}

fn key(pressed: KeyEvent) -> Option<Key> {
    if pressed.kind == KeyEventKind::Release {
        return None;
    }
    let is_control = pressed.modifiers.contains(KeyModifiers::CONTROL);
    Some(match pressed.code {
        KeyCode::Char('c') if is_control => Key::CtrlC,
        KeyCode::Char('z') if is_control => Key::CtrlZ,
        KeyCode::Char(_) if is_control => return None,
        KeyCode::Char(c) => Key::Char(c),
        KeyCode::Up => Key::Up,
        KeyCode::Down => Key::Down,
        KeyCode::PageUp => Key::PageUp,
        KeyCode::PageDown => Key::PageDown,
        KeyCode::Home => Key::Home,
        KeyCode::End => Key::End,
        KeyCode::Enter => Key::Enter,
        KeyCode::Esc => Key::Esc,
        KeyCode::Tab => Key::Tab,
        KeyCode::Backspace => Key::Backspace,
        _ => return None,
    })
}

/// Being stopped, by Ctrl-Z or by others, and going on.
struct Stops {
    asked: Arc<AtomicBool>,
    continued: Arc<AtomicBool>,
}

impl Stops {
    fn catch() -> io::Result<Stops> {
        let stops = Stops { asked: Arc::default(), continued: Arc::default() };
        flag::register(SIGTSTP, Arc::clone(&stops.asked))?;
        flag::register(SIGCONT, Arc::clone(&stops.continued))?;
        Ok(stops)
    }

    fn is_asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }

    fn has_continued(&self) -> bool {
        self.continued.swap(false, Ordering::Relaxed)
    }

    /// Stops all that the terminal's Ctrl-Z would have, until it is continued.
    fn suspend(&self) -> io::Result<()> {
        // Where nobody started us as a job, nobody could continue it.
        if getpgrp() != getsid(None)? {
            kill_current_process_group(Signal::TSTP)?;
            low_level::emulate_default_handler(SIGTSTP)?;
        }
        self.asked.store(false, Ordering::Relaxed);
        self.continued.store(false, Ordering::Relaxed);
        Ok(())
    }
}

/// The terminal while it is the view's. It is given back when this is dropped.
struct Taken<W: Write> {
    out: W,
    /// Whether keys are read as they are pressed, which is a setting of the terminal itself.
    raw: bool,
    is_ours: bool,
}

impl<W: Write> Taken<W> {
    fn take(out: W, raw: bool) -> io::Result<Taken<W>> {
        let mut taken = Taken { out, raw, is_ours: false };
        taken.enter()?;
        Ok(taken)
    }

    fn enter(&mut self) -> io::Result<()> {
        self.is_ours = true;
        if self.raw {
            enable_raw_mode()?;
        }
        execute!(self.out, EnterAlternateScreen, Hide)
    }

    fn give_back(&mut self) -> io::Result<()> {
        if !std::mem::take(&mut self.is_ours) {
            return Ok(());
        }
        let written = queue!(self.out, LeaveAlternateScreen, Show).and_then(|()| self.out.flush());
        if self.raw {
            disable_raw_mode()?;
        }
        written
    }
}

impl<W: Write> Drop for Taken<W> {
    fn drop(&mut self) {
        // Nothing can be done for a terminal that has gone.
        let _ = self.give_back();
    }
}

/// What a panic says, kept until the terminal is as it was: on the view's screen it would be lost.
struct Caught(Arc<Mutex<Option<String>>>);

impl Caught {
    fn begin() -> Caught {
        let said = Arc::new(Mutex::new(None));
        let kept = Arc::clone(&said);
        panic::set_hook(Box::new(move |info| {
            *kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(info.to_string());
        }));
        Caught(said)
    }

    fn end(self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Drop for Caught {
    fn drop(&mut self) {
        // A thread that panics may not change the hook.
        if !std::thread::panicking() {
            drop(panic::take_hook());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a terminal is sent.
    #[derive(Clone, Default)]
    struct Sent(Arc<Mutex<Vec<u8>>>);

    impl Write for Sent {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn the_terminal_is_given_back_once_also_by_a_panic() {
        let sent = Sent::default();
        let inner = sent.clone();
        let ended = panic::catch_unwind(move || {
            let _taken = Taken::take(inner, false).unwrap();
            panic!("on purpose");
        });
        assert!(ended.is_err());
        let text = String::from_utf8(sent.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text, "\x1b[?1049h\x1b[?25l\x1b[?1049l\x1b[?25h");
    }
}
