//! Non-INVITE transactions (RFC 3261 section 17, RFC 4320) and the table that matches messages to them.
//!
//! Two machines, [`client::Client`] and [`server::Server`], each a state that owns its deadlines; [`Transactions`] holds
//! them, matches by branch, sent-by and method, and says what to transmit. Where something goes is the caller's type
//! `P`, carried and never looked at.
//!
//! Not here: INVITE transactions. Nothing in this network accepts an INVITE; it is answered without state (section
//! 8.2.7) and its ACK is absorbed.

mod agenda;
mod arena;
mod client;
mod entry;
mod exchange;
mod key;
mod load;
mod server;
mod table;
mod timers;

pub use client::{Client, ClientEvent, ClientState, Patience};
pub use exchange::{Arrival, ClientId, Event, Lookup, Request, Response, ServerId, Transmit};
pub use load::Load;
pub use server::{Repeat, Server, ServerEvent, ServerState};
pub use table::{MAX_CLIENTS, MAX_FINISHED_BYTES, MAX_OPEN_BYTES, MAX_SERVERS, Transactions};
pub use timers::Timers;
