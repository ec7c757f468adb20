//! Attachments of messages: positions in files, and things on GitHub.
//! [`Attachment`](crate::Attachment) itself is in the root.

pub use crate::protocol::attachments::{
    GithubFileVersion, GithubReferenceKind, GithubRepo, GithubRevision, Position,
};
