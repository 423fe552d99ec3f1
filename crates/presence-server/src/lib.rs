//! Presence server: composes what presentities publish, decides who may watch, and notifies (RFC 3856, RFC 6665,
//! RFC 3903, RFC 5025; TS 24.141 section 5.3).
//!
//! In the contribution: the Presence Server with its Presence User Agent. It answers SubscribePres and PresUpdateMsg with
//! MsgAck and sends NotifyPresUp (figures 1, 2, 3, 6 and 7); S-CSCFs route to it by their filter criteria.
//!
//! * SUBSCRIBE: `subscribe`, with the decision who may watch in `ruling` and what is shown in `view`.
//! * PUBLISH: `publish`. A change goes to all who watch: `announce`.
//! * NOTIFY: `notify` says which way; `settle` carries out what each subscription's machine wants.
//! * A third-party REGISTER tells which S-CSCF has a user: `register`.
//! * What must survive the process: `journal`.
//!
//! A decision is a value and everything sent beside it waits behind it, so that no NOTIFY leaves before the answer to the
//! request that caused it.
//!
//! `config` and `rules_dir` are the adapters: they alone read files.
//!
//! Not here: whether a user exists (the HSS and the S-CSCF have decided), presence.winfo, lists, partial documents, XCAP.

mod announce;
mod changes;
mod command;
mod composed;
pub mod config;
mod identity;
mod journal;
mod merged;
mod notify;
mod package;
mod presentity;
mod publish;
mod register;
mod role;
mod rules;
mod rules_dir;
mod ruling;
mod settings;
mod settle;
mod subscribe;
mod view;
mod watch;
mod watches;

pub use rules::presentity_named;
pub use settings::{Agent, Bounds, RegistrationHint, Settings};
pub use watch::WatchId;

use changes::Changes;
use clock::Deadlines;
use composed::Composed;
use journal::Restoring;
use merged::Answered;
use presence_document::Rules;
use presentity::Presentity;
use std::collections::HashMap;
use std::sync::Arc;
use watches::Watches;

/// The rules of all presentities, by address of record.
pub type RuleBook = HashMap<Box<str>, Rules>;

/// The role.
#[derive(Debug)]
pub struct PresenceServer {
    settings: Settings,
    rules: RuleBook,
    presentities: HashMap<Arc<str>, Presentity>,
    watches: Watches,
    changes: Changes,
    /// The end of a publication or registration, or a time that the rules name.
    presentity_deadlines: Deadlines<Arc<str>>,
    answered: Answered,
    composed: Composed,
    /// Publications that went because their presentity had too many.
    crowded_out: u64,
    restoring: Restoring,
}

/// What is remembered while a request of our own is under way: the NOTIFY of this subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Notified {
    pub(crate) watch: WatchId,
    pub(crate) slot: u8,
}

impl PresenceServer {
    /// A presence server that knows nothing of anybody yet.
    #[must_use]
    pub fn new(settings: Settings, rules: RuleBook) -> Self {
        Self {
            settings,
            rules,
            presentities: HashMap::new(),
            watches: Watches::new(),
            changes: Changes::default(),
            presentity_deadlines: Deadlines::new(),
            answered: Answered::default(),
            composed: Composed::default(),
            crowded_out: 0,
            restoring: Restoring::default(),
        }
    }

    /// How many dialogs are watching.
    #[must_use]
    pub fn watches(&self) -> usize {
        self.watches.len()
    }

    /// Of how many presentities anything is kept.
    #[must_use]
    pub fn presentities(&self) -> usize {
        self.presentities.len()
    }
}
