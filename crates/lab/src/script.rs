//! What happens in each figure, and in which network.

use crate::agent::Event;
use std::fmt;

/// The figures that a lab can bring about: those of the contribution first, then those of TS 24.141, which need another
/// configuration ([`Configuration::of`]).
pub const PLAYED: [&str; 10] = [
    "figure-1",
    "figure-2",
    "figure-3",
    "figure-5",
    "figure-6",
    "figure-7",
    "denied-1",
    "denied-2",
    "figure-1-ts24141",
    "figure-2-ts24141",
];

/// How the nodes are configured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Configuration {
    /// As the contribution draws them: that of `config/`.
    Contribution,
    /// As 3GPP drew them later: `config/ts24141` over it.
    Ts24141,
}

impl Configuration {
    /// In which one a figure is played.
    #[must_use]
    pub fn of(figure: &str) -> Self {
        if figure.ends_with("-ts24141") { Self::Ts24141 } else { Self::Contribution }
    }

    /// Its directory, beside the files of the nodes.
    #[must_use]
    pub const fn overlay(self) -> Option<&'static str> {
        match self {
            Self::Contribution => None,
            Self::Ts24141 => Some("ts24141"),
        }
    }
}

/// Where the watcher has moved between its subscription and the update.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moved {
    /// Nowhere.
    Nowhere,
    /// To another P-CSCF.
    Pcscf,
    /// To another S-CSCF, by its operator.
    Scscf,
    /// To both.
    Both,
}

impl Moved {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Nowhere, Self::Pcscf, Self::Scscf, Self::Both];

    /// The nodes it has moved to.
    #[must_use]
    pub const fn nodes(self) -> &'static [&'static str] {
        match self {
            Self::Nowhere => &[],
            Self::Pcscf => &["pcscf1b"],
            Self::Scscf => &["scscf1b"],
            Self::Both => &["pcscf1b", "scscf1b"],
        }
    }

    pub(crate) fn is_other_scscf(self) -> bool {
        matches!(self, Self::Scscf | Self::Both)
    }
}

impl fmt::Display for Moved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.nodes() {
            [] => Ok(()),
            nodes => write!(f, ", after the watcher moved to {}", nodes.join(" and ")),
        }
    }
}

/// The one thing that a figure is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    /// `ue1` subscribes, and is notified.
    Watch,
    /// `ue1` subscribes, and the presentity's rules refuse it.
    WatchInVain,
    /// `ue1` publishes.
    Publish,
    /// Whom `ue1` watches changes, and `ue1` is notified.
    Update,
    /// `ue1`, a phone without SIP, publishes by a short message.
    Message,
}

/// Who does what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Script {
    pub(crate) act: Act,
    /// The user that is watched, if anybody is.
    pub(crate) presentity: Option<&'static str>,
}

/// Who `ue1` is.
pub(crate) const WATCHER: &str = "alice";

impl Script {
    pub(crate) fn of(figure: &str) -> Option<Self> {
        // Of the watcher's network, and of the other one.
        let (near, far) = (Some("carol"), Some("bob"));
        let (act, presentity) = match figure {
            "figure-1" | "figure-1-ts24141" => (Act::Watch, near),
            "figure-2" | "figure-2-ts24141" => (Act::Watch, far),
            "figure-3" => (Act::Publish, None),
            "figure-5" => (Act::Message, None),
            "figure-6" => (Act::Update, near),
            "figure-7" => (Act::Update, far),
            "denied-1" => (Act::WatchInVain, near),
            "denied-2" => (Act::WatchInVain, far),
            _ => return None,
        };
        Some(Self { act, presentity })
    }

    /// The ways in which it is played: an update also finds a watcher who has moved.
    pub(crate) fn moves(self) -> &'static [Moved] {
        match self.act {
            Act::Update => &Moved::ALL,
            Act::Watch | Act::WatchInVain | Act::Publish | Act::Message => &[Moved::Nowhere],
        }
    }
}

impl Act {
    /// Whether an agent says by this that it is done.
    pub(crate) fn is_done(self, event: &Event) -> bool {
        match self {
            Self::Watch => &*event.event == "presence",
            Self::WatchInVain => &*event.event == "subscription" && event.status == Some(403),
            Self::Publish => &*event.event == "published",
            // No agent has a part in it.
            Self::Message => false,
            Self::Update => &*event.event == "presence" && event.basic.as_deref() == Some("open"),
        }
    }
}

/// The ways in which a figure is played.
#[must_use]
pub fn moves(figure: &str) -> &'static [Moved] {
    Script::of(figure).map_or(&[], Script::moves)
}

#[cfg(test)]
mod tests {
    use super::*;
    use figure::Figure;

    #[test]
    fn every_figure_that_is_played_is_one() {
        for name in PLAYED {
            assert!(Figure::named(name).is_some() && Script::of(name).is_some(), "{name}");
        }
        assert!(Script::of("figure-4").is_none());
    }
}
