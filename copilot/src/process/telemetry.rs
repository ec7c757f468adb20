//! Having the CLI report traces of what it does. Pure.

use std::ffi::OsString;

use crate::protocol::secret::Url;
use crate::protocol::settings::setter;
use crate::protocol::vocabulary::vocabulary;

/// Where the CLI's traces go, and what is in them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Telemetry {
    exporter: TelemetryExporter,
    target: Url,
    protocol: Option<TelemetryProtocol>,
    source_name: Option<String>,
    capture_content: Option<bool>,
}

vocabulary! {
    /// How traces leave the CLI.
    TelemetryExporter {
        /// To a collector, over HTTP.
        Otlp = "otlp-http",
        /// Into a file, one JSON object a line.
        File = "file",
    }
}

vocabulary! {
    /// How a collector is spoken to.
    TelemetryProtocol {
        /// In JSON.
        Json = "http/json",
        /// In protocol buffers.
        Protobuf = "http/protobuf",
    }
}

impl Telemetry {
    /// To the collector at this URL.
    pub fn otlp(endpoint: impl Into<String>) -> Self {
        Self::new(TelemetryExporter::Otlp, endpoint.into())
    }

    /// Into this file, one JSON object a line.
    pub fn file(path: impl Into<String>) -> Self {
        Self::new(TelemetryExporter::File, path.into())
    }

    fn new(exporter: TelemetryExporter, target: String) -> Self {
        Self { exporter, target: target.into(), protocol: None, source_name: None, capture_content: None }
    }

    setter! {
        /// How the collector is spoken to.
        protocol: (TelemetryProtocol) in protocol
    }
    setter! {
        /// The name that the traces carry.
        source_name: text in source_name
    }
    setter! {
        /// Whether prompts, answers and the arguments of tools are in the traces.
        capture_content: flag in capture_content
    }

    /// The variables that tell the CLI.
    pub(super) fn environment(&self) -> Vec<(OsString, OsString)> {
        let target = match self.exporter {
            TelemetryExporter::File => "COPILOT_OTEL_FILE_EXPORTER_PATH",
            _ => "OTEL_EXPORTER_OTLP_ENDPOINT",
        };
        let mut variables = vec![
            ("COPILOT_OTEL_ENABLED", "true"),
            ("COPILOT_OTEL_EXPORTER_TYPE", self.exporter.as_str()),
            (target, self.target.as_str()),
        ];
        if let Some(protocol) = &self.protocol {
            variables.push(("OTEL_EXPORTER_OTLP_PROTOCOL", protocol.as_str()));
        }
        if let Some(name) = &self.source_name {
            variables.push(("COPILOT_OTEL_SOURCE_NAME", name));
        }
        if let Some(on) = self.capture_content {
            // The name that older CLIs read, and the newer one.
            let (old, new) = if on { ("true", "SPAN_ONLY") } else { ("false", "NO_CONTENT") };
            variables.push(("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", old));
            variables.push(("OTEL_INSTRUMENTATION_GENAI_CAPTURE_CONTENT", new));
        }
        variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(telemetry: &Telemetry, expected: &[(&str, &str)]) {
        let expected: Vec<(OsString, OsString)> =
            expected.iter().map(|(name, value)| (name.into(), value.into())).collect();
        assert_eq!(telemetry.environment(), expected);
    }

    #[test]
    fn settings_become_variables() {
        check(
            &Telemetry::file("/t.jsonl"),
            &[
                ("COPILOT_OTEL_ENABLED", "true"),
                ("COPILOT_OTEL_EXPORTER_TYPE", "file"),
                ("COPILOT_OTEL_FILE_EXPORTER_PATH", "/t.jsonl"),
            ],
        );
        let otlp = Telemetry::otlp("http://h:4318").protocol(TelemetryProtocol::Json).source_name("n");
        check(
            &otlp.capture_content(false),
            &[
                ("COPILOT_OTEL_ENABLED", "true"),
                ("COPILOT_OTEL_EXPORTER_TYPE", "otlp-http"),
                ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://h:4318"),
                ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"),
                ("COPILOT_OTEL_SOURCE_NAME", "n"),
                ("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "false"),
                ("OTEL_INSTRUMENTATION_GENAI_CAPTURE_CONTENT", "NO_CONTENT"),
            ],
        );
    }
}
