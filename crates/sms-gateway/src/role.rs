//! The gateway as a role of a node.

use crate::Fx;
use crate::ask::{Ask, Told};
use crate::cause::Cause;
use crate::gateway::SmsGateway;
use crate::number::Msisdn;
use clock::{Mono, Now};
use cx_protocol::{Answer, CxFailure, Request, ResultCode};
use ims_node::{AskId, Decision, InboundRequest, Outcome, Record, Refusal, Role, Unreadable};
use sip_message::{HeaderName, StatusCode};
use std::convert::Infallible;

/// What is remembered while a request of our own, or a question to the HSS, is under way: whom it is for.
#[derive(Debug)]
pub struct Own(pub(crate) Msisdn);

impl Role for SmsGateway {
    type Waiting = Infallible;
    type Own = Own;
    type Ask = Ask;
    type Told = Told;

    /// Nobody asks the gateway anything by SIP.
    fn on_request(&mut self, _: Now, _: &InboundRequest, _: &mut Fx) -> Decision<Infallible> {
        let refusal = Refusal::new(StatusCode::METHOD_NOT_ALLOWED, Cause::MethodNotTaken);
        refusal.with(HeaderName::Allow, "OPTIONS").into()
    }

    fn on_own_response(&mut self, now: Now, Own(number): Own, outcome: &Outcome, fx: &mut Fx) {
        self.on_published(now, number, outcome, fx);
        self.hand_over(now, fx);
    }

    fn on_own_hss_answer(
        &mut self,
        now: Now,
        Own(number): Own,
        answer: Result<Answer, CxFailure>,
        fx: &mut Fx,
    ) {
        self.on_user_data(now, number, answer, fx);
        self.hand_over(now, fx);
    }

    fn on_hss_request(&mut self, _: Now, request: &Request, _: &mut Fx) -> Answer {
        // Nothing is kept of what the HSS has said: it is asked for each update.
        let is_push = matches!(request, Request::Ppr(_));
        request.answer(if is_push { ResultCode::Success } else { ResultCode::CommandUnsupported })
    }

    fn deadline(&self) -> Option<Mono> {
        [self.users.deadline(), self.outbox.deadline(), self.parts.deadline()].into_iter().flatten().min()
    }

    fn on_deadline(&mut self, now: Now, fx: &mut Fx) {
        while let Some(number) = self.users.pop_due(now.mono) {
            self.go_on(now, number, fx);
        }
        self.outbox.on_deadline(now.mono);
        self.forget_late_parts(now, fx);
        self.hand_over(now, fx);
    }

    fn on_ask(&mut self, now: Now, id: AskId, ask: Ask, fx: &mut Fx) -> Option<Told> {
        let told = match ask {
            Ask::Update(update) => Some(self.on_update(now, &update, fx)),
            Ask::Collect => self.on_collect(now, id, fx),
            Ask::More => self.wait_for_more(now, id, fx),
            Ask::Sent(sent) => Some(self.on_sent(now, &sent, fx)),
            Ask::List => Some(self.list(now)),
        };
        self.hand_over(now, fx);
        told
    }

    fn metrics(&self) -> Vec<(&'static str, u64)> {
        vec![
            ("users", self.users.len() as u64),
            ("users_silenced", self.silenced.len() as u64),
            ("senders_counted", self.limit.len() as u64),
            ("long_messages", self.parts.len() as u64),
            ("messages_waiting", self.outbox.len() as u64),
            ("messages_lost", self.outbox.lost()),
            ("updates_taken", self.counts.taken),
            ("updates_not_understood", self.counts.not_understood),
            ("updates_confirmed", self.counts.confirmed),
            ("updates_failed", self.counts.failed),
        ]
    }

    fn restore(&mut self, now: Now, record: &Record) -> Result<(), Unreadable> {
        self.take(now, record)
    }

    fn restored(&mut self, now: Now, fx: &mut Fx) {
        let numbers: Vec<Msisdn> = self.users.iter().map(|(number, _)| number).collect();
        numbers.into_iter().for_each(|number| self.go_on(now, number, fx));
    }
}
