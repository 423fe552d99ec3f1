//! A request on its way: a forwarded one, or one of the node's own. How it is sent: `sending`; how it fails: `failing`.

use crate::flow::Flow;
use crate::inbound::InboundRequest;
use crate::pressure::Class;
use crate::role::Role;
use crate::window::SliceId;
use clock::Mono;
use sip_message::{Draft, Method, Uri};
use sip_resolve::Hop;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

/// Why a request is sent.
#[derive(Debug)]
pub(crate) enum Purpose<R: Role> {
    Forward {
        request: Box<InboundRequest>,
        then: Option<R::Waiting>,
    },
    /// With the slice of work that it was begun in, if it was.
    Own(R::Own, Option<SliceId>),
}

/// The connection on which a request came, and where its sender takes new ones: the address in its Via (RFC 3261 section
/// 18.2.2). Several nodes may share a host.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Beside {
    pub(crate) connection: Flow,
    pub(crate) listens_at: SocketAddr,
}

/// A request under way.
#[derive(Debug)]
pub(crate) struct Errand<R: Role> {
    /// The request, for as long as it may have to be sent to yet another address.
    pub(crate) draft: Option<Draft>,
    /// The URI that says where it goes.
    pub(crate) target: Uri,
    /// A flow to use instead of resolving the target, or before any of `hops`.
    pub(crate) flow: Option<Flow>,
    /// The way of the answer that this one begins beside.
    pub(crate) beside: Option<Beside>,
    /// Addresses still to try; the first one is being tried once the request is sent.
    pub(crate) hops: VecDeque<Hop>,
    pub(crate) fingerprint: u64,
    /// When whoever asked has waited long enough, however many addresses are left.
    pub(crate) until: Mono,
    /// How long an address may say nothing at all.
    pub(crate) silence: Duration,
    /// Whether the connection to the present address has ended once and been opened anew.
    pub(crate) reopened: bool,
    pub(crate) purpose: Purpose<R>,
}

impl<R: Role> Errand<R> {
    pub(crate) fn into_request(self) -> Option<Box<InboundRequest>> {
        match self.purpose {
            Purpose::Forward { request, .. } => Some(request),
            Purpose::Own(..) => None,
        }
    }

    /// The connection of the request that is being answered, if this one goes to the same peer: on another way it might
    /// overtake the answer, and not every watcher bears a NOTIFY before the 200 to its SUBSCRIBE (RFC 6665 section
    /// 4.1.2.4).
    pub(crate) fn same_connection(&self) -> Option<Flow> {
        let hop = self.hops.front()?;
        self.beside.filter(|beside| beside.listens_at == hop.address).map(|beside| beside.connection)
    }

    pub(crate) fn class(&self) -> Class {
        match &self.purpose {
            Purpose::Forward { request, .. } => Class::of(request.message()),
            Purpose::Own(..) => match self.draft.as_ref().map(Draft::method) {
                Some(Method::Notify) => Class::Notify,
                Some(_) | None => Class::New,
            },
        }
    }

    /// For the log; a request of our own is found by the role's lines.
    pub(crate) fn call_id(&self) -> &str {
        match &self.purpose {
            Purpose::Forward { request, .. } => request.message().call_id(),
            Purpose::Own(..) => "",
        }
    }
}
