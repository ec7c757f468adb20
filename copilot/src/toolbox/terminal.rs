//! The terminal: colours, width, questions, and text that cannot control it.

use std::borrow::Cow;
use std::io::{self, IsTerminal as _, Write as _};

use anstyle::{AnsiColor, Style};
use serde_json::Value;
use tokio::sync::oneshot;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

pub(super) const BOLD: Style = Style::new().bold();
pub(super) const DIM: Style = Style::new().dimmed();
pub(super) const ITALIC: Style = Style::new().italic();
pub(super) const RED: Style = AnsiColor::Red.on_default();
pub(super) const GREEN: Style = AnsiColor::Green.on_default();
pub(super) const YELLOW: Style = AnsiColor::Yellow.on_default();
pub(super) const CYAN: Style = AnsiColor::Cyan.on_default();

/// The width of a terminal whose size is unknown, in columns.
const WIDTH: usize = 80;

/// Writes text to stdout. Colours are removed where they are not wanted: without a terminal, and with `NO_COLOR`.
pub(super) fn print(text: &str) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Writes text to stderr, as [`print`].
pub(super) fn report(text: &str) -> io::Result<()> {
    let mut out = anstream::stderr().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Writes a question to stderr, as [`report`], and discards the keys that were pressed before it: they answer no question
/// that the person has not seen.
pub(super) fn prompt(text: &str) -> io::Result<()> {
    crate::process::discard_typed_ahead();
    report(text)
}

/// Returns the number of columns of stdout; `None` if it is not a terminal, whose lines are not wrapped.
pub(super) fn columns() -> Option<usize> {
    let size = console::Term::stdout().size_checked();
    is_terminal().then(|| size.map_or(WIDTH, |(_, columns)| usize::from(columns).max(20)))
}

/// Returns whether stdout is a terminal.
pub(super) fn is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// Returns whether a person can be asked: stdin and stderr are a terminal.
pub(super) fn can_ask() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Returns the text in a style.
pub(super) fn styled(style: Style, text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("{style}{text}{style:#}") }
}

/// Returns the number of columns that a text takes.
pub(super) fn width(text: &str) -> usize {
    text.width()
}

/// Replaces characters that control a terminal, except line breaks. Tabs become spaces.
///
/// Text of models and tools passes through it, so that it cannot move the cursor or change the title of the window.
pub(super) fn harmless(text: &str) -> Cow<'_, str> {
    let controls = |character: char| character.is_control() && character != '\n';
    if !text.contains(controls) {
        return Cow::Borrowed(text);
    }
    let mut clean = String::with_capacity(text.len());
    for character in text.chars().filter(|character| *character != '\r') {
        match character {
            '\t' => clean.push_str("    "),
            character if controls(character) => clean.push('\u{fffd}'),
            character => clean.push(character),
        }
    }
    Cow::Owned(clean)
}

/// Replaces the characters that [`harmless`] replaces, and writes line breaks as `\n`, so that the text cannot pretend to
/// be the next line. Characters that reverse the direction of text are replaced too.
pub(super) fn one_line(text: &str) -> Cow<'_, str> {
    let turns = |character| matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let breaks = |character| matches!(character, '\n' | '\u{2028}' | '\u{2029}');
    let clean = harmless(text);
    if !clean.contains(|character| turns(character) || breaks(character)) {
        return clean;
    }
    let mut line = String::with_capacity(clean.len());
    for character in clean.chars() {
        match character {
            character if breaks(character) => line.push_str("\\n"),
            character if turns(character) => line.push('\u{fffd}'),
            character => line.push(character),
        }
    }
    Cow::Owned(line)
}

/// Writes JSON in lines, with escapes for the characters that control a terminal.
pub(super) fn json_text(value: &Value) -> String {
    let mut text = String::new();
    for character in format!("{value:#}").chars() {
        match character {
            // JSON has escaped the others.
            '\u{7f}'..='\u{9f}' => text.push_str(&format!("\\u{:04x}", u32::from(character))),
            character => text.push(character),
        }
    }
    text
}

/// Breaks a text into lines of at most `columns`, at spaces where possible, otherwise behind a `_`, `-`, `/`, `:` or `,`,
/// and otherwise anywhere. Line breaks of the text stay.
pub(super) fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(2);
    text.split('\n').flat_map(|line| wrapped_line(line, columns)).collect()
}

fn wrapped_line(line: &str, columns: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut current = String::new();
    for word in line.split_inclusive(' ') {
        let mut word = word;
        if width(&current) + width(word.trim_end()) > columns && !current.trim().is_empty() {
            lines.push(std::mem::take(&mut current).trim_end().to_owned());
        }
        while width(&current) + width(word.trim_end()) > columns {
            let end = break_at(word, columns - width(&current).min(columns - 1));
            current.push_str(&word[..end]);
            lines.push(std::mem::take(&mut current));
            word = &word[end..];
        }
        current.push_str(word);
    }
    lines.push(current.trim_end().to_owned());
    lines
}

/// Returns the length of the beginning of a word that fits into the columns; at least one character.
fn break_at(word: &str, columns: usize) -> usize {
    let (mut used, mut end, mut good) = (0, 0, 0);
    for (start, character) in word.char_indices() {
        used += character.width().unwrap_or(0);
        if used > columns && end > 0 {
            break;
        }
        end = start + character.len_utf8();
        if "_-/:,".contains(character) {
            good = end;
        }
    }
    if good * 2 >= end { good } else { end }
}

/// Shortens a text to one line of at most `columns`, with an ellipsis.
pub(super) fn shortened(text: &str, columns: usize) -> String {
    let line = harmless(text).split_whitespace().collect::<Vec<_>>().join(" ");
    if width(&line) <= columns {
        return line;
    }
    let mut short = String::new();
    let mut used = 0;
    for character in line.chars() {
        used += character.width().unwrap_or(0);
        if used >= columns {
            break;
        }
        short.push(character);
    }
    short.push('…');
    short
}

/// Waits for a key of the person at the terminal. `None` for Ctrl-C, and if no key can be read.
pub(super) async fn key() -> Option<char> {
    let pressed = on_thread(|| match console::Term::stderr().read_key_raw() {
        Ok(console::Key::Char('\u{3}' | '\u{4}') | console::Key::CtrlC) | Err(_) => None,
        Ok(console::Key::Char(key)) => Some(key),
        Ok(console::Key::Enter) => Some('\n'),
        Ok(_) => Some(' '),
    });
    pressed.await.flatten()
}

/// Reads a line from stdin. `None` at the end of the input.
pub(super) async fn line() -> io::Result<Option<String>> {
    let read = on_thread(|| {
        let mut line = String::new();
        let length = io::stdin().read_line(&mut line)?;
        Ok((length > 0).then(|| line.trim_end_matches(['\r', '\n']).to_owned()))
    });
    read.await.unwrap_or(Ok(None))
}

/// Runs a function that waits for the person, on a thread that the end of the program does not wait for; `None` if it
/// panics.
async fn on_thread<T: Send + 'static>(wait: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let (sender, receiver) = oneshot::channel();
    std::thread::spawn(move || {
        // The receiver is gone when the command was cancelled.
        let _ = sender.send(wait());
    });
    receiver.await.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_at_spaces_and_by_columns() {
        assert_eq!(wrapped("one two three", 8), ["one two", "three"]);
        assert_eq!(wrapped("a\n\nb", 8), ["a", "", "b"]);
        assert_eq!(wrapped("lookup_the_issue", 8), ["lookup_", "the_", "issue"]);
        assert_eq!(wrapped("abcdefghij", 4), ["abcd", "efgh", "ij"]);
        // Each of these characters takes two columns.
        assert_eq!(wrapped("日本語", 4), ["日本", "語"]);
        assert_eq!(wrapped("", 4), [""]);
    }

    #[test]
    fn text_cannot_control_the_terminal() {
        assert_eq!(harmless("a\x1b[2Jb\tc\r\nd"), "a\u{fffd}[2Jb    c\nd");
        assert_eq!(harmless("plain\ntext"), "plain\ntext");
        assert_eq!(one_line("rm a\r\n! read b\u{9b}2J"), "rm a\\n! read b\u{fffd}2J");
        assert_eq!(one_line("rm \u{202e}txt\u{2066}.sh"), "rm \u{fffd}txt\u{fffd}.sh");
        assert!(matches!(one_line("plain"), Cow::Borrowed("plain")));
        let value = serde_json::json!({"a": "\u{9b}2J\u{1b}\u{7f}é"});
        let text = json_text(&value);
        assert!(!text.contains(|character: char| character.is_control() && character != '\n'), "{text:?}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
    }

    #[test]
    fn a_short_text_is_one_line() {
        assert_eq!(shortened("a  b\nc", 10), "a b c");
        assert_eq!(shortened("abcdef", 4), "abc…");
        assert_eq!(shortened("日本語", 5), "日本…");
    }
}
