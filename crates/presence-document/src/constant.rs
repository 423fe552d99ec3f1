//! Documents that tell a watcher nothing, and so must never change.

use crate::pidf::{Basic, Component, Pidf};

/// The id of the tuple of a closed document, the same for everybody.
const CLOSED_TUPLE_ID: &str = "t1";

/// The document of a presentity that published nothing: one service, closed.
#[must_use]
pub fn closed_document(entity: &str) -> Pidf {
    Pidf::new(entity).with(Component::tuple(CLOSED_TUPLE_ID, Basic::Closed))
}

/// What a politely blocked watcher is shown (RFC 5025 §3.2.1): no person, no device, one service that is closed.
///
/// Byte for byte the document of somebody who published nothing, so that a watcher cannot tell one from the other.
#[must_use]
pub fn polite_block_document(entity: &str) -> Pidf {
    closed_document(entity)
}

/// What a pending watcher may be shown: whose presence it would be, and nothing of it.
///
/// RFC 5025 §3.2.1 sends a pending watcher no document; this one serves clients that cannot do without a body.
#[must_use]
pub fn neutral_document(entity: &str) -> Pidf {
    Pidf::new(entity)
}
