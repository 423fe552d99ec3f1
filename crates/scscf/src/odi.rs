//! The token by which a request comes back from an application server to the right place (rules ISC-04 and ISC-05).
//!
//! It says which criterion was last matched in which session case, and is signed with the Call-ID, so that nothing needs
//! to be kept and nobody can make one. A token of an earlier process is unknown: the request is treated as new.

use cx_protocol::SessionCase;
use ims_node::{Random, base64url};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq;

const PREFIX: &str = "odi-";

/// Octets of the signature that are written.
const SIGNATURE: usize = 10;

/// Signs and reads tokens.
pub(crate) struct OdiKey([u8; 32]);

impl OdiKey {
    pub(crate) fn new(random: &mut Random) -> Self {
        Self(random.bytes())
    }

    /// The user part of the Route entry by which the request comes back.
    pub(crate) fn token(&self, call_id: &str, case: SessionCase, index: usize) -> String {
        let case = number(case);
        format!("{PREFIX}{case}-{index}-{}", self.sign(call_id, case, index))
    }

    /// Session case and criterion, if the token is ours and of this Call-ID.
    pub(crate) fn read(&self, user: &str, call_id: &str) -> Option<(SessionCase, usize)> {
        let mut parts = user.strip_prefix(PREFIX)?.splitn(3, '-');
        let case: u8 = parts.next()?.parse().ok()?;
        let index: usize = parts.next()?.parse().ok()?;
        let genuine = self.sign(call_id, case, index).as_bytes().ct_eq(parts.next()?.as_bytes());
        bool::from(genuine).then_some((session_case(case)?, index))
    }

    fn sign(&self, call_id: &str, case: u8, index: usize) -> String {
        let mut hasher = Sha256::new();
        hasher.update(self.0);
        hasher.update(format!("{case}:{index}:{call_id}"));
        hasher.update(self.0);
        base64url::encode(hasher.finalize().get(..SIGNATURE).unwrap_or_default())
    }
}

impl std::fmt::Debug for OdiKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OdiKey(<hidden>)")
    }
}

const fn number(case: SessionCase) -> u8 {
    match case {
        SessionCase::Originating => 0,
        SessionCase::TerminatingRegistered => 1,
        SessionCase::TerminatingUnregistered => 2,
        SessionCase::OriginatingUnregistered => 3,
        SessionCase::Cdiv => 4,
    }
}

const fn session_case(number: u8) -> Option<SessionCase> {
    Some(match number {
        0 => SessionCase::Originating,
        1 => SessionCase::TerminatingRegistered,
        2 => SessionCase::TerminatingUnregistered,
        3 => SessionCase::OriginatingUnregistered,
        4 => SessionCase::Cdiv,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn isc_05_a_token_reads_back_for_its_own_call_id_only() {
        let key = OdiKey::new(&mut Random::new([1; 32]));
        let token = key.token("c1", SessionCase::TerminatingUnregistered, 7);
        assert_eq!(key.read(&token, "c1"), Some((SessionCase::TerminatingUnregistered, 7)));
        assert_eq!(key.read(&token, "c2"), None);
        assert_eq!(key.read(&token.replace("-7-", "-8-"), "c1"), None);
        assert_eq!(key.read("odi-", "c1"), None);
        let other = OdiKey::new(&mut Random::new([2; 32]));
        assert_eq!(other.read(&token, "c1"), None);
    }
}
