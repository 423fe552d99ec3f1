//! Operator commands.

use crate::PresenceServer;
use crate::identity::is_ours;
use crate::rules::By;
use clock::{Now, Wall};
use presence_document::SubHandling;
use sip_event::{Standing, Subscribed};
use sip_message::Uri;

/// Lines that `list` prints; of more it says only how many there are.
const MAX_LINES: usize = 1000;

const HELP: &str = "\
list: subscriptions, publications and registrations, with the seconds left
explain PRESENTITY WATCHER: what becomes of this watcher's subscription to that presentity, and why";

impl PresenceServer {
    pub(crate) fn command(&self, now: Now, words: &[&str]) -> Option<Result<String, String>> {
        match words {
            ["help"] => Some(Ok(HELP.into())),
            ["list"] => Some(Ok(self.list(now.wall))),
            ["explain", presentity, watcher] => Some(self.explain(now, presentity, watcher)),
            ["explain", ..] => {
                Some(Err("explain PRESENTITY WATCHER, such as `explain bob alice@home1.test`".into()))
            }
            _ => None,
        }
    }

    fn list(&self, now: Wall) -> String {
        let mut lines: Vec<String> = self.subscription_lines(now).collect();
        for (presentity, publication) in self.documents.iter() {
            let (octets, left) = (publication.document().len(), seconds(publication.expires_at(), now));
            lines.push(format!("publication {presentity} {octets} octets {left}s"));
        }
        for (user, registration) in self.registrations.iter() {
            let left = seconds(registration.expires_at(), now);
            lines.push(format!("registration {user} at {} {left}s", registration.scscf));
        }
        lines.sort();
        let more = lines.len().saturating_sub(MAX_LINES);
        lines.truncate(MAX_LINES);
        if more > 0 {
            lines.push(format!("and {more} more"));
        }
        lines.join("\n")
    }

    fn subscription_lines(&self, now: Wall) -> impl Iterator<Item = String> {
        self.notifier.iter().map(move |Subscribed { watcher, resource, record }| {
            let (event, state) = (record.event(), state(record.standing()));
            let left = seconds(record.expires_at(), now);
            format!("subscription {watcher} to {resource} {event} {state} {left}s")
        })
    }

    /// Whom an operator means: a URI, an address without its scheme, or a user of our domain by the name alone.
    fn meant(&self, text: &str) -> Option<Uri> {
        let with_scheme = || Uri::parse(text).ok().filter(|uri| uri.user().is_some());
        let of_domain = || Uri::parse(&format!("sip:{text}@{}", self.settings.domain)).ok();
        match text.contains('@') {
            true => with_scheme().or_else(|| Uri::parse(&format!("sip:{text}")).ok()),
            false => with_scheme().or_else(of_domain),
        }
    }

    fn explain(&self, now: Now, presentity: &str, watcher: &str) -> Result<String, String> {
        let uri =
            |text: &str| self.meant(text).ok_or_else(|| format!("{text} is nobody; try carol@home1.test"));
        let presentity = uri(presentity)?;
        if !is_ours(&self.settings, &presentity) {
            return Err(format!("{presentity} is no user of {}", self.settings.domain));
        }
        let presentity = presentity.address_of_record();
        let watcher = uri(watcher)?.address_of_record();
        let sphere = self.rules.sphere(now, &presentity, &self.documents);
        let about = (presentity.as_str(), watcher.as_str());
        let ruling = self.rules.ruling(now, about, sphere.as_deref(), self.settings.default_action);
        let by = match ruling.by {
            By::Itself => "it is the presentity itself",
            By::Rules => "by the presentity's rules",
            By::Default if self.rules.has(&presentity) => {
                "by default_action: no rule of the presentity speaks of this watcher"
            }
            By::Default => "by default_action: the presentity has no rules",
        };
        Ok(format!("{}: {by}", action(ruling.verdict.action)))
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
