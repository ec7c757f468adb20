//! Runs the cases of a suite, several at a time. A run that fails or panics ends no other run.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::case::{Case, Configure};
use super::check::Unmet;
use super::outcome::{Outcome, Run};
use super::report::{CaseReport, Report, RunReport, RunResult};
use crate::client::Client;
use crate::client::builder::ClientBuilder;
use crate::error::Result;
use crate::session::builder::SessionBuilder;
use crate::session::handle::Session;

type ClientOfRun = dyn Fn(&Run) -> ClientBuilder + Send + Sync;

/// The clients of the runs.
#[derive(Clone)]
pub(super) enum Clients {
    /// One client, started by the suite.
    Default,
    Shared(Client),
    OfRun(Arc<ClientOfRun>),
}

/// The checked parts of a suite.
pub(super) struct Plan {
    pub(super) suite: String,
    pub(super) session: Option<Configure>,
    pub(super) variants: Vec<(String, Option<Configure>)>,
    pub(super) cases: Vec<Case>,
    pub(super) runs: u32,
    pub(super) timeout: Duration,
    #[cfg(feature = "cassette")]
    pub(super) cassettes: Option<std::path::PathBuf>,
}

/// The indices of a run in its plan.
#[derive(Clone, Copy)]
struct Place {
    case: usize,
    variant: usize,
    number: u32,
}

impl Plan {
    fn runs_of(&self, case: &Case) -> u32 {
        case.runs.unwrap_or(self.runs)
    }

    fn run_at(&self, place: Place) -> Run {
        Run {
            case: self.cases[place.case].name.clone(),
            variant: self.variants[place.variant].0.clone(),
            number: place.number,
        }
    }

    /// Returns the places of all runs: the first ones of all cases before the second ones.
    fn places(&self) -> Vec<Place> {
        let most = self.cases.iter().map(|case| self.runs_of(case)).max().unwrap_or(0);
        let mut places = Vec::new();
        for number in 1..=most {
            let cases = self.cases.iter().enumerate().filter(|(_, case)| number <= self.runs_of(case));
            for (index, _) in cases {
                places.extend((0..self.variants.len()).map(|variant| Place { case: index, variant, number }));
            }
        }
        places
    }

    /// Configures the session of a run.
    fn configure(&self, place: Place, run: &Run, session: SessionBuilder) -> SessionBuilder {
        let steps = [&self.session, &self.variants[place.variant].1, &self.cases[place.case].session];
        steps.into_iter().flatten().fold(session, |session, step| step(session, run))
    }
}

/// Runs all cases.
pub(super) async fn run(plan: Plan, clients: Clients, concurrency: usize) -> Result<Report> {
    let own = match clients {
        Clients::Default => Some(Client::builder().start().await?),
        Clients::Shared(_) | Clients::OfRun(_) => None,
    };
    let clients = own.clone().map_or(clients, Clients::Shared);
    let plan = Arc::new(plan);
    let places = plan.places();
    let progress = progress(&plan.suite, places.len());
    let permits = Arc::new(Semaphore::new(concurrency));
    let mut tasks = JoinSet::new();
    let mut started = Vec::with_capacity(places.len());
    for place in places {
        let (plan, clients, permits) = (Arc::clone(&plan), clients.clone(), Arc::clone(&permits));
        let task = tasks.spawn(async move {
            // Never closed.
            let _permit = permits.acquire_owned().await;
            run_at(&plan, place, &clients).await
        });
        started.push((task.id(), place));
    }
    let mut reports = Vec::with_capacity(started.len());
    let mut bad = 0;
    while let Some(ended) = tasks.join_next_with_id().await {
        let (id, report) = match ended {
            Ok((id, report)) => (id, report),
            Err(error) => (error.id(), panicked(error)),
        };
        let place = started.iter().find(|(task, _)| *task == id).map(|(_, place)| *place);
        let Some(place) = place else { continue };
        bad += usize::from(!matches!(report.result, RunResult::Passed));
        progress.set_message(if bad == 0 { String::new() } else { format!("{bad} did not pass") });
        progress.inc(1);
        reports.push((place, RunReport { number: place.number, ..report }));
    }
    progress.finish_and_clear();
    if let Some(client) = own
        && let Err(error) = client.shutdown().await
    {
        // The results are complete.
        tracing::warn!(%error, "the client of a suite was not shut down cleanly");
    }
    Ok(report(&plan, reports))
}

fn panicked(error: tokio::task::JoinError) -> RunReport {
    let text = match error.try_into_panic() {
        Ok(panic) => format!("a function of the suite panicked: {}", crate::contain::panic_message(&*panic)),
        Err(error) => error.to_string(),
    };
    RunReport { number: 0, result: RunResult::Error(text), outcome: Outcome::default() }
}

fn progress(suite: &str, runs: usize) -> ProgressBar {
    let style = ProgressStyle::with_template("{prefix} {wide_bar} {pos}/{len} runs {msg}")
        .expect("the template is valid");
    // Draws nothing if stderr is not a terminal.
    ProgressBar::new(runs as u64).with_style(style).with_prefix(suite.to_owned())
}

fn report(plan: &Plan, mut reports: Vec<(Place, RunReport)>) -> Report {
    reports.sort_by_key(|(place, _)| place.number);
    let mut cases = Vec::new();
    for (case_index, case) in plan.cases.iter().enumerate() {
        for (variant_index, (variant, _)) in plan.variants.iter().enumerate() {
            let of_cell = |place: &Place| place.case == case_index && place.variant == variant_index;
            let runs: Vec<RunReport> = reports
                .iter()
                .filter(|(place, _)| of_cell(place))
                .map(|(_, report)| report.clone())
                .collect();
            let needed = case.pass_at_least.unwrap_or_else(|| plan.runs_of(case));
            cases.push(CaseReport { case: case.name.clone(), variant: variant.clone(), needed, runs });
        }
    }
    let variants = plan.variants.iter().map(|(name, _)| name.clone()).collect();
    Report { suite: plan.suite.clone(), variants, cases }
}

/// Runs a case once, within the time limit.
async fn run_at(plan: &Plan, place: Place, clients: &Clients) -> RunReport {
    let mut outcome = Outcome::default();
    let run = plan.run_at(place);
    let attempt = attempt(plan, place, &run, clients, &mut outcome);
    let result = match tokio::time::timeout(plan.timeout, Box::pin(attempt)).await {
        Ok(Ok(unmet)) if unmet.is_empty() => RunResult::Passed,
        Ok(Ok(unmet)) => RunResult::Failed(unmet),
        Ok(Err(error)) => RunResult::Error(error.to_string()),
        Err(_) => RunResult::Error(format!("the run did not end within {:?}", plan.timeout)),
    };
    RunReport { number: place.number, result, outcome }
}

async fn attempt(
    plan: &Plan,
    place: Place,
    run: &Run,
    clients: &Clients,
    outcome: &mut Outcome,
) -> Result<Vec<Unmet>> {
    #[cfg(feature = "cassette")]
    let cassette = match &plan.cassettes {
        Some(directory) => Some(super::cassettes::of_run(directory, run).await?),
        None => None,
    };
    let own = match clients {
        Clients::OfRun(client) => Some(client(run).start().await?),
        Clients::Default | Clients::Shared(_) => None,
    };
    let client = match (clients, &own) {
        (Clients::Shared(client), _) | (_, Some(client)) => client.clone(),
        _ => unreachable!("the suite starts its client before the runs"),
    };
    let record = |session: SessionBuilder| {
        #[cfg(feature = "cassette")]
        if let Some(cassette) = &cassette {
            return session.cassette(cassette);
        }
        session
    };
    let result = converse(plan, place, run, &client, outcome, &record).await;
    let shut_down = match own {
        Some(client) => client.shutdown().await,
        None => Ok(()),
    };
    let result = result.and_then(|unmet| shut_down.map(|()| unmet));
    #[cfg(feature = "cassette")]
    if let Some(cassette) = cassette
        // The recording of a run that ended with an error is incomplete.
        && (result.is_ok() || !cassette.is_recording())
    {
        // The differences from the recording explain the error of the session.
        cassette.finish()?;
    }
    result
}

/// Asks the prompts and checks the expectations.
async fn converse(
    plan: &Plan,
    place: Place,
    run: &Run,
    client: &Client,
    outcome: &mut Outcome,
    record: &(dyn Fn(SessionBuilder) -> SessionBuilder + Send + Sync),
) -> Result<Vec<Unmet>> {
    let case = &plan.cases[place.case];
    let session = record(plan.configure(place, run, client.session())).start().await?;
    let asked = ask(&session, &case.prompts, outcome).await;
    let closed = session.close().await;
    asked?;
    closed?;
    let mut unmet = Vec::new();
    for expectation in &case.expectations {
        let start_judge =
            |configure: &dyn Fn(SessionBuilder) -> SessionBuilder| record(configure(client.session()));
        unmet.extend(expectation.check(outcome, &start_judge).await?);
    }
    Ok(unmet)
}

async fn ask(session: &Session, prompts: &[String], outcome: &mut Outcome) -> Result<()> {
    let start = Instant::now();
    for prompt in prompts {
        outcome.prompts.push(prompt.clone());
        let answered = session.ask(prompt).await;
        outcome.elapsed = start.elapsed();
        match answered {
            Ok(reply) => outcome.add(&reply),
            Err(error) => {
                // The report of the error has the calls until then.
                if let Some(partial) = error.partial_reply() {
                    outcome.add(partial);
                }
                return Err(error);
            }
        }
    }
    Ok(())
}

impl fmt::Debug for Clients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Default => "Default",
            Self::Shared(_) => "Shared",
            Self::OfRun(_) => "OfRun",
        })
    }
}
