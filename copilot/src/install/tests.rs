//! Tests of the installer with a fake npm and packages of a few bytes.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use tempfile::TempDir;

use super::*;

/// An isolated environment: a cache, a fake npm and its tarball.
struct Machine {
    directory: TempDir,
    package: Package,
}

const PROGRAM: &[u8] = b"#!/bin/sh\necho 1.0.102\n";

impl Machine {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let tarball = tarball(PROGRAM);
        let integrity = verify::integrity(&tarball[..], &Progress::hidden(), &Stop::default()).unwrap();
        fs::write(directory.path().join("cli.tgz"), tarball).unwrap();
        let machine = Self { directory, package: Package::with_integrity("linux-x64", integrity) };
        machine.npm("cp \"$TARBALL\" \"$4/cli.tgz\"");
        machine
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Sets the script of `npm pack SPEC --pack-destination DIRECTORY ..`; `$4` is the directory.
    fn npm(&self, script: &str) {
        fs::write(self.path("npm.sh"), script).unwrap();
    }

    fn installer(&self) -> Installer {
        let environment = [("TARBALL", "cli.tgz"), ("CALLS", "calls"), ("SCRIPT", "npm.sh")];
        let environment =
            environment.map(|(variable, file)| (variable.into(), self.path(file).into())).into();
        let mut installer = Installer::new().cache_dir(self.path("cache")).quiet();
        installer.tarball = None;
        installer.package = Some(self.package.clone());
        installer.npm = Npm {
            program: concat!(env!("CARGO_MANIFEST_DIR"), "/src/install/testdata/fake-npm").into(),
            environment,
        };
        installer
    }

    fn calls(&self) -> usize {
        fs::read_to_string(self.path("calls")).unwrap_or_default().lines().count()
    }

    /// Returns the names of the files in the cache.
    fn cache(&self) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.path("cache")) else { return Vec::new() };
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort_unstable();
        names
    }
}

fn tarball(program: &[u8]) -> Vec<u8> {
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (name, mode, content) in [("package/copilot", 0o755, program), ("package/package.json", 0o644, b"{}")]
    {
        let mut header = tar::Header::new_ustar();
        header.set_mode(mode);
        header.set_size(content.len() as u64);
        tar.append_data(&mut header, name, content).unwrap();
    }
    tar.into_inner().unwrap().finish().unwrap()
}

const ENTRY: &str = "cli-1.0.102-linux-x64";
const LOCK: &str = "cli-1.0.102-linux-x64.lock";

#[tokio::test]
async fn the_cli_is_fetched_once_and_then_found() {
    let machine = Machine::new();
    assert_eq!(machine.installer().cached().await.unwrap(), None);
    let cli = machine.installer().ensure().await.unwrap();
    assert_eq!(cli, machine.path("cache").join(ENTRY).join("copilot"));
    assert_eq!(fs::read(&cli).unwrap(), PROGRAM);
    assert_eq!(machine.installer().ensure().await.unwrap(), cli);
    assert_eq!(machine.installer().cached().await.unwrap(), Some(cli));
    assert_eq!(machine.cache(), [ENTRY, LOCK]);
    let calls = fs::read_to_string(machine.path("calls")).unwrap();
    assert_eq!(calls, "pack @github/copilot-linux-x64@1.0.102 --pack-destination\n");
}

#[tokio::test]
async fn of_two_that_want_it_one_fetches() {
    let machine = Machine::new();
    machine.npm("sleep 0.3; cp \"$TARBALL\" \"$4/cli.tgz\"");
    let (one, two) = tokio::join!(machine.installer().ensure(), machine.installer().ensure());
    assert_eq!(one.unwrap(), two.unwrap());
    assert_eq!(machine.calls(), 1);
}

#[tokio::test]
async fn another_content_is_refused_with_both_hashes() {
    let machine = Machine::new();
    let other = tarball(b"something else");
    fs::write(machine.path("cli.tgz"), &other).unwrap();
    let error = machine.installer().ensure().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Install);
    let found = verify::integrity(&other[..], &Progress::hidden(), &Stop::default()).unwrap();
    let message = error.to_string();
    assert!(message.contains(machine.package.integrity()) && message.contains(&found), "{message}");
    assert_eq!(machine.cache(), [LOCK]);
}

#[tokio::test]
async fn a_download_that_breaks_leaves_nothing_and_the_next_one_works() {
    let machine = Machine::new();
    machine.npm("head -c 100 \"$TARBALL\" > \"$4/cli.tgz\"");
    machine.installer().ensure().await.unwrap_err();
    assert_eq!(machine.cache(), [LOCK]);
    machine.npm("cp \"$TARBALL\" \"$4/cli.tgz\"");
    machine.installer().ensure().await.unwrap();
}

#[tokio::test]
async fn what_a_killed_process_left_is_cleaned_up() {
    let machine = Machine::new();
    let partial = machine.path("cache").join(format!("{ENTRY}.partial/unpacked"));
    fs::create_dir_all(&partial).unwrap();
    fs::write(partial.join("copilot"), "half").unwrap();
    assert_eq!(machine.installer().cached().await.unwrap(), None);
    let cli = machine.installer().ensure().await.unwrap();
    assert_eq!(fs::read(cli).unwrap(), PROGRAM);
    assert_eq!(machine.cache(), [ENTRY, LOCK]);
}

#[tokio::test]
async fn a_damaged_entry_is_replaced() {
    let machine = Machine::new();
    let cli = machine.installer().ensure().await.unwrap();
    fs::write(&cli, "cut").unwrap();
    assert_eq!(machine.installer().cached().await.unwrap(), None);
    assert_eq!(machine.installer().ensure().await.unwrap(), cli);
    assert_eq!(fs::read(&cli).unwrap(), PROGRAM);
    assert_eq!((machine.calls(), machine.cache()), (2, vec![ENTRY.to_owned(), LOCK.to_owned()]));
}

#[tokio::test]
async fn without_npm_the_error_names_the_ways_out() {
    let machine = Machine::new();
    let mut installer = machine.installer();
    installer.npm.program = machine.path("no-such-npm");
    let message = installer.ensure().await.unwrap_err().to_string();
    for words in ["was not found", "install Node.js", "COPILOT_CLI_PATH", "COPILOT_CLI_TARBALL"] {
        assert!(message.contains(words), "{message}");
    }
    assert_eq!(machine.cache(), [LOCK]);
}

#[tokio::test]
async fn when_npm_fails_its_own_words_are_in_the_error() {
    let machine = Machine::new();
    machine.npm("echo 'npm warn old' >&2; echo 'npm error network no route to host' >&2; exit 7");
    let message = machine.installer().ensure().await.unwrap_err().to_string();
    let expected = "`npm pack @github/copilot-linux-x64@1.0.102` failed (exit status: 7); npm said:\n\
                    npm error network no route to host\nsee that this command works by itself";
    assert!(message.starts_with(expected), "{message}");
}

#[tokio::test]
async fn an_npm_that_leaves_no_tarball_is_too_old() {
    let machine = Machine::new();
    machine.npm("true");
    let message = machine.installer().ensure().await.unwrap_err().to_string();
    assert!(message.contains("npm 7.18 or newer"), "{message}");
}

#[tokio::test]
async fn a_tarball_at_hand_needs_no_npm() {
    let machine = Machine::new();
    machine.installer().tarball(machine.path("cli.tgz")).ensure().await.unwrap();
    assert_eq!(machine.calls(), 0);
    assert!(machine.path("cli.tgz").exists(), "the user's file was taken away");
}

#[tokio::test]
async fn a_cache_that_cannot_be_written_is_named_and_still_read() {
    let machine = Machine::new();
    fs::write(machine.path("cache"), "a file").unwrap();
    let message = machine.installer().ensure().await.unwrap_err().to_string();
    assert!(message.contains("COPILOT_CACHE_DIR"), "{message}");
    fs::remove_file(machine.path("cache")).unwrap();

    let cli = machine.installer().ensure().await.unwrap();
    // Without a lock file, and without the permission to create one, the cache is read-only.
    fs::remove_file(machine.path("cache").join(LOCK)).unwrap();
    fs::set_permissions(machine.path("cache"), fs::Permissions::from_mode(0o555)).unwrap();
    let found = machine.installer().ensure().await;
    fs::set_permissions(machine.path("cache"), fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(found.unwrap(), cli);
    assert_eq!(machine.cache(), [ENTRY]);
}

#[tokio::test]
async fn giving_up_kills_npm_and_cleans_up() {
    let machine = Machine::new();
    machine.npm("echo $$ > \"$CALLS.pid\"; exec sleep 1000");
    let pid_file = machine.path("calls.pid");
    let ensure = machine.installer().ensure();
    let running = async {
        while !fs::read_to_string(&pid_file).is_ok_and(|pid| !pid.is_empty()) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::select! {
        result = ensure => panic!("npm did not hang: {result:?}"),
        () = running => {}
    }
    assert_eq!(machine.cache(), [LOCK]);
    let pid = fs::read_to_string(&pid_file).unwrap();
    while process_runs(pid.trim()) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_time_limit_is_kept() {
    let machine = Machine::new();
    machine.npm("exec sleep 1000");
    let error = machine.installer().timeout(Duration::from_millis(200)).ensure().await.unwrap_err();
    assert!(error.is_timeout(), "{error}");
    assert_eq!(machine.cache(), [LOCK]);
}

/// Returns whether a process exists, including zombies.
fn process_runs(pid: &str) -> bool {
    let check = std::process::Command::new("sh").args(["-c", "kill -0 \"$0\" 2>&-", pid]).status();
    check.unwrap().success()
}
