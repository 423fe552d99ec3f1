//! What a node is: the decisions of one network function.

use crate::cause::NodeCause;
use crate::decision::{Decision, Verdict};
use crate::effects::Effects;
use crate::flow::Flow;
use crate::ids::AskId;
use crate::inbound::InboundRequest;
use crate::own::Outcome;
use crate::record::Record;
use crate::refusal::Refusal;
use clock::{Mono, Now};
use cx_protocol::{Answer, CxFailure, Request, ResultCode};
use sip_message::StatusCode;

/// A journal record that says nothing to this version of a role: another version wrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unreadable;

/// A network function. It is asked, one thing at a time, and answers at once; what it waits for is a value of its own
/// that comes back with the answer.
pub trait Role {
    /// What it remembers while a request of somebody else is held: waiting for the HSS or for the next hop.
    type Waiting: std::fmt::Debug;
    /// What it remembers while a request of its own is under way.
    type Own: std::fmt::Debug;
    /// What it is asked that is not SIP; [`crate::NoAsk`] if nothing.
    type Ask: std::fmt::Debug + 'static;
    /// What it answers to that.
    type Told: std::fmt::Debug + 'static;

    /// A new request.
    fn on_request(
        &mut self,
        now: Now,
        request: &InboundRequest,
        fx: &mut Effects<Self::Own, Self::Told>,
    ) -> Decision<Self::Waiting>;

    /// The HSS answered a question asked by [`Decision::AskHss`]; a role that asks has an answer to it.
    fn on_hss_answer(
        &mut self,
        _now: Now,
        _request: &InboundRequest,
        _waiting: Self::Waiting,
        _answer: Result<Answer, CxFailure>,
        _fx: &mut Effects<Self::Own, Self::Told>,
    ) -> Decision<Self::Waiting> {
        Refusal::new(StatusCode::SERVER_ERROR, NodeCause::HssAnswerUnused).into()
    }

    /// A forwarded request whose plan had a `then` has ended; without a word of the role the response is passed on.
    fn on_response(
        &mut self,
        _now: Now,
        _request: &InboundRequest,
        _waiting: Self::Waiting,
        _outcome: &Outcome,
        _fx: &mut Effects<Self::Own, Self::Told>,
    ) -> Verdict<Self::Waiting> {
        Verdict::Relay(Vec::new())
    }

    /// A request of the role's own has ended.
    fn on_own_response(
        &mut self,
        _now: Now,
        _own: Self::Own,
        _outcome: &Outcome,
        _fx: &mut Effects<Self::Own, Self::Told>,
    ) {
    }

    /// The HSS answered a question asked by [`Effects::ask_hss`].
    fn on_own_hss_answer(
        &mut self,
        _now: Now,
        _own: Self::Own,
        _answer: Result<Answer, CxFailure>,
        _fx: &mut Effects<Self::Own, Self::Told>,
    ) {
    }

    /// The HSS asks something.
    fn on_hss_request(
        &mut self,
        _now: Now,
        request: &Request,
        _fx: &mut Effects<Self::Own, Self::Told>,
    ) -> Answer {
        request.answer(ResultCode::CommandUnsupported)
    }

    /// The connection with the HSS was lost: what the HSS would have said meanwhile nobody has heard.
    fn on_hss_lost(&mut self, _now: Now) {}

    /// A UE's connection ended.
    fn on_flow_closed(&mut self, _now: Now, _flow: Flow, _fx: &mut Effects<Self::Own, Self::Told>) {}

    /// A keep-alive of [`Effects::ping`] was answered.
    fn on_pong(&mut self, _now: Now, _flow: Flow, _fx: &mut Effects<Self::Own, Self::Told>) {}

    /// When [`Role::on_deadline`] has something to do.
    fn deadline(&self) -> Option<Mono> {
        None
    }

    /// A deadline may have passed.
    fn on_deadline(&mut self, _now: Now, _fx: &mut Effects<Self::Own, Self::Told>) {}

    /// Whether there is something to do that no input asked for and that can be done now: [`Role::work`].
    fn has_work(&self) -> bool {
        false
    }

    /// Does some of it, and begins `room` requests with that, or a few more. The node asks for as long as [`Role::has_work`] says so, and
    /// looks at what has come in between: a change that ten thousand watchers are told of stops nobody.
    fn work(&mut self, _now: Now, _room: usize, _fx: &mut Effects<Self::Own, Self::Told>) {}

    /// The node is ending: what was put off to a later time becomes work.
    fn on_drain(&mut self) {}

    /// Somebody asks what is not SIP: an operator, for one. The answer waits for the journal if something was kept for it. `None` leaves
    /// the question open: the answer comes by [`Effects::tell`], and the role bounds how many it owes.
    fn on_ask(
        &mut self,
        now: Now,
        id: AskId,
        ask: Self::Ask,
        fx: &mut Effects<Self::Own, Self::Told>,
    ) -> Option<Self::Told>;

    /// How much it keeps of what, and how often it let something go for want of room: names and numbers for the operator.
    fn metrics(&self) -> Vec<(&'static str, u64)> {
        Vec::new()
    }

    /// One live record of the journal, before anything else happens.
    ///
    /// # Errors
    /// [`Unreadable`]: the record stays where it is, and the operator is told.
    fn restore(&mut self, _now: Now, _record: &Record) -> Result<(), Unreadable> {
        Ok(())
    }

    /// All records have been restored; what must be sent after a restart is sent now.
    fn restored(&mut self, _now: Now, _fx: &mut Effects<Self::Own, Self::Told>) {}
}
