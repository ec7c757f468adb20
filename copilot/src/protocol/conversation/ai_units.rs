//! AI units: the unit in which GitHub counts the work of models.

use std::fmt;
use std::iter::Sum;
use std::ops::Add;

use serde::{Deserialize, Deserializer, Serialize};

use crate::protocol::decode::{self, Decode, Reader};

/// A cost in AI units. The CLI counts billionths of a unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct AiUnits {
    nano: f64,
}

impl AiUnits {
    /// Creates a cost from billionths of an AI unit.
    pub const fn from_nano(nano: f64) -> Self {
        Self { nano }
    }

    /// Returns the cost in billionths of an AI unit, as the CLI reports it.
    pub const fn nano(self) -> f64 {
        self.nano
    }

    /// Returns the cost in AI units.
    pub fn units(self) -> f64 {
        self.nano / 1e9
    }
}

impl<'de> Deserialize<'de> for AiUnits {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        f64::deserialize(deserializer).map(Self::from_nano)
    }
}

impl<'de> Decode<'de> for AiUnits {
    fn decode(reader: &mut Reader<'de>) -> decode::Result<Self> {
        f64::decode(reader).map(Self::from_nano)
    }

    decode::sample!(1);
}

impl fmt::Display for AiUnits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.units(), f)
    }
}

impl Add for AiUnits {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { nano: self.nano + other.nano }
    }
}

impl Sum for AiUnits {
    fn sum<I: Iterator<Item = Self>>(costs: I) -> Self {
        costs.fold(Self::default(), Add::add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costs_are_read_in_billionths_and_add_up() {
        let costs: Vec<AiUnits> = serde_json::from_str("[1500000000, 250000000.0]").unwrap();
        let total: AiUnits = costs.into_iter().sum();
        assert_eq!((total.nano(), total.units()), (1.75e9, 1.75));
        assert_eq!(format!("{total} {total:.1}"), "1.75 1.8");
        assert_eq!(serde_json::to_string(&AiUnits::from_nano(5.0)).unwrap(), "5.0");
    }
}
