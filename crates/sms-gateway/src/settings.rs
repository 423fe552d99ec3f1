//! The settings of a gateway.

use crate::number::NumberPlan;
use crate::vocabulary::Vocabulary;
use std::time::Duration;

/// Settings of a gateway.
#[derive(Debug, Clone)]
pub struct GatewaySettings {
    /// The node's name: `gateway1.home1.test`.
    pub name: Box<str>,
    /// The SIP URI by which the network knows it, and which the HSS names for those for whom it may publish (rule GW-01).
    pub identity: Box<str>,
    /// How the network of the SMS-C writes telephone numbers.
    pub numbers: NumberPlan,
    /// The status words.
    pub vocabulary: Vocabulary,
    /// How long a status counts if its user does not say (rule GW-04).
    pub lasts: Duration,
    /// The lifetime of a PUBLISH, which is refreshed, in seconds.
    pub publication_s: u32,
    /// How long an update is tried if its source does not say.
    pub validity: Duration,
    /// How many messages the gateway takes from one sender.
    pub rate: Rate,
}

/// How much one sender may write (rule GW-03).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// How many messages a sender may write at once.
    pub burst: u32,
    /// After such a burst the gateway takes one message in each of these intervals.
    pub every: Duration,
}

impl GatewaySettings {
    /// Settings with the usual limits, for a country without prefixes.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self {
            name: name.into(),
            identity: format!("sip:{name}").into(),
            numbers: NumberPlan {
                country_code: "1".into(),
                international_prefix: "011".into(),
                national_prefix: "1".into(),
            },
            vocabulary: Vocabulary::usual(),
            lasts: Duration::from_secs(24 * 3600),
            publication_s: 3600,
            validity: Duration::from_secs(24 * 3600),
            rate: Rate { burst: 10, every: Duration::from_secs(6) },
        }
    }
}
