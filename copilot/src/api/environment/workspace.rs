//! The files of a session's workspace, where the CLI and the agent keep what belongs to the session.

use crate::error::Result;
use crate::protocol::config::Trust;
use crate::protocol::controls::{FileListResponse, FileParams, FileResponse};
use crate::session::Session;
use crate::session::core::Topic;
use crate::session::core::setters::members;

impl Session {
    /// The paths of the files in the session's workspace, relative to it.
    ///
    /// # Errors
    ///
    /// When the connection is lost, or the CLI refuses or is too old.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future forgets the call. The CLI may still be asked, which changes nothing.
    ///
    /// Wire: `session.workspaces.listFiles`, or `session.workspace.listFiles` on CLIs before 1.0.32, to the CLI.
    pub async fn workspace_files(&self) -> Result<Vec<String>> {
        let method = "session.workspaces.listFiles";
        self.call_by_any_name::<_, FileListResponse>(method, &self.params()).await.map(|answer| answer.files)
    }

    /// What is in a file of the session's workspace.
    ///
    /// # Errors
    ///
    /// When the connection is lost, when there is no such file, and when the CLI is too old.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future forgets the call. The CLI may still be asked, which changes nothing.
    ///
    /// Wire: `session.workspaces.readFile`, or `session.workspace.readFile` on CLIs before 1.0.32, to the CLI.
    pub async fn read_workspace_file(&self, path: &str) -> Result<String> {
        let method = "session.workspaces.readFile";
        let params = FileParams { session_id: self.id(), path, content: None };
        self.call_by_any_name::<_, FileResponse>(method, &params).await.map(|answer| answer.content)
    }

    /// Writes a file into the session's workspace.
    ///
    /// # Errors
    ///
    /// When the connection is lost, or the CLI refuses or is too old.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future forgets the call. Once it was polled, the file may still be written.
    ///
    /// Wire: `session.workspaces.createFile`, or `session.workspace.createFile` on CLIs before 1.0.32, to the CLI.
    pub async fn write_workspace_file(&self, path: &str, content: &str) -> Result<()> {
        let method = "session.workspaces.createFile";
        let params = FileParams { session_id: self.id(), path, content: Some(content) };
        self.call_by_any_name::<_, serde::de::IgnoredAny>(method, &params).await.map(drop)
    }
}

members! {
    /// The directory that the agent works in; the CLI's own unless set. It must exist. A relative one starts from the
    /// client's [`cwd`](crate::ClientBuilder::cwd), else from the directory that was this program's when the
    /// client was configured, and the session's other relative paths start from it. With [`cli_url`](crate::ClientBuilder::cli_url) or a
    /// `session_fs` all of them must be absolute, and are not looked for.
    ///
    /// Wire: `session.create`, `workingDirectory`.
    working_directory: text in members "workingDirectory";

    /// For how long the working directory is trusted. For new sessions only.
    ///
    /// Wire: `session.create`, `trustWorkingDirectory`.
    trust_working_directory: (Trust) in members "trustWorkingDirectory";

    /// Other directories that the agent may work in.
    ///
    /// Wire: `session.create`, `additionalDirectories`.
    additional_directories: list in members "additionalDirectories";

    /// The directory where this session's configuration and state are, instead of the client's `state_dir`.
    ///
    /// Wire: `session.create`, `configDir`.
    config_dir: text in members "configDir";

    /// Whether changes to files are tracked.
    ///
    /// Wire: `session.create`, `enableFileChangeTracking`.
    file_change_tracking: flag in members "enableFileChangeTracking";
}

pub(crate) const TOPIC: Topic = Topic { members: MEMBERS, ..Topic::NONE };
