//! A table for a terminal of any width. Pure.

use anstyle::Style;

use super::terminal::{BOLD, DIM, styled, width, wrapped};

/// The least width of a column that is shrunk.
const LEAST: usize = 8;
/// The space between columns.
const GAP: &str = "  ";

/// A value in a table.
pub(super) struct Cell {
    pub(super) text: String,
    pub(super) style: Style,
}

impl Cell {
    pub(super) fn new(text: impl Into<String>, style: Style) -> Self {
        Self { text: text.into(), style }
    }
}

/// Returns the rows as aligned columns. Where `columns` are too few, cells are wrapped, and where even that does not fit,
/// each row is a block of lines. Without a limit, each row is a line.
pub(super) fn rendered(titles: &[&str], rows: &[Vec<Cell>], columns: Option<usize>) -> String {
    let natural = |index: usize| {
        let cells = rows.iter().map(|row| width(&row[index].text));
        cells.chain([width(titles[index])]).max().unwrap_or(0)
    };
    let mut widths: Vec<usize> = (0..titles.len()).map(natural).collect();
    if let Some(columns) = columns {
        let gaps = GAP.len() * titles.len().saturating_sub(1);
        while widths.iter().sum::<usize>() + gaps > columns {
            match widths.iter_mut().filter(|width| **width > LEAST).max() {
                Some(widest) => *widest -= 1,
                None => return blocks(titles, rows, columns),
            }
        }
    }
    let mut text = line(&titles.iter().map(|title| Cell::new(*title, DIM)).collect::<Vec<_>>(), &widths);
    for row in rows {
        text.push_str(&line(row, &widths));
    }
    text
}

/// Returns a row, of as many lines as its tallest cell has.
fn line(row: &[Cell], widths: &[usize]) -> String {
    let cells: Vec<Vec<String>> =
        row.iter().zip(widths).map(|(cell, width)| wrapped(&cell.text, (*width).max(2))).collect();
    let height = cells.iter().map(Vec::len).max().unwrap_or(0);
    let mut text = String::new();
    for index in 0..height {
        let mut pending = String::new();
        for ((lines, cell), columns) in cells.iter().zip(row).zip(widths) {
            let part = lines.get(index).map_or("", String::as_str);
            if !part.is_empty() {
                text.push_str(&pending);
                text.push_str(&styled(cell.style, part));
                pending.clear();
            }
            pending.push_str(&" ".repeat(columns.saturating_sub(width(part))));
            pending.push_str(GAP);
        }
        text.push('\n');
    }
    text
}

/// Returns each row as a block: the first cell, and below it the others with their titles.
fn blocks(titles: &[&str], rows: &[Vec<Cell>], columns: usize) -> String {
    let mut text = String::new();
    for row in rows {
        let mut cells = row.iter().zip(titles);
        for (cell, _) in cells.by_ref().take(1) {
            for line in wrapped(&cell.text, columns) {
                text.push_str(&styled(BOLD, &line));
                text.push('\n');
            }
        }
        for (cell, title) in cells.filter(|(cell, _)| !cell.text.is_empty()) {
            let indent = "    ";
            let lines = wrapped(&format!("{title}: {}", cell.text), columns.saturating_sub(indent.len()));
            for line in lines {
                text.push_str(indent);
                text.push_str(&styled(cell.style, &line));
                text.push('\n');
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(columns: Option<usize>) -> String {
        let plain = |text: &str| Cell::new(text, Style::new());
        let rows = [
            vec![plain("forecast"), plain("weather"), plain("src/main.rs:12")],
            vec![plain("天気"), plain(""), plain("src/weather/japanese.rs:7")],
        ];
        let text = rendered(&["NAME", "GROUP", "SOURCE"], &rows, columns);
        let plain = anstream::adapter::strip_str(&text).to_string();
        plain.lines().map(|line| format!("{line}|\n")).collect()
    }

    #[test]
    fn wide_characters_align() {
        let expected = "NAME      GROUP    SOURCE|\n\
                        forecast  weather  src/main.rs:12|\n\
                        天気               src/weather/japanese.rs:7|\n";
        assert_eq!(table(None), expected);
        assert_eq!(table(Some(80)), expected);
    }

    #[test]
    fn a_narrow_terminal_wraps_cells() {
        let text = table(Some(32));
        assert_eq!(
            text,
            "NAME      GROUP    SOURCE|\n\
             forecast  weather  src/main.rs:|\n\
             \x20                  12|\n\
             天気               src/weather/|\n\
             \x20                  japanese.rs:7|\n"
        );
    }

    #[test]
    fn a_very_narrow_one_has_blocks() {
        let text = table(Some(22));
        assert!(
            text.starts_with("forecast|\n    GROUP: weather|\n    SOURCE:|\n    src/main.rs:12|\n"),
            "{text}"
        );
        assert!(text.lines().all(|line| width(line.trim_end_matches('|')) <= 22), "{text}");
    }
}
