//! The words of the house: docs, comments, errors, identifiers and Markdown are plain technical English.

#![allow(clippy::unwrap_used, reason = "a test fails where something is missing")]

use std::fs;
use std::path::{Path, PathBuf};

/// Words and phrases that stand in place of a term of the field, in lower case. A hyphen or an underscore in the text
/// counts as a space, and so does the line break of a comment.
const BANNED: &[(&str, &str)] = &[
    ("tell", "name the action: report, notify, send, return"),
    ("tells", "name the action: reports, notifies, sends, returns"),
    ("telling", "name the action: reporting, notifying, sending"),
    ("told", "name the action: reported, notified, sent, asked"),
    ("goes on", "continues; an attribute belongs on an item"),
    ("go on", "continue"),
    ("going on", "continuing, in progress"),
    ("went on", "continued"),
    ("lets go of", "releases, drops"),
    ("let go of", "release, drop"),
    ("letting go of", "releasing, dropping"),
    ("taken up", "resumed"),
    ("play along", "cooperate, support"),
    ("plays along", "cooperates, supports"),
    ("gone for good", "lost, removed"),
    ("for ever", "without a limit"),
    ("anew", "again"),
    ("whoever", "name the caller, the subscriber, the task"),
    ("nobody", "no caller, no subscriber, no handler"),
    ("somebody", "a caller, a subscriber, the user"),
    ("of its own", "built-in, separate"),
    ("as it came", "unchanged"),
    ("at once", "immediately, or concurrently"),
    ("he", "the user, the program"),
    ("him", "the user, the program"),
    ("his", "the user's, the program's"),
    ("is no", "is not a"),
];

/// Beginnings of a sentence that hide its subject.
const HIDDEN_SUBJECTS: &[&str] = &["What", "Who", "Whoever", "Nobody"];

/// Texts that hold a banned word as the name of an API: `ToolError::tell` marks a text that the model may read.
const NAMES: &[&str] = &[
    "queue().go_on",
    "or_tell",
    "OrTell",
    "ToolError::tell",
    "Self::tell",
    "fn tell(",
    "Tell(",
    "\"Tell\"",
    "`tell`",
];

/// Folders and files that are not clean yet, by the beginning of their path. The list must only shrink: clean a folder
/// and remove its line.
const NOT_CLEAN: &[&str] = &[];

/// Files that hold the banned words by purpose, or text that the project did not write.
const EXEMPT: &[&str] = &["tests/tests/meta/words.rs", "tests/fixtures/"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Returns the path below the root and the text of each source file, compiler message and Markdown page.
fn texts() -> Vec<(String, String)> {
    fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy();
            if path.is_dir() {
                if name != "target" && !name.starts_with('.') {
                    collect(&path, found);
                }
            } else if path
                .extension()
                .is_some_and(|ending| ending == "rs" || ending == "md" || ending == "stderr")
            {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    collect(&root(), &mut found);
    found.sort();
    let name = |path: &Path| path.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/");
    found
        .iter()
        .map(|path| (name(path), fs::read_to_string(path).unwrap()))
        .filter(|(name, _)| !EXEMPT.iter().any(|exempt| name.starts_with(exempt)))
        .collect()
}

/// A word in lower case with its line, and whether it follows the word before without punctuation between them.
struct Word {
    text: String,
    line: usize,
    follows: bool,
}

/// Splits a text into words; `CamelCase` and `snake_case` are several.
fn words(text: &str) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    let mut follows = false;
    for (index, line) in text.lines().enumerate() {
        let mut current = String::new();
        let mut previous = ' ';
        let line = line.trim_start();
        // The marks of a comment do not separate its words.
        let line = line.trim_start_matches(['/', '!', '*', '>']);
        for character in line.chars().chain([' ']) {
            let new_part = character.is_uppercase() && previous.is_lowercase();
            if (!character.is_alphabetic() || new_part) && !current.is_empty() {
                words.push(Word { text: current.to_lowercase(), line: index + 1, follows });
                current.clear();
                follows = true;
            }
            if character.is_alphabetic() {
                current.push(character);
            } else if !character.is_whitespace() && character != '_' && character != '-' {
                follows = false;
            }
            previous = character;
        }
    }
    words
}

/// Returns the banned words of a text, with their lines.
fn banned_in(text: &str) -> Vec<String> {
    let mut text = text.to_owned();
    for name in NAMES {
        text = text.replace(name, "");
    }
    let words = words(&text);
    let mut hits = Vec::new();
    for (phrase, instead) in BANNED {
        let phrase_words: Vec<&str> = phrase.split(' ').collect();
        for (start, window) in words.windows(phrase_words.len()).enumerate() {
            let is_phrase = window.iter().zip(&phrase_words).all(|(word, part)| word.text == *part)
                && window[1..].iter().all(|word| word.follows);
            if is_phrase && !(*phrase == "is no" && is_plain_no(&words, start)) {
                hits.push(format!("{}: \"{phrase}\" ({instead})", window[0].line));
            }
        }
    }
    hits
}

/// Whether the "is no" at `start` is "there is no X" or "is no longer".
fn is_plain_no(words: &[Word], start: usize) -> bool {
    let before = start.checked_sub(1).map(|index| words[index].text.as_str());
    let after = words.get(start + 2).filter(|word| word.follows).map(|word| word.text.as_str());
    before == Some("there") || after.is_none() || matches!(after, Some("longer" | "more"))
}

/// Returns the sentences of comments, or of a Markdown page, whose subject is hidden behind a pronoun; questions are
/// not meant.
fn hidden_subjects_in(name: &str, text: &str) -> Vec<String> {
    let is_prose = |line: &str| name.ends_with(".md") || line.trim_start().starts_with("//");
    let mut hits = Vec::new();
    let mut starts_sentence = true;
    let mut fenced = false;
    for (index, line) in text.lines().enumerate() {
        if !is_prose(line) {
            starts_sentence = true;
            continue;
        }
        let content = line.trim_start().trim_start_matches(['/', '!']).trim();
        fenced ^= content.starts_with("```");
        if fenced || content.is_empty() {
            starts_sentence = true;
            continue;
        }
        let content = content.trim_start_matches(['-', '*', '#', '|', ' ']);
        let mut rest = content;
        loop {
            let first = rest.split(|c: char| !c.is_alphabetic()).next().unwrap_or_default();
            let question = rest.find('?').is_some_and(|mark| !rest[..mark].contains(". "));
            if starts_sentence && HIDDEN_SUBJECTS.contains(&first) && !question {
                hits.push(format!("{}: a sentence begins with \"{first}\" (name its subject)", index + 1));
            }
            let Some(end) = rest.find(". ") else { break };
            rest = rest[end + 2..].trim_start();
            starts_sentence = true;
        }
        starts_sentence = content.ends_with(['.', ':', '?', '!']) || content.starts_with('#');
    }
    hits
}

fn hits_in(name: &str, text: &str) -> Vec<String> {
    banned_in(text).into_iter().chain(hidden_subjects_in(name, text)).collect()
}

#[test]
fn texts_use_the_terms_of_the_field() {
    let wrong: Vec<_> = texts()
        .into_iter()
        .filter(|(name, _)| !NOT_CLEAN.iter().any(|prefix| name.starts_with(prefix)))
        .flat_map(|(name, text)| {
            hits_in(&name, &text).into_iter().map(move |hit| format!("{name}:{hit}")).collect::<Vec<_>>()
        })
        .collect();
    assert!(wrong.is_empty(), "{} hits; write the term instead: {wrong:#?}", wrong.len());
}

#[test]
fn the_list_of_texts_that_are_not_clean_shrinks() {
    let texts = texts();
    let clean: Vec<_> = NOT_CLEAN
        .iter()
        .filter(|prefix| {
            !texts.iter().any(|(name, text)| name.starts_with(**prefix) && !hits_in(name, text).is_empty())
        })
        .collect();
    assert!(clean.is_empty(), "these are clean; remove them from `NOT_CLEAN`: {clean:#?}");
}

#[test]
fn words_are_found_in_identifiers_and_across_lines() {
    let check = |text: &str, expected: usize| {
        let hits = hits_in("a.rs", text);
        assert_eq!(hits.len(), expected, "{text}: {hits:?}");
    };
    check("fn a_turn_goes_on() {}", 1);
    check("struct TurnTold;", 1);
    check("/// The reader is told\n/// nothing.", 1);
    check("/// The call ends at\n/// once.", 1);
    check("/// The call ends. At once, it starts.", 1);
    check("/// A turn goes. On the wire it stays.", 0);
    check("// This is no JSON.", 1);
    check("// There is no such tool, and the tool is no longer there.", 0);
    check("/// The others theirs.", 0);
    check("Err(ToolError::tell(\"x\")).or_tell(\"y\")", 0);
    check("/// What the tool is.", 1);
    check("/// The tool. What it is.", 1);
    check("/// Tells\n/// What it is.", 1);
    check("/// What is a tool?", 0);
    check("let what = What::Ever;", 0);
}
