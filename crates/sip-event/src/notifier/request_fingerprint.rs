//! Requests that come once more in another transaction.
//!
//! A node whose next hop seems silent tries another way to it, and a node under load forgets finished transactions before
//! their Timer J: the request arrives again as a new one, though it was taken and only the answer lost. If both copies were
//! served, the first copy of a PUBLISH would leave a publication whose entity-tag its sender never heard, and the first copy
//! of a SUBSCRIBE a subscription that its watcher does not know. RFC 3261 section 8.2.2.2 would have the second copy refused
//! with 482; here the second copy gets the answer of the first, because the sender may hear no other answer.
//!
//! What a request made knows that request, also after a restart: a publication by the [`RequestFingerprint`] of the last PUBLISH that
//! it took, a subscription by its number, which follows from the fingerprint of its SUBSCRIBE ([`WatcherDialogKey`]). A request that
//! comes later than Timer J is no repeat, and a sender that never counts its CSeq up begins anew.

use super::watcher_dialog::WatcherDialogId;
use crate::expires::Granted;
use crate::short_hash::short_hash;
use clock::{Now, Wall};
use sip_message::{HeaderName, Message};
use std::fmt::Display;
use std::time::Duration;

/// Whether a subscription or publication with this lifetime and this end was granted within the last `timer_j`. As long as the transaction
/// of a request lasts, the request may come a second time on another way.
#[must_use]
pub fn is_recent(now: Now, granted: Granted, ends: Wall, timer_j: Duration) -> bool {
    let left = ends.saturating_since(now.wall);
    Duration::from_secs(granted.seconds().into()).saturating_sub(left) < timer_j
}

/// Says which request one is, whatever way it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RequestFingerprint(u64);

impl RequestFingerprint {
    /// Sender and resource are those that were checked: nobody is given what another one asked for. What the request is for counts
    /// too, because not every sender counts its CSeq up.
    #[must_use]
    pub fn new(request: &Message, sender: &str, resource: impl Display) -> Self {
        let tag = request.from_tag().unwrap_or_default();
        let (call_id, cseq, method) = (request.call_id(), request.cseq(), request.cseq_method());
        let if_match = request.value(HeaderName::SipIfMatch).unwrap_or_default();
        let expires = request.expires();
        let (event, contact) = (request.value(HeaderName::Event), request.value(HeaderName::Contact));
        let about = format!("{event:?} {contact:?} {if_match} {expires:?}");
        let content = format!("{method} {resource} {sender} {call_id} {tag} {cseq} {about} ");
        Self(short_hash(&[content.as_bytes(), &request.body()]).max(1))
    }

    /// As it is kept; never zero.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }
}

/// Makes the numbers of subscriptions, which are the tags of their dialogs: the same for the same request, and not to be
/// guessed by anybody else.
#[derive(Debug, Clone)]
pub(crate) struct WatcherDialogKey([u8; 32]);

impl WatcherDialogKey {
    pub(crate) const fn new(key: [u8; 32]) -> Self {
        Self(key)
    }

    pub(crate) fn fresh(random: &mut dyn FnMut() -> u64) -> Self {
        let mut key = [0; 32];
        key.chunks_exact_mut(8).for_each(|part| part.copy_from_slice(&random().to_be_bytes()));
        Self(key)
    }

    pub(crate) const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    pub(crate) fn id(&self, fingerprint: RequestFingerprint) -> WatcherDialogId {
        WatcherDialogId(short_hash(&[&self.0[..], &fingerprint.0.to_be_bytes()]))
    }
}
