//! The search for the CLI on this machine.

use std::env;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use crate::error::{Error, ErrorKind, Result};

/// The variable that names the CLI to run.
const PATH_VARIABLE: &str = "COPILOT_CLI_PATH";
/// The variable that names the Node.js for CLIs that are scripts.
const NODE_VARIABLE: &str = "COPILOT_NODE_PATH";

/// A native program, or a script that Node.js runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Program {
    Native(PathBuf),
    Script { node: PathBuf, script: PathBuf },
}

impl Program {
    /// Returns the program in this file; `node` runs it if it is a script.
    fn at(path: PathBuf, node: Option<&OsStr>) -> Self {
        // It may be started in another directory. Without a current directory the path stays relative.
        let path = std::path::absolute(&path).unwrap_or(path);
        let script =
            path.extension().is_some_and(|ending| ["js", "mjs", "cjs"].iter().any(|js| ending == *js));
        let node = node.unwrap_or("node".as_ref());
        if script { Self::Script { node: node.into(), script: path } } else { Self::Native(path) }
    }

    /// Returns the file that was found.
    pub(crate) fn path(&self) -> &Path {
        match self {
            Self::Native(path) | Self::Script { script: path, .. } => path,
        }
    }
}

/// The input of the search; a test provides another one.
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

    /// Returns the directories of `PATH`, without relative ones, which would depend on the current directory.
    fn directories(&self) -> Vec<PathBuf> {
        self.search_path.iter().flat_map(env::split_paths).filter(|path| path.is_absolute()).collect()
    }
}

/// Finds the CLI: `configured`, then `COPILOT_CLI_PATH`, then `PATH`, then `node_modules` of the current directory and
/// those above it, then, with the feature `install`, the pinned version in the user's cache. The first two may be a bare
/// name, which is searched in `PATH`. A script is run with the Node.js that `COPILOT_NODE_PATH` names, or the one on
/// `PATH`.
///
/// The user named the first two and the directories of `PATH`, so they are trusted, except for relative directories of
/// `PATH`. The rest was found, and is run only when this user or root alone can have written it.
pub(crate) async fn locate(configured: Option<&Path>) -> Result<Program> {
    let mut looked_at = match search(configured, &Surroundings::current())? {
        Ok(program) => return Ok(program),
        Err(looked_at) => looked_at,
    };
    #[cfg(feature = "install")]
    {
        match crate::install::Installer::new().ensure().await {
            // The pinned program is native.
            Ok(path) => Ok(Program::at(path, None)),
            Err(error) => {
                looked_at.push(format!("the pinned version in your cache: {error}"));
                let message = not_found(&looked_at);
                Err(error.context(message))
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

/// Returns the program, or every place that was searched. A named file that does not exist is an error.
fn search(configured: Option<&Path>, around: &Surroundings) -> Result<Result<Program, Vec<String>>> {
    if let Some(path) = configured {
        return named(path, "cli_path", around).map(Ok);
    }
    if let Some(path) = &around.variable {
        return named(Path::new(path), PATH_VARIABLE, around).map(Ok);
    }
    let mut looked_at = vec![format!("{PATH_VARIABLE}: not set")];
    let directories = around.directories();
    if let Some(path) = directories.iter().find_map(|directory| executable(directory, "copilot".as_ref())) {
        return Ok(Ok(Program::at(path, around.node.as_deref())));
    }
    looked_at.push(format!("PATH: no `copilot` in {} directories", directories.len()));
    if let Some(start) = &around.working_directory {
        let mut modules = start.ancestors().map(|above| above.join("node_modules"));
        let found = modules
            .find_map(|modules| Some((executable(&modules.join(".bin"), "copilot".as_ref())?, modules)));
        if let Some((path, modules)) = found {
            check_modules(&modules, &path)?;
            return Ok(Ok(Program::at(path, around.node.as_deref())));
        }
        looked_at.push(format!("node_modules/.bin of {} and of every directory above it", start.display()));
    }
    Ok(Err(looked_at))
}

/// Refuses a CLI in `node_modules` that another user could have put there. The directories above the current one may
/// belong to any user, and `@github/copilot` starts the program in a package beside it.
fn check_modules(modules: &Path, path: &Path) -> Result<()> {
    let files_of = |package: PathBuf| {
        let files = package.read_dir().into_iter().flatten().flatten();
        files.map(|file| file.path()).filter(|file| file.is_file())
    };
    let packages = modules.join("@github").read_dir().into_iter().flatten().flatten();
    let packages = packages.filter(|package| package.file_name().to_string_lossy().starts_with("copilot"));
    let files = packages.flat_map(|package| files_of(package.path()));
    let problem = std::iter::once(path.to_owned()).chain(files).find_map(|file| replaceable_by_others(&file));
    let Some(problem) = problem else { return Ok(()) };
    let message = format!(
        "the Copilot CLI {} was found, but not run: {problem}, so another user may have put it there; make the file and \
         every directory above it writable by you alone, or name the CLI to run with `.cli_path(..)` or the variable \
         {PATH_VARIABLE}",
        path.display()
    );
    Err(Error::new(ErrorKind::Cli, message))
}

#[cfg(unix)]
fn replaceable_by_others(path: &Path) -> Option<String> {
    crate::trust::replaceable_by_others(path, super::sys::effective_user())
}

/// Other systems keep a user's files to the user.
#[cfg(not(unix))]
fn replaceable_by_others(_path: &Path) -> Option<String> {
    None
}

/// Returns the CLI in a file that the user named.
fn named(path: &Path, by: &str, around: &Surroundings) -> Result<Program> {
    if is_bare_name(path) {
        let directories = around.directories();
        if let Some(found) = directories.iter().find_map(|directory| executable(directory, path.as_os_str()))
        {
            return Ok(Program::at(found, around.node.as_deref()));
        }
        let message = format!(
            "{by} names `{name}`, which is not a program in any of the {} directories of PATH; install it with `npm \
             install -g @github/copilot`, or name its file; a file in the current directory is `./{name}`",
            directories.len(),
            name = path.display()
        );
        return Err(Error::new(ErrorKind::Cli, message));
    }
    if path.is_file() {
        return Ok(Program::at(path.to_owned(), around.node.as_deref()));
    }
    let what = if path.exists() { "is not a file" } else { "does not exist" };
    let message =
        format!("{by} names {}, which {what}; point it at the program `copilot` itself", path.display());
    Err(Error::new(ErrorKind::Cli, message))
}

/// Returns whether a path is the name of a program without a directory, which is searched in `PATH` as a shell does.
pub(super) fn is_bare_name(path: &Path) -> bool {
    path.file_name() == Some(path.as_os_str())
}

/// Returns the program of this name in a directory.
fn executable(directory: &Path, name: &OsStr) -> Option<PathBuf> {
    let endings: &[&str] = if cfg!(windows) { &[".exe", ".cmd", ""] } else { &[""] };
    let with = |ending: &&str| {
        let mut name = name.to_owned();
        name.push(ending);
        directory.join(name)
    };
    endings.iter().map(with).find(|path| is_executable(path))
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
    use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt};

    use super::*;

    fn program(path: &Path) -> PathBuf {
        // Not writable by the group, whatever the mask says.
        fs::DirBuilder::new().recursive(true).mode(0o755).create(path.parent().unwrap()).unwrap();
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
        let error = not_found(&looked_at);
        assert!(error.contains("COPILOT_CLI_PATH: not set") && error.contains("npm install -g"), "{error}");
    }

    #[test]
    fn a_cli_that_another_user_could_have_put_there_is_not_run() {
        let set_mode =
            |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        let root = tempfile::tempdir().unwrap();
        let modules = root.path().join("node_modules");
        let script = program(&modules.join("@github/copilot/npm-loader.js"));
        let native = program(&modules.join("@github/copilot-linux-x64/copilot"));
        let found = modules.join(".bin/copilot");
        fs::create_dir(modules.join(".bin")).unwrap();
        std::os::unix::fs::symlink("../@github/copilot/npm-loader.js", &found).unwrap();
        let start = root.path().join("project");
        let around = Surroundings { working_directory: Some(start), ..Surroundings::default() };
        for path in [".bin", "@github", "@github/copilot"].map(|name| modules.join(name)) {
            set_mode(&path, 0o755);
        }
        set_mode(native.parent().unwrap(), 0o755);
        set_mode(&modules, 0o755);
        assert_eq!(search(None, &around).unwrap(), Ok(Program::Native(found.clone())));
        for path in
            [root.path(), &modules, &script, &native, native.parent().unwrap(), found.parent().unwrap()]
        {
            let usual = path.metadata().unwrap().permissions().mode() & 0o777;
            set_mode(path, usual | 0o002);
            let refused = search(None, &around).unwrap_err().to_string();
            let expected = format!("`{}` can be written by other users", path.display());
            assert!(refused.contains(&expected) && refused.contains("`.cli_path(..)`"), "{refused}");
            assert!(search(Some(&found), &around).unwrap().is_ok(), "the user named it");
            set_mode(path, usual);
        }
    }

    #[test]
    fn a_relative_directory_of_the_search_path_is_not_searched() {
        // Tests run where the manifest is, and `.` and an empty entry mean that directory.
        let directory = tempfile::tempdir_in(".").unwrap();
        program(&directory.path().join("copilot"));
        let name = directory.path().file_name().unwrap();
        let around = Surroundings { search_path: Some(name.to_owned()), ..Surroundings::default() };
        assert!(search(None, &around).unwrap().is_err());
    }

    #[test]
    fn a_cli_that_is_named_from_here_is_found_from_anywhere() {
        // Tests run where the manifest is.
        for name in ["./Cargo.toml", "src/lib.rs"] {
            let found = search(Some(Path::new(name)), &Surroundings::default()).unwrap().unwrap();
            assert_eq!(found.path(), env::current_dir().unwrap().join(name));
        }
    }

    #[test]
    fn a_bare_name_is_searched_in_the_search_path_and_not_in_the_current_directory() {
        let root = tempfile::tempdir().unwrap();
        let other = program(&root.path().join("bin/copilot-next"));
        fs::create_dir_all(root.path().join("first/copilot-next")).unwrap();
        let search_path = env::join_paths(["first", "bin"].map(|name| root.path().join(name))).unwrap();
        let mut around = Surroundings { search_path: Some(search_path), ..Surroundings::default() };
        let name = Path::new("copilot-next");
        assert_eq!(search(Some(name), &around).unwrap(), Ok(Program::Native(other.clone())));
        around.variable = Some(name.into());
        assert_eq!(search(None, &around).unwrap(), Ok(Program::Native(other)));
        // Tests run where this file is.
        around.variable = Some("Cargo.toml".into());
        let refused = search(None, &around).unwrap_err().to_string();
        assert!(refused.contains("COPILOT_CLI_PATH names `Cargo.toml`"), "{refused}");
        assert!(refused.contains("2 directories of PATH") && refused.contains("`./Cargo.toml`"), "{refused}");
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
