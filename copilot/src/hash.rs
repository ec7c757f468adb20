//! A quick hasher for the ids that route messages, of requests, sessions and tool calls, and for addresses of definitions.
//!
//! These ids are made by this library and by the CLI, so the hasher need not resist keys that are chosen to collide.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// A map by id.
pub(crate) type IdMap<K, V> = HashMap<K, V, BuildIdHasher>;

/// Makes [`IdHasher`]s.
pub(crate) type BuildIdHasher = BuildHasherDefault<IdHasher>;

/// An odd number whose bits have no pattern.
const FACTOR: u64 = 0x9E37_79B9_7F4A_7C15;

/// Hashes with one multiplication for each eight bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct IdHasher(u64);

impl IdHasher {
    fn add(&mut self, word: u64) {
        // Every bit of the product depends on every bit of the word, in one of its halves.
        let product = u128::from(self.0 ^ word ^ FACTOR.rotate_left(32)) * u128::from(FACTOR);
        let (low, high) = (product as u64, (product >> 64) as u64);
        self.0 = low ^ high;
    }
}

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks();
        for word in words {
            self.add(u64::from_le_bytes(*word));
        }
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        // The length distinguishes texts that end with zeros.
        self.add(u64::from_le_bytes(last) ^ (bytes.len() as u64).rotate_right(8));
    }

    fn write_u8(&mut self, byte: u8) {
        self.add(byte.into());
    }

    fn write_u64(&mut self, id: u64) {
        self.add(id);
    }

    fn write_usize(&mut self, address: usize) {
        self.add(address as u64);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::hash::{BuildHasher as _, Hash};

    use super::*;

    fn hash(value: impl Hash) -> u64 {
        BuildIdHasher::default().hash_one(value)
    }

    #[test]
    fn ids_that_differ_in_one_place_have_different_hashes() {
        let texts = (0..100_000).flat_map(|number| {
            [
                format!("{number}"),
                format!("{number:036}"),
                format!("call_{number:x}"),
                format!("{number:08}-é"),
            ]
        });
        let texts: HashSet<String> = texts.chain((0..40).map(|zeros| "\0".repeat(zeros))).collect();
        let hashes: HashSet<u64> = texts.iter().map(hash).collect();
        assert_eq!(hashes.len(), texts.len());
        assert_eq!(hash("a"), hash("a".to_owned()));
    }

    #[test]
    fn hashes_fill_a_table_evenly() {
        // The table takes its place from the low bits, and compares seven high ones first.
        for shift in [0, 57] {
            let mut places = [0_u32; 128];
            for number in 0..128_000_u64 {
                places[(hash(number) >> shift) as usize % 128] += 1;
                places[(hash(format!("{number:036}")) >> shift) as usize % 128] += 1;
            }
            assert!(places.iter().all(|count| (1_600..2_400).contains(count)), "{places:?}");
        }
    }
}
