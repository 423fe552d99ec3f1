//! Presence server: composes what presentities publish, decides who may watch, and notifies (RFC 3856, RFC 6665,
//! RFC 3903, RFC 5025; TS 24.141 section 5.3).
//!
//! In the contribution: the Presence Server with its Presence User Agent. It answers SubscribePres and PresUpdateMsg with
//! MsgAck and sends NotifyPresUp (figures 1, 2, 3, 6 and 7); S-CSCFs route to it by their filter criteria.
//!
//! | part | what it owns |
//! |---|---|
//! | [`sip_event::Notifier`] | who watches whom, and what they have been told |
//! | `documents` | what presentities publish, and what is composed of it |
//! | `rules` | who may see what |
//! | `registrations` | which S-CSCF has which user |
//! | `agents` | who may publish for whom, as the HSS has said |
//!
//! * SUBSCRIBE: `subscribe`. What the notifier sees of the other parts: `package`.
//! * PUBLISH: `publish`. What a watcher is shown: `view`.
//! * A third-party REGISTER tells which S-CSCF has a user: `register`.
//! * What happens by the clock, and the NOTIFYs of a change: `due`.
//! * The module `journal` says which records survive the process.
//!
//! A decision is a value and everything sent beside it waits behind it, so that no NOTIFY leaves before the answer to the
//! request that caused it.
//!
//! The binary beside it reads files: its configuration and the rules directory.
//!
//! Not here: whether a user exists (the HSS and the S-CSCF have decided), presence.winfo, lists, partial documents, XCAP.

mod agents;
mod answered;
mod ask;
mod cause;
mod composed;
mod documents;
mod due;
mod earlier;
mod identity;
mod journal;
mod package;
mod presentity;
mod publish;
mod reconfigure;
mod register;
mod registrations;
mod role;
mod rules;
mod settings;
mod subscribe;
mod view;

pub use ask::{Ask, DecidedBy, Explained, Listed, Told, meant};
pub use cause::Cause;
pub use rules::{RuleBook, presentity_named};
pub use settings::{Bounds, PresenceServerSettings, PublishesForOthers, RegistrationHint};

use agents::Agents;
use documents::Documents;
use journal::Restoring;
use package::{Presence, PresenceView};
use presentity::Presentity;
use registrations::Registrations;
use sip_event::Notifier;
use std::collections::HashSet;

/// The role.
#[derive(Debug)]
pub struct PresenceServer {
    settings: PresenceServerSettings,
    notifier: Notifier<Presence>,
    documents: Documents,
    rules: RuleBook,
    registrations: Registrations,
    agents: Agents,
    restoring: Restoring,
}

/// What is remembered while a request of our own is under way: the NOTIFY of this subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Notified(pub(crate) sip_event::Notified);

impl PresenceServer {
    /// A presence server that knows nothing of anybody yet.
    #[must_use]
    pub fn new(settings: PresenceServerSettings, rules: RuleBook) -> Self {
        Self {
            notifier: Notifier::new(settings.notifier()),
            settings,
            documents: Documents::default(),
            rules,
            registrations: Registrations::default(),
            agents: Agents::default(),
            restoring: Restoring::default(),
        }
    }

    /// The notifier, and what it sees of everything else.
    fn parts(&mut self) -> (&mut Notifier<Presence>, PresenceView<'_>) {
        let Self { settings, notifier, documents, rules, registrations, .. } = self;
        (notifier, PresenceView { settings, documents, rules, registrations })
    }

    /// How many dialogs are watching.
    #[must_use]
    pub fn watches(&self) -> usize {
        self.notifier.len()
    }

    /// Of how many presentities anything is kept: all of them are looked at.
    #[must_use]
    pub fn presentities(&self) -> usize {
        let watched = self.notifier.resources();
        let all = self.documents.presentities().chain(self.registrations.users()).chain(&watched);
        all.collect::<HashSet<&Presentity>>().len()
    }
}

/// Where the role puts what follows from an input: records, requests, questions to the HSS, answers to operators, events.
pub(crate) type Fx = ims_node::Effects<Notified, Told>;
