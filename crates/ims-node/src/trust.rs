//! The trust domain's headers (RFC 3325, RFC 7315, TS 24.229 sections 5.2 and 5.3).

use crate::flow::Flow;
use crate::inbound::Source;
use crate::settings::{NodeSettings, Side};
use sip_message::{Draft, HeaderName, Message, Method, NameAddr, Relay, Uri};
use std::net::SocketAddr;

/// Who is shown a header outside the trust domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    /// Nobody.
    Never,
    /// A phone that is asked something: who it was asked as.
    InRequests,
    /// A phone that registers, in the answer.
    InAnswersToRegister,
    /// Everybody, unless its owner asked for privacy (RFC 3325 section 9.3).
    UnlessPrivate,
}

/// Whether a header may be written outside the trust domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Believed {
    /// It may not, in no request and no response.
    Never,
    /// A phone says it of itself.
    OfItself,
}

/// The trust domain's headers, in requests and responses alike: who outside is believed when it writes one, and who outside is
/// shown it.
const HEADERS: [(HeaderName, Believed, Shown); 14] = [
    (HeaderName::PAssertedIdentity, Believed::Never, Shown::UnlessPrivate),
    (HeaderName::PAssertedService, Believed::Never, Shown::Never),
    // Where a phone is (RFC 7315 section 6.4).
    (HeaderName::PAccessNetworkInfo, Believed::OfItself, Shown::Never),
    (HeaderName::PAssociatedUri, Believed::Never, Shown::InAnswersToRegister),
    (HeaderName::PCalledPartyId, Believed::Never, Shown::InRequests),
    (HeaderName::PChargingFunctionAddresses, Believed::Never, Shown::Never),
    (HeaderName::PChargingVector, Believed::Never, Shown::Never),
    // What the P-CSCF has not made an asserted identity of.
    (HeaderName::PPreferredIdentity, Believed::Never, Shown::Never),
    (HeaderName::PProfileKey, Believed::Never, Shown::Never),
    (HeaderName::PServedUser, Believed::Never, Shown::Never),
    (HeaderName::PUserDatabase, Believed::Never, Shown::Never),
    (HeaderName::PVisitedNetworkId, Believed::Never, Shown::Never),
    // A phone may not write Path; the answer to its REGISTER shows it the Path that we wrote.
    (HeaderName::Path, Believed::Never, Shown::InAnswersToRegister),
    (HeaderName::ServiceRoute, Believed::Never, Shown::InAnswersToRegister),
];

/// Who is at the other end of a flow.
pub(crate) fn source(settings: &NodeSettings, side: Side, remote: SocketAddr) -> Source {
    if side == Side::Ue {
        return Source::Ue;
    }
    let listed = settings.peers.iter().find(|peer| peer.addresses.contains(&remote.ip()));
    match listed {
        Some(peer) if !peer.domains.is_empty() => Source::Peer(peer.domains.clone().into_boxed_slice()),
        Some(_) => Source::Own,
        None => Source::Stranger,
    }
}

/// What is a network's own: another operator's nodes neither write it for us (RFC 5502 section 6: whom we serve is said by our
/// own nodes only) nor are they shown it.
const OWN: [HeaderName; 3] = [HeaderName::PServedUser, HeaderName::PUserDatabase, HeaderName::PProfileKey];

/// Takes off what the sender of a request or response had no right to write (rules REG-P-04, RT-I-01).
pub(crate) fn strip_unbelieved(message: &Message, source: &Source, relay: &mut Relay<'_>) {
    match source {
        Source::Own => {}
        Source::Peer(_) => {
            OWN.into_iter().for_each(|name| relay.remove(name));
            let written = message.list(HeaderName::PAssertedIdentity);
            let written: Vec<&str> = written
                .map(|value| NameAddr::parse(value).map_or("", |address| address.uri_text()))
                .collect();
            let believed: Vec<Uri> = source.asserted(message).collect();
            if !believed.iter().map(Uri::as_str).eq(written) {
                relay.remove(HeaderName::PAssertedIdentity);
                let values = believed.iter().map(|uri| format!("<{uri}>"));
                values.for_each(|value| relay.append(HeaderName::PAssertedIdentity, &value));
            }
        }
        Source::Ue | Source::Stranger => strip_claims(relay),
    }
}

/// Takes off what nobody outside the trust domain may write.
fn strip_claims(relay: &mut Relay<'_>) {
    for (name, believed, _) in HEADERS {
        if believed == Believed::Never {
            relay.remove(name);
        }
    }
}

/// A response without what its sender had no right to write; as it came, where there is nothing of the kind.
pub(crate) fn believed(settings: &NodeSettings, way: Flow, response: Message) -> Option<Message> {
    // Who believes nobody, as a user agent, is in no trust domain: what its P-CSCF says is meant for it.
    let is_in_domain = !settings.peers.is_empty();
    let source = source(settings, settings.side(way.listener), way.remote);
    let is_there = || HEADERS.iter().any(|(name, ..)| response.value(*name).is_some());
    if !is_in_domain || source == Source::Own || !is_there() {
        return Some(response);
    }
    let mut relay = Relay::of(&response);
    strip_unbelieved(&response, &source, &mut relay);
    relay.response().and_then(|bytes| Message::parse(bytes).ok())
}

/// Takes off what must not leave towards a UE (rule RT-P-06).
pub(crate) fn strip_for_ue(message: &Message, relay: &mut Relay<'_>) {
    let is_private = wants_privacy(message.values(HeaderName::Privacy));
    let is_request = message.status().is_none();
    let is_register = message.cseq_method() == Method::Register.as_str();
    for (name, _, shown) in HEADERS {
        let stays = match shown {
            Shown::Never => false,
            Shown::InRequests => is_request,
            Shown::InAnswersToRegister => !is_request && is_register,
            Shown::UnlessPrivate => !is_private,
        };
        if !stays {
            relay.remove(name);
        }
    }
}

/// What is sent to this address: outside the trust domain nobody is shown what is for its nodes alone, nor the asserted identity
/// if its owner asked for privacy (RFC 3325 section 7, TS 24.229 section 4.4).
pub(crate) fn leaving(settings: &NodeSettings, flow: Flow, draft: Draft) -> Draft {
    // Towards UEs `strip_for_ue` has done it. Who believes nobody, as a user agent, is in no trust domain that it could leave:
    // what it says of itself is for its P-CSCF.
    let is_outside = settings.side(flow.listener) == Side::Network
        && !settings.peers.is_empty()
        && !settings.is_peer(flow.remote.ip());
    if !is_outside {
        return draft;
    }
    let is_private = wants_privacy(draft.values(HeaderName::Privacy));
    let hidden = HEADERS.into_iter().filter(|(_, _, shown)| match shown {
        Shown::Never => true,
        Shown::UnlessPrivate => is_private,
        Shown::InRequests | Shown::InAnswersToRegister => false,
    });
    hidden.fold(draft, |draft, (name, ..)| draft.without(name))
}

/// Takes off what must not leave, in a response, towards somebody outside the trust domain who is no UE.
pub(crate) fn strip_for_stranger(response: &Message, relay: &mut Relay<'_>) {
    let is_private = wants_privacy(response.values(HeaderName::Privacy));
    for (name, _, shown) in HEADERS {
        if shown != Shown::UnlessPrivate || is_private {
            relay.remove(name);
        }
    }
}

fn wants_privacy<'a>(values: impl Iterator<Item = &'a str>) -> bool {
    values.flat_map(|value| value.split(';')).any(|value| value.trim().eq_ignore_ascii_case("id"))
}
