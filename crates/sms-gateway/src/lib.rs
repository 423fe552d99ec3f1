//! SMS gateway: phones without SIP take part by short messages.
//!
//! In the contribution: the Presentity Presence Proxy for terminals without SIP (section 7.1.3.2, figure 5). A user writes a status; the
//! gateway asks the HSS which presence server has the user (UDR), and publishes there in the user's place with its own identity, which
//! the HSS names for the user (rules PUB-12, GW-01). What it publishes is soft state (rule GW-04).
//!
//! | part | what it owns |
//! |---|---|
//! | `users` | what each user has written and nobody has confirmed, and what the presence server has of it |
//! | `outbox` | what is to be written to users |
//! | `limit` | how much a sender may write |
//! | `parts` | long messages that are not whole |
//!
//! * What a user may write: [`grammar`]; what the words mean: [`Vocabulary`].
//! * What comes in, from SMPP or any other source, is a [`LegacyUpdate`]; it is acknowledged when it is kept.
//! * From an update to a publication: `publishing`. One PUBLISH is under way for a user at a time; it is kept before it is sent, and sent
//!   again unchanged until it is answered.
//! * The module `journal` says which records survive the process.
//!
//! The binary beside it speaks SMPP.
//!
//! Not here: watching by short messages, delivery receipts, USSD.

mod ask;
mod cause;
mod gateway;
pub mod grammar;
mod journal;
mod limit;
mod number;
mod outbox;
mod parts;
mod publication;
mod publishing;
mod reply;
mod role;
mod settings;
mod update;
mod users;
mod vocabulary;

pub use ask::{Ask, Listed, NotTaken, Told};
pub use cause::Cause;
pub use gateway::SmsGateway;
pub use number::{Msisdn, NotANumber, NumberForm, NumberPlan};
pub use outbox::{Delivery, ShortMessage};
pub use role::Own;
pub use settings::{GatewaySettings, Rate};
pub use update::{LegacyUpdate, PartOf};
pub use vocabulary::{BadWord, COMMANDS, Meaning, Reachability, Vocabulary};

/// Where the role puts what follows from an input.
pub(crate) type Fx = ims_node::Effects<Own, Told>;
