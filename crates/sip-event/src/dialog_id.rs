//! What tells one dialog from another (RFC 3261 section 12).

use minicbor::{Decode, Encode};
use sip_message::Message;

/// Call-ID and both tags: the key of a dialog table.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct DialogId {
    /// The Call-ID.
    #[n(0)]
    pub call_id: Box<str>,
    /// Our tag.
    #[n(1)]
    pub local_tag: Box<str>,
    /// The other side's tag.
    #[n(2)]
    pub remote_tag: Box<str>,
}

impl DialogId {
    /// The dialog that a received request belongs to; `None` when it has no To tag and so belongs to none.
    #[must_use]
    pub fn of_request(request: &Message) -> Option<Self> {
        let (local, remote) = request.to_tag().zip(request.from_tag())?;
        Some(Self { call_id: request.call_id().into(), local_tag: local.into(), remote_tag: remote.into() })
    }

    /// The dialog that a received response to a request of ours belongs to or creates.
    #[must_use]
    pub fn of_response(response: &Message) -> Option<Self> {
        let (local, remote) = response.from_tag().zip(response.to_tag())?;
        Some(Self { call_id: response.call_id().into(), local_tag: local.into(), remote_tag: remote.into() })
    }
}
