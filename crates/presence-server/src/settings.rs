//! What a presence server is told.

use presence_document::SubHandling;
use sip_event::{Limits, NotifierBounds, NotifierSettings, NotifyPolicy, Updates};

/// Settings of a presence server.
#[derive(Debug, Clone)]
pub struct PresenceServerSettings {
    /// The node's name, which stands in its Contacts: `ps1.home1.test`.
    pub name: Box<str>,
    /// The domain whose users are its presentities.
    pub domain: Box<str>,
    /// What becomes of a watcher of whom no rule speaks.
    pub default_action: SubHandling,
    /// How NOTIFYs are sent.
    pub notify: NotifyPolicy,
    /// Lifetimes of subscriptions.
    pub subscription: Limits,
    /// Lifetimes of publications.
    pub publication: Limits,
    /// Who may publish for others.
    pub for_others: PublishesForOthers,
    /// What is shown of a presentity that is registered and publishes nothing.
    pub registration_hint: RegistrationHint,
    /// How much is kept.
    pub bounds: Bounds,
}

/// Whether an HSS says who may publish for others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PublishesForOthers {
    /// Nobody may: there is no HSS to ask.
    Nobody,
    /// Whom the HSS names (rules PUB-12, GW-01).
    AsHssSays,
}

/// What is shown of a presentity that is registered and publishes nothing (rule PRS-10).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RegistrationHint {
    /// The same as of one that is not registered: a closed document.
    None,
    /// An open service at its address.
    Open,
}

/// How much is kept, and what is answered above it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Subscriptions in all; above it SUBSCRIBE gets 500 with Retry-After.
    pub subscriptions: usize,
    /// Subscriptions to one presentity; above it the oldest of the same watcher at the same address ends, and without one SUBSCRIBE gets
    /// 480.
    pub per_presentity: usize,
    /// Subscriptions of one watcher; above it SUBSCRIBE gets 480.
    pub per_watcher: usize,
    /// Presentities that publish, and as many that are watched; above it PUBLISH and SUBSCRIBE of another one get 500 with
    /// Retry-After. Of so many users it is known where they are registered; nothing is remembered of another one.
    pub presentities: usize,
    /// Publications of one presentity; a further one replaces the one that was touched least recently.
    pub publications: usize,
}

impl PresenceServerSettings {
    /// Settings with the usual limits: who is not named by a rule is blocked, and updates go by identity.
    #[must_use]
    pub fn new(name: &str, domain: &str) -> Self {
        let limits = Limits { default_s: 3600, min_s: 60, max_s: 3600 };
        Self {
            name: name.into(),
            domain: domain.into(),
            default_action: SubHandling::Block,
            notify: NotifyPolicy::usual(Updates::Identity),
            subscription: limits,
            publication: limits,
            for_others: PublishesForOthers::Nobody,
            registration_hint: RegistrationHint::None,
            bounds: Bounds::USUAL,
        }
    }

    /// What the notifier is told.
    pub(crate) const fn notifier(&self) -> NotifierSettings {
        let Bounds { subscriptions, per_presentity, per_watcher, presentities, .. } = self.bounds;
        NotifierSettings {
            policy: self.notify,
            limits: self.subscription,
            bounds: NotifierBounds {
                subscriptions,
                resources: presentities,
                per_resource: per_presentity,
                per_watcher,
            },
            asks_forerunners: false,
        }
    }

    /// Our Contact.
    pub(crate) fn contact(&self) -> String {
        format!("<sip:{}>", self.name)
    }
}

impl Bounds {
    /// The bounds of a node that is told nothing else.
    pub const USUAL: Self = Self {
        subscriptions: 100_000,
        per_presentity: 500,
        per_watcher: 200,
        presentities: 200_000,
        publications: 10,
    };
}
