//! Which part of the presence server deals with what.

use crate::identity::check_source;
use crate::{Notified, PresenceServer};
use clock::{Mono, Now};
use ims_node::{Decision, Effects, InboundRequest, Outcome, Record, Refusal, Role, Unreadable};
use sip_message::{HeaderName, Method, Response, StatusCode};
use std::convert::Infallible;

/// The methods that are taken; NOTIFY is ours to send.
const ALLOW: &str = "SUBSCRIBE, PUBLISH, REGISTER, OPTIONS";

impl Role for PresenceServer {
    type Waiting = Infallible;
    type Own = Notified;

    fn on_request(
        &mut self,
        now: Now,
        request: &InboundRequest,
        fx: &mut Effects<Notified>,
    ) -> Decision<Infallible> {
        match self.answer(now, request, fx) {
            Ok(response) => Decision::Reply(response),
            Err(refusal) => refusal.into(),
        }
    }

    fn on_own_response(&mut self, now: Now, own: Notified, outcome: &Outcome, fx: &mut Effects<Notified>) {
        self.on_notified(now, own, outcome, fx);
    }

    fn deadline(&self) -> Option<Mono> {
        if !self.changes.is_empty() {
            // At once, but after whatever else has come in.
            return Some(Mono::ZERO);
        }
        self.watches.deadline().into_iter().chain(self.presentity_deadlines.next()).min()
    }

    fn on_deadline(&mut self, now: Now, fx: &mut Effects<Notified>) {
        self.on_due(now, fx);
    }

    fn on_command(
        &mut self,
        now: Now,
        words: &[&str],
        _: &mut Effects<Notified>,
    ) -> Option<Result<String, String>> {
        self.command(now, words)
    }

    fn figures(&self) -> Vec<(&'static str, u64)> {
        let publications = self
            .presentities
            .values()
            .map(|presentity| presentity.publications.iter().count())
            .sum::<usize>();
        vec![
            ("subscriptions", self.watches.len() as u64),
            ("watchers", self.watches.watchers() as u64),
            ("presentities", self.presentities.len() as u64),
            ("publications", publications as u64),
            ("publications_crowded_out", self.crowded_out),
        ]
    }

    fn restore(&mut self, _: Now, record: &Record) -> Result<(), Unreadable> {
        self.restoring.take(record).ok_or(Unreadable)
    }

    fn restored(&mut self, now: Now, fx: &mut Effects<Notified>) {
        self.go_on(now, fx);
    }
}

impl PresenceServer {
    /// The checks that come before the method (rule SIP-02), then the method.
    fn answer(
        &mut self,
        now: Now,
        request: &InboundRequest,
        fx: &mut Effects<Notified>,
    ) -> Result<Response, Refusal> {
        check_source(request)?;
        // No extension is needed here that a client could insist on.
        Refusal::check_demands(request.message(), HeaderName::Require, &[])?;
        let method = request.method();
        if *method == Method::Subscribe {
            self.on_subscribe(now, request, fx)
        } else if *method == Method::Publish {
            self.on_publish(now, request, fx)
        } else if *method == Method::Register {
            self.on_register(now, request, fx)
        } else if *method == Method::Notify {
            Err(Refusal::new(StatusCode::NO_SUCH_TRANSACTION, "nothing is subscribed to from here"))
        } else {
            let refusal = Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "a presence server does not do this");
            Err(refusal.with(HeaderName::Allow, ALLOW))
        }
    }
}
