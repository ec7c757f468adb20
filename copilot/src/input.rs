//! Checks of the names and paths that a program gives, before anything is started or sent. Pure.

use crate::error::{Error, ErrorKind, Result};

/// The longest name. The CLI and the models' services have lower limits of their own for some.
const MAX_NAME: usize = 1024;
/// The longest path that Linux takes.
const MAX_PATH: usize = 4096;
/// How much of a text that is refused shows in the error.
const SHOWN: usize = 60;

/// Refuses a name that is empty, too long, or has control characters. `setter` is the method that took it.
pub(crate) fn check_name(setter: &str, text: &str) -> Result<()> {
    check(setter, text, "name", MAX_NAME)
}

/// Refuses a path that is empty, too long, or has control characters. `setter` is the method that took it.
pub(crate) fn check_path(setter: &str, text: &str) -> Result<()> {
    check(setter, text, "path", MAX_PATH)
}

/// Refuses a secret that is empty or has control characters, and does not show it.
pub(crate) fn check_secret(setter: &str, what: &str, text: &str) -> Result<()> {
    if text.trim().is_empty() {
        return refuse(format!("`{setter}` is empty, and a {what} never is; set one, or leave it out"));
    }
    if text.contains(char::is_control) {
        let why = "which no request can carry; trim it, because files often end with a line end";
        return refuse(format!("`{setter}`: the {what} has a line end or another control character, {why}"));
    }
    Ok(())
}

fn check(setter: &str, text: &str, what: &str, max: usize) -> Result<()> {
    if text.trim().is_empty() {
        return refuse(format!("`{setter}` is an empty {what}; write one, or leave it out"));
    }
    if text.len() > max {
        let (length, start) = (text.len(), shown(text));
        return refuse(format!(
            "`{setter}` is a {what} of {length} bytes, {start}; the limit is {max} bytes"
        ));
    }
    if let Some(bad) = text.chars().find(|c| c.is_control()) {
        let start = shown(text);
        return refuse(format!(
            "`{setter}` is {start}, and a {what} cannot have the control character {bad:?}; remove it"
        ));
    }
    Ok(())
}

/// The beginning of a text, quoted.
pub(crate) fn shown(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}

fn refuse<T>(message: String) -> Result<T> {
    Err(Error::new(ErrorKind::Configuration, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_paths_that_cannot_be_are_refused_with_the_setter() {
        let long = "x".repeat(5000);
        for (text, why) in
            [("", "empty"), (" \n", "empty"), ("a\0b", r"'\0'"), ("a\nb", r"'\n'"), (&long, "5000 bytes")]
        {
            for refused in [check_name("model", text), check_path("model", text)] {
                let refused = refused.unwrap_err().to_string();
                assert!(refused.contains("`model`") && refused.contains(why), "{refused}");
                assert!(refused.len() < 300, "{refused}");
            }
        }
        assert!(check_name("model", "gpt-5 (é)").is_ok());
        assert!(check_path("cwd", &"x".repeat(4096)).is_ok());
    }

    #[test]
    fn a_secret_that_is_refused_does_not_show() {
        for text in ["", "hunter2\n", "hun\0ter2"] {
            let refused = check_secret("github_token", "GitHub token", text).unwrap_err().to_string();
            assert!(refused.contains("`github_token`") && !refused.contains("hun"), "{refused}");
        }
        assert!(check_secret("github_token", "GitHub token", "gho_1").is_ok());
    }
}
