//! Draws a terminal's screen as SVG: `tmux capture-pane -e -p -N | picture >screen.svg`.

use std::io::{Read, Write, stdin, stdout};

use anstyle_svg::{Term, WIN10_CONSOLE};

/// The crate takes the width of a background from the text as XML has it, in which these are longer:
/// they are drawn as signs that no screen shows, and put in afterwards.
const SIGNS: [(&str, &str, &str); 3] =
    [("&", "\u{e000}", "&amp;"), ("<", "\u{e001}", "&lt;"), (">", "\u{e002}", "&gt;")];

fn main() -> std::io::Result<()> {
    let mut screen = String::new();
    stdin().read_to_string(&mut screen)?;
    let screen = SIGNS.iter().fold(screen, |text, (sign, other, _)| text.replace(sign, other));
    let drawn = Term::new().palette(WIN10_CONSOLE).render_svg(screen.trim_end_matches('\n'));
    let drawn = SIGNS.iter().fold(drawn, |text, (_, other, xml)| text.replace(other, xml));
    stdout().write_all(drawn.as_bytes())
}
