//! What a node is: the decisions of one network function.

use crate::cause::NodeCause;
use crate::decision::{Decision, Verdict};
use crate::effects::Effects;
use crate::flow::Flow;
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

    /// A new request.
    fn on_request(
        &mut self,
        now: Now,
        request: &InboundRequest,
        fx: &mut Effects<Self::Own>,
    ) -> Decision<Self::Waiting>;

    /// The HSS answered a question asked by [`Decision::AskHss`]; a role that asks has an answer to it.
    fn on_hss_answer(
        &mut self,
        _now: Now,
        _request: &InboundRequest,
        _answer: (Self::Waiting, Result<Answer, CxFailure>),
        _fx: &mut Effects<Self::Own>,
    ) -> Decision<Self::Waiting> {
        Refusal::new(StatusCode::SERVER_ERROR, NodeCause::HssAnswerUnused).into()
    }

    /// A forwarded request whose plan had a `then` has ended; without a word of the role the response is passed on.
    fn on_response(
        &mut self,
        _now: Now,
        _request: &InboundRequest,
        _ended: (Self::Waiting, &Outcome),
        _fx: &mut Effects<Self::Own>,
    ) -> Verdict<Self::Waiting> {
        Verdict::Relay(Vec::new())
    }

    /// A request of the role's own has ended.
    fn on_own_response(
        &mut self,
        _now: Now,
        _own: Self::Own,
        _outcome: &Outcome,
        _fx: &mut Effects<Self::Own>,
    ) {
    }

    /// The HSS answered a question asked by [`Effects::ask_hss`].
    fn on_own_hss_answer(
        &mut self,
        _now: Now,
        _own: Self::Own,
        _answer: Result<Answer, CxFailure>,
        _fx: &mut Effects<Self::Own>,
    ) {
    }

    /// The HSS asks something.
    fn on_hss_request(&mut self, _now: Now, request: &Request, _fx: &mut Effects<Self::Own>) -> Answer {
        request.answer(ResultCode::CommandUnsupported)
    }

    /// A UE's connection ended.
    fn on_flow_closed(&mut self, _now: Now, _flow: Flow, _fx: &mut Effects<Self::Own>) {}

    /// A keep-alive of [`Effects::ping`] was answered.
    fn on_pong(&mut self, _now: Now, _flow: Flow, _fx: &mut Effects<Self::Own>) {}

    /// When [`Role::on_deadline`] has something to do.
    fn deadline(&self) -> Option<Mono> {
        None
    }

    /// A deadline may have passed.
    fn on_deadline(&mut self, _now: Now, _fx: &mut Effects<Self::Own>) {}

    /// Whether there is something to do that no input asked for and that can be done now: [`Role::work`].
    fn has_work(&self) -> bool {
        false
    }

    /// Does some of it, and begins `room` requests with that, or a few more. The node asks for as long as [`Role::has_work`] says so, and
    /// looks at what has come in between: a change that ten thousand watchers are told of stops nobody.
    fn work(&mut self, _now: Now, _room: usize, _fx: &mut Effects<Self::Own>) {}

    /// The node is ending: what was put off to a later time becomes work.
    fn on_drain(&mut self) {}

    /// An operator's command; lines of text, or why it is refused. `None` when the role does not know it.
    fn on_command(
        &mut self,
        _now: Now,
        _words: &[&str],
        _fx: &mut Effects<Self::Own>,
    ) -> Option<Result<String, String>> {
        None
    }

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
    fn restored(&mut self, _now: Now, _fx: &mut Effects<Self::Own>) {}
}
