//! Presence documents in, presence documents out.
//!
//! * [`Pidf`]: a presence document (PIDF, RFC 3863) in the data model of services, persons and devices (RFC 4479) with
//!   rich presence (RPID, RFC 4480). What it does not know it keeps, with its namespace.
//! * [`compose`]: one document out of all that a presentity's sources published (RFC 3856 §6.11).
//! * [`Rules`]: who may watch, by common policy (RFC 4745) and presence authorization rules (RFC 5025); [`filter`]: what
//!   of a document a watcher is shown; [`closed_document`] and its siblings: what is shown instead.
//! * [`WatcherInfo`]: who watches, told to the presentity (RFC 3858).
//! * [`RegInfo`]: where a user is registered (RFC 3680), with its GRUUs (RFC 5628). No presence, but a document of an
//!   event package as the others are, read by the same means.
//! * [`canonical_uri`]: when two URIs are the same one.
//!
//! It knows no SIP, keeps nothing and reads no clock. It does not do partial presence (RFC 5262), event filters
//! (RFC 4660), resource lists (RFC 4826) or the external lists of OMA rules.
//!
//! Many documents are best held as their text and parsed when one is needed: a parsed one is many times as large.

mod compose;
mod constant;
mod filter;
mod identity;
mod info;
mod namespace;
mod pidf;
mod reginfo;
mod rules;
#[cfg(feature = "steps")]
pub mod steps;
mod time;
mod uri;
mod watcherinfo;
mod words;
mod xml;

pub use compose::{Source, compose, sphere, sphere_change};
pub use constant::{closed_document, neutral_document, polite_block_document};
pub use filter::filter;
pub use identity::same_user;
pub use info::InfoError;
pub use pidf::{Basic, Component, Kind, MAX_DOCUMENT_BYTES, MAX_DOCUMENT_ELEMENTS, Note, Pidf, PidfError};
pub use reginfo::{
    ContactEvent, ContactState, MAX_REGINFO_BYTES, MAX_REGINFO_ELEMENTS, RegContact, RegInfo, RegState,
    Registration,
};
pub use rules::{
    MAX_RULES_BYTES, MAX_RULES_ELEMENTS, Permissions, Rules, RulesError, SubHandling, Verdict, Watcher,
};
pub use uri::canonical_uri;
pub use watcherinfo::{
    MAX_WATCHERINFO_BYTES, MAX_WATCHERINFO_ELEMENTS, WatcherEntry, WatcherEvent, WatcherInfo, WatcherList,
    WatcherStatus,
};
pub use words::InfoState;
pub use xml::XmlError;
