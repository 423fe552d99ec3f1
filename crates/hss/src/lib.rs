//! The HSS: who the subscribers of a domain are, and which S-CSCF has each of them.
//!
//! [`Hss`] answers Cx requests from memory (TS 29.228 §6) and says with each answer what has to be kept; keeping it is
//! the binary's part, before the answer leaves. Nothing here opens a file or a socket.
//!
//! What is held about a subscription:
//!
//! * an [`Account`], which only the operator changes: usernames with their HA1s, implicit registration sets with their
//!   service profiles, what an S-CSCF must be able to do for it;
//! * a [`Registration`], which Cx changes: the S-CSCF that has it, the one that is authenticating it, those that have
//!   lost it and may not know, and the state of each set. All sets of a subscription are at one S-CSCF (TS 24.229
//!   §5.3.1.2, note).
//!
//! Not here: wildcarded identities, public service identities, charging addresses, several profiles in one set.

mod account;
mod assignment;
mod directory;
mod hss;
mod location;
mod operator;
mod readers;
mod registration;
mod replacing;
mod report;
mod untold;

pub use account::{Account, Credentials};
pub use directory::{Scscf, ScscfDirectory};
pub use hss::{Conflict, Hss, StoreChange, UnknownUser};
pub use operator::OperatorError;
pub use registration::Registration;
pub use report::{AccountList, ExplainedAccount, ListedAccount};
