//! Who sent a request, and whom it is about.

use crate::cause::Cause;
use crate::presentity::Presentity;
use crate::settings::PresenceServerSettings;
use ims_node::{InboundRequest, Refusal, Source};
use minicbor::{Decode, Encode};
use presence_document::{Watcher, same_user};
use sip_message::{HeaderName, Message, Method, StatusCode, Uri};
use std::sync::Arc;

/// Longest text of all identities of one sender, in octets; it is kept with every subscription. Above it 403.
const MAX_IDENTITIES: usize = 512;

/// Identities of one user: addresses of record. In the text, as it is kept with a subscription, a space stands between two of them: no URI
/// holds one. Nobody else need know that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Identities<'a>(&'a str);

/// Who sent a request, as the network asserts it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sender(Arc<str>);

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

impl<'a> Identities<'a> {
    /// Those that are kept in this text, or a single one.
    pub(crate) const fn kept(text: &'a str) -> Self {
        Self(text)
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = &'a str> {
        self.0.split(' ')
    }

    /// Whether one of them is the user of that URI.
    pub(crate) fn name(self, uri: &str) -> bool {
        self.iter().any(|identity| same_user(identity, uri))
    }

    /// A watcher as rules see it (rule PRS-03): privacy is about what others are shown, not about who watches.
    pub(crate) fn as_watcher(self) -> Watcher {
        Watcher::identified(self.iter())
    }
}

impl Sender {
    /// The sender by P-Asserted-Identity (rule PRS-02); `None` without one.
    pub(crate) fn of(request: &InboundRequest) -> Option<Self> {
        let identities: Vec<String> = request.asserted().map(|uri| uri.address_of_record()).collect();
        let text = identities.join(" ");
        (!text.is_empty() && text.len() <= MAX_IDENTITIES).then(|| Self(text.into()))
    }

    pub(crate) fn identities(&self) -> Identities<'_> {
        Identities(&self.0)
    }

    /// As it is kept with a subscription; [`Identities::kept`] reads it.
    pub(crate) fn into_text(self) -> Arc<str> {
        self.0
    }

    pub(crate) fn text(&self) -> &str {
        &self.0
    }

    /// Whether this is the user of that URI.
    pub(crate) fn is(&self, uri: &str) -> bool {
        self.identities().name(uri)
    }
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
pub(crate) fn presentity(settings: &PresenceServerSettings, uri: &Uri) -> Result<Presentity, Refusal> {
    if is_ours(settings, uri) {
        Ok(Presentity::new(&uri.address_of_record()))
    } else {
        Err(Refusal::new(StatusCode::NOT_FOUND, Cause::NoSuchPresentity))
    }
}

/// Whether a URI names a user of our domain, or a telephone number, which has no domain.
pub(crate) fn is_ours(settings: &PresenceServerSettings, uri: &Uri) -> bool {
    if uri.is_sip() {
        uri.user().is_some() && uri.is_host(&settings.domain)
    } else {
        uri.telephone_number().is_some()
    }
}
