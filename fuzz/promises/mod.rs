//! The functions of the fuzz targets: each accepts any bytes, and panics when a promise is broken.
//!
//! The module exists under `cfg(fuzzing)`, which `cargo fuzz` sets, and in the tests of this crate, which replay the
//! corpus of `fuzz/`. It is not a part of the library.

mod envelope;
mod event;
mod framing;
#[cfg(feature = "testing")]
mod session;

pub use envelope::envelope;
pub use event::event;
pub use framing::framing;
#[cfg(feature = "testing")]
pub use session::session;

#[cfg(test)]
mod tests {
    use std::path::Path;

    fn replay(target: &str, run: fn(&[u8])) {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(target);
        let files: Vec<_> = std::fs::read_dir(&corpus).unwrap().map(|file| file.unwrap().path()).collect();
        assert!(files.len() > 3, "{} lacks the initial inputs of `cargo fuzz`", corpus.display());
        for file in files {
            println!("{}", file.display());
            run(&std::fs::read(&file).unwrap());
        }
    }

    #[test]
    fn the_corpus_of_framing_breaks_no_promise() {
        replay("framing", super::framing);
    }

    #[test]
    fn the_corpus_of_envelopes_breaks_no_promise() {
        replay("envelope", super::envelope);
    }

    #[test]
    fn the_corpus_of_events_breaks_no_promise() {
        replay("event", super::event);
    }

    #[cfg(feature = "testing")]
    #[test]
    fn the_corpus_of_sessions_breaks_no_promise() {
        replay("session", super::session);
    }
}
