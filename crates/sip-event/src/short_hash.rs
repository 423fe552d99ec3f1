//! Fingerprints of eight octets.

use sha2::{Digest as _, Sha256};

/// The first eight octets of the SHA-256 of these parts, one behind the other: a fingerprint that is the same in every process, so that
/// it can be kept in a journal.
#[must_use]
pub fn short_hash(parts: &[&[u8]]) -> u64 {
    let mut hasher = Sha256::new();
    parts.iter().for_each(|part| hasher.update(part));
    hasher.finalize().iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FIPS 180-2 appendix B.1.
    #[test]
    fn it_is_the_head_of_the_sha_256() {
        assert_eq!(short_hash(&[b"a", b"", b"bc"]), 0xba78_16bf_8f01_cfea);
    }
}
