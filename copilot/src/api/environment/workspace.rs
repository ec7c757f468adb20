//! The workspace of a session, where the CLI and the agent keep its files, and the directories that it works in.

use crate::error::Result;
use crate::protocol::attachments::PathKind;
use crate::protocol::controls::{FileListResponse, FileParams, FileResponse};
use crate::session::Session;
use crate::session::core::setters::members;
use crate::session::core::{Members, Topic};
use crate::session::paths::Files;

pub use crate::protocol::config::Trust;

/// The workspace of a session: a directory in which the CLI and the agent keep files of the session. Returned by
/// [`Session::workspace`].
///
/// # Examples
///
/// ```no_run
/// # async fn example(session: &copilot::Session) -> copilot::Result<()> {
/// for path in session.workspace().files().await? {
///     println!("{path}: {}", session.workspace().read(&path).await?);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct SessionWorkspace<'a>(&'a Session);

impl Session {
    /// Returns the view on the files of the session's workspace.
    pub fn workspace(&self) -> SessionWorkspace<'_> {
        SessionWorkspace(self)
    }
}

impl SessionWorkspace<'_> {
    /// Returns the paths of the files in the session's workspace, relative to it.
    ///
    /// Wire: `session.workspaces.listFiles`, or `session.workspace.listFiles` on CLIs before 1.0.32, a
    /// [query](crate#queries).
    pub async fn files(&self) -> Result<Vec<String>> {
        let method = "session.workspaces.listFiles";
        self.0.call_by_any_name::<FileListResponse>(method, &self.0.params()).await.map(|answer| answer.files)
    }

    /// Returns the text of a file in the session's workspace.
    ///
    /// # Errors
    ///
    /// As every query, and when there is no such file.
    ///
    /// Wire: `session.workspaces.readFile`, or `session.workspace.readFile` on CLIs before 1.0.32, a
    /// [query](crate#queries).
    pub async fn read(&self, path: &str) -> Result<String> {
        let method = "session.workspaces.readFile";
        let params = FileParams { session_id: self.0.id(), path, content: None };
        self.0.call_by_any_name::<FileResponse>(method, &params).await.map(|answer| answer.content)
    }

    /// Writes a file into the session's workspace.
    ///
    /// Wire: `session.workspaces.createFile`, or `session.workspace.createFile` on CLIs before 1.0.32, a
    /// [command](crate#commands).
    pub async fn write(&self, path: &str, content: &str) -> Result<()> {
        let method = "session.workspaces.createFile";
        let params = FileParams { session_id: self.0.id(), path, content: Some(content) };
        self.0.call_by_any_name::<serde::de::IgnoredAny>(method, &params).await.map(drop)
    }
}

members! {
    /// Sets the directory that the agent works in, which must exist. A relative path starts from the client's
    /// [`cwd`](crate::ClientBuilder::cwd), else from the current directory of this program when the client was
    /// configured; the session's other relative paths start from the working directory. With
    /// [`cli_url`](crate::ClientBuilder::cli_url) or a `session_fs` all of them must be absolute, and are not checked.
    /// Default: the CLI's directory.
    ///
    /// Wire: `session.create`, `workingDirectory`.
    working_directory: text in members "workingDirectory";

    @group
        /// Rare settings of the directories that a session works in.
        ///
        /// # Examples
        ///
        /// ```
        /// use copilot::Session;
        /// use copilot::workspace::Workspace;
        ///
        /// let workspace = Workspace::new().additional_directories(["/srv/shared"]).file_change_tracking(true);
        /// let builder = Session::builder().working_directory("/srv/app").workspace(workspace);
        /// # drop(builder);
        /// ```
        Workspace
        /// Sets rare settings of the directories that the session works in.
        workspace {
            /// Sets how long the working directory is trusted. For new sessions only.
            ///
            /// Wire: `session.create`, `trustWorkingDirectory`.
            trust: (Trust) in members "trustWorkingDirectory";

            /// Sets other directories that the agent may work in.
            ///
            /// Wire: `session.create`, `additionalDirectories`.
            additional_directories: list in members "additionalDirectories";

            /// Sets the directory of this session's configuration and state. Default: the client's `state_dir`.
            ///
            /// Wire: `session.create`, `configDir`.
            config_dir: text in members "configDir";

            /// Enables the tracking of changes to files.
            ///
            /// Wire: `session.create`, `enableFileChangeTracking`.
            file_change_tracking: flag in members "enableFileChangeTracking";

            /// Enables the CLI's use of git on this machine.
            ///
            /// Wire: `session.create`, `enableHostGitOperations`.
            host_git_operations: flag in members "enableHostGitOperations";

            /// Enables the co-author line of the agent in commits.
            ///
            /// Wire: `session.options.update`, `coauthorEnabled`.
            coauthor: flag in options "coauthorEnabled";
        }
}

/// Makes the working directory absolute, which the other paths of the session start from.
fn start(members: &mut Members, files: Files) -> Result<Files> {
    members.change("workingDirectory", |path: &mut String| {
        *path = files.existing("working_directory", path, PathKind::Directory)?;
        Ok(())
    })?;
    Ok(match members.get::<String>("workingDirectory") {
        Some(directory) => files.starting_in(directory),
        None => files,
    })
}

fn paths(members: &mut Members, files: &Files) -> Result<()> {
    members.change("additionalDirectories", |paths: &mut Vec<String>| {
        files.directories("Workspace::additional_directories", paths)
    })?;
    members.change("configDir", |path: &mut String| {
        *path = files.absolute("Workspace::config_dir", path)?;
        Ok(())
    })
}

pub(crate) const TOPIC: Topic =
    Topic { members: MEMBERS, start: Some(start), paths: Some(paths), ..Topic::NONE };
