//! The sections of a tool's doc comment: those for the programmer, which the model does not read, and `# Arguments`.

use super::Description;

/// The sections that Rust's documentation has for the caller of a function.
const FOR_PROGRAMMERS: [&str; 4] = ["errors", "panics", "safety", "cancel safety"];
const EXAMPLES: [&str; 2] = ["examples", "example"];
const ARGUMENTS: [&str; 4] = ["arguments", "args", "parameters", "params"];

/// The words after the opening of a code block that rustdoc compiles.
const RUST: [&str; 6] = ["rust", "no_run", "should_panic", "compile_fail", "ignore", "test_harness"];

/// A bullet under `# Arguments`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Bullet {
    pub(crate) name: String,
    pub(crate) text: String,
    /// The line of the bullet, by which its place in the source is found.
    pub(crate) line: String,
}

/// A line of Markdown.
struct Line<'t> {
    text: &'t str,
    /// The level of a heading; 0 for text. `# ` in a code block is not a heading.
    level: usize,
    /// The opening of a code block that rustdoc compiles.
    opens_rust: bool,
}

/// Removes the sections for the programmer: errors, panics, safety, and examples in Rust.
pub(crate) fn drop_for_programmers(description: &mut Description) {
    let Description::Text(text) = description else { return };
    let lines = lines(text);
    let mut kept: Vec<&str> = Vec::new();
    let mut rest = &lines[..];
    while let Some(line) = rest.first() {
        let section = section(rest);
        let title = title(line.text);
        let is_dropped = line.level > 0
            && (FOR_PROGRAMMERS.contains(&title.as_str())
                || EXAMPLES.contains(&title.as_str()) && section.iter().any(|line| line.opens_rust));
        if !is_dropped {
            kept.push(line.text);
        }
        rest = &rest[if is_dropped { section.len() } else { 1 }..];
    }
    if kept.len() < lines.len() {
        *text = join(&kept);
    }
}

/// Removes the bullets of the `# Arguments` section from a description and returns them.
pub(crate) fn take_arguments(description: &mut Description) -> Vec<Bullet> {
    let Description::Text(text) = description else { return Vec::new() };
    let lines = lines(text);
    let is_start = |line: &Line<'_>| line.level > 0 && ARGUMENTS.contains(&title(line.text).as_str());
    let Some(start) = lines.iter().position(is_start) else { return Vec::new() };
    let section = &lines[start + 1..];
    let length = section.iter().position(|line| line.level > 0).unwrap_or(section.len());
    let (bullets, prose) = bullets(&section[..length]);
    if bullets.is_empty() {
        return bullets;
    }
    let mut kept: Vec<&str> = lines[..start].iter().map(|line| line.text).collect();
    if prose.iter().any(|line| !line.is_empty()) {
        kept.push(lines[start].text);
        kept.extend(prose);
        kept.push("");
    }
    kept.extend(section[length..].iter().map(|line| line.text));
    *text = join(&kept);
    bullets
}

/// Splits a section into its bullets and its other text.
fn bullets<'t>(lines: &[Line<'t>]) -> (Vec<Bullet>, Vec<&'t str>) {
    let mut bullets: Vec<Bullet> = Vec::new();
    let mut prose = Vec::new();
    let mut own_indent = None;
    let mut after_blank = true;
    for &Line { text, .. } in lines {
        let indent = text.len() - text.trim_start().len();
        let is_nested = own_indent.is_some_and(|own| indent > own);
        match (bullet(text), bullets.last_mut()) {
            (Some(bullet), _) if !is_nested => {
                own_indent = Some(indent);
                bullets.push(bullet);
            }
            (_, Some(_)) if text.is_empty() => {}
            // A list below a bullet is part of its text.
            (Some(_), Some(last)) => {
                last.text.push('\n');
                last.text.push_str(text.trim());
            }
            (None, Some(last)) if is_nested || !after_blank => {
                last.text.push(' ');
                last.text.push_str(text.trim());
            }
            _ => prose.push(text),
        }
        after_blank = text.is_empty();
    }
    (bullets, prose)
}

/// Parses a bullet such as ``* `city` - City name.``.
fn bullet(line: &str) -> Option<Bullet> {
    let item = line.trim().strip_prefix(['*', '-', '+'])?.strip_prefix(' ')?.trim_start();
    let (name, rest) = match item.strip_prefix('`') {
        Some(quoted) => quoted.split_once('`')?,
        None => item.split_at(item.find([':', ' ']).unwrap_or(item.len())),
    };
    let text = rest.trim_start_matches([':', '-', '–', '—', ' ']).trim();
    Some(Bullet { name: name.trim().to_owned(), text: text.to_owned(), line: line.trim().to_owned() })
}

/// Returns the lines with their headings and code blocks.
fn lines(text: &str) -> Vec<Line<'_>> {
    let mut fence: Option<&str> = None;
    let line = |text| {
        let (mut level, mut opens_rust) = (0, false);
        match (fence_of(text), fence) {
            (Some((marks, words)), None) => {
                fence = Some(marks);
                opens_rust = words.split([',', ' ']).all(|word| {
                    word.is_empty()
                        || RUST.contains(&word)
                        || word.starts_with("edition")
                        || word.starts_with("ignore-")
                });
            }
            (Some((marks, "")), Some(open)) if marks.starts_with(open) => fence = None,
            (_, Some(_)) => {}
            (None, None) => level = level_of(text),
        }
        Line { text, level, opens_rust }
    };
    text.lines().map(line).collect()
}

/// Returns the marks and the words of a line that opens or closes a code block.
fn fence_of(line: &str) -> Option<(&str, &str)> {
    let line = line.trim();
    ['`', '~'].into_iter().find_map(|mark| {
        let words = line.trim_start_matches(mark);
        let length = line.len() - words.len();
        (length >= 3).then(|| (&line[..length], words.trim()))
    })
}

fn level_of(line: &str) -> usize {
    let title = line.trim_start_matches('#');
    if title.starts_with(' ') { line.len() - title.len() } else { 0 }
}

/// Returns the section that the first line begins: up to the next heading that is not below its own.
fn section<'l, 't>(lines: &'l [Line<'t>]) -> &'l [Line<'t>] {
    let level = lines[0].level;
    let end = lines[1..].iter().position(|line| (1..=level).contains(&line.level));
    end.map_or(lines, |end| &lines[..=end])
}

fn title(line: &str) -> String {
    line.trim_matches(['#', ':', ' ']).to_lowercase()
}

/// Joins lines; an empty line that follows another one is left out.
fn join(lines: &[&str]) -> String {
    let mut text = String::new();
    for line in lines {
        if !line.is_empty() || !text.ends_with("\n\n") {
            text.push_str(line);
            text.push('\n');
        }
    }
    text.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(text: &str) -> (Vec<(String, String)>, String) {
        let mut description = Description::Text(text.into());
        let bullets = take_arguments(&mut description);
        let Description::Text(text) = description else { panic!("not literal") };
        (bullets.into_iter().map(|bullet| (bullet.name, bullet.text)).collect(), text)
    }

    fn pair(name: &str, text: &str) -> (String, String) {
        (name.into(), text.into())
    }

    #[test]
    fn the_arguments_section_describes_the_parameters() {
        let (bullets, text) = arguments(
            "Weather.\n\n# Arguments\n\n* `city` - City\n  name.\n- days: Days.\n* unit\n\n# Notes\nNone.",
        );
        assert_eq!(bullets, [pair("city", "City name."), pair("days", "Days."), pair("unit", "")]);
        assert_eq!(text, "Weather.\n\n# Notes\nNone.");
    }

    #[test]
    fn a_list_below_a_bullet_is_its_text() {
        let (bullets, _) =
            arguments("# parameters:\n* `mode`: One of\n  - fast: Less.\n  - deep: More.\n* `day`: Day.");
        assert_eq!(bullets, [pair("mode", "One of\n- fast: Less.\n- deep: More."), pair("day", "Day.")]);
    }

    #[test]
    fn text_around_the_bullets_is_kept() {
        let (bullets, text) = arguments(
            "Weather.\n# Arguments\nAll are optional.\n\n* `city`: City.\n\nAsk for more.\n\n# Notes\nNone.",
        );
        assert_eq!(bullets, [pair("city", "City.")]);
        assert_eq!(text, "Weather.\n# Arguments\nAll are optional.\n\nAsk for more.\n\n# Notes\nNone.");
        let (bullets, text) = arguments("Weather.\n# Arguments\n**city**: City.");
        assert_eq!(bullets, []);
        assert_eq!(text, "Weather.\n# Arguments\n**city**: City.");
    }

    fn for_model(text: &str) -> String {
        let mut description = Description::Text(text.into());
        drop_for_programmers(&mut description);
        let Description::Text(text) = description else { panic!("not literal") };
        text
    }

    #[test]
    fn sections_for_programmers_are_left_out() {
        assert_eq!(
            for_model(
                "Weather.\n\n# Errors\n\nIf the city is not known.\n\n## Details\n\nMore.\n\n# Panics\n\nNever.\n\n# \
                 Notes\n\nToday only."
            ),
            "Weather.\n\n# Notes\n\nToday only."
        );
        assert_eq!(for_model("Weather.\n\n## Safety\n\nNone.\n\n# Cancel safety\n\nSafe."), "Weather.");
        assert_eq!(for_model("# Errors\n\nAlways."), "");
    }

    #[test]
    fn examples_are_left_out_if_they_are_rust() {
        for fence in ["```", "```rust", "```no_run", "```rust,ignore", "~~~edition2024"] {
            let end = &fence[..3];
            let text =
                format!("Weather.\n\n# Examples\n\n{fence}\n# let x = 1;\nf(x);\n{end}\n\n# Notes\n\nNone.");
            assert_eq!(for_model(&text), "Weather.\n\n# Notes\n\nNone.", "{fence}");
        }
        for text in ["# Examples\n\nAsk for \"Oslo\".", "# Example\n\n```json\n# x\n{}\n```\n\nMore."] {
            assert_eq!(for_model(text), text);
        }
    }

    #[test]
    fn a_code_block_has_no_headings() {
        let text = "Weather.\n\n```text\n# Errors\n```\n\nMore.";
        assert_eq!(for_model(text), text);
    }
}
