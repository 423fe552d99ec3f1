//! What an operator may ask a presence server.

use crate::PresenceServer;
use crate::identity::{Identities, is_ours};
use crate::rules::By;
use clock::{Now, Wall};
use ims_node::{AskAnswer, write_lines};
use presence_document::SubHandling;
use serde::Serialize;
use sip_event::{Standing, Subscribed};
use sip_message::Uri;
use std::fmt;

/// What [`Ask::List`] names one by one; of more it says only how many there are.
const MAX_LISTED: usize = 1000;

/// A question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// Subscriptions, publications and registrations.
    List,
    /// What becomes of this watcher's subscription to that presentity, and why.
    Explain {
        /// Whose presence.
        presentity: Uri,
        /// Who asks for it.
        watcher: Uri,
    },
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Told {
    /// To [`Ask::List`].
    Listed {
        /// The first of them, in order.
        listed: Vec<Listed>,
        /// How many more there are.
        more: usize,
    },
    /// To [`Ask::Explain`].
    Explained(Explained),
    /// To [`Ask::Explain`]: this is nobody of our domain.
    NotOurs {
        /// Who was meant.
        presentity: Box<str>,
        /// Our domain.
        domain: Box<str>,
    },
}

/// One thing that the presence server keeps.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Listed {
    /// What a presentity has published.
    Publication {
        /// Who has published.
        presentity: Box<str>,
        /// Length of the document.
        octets: usize,
        /// Seconds until the publication runs out.
        seconds_left: u64,
    },
    /// A registration that an S-CSCF has told of.
    Registration {
        /// Who is registered.
        user: Box<str>,
        /// Who serves the user.
        scscf: Box<str>,
        /// Seconds until the registration runs out.
        seconds_left: u64,
    },
    /// A watcher's subscription.
    Subscription {
        /// Who watches.
        watcher: Box<str>,
        /// Who is watched.
        presentity: Box<str>,
        /// The package.
        event: Box<str>,
        /// `pending`, `active` or `terminated` (RFC 6665 section 4.1.3).
        state: &'static str,
        /// Seconds until the subscription runs out.
        seconds_left: u64,
    },
}

/// What is decided of a watcher.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Explained {
    /// `block`, `confirm`, `polite-block` or `allow` (RFC 5025 section 3.2.1).
    pub action: &'static str,
    /// By what.
    pub by: DecidedBy,
}

/// What has decided of a watcher.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DecidedBy {
    /// Who watches itself may.
    PresentityItself,
    /// The presentity's rules.
    Rules,
    /// `default_action`: no rule of the presentity speaks of this watcher.
    DefaultNoRuleApplies,
    /// `default_action`: the presentity has no rules.
    DefaultNoRules,
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listed { listed, more: 0 } => write_lines(f, listed),
            Self::Listed { listed, more } => {
                write_lines(f, listed)?;
                write!(f, "\nand {more} more")
            }
            Self::Explained(Explained { action, by }) => write!(f, "{action}: {by}"),
            Self::NotOurs { presentity, domain } => write!(f, "{presentity} is no user of {domain}"),
        }
    }
}

impl AskAnswer for Told {
    fn refusal(&self) -> Option<&'static str> {
        match self {
            Self::Listed { .. } | Self::Explained(_) => None,
            Self::NotOurs { .. } => Some("not_of_our_domain"),
        }
    }
}

impl fmt::Display for Listed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Publication { presentity, octets, seconds_left } => {
                write!(f, "publication {presentity} {octets} octets {seconds_left}s")
            }
            Self::Registration { user, scscf, seconds_left } => {
                write!(f, "registration {user} at {scscf} {seconds_left}s")
            }
            Self::Subscription { watcher, presentity, event, state, seconds_left } => {
                write!(f, "subscription {watcher} to {presentity} {event} {state} {seconds_left}s")
            }
        }
    }
}

impl fmt::Display for DecidedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PresentityItself => "it is the presentity itself",
            Self::Rules => "by the presentity's rules",
            Self::DefaultNoRuleApplies => {
                "by default_action: no rule of the presentity speaks of this watcher"
            }
            Self::DefaultNoRules => "by default_action: the presentity has no rules",
        })
    }
}

/// Whom an operator means: a URI, an address without its scheme, or a user of `domain` by the name alone.
#[must_use]
pub fn meant(text: &str, domain: &str) -> Option<Uri> {
    let with_scheme = || Uri::parse(text).ok().filter(|uri| uri.user().is_some());
    let of_domain = || Uri::parse(&format!("sip:{text}@{domain}")).ok();
    match text.contains('@') {
        true => with_scheme().or_else(|| Uri::parse(&format!("sip:{text}")).ok()),
        false => with_scheme().or_else(of_domain),
    }
}

impl PresenceServer {
    pub(crate) fn answer_ask(&self, now: Now, ask: &Ask) -> Told {
        match ask {
            Ask::List => self.list(now.wall),
            Ask::Explain { presentity, watcher } => self.explain(now, presentity, watcher),
        }
    }

    fn list(&self, now: Wall) -> Told {
        let mut listed: Vec<Listed> = self.subscriptions(now).collect();
        listed.extend(self.documents.iter().map(|(presentity, publication)| Listed::Publication {
            presentity: presentity.to_string().into(),
            octets: publication.document().len(),
            seconds_left: seconds(publication.expires_at(), now),
        }));
        listed.extend(self.registrations.iter().map(|(user, registration)| Listed::Registration {
            user: user.to_string().into(),
            scscf: registration.scscf.to_string().into(),
            seconds_left: seconds(registration.expires_at(), now),
        }));
        listed.sort_unstable();
        let more = listed.len().saturating_sub(MAX_LISTED);
        listed.truncate(MAX_LISTED);
        Told::Listed { listed, more }
    }

    fn subscriptions(&self, now: Wall) -> impl Iterator<Item = Listed> {
        self.notifier.iter().map(move |Subscribed { watcher, resource, record }| Listed::Subscription {
            watcher: watcher.into(),
            presentity: resource.to_string().into(),
            event: record.event().to_string().into(),
            state: state(record.standing()),
            seconds_left: seconds(record.expires_at(), now),
        })
    }

    fn explain(&self, now: Now, presentity: &Uri, watcher: &Uri) -> Told {
        if !is_ours(&self.settings, presentity) {
            let presentity = presentity.as_str().into();
            return Told::NotOurs { presentity, domain: self.settings.domain.clone() };
        }
        let presentity = presentity.address_of_record();
        let watcher = watcher.address_of_record();
        let sphere = self.rules.sphere(now, &presentity, &self.documents);
        let default = self.settings.default_action;
        let ruling =
            self.rules.ruling(now, &presentity, Identities::kept(&watcher), sphere.as_deref(), default);
        let by = match ruling.by {
            By::Itself => DecidedBy::PresentityItself,
            By::Rules => DecidedBy::Rules,
            By::Default if self.rules.has(&presentity) => DecidedBy::DefaultNoRuleApplies,
            By::Default => DecidedBy::DefaultNoRules,
        };
        Told::Explained(Explained { action: action(ruling.verdict.action), by })
    }
}

fn seconds(at: Wall, now: Wall) -> u64 {
    at.saturating_since(now).as_secs()
}

const fn state(standing: Standing) -> &'static str {
    match standing {
        Standing::Pending => "pending",
        Standing::Active => "active",
        Standing::Terminated { .. } => "terminated",
    }
}

const fn action(action: SubHandling) -> &'static str {
    match action {
        SubHandling::Block => "block",
        SubHandling::Confirm => "confirm",
        SubHandling::PoliteBlock => "polite-block",
        SubHandling::Allow => "allow",
    }
}
