//! What the view is at: ticks and keys come in, and nothing is drawn here.

use super::letters::Letters;
use super::line::Line;
use super::pages::{Screen, page};
use super::rows::{Sort, rows};
use super::strip::Strip;
use crate::model::NodeId;
use crate::render::json::WatchJson;

/// A key, whatever terminal it comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    Up,
    Down,
    PageUp,
    PageDown,
    Home,
    End,
    Enter,
    Esc,
    Tab,
    Backspace,
    Char(char),
    CtrlC,
    CtrlZ,
}

/// What happens.
#[derive(Debug)]
pub enum Event {
    /// A tick, made at a time in milliseconds since 1970.
    Tick(Box<WatchJson>, u64),
    Key(Key),
    /// It is so late now; what blinks changes.
    Blink(u64),
}

/// What is to be done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    Stay,
    /// Back to the shell, until it is called again.
    Suspend,
    Quit,
}

/// How far a key for a page goes.
const PAGE: usize = 10;

/// Everything that is to be seen, and how.
#[derive(Debug)]
pub struct State {
    pub(super) shown: WatchJson,
    pub(super) shown_at: u64,
    pub(super) strip: Strip,
    letters: Letters,
    /// The number of each shard that is shown.
    pub(super) numbers: Vec<usize>,
    /// What came while it was paused.
    waiting: Option<(Box<WatchJson>, u64)>,
    pub(super) paused: bool,
    pub(super) sort: Sort,
    pub(super) filter: String,
    pub(super) typing: bool,
    pub(super) screen: Screen,
    pub(super) selected: Option<NodeId>,
    /// The first line of a page that is longer than the screen.
    pub(super) scroll: usize,
    pub(super) lit: bool,
    pub(super) now: u64,
}

impl State {
    pub fn new(first: WatchJson, at: u64) -> State {
        let mut letters = Letters::default();
        let numbers = letters.assign(&first);
        State {
            strip: Strip::of(&first, &numbers),
            letters,
            numbers,
            shown: first,
            shown_at: at,
            waiting: None,
            paused: false,
            sort: Sort::default(),
            filter: String::new(),
            typing: false,
            screen: Screen::Main,
            selected: None,
            scroll: 0,
            lit: false,
            now: at,
        }
    }

    pub fn on(&mut self, event: Event) -> Flow {
        match event {
            Event::Tick(tick, at) if self.paused => self.waiting = Some((tick, at)),
            Event::Tick(tick, at) => self.show(*tick, at),
            Event::Blink(now) => (self.lit, self.now) = (!self.lit, now),
            Event::Key(Key::CtrlC) => return Flow::Quit,
            Event::Key(Key::CtrlZ) => return Flow::Suspend,
            Event::Key(key) if self.typing => self.typed(key),
            Event::Key(key) => return self.pressed(key),
        }
        Flow::Stay
    }

    /// Whether anything blinks.
    pub fn blinks(&self) -> bool {
        !self.shown.moves.is_empty()
    }

    fn show(&mut self, tick: WatchJson, at: u64) {
        self.numbers = self.letters.assign(&tick);
        self.strip = Strip::of(&tick, &self.numbers);
        (self.shown, self.shown_at) = (tick, at);
        self.now = self.now.max(at);
    }

    /// A key while a filter is written.
    fn typed(&mut self, key: Key) {
        match key {
            Key::Enter => self.typing = false,
            Key::Esc => (self.typing, self.filter) = (false, String::new()),
            Key::Backspace => drop(self.filter.pop()),
            Key::Char(c) => self.filter.push(c),
            _ => {}
        }
    }

    fn pressed(&mut self, key: Key) -> Flow {
        match (self.screen, key) {
            (_, Key::Char('q')) => return Flow::Quit,
            (_, Key::Char('p')) => self.pause(),
            (_, Key::Char('?')) => self.open(Screen::Help),
            (_, Key::Tab) => self.open(Screen::Problems),
            (Screen::Main, Key::Enter) => {
                self.selected = self.selected.or_else(|| self.ids().first().copied());
                if self.selected.is_some() {
                    self.open(Screen::Details);
                }
            }
            (Screen::Main, Key::Char('s')) => self.sort = self.sort.next(),
            (Screen::Main, Key::Char('/')) => self.typing = true,
            (Screen::Main, Key::Esc) => self.filter.clear(),
            (Screen::Main, key) => self.select(key),
            (_, Key::Esc | Key::Enter) => self.open(Screen::Main),
            (_, key) => {
                let last = self.page().len().saturating_sub(1);
                self.scroll = moved(self.scroll, key, last).unwrap_or(self.scroll);
            }
        }
        Flow::Stay
    }

    fn pause(&mut self) {
        self.paused = !self.paused;
        if let Some((tick, at)) = self.waiting.take().filter(|_| !self.paused) {
            self.show(*tick, at);
        }
    }

    /// Opens a page, or closes it where it is open.
    fn open(&mut self, screen: Screen) {
        self.screen = if self.screen == screen { Screen::Main } else { screen };
        self.scroll = 0;
    }

    /// The nodes in the order in which they are shown.
    fn ids(&self) -> Vec<NodeId> {
        let rows = rows(&self.shown, &self.numbers, &self.filter, self.sort);
        rows.iter().filter_map(|row| row.id).collect()
    }

    /// The lines of the page that is open.
    pub(super) fn page(&self) -> Vec<Line> {
        page(self.screen, &self.shown, self.selected)
    }

    fn select(&mut self, key: Key) {
        let ids = self.ids();
        let at = ids.iter().position(|id| Some(*id) == self.selected);
        let Some(to) = moved(at.unwrap_or(0), key, ids.len().saturating_sub(1)) else { return };
        // The first key shows where it is.
        let to = if at.is_none() && key != Key::End { 0 } else { to };
        self.selected = ids.get(to).copied();
    }
}

/// Where a key leads from here, at most to `last`; `None` for one that leads nowhere.
fn moved(at: usize, key: Key, last: usize) -> Option<usize> {
    let to = match key {
        Key::Up | Key::Char('k') => at.saturating_sub(1),
        Key::Down | Key::Char('j') => at.saturating_add(1),
        Key::PageUp => at.saturating_sub(PAGE),
        Key::PageDown => at.saturating_add(PAGE),
        Key::Home => 0,
        Key::End => last,
        _ => return None,
    };
    Some(to.min(last))
}
