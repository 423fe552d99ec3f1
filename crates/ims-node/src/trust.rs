//! The trust domain's headers (RFC 3325, RFC 7315, TS 24.229 sections 5.2 and 5.3).

use crate::inbound::{InboundRequest, Source};
use crate::input::Flow;
use crate::settings::{Settings, Side};
use sip_message::{Draft, HeaderName, Message, Relay};
use std::net::SocketAddr;

/// Headers that only nodes of the trust domain may write.
const NODES_ONLY: [HeaderName; 7] = [
    HeaderName::PAssertedIdentity,
    HeaderName::PChargingVector,
    HeaderName::PChargingFunctionAddresses,
    HeaderName::PVisitedNetworkId,
    HeaderName::PServedUser,
    HeaderName::PCalledPartyId,
    HeaderName::Path,
];

/// Headers that nobody outside the trust domain is shown, UEs least of all: where a phone is (RFC 7315 section 6.4) and
/// what is charged.
const NOT_FOR_OTHERS: [HeaderName; 4] = [
    HeaderName::PAccessNetworkInfo,
    HeaderName::PChargingVector,
    HeaderName::PChargingFunctionAddresses,
    HeaderName::PServedUser,
];

/// Who is at the other end of a flow.
pub(crate) fn source(settings: &Settings, side: Side, remote: SocketAddr) -> Source {
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

/// Takes off what the sender had no right to write (rules REG-P-04, RT-I-01).
pub(crate) fn strip_unbelieved(request: &InboundRequest, relay: &mut Relay<'_>) {
    match request.source() {
        Source::Own => {}
        Source::Peer(_) => {
            // RFC 5502 section 6: whom we serve is said by our own nodes only.
            relay.remove(HeaderName::PServedUser);
            let message = request.message();
            let written = message.list(HeaderName::PAssertedIdentity).count();
            let believed: Vec<String> = request.asserted().map(|uri| format!("<{uri}>")).collect();
            if believed.len() < written {
                relay.remove(HeaderName::PAssertedIdentity);
                believed.iter().for_each(|value| relay.append(HeaderName::PAssertedIdentity, value));
            }
        }
        Source::Ue | Source::Stranger => {
            for name in NODES_ONLY {
                relay.remove(name);
            }
        }
    }
}

/// Takes off what must not leave towards a UE: location and charging data always, the asserted identity if its owner asked
/// for privacy (rule RT-P-06, RFC 3325 section 9.3).
pub(crate) fn strip_for_ue(message: &Message, relay: &mut Relay<'_>) {
    for name in NOT_FOR_OTHERS {
        relay.remove(name);
    }
    if wants_privacy(message.values(HeaderName::Privacy)) {
        relay.remove(HeaderName::PAssertedIdentity);
    }
}

/// What is sent to this address: outside the trust domain location and charging data are not for whoever is there, nor is
/// the asserted identity if its owner asked for privacy (RFC 3325 section 7, TS 24.229 section 4.4).
pub(crate) fn leaving(settings: &Settings, flow: Flow, draft: Draft) -> Draft {
    // Towards UEs `strip_for_ue` has done it. Who believes nobody, as a user agent, is in no trust domain that it could leave:
    // what it says of itself is for its P-CSCF.
    let is_outside = settings.side(flow.listener) == Side::Network
        && !settings.peers.is_empty()
        && !settings.peers.iter().any(|peer| peer.addresses.contains(&flow.remote.ip()));
    if !is_outside {
        return draft;
    }
    let private = wants_privacy(draft.values(HeaderName::Privacy));
    let identity = private.then_some(HeaderName::PAssertedIdentity);
    NOT_FOR_OTHERS.into_iter().chain(identity).fold(draft, |draft, name| draft.without(name))
}

fn wants_privacy<'a>(values: impl Iterator<Item = &'a str>) -> bool {
    values.flat_map(|value| value.split(';')).any(|value| value.trim().eq_ignore_ascii_case("id"))
}
