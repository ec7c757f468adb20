//! Random ids and tokens.

use std::fmt::Write as _;

/// Returns a version 4 UUID, as lower-case text.
pub(crate) fn id() -> String {
    let mut bytes = bytes();
    bytes[6] = bytes[6] & 0x0F | 0x40;
    bytes[8] = bytes[8] & 0x3F | 0x80;
    let mut text = String::with_capacity(36);
    for (at, byte) in bytes.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        write!(text, "{byte:02x}").expect("writing to a string cannot fail");
    }
    text
}

/// Returns 128 random bits as 32 hexadecimal digits, sufficient for a secret.
pub(crate) fn token() -> String {
    id_without_dashes(bytes())
}

fn id_without_dashes(bytes: [u8; 16]) -> String {
    let mut text = String::with_capacity(32);
    for byte in bytes {
        write!(text, "{byte:02x}").expect("writing to a string cannot fail");
    }
    text
}

fn bytes() -> [u8; 16] {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the operating system has randomness");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_look_like_version_4_and_differ() {
        let (one, two) = (id(), id());
        assert_ne!(one, two);
        assert_eq!(one.len(), 36);
        assert_eq!(&one[14..15], "4");
        assert!(one.chars().all(|c| c == '-' || c.is_ascii_digit() || ('a'..='f').contains(&c)), "{one}");
    }

    #[test]
    fn every_bit_of_a_token_is_random() {
        let tokens: Vec<String> = (0..256).map(|_| token()).collect();
        let (mut ones, mut zeros) = (0, 0);
        for token in &tokens {
            assert_eq!(token.len(), 32);
            assert!(token.bytes().all(|c| c.is_ascii_digit() || (b'a'..=b'f').contains(&c)), "{token}");
            let bits = u128::from_str_radix(token, 16).unwrap();
            (ones, zeros) = (ones | bits, zeros | !bits);
        }
        // A counter, a clock or a process id leaves bits that never change; here one does with 1 in 2^248.
        assert_eq!((ones, zeros), (u128::MAX, u128::MAX));
        let different: std::collections::HashSet<&String> = tokens.iter().collect();
        assert_eq!(different.len(), tokens.len());
    }
}
