//! A SIP node without its sockets: transactions, resolution and the proxy steps of RFC 3261 section 16 around a
//! [`Role`], which decides.
//!
//! [`Node`] is driven by [`Input`]s and says what is to be done by [`Output`]s; time and randomness are handed in. The
//! way of a request: bytes, [`Node::handle`], `sip-message`, `sip-transaction`, [`Role::on_request`], a [`Decision`], an
//! errand (resolution, transaction, next address on failure), bytes. A response walks back the same way.
//!
//! Not here: sockets, files, DNS packets, Cx frames (the runtime's), and any rule of one role alone.

pub mod base64url;
mod cause;
mod counters;
mod decision;
pub mod digest;
mod dispatch;
mod effects;
mod errand;
mod failing;
mod inbound;
mod input;
mod loop_check;
mod node;
pub mod notifier;
mod output;
mod overload;
mod own;
mod pool;
mod prepare;
mod random;
mod reason;
mod receive;
mod refusals;
mod respond;
mod role;
mod settings;
mod shares;
mod signing_key;
mod silence;
mod site;
mod trust;
mod under_way;
mod via_head;
pub mod way;
mod window;

pub use cause::NodeCause;
pub use decision::{Decision, ForwardPlan, Next, Refusal, Verdict, is_body_optional, is_encoded};
pub use effects::{Effects, Storage};
pub use inbound::{InboundRequest, Source};
pub use input::{CommandId, Flow, HssRequestId, Input, ListenerId, Loss};
pub use node::Node;
pub use output::{Event, HssToken, Output, Record, Seq, Transmit};
pub use overload::Pressure;
pub use own::{Outcome, OwnRequest};
pub use pool::Pool;
pub use random::Random;
pub use reason::Reason;
pub use role::{Role, Unreadable};
pub use settings::{Listener, Peer, Settings, Side};
pub use signing_key::{SIGNATURE, SigningKey};
pub use silence::{Acquaintance, CLOSE_AFTER, Heard, PROBE_AFTER, Silence, Suspicion, UNACKNOWLEDGED};
pub use sip_event::local_tag;
pub use site::site;
