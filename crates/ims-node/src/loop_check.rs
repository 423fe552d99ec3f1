//! Loops refused, spirals allowed (RFC 3261 section 16.3 step 4, RFC 5393 section 4.2).
//!
//! The branch of every request we forward ends in a hash over what decides its routing. A request that carries a Via of
//! ours with the very hash it would get now has changed nothing on its way around: a loop. If Request-URI or Route
//! changed it is a spiral (figure 1 passes the S-CSCF twice, told apart by Route).

use crate::random::{Random, TOKEN};
use sip_message::{BRANCH_COOKIE, HeaderName, Message, Uri, Via};
use std::hash::{BuildHasher, Hasher};

/// Length of a branch: the cookie, a token, a dot and the fingerprint.
pub(crate) const BRANCH: usize = BRANCH_COOKIE.len() + TOKEN + 1 + DIGITS;

/// Digits of a fingerprint.
const DIGITS: usize = 16;

/// Makes and recognises the branches of one node.
#[derive(Debug)]
pub(crate) struct LoopCheck {
    hasher: foldhash::quality::FixedState,
}

impl LoopCheck {
    pub(crate) fn new(random: &mut Random) -> Self {
        Self { hasher: foldhash::quality::FixedState::with_seed(random.bits()) }
    }

    /// The hash over Request-URI, Route, dialog and CSeq, all as received.
    pub(crate) fn fingerprint(&self, request: &Message) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        let mut add = |text: &[u8]| {
            hasher.write(text);
            hasher.write_u8(0xff);
        };
        add(request.request_uri().map_or("", Uri::as_str).as_bytes());
        request.values_bytes(HeaderName::Route).for_each(&mut add);
        add(request.from_tag().unwrap_or_default().as_bytes());
        add(request.to_tag().unwrap_or_default().as_bytes());
        request.values_bytes(HeaderName::CallId).for_each(&mut add);
        hasher.write_u32(request.cseq());
        hasher.finish()
    }

    /// Writes a branch that has never been used, ending in the fingerprint.
    pub(crate) fn put_branch(&self, out: &mut String, random: &mut Random, fingerprint: u64) {
        out.push_str(BRANCH_COOKIE);
        random.put_token(out);
        out.push('.');
        out.push_str(std::str::from_utf8(&digits(fingerprint)).unwrap_or_default());
    }

    /// Whether one of our own Vias in the request carries its present fingerprint.
    pub(crate) fn is_loop(
        &self,
        request: &Message,
        fingerprint: u64,
        is_ours: impl Fn(&Via<'_>) -> bool,
    ) -> bool {
        let now = digits(fingerprint);
        // The digits alone rule out nearly every Via, so that few are read in full.
        let carries = |text: &[u8]| {
            memchr::memchr_iter(b'.', text)
                .any(|dot| text.get(dot + 1..).is_some_and(|end| end.starts_with(&now)))
        };
        request.values_bytes(HeaderName::Via).any(carries)
            && request.list(HeaderName::Via).any(|value| {
                let via = Via::parse(value).ok().filter(&is_ours);
                via.and_then(|via| via.branch())
                    .is_some_and(|branch| branch.rsplit('.').next().map(str::as_bytes) == Some(&now))
            })
    }
}

/// Sixteen hexadecimal digits.
fn digits(fingerprint: u64) -> [u8; DIGITS] {
    let mut rest = fingerprint;
    let mut digits = [0; DIGITS];
    for digit in digits.iter_mut().rev() {
        *digit = b"0123456789abcdef".get((rest % 16) as usize).copied().unwrap_or_default();
        rest /= 16;
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_branch_ends_in_the_sixteen_digits_of_its_fingerprint() {
        let mut random = Random::new([1; 32]);
        let loops = LoopCheck::new(&mut random);
        for fingerprint in [0, 0x1234_5678_9abc_def0, u64::MAX] {
            let mut branch = String::new();
            loops.put_branch(&mut branch, &mut random, fingerprint);
            let (head, end) = branch.rsplit_once('.').unwrap();
            assert_eq!(end, format!("{fingerprint:016x}"));
            assert_eq!(head.len(), BRANCH_COOKIE.len() + TOKEN);
            assert_eq!(branch.len(), BRANCH);
        }
    }
}
