//! A user agent: registers with its home network, watches presentities, publishes its own presence.
//!
//! In the contribution: the UE, with the watcher's part (figures 1, 2, 6, 7 at `ue1`) and the presence agent's (figure
//! 3). [`UeAgent`] is an `ims_node::Role` that is told what to do by an [`Ask`]; what comes of it are [`Report`]s. TS 24.229 section 5.1 for REGISTER and the headers of what follows it, RFC 6665 for
//! subscriptions, RFC 3903 for publications.
//!
//! Everything takes the way of the registration, its flow, at any size: the P-CSCF knows a UE by its flow, so that the
//! rule of 1300 bytes (RFC 3261 section 18.1.1) would lead to a connection on which nobody is registered.
//!
//! It watches its own registration (`reg` event package) and registers again when the network asks for it.
//!
//! Not here: calls, IPsec and AKA, P-CSCF discovery.

mod account;
mod agent;
mod ask;
mod binding;
mod cause;
mod command;
mod compose;
mod credentials;
mod inbound;
mod keepalive;
mod leave;
mod lost;
mod moving;
mod presence;
mod publication;
mod reg_event;
mod registration;
mod render;
mod report;
mod role;
mod session;
mod settings;
mod subscribing;
mod warning;
mod watch;

pub use account::{Account, BadAccount, Password};
pub use agent::UeAgent;
pub use ask::{Ask, NotDone, Told};
pub use cause::Cause;
pub use command::{BadCommand, Command, HELP};
pub use leave::{FAREWELL, Farewell};
pub use render::{Form, line};
pub use report::{Report, Status, SubscriptionState};
pub use role::Own;
pub use session::{Ending, Goal, Session};
pub use settings::{Instance, Pcscf, UeAgentSettings};
pub use watch::{MAX_WATCHES, WatchId, Watched};

/// Where the role puts what follows from an input: records, requests, questions to the HSS, answers to operators, events.
pub(crate) type Fx = ims_node::Effects<Own, Told>;
