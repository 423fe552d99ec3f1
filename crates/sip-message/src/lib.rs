//! Bytes to SIP and back (RFC 3261 sections 7, 18.3, 19, 20 and 25).
//!
//! [`Message::parse`] finds the header lines of a message once and checks its mandatory headers; every other header is
//! read when somebody asks. A proxy edits a message with [`Relay`] and passes on what it does not know byte for byte;
//! an endpoint composes with [`Draft`] (requests) and [`Response`]. A stream is cut into messages by [`Framer`].
//!
//! Not here: transactions, routing, sockets; any opinion on what a message is for.

mod auth;
mod charset;
mod checked;
mod defect;
mod draft;
mod equivalence;
mod escape;
mod event;
mod framer;
mod header_name;
mod host;
mod lines;
mod message;
mod method;
mod name_addr;
mod raw;
mod relay;
mod response;
#[cfg(feature = "rsip")]
mod rsip_bridge;
mod scan;
mod span;
mod status;
mod text;
mod transport;
mod uri;
mod via;

pub use auth::{Challenge, Credentials, DigestAlgorithm};
pub use defect::{Defect, Field};
pub use draft::Draft;
pub use event::{Event, SubscriptionState, Substate};
pub use framer::{Frame, FrameError, Framer, PING, PONG};
pub use header_name::HeaderName;
pub use host::{Host, HostError};
pub use message::{Malformed, Message, delta_seconds};
pub use method::Method;
pub use name_addr::{NameAddr, NameAddrError};
pub use raw::{MAX_DATAGRAM, MAX_HEAD, MAX_HEADER_LINES, MAX_MESSAGE, RawMessage, unfold};
pub use relay::Relay;
pub use response::Response;
#[cfg(feature = "rsip")]
pub use rsip_bridge::RsipError;
pub use status::StatusCode;
pub use text::{Params, list, quote, unquote};
pub use transport::Transport;
pub use uri::{Scheme, Uri, UriError};
pub use via::{BRANCH_COOKIE, Via, ViaError};
