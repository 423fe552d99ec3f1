//! Loops refused, spirals allowed (RFC 3261 section 16.3 step 4, RFC 5393 section 4.2).
//!
//! The branch of every request we forward ends in a hash over what decides its routing. A request that carries a Via of
//! ours with the very hash it would get now has changed nothing on its way around: a loop. If Request-URI or Route
//! changed it is a spiral (figure 1 passes the S-CSCF twice, told apart by Route).

use crate::random::Random;
use sip_message::{BRANCH_COOKIE, HeaderName, Message, Via};
use std::hash::{BuildHasher, Hasher};

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
        let mut add = |text: &str| {
            hasher.write(text.as_bytes());
            hasher.write_u8(0xff);
        };
        add(request.request_uri_text());
        request.values(HeaderName::Route).for_each(&mut add);
        add(request.from_tag().unwrap_or_default());
        add(request.to_tag().unwrap_or_default());
        add(request.call_id());
        hasher.write_u32(request.cseq());
        hasher.finish()
    }

    /// A branch that has never been used, ending in the fingerprint.
    pub(crate) fn branch(&self, random: &mut Random, fingerprint: u64) -> String {
        format!("{BRANCH_COOKIE}{}.{fingerprint:016x}", random.token())
    }

    /// Whether one of our own Vias in the request carries its present fingerprint.
    pub(crate) fn is_loop(&self, request: &Message, is_ours: impl Fn(&Via<'_>) -> bool) -> bool {
        let ours = |value| Via::parse(value).ok().filter(&is_ours);
        let mut branches = request.list(HeaderName::Via).filter_map(ours).filter_map(|via| via.branch());
        let Some(first) = branches.next() else { return false };
        let now = format!("{:016x}", self.fingerprint(request));
        let carries = |branch: &str| branch.rsplit('.').next() == Some(&now);
        carries(first) || branches.any(carries)
    }
}
