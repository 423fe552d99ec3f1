//! Max-Breadth (RFC 5393 section 5).

use sip_message::{HeaderName, Message};

/// Copies of a request that may be under way at a time when its sender did not say (RFC 5393 section 5.3.3).
const DEFAULT_MAX_BREADTH: u32 = 60;

/// How many copies of this request may be under way at a time; of several values the smallest.
pub(crate) fn max_breadth(request: &Message) -> u32 {
    let values = request.list(HeaderName::MaxBreadth).filter_map(|value| value.parse().ok());
    values.min().unwrap_or(DEFAULT_MAX_BREADTH)
}
