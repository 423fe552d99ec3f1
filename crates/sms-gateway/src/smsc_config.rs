//! How an SMS-C is reached.

use ims_runtime::config::{InvalidKey, Seconds};
use ims_runtime::node_config::SecretText;
use rusmpp::types::COctetString;
use rusmpp::values::Ton;
use serde::Deserialize;
use std::net::SocketAddr;
use std::time::Duration;

/// An SMS-C in the file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SmscConfig {
    address: SocketAddr,
    system_id: Box<str>,
    password: SecretText,
    #[serde(default)]
    system_type: Box<str>,
    source: Box<str>,
    #[serde(default = "half_a_minute")]
    enquire_link_s: Seconds,
    #[serde(default = "ten")]
    window: u16,
}

const fn half_a_minute() -> Seconds {
    Seconds(30)
}

const fn ten() -> u16 {
    10
}

/// An SMS-C, ready for use.
#[derive(Debug, Clone)]
pub(crate) struct Smsc {
    pub(crate) address: SocketAddr,
    pub(crate) system_id: COctetString<1, 16>,
    pub(crate) password: COctetString<1, 9>,
    pub(crate) system_type: COctetString<1, 13>,
    /// What users see as the sender of our messages.
    pub(crate) source: COctetString<1, 21>,
    pub(crate) source_ton: Ton,
    pub(crate) enquire_link: Duration,
    /// Messages of ours that may be without an answer.
    pub(crate) window: usize,
}

impl SmscConfig {
    /// Checks it, and makes it ready.
    pub(crate) fn build(&self, key: &str) -> Result<Smsc, InvalidKey> {
        let invalid = |name: &str, reason: &'static str| InvalidKey::new(format!("{key}.{name}"), reason);
        let password = self.password.text();
        if self.enquire_link_s.0 == 0 {
            return Err(invalid("enquire_link_s", "must be at least 1"));
        }
        if self.system_id.is_empty() {
            return Err(invalid("system_id", "must have 1 to 15 characters"));
        }
        if self.source.trim_start_matches('+').is_empty() {
            return Err(invalid("source", "must be a number, a short code, or a name"));
        }
        if self.window == 0 {
            return Err(invalid("window", "must be at least 1"));
        }
        Ok(Smsc {
            address: self.address,
            system_id: text(&self.system_id)
                .ok_or_else(|| invalid("system_id", "must have 1 to 15 characters"))?,
            password: text(password).ok_or_else(|| invalid("password", "must have at most 8 characters"))?,
            system_type: text(&self.system_type)
                .ok_or_else(|| invalid("system_type", "must have at most 12 characters"))?,
            source: text(self.source.trim_start_matches('+')).ok_or_else(|| {
                invalid("source", "must be a number, a short code, or a name of at most 20 characters")
            })?,
            source_ton: ton(&self.source),
            enquire_link: self.enquire_link_s.duration(),
            window: self.window.into(),
        })
    }
}

/// A text in a PDU: ASCII, and with a zero octet behind it.
fn text<const MIN: usize, const MAX: usize>(text: &str) -> Option<COctetString<MIN, MAX>> {
    COctetString::from_string(text.to_owned()).ok()
}

/// SMPP 3.4 section 5.2.5.
fn ton(source: &str) -> Ton {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit());
    match source.strip_prefix('+') {
        Some(number) if is_number(number) => Ton::International,
        None if is_number(source) => Ton::Unknown,
        Some(_) | None => Ton::Alphanumeric,
    }
}

#[cfg(test)]
impl Smsc {
    /// An SMS-C that knows the gateway as `muster`.
    pub(crate) fn of_tests(address: SocketAddr) -> Self {
        Self {
            address,
            system_id: text("muster").unwrap(),
            password: text("secret").unwrap(),
            system_type: COctetString::default(),
            source: text("7737").unwrap(),
            source_ton: Ton::Unknown,
            enquire_link: half_a_minute().duration(),
            window: ten().into(),
        }
    }
}
