//! The public asynchronous items in the library's sources, for the tests that hold each to a rule.

use std::fs;
use std::path::{Path, PathBuf};

/// A public `async fn`, a public function that gives a future, or a public type that can be awaited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AsyncItem {
    /// `Type::function`, or `Type` for what is awaited itself.
    pub name: String,
    /// The file and the line.
    pub place: String,
    /// Its documentation, a line each, without the slashes.
    pub docs: Vec<String>,
}

/// Every public asynchronous item of the library, sorted by name.
///
/// # Panics
///
/// When the sources cannot be read, or say something that the scan does not understand.
pub fn async_items() -> Vec<AsyncItem> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package is in a workspace");
    let mut found = Vec::new();
    for path in sources(&root.join("copilot/src")) {
        let text = fs::read_to_string(&path).expect("a source is UTF-8");
        let text = text.split("\n#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        let name = path.strip_prefix(root).expect("it was found there").display().to_string();
        scan(&name, &text.lines().collect::<Vec<_>>(), &mut found);
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    assert!(found.len() > 50, "the scan finds what is there: {found:#?}");
    found
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("it can be listed").path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs") && !path.ends_with("tests.rs") {
            found.push(path);
        }
    }
    found
}

fn scan(file: &str, lines: &[&str], found: &mut Vec<AsyncItem>) {
    let mut owner = String::new();
    for (at, line) in lines.iter().enumerate() {
        if line.starts_with("impl") {
            owner = implemented(line);
        } else if line.starts_with("pub ") {
            owner.clear();
        }
        let trimmed = line.trim_start();
        let mut item = |name: String, documented: usize| {
            let docs = docs_above(lines, documented);
            found.push(AsyncItem { name, place: format!("{file}:{}", documented + 1), docs });
        };
        let gives_future = trimmed.starts_with("pub fn ") && trimmed.contains("-> impl Future");
        if trimmed.starts_with("pub async fn ") || gives_future {
            let function = word(trimmed.split("fn ").nth(1).unwrap_or_default());
            let name = if owner.is_empty() { function } else { format!("{owner}::{function}") };
            item(name, at);
        }
        if trimmed.starts_with("impl") && trimmed.contains("IntoFuture for ") {
            for name in awaited(lines, trimmed) {
                let declared = format!("pub struct {name}");
                let is_it = |line: &&str| line.starts_with(&declared) && word(&line[11..]) == name;
                let documented = lines.iter().position(is_it);
                item(name, documented.unwrap_or_else(|| panic!("{file}: no `{declared}` beside its impl")));
            }
        }
    }
}

/// The type that an `impl` at the beginning of a line is for.
fn implemented(line: &str) -> String {
    let mut rest = &line["impl".len()..];
    if rest.starts_with('<') {
        let mut depth = 0;
        let end = rest.find(|c| {
            depth += i32::from(c == '<') - i32::from(c == '>');
            depth == 0
        });
        rest = &rest[end.map_or(rest.len(), |end| end + 1)..];
    }
    word(rest.split(" for ").last().unwrap_or_default().trim_start())
}

/// The types that an `impl IntoFuture for ..` is for: several where a macro writes it.
fn awaited(lines: &[&str], line: &str) -> Vec<String> {
    let name = line.split("IntoFuture for ").nth(1).unwrap_or_default();
    if !name.starts_with('$') {
        return vec![word(name)];
    }
    let defined = lines.iter().filter_map(|line| line.strip_prefix("macro_rules! "));
    let uses = defined.flat_map(|defined| {
        let call = format!("{}! {{", word(defined));
        lines.iter().filter_map(move |line| line.strip_prefix(call.as_str()))
    });
    uses.flat_map(|used| used.trim_end_matches('}').split_whitespace().map(str::to_owned)).collect()
}

fn word(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

fn docs_above(lines: &[&str], item: usize) -> Vec<String> {
    let above = lines[..item].iter().rev().map(|line| line.trim_start());
    let mut docs: Vec<String> = above
        .take_while(|line| line.starts_with("///") || line.starts_with("#["))
        .filter_map(|line| line.strip_prefix("///"))
        .map(|line| line.trim().to_owned())
        .collect();
    docs.reverse();
    docs
}
