//! What the table holds of each transaction.

use crate::client::Client;
use crate::exchange::{Arrival, Transmit};
use crate::server::Server;

/// What a transaction takes beside its key and its message, in bytes: the entry, its place in the index and on the
/// agenda.
const OVERHEAD: usize = 256;

/// What a transaction still does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It waits for its final response.
    Open,
    /// It only absorbs repeats.
    Finished,
}

#[derive(Debug)]
pub(crate) struct ClientEntry<P> {
    pub(crate) machine: Client,
    pub(crate) standing: Standing,
    pub(crate) key: Box<str>,
    pub(crate) transmit: Transmit<P>,
}

#[derive(Debug)]
pub(crate) struct ServerEntry<P> {
    pub(crate) machine: Server,
    pub(crate) standing: Standing,
    pub(crate) key: Box<str>,
    pub(crate) kept: Kept<P>,
}

/// What a server transaction keeps of its messages.
#[derive(Debug)]
pub(crate) enum Kept<P> {
    /// The request, until the first response.
    Request(Arrival<P>),
    /// Nothing: the request was handed out for a first response.
    Nothing,
    /// The last response, for repeats of the request.
    Response(Transmit<P>),
}

impl<P> ClientEntry<P> {
    /// The bytes that it takes.
    pub(crate) fn size(&self) -> usize {
        OVERHEAD + self.key.len() + self.transmit.bytes.len()
    }
}

impl<P> ServerEntry<P> {
    /// The bytes that it takes.
    pub(crate) fn size(&self) -> usize {
        OVERHEAD + self.key.len() + self.kept.len()
    }
}

impl<P> Kept<P> {
    fn len(&self) -> usize {
        match self {
            Self::Request(arrival) => arrival.bytes.len(),
            Self::Nothing => 0,
            Self::Response(transmit) => transmit.bytes.len(),
        }
    }
}
