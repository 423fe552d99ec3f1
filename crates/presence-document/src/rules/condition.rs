//! When a rule matches (RFC 4745 §7).

use crate::identity::Identity;
use clock::Wall;
use std::ops::Range;

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watcher {
    identities: Vec<Identity>,
}

impl Watcher {
    /// A watcher whose identity was not established, or who asked for privacy that is granted (PRS-03).
    #[must_use]
    pub const fn anonymous() -> Self {
        Self { identities: Vec::new() }
    }

    /// A watcher known by the URIs asserted for it, all of which count (RFC 5025 §3.1.1.2).
    ///
    /// What is no URI is no identity; with none left, the watcher is anonymous.
    pub fn identified<'a>(uris: impl IntoIterator<Item = &'a str>) -> Self {
        Self { identities: uris.into_iter().filter_map(Identity::parse).collect() }
    }

    /// Whether no identity is known.
    #[must_use]
    pub const fn is_anonymous(&self) -> bool {
        self.identities.is_empty()
    }

    fn is(&self, identity: &Identity) -> bool {
        self.identities.contains(identity)
    }

    fn is_of(&self, domain: &str) -> bool {
        self.identities.iter().any(|i| i.domain() == Some(domain))
    }
}

/// One child of `conditions`; all of a rule have to be met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Condition {
    /// §7.1.
    Identity(Terms),
    /// §7.3: any of these spheres.
    Sphere(Box<[Box<str>]>),
    /// §7.4: any of these periods, the end not included.
    Validity(Box<[Range<Wall>]>),
    /// OMA XDM: the watcher is anonymous.
    AnonymousRequest,
    /// OMA XDM: the watcher is identified and no rule names it.
    OtherIdentity,
    /// Defined somewhere else; never met.
    Unknown,
}

impl Condition {
    /// The terms of an identity condition.
    pub(super) const fn identity(&self) -> Option<&Terms> {
        match self {
            Self::Identity(terms) => Some(terms),
            Self::Sphere(_)
            | Self::Validity(_)
            | Self::AnonymousRequest
            | Self::OtherIdentity
            | Self::Unknown => None,
        }
    }

    /// The times at which the condition begins or ceases to be met.
    pub(super) fn boundaries(&self) -> impl Iterator<Item = Wall> {
        let periods: &[Range<Wall>] = match self {
            Self::Validity(periods) => periods,
            Self::Identity(_)
            | Self::Sphere(_)
            | Self::AnonymousRequest
            | Self::OtherIdentity
            | Self::Unknown => &[],
        };
        periods.iter().flat_map(|p| [p.start, p.end])
    }
}

/// The children of an identity condition; one that matches is enough (§7.1.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Terms(pub(super) Vec<Term>);

impl Terms {
    /// An anonymous watcher matches an identity condition only if that is empty (RFC 5025 §3.1.1.2).
    pub(super) fn matches(&self, watcher: &Watcher) -> bool {
        if watcher.is_anonymous() {
            self.0.is_empty()
        } else {
            self.0.iter().any(|term| term.matches(watcher))
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Term {
    /// §7.1.2.
    One(Identity),
    /// §7.1.3: everybody, or everybody in a domain, but not those.
    Many { domain: Option<Box<str>>, except: Vec<Except> },
    /// Narrowed by something unknown, or by a domain that cannot be compared: matches nobody rather than too many.
    Nobody,
}

impl Term {
    fn matches(&self, watcher: &Watcher) -> bool {
        match self {
            Self::One(identity) => watcher.is(identity),
            Self::Many { domain, except } => {
                domain.as_ref().is_none_or(|d| watcher.is_of(d)) && !except.iter().any(|e| e.matches(watcher))
            }
            Self::Nobody => false,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Except {
    Id(Identity),
    Domain(Box<str>),
}

impl Except {
    fn matches(&self, watcher: &Watcher) -> bool {
        match self {
            Self::Id(identity) => watcher.is(identity),
            Self::Domain(domain) => watcher.is_of(domain),
        }
    }
}
