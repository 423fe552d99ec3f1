//! One connection for each pair of nodes, used both ways.

use super::events::ConnectionId;
use super::tcp::Connections;
use ims_node::Flow;
use sip_message::{Message, Via};
use std::net::SocketAddr;

/// Who has opened a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// We have.
    Ours,
    /// A peer has, and has not said yet where it listens.
    Peers,
    /// A peer that has said where it listens, or anybody else.
    Known,
}

impl Connections {
    /// A peer that has connected says in the Via of its requests where it listens, and takes on this connection what would otherwise need
    /// another one to that address. So an answer and the NOTIFY behind it keep their order. It is believed for its own address only:
    /// otherwise anybody who connects could draw the messages of others to itself.
    ///
    /// If both ends have opened a connection at the same time, both take the one that the end with the lower address has opened.
    pub(crate) fn learn_listener(&mut self, id: ConnectionId, message: &Message) {
        let Some(open) = self.open.get_mut(&id).filter(|open| open.origin == Origin::Peers) else { return };
        let (true, Some(via)) = (message.status().is_none(), message.top_via()) else { return };
        let Some(via) = Via::parse(via).ok() else { return };
        open.origin = Origin::Known;
        let Flow { listener, remote, .. } = open.flow;
        let listens_at = SocketAddr::new(remote.ip(), via.port().unwrap_or(5060));
        if via.address() != Some(remote.ip()) || listens_at == remote {
            return;
        }
        let former = self.by_peer.get(&(listener, listens_at)).copied();
        let former = former.and_then(|former| self.open.get_mut(&former));
        let local = self.settings.listener(listener).map(|own| own.address);
        if let Some(former) = former {
            if former.origin == Origin::Ours && local < Some(listens_at) {
                return;
            }
            former.is_superseded = true;
        }
        self.by_peer.remove(&(listener, remote));
        self.by_peer.insert((listener, listens_at), id);
        if let Some(open) = self.open.get_mut(&id) {
            open.flow.remote = listens_at;
        }
    }
}
