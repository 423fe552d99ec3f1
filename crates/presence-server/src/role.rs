//! Which part of the presence server deals with what.

use crate::ask::{Ask, Told};
use crate::cause::Cause;
use crate::identity::check_source;
use crate::publish::Asked;
use crate::{Fx, Notified, PresenceServer};
use clock::{Mono, Now};
use cx_protocol::{Answer, CxFailure, Request, ResultCode};
use ims_node::{AskId, Decision, InboundRequest, Outcome, Record, Refusal, Role, Unreadable, notifier};
use sip_message::{HeaderName, Method, StatusCode};

/// The methods that are taken; NOTIFY is ours to send.
const ALLOW: &str = "SUBSCRIBE, PUBLISH, REGISTER, OPTIONS";

impl Role for PresenceServer {
    type Waiting = Asked;
    type Own = Notified;
    type Ask = Ask;
    type Told = Told;

    fn on_request(&mut self, now: Now, request: &InboundRequest, fx: &mut Fx) -> Decision<Asked> {
        self.answer(now, request, fx).unwrap_or_else(Decision::from)
    }

    fn on_hss_answer(
        &mut self,
        now: Now,
        request: &InboundRequest,
        Asked(presentity): Asked,
        answer: Result<Answer, CxFailure>,
        fx: &mut Fx,
    ) -> Decision<Asked> {
        let published =
            self.note_agents(now, presentity, answer).and_then(|()| self.on_publish(now, request, fx));
        published.unwrap_or_else(Decision::from)
    }

    fn on_hss_request(&mut self, _: Now, request: &Request, _: &mut Fx) -> Answer {
        let Request::Ppr(ppr) = request else { return request.answer(ResultCode::CommandUnsupported) };
        self.agents.forget(ppr);
        request.answer(ResultCode::Success)
    }

    fn on_hss_lost(&mut self, _: Now) {
        self.agents.forget_all();
    }

    fn on_own_response(&mut self, now: Now, notified: Notified, outcome: &Outcome, fx: &mut Fx) {
        let (notifier, mut view) = self.parts();
        notifier.on_notified(now, notified.0, outcome.into(), &mut view);
        notifier::carry_out(&mut self.notifier, fx, Notified);
    }

    fn has_work(&self) -> bool {
        self.notifier.has_work()
    }

    fn work(&mut self, now: Now, room: usize, fx: &mut Fx) {
        self.tell(now, room, fx);
    }

    fn on_drain(&mut self) {
        self.notifier.drain();
    }

    fn deadline(&self) -> Option<Mono> {
        let deadlines = [self.documents.deadline(), self.registrations.deadline(), self.rules.deadline()];
        deadlines.into_iter().chain([self.notifier.poll_timeout()]).flatten().min()
    }

    fn on_deadline(&mut self, now: Now, fx: &mut Fx) {
        self.on_due(now, fx);
    }

    fn on_ask(&mut self, now: Now, _: AskId, ask: Ask, _: &mut Fx) -> Option<Told> {
        Some(self.answer_ask(now, &ask))
    }

    fn metrics(&self) -> Vec<(&'static str, u64)> {
        vec![
            ("subscriptions", self.notifier.len() as u64),
            ("watchers", self.notifier.watchers() as u64),
            ("presentities", self.documents.len() as u64),
            ("presentities_watched", self.notifier.resources_len() as u64),
            ("agents_known", self.agents.len() as u64),
            ("publications", self.documents.iter().count() as u64),
            ("publications_crowded_out", self.documents.crowded_out()),
        ]
    }

    fn restore(&mut self, _: Now, record: &Record) -> Result<(), Unreadable> {
        self.take(record).ok_or(Unreadable)
    }

    fn restored(&mut self, now: Now, fx: &mut Fx) {
        self.go_on(now, fx);
    }
}

impl PresenceServer {
    /// The checks that come before the method (rule SIP-02), then the method.
    fn answer(
        &mut self,
        now: Now,
        request: &InboundRequest,
        fx: &mut Fx,
    ) -> Result<Decision<Asked>, Refusal> {
        check_source(request)?;
        // No extension is needed here that a client could insist on.
        Refusal::check_demands(request.message(), HeaderName::Require, &[])?;
        let method = request.method();
        if *method == Method::Subscribe {
            self.on_subscribe(now, request, fx).map(Decision::Reply)
        } else if *method == Method::Publish {
            self.on_publish(now, request, fx)
        } else if *method == Method::Register {
            self.on_register(now, request, fx).map(Decision::Reply)
        } else if *method == Method::Notify {
            Err(Refusal::new(StatusCode::NO_SUCH_TRANSACTION, Cause::NothingSubscribed))
        } else {
            let refusal = Refusal::new(StatusCode::METHOD_NOT_ALLOWED, Cause::MethodNotTaken);
            Err(refusal.with(HeaderName::Allow, ALLOW))
        }
    }
}
