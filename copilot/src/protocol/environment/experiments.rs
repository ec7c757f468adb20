//! Experiments that a session takes part in. Wire: `expAssignments`.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

/// The outcome of an assignment to experiments, in place of what the CLI would fetch. Wire: `expAssignments`.
///
/// # Examples
///
/// ```
/// use copilot::Session;
/// use copilot::unstable::{Experiments, Unstable};
///
/// let experiments = Experiments::new("context").feature("new-search").flight("search", "treatment");
/// let builder = Session::builder().unstable(Unstable::new().experiments(experiments));
/// # drop(builder);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
#[must_use]
pub struct Experiments {
    // The CLI requires these four even where they are empty.
    features: Vec<String>,
    flights: BTreeMap<String, String>,
    configs: Vec<Config>,
    assignment_context: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameter_groups: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    flighting_version: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    impression_id: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Config {
    id: String,
    parameters: BTreeMap<String, Value>,
}

impl Experiments {
    /// Creates a set without experiments, with the context of the assignment that the CLI sends to the model's service
    /// and in its telemetry.
    pub fn new(assignment_context: impl Into<String>) -> Self {
        Self {
            features: Vec::new(),
            flights: BTreeMap::new(),
            configs: Vec::new(),
            assignment_context: assignment_context.into(),
            parameter_groups: None,
            flighting_version: None,
            impression_id: None,
        }
    }

    /// Enables a feature by its name.
    pub fn feature(mut self, name: impl Into<String>) -> Self {
        self.features.push(name.into());
        self
    }

    /// Assigns the session to one arm of an experiment.
    pub fn flight(mut self, name: impl Into<String>, arm: impl Into<String>) -> Self {
        self.flights.insert(name.into(), arm.into());
        self
    }

    /// Sets parameters of a configuration: flags, numbers and texts.
    pub fn config<N: Into<String>, V: Into<Value>>(
        mut self,
        id: impl Into<String>,
        parameters: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        let parameters = parameters.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        self.configs.push(Config { id: id.into(), parameters });
        self
    }

    /// Sets groups of parameters, which the CLI gets unchanged.
    pub fn parameter_groups(mut self, groups: impl Into<Value>) -> Self {
        self.parameter_groups = Some(groups.into());
        self
    }

    /// Sets the version of the assignment.
    pub fn version(mut self, version: i64) -> Self {
        self.flighting_version = Some(version);
        self
    }

    /// Sets the id under which the assignment is counted.
    pub fn impression(mut self, id: impl Into<String>) -> Self {
        self.impression_id = Some(id.into());
        self
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn assignments_reach_the_wire() {
        let wire = |experiments| serde_json::to_value::<Experiments>(experiments).unwrap();
        assert_eq!(
            wire(Experiments::new("")),
            json!({"Features": [], "Flights": {}, "Configs": [], "AssignmentContext": ""})
        );
        let full = Experiments::new("c")
            .feature("f")
            .flight("a", "b")
            .config("i", [("p", json!(1)), ("q", json!(true))])
            .parameter_groups(json!([1]))
            .version(3)
            .impression("x");
        assert_eq!(
            wire(full),
            json!({
                "Features": ["f"], "Flights": {"a": "b"}, "Configs": [{"Id": "i", "Parameters": {"p": 1, "q": true}}],
                "AssignmentContext": "c", "ParameterGroups": [1], "FlightingVersion": 3, "ImpressionId": "x",
            })
        );
    }
}
