//! Finds the recorded answer to a request. Pure state without I/O.

use std::fmt::Write as _;

use super::compare::{Compare, common, differences, normal_messages};
use super::conversation::{Conversation, title};
use super::file::Exchange;

/// The recorded exchanges and their use.
#[derive(Debug)]
pub(super) struct Player {
    /// The name of the cassette in reports.
    name: String,
    exchanges: Vec<(Exchange, Use)>,
    compare: Compare,
    /// The number of requests so far.
    requests: usize,
    /// The reports of the requests that were not recorded.
    refusals: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use {
    Free,
    Played,
}

impl Player {
    pub(super) fn new(name: String, exchanges: Vec<Exchange>, compare: Compare) -> Self {
        let exchanges = exchanges.into_iter().map(|exchange| (exchange, Use::Free)).collect();
        Self { name, exchanges, compare, requests: 0, refusals: Vec::new() }
    }

    /// Returns the recorded exchange of a request, which is not used for another one.
    ///
    /// The content decides, not the order: sub-agents and auxiliary requests run in parallel. Equal requests get their
    /// answers in the order of the recording.
    ///
    /// # Errors
    ///
    /// Returns the report of the differences from the recorded request that is most similar.
    pub(super) fn play(&mut self, came: &Conversation) -> Result<&Exchange, String> {
        self.requests += 1;
        let free = || self.exchanges.iter().enumerate().filter(|(_, (_, usage))| *usage == Use::Free);
        let found = free()
            .find(|(_, (exchange, _))| differences(&exchange.expected, came, self.compare).is_empty())
            .map(|(at, _)| at);
        if let Some(at) = found {
            let (exchange, usage) = &mut self.exchanges[at];
            *usage = Use::Played;
            return Ok(exchange);
        }
        let report = self.refusal(came);
        self.refusals.push(report.clone());
        Err(report)
    }

    fn refusal(&self, came: &Conversation) -> String {
        let (request, name) = (self.requests, &self.name);
        let similarity =
            |exchange: &Exchange| common(&exchange.expected.messages, &came.messages, self.compare);
        let free = self.exchanges.iter().filter(|(_, usage)| *usage == Use::Free);
        // The first of equals: `max_by_key` returns the last.
        let similar = free.rev().map(|(exchange, _)| exchange).max_by_key(|exchange| similarity(exchange));
        let Some(exchange) = similar else {
            let last = came.messages.last();
            let messages = normal_messages(&came.messages, self.compare);
            let last = last.map_or_else(String::new, |last| {
                let text: String = last.text.chars().take(120).collect();
                format!("; its last message is {}: {text:?}", title(last, &messages))
            });
            return format!(
                "request {request} is not in the cassette {name}, whose {} requests have all been made{last}",
                self.exchanges.len()
            );
        };
        let number = exchange.number;
        let differences = differences(&exchange.expected, came, self.compare);
        format!("request {request} differs from request {number} of the cassette {name}:\n{differences}")
            .trim_end()
            .to_owned()
    }

    /// Returns all differences and the recorded requests that were not made; `None` without any.
    pub(super) fn report(&self) -> Option<String> {
        let mut report = self.refusals.join("\n");
        let free = self.exchanges.iter().filter(|(_, usage)| *usage == Use::Free);
        for (exchange, _) in free {
            if !report.is_empty() {
                report.push('\n');
            }
            let messages = &exchange.expected.messages;
            let _ = write!(report, "request {} of the cassette {} was not made", exchange.number, self.name);
            if let Some(last) = messages.last() {
                let text: String = last.text.chars().take(120).collect();
                let _ = write!(report, "; its last message is {}: {text:?}", title(last, messages));
            }
        }
        (!report.is_empty()).then_some(report)
    }

    /// Returns the first recorded exchange.
    pub(super) fn first(&self) -> Option<&Exchange> {
        self.exchanges.first().map(|(exchange, _)| exchange)
    }
}
