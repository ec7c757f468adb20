//! Generated calls of tools: values made from a tool's schema, and changes of them.
//!
//! In the order of a case: `shape` flattens schemas, `generate` and `text` make a value, `change` makes it invalid,
//! `judge` runs the call and decides, `change` makes a failing value smaller, and `report` prints it. No file but
//! `judge` runs a tool.

mod change;
mod generate;
mod judge;
mod report;
mod shape;
mod text;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::hash::Hasher as _;
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use serde_json::Value;
use serde_json::value::RawValue;

use self::change::{Smallest, changed, limits, marked, smallest};
use self::generate::Generator;
use self::judge::{Caller, Judge};
use super::tools::call;
use crate::error::{Error, ErrorKind, Result};
use crate::hash::IdHasher;
use crate::session::builder::SessionBuilder;
use crate::tools::checked::CheckedArguments;
use crate::tools::{StateMap, Tool, ToolList, ToolSet, lint, unknown_tool};

pub use judge::FuzzFault;
pub use report::{FuzzFailure, FuzzReport};

/// The variable with the seed of the generated values.
const SEED: &str = "COPILOT_FUZZ_SEED";

/// The part of an input that is replaced by JSON that a `Value` cannot hold.
const MARK: &str = "<a place for JSON text>";

/// The limit of calls in the search for a smaller input.
const TRIALS: usize = 4_000;

/// The same for an input whose call does not end, each of which takes the time limit.
const SLOW_TRIALS: usize = 60;

/// The number of threads that may be blocked in the search for a smaller input.
const BLOCKED_THREADS: usize = 8;

/// Defines a test that calls all tools linked into the test binary with values generated from their schemas.
///
/// A tool must not panic or hang, and the text for the model must not contain an error that the tool hides. Values that
/// fit the schema must be accepted by the types of the tool. Other values must be refused, with the path of a mistake.
/// The test fails with the smallest input that it finds for each fault of each tool, as a line of code, and with the seed
/// of the values. The variable `COPILOT_FUZZ_SEED` repeats them.
///
/// **Destructive tools are not called**, unless [`FuzzTools::destructive`] names them. All others are, also those with
/// side effects: give them states that are safe to change, or [skip](FuzzTools::skip) them.
///
/// The macro takes the builder of a session, whose tools and states the test uses, or a [`FuzzTools`].
///
/// # Examples
///
/// ```
/// # #![allow(unused)]
/// # fn main() {}
/// copilot::fuzz_tools!();
/// ```
///
/// ```
/// # #![allow(unused)]
/// # fn main() {}
/// use copilot::testing::{FuzzTools, fuzz_tools};
///
/// struct Stock(u32);
///
/// fn tools() -> FuzzTools {
///     fuzz_tools().cases(1_000).state(Stock(3)).skip("send_mail", "sends mail to customers")
/// }
///
/// copilot::fuzz_tools!(tools());
/// ```
///
/// [`FuzzTools`]: crate::testing::FuzzTools
/// [`FuzzTools::destructive`]: crate::testing::FuzzTools::destructive
/// [skip]: crate::testing::FuzzTools::skip
#[macro_export]
macro_rules! fuzz_tools {
    () => {
        #[test]
        fn no_generated_call_breaks_a_tool() {
            $crate::testing::fuzz_tools().run().assert_passed();
        }
    };
    ($tools:expr) => {
        #[test]
        fn no_generated_call_breaks_a_tool_of_the_session() {
            $crate::testing::FuzzTools::from($tools).run().assert_passed();
        }
    };
}

/// Creates generated calls of all tools that are linked into the program, as [`fuzz_tools!`](crate::fuzz_tools) makes
/// them.
///
/// # Examples
///
/// ```standalone_crate
/// /// Divides a number.
/// #[copilot::tool(read_only)]
/// fn half(
///     /// The number.
///     number: i64,
/// ) -> i64 {
///     number / 2
/// }
///
/// let report = copilot::testing::fuzz_tools().cases(100).run();
/// assert!(report.failures().is_empty(), "{report}");
/// ```
pub fn fuzz_tools() -> FuzzTools {
    FuzzTools {
        tools: None,
        states: Vec::new(),
        session_states: StateMap::default(),
        cases: 256,
        seed: None,
        time_limit: Duration::from_secs(5),
        only: None,
        skipped: BTreeMap::new(),
        destructive: BTreeSet::new(),
        lenient: BTreeSet::new(),
        secrets: Vec::new(),
    }
}

/// Configures generated calls of tools. Created by [`fuzz_tools()`], and from the builder of a session.
#[must_use = "the tools are called by `run`"]
pub struct FuzzTools {
    /// `None` for all linked tools.
    tools: Option<Result<Vec<Tool>>>,
    states: Vec<AddState>,
    session_states: StateMap,
    cases: u32,
    seed: Option<u64>,
    time_limit: Duration,
    only: Option<BTreeSet<String>>,
    skipped: BTreeMap<String, String>,
    destructive: BTreeSet<String>,
    lenient: BTreeSet<String>,
    secrets: Vec<String>,
}

type AddState = Box<dyn Fn(&mut StateMap) + Send + Sync>;

impl FuzzTools {
    /// Calls these tools in place of those that are linked.
    pub fn tools(mut self, tools: impl ToolList) -> Self {
        self.tools = Some(Ok(tools.into_iter().collect()));
        self
    }

    /// Adds a state, which all calls share. A tool that lacks a state fails the run.
    pub fn state<T: Send + Sync + 'static>(self, value: T) -> Self {
        self.shared_state(Arc::new(value))
    }

    /// Adds a state that the test shares, or a fake for a [trait object](crate::State#trait-objects).
    pub fn shared_state<T: Send + Sync + ?Sized + 'static>(mut self, value: Arc<T>) -> Self {
        self.states.push(Box::new(move |states| states.insert_shared(Arc::clone(&value))));
        self
    }

    /// Adds a state that is made for each call, so that a call does not depend on earlier ones.
    pub fn state_with<T: Send + Sync + 'static>(
        mut self,
        make: impl Fn() -> T + Send + Sync + 'static,
    ) -> Self {
        self.states.push(Box::new(move |states| states.insert(make())));
        self
    }

    /// Sets the number of calls of each tool. Default: 256.
    pub fn cases(mut self, cases: u32) -> Self {
        self.cases = cases;
        self
    }

    /// Sets the seed of the generated values. Default: the variable `COPILOT_FUZZ_SEED`, or a random number.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Sets the time in which a call must end; a shorter timeout of the tool applies too. Default: 5 s.
    ///
    /// A call that blocks its thread cannot be stopped. Its thread stays until the program ends.
    pub fn time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = limit;
        self
    }

    /// Calls only the tools with these names. Default: all.
    pub fn only<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.only = Some(names.into_iter().map(Into::into).collect());
        self
    }

    /// Excludes a tool, for a reason that the report shows.
    pub fn skip(mut self, name: impl Into<String>, reason: impl Into<String>) -> Self {
        self.skipped.insert(name.into(), reason.into());
        self
    }

    /// Calls a destructive tool too, with states that make it harmless.
    pub fn destructive(mut self, name: impl Into<String>) -> Self {
        self.destructive.insert(name.into());
        self
    }

    /// Permits a tool to accept arguments that its schema does not allow, as a type does that reads several forms of a
    /// value and shows the model one.
    pub fn lenient(mut self, name: impl Into<String>) -> Self {
        self.lenient.insert(name.into());
        self
    }

    /// Adds a text that no result may contain, such as a password in a state.
    pub fn secret(mut self, text: impl Into<String>) -> Self {
        self.secrets.push(text.into());
        self
    }

    /// Calls the tools. Blocks the thread until the last call has ended.
    ///
    /// # Panics
    ///
    /// Panics if the tools cannot be called: if one lacks a state, if a setter names a tool that is not among them, or if
    /// the seed of the environment is not a number.
    pub fn run(self) -> FuzzReport {
        self.try_run().unwrap_or_else(|error| panic!("the tools cannot be called: {error}"))
    }

    fn try_run(mut self) -> Result<FuzzReport> {
        let seed = self.seed.map_or_else(seed_of_environment, Ok)?;
        let mut report = FuzzReport::new(seed, self.cases);
        let tools = match self.tools.take() {
            Some(tools) => tools?,
            None => lint::linked(),
        };
        let tools = ToolSet::without_states(tools)?;
        self.check_names(&tools)?;
        let mut called = Vec::new();
        for tool in tools.iter() {
            let name = tool.name();
            if self.only.as_ref().is_some_and(|only| !only.contains(name)) {
                continue;
            }
            if let Some(reason) = self.skipped.get(name) {
                report.skipped(name, reason);
            } else if tool.is_destructive() && !self.destructive.contains(name) {
                report.skipped(name, "destructive, and not named by `.destructive(..)`");
            } else if tool.is_declared_only() {
                report.skipped(name, "declared only; another client answers its calls");
            } else {
                called.push(tool.clone());
            }
        }
        ToolSet::new(called.clone(), &self.all_states())?;
        let mut caller = Caller::new(self.time_limit);
        for tool in &called {
            self.fuzz(tool, seed, &mut caller, &mut report)?;
        }
        Ok(report)
    }

    /// Checks that the setters name tools that there are.
    fn check_names(&self, tools: &ToolSet) -> Result<()> {
        let only = self.only.iter().flatten();
        let mut names = only.chain(self.skipped.keys()).chain(&self.destructive).chain(&self.lenient);
        match names.find(|name| tools.get(name).is_none()) {
            Some(name) => Err(Error::new(ErrorKind::Tools, unknown_tool(name, tools).text())),
            None => Ok(()),
        }
    }

    fn all_states(&self) -> StateMap {
        let mut states = self.session_states.clone();
        self.states.iter().for_each(|add| add(&mut states));
        states
    }

    /// Calls one tool with all its cases.
    fn fuzz(&self, tool: &Tool, seed: u64, caller: &mut Caller, report: &mut FuzzReport) -> Result<()> {
        let arguments = CheckedArguments::of(tool)?;
        let unchecked = arguments.unchecked_rules();
        report.tool(tool.name(), &unchecked);
        let judge = Judge {
            tool,
            arguments,
            has_unchecked_rules: !unchecked.is_empty(),
            is_lenient: self.lenient.contains(tool.name()),
            secrets: &self.secrets,
            limit: self.time_limit,
        };
        let mut generator = Generator::new(arguments.schema(), Rng::with_seed(seed_of(seed, tool.name())));
        let limits = limits(arguments.schema());
        let mut found: Vec<FuzzFault> = Vec::new();
        for case in 0..self.cases {
            let input = Input::new(&mut generator, &limits, case, arguments);
            let Some(fault) = self.outcome(&judge, caller, &input)? else { continue };
            let (input, fault) = self.corrected(&judge, caller, input, fault)?;
            if found.iter().any(|known| known.is_like(&fault)) {
                continue;
            }
            let hung = matches!(fault, FuzzFault::Hung(_));
            found.push(fault.clone());
            report.failure(self.shrunk(&judge, caller, input, fault)?);
            // Each further call may take the time limit.
            if hung {
                break;
            }
        }
        Ok(())
    }

    /// Replaces arguments whose mistakes are corrected by arguments without mistakes, if these have the fault too.
    fn corrected(
        &self,
        judge: &Judge<'_>,
        caller: &mut Caller,
        input: Input,
        fault: FuzzFault,
    ) -> Result<(Input, FuzzFault)> {
        let corrected = judge.arguments.corrected(&input.value).filter(|_| input.fragment.is_none());
        let Some(value) = corrected.filter(|value| *value != input.value) else { return Ok((input, fault)) };
        let corrected = Input { value, fragment: None };
        match self.outcome(judge, caller, &corrected)? {
            Some(same) if same.is_like(&fault) => Ok((corrected, same)),
            _ => Ok((input, fault)),
        }
    }

    /// Runs one call. Returns its fault.
    fn outcome(&self, judge: &Judge<'_>, caller: &mut Caller, input: &Input) -> Result<Option<FuzzFault>> {
        let next = call(judge.tool.clone(), input.value.clone()).states(self.all_states());
        let called = caller.call(next, input.text()?)?;
        Ok(match input.fragment {
            Some(_) => judge.of_any(called.as_ref()),
            None => judge.of_value(&input.value, called.as_ref()),
        })
    }

    /// Makes the input of a fault as small as possible.
    fn shrunk(
        &self,
        judge: &Judge<'_>,
        caller: &mut Caller,
        input: Input,
        fault: FuzzFault,
    ) -> Result<FuzzFailure> {
        let fragment = input.fragment;
        let fits = fragment.is_none() && judge.arguments.accepts(&input.value);
        let limit = if matches!(fault, FuzzFault::Hung(_)) { SLOW_TRIALS } else { TRIALS };
        let mut broken = None;
        let mut last = fault;
        let mut calls = 0;
        let blocked = caller.blocked + BLOCKED_THREADS;
        let Smallest { value, .. } = smallest(input.value, TRIALS * 10, &mut |value| {
            // `null` counts as an empty arguments object.
            let is_usable = !value.is_null() && (fragment.is_none() || value.to_string().contains(MARK));
            // Arguments that need no correction are easier to read than smaller ones that do.
            let is_usable = is_usable && (!fits || judge.arguments.accepts(value));
            if !is_usable || calls == limit || caller.blocked >= blocked {
                return false;
            }
            calls += 1;
            match self.outcome(judge, caller, &Input { value: value.clone(), fragment }) {
                Ok(Some(fault)) if fault.is_like(&last) => {
                    last = fault;
                    true
                }
                Ok(_) => false,
                Err(error) => {
                    broken.get_or_insert(error);
                    false
                }
            }
        });
        match broken {
            Some(error) => Err(error),
            None => {
                let text = Input { value: value.clone(), fragment }.text()?.map(|text| text.get().to_owned());
                Ok(FuzzFailure::new(judge.tool, last, value, text))
            }
        }
    }
}

impl From<SessionBuilder> for FuzzTools {
    fn from(session: SessionBuilder) -> Self {
        let tools = session.selected_tools();
        Self { tools: Some(tools), session_states: session.states_of_tools(), ..fuzz_tools() }
    }
}

impl fmt::Debug for FuzzTools {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FuzzTools")
            .field("cases", &self.cases)
            .field("seed", &self.seed)
            .field("time_limit", &self.time_limit)
            .field("only", &self.only)
            .field("skipped", &self.skipped)
            .field("destructive", &self.destructive)
            .finish_non_exhaustive()
    }
}

/// The arguments of one call.
struct Input {
    value: Value,
    /// JSON that a `Value` cannot hold, in place of the part with the mark.
    fragment: Option<&'static str>,
}

/// JSON that is valid, and that most programs do not expect.
const FRAGMENTS: &[&str] = &[
    r#""\ud800""#,
    r#""\udfff\ud800a""#,
    "1e400",
    "-1e400",
    "123456789012345678901234567890123456789012345678901234567890",
    "0.10000000000000000000000000000000000000000000000000000000001",
    r#"{"a":1,"a":2}"#,
];

impl Input {
    /// Makes the arguments of a case: mostly ones that fit.
    fn new(
        generator: &mut Generator<'_>,
        limits: &[Value],
        case: u32,
        arguments: CheckedArguments<'_>,
    ) -> Self {
        let mut value = generator.fitting();
        // Rules that contradict each other and rare patterns.
        for _ in 0..20 {
            if arguments.accepts(&value) {
                break;
            }
            value = generator.fitting();
        }
        let mut fragment = None;
        match case % 8 {
            2 | 4 | 6 => {
                value = changed(generator, &value, limits);
                if generator.rng.u8(..4) == 0 {
                    value = changed(generator, &value, limits);
                }
            }
            7 => {
                value = marked(&mut generator.rng, &value, MARK);
                fragment = Some(FRAGMENTS[generator.rng.usize(..FRAGMENTS.len())]);
            }
            _ => {}
        }
        Self { value, fragment }
    }

    /// Returns the arguments as text, if they are not a `Value`.
    fn text(&self) -> Result<Option<Box<RawValue>>> {
        let Some(fragment) = self.fragment else { return Ok(None) };
        let text = self.value.to_string().replacen(&Value::from(MARK).to_string(), fragment, 1);
        let invalid = |error: serde_json::Error| Error::new(ErrorKind::Tools, format!("{text}: {error}"));
        RawValue::from_string(text.clone()).map(Some).map_err(invalid)
    }
}

fn seed_of_environment() -> Result<u64> {
    let Ok(text) = std::env::var(SEED) else { return Ok(fastrand::u64(..)) };
    text.trim().parse().map_err(|_| {
        let message = format!("the variable `{SEED}` is `{text}`, which is not an integer of 64 bits");
        Error::new(ErrorKind::Configuration, message)
    })
}

/// Returns the seed of one tool, which does not depend on the others.
fn seed_of(seed: u64, tool: &str) -> u64 {
    let mut hasher = IdHasher::default();
    hasher.write(tool.as_bytes());
    seed ^ hasher.finish()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_fragment_takes_the_place_of_the_mark() {
        let mut rng = Rng::with_seed(4);
        let value = marked(&mut rng, &json!({ "a": [1] }), MARK);
        let text = Input { value, fragment: Some("1e400") }.text().unwrap().unwrap();
        assert!([r#"{"a":[1e400]}"#, r#"{"a":1e400}"#].contains(&text.get()), "{text}");
        for fragment in FRAGMENTS {
            let value = marked(&mut rng, &json!({}), MARK);
            let text = Input { value, fragment: Some(fragment) }.text().unwrap().unwrap();
            assert_eq!(text.get(), format!(r#"{{"a":{fragment}}}"#));
        }
    }

    #[test]
    fn the_seed_of_a_tool_does_not_depend_on_other_tools() {
        assert_ne!(seed_of(1, "a"), seed_of(1, "b"));
        assert_ne!(seed_of(1, "a"), seed_of(2, "a"));
        assert_eq!(seed_of(1, "a"), seed_of(1, "a"));
    }
}
