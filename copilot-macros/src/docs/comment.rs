//! The text of a doc comment, without its decoration: indentation, and the stars of `/** */` comments.

/// Returns the indentation that the `///` comments share: most lines have one space, which is not part of the text.
pub(super) fn indent<'a>(comments: impl Iterator<Item = &'a String>) -> usize {
    // A text without indentation is a `#[doc = ".."]`.
    comments
        .filter(|text| !text.contains('\n') && !text.trim().is_empty())
        .map(|text| leading(text))
        .filter(|spaces| *spaces > 0)
        .min()
        .unwrap_or(0)
}

/// Returns the text of a comment; `indent` is that of `///` comments.
pub(super) fn clean(comment: &str, indent: usize) -> String {
    let mut lines = comment.lines();
    let first = lines.next().unwrap_or_default();
    if !comment.contains('\n') {
        return unindent(first, indent).to_owned();
    }
    let mut rest: Vec<&str> = lines.map(str::trim_end).collect();
    if let Some(column) = column_of_stars(&rest) {
        rest = rest.iter().map(|line| line.get(column + 1..).unwrap_or_default()).collect();
    }
    let shared = rest.iter().filter(|line| !line.is_empty()).map(|line| leading(line)).min().unwrap_or(0);
    let lines = rest.iter().map(|line| unindent(line, shared));
    let mut lines: Vec<&str> = [first.trim()].into_iter().chain(lines).collect();
    // The end of a comment such as `****/`.
    if lines.last().is_some_and(|line| line.chars().all(|c| c == '*')) {
        lines.pop();
    }
    lines.join("\n")
}

/// Returns the column of the stars, if every line starts with one. Those of a list are text: its other lines start with
/// none.
fn column_of_stars(lines: &[&str]) -> Option<usize> {
    let mut columns = lines.iter().filter(|line| !line.is_empty()).map(|line| {
        let column = leading(line);
        (line[column..].starts_with('*')).then_some(column)
    });
    let first = columns.next()??;
    columns.all(|column| column == Some(first)).then_some(first)
}

fn leading(line: &str) -> usize {
    line.len() - line.trim_start_matches([' ', '\t']).len()
}

fn unindent(line: &str, indent: usize) -> &str {
    line[leading(line).min(indent)..].trim_end()
}
