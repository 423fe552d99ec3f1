//! The subscription to our own registration (TS 24.229 section 5.1.1.3): the network says when it has ended it, and
//! whether to register again (section 5.1.1.7, rule REG-U-06); and where else the user is registered.
//!
//! A network that refuses it is registered with all the same.

use crate::Fx;
use crate::agent::UeAgent;
use crate::presence::shown;
use crate::registration::Input;
use crate::report::Report;
use crate::watch::{Watched, schedule};
use clock::Now;
use ims_node::Random;
use presence_document::{ContactEvent, ContactState, InfoState, RegContact, RegInfo};
use sip_event::SubscriberConfig;
use sip_message::{Event, Message, Uri};
use std::time::Duration;

/// The package.
pub(crate) const REG: &str = "reg";

/// The interval asked for, in seconds.
const EXPIRES_S: u32 = 600_000;

/// Other contacts of the user that are remembered; of more nothing is told.
const MAX_OTHERS: usize = 32;

/// The longest that a registrar may put us on probation, in seconds; longer is taken as this.
const MAX_PROBATION_S: u64 = 3600;

/// What we know of our registration from the network.
#[derive(Debug, Default)]
pub(crate) struct RegWatch {
    /// The registration that its subscription was about is over, or leads another way now.
    outlived: bool,
    /// Other contacts of the user that have been told of.
    others: Vec<Box<str>>,
}

impl RegWatch {
    /// The registration is over, or leads another way: its dialog is of no more use.
    pub(crate) fn outlive(&mut self) {
        self.outlived = true;
    }
}

impl UeAgent {
    /// Registered: the subscription is begun where there is none; by another way, or after a time without a
    /// registration, anew.
    pub(crate) fn watch_registration(&mut self, random: &mut Random) {
        let is_needed = self.reg.outlived || !self.subscriptions.contains(&Watched::Registration);
        if !self.settings.subscribe_reg || !is_needed {
            return;
        }
        let config =
            SubscriberConfig { expires: EXPIRES_S, t1: self.settings.t1, schedule: schedule(random) };
        self.subscriptions.begin(Watched::Registration, config, Event { package: REG, id: None });
        self.reg.outlived = false;
    }

    pub(crate) fn unwatch_registration(&mut self, now: Now) {
        self.subscriptions.unsubscribe(now, &Watched::Registration);
    }

    /// A NOTIFY of it has come.
    pub(crate) fn tell_registration(&mut self, now: Now, message: &Message, fx: &mut Fx) {
        let info = match RegInfo::parse(&message.body()) {
            Ok(info) => info,
            Err(error) => return self.error(format!("a registration document is broken: {error}")),
        };
        self.tell_others(&info);
        let ended = info.contacts().map(|(_, contact)| contact).find(|contact| {
            contact.state == ContactState::Terminated && self.is_own(contact) && !self.is_outdated(contact)
        });
        if let Some(contact) = ended {
            let ended = Input::Terminated { event: contact.event.as_str(), again: comeback(contact) };
            self.registration.handle(now, &self.settings, ended, &mut fx.random);
        }
    }

    fn is_own(&self, contact: &RegContact) -> bool {
        let same_uri = || {
            let bound = Uri::parse(&contact.uri).ok();
            bound.zip(self.settings.contact()).is_some_and(|(bound, ours)| bound.is_equivalent(&ours))
        };
        let instance = contact.instance.as_deref().map(|text| text.trim_matches(['<', '>']));
        instance.map_or_else(same_uri, |other| {
            other.eq_ignore_ascii_case(self.settings.instance.as_str()) && same_uri()
        })
    }

    /// Another REGISTER of ours has been accepted since.
    fn is_outdated(&self, contact: &RegContact) -> bool {
        let by = contact.call_id.as_deref().zip(contact.cseq);
        by.is_some_and(|(call_id, cseq)| self.registration.is_outdated(call_id, cseq))
    }

    /// Where else the user is registered, and no more.
    fn tell_others(&mut self, info: &RegInfo) {
        let aor = self.identity().clone();
        let of_us = |text: &str| Uri::parse(text).is_ok_and(|uri| uri.is_equivalent(&aor));
        let contacts: Vec<&RegContact> = info
            .contacts()
            .filter(|(registration, _)| of_us(&registration.aor))
            .map(|(_, contact)| contact)
            .collect();
        let is_active = |uri: &str| {
            contacts.iter().any(|contact| contact.state == ContactState::Active && *contact.uri == *uri)
        };
        let mut reports = Vec::new();
        let gone: Vec<Box<str>> = match info.state {
            InfoState::Full => self.reg.others.extract_if(.., |uri| !is_active(uri)).collect(),
            InfoState::Partial => Vec::new(),
        };
        for uri in gone {
            let event = contacts.iter().find(|contact| contact.uri == uri).map(|contact| contact.event);
            reports.push((uri, ContactState::Terminated, event));
        }
        for contact in contacts {
            let known = self.reg.others.iter().position(|uri| *uri == contact.uri);
            match (contact.state, known) {
                (ContactState::Active, None)
                    if !self.is_own(contact) && self.reg.others.len() < MAX_OTHERS =>
                {
                    self.reg.others.push(contact.uri.clone());
                    reports.push((contact.uri.clone(), contact.state, Some(contact.event)));
                }
                (ContactState::Terminated, Some(at)) => {
                    let uri = self.reg.others.remove(at);
                    reports.push((uri, contact.state, Some(contact.event)));
                }
                (ContactState::Active, _) | (ContactState::Terminated, None) => {}
            }
        }
        for (contact, state, event) in reports {
            let (uri, reason) = (aor.as_str().into(), event.map_or("gone", ContactEvent::as_str));
            self.report(Report::Contact { uri, contact: shown(&contact), state: state.as_str(), reason });
        }
    }
}

/// After how long to register again; `None` is not at all (section 5.1.1.7).
fn comeback(contact: &RegContact) -> Option<Duration> {
    match contact.event {
        ContactEvent::Probation => {
            let seconds = contact.retry_after_s.unwrap_or_default().min(MAX_PROBATION_S);
            Some(Duration::from_secs(seconds))
        }
        ContactEvent::Rejected | ContactEvent::Unregistered => None,
        ContactEvent::Deactivated
        | ContactEvent::Expired
        | ContactEvent::Registered
        | ContactEvent::Created
        | ContactEvent::Refreshed
        | ContactEvent::Shortened => Some(Duration::ZERO),
    }
}
