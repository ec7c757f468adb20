//! The size of the public API: items of the crate root, and methods of the builder of a session.

#![allow(clippy::unwrap_used, reason = "a test fails where something is missing")]

use std::collections::BTreeSet;
use std::fs;

use crate::tidy::{files, root, without_tests};

/// The names that the `pub use` items of a file export, modules excepted.
fn exports(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    for item in text.split("\npub use ").skip(1) {
        let item = item.split(';').next().unwrap();
        let list = item.rsplit_once("::{").map_or_else(
            || vec![item.rsplit("::").next().unwrap()],
            |(_, list)| list.trim_end_matches('}').split(',').collect(),
        );
        names.extend(list.into_iter().map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()));
    }
    names
}

/// The names of the setters that `members!` declares for the builder itself, and those that take a group.
fn declared_setters(declaration: &str) -> Vec<&str> {
    let own = declaration.split("\n    @").next().unwrap();
    let setters = own.lines().filter(|line| !line.trim_start().starts_with("//"));
    let setters = setters.filter_map(|line| line.strip_prefix("    ")?.split_once(": "));
    let groups = declaration.lines().filter_map(|line| line.strip_prefix("        ")?.strip_suffix(" {"));
    setters
        .map(|(name, _)| name)
        .chain(groups)
        .filter(|name| name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'))
        .collect()
}

/// The names of the public functions of an `impl` block.
fn functions(block: &str) -> Vec<&str> {
    let starts = ["    pub fn ", "    pub async fn ", "    pub const fn "];
    block
        .lines()
        .filter_map(|line| starts.iter().find_map(|start| line.strip_prefix(start)))
        .map(|line| line.split(['(', '<']).next().unwrap())
        .collect()
}

/// The blocks of a file that begin with this line and end with a closing bracket at the margin.
fn blocks<'a>(text: &'a str, first_line: &str) -> Vec<&'a str> {
    text.split(&format!("\n{first_line}\n")).skip(1).map(|rest| rest.split("\n}").next().unwrap()).collect()
}

#[test]
fn the_crate_root_has_at_most_45_items() {
    let (_, root) =
        files(&["copilot/src"], "rs").into_iter().find(|(name, _)| name.ends_with("src/lib.rs")).unwrap();
    let modules: BTreeSet<String> =
        files(&["copilot/src"], "rs").into_iter().map(|(name, _)| module_of(&name)).collect();
    let items: Vec<String> =
        exports(&root).into_iter().filter(|name| !modules.contains(name) || name == "tool").collect();
    assert!(items.contains(&"SessionBuilder".to_owned()) && items.contains(&"tool".to_owned()), "{items:?}");
    assert!(items.len() <= 45, "{} items; use modules for rare ones: {items:?}", items.len());
}

#[test]
fn both_tables_of_features_name_each() {
    let read = |path: &str| fs::read_to_string(root().join(path)).unwrap();
    let manifest = read("copilot/Cargo.toml");
    let section = manifest.split("\n[features]\n").nth(1).unwrap().split("\n[").next().unwrap();
    let features: BTreeSet<&str> = section
        .lines()
        .filter(|line| line.starts_with(|first: char| first.is_ascii_lowercase()))
        .filter_map(|line| Some(line.split_once(" = ")?.0))
        .filter(|name| *name != "default")
        .collect();
    assert!(features.contains("toolbox-http"), "{features:?}");
    for page in ["README.md", "copilot/src/docs/crate.md"] {
        let text = read(page);
        let table = text.split("\n| Feature | Contents |\n").nth(1).unwrap().split("\n\n").next().unwrap();
        let named: BTreeSet<&str> =
            table.lines().filter_map(|row| row.strip_prefix("| `")?.split('`').next()).collect();
        assert_eq!(named, features, "{page}");
    }
}

/// The name of the module that a file is.
fn module_of(file: &str) -> String {
    let path = file.trim_end_matches("/mod.rs").trim_end_matches(".rs");
    path.rsplit('/').next().unwrap().to_owned()
}

#[test]
fn the_builder_of_a_session_has_at_most_60_methods() {
    let mut methods = BTreeSet::new();
    for (_, text) in files(&["copilot/src"], "rs") {
        let text = without_tests(&text);
        for block in blocks(text, "impl SessionBuilder {") {
            // With the features `testing` and `cassette` only.
            let of_tests = ["scripted_model", "cassette"];
            let names = functions(block).into_iter().filter(|name| !of_tests.contains(name));
            methods.extend(names.map(str::to_owned));
        }
        for declaration in blocks(text, "members! {") {
            methods.extend(declared_setters(declaration).into_iter().map(str::to_owned));
        }
    }
    for known in ["model", "with_all_tools", "limits", "start"] {
        assert!(methods.contains(known), "`{known}` is a method: {methods:?}");
    }
    assert!(methods.len() <= 60, "{} methods; put rare settings into a group: {methods:?}", methods.len());
}
