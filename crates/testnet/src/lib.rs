//! Whole networks in virtual time, each run repeatable from its seed.
//!
//! A [`World`] holds processes ([`VirtualNode`], which every `ims_node::Node` is), and plays everything around them: the
//! clock, which jumps to whatever happens next; a network that loses, doubles, delays and reorders datagrams and cuts
//! connections; DNS, the HSS, and a disk that forgets what was not synced when its process dies. What crosses the
//! network is recorded for `figure`.
//!
//! ```
//! use sip_message::{Draft, HeaderName, Method, Transport, Uri};
//! use sip_resolve::Hop;
//! use std::time::Duration;
//! use testnet::{Link, ScriptUe, World};
//!
//! let mut world = World::new(7);
//! world.conditions.link = Link::BAD;
//! let (alice, bob) = ("10.0.0.1:5060".parse().unwrap(), "10.0.0.2:5060".parse().unwrap());
//! world.add("alice", vec![alice], move |_| ScriptUe::new(alice));
//! world.add("bob", vec![bob], move |_| ScriptUe::new(bob));
//! let draft = Draft::new(Method::Message, Uri::parse("sip:bob@10.0.0.2").unwrap())
//!     .header(HeaderName::From, "<sip:alice@10.0.0.1>;tag=1")
//!     .header(HeaderName::To, "<sip:bob@10.0.0.2>")
//!     .header(HeaderName::CallId, "one")
//!     .header(HeaderName::CSeq, "1 MESSAGE")
//!     .header(HeaderName::MaxForwards, 70)
//!     .without_body();
//! world.with("alice", |ue: &mut ScriptUe, now| ue.send(now, &draft, Hop { address: bob, transport: Transport::Udp }));
//! world.run_until_quiet(Duration::from_secs(32)).unwrap();
//! assert_eq!(world.node::<ScriptUe>("alice").unwrap().responses().len(), 1);
//! ```
//!
//! It knows no role: tests bring nodes, and what the HSS answers. Not here: real sockets and files (the runtime's own
//! tests), how TCP cuts messages into segments (`sip_message::Framer`'s), the Cx frames (`cx_protocol::Connection`'s).

mod connection;
mod cx;
mod desk;
mod dice;
mod disk;
mod dns;
mod event;
mod link;
mod look;
mod memory;
mod node;
mod perform;
mod process;
mod recorder;
mod run;
mod script_ue;
mod tcp;
mod udp;
mod world;

pub use cx::HssOracle;
pub use desk::Desk;
pub use dns::Zone;
pub use link::{Fate, Link, Passage};
pub use memory::bytes_of_each;
pub use node::{NodeOutput, VirtualNode};
pub use process::Gone;
pub use recorder::Counters;
pub use run::Stuck;
pub use script_ue::ScriptUe;
pub use world::{Availability, Conditions, World};
