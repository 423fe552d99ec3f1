//! A SIP node without its sockets: transactions, resolution and the proxy steps of RFC 3261 section 16 around a
//! [`Role`], which decides.
//!
//! [`Node`] is driven by [`Input`]s and says what is to be done by [`Output`]s; time and randomness are handed in. The
//! way of a request: bytes, [`Node::handle`], `sip-message`, `sip-transaction`, [`Role::on_request`], a [`Decision`], an
//! errand (resolution, transaction, next address on failure), bytes. A response walks back the same way.
//!
//! # How a node is driven
//!
//! Every machine of layers 2 and 3 has this shape; [`Node`] is the one that a runtime sees.
//!
//! | call | when | what must follow |
//! |---|---|---|
//! | [`Node::restore`] | once, before everything else, with the live records of the journal, or none | drain the outputs |
//! | [`Node::handle`] | for each thing that has happened, one after the other; `now` never goes back | drain the outputs |
//! | [`Node::hears`] | before a datagram is read | read it and hand it in, or drop it |
//! | [`Node::poll_output`] | until it gives `None`; an output that is not taken is not done | carry it out, in this order |
//! | [`Node::poll_timeout`] | when the outputs are drained: it may be another time than before | hand in [`Input::Timeout`] at that time, at once if it is past; later is late, earlier is harmless |
//!
//! * An output with a record to wait for ([`Output::after`]) is held until the journal has synced that record; then the node is told
//!   ([`Input::Synced`]). Records are written in the order of their numbers. Nothing else that is held waits for them.
//! * What is not SIP is an ask ([`Input::Ask`]): an operator's command, later an HTTP request. Its answer is an output of its own
//!   ([`Output::Told`]), at once or later, and is never dropped for want of room; whoever asks bounds how many are open, and for how long.
//! * [`Role::work`] is called by the node itself, behind each input, for as long as the role has work ([`Role::has_work`]), the runtime
//!   has room ([`Input::Room`]), and not too much is under way. A role that has work must have less of it after each call.
//! * A role answers what it is asked before it returns, or says by value what it waits for. It does not block and keeps no time of its own.
//!
//! ```
//! use ims_node::{AskId, Decision, Effects, Flow, InboundRequest, Input, Listener, ListenerId, NoAsk, Node};
//! use ims_node::{Output, Record, Role, Seq, NodeSettings, Side};
//! use clock::Now;
//! use sip_message::{StatusCode, Transport};
//! use std::convert::Infallible;
//!
//! /// Answers 200 to everything.
//! struct Polite;
//!
//! impl Role for Polite {
//!     type Waiting = Infallible;
//!     type Own = Infallible;
//!     type Ask = NoAsk;
//!     type Told = NoAsk;
//!
//!     fn on_request(&mut self, _: Now, request: &InboundRequest, fx: &mut Effects<Infallible>) -> Decision<Infallible> {
//!         Decision::Reply(fx.response(request, StatusCode::OK))
//!     }
//!
//!     fn on_ask(&mut self, _: Now, _: AskId, ask: NoAsk, _: &mut Effects<Infallible>) -> Option<NoAsk> {
//!         match ask {}
//!     }
//! }
//!
//! let address = "192.0.2.1:5060".parse().unwrap();
//! let settings = NodeSettings::new("node.test", vec![Listener { address, side: Side::Network }], Vec::new());
//! let mut node = Node::new(settings, Polite, [7; 32]);
//! let now = Now::ZERO;
//! node.restore(now, std::iter::empty::<Record>(), Seq(0));
//!
//! let remote = "192.0.2.9:5060".parse().unwrap();
//! let flow = Flow { listener: ListenerId(0), transport: Transport::Udp, remote, connection: None };
//! let options = "OPTIONS sip:node.test SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK1\r\n\
//!     Max-Forwards: 70\r\nFrom: <sip:a@a.test>;tag=1\r\nTo: <sip:node.test>\r\n\
//!     Call-ID: 1\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n";
//! node.handle(now, Input::message(flow, options));
//!
//! let outputs: Vec<Output> = std::iter::from_fn(|| node.poll_output()).collect();
//! let [Output::Transmit(answer)] = outputs.as_slice() else { panic!("{outputs:?}") };
//! assert!(answer.bytes.starts_with(b"SIP/2.0 200 OK\r\n"));
//! // The transaction is remembered until Timer J, so that a repeat gets the same answer.
//! assert!(node.poll_timeout().is_some());
//! ```
//!
//! Not here: sockets, files, DNS packets, Cx frames (the runtime's), and any rule of one role alone.

mod ask;
pub mod base64url;
mod breadth;
mod cause;
mod counters;
mod decision;
pub mod digest;
mod dispatch;
mod effects;
mod errand;
mod failing;
mod flow;
mod ids;
mod inbound;
mod input;
mod loop_check;
mod metrics;
mod node;
pub mod notifier;
mod output;
mod overload;
mod own;
mod pool;
mod prepare;
mod pressure;
mod random;
mod reason;
mod receive;
mod received;
mod record;
mod refusal;
mod refusals;
mod respond;
mod role;
mod sending;
mod settings;
mod shares;
mod shedding;
mod signing_key;
mod silence;
mod site;
mod trust;
mod under_way;
mod via_head;
pub mod way;
mod window;

pub use ask::{AskAnswer, NoAsk, write_lines};
pub use cause::NodeCause;
pub use decision::{Decision, ForwardPlan, Next, Verdict};
pub use effects::{Effects, Storage};
pub use flow::{Flow, ListenerId, Loss};
pub use ids::{AskId, HssRequestId, HssToken};
pub use inbound::{InboundRequest, Source};
pub use input::Input;
pub use node::Node;
pub use output::{Event, Output, Transmit};
pub use own::{Outcome, OwnRequest};
pub use pool::Pool;
pub use pressure::Pressure;
pub use random::Random;
pub use reason::Reason;
pub use received::Received;
pub use record::{Record, Seq};
pub use refusal::{Refusal, is_body_optional, is_encoded};
pub use role::{Role, Unreadable};
pub use settings::{Listener, NodeSettings, Peer, Side};
pub use signing_key::{SIGNATURE, SigningKey};
pub use silence::{Acquaintance, CLOSE_AFTER, Heard, PROBE_AFTER, Silence, Suspicion, UNACKNOWLEDGED};
pub use sip_event::local_tag;
pub use site::site;
