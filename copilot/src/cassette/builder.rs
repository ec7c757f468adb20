//! The settings of a cassette.

use std::env;
use std::fmt;
use std::future::IntoFuture;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_core::future::BoxFuture;
use regex_lite::Regex;

use super::compare::Compare;
use super::scrub::{Rule, Scrubber};
use super::upstream::{Upstream, erased};
use super::{Cassette, MODE_VARIABLE};
use crate::error::{Error, ErrorKind, Result};
use crate::host::inference::Inference;

/// The mode that the program asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    Record,
    Replay,
    /// By the environment, or by the existence of the file.
    Auto,
}

/// Configures a cassette. Returned by [`Cassette::auto`], [`Cassette::record`] and [`Cassette::replay`]; awaiting it
/// starts the cassette.
///
/// # Cancel safety
///
/// Dropping the future starts nothing.
#[must_use = "a cassette starts when its builder is awaited"]
pub struct CassetteBuilder {
    pub(super) path: PathBuf,
    wanted: Wanted,
    pub(super) timing: bool,
    pub(super) compare: Compare,
    rules: Vec<Rule>,
    emails: bool,
    directories: Vec<(String, PathBuf)>,
    pub(super) upstream: Option<Upstream>,
    /// The first setting that is invalid.
    problem: Option<Error>,
}

impl CassetteBuilder {
    pub(super) fn new(path: impl AsRef<Path>, wanted: Wanted) -> Self {
        Self {
            path: path.as_ref().to_owned(),
            wanted,
            timing: false,
            compare: Compare::default(),
            rules: Vec::new(),
            emails: false,
            directories: Vec::new(),
            upstream: None,
            problem: None,
        }
    }

    /// Records the delays between the events of a streamed response, and repeats them in a replay. Default: a replay
    /// sends each response immediately.
    pub fn with_timing(mut self) -> Self {
        self.timing = true;
        self
    }

    /// Compares the system prompt as well, and records its text. It belongs to a version of the CLI, and it contains the
    /// instructions of the program. Default: not compared; the file has a digest.
    pub fn compare_system_prompt(mut self) -> Self {
        self.compare.system = true;
        self
    }

    /// Compares the names and parameters of all tools that the model may call, and records their definitions. The
    /// built-in tools belong to a version of the CLI. Default: the parameters of tools that the model calls in the
    /// recording.
    pub fn compare_tools(mut self) -> Self {
        self.compare.tools = true;
        self
    }

    /// Compares dates and times in messages. Default: they are replaced before the comparison.
    pub fn compare_times(mut self) -> Self {
        self.compare.times = true;
        self
    }

    /// Replaces a text by `<<secret>>` wherever it occurs, in requests and in responses, before these are written or
    /// compared.
    pub fn scrub(mut self, secret: impl Into<String>) -> Self {
        self.rules.push(Rule::Literal(secret.into()));
        self
    }

    /// Replaces the matches of a regular expression, in the syntax of the crate `regex-lite`, as
    /// [`scrub`](Self::scrub) does. An invalid expression is an error when the cassette starts.
    pub fn scrub_matches(mut self, pattern: &str) -> Self {
        match Regex::new(pattern) {
            Ok(pattern) => self.rules.push(Rule::Pattern(pattern)),
            Err(error) => {
                let message = "`scrub_matches` has an invalid regular expression";
                let error = Error::with_source(ErrorKind::Configuration, message, error);
                self.problem.get_or_insert(error);
            }
        }
        self
    }

    /// Replaces each text by the result of a function, before it is written or compared: for values that differ between
    /// runs, and for secrets with a shape that only a function recognizes.
    ///
    /// The function gets whole messages, and the joined pieces of a streamed text.
    ///
    /// # Examples
    ///
    /// ```
    /// use copilot::cassette::Cassette;
    ///
    /// let cassette = Cassette::auto("tests/cassettes/refund.jsonl")
    ///     .scrub_with(|text| text.replace("Ada Lovelace", "<<customer>>"));
    /// # drop(cassette);
    /// ```
    pub fn scrub_with(mut self, function: impl Fn(&str) -> String + Send + Sync + 'static) -> Self {
        self.rules.push(Rule::Function(Arc::new(function)));
        self
    }

    /// Replaces e-mail addresses by `<<email>>`. Default: they are recorded.
    pub fn scrub_emails(mut self) -> Self {
        self.emails = true;
        self
    }

    /// Replaces a directory by `<<name>>` in the file. A replay puts the directory of its machine in its place, so that
    /// recorded tool calls find their files. Without this setting that holds for the current directory (`cwd`), the
    /// home directory (`home`) and the directory of temporary files (`temp`).
    ///
    /// # Examples
    ///
    /// ```
    /// use copilot::cassette::Cassette;
    ///
    /// # fn example(project: &std::path::Path) {
    /// let cassette = Cassette::auto("tests/cassettes/refund.jsonl").directory("project", project);
    /// # drop(cassette); }
    /// ```
    pub fn directory(mut self, name: impl Into<String>, path: impl Into<PathBuf>) -> Self {
        self.directories.push((name.into(), path.into()));
        self
    }

    /// Sets the service that answers while the cassette is recorded. Default: an HTTP client, which sends each request to
    /// its address, through the proxy of the environment.
    pub fn upstream(mut self, service: impl Inference) -> Self {
        self.upstream = Some(erased(service));
        self
    }

    /// Starts the cassette: opens its file, and listens on the loopback interface. Awaiting the builder does the same.
    ///
    /// # Errors
    ///
    /// Returns an error if a setting or `COPILOT_CASSETTE` is invalid, the cassette to replay is missing, incomplete or
    /// unreadable, the file cannot be written, or no port is available.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future starts nothing.
    pub async fn start(mut self) -> Result<Cassette> {
        if let Some(problem) = self.problem.take() {
            return Err(problem);
        }
        let records = self.records(env::var(MODE_VARIABLE).ok().as_deref())?;
        Cassette::start(self, records).await
    }

    /// Returns whether the cassette is recorded.
    fn records(&self, variable: Option<&str>) -> Result<bool> {
        match (self.wanted, variable) {
            (Wanted::Record, _) | (Wanted::Auto, Some("record")) => Ok(true),
            (Wanted::Replay, _) | (Wanted::Auto, Some("replay")) => Ok(false),
            (Wanted::Auto, None | Some("" | "auto")) => Ok(!self.path.exists()),
            (Wanted::Auto, Some(other)) => Err(Error::new(
                ErrorKind::Configuration,
                format!("{MODE_VARIABLE} is {other:?}; use `record`, `replay` or `auto`"),
            )),
        }
    }

    /// Returns the rules of the cassette: those of the program, and those of the process.
    pub(super) fn scrubber(&self) -> Scrubber {
        let mut scrubber = Scrubber::new(self.rules.clone(), self.emails);
        for (name, path) in &self.directories {
            scrubber.directory(name, path);
            // The CLI reports the paths of links resolved.
            if let Ok(resolved) = path.canonicalize() {
                scrubber.directory(name, &resolved);
            }
        }
        let home = env::home_dir();
        let own = [("cwd", env::current_dir().ok()), ("home", home.clone()), ("temp", Some(env::temp_dir()))];
        for (name, path) in own {
            if let Some(path) = path {
                scrubber.directory(name, &path);
            }
        }
        let user = home.as_deref().and_then(Path::file_name).and_then(|name| name.to_str());
        if let Some(user) = user {
            scrubber.user(user);
        }
        for (name, value) in env::vars_os() {
            learn_variable(&scrubber, &name.to_string_lossy(), &value.to_string_lossy());
        }
        scrubber
    }

    /// Returns the names of the directories with placeholders.
    pub(super) fn directory_names(&self) -> Vec<String> {
        let own = ["cwd", "home", "temp"].map(str::to_owned);
        self.directories.iter().map(|(name, _)| name.clone()).chain(own).collect()
    }
}

/// Adds the value of a variable whose name says that it is a credential. The path of a file with one is not secret.
pub(super) fn learn_variable(scrubber: &Scrubber, name: &str, value: &str) {
    if is_secret_name(name) && !Path::new(value).is_absolute() {
        scrubber.learn(value);
    }
}

/// Returns whether a variable or a header with this name has a credential.
pub(super) fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    ["AUTHORIZATION", "COOKIE", "CREDENTIAL", "KEY", "PASSWD", "PASSWORD", "SECRET", "TOKEN"]
        .iter()
        .any(|word| name.contains(word))
        || name.ends_with("_AUTH")
}

impl IntoFuture for CassetteBuilder {
    type Output = Result<Cassette>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.start())
    }
}

impl fmt::Debug for CassetteBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CassetteBuilder")
            .field("path", &self.path)
            .field("wanted", &self.wanted)
            .field("timing", &self.timing)
            .field("compare", &self.compare)
            .field("rules", &self.rules)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mode_is_that_of_the_program_or_of_the_variable_or_of_the_file() {
        let directory = tempfile::tempdir().unwrap();
        let (present, missing) = (directory.path().join("present"), directory.path().join("missing"));
        std::fs::write(&present, "").unwrap();
        let records = |wanted, path: &Path, variable| CassetteBuilder::new(path, wanted).records(variable);
        for variable in [None, Some("auto"), Some("")] {
            assert!(!records(Wanted::Auto, &present, variable).unwrap());
            assert!(records(Wanted::Auto, &missing, variable).unwrap());
        }
        assert!(records(Wanted::Auto, &present, Some("record")).unwrap());
        assert!(!records(Wanted::Auto, &missing, Some("replay")).unwrap());
        assert!(records(Wanted::Record, &present, Some("replay")).unwrap());
        assert!(!records(Wanted::Replay, &missing, Some("record")).unwrap());
        let error = records(Wanted::Auto, &missing, Some("rec")).unwrap_err();
        assert!(error.to_string().contains("COPILOT_CASSETTE is \"rec\""), "{error}");
    }
}
