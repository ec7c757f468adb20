//! The reasons why a program cannot be started, with their remedies.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use super::Program;
use super::launch::Launch;

/// Returns the reason and the remedy of a start that failed with `source`.
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

/// Returns why the CLI cannot run in this directory; `None` if it can.
pub(super) fn directory_problem(directory: &Path) -> Option<String> {
    let what = match directory.metadata() {
        Ok(metadata) if metadata.is_dir() => return None,
        Ok(_) => "is not a directory".to_owned(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => "does not exist".to_owned(),
        Err(error) => format!("cannot be examined ({error})"),
    };
    Some(format!("`cwd` is {}, which {what}; make the directory, or name another one", directory.display()))
}

/// Returns why this cannot be the directory of the CLI's files, which the CLI creates; `None` if it can.
pub(super) fn state_directory_problem(directory: &Path) -> Option<String> {
    let (above, found) = directory.ancestors().find_map(|path| Some((path, path.metadata().ok()?)))?;
    if found.is_dir() {
        return None;
    }
    let shown = directory.display();
    Some(match above == directory {
        true => format!("`state_dir` is {shown}, which is not a directory; name another one"),
        false => {
            let above = above.display();
            format!("`state_dir` is {shown}, and {above} is not a directory; name another one")
        }
    })
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

/// Returns why this machine cannot run the program; `None` if it can. The system may run such a file as a shell script.
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

/// Returns the interpreter in the first line of a script.
fn interpreter(path: &Path) -> Option<String> {
    let start = start_of(path);
    let line = start.strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?;
    let line = String::from_utf8_lossy(line);
    Some(line.split_whitespace().next()?.to_owned())
}

/// Returns the first bytes of a file; none if it cannot be read.
fn start_of(path: &Path) -> Vec<u8> {
    let mut start = Vec::new();
    if let Ok(file) = File::open(path) {
        // A shorter start is sufficient.
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

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::PathBuf;

    use super::*;

    /// A directory with a file of this content and mode.
    fn file(content: &[u8], mode: u32) -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir().expect("a directory can be made");
        let path = directory.path().join("copilot");
        std::fs::write(&path, content).expect("the directory is writable");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("the file is ours");
        (directory, path)
    }

    #[test]
    fn each_failure_has_its_remedy() {
        let (denied, missing) = (io::ErrorKind::PermissionDenied, io::ErrorKind::NotFound);
        for (content, mode, kind, remedy) in [
            ("x", 0o644, denied, "chmod +x"),
            ("x", 0o755, denied, "noexec"),
            ("#!/no/such/thing -x\necho", 0o755, missing, "its interpreter `/no/such/thing` does not exist"),
            ("x", 0o755, missing, "dynamic loader"),
            ("x", 0o755, io::ErrorKind::ExecutableFileBusy, "still being written"),
            ("x", 0o755, io::ErrorKind::Other, "the program `copilot` itself"),
        ] {
            let (_directory, path) = file(content.as_bytes(), mode);
            let reason = reason_of(&path, &kind.into());
            assert!(reason.contains(remedy), "{content} {kind:?}: {reason}");
        }
        let reason = reason_of(Path::new("/no/such/copilot"), &missing.into());
        assert!(reason.contains("does not exist any more"), "{reason}");
    }

    #[test]
    fn a_program_for_another_machine_is_named() {
        let elf = |order: u8, machine: [u8; 2]| {
            let mut start = [0_u8; 64];
            start[..6].copy_from_slice(&[0x7F, b'E', b'L', b'F', 2, order]);
            start[18..20].copy_from_slice(&machine);
            start.to_vec()
        };
        let (ours, other) = if cfg!(target_arch = "x86_64") { (62, 183) } else { (183, 62) };
        let named = if other == 183 { "for aarch64" } else { "for x86_64" };
        for (content, problem) in [
            (elf(1, [ours, 0]), None),
            (elf(2, [0, ours]), None),
            (elf(1, [other, 0]), Some(named)),
            (elf(2, [0, other]), Some(named)),
            (elf(1, [3, 0]), Some("for 32-bit x86")),
            (elf(1, [40, 0]), Some("for 32-bit ARM")),
            (elf(1, [0, ours]), Some("for another processor")),
            (b"MZ\x90".to_vec(), Some("for Windows")),
            (vec![0xCF, 0xFA, 0xED, 0xFE, 7], Some("for macOS")),
            (vec![0xCA, 0xFE, 0xBA, 0xBE, 0], Some("for macOS")),
            (b"\x7FELF".to_vec(), None),
            (b"#!/bin/sh\n".to_vec(), None),
        ] {
            let (_directory, path) = file(&content, 0o755);
            let found = other_machine(&path);
            assert_eq!(found.is_some(), problem.is_some(), "{content:?}: {found:?}");
            assert!(found.unwrap_or_default().contains(problem.unwrap_or_default()), "{content:?}");
        }
    }

    #[test]
    fn a_directory_that_cannot_be_used_is_named_with_the_reason() {
        let (directory, path) = file(b"x", 0o644);
        assert_eq!(directory_problem(directory.path()), None);
        for (path, problem) in [
            (path.clone(), "is not a directory"),
            (directory.path().join("missing"), "does not exist"),
            (path.join("below"), "cannot be examined"),
        ] {
            let found = directory_problem(&path).unwrap();
            assert!(found.contains(problem) && found.contains(path.to_str().unwrap()), "{found}");
        }
    }

    #[test]
    fn a_state_directory_is_a_directory_or_can_become_one() {
        let (directory, path) = file(b"x", 0o644);
        for good in [directory.path(), &directory.path().join("made/later")] {
            assert_eq!(state_directory_problem(good), None);
        }
        for bad in [path.clone(), path.join("below/it")] {
            let found = state_directory_problem(&bad).unwrap();
            assert!(found.contains("is not a directory") && found.contains(bad.to_str().unwrap()), "{found}");
        }
    }
}
