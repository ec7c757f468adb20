//! Unpacks an npm tarball into a new directory.
//!
//! The hash of the tarball was checked before, but its content is not trusted: only regular files and directories below
//! `package/` are unpacked, with plain names, once each, and within limits.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufWriter, Read, Write as _};
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use tar::EntryType;

use super::job::Stop;
use super::owner;

/// The limits of unpacking. The packages have four files and 200 MB; the limits leave room for growth.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) entries: usize,
    pub(super) bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { entries: 4096, bytes: 2 << 30 }
    }
}

/// Unpacks the entries below `package/` of `tarball` into `target`, which must exist and be empty.
pub(super) fn unpack(tarball: impl Read, target: &Path, limits: Limits, stop: &Stop) -> io::Result<()> {
    let mut written = HashSet::new();
    let mut left = limits.bytes;
    let mut archive = tar::Archive::new(GzDecoder::new(tarball));
    // Raw entries: long names and extended headers have separate entry types and are rejected, so that a header can
    // neither allocate memory for a long name nor move a file elsewhere.
    for (index, entry) in archive.entries()?.raw(true).enumerate() {
        stop.check()?;
        if index == limits.entries {
            return Err(refused(format!("more than {} entries", limits.entries)));
        }
        let mut entry = entry?;
        let kind = entry.header().entry_type();
        let name = String::from_utf8(entry.path_bytes().into_owned())
            .map_err(|name| refused(format!("a name that is not UTF-8: {:?}", name.utf8_error())))?;
        if !matches!(kind, EntryType::Regular | EntryType::Directory) {
            return Err(refused(format!("`{name}` is neither a file nor a directory but {kind:?}")));
        }
        let relative = relative(&name, kind == EntryType::Directory)?;
        let Some(relative) = relative else { continue };
        // Lower case, because some file systems map both names to one file.
        if kind == EntryType::Regular && !written.insert(relative.to_string_lossy().to_lowercase()) {
            return Err(refused(format!("`{name}` is there twice")));
        }
        left = left
            .checked_sub(entry.size())
            .ok_or_else(|| refused(format!("more than {} bytes unpacked", limits.bytes)))?;

        let path = target.join(&relative);
        if kind == EntryType::Directory {
            owner::make_directory(&path)?;
        } else {
            if let Some(parent) = path.parent() {
                owner::make_directory(parent)?;
            }
            let executable = entry.header().mode()? & 0o111 != 0;
            let size = entry.size();
            if write_file(&mut entry, &path, executable, stop)? != size {
                return Err(refused(format!("`{name}` ends early")));
            }
        }
    }
    // Past the end of the archive, so that gzip verifies its checksum.
    io::copy(&mut archive.into_inner().take(limits.bytes), &mut io::sink())?;
    Ok(())
}

/// Returns the path of an entry below the root of the package; `None` for the root itself.
fn relative(name: &str, directory: bool) -> io::Result<Option<PathBuf>> {
    let plain = if directory { name.strip_suffix('/').unwrap_or(name) } else { name };
    let mut parts = plain.split('/');
    let root = parts.next();
    let rest: Vec<_> = parts.collect();
    let unsafe_part = |part: &&str| {
        // `\` and `:` are special on Windows, and control characters in terminals.
        matches!(*part, "" | "." | "..") || part.contains(|c: char| matches!(c, '\\' | ':') || c.is_control())
    };
    if root != Some("package") || rest.iter().any(unsafe_part) || (rest.is_empty() && !directory) {
        return Err(refused(format!("`{}` is not below `package/`", name.escape_debug())));
    }
    Ok((!rest.is_empty()).then(|| rest.iter().collect()))
}

fn write_file(entry: &mut impl Read, path: &Path, executable: bool, stop: &Stop) -> io::Result<u64> {
    let file = owner::new_file(executable).create_new(true).open(path)?;
    let mut file = BufWriter::with_capacity(256 * 1024, file);
    let mut written = 0;
    let mut chunk = vec![0; 64 * 1024];
    loop {
        stop.check()?;
        let read = entry.read(&mut chunk)?;
        if read == 0 {
            break;
        }
        file.write_all(&chunk[..read])?;
        written += read as u64;
    }
    let file: File = file.into_inner().map_err(io::IntoInnerError::into_error)?;
    // The marker that follows guarantees complete files, also after a power failure.
    file.sync_all()?;
    Ok(written)
}

fn refused(what: impl std::fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the package is refused: {what}"))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use tar::{Builder, Header};

    use super::*;

    /// Returns a gzipped tar of raw headers, which may be inconsistent.
    fn tarball(entries: &[(&str, EntryType, u32, &[u8])]) -> Vec<u8> {
        let mut tar = Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
        for (name, kind, mode, content) in entries {
            let mut header = Header::new_ustar();
            header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
            header.set_entry_type(*kind);
            header.set_mode(*mode);
            header.set_size(content.len() as u64);
            if matches!(kind, EntryType::Symlink | EntryType::Link) {
                header.set_link_name("/etc/passwd").unwrap();
            }
            header.set_cksum();
            tar.append(&header, *content).unwrap();
        }
        tar.into_inner().unwrap().finish().unwrap()
    }

    fn unpack_all(tarball: &[u8], limits: Limits) -> (tempfile::TempDir, io::Result<()>) {
        let target = tempfile::tempdir().unwrap();
        let result = unpack(tarball, target.path(), limits, &Stop::default());
        (target, result)
    }

    const FILE: EntryType = EntryType::Regular;
    const DIR: EntryType = EntryType::Directory;

    #[test]
    fn files_and_directories_come_out_with_sane_modes() {
        let tarball = tarball(&[
            ("package/", DIR, 0o755, b""),
            ("package/copilot", FILE, 0o6777, b"program"),
            ("package/docs/", DIR, 0o000, b""),
            ("package/docs/a/README.md", FILE, 0o600, b"text"),
        ]);
        let (target, result) = unpack_all(&tarball, Limits::default());
        result.unwrap();
        assert_eq!(fs::read(target.path().join("copilot")).unwrap(), b"program");
        assert_eq!(fs::read(target.path().join("docs/a/README.md")).unwrap(), b"text");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode =
                |name: &str| fs::metadata(target.path().join(name)).unwrap().permissions().mode() & 0o7777;
            assert_eq!(mode("copilot") & 0o7722, 0o700);
            assert_eq!(mode("docs/a/README.md") & 0o7733, 0o600);
        }
    }

    #[test]
    fn what_could_leave_the_directory_or_be_no_file_is_refused() {
        let check = |name: &str, kind: EntryType, words: &str| {
            let (target, result) = unpack_all(&tarball(&[(name, kind, 0o644, b"")]), Limits::default());
            let error = result.expect_err(name).to_string();
            assert!(error.contains(words), "{name}: {error}");
            assert_eq!(fs::read_dir(target.path()).unwrap().count(), 0, "{name} left something behind");
        };
        check("/etc/passwd", FILE, "not below");
        check("package/../../x", FILE, "not below");
        check("package/..", DIR, "not below");
        check("package/a/./b", FILE, "not below");
        check("package//x", FILE, "not below");
        check("package", FILE, "not below");
        check("package/", FILE, "not below");
        check("other/x", FILE, "not below");
        check("package/..\\x", FILE, "not below");
        check("package/C:x", FILE, "not below");
        check("package/a\nb", FILE, "not below");
        check("package/link", EntryType::Symlink, "neither a file nor a directory");
        check("package/link", EntryType::Link, "neither a file nor a directory");
        check("package/dev", EntryType::Char, "neither a file nor a directory");
        check("package/dev", EntryType::Block, "neither a file nor a directory");
        check("package/fifo", EntryType::Fifo, "neither a file nor a directory");
        check("package/long", EntryType::GNULongName, "neither a file nor a directory");
        check("package/pax", EntryType::XHeader, "neither a file nor a directory");
        check("package/sparse", EntryType::GNUSparse, "neither a file nor a directory");
    }

    #[test]
    fn a_file_comes_once_and_never_through_another() {
        let check = |entries: &[(&str, EntryType, u32, &[u8])]| {
            let (_target, result) = unpack_all(&tarball(entries), Limits::default());
            result.expect_err("the archive was taken");
        };
        check(&[("package/a", FILE, 0o644, b"1"), ("package/a", FILE, 0o644, b"2")]);
        check(&[("package/a", FILE, 0o644, b"1"), ("package/A", FILE, 0o644, b"2")]);
        check(&[("package/a", FILE, 0o644, b"1"), ("package/a/b", FILE, 0o644, b"2")]);
        check(&[("package/a/", DIR, 0o755, b""), ("package/a", FILE, 0o644, b"2")]);
    }

    #[test]
    fn entries_and_bytes_are_bounded() {
        let two = tarball(&[("package/a", FILE, 0o644, b"12345"), ("package/b", FILE, 0o644, b"12345")]);
        unpack_all(&two, Limits { entries: 2, bytes: 10 }).1.unwrap();
        let error = unpack_all(&two, Limits { entries: 1, bytes: 10 }).1.unwrap_err();
        assert_eq!(error.to_string(), "the package is refused: more than 1 entries");
        let error = unpack_all(&two, Limits { entries: 2, bytes: 9 }).1.unwrap_err();
        assert_eq!(error.to_string(), "the package is refused: more than 9 bytes unpacked");
    }

    #[test]
    fn a_cut_archive_is_an_error_at_every_length() {
        let whole = tarball(&[("package/a", FILE, 0o644, &[7; 2000]), ("package/b", FILE, 0o644, b"end")]);
        for length in 0..whole.len() {
            let (_target, result) = unpack_all(&whole[..length], Limits::default());
            assert!(result.is_err(), "{length} of {} bytes passed for whole", whole.len());
        }
    }
}
