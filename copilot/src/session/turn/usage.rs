//! The cost of a turn.

use std::ops::AddAssign;
use std::time::Duration;

use crate::events::Event;
use crate::protocol::ai_units::AiUnits;
use crate::protocol::decode::{self, Decode};

/// The cost of a turn, summed over its requests to the model.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Usage {
    /// Requests to the model.
    pub requests: u64,
    /// Tokens sent.
    pub input_tokens: u64,
    /// Tokens received.
    pub output_tokens: u64,
    /// Tokens read from the prompt cache.
    pub cache_read_tokens: u64,
    /// Tokens written to the prompt cache.
    pub cache_write_tokens: u64,
    /// Tokens received that are reasoning, as far as providers count them.
    pub reasoning_tokens: u64,
    /// The number of premium requests.
    pub cost: f64,
    /// The cost in AI units; zero where the plan does not count them.
    pub ai_units: AiUnits,
    /// The time that the requests took.
    pub model_time: Duration,
}

/// The members of `assistant.usage` that are summed up.
#[derive(Default, Decode)]
#[serde(rename_all = "camelCase", default)]
struct RequestUsage {
    input_tokens: u64,
    output_tokens: u64,
    cache_read_tokens: u64,
    cache_write_tokens: u64,
    reasoning_tokens: u64,
    /// In milliseconds.
    duration: u64,
    cost: Option<f64>,
    copilot_usage: Option<RequestCost>,
}

#[derive(Default, Decode)]
#[serde(rename_all = "camelCase", default)]
struct RequestCost {
    total_nano_aiu: AiUnits,
}

impl Usage {
    /// Returns the number of tokens, those sent and those received.
    pub fn tokens(&self) -> u64 {
        self.input_tokens.saturating_add(self.output_tokens)
    }

    pub(super) fn add(&mut self, event: &Event) {
        let Ok(usage) = decode::event::<RequestUsage>(event.raw_data()) else { return };
        *self += &Self {
            requests: 1,
            input_tokens: usage.input_tokens,
            output_tokens: usage.output_tokens,
            cache_read_tokens: usage.cache_read_tokens,
            cache_write_tokens: usage.cache_write_tokens,
            reasoning_tokens: usage.reasoning_tokens,
            cost: usage.cost.unwrap_or_default(),
            ai_units: usage.copilot_usage.unwrap_or_default().total_nano_aiu,
            model_time: Duration::from_millis(usage.duration),
        };
    }
}

/// Adds the cost of another turn. A sum that is too large becomes the largest number.
impl AddAssign<&Self> for Usage {
    fn add_assign(&mut self, other: &Self) {
        // Every field is named, so that none is forgotten.
        let Self {
            requests,
            input_tokens,
            output_tokens,
            cache_read_tokens,
            cache_write_tokens,
            reasoning_tokens,
            cost,
            ai_units,
            model_time,
        } = other;
        for (sum, number) in [
            (&mut self.requests, requests),
            (&mut self.input_tokens, input_tokens),
            (&mut self.output_tokens, output_tokens),
            (&mut self.cache_read_tokens, cache_read_tokens),
            (&mut self.cache_write_tokens, cache_write_tokens),
            (&mut self.reasoning_tokens, reasoning_tokens),
        ] {
            *sum = sum.saturating_add(*number);
        }
        self.cost += cost;
        self.ai_units = self.ai_units + *ai_units;
        self.model_time = self.model_time.saturating_add(*model_time);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn usage_is_summed() {
        let mut usage = Usage::default();
        for _ in 0..2 {
            let data = json!({"model": "x", "inputTokens": 10, "outputTokens": 2.0, "duration": 40});
            let event = json!({"type": "assistant.usage", "id": "", "timestamp": "", "ephemeral": true, "data": data});
            usage.add(&serde_json::from_str(&event.to_string()).unwrap());
        }
        let model_time = Duration::from_millis(80);
        let expected =
            Usage { requests: 2, input_tokens: 20, output_tokens: 4, model_time, ..Usage::default() };
        assert_eq!((usage.tokens(), usage), (24, expected));
    }

    #[test]
    fn numbers_that_are_too_large_for_a_sum_are_the_largest_one() {
        let mut usage = Usage::default();
        let data = json!({
            "model": "x", "inputTokens": u64::MAX, "outputTokens": u64::MAX, "cacheReadTokens": u64::MAX,
            "cacheWriteTokens": u64::MAX, "reasoningTokens": u64::MAX, "duration": u64::MAX,
        });
        let event =
            json!({"type": "assistant.usage", "id": "", "timestamp": "", "ephemeral": true, "data": data});
        let event = serde_json::from_str(&event.to_string()).unwrap();
        usage.add(&event);
        usage.add(&event);
        let tokens = [
            usage.input_tokens,
            usage.output_tokens,
            usage.cache_read_tokens,
            usage.cache_write_tokens,
            usage.reasoning_tokens,
            usage.tokens(),
        ];
        assert_eq!((tokens, usage.requests), ([u64::MAX; 6], 2));
        usage += &Usage { requests: u64::MAX, model_time: Duration::MAX, ..Usage::default() };
        assert_eq!((usage.requests, usage.model_time), (u64::MAX, Duration::MAX));
    }

    #[test]
    fn the_usage_of_turns_is_added() {
        let turn = Usage {
            requests: 1,
            input_tokens: 2,
            output_tokens: 3,
            cache_read_tokens: 4,
            cache_write_tokens: 5,
            reasoning_tokens: 6,
            cost: 7.0,
            ai_units: AiUnits::from_nano(8.0),
            model_time: Duration::from_millis(9),
        };
        let mut all = turn.clone();
        all += &turn;
        let expected = Usage {
            requests: 2,
            input_tokens: 4,
            output_tokens: 6,
            cache_read_tokens: 8,
            cache_write_tokens: 10,
            reasoning_tokens: 12,
            cost: 14.0,
            ai_units: AiUnits::from_nano(16.0),
            model_time: Duration::from_millis(18),
        };
        assert_eq!(all, expected);
    }
}
