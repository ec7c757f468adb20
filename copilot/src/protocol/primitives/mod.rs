//! Building blocks of the types of the wire: decoding, ids, times, secrets, words.

pub(crate) mod base64;
pub(crate) mod decode;
pub(crate) mod encode;
pub(crate) mod ids;
pub(crate) mod lenient;
mod raw;
pub(crate) mod scan;
pub(crate) mod secret;
pub(crate) mod settings;
mod skip;
pub(crate) mod timestamp;
mod unescape;
pub(crate) mod vocabulary;
