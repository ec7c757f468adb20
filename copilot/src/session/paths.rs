//! The paths that a session and its messages name: relative ones become absolute, and a path that does not exist is
//! an error before anything is sent.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};
use crate::input::{check_path, shown};
use crate::protocol::agents::CustomAgent;
use crate::protocol::attachments::{Attachment, PathKind};
use crate::protocol::config::LargeOutput;
use crate::protocol::mcp::McpServer;
use crate::protocol::session::SendOptions;
use crate::session::core::members::Members;

/// Where the files of a session are. `None` is where the CLI runs, which may be another machine, or a file system that
/// this program provides: there, whether a path exists cannot be known.
#[derive(Clone, Debug)]
pub(crate) struct Files(Option<Arc<Here>>);

/// The machine that this program runs on.
#[derive(Debug)]
struct Here {
    /// The directory that relative paths start from.
    start: PathBuf,
    /// Whether a path must exist.
    checked: bool,
}

impl Files {
    pub(crate) const ELSEWHERE: Self = Self(None);

    /// Files on this machine.
    pub(crate) fn here(start: PathBuf, checked: bool) -> Self {
        Self(Some(Arc::new(Here { start, checked })))
    }

    /// The same, with relative paths that start from the session's working directory.
    pub(in crate::session) fn starting_in(self, directory: Option<&String>) -> Self {
        match (&self.0, directory) {
            (Some(here), Some(start)) => Self::here(start.into(), here.checked),
            _ => self,
        }
    }

    /// The path made absolute; `what` names the setter in errors.
    fn absolute(&self, what: &str, path: &str) -> Result<String> {
        check_path(what, path)?;
        match self.0.as_deref() {
            Some(Here { start, .. }) => {
                if Path::new(path).is_absolute() {
                    return Ok(path.to_owned());
                }
                let absolute = std::path::absolute(start.join(path)).ok();
                absolute.and_then(|path| path.into_os_string().into_string().ok()).ok_or_else(|| {
                    let start = start.display();
                    refusal(
                        what,
                        path,
                        &format!("which starts from {start}, and that is not a path in UTF-8"),
                    )
                })
            }
            None if is_absolute_somewhere(path) => Ok(path.to_owned()),
            None => {
                let why = "a relative path, and with `cli_url` or a `session_fs` the directory that it would start \
                           from is unknown here; write an absolute path";
                Err(refusal(what, path, why))
            }
        }
    }

    /// The absolute path of something that exists, if that can be known.
    fn existing(&self, what: &str, path: &str, kind: PathKind) -> Result<String> {
        let path = self.absolute(what, path)?;
        if !self.0.as_ref().is_some_and(|here| here.checked) {
            return Ok(path);
        }
        let why = match (std::fs::metadata(&path), kind) {
            // The text goes with it, so the file need not be saved.
            (_, PathKind::Text) => return Ok(path),
            (Ok(metadata), PathKind::File) if !metadata.is_dir() => return Ok(path),
            (Ok(metadata), PathKind::Directory) if metadata.is_dir() => return Ok(path),
            (Ok(_), PathKind::File) => "which is a directory, not a file".to_owned(),
            (Ok(_), PathKind::Directory) => "which is not a directory".to_owned(),
            (Err(error), _) if error.kind() == std::io::ErrorKind::NotFound => {
                "which does not exist".to_owned()
            }
            (Err(error), _) => format!("which cannot be examined: {error}"),
        };
        Err(refusal(what, &path, &why))
    }

    /// Makes the paths of a session absolute. Directories that the CLI reads must exist; it makes the others.
    pub(in crate::session) fn resolve(&self, members: &mut Members) -> Result<()> {
        members.change("workingDirectory", |path: &mut String| {
            *path = self.existing("working_directory", path, PathKind::Directory)?;
            Ok(())
        })?;
        let files = self.clone().starting_in(members.get::<String>("workingDirectory"));
        for (what, list) in [
            ("Workspace::additional_directories", "additionalDirectories"),
            ("Skills::directories", "skillDirectories"),
            ("Agents::directories", "agentDirectories"),
            ("Discovery::hook_directories", "hookDirectories"),
            ("Instructions::directories", "instructionDirectories"),
            ("Discovery::plugin_directories", "pluginDirectories"),
        ] {
            members.change(list, |list: &mut Vec<String>| {
                list.iter_mut().try_for_each(|path| {
                    *path = files.existing(what, path, PathKind::Directory)?;
                    Ok(())
                })
            })?;
        }
        for (what, member) in
            [("Workspace::config_dir", "configDir"), ("Unstable::extension_sdk_path", "extensionSdkPath")]
        {
            members.change(member, |path: &mut String| {
                *path = files.absolute(what, path)?;
                Ok(())
            })?;
        }
        members.change("largeOutput", |large: &mut LargeOutput| {
            if let Some(path) = &mut large.output_dir {
                *path = files.absolute("LargeOutput::output_dir", path)?;
            }
            Ok(())
        })?;
        let directory = |(name, server): (&String, &mut McpServer)| -> Result<()> {
            if let Some(path) = server.directory_mut() {
                let what = format!("cwd of the MCP server {name}");
                *path = files.existing(&what, path, PathKind::Directory)?;
            }
            Ok(())
        };
        members.change("mcpServers", |servers: &mut BTreeMap<String, McpServer>| {
            servers.iter_mut().try_for_each(directory)
        })?;
        members.change("customAgents", |agents: &mut Vec<CustomAgent>| {
            agents.iter_mut().flat_map(CustomAgent::mcp_servers_mut).try_for_each(directory)
        })
    }

    /// The message with absolute paths.
    pub(in crate::session) fn resolve_message<'a>(
        &self,
        message: &'a SendOptions,
    ) -> Result<Cow<'a, SendOptions>> {
        let mut message = Cow::Borrowed(message);
        for at in 0..message.attachments.len() {
            let Some((kind, path)) = message.attachments[at].path() else { continue };
            let what = match kind {
                PathKind::File => "Attachment::file",
                PathKind::Directory => "Attachment::directory",
                PathKind::Text => "Attachment::selection",
            };
            let absolute = self.existing(what, path, kind)?;
            if absolute != path {
                Attachment::set_path(&mut message.to_mut().attachments[at], absolute);
            }
        }
        Ok(message)
    }
}

fn refusal(what: &str, path: &str, why: &str) -> Error {
    Error::new(ErrorKind::Configuration, format!("`{what}` is {}, {why}", shown(path)))
}

/// Whether a path is absolute on any system that a CLI runs on.
fn is_absolute_somewhere(path: &str) -> bool {
    let drive = path.as_bytes();
    path.starts_with(['/', '\\']) || (drive.len() > 2 && drive[0].is_ascii_alphabetic() && drive[1] == b':')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mcp::McpServer;
    use crate::tool_filter::LargeOutput;
    use crate::{Message, Session};

    #[test]
    fn paths_of_other_systems_are_absolute_as_well() {
        for path in ["/x", "\\\\host\\x", "\\x", "C:\\x", "c:/x"] {
            assert!(is_absolute_somewhere(path), "{path}");
        }
        for path in ["", "x", "C:", "abc/d", "1:/x", "a/:x", "./C:/x"] {
            assert!(!is_absolute_somewhere(path), "{path}");
        }
    }

    fn here(start: &Path) -> Files {
        Files::here(start.to_owned(), true)
    }

    #[test]
    fn relative_paths_start_from_the_working_directory() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("project/skills")).unwrap();
        std::fs::write(root.path().join("project/a.rs"), "").unwrap();
        let at = |path: &str| root.path().join(path).to_str().unwrap().to_owned();
        let mut members = Session::builder()
            .working_directory("./project")
            .skills(crate::skills::Skills::new().directories(["skills"]))
            .workspace(crate::workspace::Workspace::new().additional_directories([at("project")]))
            .workspace(crate::workspace::Workspace::new().config_dir("made-later"))
            .tool_options(
                crate::tool_filter::ToolOptions::new().large_output(LargeOutput::new().output_dir("output")),
            )
            .mcp_server("x", McpServer::stdio("x").cwd("skills"))
            .settings
            .members;
        here(root.path()).resolve(&mut members).unwrap();
        let wire = serde_json::to_value(&members).unwrap();
        assert_eq!(wire["workingDirectory"], at("project"));
        assert_eq!(wire["skillDirectories"][0], at("project/skills"));
        assert_eq!(wire["additionalDirectories"][0], at("project"));
        assert_eq!(wire["configDir"], at("project/made-later"));
        assert_eq!(wire["largeOutput"]["outputDir"], at("project/output"));
        assert_eq!(wire["mcpServers"]["x"]["cwd"], at("project/skills"));

        let files = here(root.path()).starting_in(Some(&at("project")));
        let message =
            Message::new("?").attach(Attachment::file("a.rs")).attach(Attachment::directory(at("project")));
        let resolved = files.resolve_message(&message.0).unwrap();
        let wire = serde_json::to_value(&*resolved).unwrap();
        assert_eq!(wire["attachments"][0]["path"], at("project/a.rs"));
        assert_eq!(wire["attachments"][0]["displayName"], "a.rs");
        assert_eq!(wire["attachments"][1]["displayName"], "project");
    }

    #[test]
    fn a_path_that_does_not_exist_is_refused_by_name() {
        let root = tempfile::tempdir().unwrap();
        std::fs::write(root.path().join("file"), "").unwrap();
        let file = root.path().join("file").to_str().unwrap().to_owned();
        let builder = Session::builder;
        for (builder, setter, why) in [
            (builder().working_directory("missing"), "working_directory", "does not exist"),
            (builder().working_directory(&file), "working_directory", "not a directory"),
            (
                builder().workspace(crate::workspace::Workspace::new().additional_directories(["missing"])),
                "Workspace::additional_directories",
                "does not exist",
            ),
            (
                builder().skills(crate::skills::Skills::new().directories(["missing"])),
                "Skills::directories",
                "does not exist",
            ),
            (
                builder().agents(crate::agents::Agents::new().directories(["missing"])),
                "Agents::directories",
                "does not exist",
            ),
            (
                builder().discovery(crate::discovery::Discovery::new().hook_directories(["missing"])),
                "Discovery::hook_directories",
                "does not exist",
            ),
            (
                builder().instructions(crate::instructions::Instructions::new().directories(["missing"])),
                "Instructions::directories",
                "does not exist",
            ),
            (
                builder().discovery(crate::discovery::Discovery::new().plugin_directories(["missing"])),
                "Discovery::plugin_directories",
                "does not exist",
            ),
            (
                builder().mcp_server("x", McpServer::stdio("x").cwd("missing")),
                "MCP server x",
                "does not exist",
            ),
            (builder().working_directory(""), "working_directory", "empty"),
            (
                builder().workspace(crate::workspace::Workspace::new().config_dir("a\0b")),
                "Workspace::config_dir",
                r"'\0'",
            ),
        ] {
            let mut members = builder.settings.members;
            let refused = here(root.path()).resolve(&mut members).unwrap_err().to_string();
            assert!(refused.contains(setter) && refused.contains(why), "{refused}");
        }
        for (attachment, why) in [
            (Attachment::file("missing"), "missing\", which does not exist"),
            (Attachment::directory("missing"), "missing\", which does not exist"),
            (Attachment::file("."), "directory, not a file"),
            (Attachment::directory(&file), "not a directory"),
            (Attachment::file(""), "empty"),
        ] {
            let message = Message::new("?").attach(attachment);
            let refused = here(root.path()).resolve_message(&message.0).unwrap_err().to_string();
            assert!(refused.contains("`Attachment::") && refused.contains(why), "{refused}");
        }
    }

    #[test]
    fn files_elsewhere_are_not_looked_for() {
        for path in ["/no/such/directory", r"C:\no\such", r"\\server\no\such"] {
            let builder = Session::builder()
                .working_directory(path)
                .skills(crate::skills::Skills::new().directories([path]));
            let mut members = builder.settings.members;
            Files::ELSEWHERE.resolve(&mut members).unwrap();
            assert_eq!(members.get::<String>("workingDirectory").map(String::as_str), Some(path));
            let message = Message::new("?").attach(Attachment::file(path));
            assert!(matches!(Files::ELSEWHERE.resolve_message(&message.0), Ok(Cow::Borrowed(_))));
        }
        let mut members = Session::builder().working_directory("relative").settings.members;
        let refused = Files::ELSEWHERE.resolve(&mut members).unwrap_err().to_string();
        assert!(
            refused.contains("`working_directory` is \"relative\"") && refused.contains("absolute"),
            "{refused}"
        );
    }
}
