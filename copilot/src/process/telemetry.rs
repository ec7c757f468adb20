//! Traces of the CLI: the variables that enable them. Pure.

use std::ffi::OsString;

use crate::protocol::secret::Url;
use crate::protocol::settings::setter;
use crate::protocol::vocabulary::vocabulary;

/// The destination and the content of the CLI's traces.
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
    /// The exporter of the CLI's traces.
    TelemetryExporter {
        /// OTLP over HTTP, to a collector.
        Otlp = "otlp-http",
        /// A file with one JSON object per line.
        File = "file",
    }
}

vocabulary! {
    /// The encoding of OTLP.
    TelemetryProtocol {
        /// JSON over HTTP.
        Json = "http/json",
        /// Protocol buffers over HTTP.
        Protobuf = "http/protobuf",
    }
}

impl Telemetry {
    /// Exports traces to the collector at this URL.
    pub fn otlp(endpoint: impl Into<String>) -> Self {
        Self::new(TelemetryExporter::Otlp, endpoint.into())
    }

    /// Writes traces to this file, one JSON object per line.
    pub fn file(path: impl Into<String>) -> Self {
        Self::new(TelemetryExporter::File, path.into())
    }

    fn new(exporter: TelemetryExporter, target: String) -> Self {
        Self { exporter, target: target.into(), protocol: None, source_name: None, capture_content: None }
    }

    setter! {
        /// Sets the encoding of OTLP. Default: the CLI decides.
        protocol: (TelemetryProtocol) in protocol
    }
    setter! {
        /// Sets the source name in the traces.
        source_name: text in source_name
    }
    setter! {
        /// Enables prompts, replies and the arguments of tools in the traces. Default: the CLI decides.
        capture_content: flag in capture_content
    }

    /// Returns the variables that enable the traces.
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
            // The variable of older CLIs, and the newer one.
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
