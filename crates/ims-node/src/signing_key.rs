//! What a node writes into a message and wants to know for its own when it comes back: signed, so that nothing is kept.

use crate::base64url;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// Octets of a signature that are written.
pub const SIGNATURE: usize = 10;

/// A key that one node, or the nodes of one name, sign with (HMAC-SHA-256, RFC 2104). It outlives the process, because
/// phones and other nodes keep what was signed.
#[derive(Clone)]
pub struct SigningKey([u8; 32]);

impl SigningKey {
    /// A key of these octets.
    #[must_use]
    pub const fn new(key: [u8; 32]) -> Self {
        Self(key)
    }

    /// The octets, to be kept.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The signature over `parts`. `what_for` keeps one use from another: what is signed for the one is worth nothing for the
    /// other. Each part is signed with its length, so that no two lists of parts are the same octets.
    #[must_use]
    pub fn sign(&self, what_for: &'static str, parts: &[&[u8]]) -> [u8; SIGNATURE] {
        // HMAC takes keys of any length.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else { return [0; SIGNATURE] };
        for part in std::iter::once(&what_for.as_bytes()).chain(parts) {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        let whole: [u8; 32] = mac.finalize().into_bytes().into();
        std::array::from_fn(|at| whole.get(at).copied().unwrap_or_default())
    }

    /// The signature as letters that may stand in a URI.
    #[must_use]
    pub fn mark(&self, what_for: &'static str, parts: &[&[u8]]) -> String {
        base64url::encode(&self.sign(what_for, parts))
    }

    /// Whether `mark` is the one of these parts; the time that this takes does not tell how much of it agrees.
    #[must_use]
    pub fn is_mark(&self, mark: &str, what_for: &'static str, parts: &[&[u8]]) -> bool {
        self.mark(what_for, parts).as_bytes().ct_eq(mark.as_bytes()).into()
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SigningKey(<hidden>)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_of_one_key_one_use_and_one_list_of_parts() {
        let key = SigningKey::new([7; 32]);
        let mark = key.mark("way", &[b"ab", b"c"]);
        assert!(key.is_mark(&mark, "way", &[b"ab", b"c"]));
        for (other, what_for, parts) in [
            (&SigningKey::new([8; 32]), "way", &[&b"ab"[..], b"c"][..]),
            (&key, "flow", &[b"ab", b"c"]),
            (&key, "way", &[b"a", b"bc"]),
            (&key, "way", &[b"abc"]),
            (&key, "way", &[b"ab", b"c", b""]),
        ] {
            assert!(!other.is_mark(&mark, what_for, parts), "{what_for} {parts:?}");
        }
    }
}
