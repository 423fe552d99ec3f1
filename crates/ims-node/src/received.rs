//! What a flow has brought, read before the node is asked.

use bytes::Bytes;
use sip_message::{Malformed, Message};

/// A message as it was read, or what is wrong with it. It is read outside the node, so that whoever has several nodes can choose one by
/// what stands in the message.
#[derive(Debug)]
pub struct Received(Result<Message, Malformed>);

impl Received {
    /// Reads a datagram, a message cut from a stream, or the head of one.
    #[must_use]
    pub fn read(bytes: Bytes) -> Self {
        Self(Message::parse(bytes))
    }

    /// The message, if it is one.
    #[must_use]
    pub const fn message(&self) -> Option<&Message> {
        match &self.0 {
            Ok(message) => Some(message),
            Err(_) => None,
        }
    }

    pub(crate) fn into_result(self) -> Result<Message, Malformed> {
        self.0
    }
}
