//! Hashes of files that are too large for memory.

use std::io::{self, Read};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Crc;
use sha2::{Digest as _, Sha512};

use super::job::Stop;
use super::progress::Progress;

const CHUNK: usize = 256 * 1024;

/// Returns the sha512 of the bytes of `reader` in npm's format: `sha512-` and base64.
///
/// The hash authenticates a tarball.
pub(super) fn integrity(reader: impl Read, progress: &Progress, stop: &Stop) -> io::Result<String> {
    let mut hasher = Sha512::new();
    read_all(reader, progress, stop, |chunk| hasher.update(chunk))?;
    Ok(format!("sha512-{}", STANDARD.encode(hasher.finalize())))
}

/// Returns the CRC-32 of the bytes of `reader`.
///
/// The checksum detects accidental damage in a tenth of the time of a hash. A hash would not detect tampering either,
/// because an attacker can also replace the recorded value. Unoptimised builds take twenty seconds to hash the CLI.
pub(super) fn checksum(reader: impl Read, stop: &Stop) -> io::Result<u32> {
    let mut crc = Crc::new();
    read_all(reader, &Progress::hidden(), stop, |chunk| crc.update(chunk))?;
    Ok(crc.sum())
}

fn read_all(
    mut reader: impl Read,
    progress: &Progress,
    stop: &Stop,
    mut use_chunk: impl FnMut(&[u8]),
) -> io::Result<()> {
    let mut chunk = vec![0; CHUNK];
    loop {
        stop.check()?;
        match reader.read(&mut chunk) {
            Ok(0) => return Ok(()),
            Ok(read) => {
                use_chunk(&chunk[..read]);
                progress.advance(read);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_reads_as_npm_writes_it() {
        let hash = integrity(&b"abc"[..], &Progress::hidden(), &Stop::default()).unwrap();
        assert_eq!(
            hash,
            "sha512-3a81oZNherrMQXNJriBBMRLm+k6JqX6iCp7u5ktV05ohkpkqJ0/BqDa6PCOj/uu9RU1EI2Q86A4qmslPpUyknw=="
        );
    }

    #[test]
    fn the_checksum_is_the_crc_32_of_gzip() {
        assert_eq!(checksum(&b"123456789"[..], &Stop::default()).unwrap(), 0xcbf4_3926);
    }

    #[test]
    fn a_stopped_job_hashes_no_further() {
        let stop = Stop::default();
        stop.now();
        let error = integrity(io::repeat(0), &Progress::hidden(), &stop).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::Other);
    }
}
