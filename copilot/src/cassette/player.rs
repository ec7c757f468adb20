//! Finds the recorded answer to a request. Pure state without I/O.

use super::compare::{Compare, common, differences, normal_messages, other_differences};
use super::conversation::{Conversation, Message, title};
use super::file::Exchange;

/// The recorded exchanges and their use.
#[derive(Debug)]
pub(super) struct Player {
    /// The name of the cassette in reports.
    name: String,
    tracks: Vec<Track>,
    compare: Compare,
    /// The number of requests so far.
    requests: usize,
    /// The reports of the requests that were not recorded.
    refusals: Vec<String>,
}

#[derive(Debug)]
struct Track {
    exchange: Exchange,
    /// The messages in the form that is compared.
    normal: Vec<Message>,
    is_played: bool,
}

impl Player {
    pub(super) fn new(name: String, exchanges: Vec<Exchange>, compare: Compare) -> Self {
        let tracks = exchanges.into_iter().map(|exchange| {
            let normal = normal_messages(&exchange.expected.messages, compare);
            Track { exchange, normal, is_played: false }
        });
        Self { name, tracks: tracks.collect(), compare, requests: 0, refusals: Vec::new() }
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
        let normal = normal_messages(&came.messages, self.compare);
        let fits = |track: &Track| {
            let expected = &track.exchange.expected;
            !track.is_played
                && track.normal == normal
                && other_differences(expected, came, self.compare).is_empty()
        };
        if let Some(at) = self.tracks.iter().position(fits) {
            let track = &mut self.tracks[at];
            track.is_played = true;
            return Ok(&track.exchange);
        }
        let report = self.refusal(came, &normal);
        // CLIs before 0.0.423 repeat a request that is refused.
        let of_request = |report: &str| report.splitn(3, ' ').nth(2).map(str::to_owned);
        if !self.refusals.iter().any(|known| of_request(known) == of_request(&report)) {
            self.refusals.push(report.clone());
        }
        Err(report)
    }

    fn refusal(&self, came: &Conversation, normal: &[Message]) -> String {
        let (request, name) = (self.requests, &self.name);
        let free = self.tracks.iter().filter(|track| !track.is_played);
        // The first of equals: `max_by_key` returns the last.
        let Some(track) = free.rev().max_by_key(|track| common(&track.normal, normal)) else {
            let count = self.tracks.len();
            let last = last_message(&came.messages);
            return format!(
                "request {request} is not in the cassette {name}, whose requests ({count}) have all been made{last}"
            );
        };
        let number = track.exchange.number;
        let differences = differences(&track.exchange.expected, came, self.compare);
        format!("request {request} differs from request {number} of the cassette {name}:\n{differences}")
            .trim_end()
            .to_owned()
    }

    /// Returns all differences and the recorded requests that were not made; `None` without any.
    pub(super) fn report(&self) -> Option<String> {
        let missing = self.tracks.iter().filter(|track| !track.is_played).map(|track| {
            let (number, last) = (track.exchange.number, last_message(&track.exchange.expected.messages));
            format!("request {number} of the cassette {} was not made{last}", self.name)
        });
        let report: Vec<String> = self.refusals.iter().cloned().chain(missing).collect();
        (!report.is_empty()).then(|| report.join("\n"))
    }

    /// Returns the first recorded exchange.
    pub(super) fn first(&self) -> Option<&Exchange> {
        self.tracks.first().map(|track| &track.exchange)
    }
}

/// Describes the last message of a request, as the end of a sentence.
fn last_message(messages: &[Message]) -> String {
    const READABLE: usize = 120;
    messages.last().map_or_else(String::new, |last| {
        let text: String = last.text.chars().take(READABLE).collect();
        format!("; its last message ({}) is {text:?}", title(last, messages))
    })
}
