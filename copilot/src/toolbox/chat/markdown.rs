//! Markdown for a terminal, while it is streamed. Pure.
//!
//! A word is printed when its line shows that no mark before it is open, so emphasis and code appear when they are
//! closed, and everything else immediately. Code blocks appear line by line, tables as a whole.

use anstyle::Style;

use super::super::terminal::{BOLD, CYAN, DIM, ITALIC, harmless, styled, width};

/// The place in the text.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Block {
    /// Between blocks.
    None,
    /// In a block whose next line continues it.
    Text,
    /// In a heading, which ends with its line.
    Heading,
}

/// The beginning of a line.
enum Start<'a> {
    Blank,
    Fence(&'a str),
    Rule,
    Row,
    Heading(&'a str),
    Item { indent: usize, marker: &'a str, rest: &'a str },
    Quote(&'a str),
    Text(&'a str),
}

/// Renders Markdown of which the end is not known yet.
#[derive(Debug)]
pub(super) struct Markdown {
    /// The number of columns of the terminal; `None` for no terminal, where the text stays Markdown.
    columns: Option<usize>,
    buffer: String,
    /// Whether the beginning of the line in the buffer is printed.
    is_open: bool,
    block: Block,
    /// The fence that closes the code block.
    fence: Option<String>,
    rows: Vec<String>,
    /// The text before each further line of the block.
    indent: String,
    style: Style,
    /// The column of the cursor.
    column: usize,
    /// Whether a blank line separates the next block.
    gap: bool,
    space: bool,
}

impl Markdown {
    pub(super) fn new(columns: Option<usize>) -> Self {
        Self {
            columns,
            buffer: String::new(),
            is_open: false,
            block: Block::None,
            fence: None,
            rows: Vec::new(),
            indent: String::new(),
            style: Style::new(),
            column: 0,
            gap: false,
            space: false,
        }
    }

    /// Sets the number of columns from now on.
    pub(super) fn resize(&mut self, columns: Option<usize>) {
        self.columns = columns;
    }

    /// Returns whether the cursor is at the beginning of a line.
    pub(super) fn is_at_start(&self) -> bool {
        self.column == 0
    }

    /// Adds a piece of text, and returns the text to print.
    pub(super) fn push(&mut self, text: &str) -> String {
        let text = harmless(text);
        if self.columns.is_none() {
            self.column = usize::from(!text.ends_with('\n'));
            return text.into_owned();
        }
        self.buffer.push_str(&text);
        let mut out = String::new();
        while let Some(end) = self.buffer.find('\n') {
            let rest = self.buffer.split_off(end + 1);
            let line = std::mem::replace(&mut self.buffer, rest);
            self.line(line.trim_end_matches('\n'), &mut out);
        }
        self.partial(&mut out);
        out
    }

    /// Ends the text, and returns what is left to print. The cursor is at the beginning of a line then.
    pub(super) fn finish(&mut self) -> String {
        let mut out = String::new();
        if self.columns.is_none() {
            if self.column > 0 {
                out.push('\n');
            }
        } else {
            if !self.buffer.is_empty() {
                let line = std::mem::take(&mut self.buffer);
                self.line(&line, &mut out);
            }
            self.table(&mut out);
            self.new_line(&mut out);
        }
        *self = Self::new(self.columns);
        out
    }

    /// Prints a line of which the end is known.
    fn line(&mut self, line: &str, out: &mut String) {
        if self.is_open {
            self.is_open = false;
            self.words(line, out);
            self.end_line(out);
            return;
        }
        if let Some(fence) = &self.fence {
            if line.trim_start().starts_with(fence.as_str()) {
                self.fence = None;
                self.gap = true;
            } else {
                out.push_str(&styled(CYAN, &format!("  {line}")));
                out.push('\n');
            }
            return;
        }
        let start = classified(line);
        if !matches!(start, Start::Row) {
            self.table(out);
        }
        match start {
            Start::Row => self.rows.push(line.trim().to_owned()),
            Start::Blank => {
                self.new_line(out);
                self.gap |= self.block != Block::None;
                self.block = Block::None;
            }
            Start::Fence(fence) => {
                self.begin(out);
                self.fence = Some(fence.to_owned());
                self.block = Block::Text;
            }
            Start::Rule => {
                self.begin(out);
                out.push_str(&styled(DIM, &"─".repeat(self.columns.unwrap_or(40).min(40))));
                out.push('\n');
                self.block = Block::Heading;
            }
            start => {
                let rest = self.open(&start, out).to_owned();
                self.words(&rest, out);
                self.end_line(out);
            }
        }
    }

    /// Prints the part of the last line that no later text can change.
    fn partial(&mut self, out: &mut String) {
        if self.fence.is_some() || self.buffer.is_empty() {
            return;
        }
        if !self.is_open {
            if !is_decided(&self.buffer) {
                return;
            }
            let line = std::mem::take(&mut self.buffer);
            let start = classified(&line);
            if matches!(start, Start::Blank | Start::Fence(_) | Start::Rule | Start::Row) {
                self.buffer = line;
                return;
            }
            self.table(out);
            self.buffer = self.open(&start, out).to_owned();
            self.is_open = true;
        }
        let settled = settled(&self.buffer);
        let rest = self.buffer.split_off(settled);
        let text = std::mem::replace(&mut self.buffer, rest);
        self.words(&text, out);
    }

    /// Begins a line of text, and returns the text behind its mark.
    fn open<'a>(&mut self, start: &Start<'a>, out: &mut String) -> &'a str {
        match *start {
            Start::Heading(rest) => {
                self.begin(out);
                self.block = Block::Heading;
                self.style = BOLD.underline();
                rest
            }
            Start::Item { indent, marker, rest } => {
                self.begin(out);
                let bullet = if marker.len() == 1 { "•" } else { marker };
                let prefix = format!("{}{bullet} ", " ".repeat(indent));
                out.push_str(&prefix);
                self.column = width(&prefix);
                self.indent = " ".repeat(self.column);
                self.block = Block::Text;
                rest
            }
            Start::Quote(rest) => {
                self.begin(out);
                self.indent = "│ ".to_owned();
                out.push_str(&styled(DIM, &self.indent));
                self.column = 2;
                self.style = ITALIC;
                self.block = Block::Text;
                rest
            }
            Start::Text(rest) => {
                if self.block == Block::Text && self.fence.is_none() && self.column > 0 {
                    self.space = true;
                } else {
                    self.begin(out);
                    self.block = Block::Text;
                }
                rest
            }
            Start::Blank | Start::Fence(_) | Start::Rule | Start::Row => "",
        }
    }

    /// Ends the block before, and prepares a new one.
    fn begin(&mut self, out: &mut String) {
        self.new_line(out);
        if std::mem::take(&mut self.gap) {
            out.push('\n');
        }
        self.indent.clear();
        self.style = Style::new();
    }

    fn end_line(&mut self, out: &mut String) {
        self.space = true;
        if self.block == Block::Heading {
            self.new_line(out);
            self.style = Style::new();
        }
    }

    fn new_line(&mut self, out: &mut String) {
        if self.column > 0 {
            out.push('\n');
            self.column = 0;
        }
        self.space = false;
    }

    /// Prints the words of a text, with line breaks between them.
    fn words(&mut self, text: &str, out: &mut String) {
        let mut word: Vec<(Style, String)> = Vec::new();
        for (style, text) in spans(text, self.style) {
            for character in text.chars() {
                if character == ' ' {
                    self.word(&mut word, out);
                    self.space = self.column > width(&self.indent);
                } else {
                    match word.last_mut() {
                        Some((last, part)) if *last == style => part.push(character),
                        _ => word.push((style, character.to_string())),
                    }
                }
            }
        }
        self.word(&mut word, out);
    }

    fn word(&mut self, word: &mut Vec<(Style, String)>, out: &mut String) {
        if word.is_empty() {
            return;
        }
        let length: usize = word.iter().map(|(_, part)| width(part)).sum();
        let space = usize::from(std::mem::take(&mut self.space));
        let columns = self.columns.unwrap_or(usize::MAX);
        if self.column + space + length > columns && self.column > width(&self.indent) {
            out.push('\n');
            out.push_str(&styled(DIM, &self.indent));
            self.column = width(&self.indent);
        } else if space == 1 {
            out.push(' ');
            self.column += 1;
        }
        for (style, part) in word.drain(..) {
            out.push_str(&styled(style, &part));
        }
        // The terminal itself breaks a word that is longer than a line.
        self.column = (self.column + length).min(columns);
    }

    /// Prints the table, if there is one.
    fn table(&mut self, out: &mut String) {
        let rows = std::mem::take(&mut self.rows);
        if rows.is_empty() {
            return;
        }
        self.begin(out);
        let cells = |row: &String| -> Vec<String> {
            row.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()
        };
        let is_line = |row: &[String]| {
            row.iter().all(|cell| !cell.is_empty() && cell.chars().all(|c| "-: ".contains(c)))
        };
        let shown = |cell: &String| -> String {
            spans(cell, Style::new()).into_iter().map(|(_, text)| text).collect()
        };
        let rows: Vec<Vec<String>> = rows.iter().map(cells).filter(|row| !is_line(row)).collect();
        let count = rows.iter().map(Vec::len).max().unwrap_or(0);
        let widths: Vec<usize> = (0..count)
            .map(|index| {
                rows.iter()
                    .filter_map(|row| row.get(index))
                    .map(|cell| width(&shown(cell)))
                    .max()
                    .unwrap_or(0)
            })
            .collect();
        for (number, row) in rows.iter().enumerate() {
            let mut line = String::new();
            for (cell, columns) in row.iter().zip(&widths) {
                let base = if number == 0 { BOLD } else { Style::new() };
                for (style, text) in spans(cell, base) {
                    line.push_str(&styled(style, &text));
                }
                line.push_str(&" ".repeat(columns - width(&shown(cell)) + 2));
            }
            out.push_str(line.trim_end());
            out.push('\n');
        }
        self.block = Block::Heading;
        self.gap = true;
    }
}

/// Returns whether the beginning of a line decides what it is.
fn is_decided(line: &str) -> bool {
    let text = line.trim_start();
    match text.chars().next() {
        None => false,
        Some('|' | '`' | '~') => {
            text.len() > 3 && !text.starts_with("```") && !text.starts_with("~~~") && !text.starts_with('|')
        }
        Some(first) if first.is_alphabetic() => true,
        // More than marks of a rule, and a space that ends a mark.
        Some(_) => text.contains(' ') && text.chars().any(|c| !"-*_ #>+=".contains(c)),
    }
}

fn classified(line: &str) -> Start<'_> {
    let text = line.trim_start();
    let indent = line.len() - text.len();
    let first = text.chars().next();
    let marks: String = text.chars().filter(|c| *c != ' ').collect();
    let is_rule = marks.len() >= 3 && "-*_".chars().any(|mark| marks.chars().all(|c| c == mark));
    if text.is_empty() {
        return Start::Blank;
    }
    for fence in ["```", "~~~"] {
        if text.starts_with(fence) {
            return Start::Fence(&text[..3]);
        }
    }
    if first == Some('|') {
        return Start::Row;
    }
    if is_rule {
        return Start::Rule;
    }
    let hashes = text.bytes().take_while(|byte| *byte == b'#').count();
    if (1..=6).contains(&hashes) && text[hashes..].starts_with(' ') {
        return Start::Heading(text[hashes..].trim_start());
    }
    if let Some(rest) = text.strip_prefix('>') {
        return Start::Quote(rest.trim_start());
    }
    let marker = match first {
        Some('-' | '*' | '+') => 1,
        Some('0'..='9') => {
            let digits = text.bytes().take_while(u8::is_ascii_digit).count();
            digits + usize::from(text[digits..].starts_with(['.', ')']))
        }
        _ => 0,
    };
    let is_item = marker > 0
        && text[marker..].starts_with(' ')
        && !text[..marker].ends_with(|c: char| c.is_ascii_digit());
    if is_item {
        return Start::Item { indent, marker: &text[..marker], rest: text[marker..].trim_start() };
    }
    Start::Text(text)
}

/// A mark around a part of a line.
const MARKS: [(&str, Style); 6] = [
    ("**", BOLD),
    ("__", BOLD),
    ("~~", Style::new().strikethrough()),
    ("`", CYAN),
    ("*", ITALIC),
    ("_", ITALIC),
];

/// An inline construct.
enum Inline<'a> {
    /// A mark, its content, and what follows.
    Marked(Style, &'a str, &'a str, bool),
    /// The text and the address of a link, and what follows.
    Link(&'a str, &'a str, &'a str),
    /// A character without a meaning, and what follows.
    Escaped(&'a str, &'a str),
}

/// Reads the construct at the beginning of a text; `Err` if one may begin here that is not closed.
fn inline(text: &str, before: Option<char>) -> Result<Option<Inline<'_>>, ()> {
    if let Some(rest) = text.strip_prefix('\\') {
        return match rest.chars().next() {
            Some(next) if next.is_ascii_punctuation() => {
                Ok(Some(Inline::Escaped(&rest[..next.len_utf8()], &rest[next.len_utf8()..])))
            }
            Some(_) => Ok(None),
            None => Err(()),
        };
    }
    if let Some(rest) = text.strip_prefix('[') {
        let Some(end) = rest.find(']') else { return Err(()) };
        let after = &rest[end + 1..];
        let Some(address) = after.strip_prefix('(') else {
            return if after.is_empty() { Err(()) } else { Ok(None) };
        };
        let Some(close) = address.find(')') else { return Err(()) };
        return Ok(Some(Inline::Link(&rest[..end], &address[..close], &address[close + 1..])));
    }
    for (mark, style) in MARKS {
        let Some(rest) = text.strip_prefix(mark) else { continue };
        let is_code = mark == "`";
        let opens = is_code
            || rest.chars().next().is_none_or(|next| !next.is_whitespace())
                && (!mark.starts_with('_') || before.is_none_or(|before| !before.is_alphanumeric()));
        if !opens {
            return Ok(None);
        }
        let closes = |at: usize| {
            let (inner, after) = (&rest[..at], &rest[at + mark.len()..]);
            let is_longer = mark.len() == 1 && !is_code && (after.starts_with(mark) || inner.ends_with(mark));
            !inner.is_empty()
                && (is_code || !inner.ends_with(char::is_whitespace) && !is_longer)
                && (!mark.starts_with('_') || after.chars().next().is_none_or(|next| !next.is_alphanumeric()))
        };
        return match rest.match_indices(mark).map(|(at, _)| at).find(|at| closes(*at)) {
            Some(at) => Ok(Some(Inline::Marked(style, &rest[..at], &rest[at + mark.len()..], is_code))),
            None => Err(()),
        };
    }
    Ok(None)
}

/// Returns the parts of a line with their styles. Marks that are not closed are text.
fn spans(text: &str, base: Style) -> Vec<(Style, String)> {
    let mut spans: Vec<(Style, String)> = Vec::new();
    let mut add = |style: Style, text: &str| match spans.last_mut() {
        Some((last, part)) if *last == style => part.push_str(text),
        _ => spans.push((style, text.to_owned())),
    };
    let (mut rest, mut before) = (text, None);
    while let Some(next) = rest.chars().next() {
        match inline(rest, before) {
            Ok(Some(Inline::Marked(style, inner, after, is_code))) => {
                let style = joined(base, style);
                if is_code {
                    add(style, inner);
                } else {
                    for (style, text) in self::spans(inner, style) {
                        add(style, &text);
                    }
                }
                rest = after;
            }
            Ok(Some(Inline::Link(text, address, after))) => {
                for (style, text) in self::spans(text, base.underline()) {
                    add(style, &text);
                }
                if text != address {
                    add(joined(base, DIM), &format!(" ({address})"));
                }
                rest = after;
            }
            Ok(Some(Inline::Escaped(character, after))) => {
                add(base, character);
                rest = after;
            }
            Ok(None) | Err(()) => {
                let length = MARKS
                    .iter()
                    .find(|(mark, _)| rest.starts_with(mark))
                    .map_or(next.len_utf8(), |(mark, _)| mark.len());
                add(base, &rest[..length]);
                rest = &rest[length..];
            }
        }
        before = Some(next);
    }
    spans
}

fn joined(base: Style, style: Style) -> Style {
    let joined = base.effects(base.get_effects() | style.get_effects());
    if style.get_fg_color().is_some() { joined.fg_color(style.get_fg_color()) } else { joined }
}

/// Returns the length of the beginning that ends with a space and has no open mark.
fn settled(text: &str) -> usize {
    let (mut at, mut end, mut before) = (0, 0, None);
    while let Some(next) = text[at..].chars().next() {
        at = match inline(&text[at..], before) {
            Ok(Some(
                Inline::Marked(_, _, after, _) | Inline::Link(_, _, after) | Inline::Escaped(_, after),
            )) => text.len() - after.len(),
            Ok(None) => at + next.len_utf8(),
            Err(()) => break,
        };
        before = Some(next);
        if next == ' ' {
            end = at;
        }
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Renders a text in pieces of a size, without colours.
    fn shown(text: &str, columns: usize, size: usize) -> String {
        let mut markdown = Markdown::new(Some(columns));
        let characters: Vec<char> = text.chars().collect();
        let mut out: String =
            characters.chunks(size).map(|piece| markdown.push(&piece.iter().collect::<String>())).collect();
        out.push_str(&markdown.finish());
        anstream::adapter::strip_str(&out).to_string()
    }

    const SAMPLE: &str = "# Weather\n\nIn **Oslo** it is *quite* cold, see [the site](https://example.com).\nBring `gloves`.\n\n\
        - one item that is long enough to wrap\n- two\n  1. inner\n\n```sh\necho *a*\n\nls\n```\n\n> quoted text\n\n| a | b |\n|---|---|\n| 1 | 22 |\n\n---\nThe end: 2 * 3 * 4, snake_case_name.";

    #[test]
    fn blocks_and_marks_are_rendered() {
        let expected = "Weather\n\n\
            In Oslo it is quite cold, see\nthe site\n(https://example.com). Bring\ngloves.\n\n\
            • one item that is long enough\n  to wrap\n• two\n  1. inner\n\n  echo *a*\n  \n  ls\n\n│ quoted text\n\na  b\n1  22\n\n\
            ──────────────────────────────\nThe end: 2 * 3 * 4,\nsnake_case_name.\n";
        assert_eq!(shown(SAMPLE, 30, 10_000), expected);
    }

    #[test]
    fn the_pieces_make_no_difference() {
        let whole = shown(SAMPLE, 30, 10_000);
        for size in [1, 2, 3, 7] {
            assert_eq!(shown(SAMPLE, 30, size), whole, "pieces of {size}");
        }
    }

    #[test]
    fn words_appear_before_the_line_ends() {
        let mut markdown = Markdown::new(Some(80));
        assert_eq!(markdown.push("Hello wor"), "Hello");
        assert_eq!(markdown.push("ld, **bold"), " world,");
        let bold = markdown.push("** and");
        assert!(anstream::adapter::strip_str(&bold).to_string() == " bold", "{bold:?}");
        assert_eq!(markdown.push(" more\n"), " and more");
    }

    #[test]
    fn without_a_terminal_the_text_stays() {
        let mut markdown = Markdown::new(None);
        assert_eq!(markdown.push("**a** b") + &markdown.finish(), "**a** b\n");
    }

    #[test]
    fn wide_characters_wrap_by_columns() {
        assert_eq!(shown("天気 天気 天気", 10, 1), "天気 天気\n天気\n");
    }
}
