//! The measurements of a build without the feature `metrics`: none, at no cost.

mod labels;

pub(crate) use labels::Labels;

/// The recorder of measurements.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Recorder;

/// A running operation. Never created.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) labels: Labels,
    never: std::convert::Infallible,
}

impl Measured {
    pub(crate) fn tokens(&self, _: Option<u64>, _: Option<u64>) {
        match self.never {}
    }
}

/// A running tool call.
#[derive(Debug)]
pub(crate) struct ToolCall;

impl Recorder {
    pub(crate) const fn is_on(self) -> bool {
        false
    }

    pub(crate) fn measure(self, _: &'static str) -> Option<Box<Measured>> {
        None
    }

    pub(crate) fn tool_call(self) -> ToolCall {
        ToolCall
    }

    pub(crate) fn lagged(self, _: u64) {}

    pub(crate) fn restarted(self) {}

    pub(crate) fn deferred(self) {}
}
