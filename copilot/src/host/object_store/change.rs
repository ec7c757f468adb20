//! A change of a session's files: made in the tree, and noted for the store.

use std::time::SystemTime;

use super::record::Changes;
use crate::host::session_fs::tree::Tree;
use crate::host::session_fs::{FsError, FsMkdir, FsRm, FsWrite};

/// A change of the files.
#[derive(Debug)]
pub(super) struct Change {
    pub(super) path: String,
    pub(super) names: Vec<String>,
    pub(super) action: Action,
}

#[derive(Debug)]
pub(super) enum Action {
    Write(Vec<u8>),
    Append(Vec<u8>),
    Mkdir { recursive: bool },
    Rm { recursive: bool, force: bool },
    Rename { to: String, names: Vec<String> },
}

impl Change {
    pub(super) fn write(write: FsWrite<'_>, names: Vec<String>) -> Self {
        Self { path: write.path.into(), names, action: Action::Write(write.content.to_vec()) }
    }

    pub(super) fn append(write: FsWrite<'_>, names: Vec<String>) -> Self {
        Self { path: write.path.into(), names, action: Action::Append(write.content.to_vec()) }
    }

    pub(super) fn mkdir(mkdir: FsMkdir<'_>, names: Vec<String>) -> Self {
        Self { path: mkdir.path.into(), names, action: Action::Mkdir { recursive: mkdir.recursive } }
    }

    pub(super) fn rm(rm: FsRm<'_>, names: Vec<String>) -> Self {
        let action = Action::Rm { recursive: rm.recursive, force: rm.force };
        Self { path: rm.path.into(), names, action }
    }

    /// The length of the content that it has.
    pub(super) fn added(&self) -> u64 {
        match &self.action {
            Action::Write(content) | Action::Append(content) => content.len() as u64,
            Action::Mkdir { .. } | Action::Rm { .. } | Action::Rename { .. } => 0,
        }
    }

    /// The length of the content that it replaces.
    pub(super) fn replaced(&self, tree: &Tree) -> u64 {
        let names: Vec<&str> = self.names.iter().map(String::as_str).collect();
        match &self.action {
            Action::Write(_) => tree.file(&names).map_or(0, |content| content.len() as u64),
            Action::Append(_) | Action::Mkdir { .. } | Action::Rm { .. } | Action::Rename { .. } => 0,
        }
    }

    /// Makes the change in the tree, and adds it to `changes`.
    pub(super) fn apply(&self, tree: &mut Tree, changes: &mut Changes) -> Result<(), FsError> {
        let (path, now) = (self.path.as_str(), SystemTime::now());
        let names: Vec<&str> = self.names.iter().map(String::as_str).collect();
        match &self.action {
            Action::Write(content) => {
                tree.write(path, &names, content, now)?;
                changes.write(&names, content, now);
            }
            Action::Append(added) => {
                tree.append(path, &names, added, now)?;
                changes.append(&names, added, now);
            }
            // The CLI creates its directories again and again.
            Action::Mkdir { recursive: true } if tree.is_directory(&names) => {}
            Action::Mkdir { recursive } => {
                match recursive {
                    true => tree.mkdir_all(&names, now)?,
                    false => tree.mkdir(path, &names, now)?,
                }
                changes.mkdir(&names, now);
            }
            Action::Rm { recursive, force } => {
                tree.rm(&names, FsRm { path, recursive: *recursive, force: *force })?;
                changes.rm(&names, now);
            }
            Action::Rename { to, names: target } => {
                let target: Vec<&str> = target.iter().map(String::as_str).collect();
                tree.rename((path, &names), (to, &target))?;
                changes.rename(&names, &target, now);
            }
        }
        Ok(())
    }
}
