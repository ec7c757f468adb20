//! The attributes of a measurement.

/// The attributes of a measurement.
#[derive(Debug, Default)]
pub(crate) struct Labels {
    pub(crate) provider: Option<String>,
    pub(crate) request_model: Option<String>,
    pub(crate) response_model: Option<String>,
    pub(crate) tool: Option<String>,
    pub(crate) error_type: Option<String>,
}
