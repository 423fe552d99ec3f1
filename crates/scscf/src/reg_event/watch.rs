//! One subscription to a user's registration, in a dialog of its own.

use super::Ending;
use crate::binding::Binding;
use cx_protocol::Impu;
use ims_node::{Random, local_tag};
use minicbor::{Decode, Encode};
use sip_event::{Dialog, Subscription};
use std::sync::Arc;

/// Ended contacts that a watcher has not been told of; above it the oldest is left out, and its absence tells of it.
const MAX_ENDED: usize = 20;

/// The number of the first state that a watcher is shown.
pub(super) const FIRST_VERSION: u64 = 1;

/// Number of a subscription: its dialog's local tag, its key here and in the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WatchId(pub(super) u64);

impl WatchId {
    pub(super) fn random(random: &mut Random) -> Self {
        Self(random.bits())
    }

    /// The number in a local tag; `None` when the tag is none of ours.
    pub(super) fn of_tag(tag: &str) -> Option<Self> {
        local_tag::number(tag).map(Self)
    }

    /// As a tag.
    pub(super) fn tag(self) -> String {
        local_tag::text(self.0)
    }
}

/// One subscription and what its watcher has seen.
#[derive(Debug)]
pub(crate) struct Watch {
    /// The default public identity of the set that is watched.
    pub(super) user: Impu,
    /// Who watches, as the network asserts it: a URI. Shared: a P-CSCF watches very many users.
    pub(super) watcher: Arc<str>,
    pub(super) dialog: Dialog,
    pub(super) subscription: Subscription,
    /// The SUBSCRIBE's charging identity, which its NOTIFYs carry (rule REG-E-04).
    pub(super) icid: Option<Box<str>>,
    /// Contacts that have ended, oldest first, until the watcher has confirmed it.
    pub(super) ended: Vec<EndedContact>,
    /// The identities of a user who is registered no more: what the last NOTIFY is about, whoever registers meanwhile.
    pub(super) farewell: Option<Vec<Impu>>,
    /// Number and digest of the newest state.
    pub(super) newest: (u64, u64),
    /// Those of the state in the last NOTIFY sent.
    pub(super) sent: (u64, u64),
    /// Digest of the last state that the watcher confirmed.
    pub(super) confirmed: u64,
    /// Whether the journal has it; of a fetch nothing is kept.
    pub(super) journalled: bool,
}

/// A contact that is bound no more.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct EndedContact {
    #[n(0)]
    pub(super) binding: Binding,
    #[n(1)]
    pub(super) ending: Ending,
    /// The number of the state in which it was gone.
    #[n(2)]
    pub(super) version: u64,
}

impl Watch {
    /// A newer state exists, in which these contacts are gone; gives its number.
    pub(super) fn changed(&mut self, digest: u64, gone: &[(Binding, Ending)]) -> u64 {
        let version = self.newest.0 + 1;
        self.newest = (version, digest);
        let gone = gone.iter().cloned();
        self.ended.extend(gone.map(|(binding, ending)| EndedContact { binding, ending, version }));
        let crowd = self.ended.len().saturating_sub(MAX_ENDED);
        self.ended.drain(..crowd);
        version
    }

    /// Takes over what the subscription's record calls delivered.
    pub(super) fn confirm(&mut self) {
        if self.subscription.record().delivered() == Some(self.sent.0) {
            self.confirmed = self.sent.1;
            self.ended.retain(|contact| contact.version > self.sent.0);
        }
    }
}
