//! A line of text, and how it is to look.

use console::measure_text_width;

use super::rows::Mood;

/// How a line is to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    Plain,
    Of(Mood),
    Dim,
    Command,
}

/// A line, or a part of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) text: String,
    pub(super) tone: Tone,
}

impl Line {
    pub(super) fn plain(text: &str) -> Line {
        Line { text: text.to_owned(), tone: Tone::Plain }
    }

    pub(super) fn toned(text: String, mood: Mood) -> Line {
        Line { text, tone: Tone::Of(mood) }
    }

    pub(super) fn dim(text: String) -> Line {
        Line { text, tone: Tone::Dim }
    }

    pub(super) fn command(text: String) -> Line {
        Line { text, tone: Tone::Command }
    }

    /// The line in lines of this width, broken at blanks where there are any.
    pub(super) fn folded(&self, width: usize) -> Vec<Line> {
        let lines = folded(&self.text, width).into_iter();
        lines.map(|text| Line { text, tone: self.tone }).collect()
    }
}

/// A text in lines of this width.
fn folded(text: &str, width: usize) -> Vec<String> {
    let (mut lines, mut line, mut used) = (Vec::new(), String::new(), 0);
    for word in text.split_inclusive(' ') {
        if used > 0 && used + measure_text_width(word.trim_end()) > width {
            lines.push(std::mem::take(&mut line));
            used = 0;
        }
        for c in word.chars() {
            let wide = measure_text_width(c.encode_utf8(&mut [0; 4]));
            if used + wide > width && !line.is_empty() && c != ' ' {
                lines.push(std::mem::take(&mut line));
                used = 0;
            }
            line.push(c);
            used += wide;
        }
    }
    lines.push(line);
    // The blank at which it was broken may be one too many for the width.
    lines.iter().map(|line| line.trim_end().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::folded;

    #[test]
    fn lines_fit_also_where_they_are_broken() {
        assert_eq!(folded("  ab cd ef", 7), ["  ab cd", "ef"]);
        assert_eq!(folded("slots 1-2", 5), ["slots", "1-2"]);
        assert_eq!(folded("日本語 x", 4), ["日本", "語 x"]);
        assert_eq!(folded("", 4), [""]);
    }
}
