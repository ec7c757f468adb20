//! The table of a report, and the list of the runs that did not pass.

use std::fmt;

use console::{Alignment, Style, Term, measure_text_width, pad_str};

use super::report::{CaseReport, Report};

/// The width of a table where the terminal has none.
const WIDTH: usize = 100;

/// The least width of the column with the names.
const LEAST_NAME: usize = 12;

/// The name of the last row.
const TOTAL: &str = "total";

/// The space between columns.
const GAP: &str = "  ";

impl Report {
    /// Returns the table of cases and variants for a terminal of this width, without colours.
    pub fn table(&self, width: usize) -> String {
        of(self, width, false)
    }

    /// Returns the runs that did not pass, with the reasons; empty if all did.
    pub fn failures(&self) -> String {
        let mut text = String::new();
        for case in &self.cases {
            for run in &case.runs {
                case.write_run(run, &mut text);
            }
        }
        text.truncate(text.trim_end().len());
        text
    }

    /// Prints the table, with colours if stdout is a terminal that has them and `NO_COLOR` is not set, and the runs that
    /// did not pass.
    pub fn print(&self) {
        let width = Term::stdout().size_checked().map_or(WIDTH, |(_, columns)| columns.into());
        print!("{}", of(self, width, console::colors_enabled()));
        let failures = self.failures();
        if !failures.is_empty() {
            println!("\n{failures}");
        }
    }

    /// Checks that enough runs of each case passed.
    ///
    /// # Panics
    ///
    /// Panics with the report if a case did not pass.
    #[track_caller]
    pub fn assert_passed(&self) {
        assert!(self.has_passed(), "the suite `{}` did not pass:\n{self}", self.suite);
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.table(WIDTH))?;
        let failures = self.failures();
        if failures.is_empty() { Ok(()) } else { write!(f, "\n{failures}\n") }
    }
}

/// Returns the table: a row for each case, a column for each variant.
fn of(report: &Report, width: usize, colours: bool) -> String {
    let columns: Vec<Column> = report.variants.iter().map(|variant| Column::new(report, variant)).collect();
    let taken: usize = columns.iter().map(|column| column.width + GAP.len()).sum();
    let longest = names(report).map(measure_text_width).max().unwrap_or(0);
    let longest = longest.max(measure_text_width(&report.suite)).max(TOTAL.len());
    let name_width = longest.min(width.saturating_sub(taken).max(LEAST_NAME));
    let mut text = String::new();
    let headers = columns.iter().map(|column| (column.variant.clone(), Style::new(), column.width));
    row(&mut text, &report.suite, name_width, headers);
    for (index, name) in names(report).enumerate() {
        let cells = columns.iter().map(|column| {
            let (cell, style) = &column.cells[index];
            (
                cell.clone(),
                if colours { style.clone().force_styling(true) } else { Style::new() },
                column.width,
            )
        });
        row(&mut text, name, name_width, cells);
    }
    let totals = columns.iter().map(|column| (column.total.clone(), Style::new(), column.width));
    row(&mut text, TOTAL, name_width, totals);
    text
}

struct Column {
    variant: String,
    /// The cell of each case, in order.
    cells: Vec<(String, Style)>,
    total: String,
    width: usize,
}

impl Column {
    fn new(report: &Report, variant: &str) -> Self {
        let cases: Vec<&CaseReport> = report.cases.iter().filter(|case| case.variant == variant).collect();
        let rates: Vec<String> =
            cases.iter().map(|case| format!("{}/{}", case.passed_runs(), case.runs.len())).collect();
        let sizes: Vec<String> = cases.iter().map(|case| size(case.tokens(), case.cost())).collect();
        let widest = |texts: &[String]| texts.iter().map(|text| measure_text_width(text)).max().unwrap_or(0);
        let (rate_width, size_width) = (widest(&rates), widest(&sizes));
        let mut cells = Vec::new();
        for (index, case) in cases.iter().enumerate() {
            let (mark, style) = match (case.has_passed(), case.errors()) {
                (true, _) => ("ok", Style::new().green()),
                (false, 0) => ("FAIL", Style::new().red()),
                (false, _) => ("ERROR", Style::new().red().bold()),
            };
            let cell = format!("{mark:<5} {:>rate_width$}  {:>size_width$}", rates[index], sizes[index]);
            cells.push((cell, style));
        }
        let passed = cases.iter().filter(|case| case.has_passed()).count();
        let tokens = cases.iter().fold(0_u64, |sum, case| sum.saturating_add(case.tokens()));
        let cost = cases.iter().map(|case| case.cost()).sum();
        let total = format!("{passed}/{} cases  {}", cases.len(), size(tokens, cost));
        let texts = cells.iter().map(|(cell, _)| cell.as_str()).chain([variant, &total]);
        let width = texts.map(measure_text_width).max().unwrap_or(0);
        Self { variant: variant.to_owned(), cells, total, width }
    }
}

/// The names of the cases, each once.
fn names(report: &Report) -> impl Iterator<Item = &str> {
    let first = report.variants.first();
    let of_first = move |case: &&CaseReport| Some(&case.variant) == first;
    report.cases.iter().filter(of_first).map(|case| case.case.as_str())
}

/// The tokens of a run, and its cost if there is one.
fn size(tokens: u64, cost: f64) -> String {
    let tokens = format!("{} tokens", grouped(tokens));
    if cost > 0.0 { format!("{tokens} {cost:.2} requests") } else { tokens }
}

/// Writes a number with commas between thousands.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Writes a row, without spaces at its end.
fn row(
    text: &mut String,
    name: &str,
    name_width: usize,
    cells: impl Iterator<Item = (String, Style, usize)>,
) {
    let mut line = pad_str(name, name_width, Alignment::Left, Some("…")).into_owned();
    for (cell, style, width) in cells {
        let padding = " ".repeat(width.saturating_sub(measure_text_width(&cell)));
        line.push_str(GAP);
        line.push_str(&style.apply_to(cell).to_string());
        line.push_str(&padding);
    }
    text.push_str(line.trim_end());
    text.push('\n');
}
