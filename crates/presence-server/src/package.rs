//! The presence event package (RFC 3856), and what its notifier sees of the server.

use crate::documents::Documents;
use crate::identity::Privacy;
use crate::identity::{Identities, Sender};
use crate::presentity::Presentity;
use crate::registrations::Registrations;
use crate::rules::RuleBook;
use crate::settings::{PresenceServerSettings, RegistrationHint};
use clock::Now;
use ims_node::notifier::check_no_filter;
use ims_node::{InboundRequest, Refusal};
use presence_document::Verdict;
use sip_event::{BadEvent, Body, Dialog, Notify, Package, Ruling, Seen, Source, UnknownBody};
use sip_message::{Message, Uri};

/// The type of presence documents, mandatory in the package and the only one sent or taken.
pub(crate) const PIDF: &str = "application/pidf+xml";

/// The package.
#[derive(Debug)]
pub(crate) struct Presence;

impl Package for Presence {
    type Resource = Presentity;
    type Extra = Privacy;
    type ViewKey = Verdict;

    const PACKAGES: &'static [&'static str] = &["presence"];
    const TYPES: &'static [&'static str] = &[PIDF];
    const EXTRA_VERSION: u8 = 1;
}

/// Rules SUB-N-02 and PUB-02.
pub(crate) fn bad_event(error: BadEvent) -> Refusal {
    Refusal::of_event(error, &Presence::PACKAGES.join(", "))
}

/// What the notifier sees.
#[derive(Debug)]
pub(crate) struct PresenceView<'a> {
    pub(crate) settings: &'a PresenceServerSettings,
    pub(crate) documents: &'a mut Documents,
    pub(crate) rules: &'a RuleBook,
    pub(crate) registrations: &'a Registrations,
}

impl PresenceView<'_> {
    /// Whether a presentity counts as there because it is registered.
    fn is_registered(&self, now: Now, presentity: &Presentity) -> bool {
        match self.settings.registration_hint {
            RegistrationHint::Open => self.registrations.is_registered(now, presentity),
            RegistrationHint::None => false,
        }
    }

    fn view(&mut self, now: Now, presentity: &Presentity, verdict: &Verdict) -> crate::view::View {
        let is_registered = self.is_registered(now, presentity);
        self.documents.views(now, presentity, is_registered).view(verdict)
    }
}

impl Source<Presence> for PresenceView<'_> {
    fn contact(&self) -> String {
        self.settings.contact()
    }

    fn extra(&self, subscribe: &Message) -> Result<Privacy, UnknownBody> {
        check_no_filter(subscribe)?;
        Ok(Privacy::of(subscribe))
    }

    /// Only where the rules ask for the sphere are documents looked into: nobody who is refused has them composed.
    fn ruling(&mut self, now: Now, presentity: &Presentity, watcher: &str) -> Ruling<Verdict> {
        let sphere = self.rules.sphere(now, presentity, self.documents);
        let default = self.settings.default_action;
        let ruling =
            self.rules.ruling(now, presentity, Identities::kept(watcher), sphere.as_deref(), default);
        Ruling { authorisation: ruling.authorisation(), view: ruling.verdict }
    }

    fn fingerprint(&mut self, now: Now, presentity: &Presentity, view: &Verdict) -> u64 {
        self.view(now, presentity, view).fingerprint
    }

    fn body(&mut self, now: Now, seen: Seen<'_, Presence>, _: &Notify) -> Option<Body> {
        let bytes = self.view(now, seen.resource, seen.view).body?;
        Some(Body { content_type: PIDF, bytes })
    }

    fn route_apart(&self, presentity: &Presentity, dialog: &Dialog) -> String {
        let target = dialog.remote_target();
        if target.is_host(&self.settings.domain) {
            // Figure 6: straight to the S-CSCF that registered the watcher with us; if none did, to our I-CSCF.
            return self.scscf_of(&target.address_of_record()).unwrap_or_default();
        }
        // Figure 7: out of our network by the presentity's S-CSCF, which finds the watcher's domain by DNS. The one that
        // brought the SUBSCRIBE may have lost the presentity to another since.
        let brought = || dialog.route_set().first().and_then(|first| without_user(&first));
        self.scscf_of(presentity).or_else(brought).unwrap_or_default()
    }
}

impl PresenceView<'_> {
    /// The S-CSCF that has registered this user with us, as a Route.
    fn scscf_of(&self, user: &str) -> Option<String> {
        Some(format!("<{};lr>", self.registrations.of(user)?.scscf))
    }
}

/// The element of a record-route entry, not the dialog that the entry's user part stands for.
fn without_user(entry: &Uri) -> Option<String> {
    let host = entry.host()?;
    let uri = Uri::sip(None, &host, entry.port()).ok()?;
    Some(format!("<{uri};lr>"))
}

/// The network need not assert an identity in the requests of a dialog; where it does, it must be the watcher's. Otherwise
/// the tag counts, which nobody else was told; but another network speaks for its own users only, and must say for whom.
pub(crate) fn is_watcher(request: &InboundRequest, watcher: &str) -> bool {
    match Sender::of(request) {
        Some(sender) => sender.identities().iter().any(|one| Identities::kept(watcher).name(one)),
        None => *request.source() == ims_node::Source::Own,
    }
}
