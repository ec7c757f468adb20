//! Selects the package of the CLI for this machine.
//!
//! The C library of the machine decides, not the one that this program was built against: a static musl program runs on
//! glibc systems, where the musl CLI does not.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use memchr::memmem;

use super::pinned::{self, Package};
use crate::{Error, ErrorKind, Result};

/// Returns the package for this machine.
///
/// # Errors
///
/// Returns an error if the CLI is not published for this machine.
pub(super) fn package() -> Result<Package> {
    let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
    let libc = if os == "linux" { machine_libc() } else { Libc::Gnu };
    name(os, arch, libc).and_then(|name| Package::of(&name)).ok_or_else(|| {
        let published: Vec<_> = pinned::platforms().collect();
        Error::new(
            ErrorKind::Install,
            format!(
                "no Copilot CLI is published for {os} on {arch} (there is one for {}); if you have one that runs \
                 here, set COPILOT_CLI_PATH to it",
                published.join(", ")
            ),
        )
    })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Libc {
    Gnu,
    Musl,
}

/// Returns npm's name of a platform from Rust's names.
fn name(os: &str, arch: &str, libc: Libc) -> Option<String> {
    let os = match (os, libc) {
        ("linux", Libc::Gnu) => "linux",
        ("linux", Libc::Musl) => "linuxmusl",
        ("macos", _) => "darwin",
        ("windows", _) => "win32",
        _ => return None,
    };
    let arch = match arch {
        "x86_64" => "x64",
        "aarch64" => "arm64",
        _ => return None,
    };
    Some(format!("{os}-{arch}"))
}

/// Returns the C library of this Linux machine.
///
/// `/bin/sh` contains the path of its loader in the first kilobytes. If it is static or absent, the installed loaders
/// decide, and otherwise the library that this program was built against.
fn machine_libc() -> Libc {
    libc_of_program(Path::new("/bin/sh")).or_else(installed_libc).unwrap_or(if cfg!(target_env = "musl") {
        Libc::Musl
    } else {
        Libc::Gnu
    })
}

fn libc_of_program(path: &Path) -> Option<Libc> {
    let mut head = Vec::new();
    File::open(path).ok()?.take(8 * 1024).read_to_end(&mut head).ok()?;
    libc_named_in(&head)
}

/// Returns the C library of the loader in the head of an ELF program.
fn libc_named_in(head: &[u8]) -> Option<Libc> {
    if memmem::find(head, b"/ld-musl-").is_some() {
        Some(Libc::Musl)
    } else if memmem::find(head, b"/ld-linux-").is_some() {
        Some(Libc::Gnu)
    } else {
        None
    }
}

fn installed_libc() -> Option<Libc> {
    const GNU: [&str; 2] = ["/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1"];
    const MUSL: [&str; 2] = ["/lib/ld-musl-x86_64.so.1", "/lib/ld-musl-aarch64.so.1"];
    let any = |loaders: [&str; 2]| loaders.iter().any(|loader| Path::new(loader).exists());
    if any(GNU) {
        Some(Libc::Gnu)
    } else if any(MUSL) {
        Some(Libc::Musl)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rust_names_become_npm_names() {
        let check = |os, arch, libc, expected: Option<&str>| {
            assert_eq!(name(os, arch, libc).as_deref(), expected, "{os} {arch} {libc:?}");
        };
        check("linux", "x86_64", Libc::Gnu, Some("linux-x64"));
        check("linux", "aarch64", Libc::Musl, Some("linuxmusl-arm64"));
        check("macos", "aarch64", Libc::Gnu, Some("darwin-arm64"));
        check("windows", "x86_64", Libc::Gnu, Some("win32-x64"));
        check("linux", "riscv64", Libc::Gnu, None);
        check("freebsd", "x86_64", Libc::Gnu, None);
    }

    #[test]
    fn every_published_platform_has_a_name_that_leads_to_it() {
        let mut named = Vec::new();
        for os in ["linux", "macos", "windows"] {
            for arch in ["x86_64", "aarch64"] {
                for libc in [Libc::Gnu, Libc::Musl] {
                    named.extend(name(os, arch, libc));
                }
            }
        }
        named.sort_unstable();
        named.dedup();
        assert_eq!(named, pinned::platforms().collect::<Vec<_>>());
    }

    #[test]
    fn the_libc_of_a_program_follows_from_its_loader() {
        assert_eq!(libc_named_in(b"\x7fELF..\0/lib/ld-musl-x86_64.so.1\0"), Some(Libc::Musl));
        assert_eq!(libc_named_in(b"\x7fELF..\0/lib64/ld-linux-x86-64.so.2\0"), Some(Libc::Gnu));
        assert_eq!(libc_named_in(b"\x7fELF static"), None);
    }
}
