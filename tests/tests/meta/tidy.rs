//! The rules of the house that a compiler does not check.

#![allow(clippy::unwrap_used, reason = "a test fails where something is missing")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use copilot_tests::api::async_items;

/// A file may be this long before its tests.
const MAX_LINES: usize = 600;

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Every file below these folders with this ending, with its text.
pub(crate) fn files(folders: &[&str], ending: &str) -> Vec<(String, String)> {
    fn walk(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.ends_with("target") {
                walk(&path, ending, found);
            } else if path.extension().is_some_and(|found| found == ending) {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    for folder in folders {
        walk(&root().join(folder), ending, &mut found);
    }
    found.sort();
    assert!(found.len() > 3, "{folders:?} hold files");
    let name = |path: &Path| path.strip_prefix(root()).unwrap().display().to_string();
    found.iter().map(|path| (name(path), fs::read_to_string(path).unwrap())).collect()
}

/// The text before the unit tests.
pub(crate) fn without_tests(text: &str) -> &str {
    text.split("\n#[cfg(test)]\nmod tests {").next().unwrap()
}

#[test]
fn every_file_says_what_it_is_for() {
    let mute: Vec<_> =
        files(&["copilot", "copilot-macros", "examples", "fuzz", "tests/src", "tests/tests"], "rs")
            .into_iter()
            .filter(|(_, text)| !text.starts_with("//! "))
            .map(|(name, _)| name)
            .collect();
    assert!(mute.is_empty(), "begin these with `//! ` and a sentence: {mute:#?}");
}

#[test]
fn files_fit_in_the_head() {
    let long: Vec<_> = files(&["copilot/src", "copilot-macros/src", "tests/src", "tests/tests"], "rs")
        .into_iter()
        .filter(|(name, _)| !name.contains("/generated/") && !name.ends_with("/tests.rs"))
        .map(|(name, text)| (without_tests(&text).lines().count(), name))
        .filter(|(lines, _)| *lines > MAX_LINES)
        .collect();
    assert!(long.is_empty(), "split these by resource or by step: {long:#?}");
}

#[test]
fn imports_point_only_upward() {
    let lib = fs::read_to_string(root().join("copilot/src/lib.rs")).unwrap();
    let layers: Vec<&str> = lib
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod ").or_else(|| line.strip_prefix("mod ")))
        .map(|name| name.trim_end_matches(';'))
        .filter(|name| *name != "__private")
        .collect();
    assert!(layers.len() > 8, "lib.rs lists the layers: {layers:?}");
    let mut wrong = Vec::new();
    for (name, text) in files(&["copilot/src"], "rs") {
        let module = name["copilot/src/".len()..].split(['/', '.']).next().unwrap().to_owned();
        let Some(own) = layers.iter().position(|layer| **layer == module) else { continue };
        for (number, line) in without_tests(&text).lines().enumerate() {
            if line.trim_start().starts_with("//") {
                continue;
            }
            for used in line.split("crate::").skip(1) {
                let used: String = used.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                if layers.iter().position(|layer| **layer == used).is_some_and(|layer| layer > own) {
                    wrong.push(format!("{name}:{} uses {used}", number + 1));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "lib.rs lists what may use what: {wrong:#?}");
}

#[test]
fn folders_have_at_most_20_files() {
    let mut counts = BTreeMap::<String, usize>::new();
    for (name, _) in files(&["copilot/src", "copilot-macros/src", "tests/src", "tests/tests"], "rs") {
        let folder = name.rsplit_once('/').unwrap().0.to_owned();
        *counts.entry(folder).or_default() += 1;
    }
    let large: Vec<_> = counts.into_iter().filter(|(_, count)| *count > 20).collect();
    assert!(large.is_empty(), "group the files of these folders: {large:?}");
}

/// The modules that a file imports, as files below `copilot/src`. Paths that name no file name an item of one.
fn imported_files(name: &str, text: &str, all: &BTreeMap<String, String>) -> Vec<String> {
    fn paths(prefix: &str, tree: &str, found: &mut Vec<String>) {
        let Some((before, rest)) = tree.split_once('{') else {
            found.push(format!("{prefix}{}", tree.trim()));
            return;
        };
        let (prefix, inner) = (format!("{prefix}{}", before.trim()), rest.rsplit_once('}').unwrap().0);
        let (mut depth, mut part) = (0, String::new());
        for c in inner.chars() {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 0 => {
                    paths(&prefix, &std::mem::take(&mut part), found);
                    continue;
                }
                _ => {}
            }
            part.push(c);
        }
        paths(&prefix, &part, found);
    }
    let mut found = Vec::new();
    let above = name.rsplit_once('/').map_or(String::new(), |(folder, _)| folder.replace('/', "::") + "::");
    for (start, prefix) in [("\nuse crate::", String::new()), ("\nuse super::", above)] {
        for import in without_tests(text).split(start).skip(1) {
            paths(&prefix, &import.split(';').next().unwrap().replace('\n', " "), &mut found);
        }
    }
    let file = |path: &str| {
        let mut parts: Vec<_> = path.split("::").collect();
        while !parts.is_empty() {
            let folder = parts.join("/");
            for name in [format!("{folder}.rs"), format!("{folder}/mod.rs")] {
                if all.contains_key(&name) {
                    return Some(name);
                }
            }
            parts.pop();
        }
        None
    };
    found.iter().filter_map(|path| file(path)).collect()
}

#[test]
fn files_import_each_other_in_no_circle() {
    let all: BTreeMap<String, String> = files(&["copilot/src"], "rs")
        .into_iter()
        .map(|(name, text)| (name["copilot/src/".len()..].to_owned(), text))
        .collect();
    // A module file lists its children and re-exports from them; that is not an import.
    let is_list = |name: &str| name.ends_with("mod.rs") || name == "lib.rs";
    // The parts of the fake CLI and of the scripted model form one program each, outside of the path of a message.
    let is_exempt = |name: &str| name.starts_with("testing/");
    let imports: BTreeMap<&str, Vec<String>> = all
        .iter()
        .filter(|(name, _)| !is_list(name) && !is_exempt(name))
        .map(|(name, text)| {
            let found = imported_files(name, text, &all);
            (
                name.as_str(),
                found.into_iter().filter(|to| !is_list(to) && !is_exempt(to) && to != name).collect(),
            )
        })
        .collect();
    // Removes files that import none of those left, until only circles and what leads to them are left.
    let mut left: std::collections::BTreeSet<&str> = imports.keys().copied().collect();
    loop {
        let before = left.len();
        let ends: Vec<&str> = left
            .iter()
            .copied()
            .filter(|name| !imports[name].iter().any(|to| left.contains(to.as_str())))
            .collect();
        left.retain(|name| !ends.contains(name));
        let unused: Vec<&str> = left
            .iter()
            .copied()
            .filter(|name| !left.iter().any(|from| imports[from].iter().any(|to| to == name)))
            .collect();
        left.retain(|name| !unused.contains(name));
        if left.len() == before {
            break;
        }
    }
    let circles: Vec<_> = left
        .iter()
        .map(|name| (name, imports[name].iter().filter(|to| left.contains(to.as_str())).collect::<Vec<_>>()))
        .collect();
    assert!(circles.is_empty(), "move what both need to a third file: {circles:#?}");
}

#[test]
fn a_public_module_re_exports_only_what_its_name_says() {
    // `pub use` in a module of a topic: from files below it, or from the wire types of the topics.
    let mut wrong = Vec::new();
    for (name, text) in files(&["copilot/src/api"], "rs") {
        for line in without_tests(&text).lines().filter(|line| line.starts_with("pub use crate::")) {
            let path = line.trim_start_matches("pub use crate::");
            if !path.starts_with("protocol::") {
                wrong.push(format!("{name}: {line}"));
            }
        }
    }
    assert!(wrong.is_empty(), "a public path is a file path: {wrong:#?}");
}

#[test]
fn dependencies_are_sorted() {
    for folder in
        [".", "copilot", "copilot-macros", "examples", "examples/restate", "fuzz", "tests", "tests/s3"]
    {
        let manifest = fs::read_to_string(root().join(folder).join("Cargo.toml")).unwrap();
        for section in manifest.split("\n[").filter(|section| {
            section.lines().next().is_some_and(|title| title.trim_end_matches(']').ends_with("dependencies"))
        }) {
            let names: Vec<_> = section
                .lines()
                .skip(1)
                .filter(|line| line.starts_with(|c: char| c.is_ascii_lowercase()))
                .map(|line| line.split(['.', ' ', '=']).next().unwrap())
                .collect();
            let mut sorted = names.clone();
            sorted.sort_unstable();
            assert_eq!(names, sorted, "{folder}/Cargo.toml, [{}", section.lines().next().unwrap());
        }
    }
}

#[test]
fn tasks_are_spawned_in_one_place() {
    // Clippy refuses `tokio::spawn`; this sees the ways around it.
    let wrong: Vec<_> = files(&["copilot/src"], "rs")
        .into_iter()
        .filter(|(name, text)| {
            !name.ends_with("src/task.rs")
                && !name.contains("/tests/")
                && (without_tests(text).contains("spawn_local(")
                    || without_tests(text).contains("handle.spawn("))
        })
        .map(|(name, _)| name)
        .collect();
    assert!(wrong.is_empty(), "spawn through `task`: {wrong:?}");
}

#[test]
fn what_is_awaited_says_what_dropping_it_does() {
    let mute: Vec<_> = async_items()
        .into_iter()
        // The page of the crate says what dropping queries and commands does.
        .filter(|item| {
            !item
                .docs
                .iter()
                .any(|line| line.contains("(crate#queries)") || line.contains("(crate#commands)"))
        })
        .filter(|item| {
            let title = item.docs.iter().position(|line| line == "# Cancel safety");
            title.is_none_or(|title| item.docs.get(title + 2).is_none_or(String::is_empty))
        })
        .map(|item| format!("{} {}", item.place, item.name))
        .collect();
    assert!(mute.is_empty(), "say below `# Cancel safety` what dropping the future does: {mute:#?}");
}

#[test]
fn unsafe_code_is_in_one_file() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    assert!(manifest.contains("\nunsafe_code = \"deny\"\n"), "the lint is on for every package");
    for folder in ["copilot", "copilot-macros", "examples", "tests"] {
        let manifest = fs::read_to_string(root().join(folder).join("Cargo.toml")).unwrap();
        assert!(manifest.contains("[lints]\nworkspace = true\n"), "{folder}/Cargo.toml takes the lints");
    }
    let word = concat!("unsafe", "_code");
    let allowed: Vec<_> = files(&["copilot", "copilot-macros", "examples"], "rs")
        .into_iter()
        .filter(|(_, text)| {
            let lines = text.lines().map(str::trim_start).filter(|line| !line.starts_with("//"));
            // A macro's tests hold strings with the word; what counts is the attribute that lets it in.
            lines.clone().any(|line| line.starts_with("#") && line.contains(word) && !line.contains("forbid"))
        })
        .map(|(name, _)| name)
        .collect();
    assert_eq!(allowed, ["copilot/src/process/sys.rs"], "the one file with unsafe code");
}

#[test]
fn the_library_reads_payloads_by_their_types() {
    // One call of `kind` puts the code of all payloads into every program: 0.4 MB.
    let wrong: Vec<_> = files(&["copilot/src"], "rs")
        .into_iter()
        .filter(|(name, _)| {
            !["/toolbox/", "/evals/", "/testing/", "/tests/"].iter().any(|part| name.contains(part))
        })
        .filter(|(_, text)| {
            let lines =
                without_tests(text).lines().map(str::trim_start).filter(|line| !line.starts_with("//"));
            lines.clone().any(|line| line.contains("event.kind()") || line.contains("Event::kind)"))
        })
        .map(|(name, _)| name)
        .collect();
    assert!(wrong.is_empty(), "add a method to `events/decoded.rs`: {wrong:?}");
}

#[test]
fn the_default_features_stay_lean() {
    let tree = std::process::Command::new(env!("CARGO"))
        .args(["tree", "-p", "copilot-tools", "-e", "normal", "--prefix", "none", "--offline"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let tree = String::from_utf8(tree.stdout).unwrap();
    let mut crates: Vec<_> = tree.lines().collect();
    crates.sort_unstable();
    crates.dedup();
    assert!(crates.len() <= 40, "{} lines: {crates:#?}", crates.len());
}

#[test]
fn every_test_that_reliability_names_exists() {
    let text = fs::read_to_string(root().join("RELIABILITY.md")).unwrap();
    let code: String = files(&["copilot/src", "tests"], "rs").into_iter().map(|(_, text)| text).collect();
    let is_name = |word: &&str| {
        word.contains('_') && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    };
    let named: Vec<_> = text.split('`').skip(1).step_by(2).filter(is_name).collect();
    assert!(named.len() > 10, "{named:?}");
    let missing: Vec<_> = named.into_iter().filter(|name| !code.contains(&format!("fn {name}("))).collect();
    assert!(missing.is_empty(), "RELIABILITY.md names what is not there: {missing:#?}");
}

/// The names of the tools in each block of code of a documentation that rustdoc compiles together with the others.
fn tools_of_merged_examples(documentation: &str) -> Vec<String> {
    let (mut open, mut merged, mut attribute, mut names) = (false, false, false, Vec::new());
    for line in documentation.lines() {
        let line = line.trim_start().trim_start_matches("//!").trim_start_matches("///").trim_start();
        let line = line.strip_prefix("# ").unwrap_or(line);
        if let Some(language) = line.strip_prefix("```") {
            open = !open;
            merged = open && ["", "no_run", "rust", "rust,no_run"].contains(&language);
        } else if merged {
            attribute |= line.starts_with("#[copilot::tool(") || line.starts_with("#[copilot::tool]");
            if let Some((_, function)) = line.split_once("fn ").filter(|_| attribute) {
                names.push(function.split(['(', '<']).next().unwrap().to_owned());
                attribute = false;
            }
        }
    }
    names
}

#[test]
fn examples_of_the_documentation_compile_as_one_program() {
    let mut texts = files(&["copilot/src"], "rs");
    texts.extend(files(&["copilot/src"], "md"));
    texts.push(("README.md".to_owned(), fs::read_to_string(root().join("README.md")).unwrap()));
    let tools = texts.iter().flat_map(|(file, text)| {
        tools_of_merged_examples(without_tests(text)).into_iter().map(move |tool| (tool, file))
    });
    let (mut seen, mut twice) = (BTreeMap::new(), Vec::new());
    for (tool, file) in tools {
        if let Some(first) = seen.insert(tool.clone(), file) {
            twice.push(format!("{tool}: {first}, {file}"));
        }
    }
    assert!(seen.len() > 20, "the examples have tools: {seen:?}");
    assert!(
        twice.is_empty(),
        "two tools of one program cannot have one name, so rustdoc compiles each of the examples alone, which takes \
         a minute longer; mark one of them `standalone_crate`: {twice:#?}"
    );
}
