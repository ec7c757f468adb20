//! Readers for values that CLIs write in more than one form.

use crate::protocol::decode::{Decode, Reader, Result};

/// Reads a text that some versions write as a number.
pub(crate) fn text(reader: &mut Reader<'_>) -> Result<String> {
    match reader.next_byte() {
        Some(b'0'..=b'9') => u64::decode(reader).map(|number| number.to_string()),
        _ => String::decode(reader),
    }
}
