//! How the node drives the user agent.

use crate::Fx;
use crate::agent::UeAgent;
use crate::ask::{Ask, Told};
use crate::registration::Input;
use crate::watch::Watched;
use clock::{Mono, Now};
use ims_node::{AskId, Decision, Flow, InboundRequest, Outcome, Role};
use sip_event::Asking;
use sip_message::Transport;
use std::convert::Infallible;

/// What is remembered while a request of ours is under way.
#[derive(Debug)]
pub enum Own {
    /// A REGISTER.
    Register {
        /// Its number: answers to an earlier one count no more.
        cseq: u32,
    },
    /// A SUBSCRIBE.
    Subscribe(Asking<Watched>),
    /// A PUBLISH.
    Publish,
    /// A request without consequences.
    Once {
        /// Its method.
        method: &'static str,
        /// To whom.
        uri: Box<str>,
    },
}

impl Role for UeAgent {
    type Waiting = Infallible;
    type Own = Own;
    type Ask = Ask;
    type Told = Told;

    fn on_request(&mut self, now: Now, request: &InboundRequest, fx: &mut Fx) -> Decision<Infallible> {
        let decision = self.on_inbound(now, request, fx);
        self.run_machines(now, fx);
        decision
    }

    fn on_own_response(&mut self, now: Now, own: Own, outcome: &Outcome, fx: &mut Fx) {
        let away = Outcome::Unreachable;
        let is_known = !self.look_for_signs(now, &own, outcome, fx);
        let heard = if is_known { outcome } else { &away };
        match own {
            Own::Register { cseq } => {
                let ended = Input::Ended { cseq, outcome };
                self.registration.handle(now, &self.settings, ended, &mut fx.random);
            }
            Own::Subscribe(asking) => self.on_subscribe_ended(now, &asking, heard),
            Own::Publish => self.on_publish_ended(now, heard),
            Own::Once { method, uri } => self.on_once_ended(method, uri, outcome),
        }
        self.run_machines(now, fx);
    }

    /// RFC 5626 section 4.4: over a stream the registration lives as long as the connection.
    fn on_flow_closed(&mut self, now: Now, flow: Flow, fx: &mut Fx) {
        let ours = self.settings.pcscf;
        if ours.transport == Transport::Tcp && flow.remote == ours.address {
            self.on_flow_gone(now, fx);
            self.run_machines(now, fx);
        }
    }

    fn on_pong(&mut self, _: Now, flow: Flow, _: &mut Fx) {
        self.on_answered_ping(flow);
    }

    fn deadline(&self) -> Option<Mono> {
        let publication = self.publication.as_ref().and_then(|publication| publication.deadline());
        let others = [
            self.registration.deadline(),
            self.subscriptions.poll_timeout(),
            publication,
            self.stage.deadline(),
            self.way.deadline(),
            self.keepalive.deadline(),
        ];
        others.into_iter().flatten().min()
    }

    fn on_deadline(&mut self, now: Now, fx: &mut Fx) {
        if self.registration.deadline().is_some_and(|at| at <= now.mono) {
            self.registration.handle(now, &self.settings, Input::Deadline, &mut fx.random);
        }
        self.anew_due(now, &mut fx.random);
        self.keepalive_due(now, fx);
        self.subscriptions.on_deadline(now);
        self.publication_due(now);
        self.run_machines(now, fx);
    }

    fn on_ask(&mut self, now: Now, _: AskId, ask: Ask, fx: &mut Fx) -> Option<Told> {
        Some(self.answer_ask(now, ask, fx))
    }
}
