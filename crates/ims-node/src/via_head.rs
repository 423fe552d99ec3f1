//! The Via of each of our ways out, up to its branch: made once, not for every request.

use crate::flow::Flow;
use crate::loop_check::BRANCH;
use crate::settings::{Listener, Side};
use sip_message::Transport;

/// `SIP/2.0/UDP 192.0.2.1:5060;branch=` and the same with TCP, for each listener. A UE is asked for its answer by
/// `rport` (RFC 3581 section 3): a NAT or a port mapping between may hide the port that we listen on. By TCP too: there a
/// phone answers on the connection of the request, but some open a new one to what stands in the Via.
#[derive(Debug)]
pub(crate) struct ViaHeads(Box<[[Box<str>; 2]]>);

impl ViaHeads {
    pub(crate) fn new(listeners: &[Listener]) -> Self {
        let head = |listener: &Listener, transport: Transport| {
            let rport = match listener.side {
                Side::Ue => ";rport",
                Side::Network => "",
            };
            format!("SIP/2.0/{transport} {}{rport};branch=", listener.address).into_boxed_str()
        };
        Self(
            listeners
                .iter()
                .map(|listener| [Transport::Udp, Transport::Tcp].map(|by| head(listener, by)))
                .collect(),
        )
    }

    /// For what is sent on this flow; `None` if there is no such listener.
    pub(crate) fn of(&self, flow: Flow) -> Option<&str> {
        let [udp, tcp] = self.0.get(usize::from(flow.listener.0))?;
        Some(match flow.transport {
            Transport::Udp => udp,
            Transport::Tcp => tcp,
        })
    }

    /// No Via of ours is longer.
    pub(crate) fn longest(&self) -> usize {
        let heads = self.0.iter().flatten().map(|head| head.len());
        heads.max().unwrap_or_default() + BRANCH
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::ListenerId;

    #[test]
    fn rfc3581_3_a_ue_is_asked_to_answer_where_the_request_came_from() {
        let address = std::net::SocketAddr::from(([192, 0, 2, 1], 5060));
        let heads = ViaHeads::new(&[Side::Ue, Side::Network].map(|side| Listener { address, side }));
        let head = |listener, transport| {
            heads.of(Flow { listener: ListenerId(listener), transport, remote: address, connection: None })
        };
        assert_eq!(head(0, Transport::Udp), Some("SIP/2.0/UDP 192.0.2.1:5060;rport;branch="));
        assert_eq!(head(0, Transport::Tcp), Some("SIP/2.0/TCP 192.0.2.1:5060;rport;branch="));
        assert_eq!(head(1, Transport::Udp), Some("SIP/2.0/UDP 192.0.2.1:5060;branch="));
        assert_eq!(head(2, Transport::Udp), None);
        assert_eq!(heads.longest(), "SIP/2.0/UDP 192.0.2.1:5060;rport;branch=".len() + BRANCH);
    }
}
