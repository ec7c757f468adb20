//! Draws the screens of the toolbox as an SVG, from real runs under a pseudo-terminal: `terminal-picture EXAMPLE FILE`,
//! where EXAMPLE is the built example `toolbox`. `tests/scripts/picture.sh` runs it.

use std::fmt::Write as _;

use copilot_tests::terminal::Terminal;
use pty_process::blocking::Command;

/// The size of a terminal.
const ROWS: u16 = 30;
const COLUMNS: u16 = 96;

/// The size of a character, and the space around a screen, in pixels.
const WIDTH: f32 = 8.4;
const HEIGHT: f32 = 19.0;
const MARGIN: f32 = 16.0;
const TITLE: f32 = 30.0;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, example, file] = &arguments[..] else { panic!("usage: terminal-picture EXAMPLE FILE") };
    let screens = [
        finished(example, &["list"]),
        finished(example, &["call", "forecast", "--days", "20", "--unit", "celsius"]),
        chat(example),
    ];
    std::fs::write(file, drawn(&screens)).expect("the picture can be written");
}

/// A command line and its screen.
struct Screen {
    title: String,
    terminal: Terminal,
}

fn start(example: &str, arguments: &[&str]) -> Screen {
    let terminal = Terminal::start(Command::new(example).args(arguments), ROWS, COLUMNS);
    Screen { title: format!("trips {}", arguments.join(" ")), terminal }
}

fn finished(example: &str, arguments: &[&str]) -> Screen {
    let mut screen = start(example, arguments);
    screen.terminal.end();
    screen
}

/// A chat up to the question for a permission.
fn chat(example: &str) -> Screen {
    let mut screen = start(example, &["chat", "--scripted"]);
    screen.title = "trips chat".to_owned();
    let terminal = &mut screen.terminal;
    terminal.wait_for("/help for help");
    for (line, expected) in [
        ("How will the weather be in Oslo?", "Shall I book it?"),
        ("Yes, two days.", "Booked: two days in Oslo."),
        ("Cancel it again.", "Allow? [y]es, [n]o"),
    ] {
        let is_empty = |screen: &str| screen.lines().last().is_some_and(|line| line.trim_end() == ">");
        terminal.wait_until("an empty prompt", is_empty);
        terminal.keys(&format!("{line}\r"));
        terminal.wait_for(expected);
    }
    screen
}

fn drawn(screens: &[Screen]) -> String {
    let (mut body, mut top) = (String::new(), 0.0);
    let width = f32::from(COLUMNS) * WIDTH + 2.0 * MARGIN;
    for Screen { title, terminal } in screens {
        let screen = terminal.parsed();
        let text = terminal.screen();
        let rows = u16::try_from(text.trim_end().lines().count()).expect("a screen is small");
        let height = TITLE + f32::from(rows) * HEIGHT + MARGIN;
        write!(
            body,
            "<g transform=\"translate(0 {top})\">\
             <rect width=\"{width}\" height=\"{height}\" rx=\"8\" fill=\"#1e2127\"/>\
             <text x=\"{MARGIN}\" y=\"20\" fill=\"#7f848e\">$ {}</text>",
            escaped(title)
        )
        .expect("writing to a string cannot fail");
        for row in 0..rows {
            line(screen, row, &mut body);
        }
        body.push_str("</g>\n");
        top += height + MARGIN;
    }
    let height = top - MARGIN;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace\" font-size=\"14\">\n{body}</svg>\n"
    )
}

/// Draws a row, with one element for each run of characters of one style.
fn line(screen: &vt100::Screen, row: u16, body: &mut String) {
    let y = TITLE + (f32::from(row) + 0.75) * HEIGHT;
    let mut column = 0;
    while column < COLUMNS {
        let Some(first) = screen.cell(row, column).filter(|cell| cell.has_contents()) else {
            column += 1;
            continue;
        };
        let style = style(first);
        let (start, mut text) = (column, String::new());
        while let Some(cell) =
            screen.cell(row, column).filter(|cell| self::style(cell) == style && cell.has_contents())
        {
            text.push_str(cell.contents());
            column += if cell.is_wide() { 2 } else { 1 };
        }
        let x = MARGIN + f32::from(start) * WIDTH;
        let length = f32::from(column - start) * WIDTH;
        write!(
            body,
            "<text x=\"{x:.1}\" y=\"{y:.1}\" textLength=\"{length:.1}\" xml:space=\"preserve\"{style}>{}</text>",
            escaped(&text)
        )
        .expect("writing to a string cannot fail");
    }
}

fn style(cell: &vt100::Cell) -> String {
    let colour = match cell.fgcolor() {
        vt100::Color::Idx(1 | 9) => "#e06c75",
        vt100::Color::Idx(2 | 10) => "#98c379",
        vt100::Color::Idx(3 | 11) => "#e5c07b",
        vt100::Color::Idx(6 | 14) => "#56b6c2",
        _ => "#dcdfe4",
    };
    let mut style = format!(" fill=\"{colour}\"");
    for (is_set, attribute) in [
        (cell.bold(), " font-weight=\"bold\""),
        (cell.italic(), " font-style=\"italic\""),
        (cell.underline(), " text-decoration=\"underline\""),
        (cell.dim(), " fill-opacity=\"0.6\""),
    ] {
        if is_set {
            style.push_str(attribute);
        }
    }
    style
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
