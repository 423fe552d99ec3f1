//! Who sent a request, and whom it is about.

use crate::cause::Cause;
use crate::presentity::Presentity;
use crate::settings::Settings;
use ims_node::{InboundRequest, Refusal, Source};
use minicbor::{Decode, Encode};
use presence_document::{Watcher, same_user};
use sip_message::{HeaderName, Message, Method, StatusCode, Uri};
use std::sync::Arc;

/// Longest text of all identities of one sender, in octets; it is kept with every subscription. Above it 403.
const MAX_IDENTITIES: usize = 512;

/// Who sent a request, as the network asserts it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sender {
    /// Addresses of record with a space between, which no URI holds.
    identities: Arc<str>,
}

/// Whether a watcher asked to be unknown to those it watches (RFC 3325 section 9.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub(crate) enum Privacy {
    #[n(0)]
    Open,
    #[n(1)]
    Id,
}

impl Privacy {
    /// What a request asks for.
    pub(crate) fn of(message: &Message) -> Self {
        let values = message.values(HeaderName::Privacy).flat_map(|value| value.split(';'));
        let wants_privacy = values.map(str::trim).any(|value| value.eq_ignore_ascii_case("id"));
        if wants_privacy { Self::Id } else { Self::Open }
    }
}

impl Sender {
    /// The sender by P-Asserted-Identity (rule PRS-02); `None` without one.
    pub(crate) fn of(request: &InboundRequest) -> Option<Self> {
        let identities: Vec<String> = request.asserted().map(|uri| uri.address_of_record()).collect();
        let identities = identities.join(" ");
        let is_usable = !identities.is_empty() && identities.len() <= MAX_IDENTITIES;
        is_usable.then(|| Self { identities: identities.into() })
    }

    /// As it is kept with a subscription.
    pub(crate) const fn identities(&self) -> &Arc<str> {
        &self.identities
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        self.identities.split(' ')
    }

    /// Whether this is the user of that URI.
    pub(crate) fn is(&self, uri: &str) -> bool {
        names(&self.identities, uri)
    }
}

/// Whether one of these identities is the user of that URI.
pub(crate) fn names(identities: &str, uri: &str) -> bool {
    identities.split(' ').any(|identity| same_user(identity, uri))
}

/// A watcher as rules see it (rule PRS-03): privacy is about what others are shown, not about who watches.
pub(crate) fn as_watcher(identities: &str) -> Watcher {
    Watcher::identified(identities.split(' '))
}

/// The sender, who must be known.
pub(crate) fn sender(request: &InboundRequest) -> Result<Sender, Refusal> {
    Sender::of(request).ok_or_else(|| Refusal::new(StatusCode::FORBIDDEN, Cause::NoAssertedIdentity))
}

/// Only nodes of our own network speak to us (rule PRS-02); they have checked everybody else. Where they do not stay on the
/// way of a dialog (TS 24.141), its further SUBSCRIBEs come from the watcher's network, if that is listed.
pub(crate) fn check_source(request: &InboundRequest) -> Result<(), Refusal> {
    let goes_on = *request.method() == Method::Subscribe && request.is_in_dialog();
    match request.source() {
        Source::Own => Ok(()),
        Source::Peer(_) if goes_on => Ok(()),
        Source::Peer(_) | Source::Ue | Source::Stranger => {
            Err(Refusal::new(StatusCode::FORBIDDEN, Cause::ForeignSender))
        }
    }
}

/// The user of our domain that a URI names, by its address of record. Whether there is such a user has been found out
/// on the way here: the HSS knows no S-CSCF for anybody else.
pub(crate) fn presentity(settings: &Settings, uri: &Uri) -> Result<Presentity, Refusal> {
    if is_ours(settings, uri) {
        Ok(Presentity::new(&uri.address_of_record()))
    } else {
        Err(Refusal::new(StatusCode::NOT_FOUND, Cause::NoSuchPresentity))
    }
}

/// Whether a URI names a user of our domain, or a telephone number, which has no domain.
pub(crate) fn is_ours(settings: &Settings, uri: &Uri) -> bool {
    if uri.is_sip() {
        uri.user().is_some() && uri.is_host(&settings.domain)
    } else {
        uri.telephone_number().is_some()
    }
}
