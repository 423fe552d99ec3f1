//! The event packages that are served here.

use ims_node::Refusal;
use sip_event::BadEvent;

/// RFC 3856.
pub(crate) const PRESENCE: &str = "presence";

/// What may be subscribed to. A package added here needs its own [`crate::view::Views`] and its own rule of who may see
/// it.
pub(crate) const SUBSCRIBED: [&str; 1] = [PRESENCE];

/// What may be published.
pub(crate) const PUBLISHED: [&str; 1] = [PRESENCE];

/// The type of presence documents, mandatory in the package and the only one sent or taken.
pub(crate) const PIDF: &str = "application/pidf+xml";

/// Rules SUB-N-02 and PUB-02.
pub(crate) fn bad_event(error: BadEvent) -> Refusal {
    Refusal::of_event(error, &SUBSCRIBED.join(", "))
}
