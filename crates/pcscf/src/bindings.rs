//! Who is registered on which flow (rule REG-P-06).

use clock::{Deadlines, Mono, Now, Wall};
use cx_protocol::Impu;
use ims_node::{Flow, ListenerId};
use minicbor::{Decode, Encode};
use sip_message::{Transport, Uri};
use std::collections::HashMap;
use std::net::SocketAddr;

/// Contacts registered through one P-CSCF; above it a REGISTER is refused.
pub const MAX_CONTACTS: usize = 200_000;

/// What the 200 to a REGISTER told of one contact.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Binding {
    /// The address of record that was registered.
    #[n(0)]
    pub(crate) aor: Impu,
    /// The identities registered with it, the default one first.
    #[n(1)]
    pub(crate) impus: Vec<Impu>,
    /// The Service-Route entries, in order.
    #[n(2)]
    pub(crate) service_route: Vec<Box<str>>,
    /// Milliseconds since the epoch.
    #[n(3)]
    expires_at: u64,
    #[n(4)]
    listener: u8,
    #[n(5)]
    over_tcp: bool,
    #[n(6)]
    remote: Box<str>,
    #[n(7)]
    connection: Option<u64>,
    /// The Contact that was registered, by which the same phone is known on another flow.
    #[n(8)]
    pub(crate) contact: Box<str>,
}

impl Binding {
    pub(crate) fn new(
        (aor, impus): (Impu, Vec<Impu>),
        service_route: Vec<Box<str>>,
        expires_at: Wall,
        (flow, contact): (Flow, &str),
    ) -> Self {
        Self {
            aor,
            impus,
            service_route,
            expires_at: expires_at.unix_millis(),
            listener: flow.listener.0,
            over_tcp: flow.transport == Transport::Tcp,
            remote: flow.remote.to_string().into(),
            connection: flow.connection,
            contact: contact.into(),
        }
    }

    fn flow(&self) -> Option<Flow> {
        let transport = if self.over_tcp { Transport::Tcp } else { Transport::Udp };
        let remote: SocketAddr = self.remote.parse().ok()?;
        Some(Flow { listener: ListenerId(self.listener), transport, remote, connection: self.connection })
    }

    pub(crate) const fn expires_at(&self) -> Wall {
        Wall::from_unix_millis(self.expires_at)
    }
}

/// Flows of one user through one P-CSCF; above it the oldest is forgotten.
const MAX_FLOWS: usize = 10;

fn forget_flow(flows_of: &mut HashMap<Impu, Vec<Flow>>, aor: &Impu, flow: Flow) {
    if let Some(flows) = flows_of.get_mut(aor) {
        flows.retain(|own| *own != flow);
        if flows.is_empty() {
            flows_of.remove(aor);
        }
    }
}

/// A binding is filed under the flow and the identity registered on it.
pub(crate) type Key = (Flow, Impu);

/// All bindings, by flow.
#[derive(Debug, Default)]
pub(crate) struct Bindings {
    by_flow: HashMap<Flow, Vec<Binding>>,
    /// The flows of each address of record, latest last.
    flows_of: HashMap<Impu, Vec<Flow>>,
    expiries: Deadlines<Key>,
}

impl Bindings {
    pub(crate) fn len(&self) -> usize {
        self.expiries.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Flow, &Binding)> {
        self.by_flow.iter().flat_map(|(flow, bindings)| bindings.iter().map(move |binding| (flow, binding)))
    }

    /// Files a binding, in place of the one of the same identity on the same flow.
    pub(crate) fn put(&mut self, now: Now, flow: Flow, binding: Binding) {
        self.expiries.set((flow, binding.aor.clone()), now.mono_at(binding.expires_at()));
        let flows = self.flows_of.entry(binding.aor.clone()).or_default();
        flows.retain(|own| *own != flow);
        flows.push(flow);
        let bindings = self.by_flow.entry(flow).or_default();
        bindings.retain(|own| own.aor != binding.aor);
        bindings.push(binding);
    }

    /// Whether the identity is registered on the flow.
    pub(crate) fn has(&self, flow: Flow, aor: &Impu) -> bool {
        self.by_flow.get(&flow).is_some_and(|bindings| bindings.iter().any(|binding| binding.aor == *aor))
    }

    /// Whether anybody is registered on the flow.
    pub(crate) fn is_used(&self, flow: Flow) -> bool {
        self.by_flow.contains_key(&flow)
    }

    /// The other flows of a user that lead nowhere any more: their contact is not bound now, or it is the one that has
    /// just been registered on `flow`; and the oldest above [`MAX_FLOWS`].
    pub(crate) fn outlived(&self, flow: Flow, aor: &Impu, (own, bound): (&str, &[Uri])) -> Vec<Flow> {
        let others: Vec<Flow> =
            self.flows_of.get(aor).into_iter().flatten().copied().filter(|f| *f != flow).collect();
        let contact = |other: &Flow| {
            let binding = self.by_flow.get(other)?.iter().find(|binding| binding.aor == *aor)?;
            Uri::parse(&binding.contact).ok()
        };
        let is_over = |other: &Flow| {
            contact(other).is_none_or(|uri| {
                Uri::parse(own).is_ok_and(|own| own.is_equivalent(&uri))
                    || !bound.iter().any(|one| one.is_equivalent(&uri))
            })
        };
        let crowd = others.len().saturating_sub(MAX_FLOWS - 1);
        let over = others.into_iter().enumerate().filter(|(at, other)| *at < crowd || is_over(other));
        over.map(|(_, other)| other).collect()
    }

    /// As left by an earlier process; a connection of that process is gone with it.
    pub(crate) fn restore(&mut self, now: Now, binding: Binding) {
        if let Some(flow) = binding.flow() {
            self.put(now, flow, binding);
        }
    }

    pub(crate) fn remove(&mut self, flow: Flow, aor: &Impu) -> bool {
        self.expiries.cancel(&(flow, aor.clone()));
        let Some(bindings) = self.by_flow.get_mut(&flow) else { return false };
        let before = bindings.len();
        bindings.retain(|binding| binding.aor != *aor);
        let removed = bindings.len() < before;
        forget_flow(&mut self.flows_of, aor, flow);
        if bindings.is_empty() {
            self.by_flow.remove(&flow);
        }
        removed
    }

    /// Everything on a flow that is gone.
    pub(crate) fn remove_flow(&mut self, flow: Flow) -> Vec<Key> {
        let bindings = self.by_flow.remove(&flow).unwrap_or_default();
        let keys: Vec<Key> = bindings.into_iter().map(|binding| (flow, binding.aor)).collect();
        for key in &keys {
            self.expiries.cancel(key);
            forget_flow(&mut self.flows_of, &key.1, flow);
        }
        keys
    }

    /// The binding that speaks for a request: of the identities registered on its flow the one that the UE prefers, else
    /// the one registered first (rule RT-P-02). Several users may share a flow behind one address.
    pub(crate) fn speaker(&self, flow: Flow, preferred: &[Impu]) -> Option<(&Binding, &Impu)> {
        let bindings = self.by_flow.get(&flow)?;
        let named = preferred.iter().find_map(|impu| {
            bindings
                .iter()
                .find_map(|binding| binding.impus.iter().find(|own| *own == impu).map(|own| (binding, own)))
        });
        named.or_else(|| {
            bindings.first().and_then(|binding| binding.impus.first().map(|impu| (binding, impu)))
        })
    }

    pub(crate) fn deadline(&self) -> Option<Mono> {
        self.expiries.next()
    }

    pub(crate) fn pop_expired(&mut self, now: Mono) -> Option<Key> {
        self.expiries.pop_due(now)
    }
}
