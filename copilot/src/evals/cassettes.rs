//! The cassettes of the runs of a suite.

use std::collections::BTreeMap;
use std::path::Path;

use super::outcome::Run;
use crate::cassette::Cassette;
use crate::error::{Error, ErrorKind, Result};

/// Opens the cassette of a run, and makes the directory of its case.
pub(super) async fn of_run(directory: &Path, run: &Run) -> Result<Cassette> {
    let directory = directory.join(file_name(&run.case));
    std::fs::create_dir_all(&directory).map_err(|error| {
        let message = format!("cannot make the directory {}: {error}", directory.display());
        Error::new(ErrorKind::Cassette, message)
    })?;
    let variant = if run.variant.is_empty() { "run".to_owned() } else { file_name(&run.variant) };
    Cassette::auto(directory.join(format!("{variant}-{}.jsonl", run.number))).await
}

/// Checks that the names of cases or variants have different file names.
pub(super) fn check_names(kind: &str, names: &[&String]) -> Result<(), String> {
    let mut seen = BTreeMap::new();
    for name in names {
        let file = file_name(name);
        if file.is_empty() {
            return Err(format!(
                "`{name}`, one of the {kind}, needs a letter or a digit, of which the path of its cassettes is made"
            ));
        }
        if let Some(other) = seen.insert(file.clone(), name) {
            return Err(format!(
                "the {kind} `{other}` and `{name}` would share the cassettes of `{file}`; rename one"
            ));
        }
    }
    Ok(())
}

/// Makes a file name of a name: lower case, with a hyphen for each row of other characters.
pub(super) fn file_name(name: &str) -> String {
    let mut text = String::new();
    for character in name.to_lowercase().chars() {
        if character.is_alphanumeric() {
            text.push(character);
        } else if !text.ends_with('-') {
            text.push('-');
        }
    }
    text.trim_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_becomes_a_file_name() {
        assert_eq!(file_name("Small refund, 4 €"), "small-refund-4");
        assert_eq!(file_name("../etc"), "etc");
    }
}
