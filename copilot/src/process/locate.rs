//! Finding the CLI on this machine.

use std::env;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use crate::error::{Error, ErrorKind, Result};

/// The variable that names the CLI to run.
const PATH_VARIABLE: &str = "COPILOT_CLI_PATH";
/// The variable that names the Node.js for CLIs that are scripts.
const NODE_VARIABLE: &str = "COPILOT_NODE_PATH";

/// What is run: a native program, or a script that Node.js runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Program {
    Native(PathBuf),
    Script { node: PathBuf, script: PathBuf },
}

impl Program {
    /// The program in this file; `node` runs it if it is a script.
    fn at(path: PathBuf, node: Option<&OsStr>) -> Self {
        // It was found from here, and may be started elsewhere. Where there is no here, it is taken as it is.
        let path = std::path::absolute(&path).unwrap_or(path);
        let script =
            path.extension().is_some_and(|ending| ["js", "mjs", "cjs"].iter().any(|js| ending == *js));
        let node = node.unwrap_or("node".as_ref());
        if script { Self::Script { node: node.into(), script: path } } else { Self::Native(path) }
    }

    /// The file that was found.
    pub(crate) fn path(&self) -> &Path {
        match self {
            Self::Native(path) | Self::Script { script: path, .. } => path,
        }
    }
}

/// What the search looks at; a test brings its own.
#[derive(Debug, Default)]
struct Surroundings {
    variable: Option<OsString>,
    node: Option<OsString>,
    search_path: Option<OsString>,
    working_directory: Option<PathBuf>,
}

impl Surroundings {
    fn current() -> Self {
        let set = |name| env::var_os(name).filter(|value| !value.is_empty());
        Self {
            variable: set(PATH_VARIABLE),
            node: set(NODE_VARIABLE),
            search_path: env::var_os("PATH"),
            working_directory: env::current_dir().ok(),
        }
    }
}

/// Finds the CLI: `configured`, then `COPILOT_CLI_PATH`, then `PATH`, then `node_modules` from here up, then, with
/// the feature `install`, the pinned version in the user's cache. A script is run with the Node.js that
/// `COPILOT_NODE_PATH` names, or the one on `PATH`.
pub(crate) async fn locate(configured: Option<&Path>) -> Result<Program> {
    let mut looked_at = match search(configured, &Surroundings::current())? {
        Ok(program) => return Ok(program),
        Err(looked_at) => looked_at,
    };
    #[cfg(feature = "install")]
    {
        match crate::install::Installer::new().ensure().await {
            // What is fetched is native.
            Ok(path) => Ok(Program::at(path, None)),
            Err(error) => {
                looked_at.push(format!("the pinned version in your cache: {error}"));
                let message = not_found(&looked_at);
                Err(Error::with_source(error.kind(), message, error))
            }
        }
    }
    #[cfg(not(feature = "install"))]
    {
        looked_at.push("your cache: not tried, the feature `install` of copilot-tools is off".to_owned());
        Err(Error::new(ErrorKind::Cli, not_found(&looked_at)))
    }
}

fn not_found(looked_at: &[String]) -> String {
    format!(
        "no Copilot CLI was found. Looked at:\n- {}\nInstall it with `npm install -g @github/copilot`, or name it with \
         `.cli_path(..)` or the variable {PATH_VARIABLE}",
        looked_at.join("\n- ")
    )
}

/// The program, or every place that was looked at. A place that the user named and that is not there is an error.
fn search(configured: Option<&Path>, around: &Surroundings) -> Result<Result<Program, Vec<String>>> {
    if let Some(path) = configured {
        return named(path, "cli_path", around).map(Ok);
    }
    if let Some(path) = &around.variable {
        return named(Path::new(path), PATH_VARIABLE, around).map(Ok);
    }
    let mut looked_at = vec![format!("{PATH_VARIABLE}: not set")];
    let directories: Vec<PathBuf> = around.search_path.iter().flat_map(env::split_paths).collect();
    if let Some(path) = directories.iter().find_map(|directory| executable(directory)) {
        return Ok(Ok(Program::at(path, around.node.as_deref())));
    }
    looked_at.push(format!("PATH: no `copilot` in {} directories", directories.len()));
    if let Some(start) = &around.working_directory {
        let found = start.ancestors().find_map(|above| executable(&above.join("node_modules/.bin")));
        if let Some(path) = found {
            return Ok(Ok(Program::at(path, around.node.as_deref())));
        }
        looked_at.push(format!("node_modules/.bin of {} and of every directory above it", start.display()));
    }
    Ok(Err(looked_at))
}

/// A CLI that the user named.
fn named(path: &Path, by: &str, around: &Surroundings) -> Result<Program> {
    if path.is_file() {
        return Ok(Program::at(path.to_owned(), around.node.as_deref()));
    }
    let what = if path.exists() { "is not a file" } else { "does not exist" };
    let message =
        format!("{by} names {}, which {what}; point it at the program `copilot` itself", path.display());
    Err(Error::new(ErrorKind::Cli, message))
}

/// The CLI in this directory.
fn executable(directory: &Path) -> Option<PathBuf> {
    let names: &[&str] = if cfg!(windows) { &["copilot.exe", "copilot.cmd"] } else { &["copilot"] };
    names.iter().map(|name| directory.join(name)).find(|path| is_executable(path))
}

#[cfg(unix)]
fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_executable(path: &Path) -> bool {
    path.is_file()
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn program(path: &Path) -> PathBuf {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "").unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
        path.to_owned()
    }

    #[test]
    fn places_are_tried_in_order() {
        let root = tempfile::tempdir().unwrap();
        let on_path = program(&root.path().join("bin/copilot"));
        let in_modules = program(&root.path().join("project/node_modules/.bin/copilot"));
        let script = program(&root.path().join("cli/index.js"));
        let mut around = Surroundings {
            variable: Some(script.clone().into()),
            node: None,
            search_path: Some(root.path().join("bin").into()),
            working_directory: Some(root.path().join("project/src/deep")),
        };
        let find = |configured: Option<&Path>, around: &Surroundings| search(configured, around).unwrap();
        assert_eq!(find(Some(&on_path), &around), Ok(Program::Native(on_path.clone())));
        assert_eq!(find(None, &around), Ok(Program::Script { node: "node".into(), script: script.clone() }));
        around.node = Some("/opt/node".into());
        assert_eq!(find(None, &around), Ok(Program::Script { node: "/opt/node".into(), script }));
        around.variable = None;
        assert_eq!(find(None, &around), Ok(Program::Native(on_path.clone())));
        fs::set_permissions(&on_path, fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(find(None, &around), Ok(Program::Native(in_modules.clone())));
        fs::remove_file(in_modules).unwrap();
        let looked_at = find(None, &around).unwrap_err();
        assert_eq!(looked_at.len(), 3, "{looked_at:?}");
        let told = not_found(&looked_at);
        assert!(told.contains("COPILOT_CLI_PATH: not set") && told.contains("npm install -g"), "{told}");
    }

    #[test]
    fn a_cli_that_is_named_from_here_is_found_from_anywhere() {
        // Tests run where the manifest is.
        for name in ["Cargo.toml", "./Cargo.toml"] {
            let found = search(Some(Path::new(name)), &Surroundings::default()).unwrap().unwrap();
            assert_eq!(found.path(), env::current_dir().unwrap().join("Cargo.toml"));
        }
    }

    #[test]
    fn a_named_cli_that_is_not_there_is_an_error() {
        let root = tempfile::tempdir().unwrap();
        let missing = root.path().join("copilot");
        let error = search(Some(&missing), &Surroundings::default()).unwrap_err().to_string();
        assert!(error.contains("cli_path") && error.contains("does not exist"), "{error}");
        let around = Surroundings { variable: Some(root.path().into()), ..Surroundings::default() };
        let error = search(None, &around).unwrap_err().to_string();
        assert!(error.contains("COPILOT_CLI_PATH") && error.contains("is not a file"), "{error}");
    }
}
