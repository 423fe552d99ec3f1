//! What lies between two nodes.

use bytes::Bytes;
use sip_message::Transport;
use std::time::Duration;

/// The qualities of the way between two nodes. Only datagrams are lost, doubled and reordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// The shortest time a message takes.
    pub latency: Duration,
    /// Up to so much is added, evenly. Datagrams closer to each other than this may overtake.
    pub jitter: Duration,
    /// Datagrams lost out of a thousand.
    pub loss_per_mille: u16,
    /// Datagrams delivered twice out of a thousand.
    pub duplicate_per_mille: u16,
    /// Datagrams held up for ten more latencies out of a thousand, so that later ones overtake them.
    pub reorder_per_mille: u16,
}

impl Link {
    /// One millisecond, and nothing goes wrong.
    pub const GOOD: Self = Self {
        latency: Duration::from_millis(1),
        jitter: Duration::ZERO,
        loss_per_mille: 0,
        duplicate_per_mille: 0,
        reorder_per_mille: 0,
    };

    /// Five to twenty milliseconds; a tenth lost, a twentieth doubled, a twentieth late.
    pub const BAD: Self = Self {
        latency: Duration::from_millis(5),
        jitter: Duration::from_millis(15),
        loss_per_mille: 100,
        duplicate_per_mille: 50,
        reorder_per_mille: 50,
    };
}

/// A message about to cross the network, for a test that decides about each.
#[derive(Debug, Clone, Copy)]
pub struct Passage<'a> {
    /// Name of the sender.
    pub from: &'a str,
    /// Name of the receiver; empty where nobody has the address.
    pub to: &'a str,
    /// UDP or TCP.
    pub transport: Transport,
    /// The message.
    pub bytes: &'a Bytes,
}

/// What becomes of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// As the link has it.
    Chance,
    /// Lost. On TCP, where nothing is lost alone, its connection breaks with it.
    Lost,
}
