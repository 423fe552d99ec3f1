//! The trust domain's headers (RFC 3325, RFC 7315, TS 24.229 sections 5.2 and 5.3).

use crate::inbound::{InboundRequest, Source};
use crate::settings::{Settings, Side};
use sip_message::{HeaderName, Message, Relay};
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

/// Headers that no UE is shown.
const NOT_FOR_UES: [HeaderName; 3] =
    [HeaderName::PChargingVector, HeaderName::PChargingFunctionAddresses, HeaderName::PServedUser];

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

/// Takes off what must not leave towards a UE: charging data always, the asserted identity if its owner asked for
/// privacy (rule RT-P-06, RFC 3325 section 9.3).
pub(crate) fn strip_for_ue(message: &Message, relay: &mut Relay<'_>) {
    for name in NOT_FOR_UES {
        relay.remove(name);
    }
    let privacy = message.values(HeaderName::Privacy).flat_map(|value| value.split(';'));
    if privacy.map(str::trim).any(|value| value.eq_ignore_ascii_case("id")) {
        relay.remove(HeaderName::PAssertedIdentity);
    }
}
