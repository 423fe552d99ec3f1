//! Who may see what of whom (RFC 5025), and when that changes by itself.

use crate::documents::Documents;
use crate::identity::Identities;
use crate::presentity::Presentity;
use clock::{Deadlines, Mono, Now};
use presence_document::{Permissions, Rules, SubHandling, Verdict};
use sip_event::Authorisation;
use sip_message::Uri;
use std::collections::HashMap;

/// The presentity whose rules a file of this name holds: its address without the scheme, `carol@home1.test`, or `+15550123`. A
/// slash, which no file name can hold, is written `%2F`. `None` when that is no user's address.
#[must_use]
pub fn presentity_named(stem: &str) -> Option<Box<str>> {
    if stem.starts_with('+') && !stem.contains('@') {
        let number = Uri::parse(&format!("tel:{stem}")).ok()?;
        return number.telephone_number().map(|_| number.address_of_record().into());
    }
    let uri = Uri::parse(&format!("sip:{}", stem.replace("%2F", "/"))).ok()?;
    let plain = uri.user().is_some() && uri.port().is_none() && uri.params().iter().next().is_none();
    (plain && uri.headers().is_none()).then(|| uri.address_of_record().into())
}

/// What was decided about a watcher, and by what (RFC 5025 section 3.2, rule PRS-04).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ruling {
    pub(crate) verdict: Verdict,
    pub(crate) by: By,
}

/// What decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    /// The watcher is the presentity.
    Itself,
    /// The presentity's rules.
    Rules,
    /// The configured default, because no rule speaks of the watcher.
    Default,
}

impl Ruling {
    /// What it means for a subscription.
    pub(crate) const fn authorisation(&self) -> Authorisation {
        match self.verdict.action {
            SubHandling::Allow | SubHandling::PoliteBlock => Authorisation::Allowed,
            SubHandling::Confirm => Authorisation::Undecided,
            SubHandling::Block => Authorisation::Refused,
        }
    }
}

/// The authorisation rules of every presentity that has any.
#[derive(Debug, Clone, Default)]
pub struct RuleBook {
    rules: HashMap<Box<str>, Rules>,
    /// When the rules of a presentity that is watched say something else: by the clock, or with its sphere.
    times: Deadlines<Presentity>,
}

impl RuleBook {
    /// No rules.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts the rules of a presentity, by its address of record, in; gives those that were there.
    pub fn insert(&mut self, presentity: Box<str>, rules: Rules) -> Option<Rules> {
        self.rules.insert(presentity, rules)
    }

    /// How many presentities have rules.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rules.len()
    }

    /// Whether nobody has rules.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Whether a presentity has rules.
    #[must_use]
    pub fn has(&self, presentity: &str) -> bool {
        self.rules.contains_key(presentity)
    }

    /// Whose rules there are, in no order.
    pub fn presentities(&self) -> impl Iterator<Item = &str> {
        self.rules.keys().map(|presentity| &**presentity)
    }

    /// Whether both books say the same of a presentity.
    pub(crate) fn agrees(&self, other: &Self, presentity: &str) -> bool {
        self.rules.get(presentity) == other.rules.get(presentity)
    }

    /// The sphere of a presentity, where its rules ask for it: otherwise no document is looked into.
    pub(crate) fn sphere(&self, now: Now, presentity: &str, documents: &Documents) -> Option<Box<str>> {
        self.rules.get(presentity).filter(|rules| rules.ask_for_sphere())?;
        documents.sphere(now, presentity)
    }

    /// Decides about a watcher while the presentity is in `sphere` (RFC 5025 section 3.2, rule PRS-04).
    pub(crate) fn ruling(
        &self,
        now: Now,
        presentity: &str,
        watcher: Identities<'_>,
        sphere: Option<&str>,
        default: SubHandling,
    ) -> Ruling {
        if watcher.name(presentity) {
            let verdict = Verdict { action: SubHandling::Allow, permissions: Permissions::all() };
            return Ruling { verdict, by: By::Itself };
        }
        let rules = self.rules.get(presentity);
        match rules.and_then(|rules| rules.evaluate(&watcher.as_watcher(), now.wall, sphere)) {
            Some(verdict) => Ruling { verdict, by: By::Rules },
            None => Ruling { verdict: by_default(default), by: By::Default },
        }
    }

    /// Notes when the rules of a presentity that is watched will say something else.
    pub(crate) fn note_time(&mut self, now: Now, presentity: &Presentity, documents: &Documents) {
        let Some(rules) = self.rules.get(&**presentity) else { return };
        let sphere = rules.ask_for_sphere().then(|| documents.sphere_change(now, presentity)).flatten();
        match rules.next_change(now.wall).into_iter().chain(sphere).min() {
            Some(at) => self.times.set(presentity.clone(), now.mono_at(at)),
            None => self.times.cancel(presentity),
        }
    }

    pub(crate) fn deadline(&self) -> Option<Mono> {
        self.times.next()
    }

    /// A presentity whose rules say something else now.
    pub(crate) fn pop_due(&mut self, now: Now) -> Option<Presentity> {
        self.times.pop_due(now.mono)
    }
}

impl FromIterator<(Box<str>, Rules)> for RuleBook {
    fn from_iter<T: IntoIterator<Item = (Box<str>, Rules)>>(all: T) -> Self {
        Self { rules: all.into_iter().collect(), times: Deadlines::new() }
    }
}

fn by_default(action: SubHandling) -> Verdict {
    let permissions = match action {
        SubHandling::Allow => Permissions::all(),
        SubHandling::Block | SubHandling::Confirm | SubHandling::PoliteBlock => Permissions::default(),
    };
    Verdict { action, permissions }
}
