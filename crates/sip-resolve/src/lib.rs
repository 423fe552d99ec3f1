//! Where a request goes: a URI's target becomes an ordered list of hops (RFC 3263 section 4, with RFC 2782's choice
//! among servers, and RFC 2308's memory of what does not exist).
//!
//! [`Resolver`] is a machine without sockets: it says which DNS questions it needs answered and is handed the answers.
//! It keeps answers as long as they live, and does with them beyond that while DNS fails (RFC 8767). It asks a
//! question once however many requests wait for it, and remembers which servers failed or asked to be left alone
//! (RFC 3261 section 21.5.4).
//!
//! Not here: TLS (a `sips` target is unsupported), SCTP, the server's side of RFC 3263 section 5, following CNAME
//! records (the DNS server's work), DNSSEC, and the change to TCP for large requests (RFC 3261 section 18.1.1).

mod cache;
mod penalty;
mod plan;
mod planned;
mod query;
mod question;
mod resolver;
mod select;

pub use penalty::MAX_PENALTIES;
pub use query::{Hop, Query, ResolveError, Target};
pub use question::{DnsAnswer, Kind, Naptr, Question, Records, Srv};
pub use resolver::{
    Family, LookupId, MAX_CACHED_ANSWERS, MAX_LOOKUPS, QUESTION_DEADLINE, Resolution, Resolver,
    ResolverSettings, STALE_PATIENCE,
};
pub use select::MAX_HOPS;
