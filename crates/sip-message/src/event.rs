//! Event and Subscription-State (RFC 6665 sections 8.2.1 and 8.2.3).

use crate::charset::{self, TOKEN};
use crate::message::delta_seconds;
use crate::text::{Params, trim};
use std::fmt;

/// An Event value: the package and, where given, the id that tells two subscriptions of one dialog apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event<'a> {
    /// Package with its templates, as written: `presence`, `presence.winfo`.
    pub package: &'a str,
    /// The `id` parameter.
    pub id: Option<&'a str>,
}

impl<'a> Event<'a> {
    /// Reads the value; `None` when it has no package.
    #[must_use]
    pub fn parse(value: &'a str) -> Option<Self> {
        let (package, params) = value.split_at(value.find(';').unwrap_or(value.len()));
        let package = trim(package);
        let well_formed = !package.is_empty() && charset::all(package.as_bytes(), TOKEN);
        well_formed.then(|| Self { package, id: Params::new(params).get("id") })
    }
}

/// The state that a NOTIFY tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Substate {
    /// Accepted and authorised.
    Active,
    /// Received; the decision is still open.
    Pending,
    /// Over.
    Terminated,
}

/// A Subscription-State value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SubscriptionState<'a> {
    /// The state.
    pub state: Substate,
    /// Seconds left, where given.
    pub expires: Option<u32>,
    /// Why it ended, as written.
    pub reason: Option<&'a str>,
    /// Seconds to wait before trying again.
    pub retry_after: Option<u32>,
}

impl<'a> SubscriptionState<'a> {
    /// Reads the value. An unknown state is treated as terminated only where the text says so; otherwise `None`.
    #[must_use]
    pub fn parse(value: &'a str) -> Option<Self> {
        let (state, params) = value.split_at(value.find(';').unwrap_or(value.len()));
        let params = Params::new(params);
        let state = match trim(state).to_ascii_lowercase().as_str() {
            "active" => Substate::Active,
            "pending" => Substate::Pending,
            "terminated" => Substate::Terminated,
            _ => return None,
        };
        Some(Self {
            state,
            expires: params.get("expires").and_then(delta_seconds),
            reason: params.get("reason"),
            retry_after: params.get("retry-after").and_then(delta_seconds),
        })
    }
}

impl fmt::Display for SubscriptionState<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.state {
            Substate::Active => "active",
            Substate::Pending => "pending",
            Substate::Terminated => "terminated",
        })?;
        if let Some(reason) = self.reason {
            write!(f, ";reason={reason}")?;
        }
        if let Some(expires) = self.expires {
            write!(f, ";expires={expires}")?;
        }
        if let Some(retry_after) = self.retry_after {
            write!(f, ";retry-after={retry_after}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc6665_8_2_1_package_and_id() {
        assert_eq!(Event::parse("presence ; id=\"7\""), Some(Event { package: "presence", id: Some("7") }));
        assert_eq!(Event::parse("presence.winfo").unwrap().package, "presence.winfo");
        assert_eq!(Event::parse(";id=1"), None);
    }

    #[test]
    fn rfc6665_8_2_3_state_reads_back() {
        let state = SubscriptionState::parse("Terminated ;reason=probation;retry-after=5").unwrap();
        assert_eq!(state.to_string(), "terminated;reason=probation;retry-after=5");
        assert_eq!(SubscriptionState::parse("active;expires=99").unwrap().expires, Some(99));
        assert_eq!(SubscriptionState::parse("paused"), None);
    }
}
