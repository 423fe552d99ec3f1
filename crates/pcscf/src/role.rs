//! Which part of the P-CSCF deals with what.

use crate::bindings::{Binding, Bindings};
use crate::flow_token::FlowKey;
use crate::registration::journal_key;
use crate::{Pcscf, Settings, Waiting};
use clock::{Mono, Now};
use ims_node::{Decision, Effects, Flow, InboundRequest, Outcome, Record, Role, Source, Verdict};
use sip_message::Method;
use std::convert::Infallible;

/// The journal's key of the flow key.
const FLOW_KEY: &[u8] = b"k";

impl Pcscf {
    /// A P-CSCF that knows nobody yet. Its flow key is made, or found in the journal, when it is restored.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self { settings, bindings: Bindings::default(), key: None }
    }

    /// How many contacts are registered.
    #[must_use]
    pub fn registered(&self) -> usize {
        self.bindings.len()
    }
}

impl Role for Pcscf {
    type Waiting = Waiting;
    type Own = Infallible;

    fn on_request(
        &mut self,
        _: Now,
        request: &InboundRequest,
        fx: &mut Effects<Infallible>,
    ) -> Decision<Waiting> {
        match (request.source(), request.method()) {
            (Source::Ue, Method::Register) => self.on_register(request, fx),
            (Source::Ue, _) => self.on_ue_request(request, fx),
            (Source::Own | Source::Peer(_) | Source::Stranger, _) => self.on_network_request(request),
        }
    }

    fn on_response(
        &mut self,
        now: Now,
        request: &InboundRequest,
        (waiting, outcome): (Waiting, &Outcome),
        fx: &mut Effects<Infallible>,
    ) -> Verdict<Waiting> {
        match waiting {
            Waiting::Registering => self.on_register_answer(now, request, outcome, fx),
            Waiting::Network => Verdict::Relay(Vec::new()),
            Waiting::Ue => Self::on_ue_answer(outcome),
        }
    }

    /// Over a stream the flow is the connection: with it the registration is gone (RFC 5626 section 5.2).
    fn on_flow_closed(&mut self, _: Now, flow: Flow, fx: &mut Effects<Infallible>) {
        for (flow, aor) in self.bindings.remove_flow(flow) {
            fx.forget(journal_key(flow, &aor));
        }
    }

    fn deadline(&self) -> Option<Mono> {
        self.bindings.deadline()
    }

    fn on_deadline(&mut self, now: Now, fx: &mut Effects<Infallible>) {
        while let Some((flow, aor)) = self.bindings.pop_expired(now.mono) {
            self.forget(flow, &aor, fx);
        }
    }

    fn on_command(
        &mut self,
        now: Now,
        words: &[&str],
        _: &mut Effects<Infallible>,
    ) -> Option<Result<String, String>> {
        match words {
            ["help"] => Some(Ok("list    who is registered, on which flow, with seconds left".into())),
            ["list"] => Some(Ok(self.list(now))),
            _ => None,
        }
    }

    fn restore(&mut self, now: Now, record: &Record) {
        let Some(value) = &record.value else { return };
        if *record.key == *FLOW_KEY {
            self.key = <[u8; 32]>::try_from(&**value).ok().map(FlowKey::new);
        } else if let Ok(binding) = minicbor::decode::<Binding>(value) {
            self.bindings.restore(now, binding);
        }
    }

    fn restored(&mut self, _: Now, fx: &mut Effects<Infallible>) {
        if self.key.is_none() {
            let key = FlowKey::new(fx.random.bytes());
            fx.persist(FLOW_KEY, *key.bytes());
            self.key = Some(key);
        }
        // Connections ended with the process that had them; a datagram flow lives on.
        let gone: Vec<Flow> =
            self.bindings.iter().map(|(flow, _)| *flow).filter(|f| f.connection.is_some()).collect();
        for flow in gone {
            for (flow, aor) in self.bindings.remove_flow(flow) {
                fx.forget(journal_key(flow, &aor));
            }
        }
    }
}

impl Pcscf {
    fn list(&self, now: Now) -> String {
        let mut lines: Vec<String> = self
            .bindings
            .iter()
            .map(|(flow, binding)| {
                let left = binding.expires_at().saturating_since(now.wall).as_secs();
                format!("{} {} {} {left}s", binding.aor, flow.transport, flow.remote)
            })
            .collect();
        lines.sort();
        lines.join("\n")
    }
}
