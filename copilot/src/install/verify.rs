//! Hashing of files that are too large to be held in memory.

use std::io::{ErrorKind, Read};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha512};

use super::job::Stop;
use super::progress::Progress;

const CHUNK: usize = 256 * 1024;

/// The sha512 of everything `reader` gives, as npm writes it: `sha512-` and base64.
pub(super) fn integrity(mut reader: impl Read, progress: &Progress, stop: &Stop) -> std::io::Result<String> {
    let mut hasher = Sha512::new();
    let mut chunk = vec![0; CHUNK];
    loop {
        stop.check()?;
        match reader.read(&mut chunk) {
            Ok(0) => break,
            Ok(read) => {
                hasher.update(&chunk[..read]);
                progress.advance(read);
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(format!("sha512-{}", STANDARD.encode(hasher.finalize())))
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
    fn a_stopped_job_hashes_no_further() {
        let stop = Stop::default();
        stop.now();
        let error = integrity(std::io::repeat(0), &Progress::hidden(), &stop).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Other);
    }
}
