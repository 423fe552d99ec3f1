//! Which part of the P-CSCF deals with what.

use crate::ask::{Ask, Told};
use crate::bindings::{Binding, Bindings};
use crate::flow_token::FlowKey;
use crate::guesses::Guesses;
use crate::leaving::{EndedBy, Leaving};
use crate::reg_event::RegSubscriptions;
use crate::registering::Registering;
use crate::{Fx, Own, Pcscf, PcscfSettings, Waiting};
use clock::{Mono, Now};
use ims_node::{AskId, Decision, Flow, InboundRequest, Outcome, Record, Role, Source, Unreadable, Verdict};
use sip_message::Method;

/// The journal's key of the flow key.
const FLOW_KEY: &[u8] = b"k";

impl Pcscf {
    /// A P-CSCF that knows nobody yet. Its flow key is made, or found in the journal, when it is restored.
    #[must_use]
    pub fn new(settings: PcscfSettings) -> Self {
        Self {
            reg: RegSubscriptions::new(settings.t1),
            settings,
            bindings: Bindings::default(),
            registering: Registering::default(),
            key: None,
            leaving: Leaving::default(),
            guesses: Guesses::default(),
            crowded_out: 0,
        }
    }

    /// How many contacts are registered.
    #[must_use]
    pub fn registered(&self) -> usize {
        self.bindings.len()
    }

    /// How many users' registrations are watched.
    #[must_use]
    pub fn reg_subscriptions(&self) -> usize {
        self.reg.len()
    }
}

impl Role for Pcscf {
    type Waiting = Waiting;
    type Own = Own;
    type Ask = Ask;
    type Told = Told;

    fn on_request(&mut self, now: Now, request: &InboundRequest, fx: &mut Fx) -> Decision<Waiting> {
        match (request.source(), request.method()) {
            (Source::Ue, Method::Register) => self.on_register(now, request, fx),
            (Source::Ue, _) => self.on_ue_request(request, fx),
            (Source::Own | Source::Peer(_) | Source::Stranger, _) if self.is_for_us(request) => {
                self.on_reg_notify(now, request, fx)
            }
            (Source::Own | Source::Peer(_) | Source::Stranger, _) => self.on_network_request(now, request),
        }
    }

    fn on_response(
        &mut self,
        now: Now,
        request: &InboundRequest,
        waiting: Waiting,
        outcome: &Outcome,
        fx: &mut Fx,
    ) -> Verdict<Waiting> {
        match waiting {
            Waiting::Registering { filed, guess } => {
                self.on_guess_answered(request.flow(), guess, outcome);
                self.on_register_answer(now, request, filed, outcome, fx)
            }
            Waiting::Network => Verdict::Relay(self.towards_ue(request, outcome)),
            Waiting::Ue => self.on_ue_answer(request, outcome),
        }
    }

    fn on_own_response(&mut self, now: Now, own: Own, outcome: &Outcome, fx: &mut Fx) {
        let Own::RegSubscribe(asking) = own;
        self.on_reg_subscribed(now, &asking, outcome, fx);
    }

    /// Over a stream the flow is the connection: with it the registration is gone (RFC 5626 section 5.2).
    fn on_flow_closed(&mut self, now: Now, flow: Flow, fx: &mut Fx) {
        self.forget_flow(now, flow, fx);
    }

    fn deadline(&self) -> Option<Mono> {
        let deadlines =
            [self.bindings.deadline(), self.reg.deadline(), self.leaving.deadline(), self.guesses.deadline()];
        deadlines.into_iter().flatten().min()
    }

    fn on_deadline(&mut self, now: Now, fx: &mut Fx) {
        while let Some((flow, aor)) = self.bindings.pop_expired(now.mono) {
            self.release(now, flow, &aor, EndedBy::Network, fx);
        }
        self.on_reg_due(now, fx);
        self.leaving.expire(now.mono);
        self.guesses.expire(now.mono);
    }

    fn on_ask(&mut self, now: Now, _: AskId, ask: Ask, _: &mut Fx) -> Option<Told> {
        match ask {
            Ask::List => Some(Told::Registered(self.contacts(now))),
        }
    }

    fn metrics(&self) -> Vec<(&'static str, u64)> {
        vec![
            ("contacts", self.bindings.len() as u64),
            ("registering", self.registering.len() as u64),
            ("guessing", self.guesses.len() as u64),
            ("flows_crowded_out", self.crowded_out),
        ]
    }

    fn restore(&mut self, now: Now, record: &Record) -> Result<(), Unreadable> {
        let value = record.value.as_deref().unwrap_or_default();
        if *record.key == *FLOW_KEY {
            let key = <[u8; 32]>::try_from(value).map_err(|_| Unreadable)?;
            self.key = Some(FlowKey::new(key));
        } else {
            self.bindings.put(now, minicbor::decode::<Binding>(value).map_err(|_| Unreadable)?);
        }
        Ok(())
    }

    fn restored(&mut self, now: Now, fx: &mut Fx) {
        if self.key.is_none() {
            let key = FlowKey::new(fx.random.bytes());
            fx.persist(FLOW_KEY, *key.bytes());
            self.key = Some(key);
        }
        // Connections ended with the process that had them; a datagram flow lives on.
        let gone: Vec<Flow> =
            self.bindings.iter().map(|binding| binding.flow).filter(|f| f.connection.is_some()).collect();
        for flow in gone {
            self.forget_flow(now, flow, fx);
        }
        self.watch_restored(now, fx);
    }
}
