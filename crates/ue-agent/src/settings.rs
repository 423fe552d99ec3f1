//! What a user agent is told before it begins.

use crate::account::Account;
use ims_node::{Flow, ListenerId};
use sha2::{Digest as _, Sha256};
use sip_message::{Transport, Uri};
use std::net::SocketAddr;
use std::time::Duration;

/// Settings of a user agent.
#[derive(Debug, Clone)]
pub struct UeAgentSettings {
    /// Whose agent it is.
    pub account: Account,
    /// Its way into the network.
    pub pcscf: Pcscf,
    /// Its own address: the listener's.
    pub local: SocketAddr,
    /// Its name among the user's devices.
    pub instance: Instance,
    /// Registration interval to ask for, in seconds.
    pub registration_s: u32,
    /// Subscription interval to ask for, in seconds.
    pub subscription_s: u32,
    /// Publication lifetime to ask for, in seconds.
    pub publication_s: u32,
    /// How it reaches the network: the value of P-Access-Network-Info.
    pub access_network_info: Box<str>,
    /// T1 of the access.
    pub t1: Duration,
    /// How long after a move old subscriptions serve before they are made anew.
    pub resubscribe_after: Duration,
    /// How often the flow is pinged, at least; zero is never. Without it every 120 s on TCP and every 29 s on UDP.
    pub keepalive: Option<Duration>,
    /// Whether to watch our own registration by the `reg` package.
    pub subscribe_reg: bool,
}

impl UeAgentSettings {
    /// Settings with the usual intervals: 600000 s for the registration (TS 24.229 section 5.1.1.2), 3600 s for the rest.
    #[must_use]
    pub fn new(account: Account, pcscf: Pcscf, local: SocketAddr, instance: Instance) -> Self {
        Self {
            account,
            pcscf,
            local,
            instance,
            registration_s: 600_000,
            subscription_s: 3600,
            publication_s: 3600,
            access_network_info: "IEEE-802.3".into(),
            t1: Duration::from_millis(500),
            resubscribe_after: Duration::ZERO,
            keepalive: None,
            subscribe_reg: true,
        }
    }

    /// The home domain, without a user: the Request-URI of REGISTER (rule REG-U-01).
    pub(crate) fn home_uri(&self) -> String {
        format!("sip:{}", self.account.domain())
    }

    /// Our own address as the network reaches it.
    pub(crate) fn contact(&self) -> Option<Uri> {
        let user = self.account.impu().user()?;
        Uri::parse(&format!("sip:{user}@{}{}", self.local, self.pcscf.transport_param())).ok()
    }
}

/// The P-CSCF.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pcscf {
    /// Where it is.
    pub address: SocketAddr,
    /// How it is spoken to.
    pub transport: Transport,
}

impl Pcscf {
    /// The way there.
    pub(crate) const fn flow(&self) -> Flow {
        Flow { listener: ListenerId(0), transport: self.transport, remote: self.address, connection: None }
    }

    /// Its URI, as Request-URI.
    pub(crate) fn uri_text(&self) -> String {
        format!("sip:{}{}", self.address, self.transport_param())
    }

    const fn transport_param(&self) -> &'static str {
        match self.transport {
            Transport::Udp => "",
            Transport::Tcp => ";transport=tcp",
        }
    }
}

/// The instance of a user agent (RFC 5626 section 4.1): a URN that stays the same when it starts again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance(Box<str>);

impl Instance {
    /// A UUID that follows from the user and the address it speaks from.
    #[must_use]
    pub fn derived(user: &str, place: &str) -> Self {
        let hash = Sha256::digest(format!("{user} {place}"));
        let mut text = String::from("urn:uuid:");
        for (at, byte) in hash.iter().take(16).enumerate() {
            // RFC 9562 section 5.8: version 8, made from a hash of our choice.
            let byte = match at {
                6 => 0x80 | (byte & 0x0f),
                8 => 0x80 | (byte & 0x3f),
                _ => *byte,
            };
            if matches!(at, 4 | 6 | 8 | 10) {
                text.push('-');
            }
            text.push_str(&format!("{byte:02x}"));
        }
        Self(text.into())
    }

    /// An instance as given; `None` when it is no URN.
    #[must_use]
    pub fn given(text: &str) -> Option<Self> {
        let plain = text.bytes().all(|b| b > b' ' && b < 0x7f && !matches!(b, b'"' | b'<' | b'>' | b'\\'));
        (plain && text.starts_with("urn:")).then(|| Self(text.into()))
    }

    /// The URN.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A short name for ids in documents.
    pub(crate) fn tail(&self) -> String {
        let letters = self.0.chars().rev().filter(char::is_ascii_alphanumeric).take(8);
        letters.collect::<Vec<_>>().into_iter().rev().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_is_a_uuid_of_user_and_place() {
        let alice = Instance::derived("alice@home1.test", "127.0.10.31");
        assert_eq!(alice, Instance::derived("alice@home1.test", "127.0.10.31"));
        assert_ne!(alice, Instance::derived("alice@home1.test", "127.0.10.32"));
        let parts: Vec<usize> =
            alice.as_str().strip_prefix("urn:uuid:").unwrap().split('-').map(str::len).collect();
        assert_eq!(parts, [8, 4, 4, 4, 12]);
        assert_eq!(alice.as_str().as_bytes()[23], b'8');
        assert_eq!(alice.tail().len(), 8);
        assert!(Instance::given("urn:imei:1-2-3").is_some());
        assert!(Instance::given("alice").is_none() && Instance::given("urn:a\"b").is_none());
    }
}
