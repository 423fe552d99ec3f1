//! What goes into the table of transactions, and what comes out of it.

use crate::arena::Key;
use crate::client::Patience;
use crate::timers::Timers;
use bytes::Bytes;

/// A client transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientId(pub(crate) Key);

/// A server transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerId(pub(crate) Key);

/// Bytes to send, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transmit<P> {
    /// Where to: the caller's own type.
    pub path: P,
    /// The message.
    pub bytes: Bytes,
}

/// What a timer brought, drained by [`crate::Transactions::poll_event`].
#[derive(Debug, PartialEq, Eq)]
pub enum Event<P> {
    /// Send this (again).
    Transmit(Transmit<P>),
    /// A request has waited so long that its client may be told 100 (RFC 4320).
    TryingDue {
        /// The transaction.
        server: ServerId,
        /// The request as it came in.
        request: Arrival<P>,
    },
    /// Nothing at all came for as long as the other side may be silent: to be answered by
    /// [`crate::Transactions::wait_until`] or [`crate::Transactions::on_transport_error`].
    Silent(ClientId),
    /// No final response came within Timer F.
    TimedOut(ClientId),
    /// A server transaction ended without having been answered.
    Unanswered(ServerId),
}

/// A request as it came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival<P> {
    /// Where from.
    pub path: P,
    /// The message.
    pub bytes: Bytes,
    /// Whether the transport loses nothing.
    pub reliable: bool,
}

/// What a request is to the table.
#[derive(Debug, PartialEq, Eq)]
pub enum Lookup<P> {
    /// New: whoever decides answers with this id.
    New(ServerId),
    /// Seen before; the answer is sent again if there is one.
    Repeat(Option<Transmit<P>>),
    /// No room: answer 503 without state.
    Full,
}

/// A request about to be sent.
#[derive(Debug)]
pub struct Request<'a, P> {
    /// The branch in its topmost Via: unique for every request and every address tried.
    pub branch: &'a str,
    /// Its method.
    pub method: &'a str,
    /// Where it goes.
    pub path: P,
    /// The whole message.
    pub bytes: Bytes,
    /// Whether the transport loses nothing.
    pub reliable: bool,
    /// The timers of that leg.
    pub timers: Timers,
    /// How long to wait.
    pub patience: Patience,
}

/// A response that belongs to a client transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Response {
    /// The transaction.
    pub client: ClientId,
    /// Whether more may follow.
    pub provisional: bool,
}
