//! Attachments of messages: positions in files, and items on GitHub.
//! [`Attachment`](crate::Attachment) itself is in the root.

pub use crate::protocol::attachments::{
    GithubFileVersion, GithubReferenceKind, GithubRepo, GithubRevision, Position,
};
