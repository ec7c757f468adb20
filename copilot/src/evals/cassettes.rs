//! The cassettes of the runs of a suite.

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

/// Makes a file name of a name: lower case, with a hyphen for each row of other characters.
fn file_name(name: &str) -> String {
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
