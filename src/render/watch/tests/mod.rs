//! The view of clusters that are made up, on screens of several sizes.

mod fixture;

use expect_test::expect_file;
use fixture::{Fixture, id};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::style::{Color, Modifier};

use super::{Event, Flow, Key, State, draw};
use crate::model::is_printable;

fn screen(state: &State, size: (u16, u16), colors: bool) -> Terminal<TestBackend> {
    let mut terminal = Terminal::new(TestBackend::new(size.0, size.1)).unwrap();
    let shown =
        terminal.draw(|frame| draw(&state.view(), frame.area(), frame.buffer_mut(), colors));
    shown.unwrap();
    terminal
}

/// The lines of a screen, without blanks at their ends.
fn text(state: &State, size: (u16, u16)) -> String {
    let terminal = screen(state, size, true);
    let buffer = terminal.backend().buffer();
    let row = |y: u16| (0..size.0).map(|x| buffer[(x, y)].symbol()).collect::<String>();
    (0..size.1).map(|y| format!("{}\n", row(y).trim_end())).collect()
}

fn press(state: &mut State, keys: &[Key]) {
    keys.iter().for_each(|key| assert_eq!(state.on(Event::Key(*key)), Flow::Stay));
}

fn letters(word: &str) -> Vec<Key> {
    word.chars().map(Key::Char).collect()
}

#[test]
fn screens_of_three_sizes() {
    let sizes = [(80, 24), (120, 40), (40, 12)];
    let fixtures = [
        ("fine", Fixture::default()),
        ("hung", Fixture { hung: Some(4), ..Fixture::default() }),
        ("uncovered", Fixture { uncovered: true, ..Fixture::default() }),
        ("moving", Fixture { moving: true, ..Fixture::default() }),
    ];
    for (name, fixture) in fixtures {
        let mut state = fixture.state();
        state.on(Event::Blink(fixture::CLOCK));
        for (width, height) in sizes {
            let file = format!("{name}-{width}x{height}.txt");
            expect_file![format!("{}/src/render/watch/tests/{file}", env!("CARGO_MANIFEST_DIR"))]
                .assert_eq(&text(&state, (width, height)));
        }
    }
}

#[test]
fn every_size_can_be_drawn_on_every_page() {
    let fixture = Fixture { hung: Some(0), uncovered: true, moving: true, ..Fixture::default() };
    let mut state = fixture.state();
    for page in [vec![], vec![Key::Enter], vec![Key::Char('?')], vec![Key::Tab]] {
        press(&mut state, &page);
        for width in [0, 1, 2, 7, 20, 39, 79, 300] {
            for height in [0, 1, 2, 3, 5, 9, 18, 100] {
                screen(&state, (width, height), false);
            }
        }
        press(&mut state, &[Key::Esc]);
    }
}

#[test]
fn without_colors_nothing_has_one() {
    let fixture = Fixture { hung: Some(4), uncovered: true, moving: true, ..Fixture::default() };
    let mut state = fixture.state();
    press(&mut state, &[Key::Down]);
    let plain = screen(&state, (120, 40), false);
    let cells = plain.backend().buffer().content();
    assert!(cells.iter().all(|cell| (cell.fg, cell.bg) == (Color::Reset, Color::Reset)));
    // What is wrong, and what is selected, is to be seen all the same.
    assert!(
        cells.iter().any(|cell| cell.symbol() == "!" && cell.modifier.contains(Modifier::BOLD))
    );
    assert!(cells.iter().any(|cell| cell.modifier.contains(Modifier::REVERSED)));
    let colored = screen(&state, (120, 40), true);
    let red = |cell: &&ratatui::buffer::Cell| cell.symbol() == "!" && cell.bg == Color::Red;
    assert_eq!(colored.backend().buffer().content().iter().filter(red).count(), 1);
}

#[test]
fn slots_on_their_way_blink() {
    let mut state = Fixture { moving: true, ..Fixture::default() }.state();
    assert!(state.blinks());
    let dark = text(&state, (80, 24));
    state.on(Event::Blink(fixture::CLOCK));
    let lit = text(&state, (80, 24));
    let strip = |text: &str| text.lines().nth(2).unwrap().to_owned();
    assert!(!strip(&dark).contains('>') && strip(&lit).contains('>'), "{dark}\n{lit}");
    assert!(!Fixture::default().state().blinks());
}

#[test]
fn a_node_is_selected_and_its_details_are_shown() {
    let mut state = Fixture::default().state();
    press(&mut state, &[Key::Down, Key::Down, Key::Char('j'), Key::Up, Key::Char('k')]);
    let selected = |state: &State| {
        let screen = text(state, (80, 24));
        screen.lines().find(|line| line.starts_with('>')).map(str::to_owned).unwrap_or_default()
    };
    assert!(selected(&state).contains("10.0.0.1:7001"), "{}", selected(&state));
    press(&mut state, &[Key::End]);
    assert!(selected(&state).contains("10.0.1.3:7001"), "{}", selected(&state));
    press(&mut state, &[Key::Home, Key::Enter]);
    let page = text(&state, (80, 24));
    for fact in
        ["Node\n", "id           a", "slots        5461 (0-5460)", "memory       64M of 1.0G"]
    {
        assert!(page.contains(fact), "{fact}: {page}");
    }
    press(&mut state, &[Key::Esc]);
    assert!(text(&state, (80, 24)).contains("Enter node"));
}

#[test]
fn the_filter_keeps_whole_shards() {
    let mut state = Fixture::default().state();
    press(&mut state, &[Key::Char('/')]);
    press(&mut state, &letters("1.3q"));
    assert!(text(&state, (80, 24)).contains("filter: 1.3q_"));
    // Keys are letters here, and no commands.
    press(&mut state, &[Key::Backspace, Key::Enter]);
    let screen = text(&state, (80, 24));
    assert!(screen.contains("10.0.0.3:7001") && screen.contains("10.0.1.3:7001"), "{screen}");
    assert!(!screen.contains("10.0.0.1:7001"), "{screen}");
    press(&mut state, &[Key::Esc]);
    assert!(text(&state, (80, 24)).contains("10.0.0.1:7001"));
    // By zone, by state and by id as well.
    for word in ["ZONE-B", "ok", "cccc"] {
        press(&mut state, &[Key::Char('/')]);
        press(&mut state, &letters(word));
        assert!(text(&state, (80, 24)).contains("10.0.0.3:7001"), "{word}");
        press(&mut state, &[Key::Esc]);
    }
}

#[test]
fn sorting_goes_through_all_columns_and_back() {
    let mut state = Fixture::default().state();
    let first = |state: &State| {
        let screen = text(state, (120, 40));
        let row = screen.lines().find(|line| line.contains(" 10.0.0.")).unwrap();
        row.split_whitespace().nth(1).unwrap().to_owned()
    };
    assert_eq!(first(&state), "10.0.0.1:7001");
    for (name, node) in
        [("ops/s", "10.0.0.3:7001"), ("memory", "10.0.0.2:7001"), ("keys", "10.0.0.2:7001")]
    {
        press(&mut state, &[Key::Char('s')]);
        assert_eq!(first(&state), node, "{name}");
        assert!(text(&state, (120, 40)).contains(&format!("s {name}")));
    }
    press(&mut state, &letters("ssss"));
    assert_eq!(first(&state), "10.0.0.1:7001");
}

#[test]
fn a_pause_keeps_the_screen_and_the_next_shows_the_newest() {
    let mut state = Fixture::default().state();
    press(&mut state, &[Key::Char('p')]);
    let before = text(&state, (80, 24));
    assert!(before.contains("PAUSED at 03:12:45"), "{before}");
    let later = Fixture { uncovered: true, ..Fixture::default() };
    state.on(Event::Tick(Box::new(later.tick()), fixture::CLOCK + 1000));
    assert_eq!(text(&state, (80, 24)), before);
    press(&mut state, &[Key::Char('p')]);
    assert!(text(&state, (80, 24)).contains("slot 5461 has no owner"));
}

#[test]
fn an_old_screen_says_so() {
    let mut state = Fixture::default().state();
    state.on(Event::Blink(fixture::CLOCK + 4000));
    assert!(!text(&state, (80, 24)).contains("old"));
    state.on(Event::Blink(fixture::CLOCK + 12_000));
    assert!(text(&state, (80, 24)).contains("03:12:45 12s old"));
}

#[test]
fn keys_that_end_it() {
    for key in [Key::Char('q'), Key::CtrlC] {
        assert_eq!(Fixture::default().state().on(Event::Key(key)), Flow::Quit);
    }
    let mut state = Fixture::default().state();
    assert_eq!(state.on(Event::Key(Key::CtrlZ)), Flow::Suspend);
    press(&mut state, &[Key::Char('/'), Key::Char('q')]);
    assert_eq!(state.on(Event::Key(Key::CtrlC)), Flow::Quit);
}

#[test]
fn a_shard_keeps_its_letter() {
    let letter = |state: &State, node: &str| {
        let screen = text(state, (80, 24));
        screen
            .lines()
            .find(|line| line.contains(node))
            .unwrap()
            .trim_start()
            .chars()
            .next()
            .unwrap()
    };
    let mut state = Fixture::default().state();
    assert_eq!((letter(&state, "10.0.0.1:"), letter(&state, "10.0.0.2:")), ('A', 'B'));
    // The first slot goes to another shard, which is the first now.
    let later = Fixture { first_slot_moved: true, ..Fixture::default() };
    state.on(Event::Tick(Box::new(later.tick()), fixture::CLOCK));
    assert_eq!((letter(&state, "10.0.0.1:"), letter(&state, "10.0.0.2:")), ('A', 'B'));
    let strip = text(&state, (80, 24)).lines().nth(2).unwrap().to_owned();
    assert!(strip.contains("    0 A"), "{strip}");
}

#[test]
fn what_servers_say_does_nothing_to_the_terminal() {
    let hostile = "\u{1b}[2J\u{9b}31m\u{202e}evil\u{7}\r\n";
    let mut tick = Fixture { hung: Some(4), ..Fixture::default() }.tick();
    for shard in &mut tick.shards {
        for node in shard.master.iter_mut().chain(&mut shard.replicas) {
            (node.zone, node.version) = (Some(hostile.to_owned()), Some(hostile.to_owned()));
            node.why = node.why.as_ref().map(|_| hostile.to_owned());
        }
    }
    tick.problems.iter_mut().for_each(|problem| problem.problem.message = hostile.to_owned());
    let mut state = State::new(tick, fixture::CLOCK);
    for keys in [vec![], vec![Key::Tab], vec![Key::Esc, Key::End, Key::Enter]] {
        press(&mut state, &keys);
        let screen = text(&state, (300, 40));
        let harm = screen.chars().find(|c| *c != '\n' && !is_printable(*c));
        assert_eq!(harm, None, "{screen}");
    }
}

#[test]
fn wide_characters_are_not_cut_in_half() {
    let mut tick = Fixture::default().tick();
    for shard in &mut tick.shards {
        shard
            .master
            .iter_mut()
            .for_each(|node| node.zone = Some("機架一 é e\u{301} 👩‍🚀".to_owned()));
    }
    let state = State::new(tick, fixture::CLOCK);
    for width in 60..140 {
        let screen = screen(&state, (width, 24), true);
        let buffer = screen.backend().buffer();
        let last = (0..24).map(|y| console::measure_text_width(buffer[(width - 1, y)].symbol()));
        assert_eq!(last.max(), Some(1), "{width}");
    }
    assert!(text(&state, (200, 24)).contains("機"));
}

#[test]
fn a_cluster_that_does_not_reply_any_more_says_so() {
    let tick =
        Fixture::default().tick().without_replies("no node of a,b is reachable", fixture::CLOCK);
    let screen = text(&State::new(tick, fixture::CLOCK), (120, 40));
    assert!(screen.starts_with("no node replies: no node of a,b is reachable"), "{screen}");
    assert_eq!(screen.matches(" unreachable ").count(), 6, "{screen}");
}

#[test]
fn details_of_a_node_that_is_gone() {
    let mut state = Fixture::default().state();
    press(&mut state, &[Key::End, Key::Enter]);
    let mut tick = Fixture::default().tick();
    tick.shards.pop();
    state.on(Event::Tick(Box::new(tick), fixture::CLOCK));
    assert!(text(&state, (80, 24)).contains("no longer part of the cluster"));
    assert_eq!(id(0).to_string().len(), 40);
}
