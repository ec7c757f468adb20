//! The suite: cases, variants, and the sessions that they run in.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::case::{Case, Configure};
use super::outcome::Run;
use super::report::Report;
use super::running::{self, Clients, Plan};
use crate::client::Client;
use crate::client::builder::ClientBuilder;
use crate::error::{Error, ErrorKind, Result};
use crate::session::builder::SessionBuilder;

/// The time in which a run must end.
const TIMEOUT: Duration = Duration::from_secs(300);

/// Cases that a model is evaluated with.
///
/// Each run of a case is a session. The suite runs each case with each [variant](Self::variant), several times where the
/// answers of a model vary, and reports the runs that met the expectations.
///
/// # Examples
///
/// ```no_run,standalone_crate
/// use copilot::evals::{Case, Suite, expect};
/// use copilot::testing::hermetic_client;
/// use serde_json::Value;
///
/// /// Refund an order.
/// #[copilot::tool]
/// fn refund(
///     /// Number of the order.
///     order: u32,
///     /// The amount.
///     cents: u32,
/// ) -> String {
///     format!("{cents} cents of order {order} are refunded")
/// }
///
/// # async fn example() -> copilot::Result<()> {
/// let directory = tempfile::tempdir().expect("a directory can be made");
/// let client = hermetic_client(directory.path()).start().await?;
/// let report = Suite::new("refunds")
///     .client(client)
///     .session(|session, _run| session.with_tools([refund::TOOL]).model("gpt-5"))
///     .case(
///         Case::new("small refund")
///             .prompt("Refund 4 euros of order 17.")
///             .runs(5)
///             .pass_at_least(4)
///             .expect(expect::call("refund").arguments(|args: &Value| args["cents"] == 400))
///             .expect(expect::answer().contains("refunded"))
///             .expect(expect::tokens().at_most(4_000)),
///     )
///     .concurrency(4)
///     .run()
///     .await?;
/// report.print();
/// report.write_junit("target/evals.xml")?;
/// println!("{}", report.compare("evals/refunds.json")?);
/// report.assert_passed();
/// # Ok(())
/// # }
/// ```
#[must_use = "a suite is run by `run`"]
pub struct Suite {
    name: String,
    clients: Clients,
    session: Option<Configure>,
    variants: Vec<(String, Option<Configure>)>,
    cases: Vec<Case>,
    runs: u32,
    concurrency: usize,
    timeout: Duration,
    #[cfg(feature = "cassette")]
    cassettes: Option<std::path::PathBuf>,
}

impl Suite {
    /// Creates a suite.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            clients: Clients::Default,
            session: None,
            variants: Vec::new(),
            cases: Vec::new(),
            runs: 1,
            concurrency: 4,
            timeout: TIMEOUT,
            #[cfg(feature = "cassette")]
            cassettes: None,
        }
    }

    /// Sets a running client, whose CLI has the sessions of all runs. The suite does not shut it down. Default: a client
    /// that the suite starts and shuts down.
    pub fn client(mut self, client: Client) -> Self {
        self.clients = Clients::Shared(client);
        self
    }

    /// Starts a client for each run, which is shut down after the run: for runs that must not share the files or the
    /// environment of a CLI.
    pub fn client_of_run(mut self, client: impl Fn(&Run) -> ClientBuilder + Send + Sync + 'static) -> Self {
        self.clients = Clients::OfRun(Arc::new(client));
        self
    }

    /// Configures the session of each run: the model, the tools, permissions and states.
    pub fn session(
        mut self,
        configure: impl Fn(SessionBuilder, &Run) -> SessionBuilder + Send + Sync + 'static,
    ) -> Self {
        self.session = Some(Arc::new(configure));
        self
    }

    /// Adds a variant: each case runs with each variant, and the table has a column for each. The function configures the
    /// session after that of the [suite](Self::session).
    pub fn variant(
        mut self,
        name: impl Into<String>,
        configure: impl Fn(SessionBuilder, &Run) -> SessionBuilder + Send + Sync + 'static,
    ) -> Self {
        self.variants.push((name.into(), Some(Arc::new(configure))));
        self
    }

    /// Adds a case.
    pub fn case(mut self, case: Case) -> Self {
        self.cases.push(case);
        self
    }

    /// Adds cases.
    pub fn cases(mut self, cases: impl IntoIterator<Item = Case>) -> Self {
        self.cases.extend(cases);
        self
    }

    /// Sets the number of runs of each case with each variant, unless the [case](Case::runs) sets it. Default: 1.
    pub fn runs(mut self, runs: u32) -> Self {
        self.runs = runs;
        self
    }

    /// Sets the number of runs at the same time. Default: 4.
    pub fn concurrency(mut self, runs: usize) -> Self {
        self.concurrency = runs;
        self
    }

    /// Sets the time in which a run must end, with its judges. Default: 5 minutes. A run that does not end is an error of
    /// that run.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = limit;
        self
    }

    /// Records the requests to the model of each run into a [cassette](crate::cassette) below a directory, and replays
    /// them where the cassette exists: `DIRECTORY/case/variant-1.jsonl`, and without variants
    /// `DIRECTORY/case/run-1.jsonl`. The variable `COPILOT_CASSETTE` decides about the mode. Requests of judges are in
    /// the cassette of their run. In the path, `case` and `variant` are the names in lower case, with hyphens for other
    /// characters than letters and digits, and must differ.
    #[cfg(feature = "cassette")]
    pub fn cassettes(mut self, directory: impl Into<std::path::PathBuf>) -> Self {
        self.cassettes = Some(directory.into());
        self
    }

    /// Runs all cases. Shows the progress on stderr if it is a terminal.
    ///
    /// # Errors
    ///
    /// Returns an error if the suite is incomplete, and if its client cannot be started. An error of a run, such as a
    /// closed connection, is in the report; the other runs continue.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends all runs.
    pub async fn run(mut self) -> Result<Report> {
        if self.variants.is_empty() {
            self.variants.push((String::new(), None));
        }
        self.check()?;
        let plan = Plan {
            suite: self.name,
            session: self.session,
            variants: self.variants,
            cases: self.cases,
            runs: self.runs,
            timeout: self.timeout,
            #[cfg(feature = "cassette")]
            cassettes: self.cassettes,
        };
        Box::pin(running::run(plan, self.clients, self.concurrency)).await
    }

    fn check(&self) -> Result<()> {
        let refuse = |text: String| {
            Err(Error::new(ErrorKind::Configuration, format!("the suite `{}` cannot run: {text}", self.name)))
        };
        if self.cases.is_empty() {
            return refuse("it has no cases".to_owned());
        }
        if self.concurrency == 0 {
            return refuse("its concurrency is 0".to_owned());
        }
        let mut names = BTreeSet::new();
        for (name, _) in &self.variants {
            if !names.insert(name) {
                return refuse(format!("it has two variants `{name}`"));
            }
        }
        names.clear();
        for case in &self.cases {
            let Case { name, prompts, expectations, .. } = case;
            let runs = case.runs.unwrap_or(self.runs);
            if !names.insert(name) {
                return refuse(format!("it has two cases `{name}`"));
            }
            if prompts.is_empty() {
                return refuse(format!("the case `{name}` has no prompt"));
            }
            if expectations.is_empty() {
                return refuse(format!("the case `{name}` has no expectation"));
            }
            if runs == 0 {
                return refuse(format!("the case `{name}` has no runs"));
            }
            if let Some(least) = case.pass_at_least
                && !(1..=runs).contains(&least)
            {
                return refuse(format!("{least} runs of the case `{name}` must pass, and it has {runs}"));
            }
        }
        #[cfg(feature = "cassette")]
        if self.cassettes.is_some() {
            let variants = self.variants.iter().map(|(name, _)| name).filter(|name| !name.is_empty());
            for (kind, names) in [
                ("cases", self.cases.iter().map(|case| &case.name).collect::<Vec<_>>()),
                ("variants", variants.collect()),
            ] {
                if let Err(problem) = super::cassettes::check_names(kind, &names) {
                    return refuse(problem);
                }
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let variants: Vec<&String> = self.variants.iter().map(|(name, _)| name).collect();
        f.debug_struct("Suite")
            .field("name", &self.name)
            .field("variants", &variants)
            .field("cases", &self.cases)
            .field("runs", &self.runs)
            .field("concurrency", &self.concurrency)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
