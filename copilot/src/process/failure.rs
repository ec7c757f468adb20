//! Why a program cannot be started, and what to do about it.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use super::Program;
use super::launch::Launch;

/// The reason and the remedy, for a start that the system has refused with `source`.
pub(super) fn reason(launch: &Launch<'_>, source: &io::Error) -> String {
    match &launch.program {
        Program::Native(path) => reason_of(path, source),
        Program::Script { node, script } => format!(
            "{} needs Node.js, and {} cannot be started ({source}); install Node.js 22 or newer, or name it with the \
             variable COPILOT_NODE_PATH",
            script.display(),
            node.display()
        ),
    }
}

/// Why the CLI cannot run in this directory.
pub(super) fn directory_problem(directory: &Path) -> Option<String> {
    let what = match directory.metadata() {
        Ok(metadata) if metadata.is_dir() => return None,
        Ok(_) => "is not a directory".to_owned(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => "does not exist".to_owned(),
        Err(error) => format!("cannot be examined ({error})"),
    };
    Some(format!("`cwd` is {}, which {what}; make the directory, or name another one", directory.display()))
}

fn reason_of(path: &Path, source: &io::Error) -> String {
    if let Some(problem) = other_machine(path) {
        return problem;
    }
    let interpreter = interpreter(path);
    match (source.kind(), interpreter) {
        (io::ErrorKind::PermissionDenied, _) if !is_executable(path) => {
            format!("the file is not executable; run `chmod +x {}`", path.display())
        }
        (io::ErrorKind::PermissionDenied, _) => format!(
            "the system denies it ({source}); look at the permissions of the directories above it and of its \
             interpreter, and at whether its file system is mounted with `noexec`"
        ),
        (io::ErrorKind::NotFound, Some(interpreter)) if path.exists() => format!(
            "its interpreter `{interpreter}` does not exist; install it, or correct the first line of the file"
        ),
        (io::ErrorKind::NotFound, None) if path.exists() => {
            "the dynamic loader that it was built for does not exist \
             on this system; use the package for this system, such as `copilot-linuxmusl-x64` on Alpine Linux"
                .to_owned()
        }
        (io::ErrorKind::NotFound, _) => "the file does not exist any more; install the CLI again".to_owned(),
        (io::ErrorKind::ExecutableFileBusy, _) => {
            "the file is still being written; try again when that is done".to_owned()
        }
        _ => format!("{source}; check that the file is the program `copilot` itself"),
    }
}

/// Why this machine cannot run the program, which the system may try all the same, as a shell script.
pub(super) fn other_machine(path: &Path) -> Option<String> {
    if !cfg!(target_os = "linux") {
        return None;
    }
    let start = start_of(path);
    let format = match start.as_slice() {
        [0x7F, b'E', b'L', b'F', ..] => {
            let little = start.get(5) == Some(&1);
            let machine: [u8; 2] = start.get(18..20)?.try_into().ok()?;
            let machine = if little { u16::from_le_bytes(machine) } else { u16::from_be_bytes(machine) };
            let ours = match std::env::consts::ARCH {
                "x86_64" => 62,
                "aarch64" => 183,
                _ => return None,
            };
            if machine == ours {
                return None;
            }
            match machine {
                3 => "a program for 32-bit x86",
                40 => "a program for 32-bit ARM",
                62 => "a program for x86_64",
                183 => "a program for aarch64",
                _ => "a program for another processor",
            }
        }
        [b'M', b'Z', ..] => "a program for Windows",
        [0xCF | 0xCE, 0xFA, 0xED, 0xFE, ..] | [0xCA, 0xFE, 0xBA, 0xBE, ..] => "a program for macOS",
        _ => return None,
    };
    Some(format!(
        "it is {format}, and this is {} Linux; install the CLI for this machine",
        std::env::consts::ARCH
    ))
}

/// The interpreter that the first line of a script names.
fn interpreter(path: &Path) -> Option<String> {
    let start = start_of(path);
    let line = start.strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?;
    let line = String::from_utf8_lossy(line);
    Some(line.split_whitespace().next()?.to_owned())
}

/// The first bytes of a file, or none when it cannot be read.
fn start_of(path: &Path) -> Vec<u8> {
    let mut start = Vec::new();
    if let Ok(file) = File::open(path) {
        // A part of it is as good.
        let _ = file.take(256).read_to_end(&mut start);
    }
    start
}

#[cfg(unix)]
fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata().is_ok_and(|file| file.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_executable(_path: &Path) -> bool {
    true
}
