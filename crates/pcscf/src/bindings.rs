//! Who is registered on which flow (rule REG-P-06).

mod kept;

use crate::bound::Granted;
use clock::{Deadlines, Mono, Now, Wall};
use cx_protocol::Impu;
use ims_node::{Flow, Pool};
use minicbor::{Decode, Encode};
use sha2::{Digest as _, Sha256};
use sip_message::{HeaderName, Message, NameAddr, Uri};
use slab::Slab;
use smallvec::SmallVec;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

/// Contacts registered through one P-CSCF; above it a REGISTER is refused.
pub const MAX_CONTACTS: usize = 200_000;

/// Entries of a Service-Route, in order. Shared: an S-CSCF gives most of its users the same.
pub(crate) type ServiceRoute = Arc<[Box<str>]>;

/// What the 200 to a REGISTER told of one contact.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Binding {
    /// Where it was registered from.
    #[n(0)]
    #[cbor(with = "kept::flow")]
    pub(crate) flow: Flow,
    /// The address of record that was registered.
    #[n(1)]
    pub(crate) aor: Impu,
    /// The identities registered with it, the default one first.
    #[n(2)]
    pub(crate) impus: Box<[Impu]>,
    #[n(3)]
    #[cbor(with = "kept::route")]
    pub(crate) service_route: ServiceRoute,
    /// Milliseconds since the epoch.
    #[n(4)]
    pub(crate) expires_at: u64,
    /// The Contact that was registered first, by which the same phone is known on another flow.
    #[n(5)]
    pub(crate) contact: Box<str>,
    /// Contacts that were registered beside it on this flow.
    #[n(7)]
    #[cbor(default)]
    pub(crate) others: Box<[Box<str>]>,
    /// The REGISTER that made it.
    #[n(6)]
    pub(crate) register: RegisterId,
    /// Of the private identity that registered it.
    #[n(8)]
    #[cbor(default)]
    pub(crate) impi: Tag,
    /// Its place in the order of filing, given when it is filed; of this process alone.
    #[cbor(skip)]
    pub(crate) number: u64,
    /// Of the address of record; known once it is filed.
    #[cbor(skip)]
    pub(crate) tag: Tag,
}

/// What a REGISTER is known by, to whoever is told of a contact that it made.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct RegisterId {
    #[n(0)]
    pub(crate) call_id: Box<str>,
    /// The number in its CSeq.
    #[n(1)]
    pub(crate) cseq: u32,
}

/// An identity in six octets, in what goes out to phones and beside each binding.
pub(crate) type Tag = [u8; 6];

/// The tag of an identity: the beginning of its SHA-256, the same in every process.
pub(crate) fn tag(identity: &str) -> Tag {
    let whole: [u8; 32] = Sha256::digest(identity.as_bytes()).into();
    std::array::from_fn(|at| whole.get(at).copied().unwrap_or_default())
}

impl Binding {
    pub(crate) fn until(self, at: Wall) -> Self {
        Self { expires_at: at.unix_millis(), ..self }
    }

    /// Every contact of the phone that was registered through this flow.
    pub(crate) fn contacts(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&*self.contact).chain(self.others.iter().map(|other| &**other))
    }

    pub(crate) fn has_contact(&self, uri: &Uri) -> bool {
        self.contacts().any(|contact| Uri::parse(contact).is_ok_and(|contact| contact.is_equivalent(uri)))
    }

    /// The default identity: it names the implicit set.
    pub(crate) fn user(&self) -> Option<&Impu> {
        self.impus.first()
    }

    pub(crate) const fn expires_at(&self) -> Wall {
        Wall::from_unix_millis(self.expires_at)
    }
}

/// Who a UE says it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Claims {
    /// P-Preferred-Identity.
    pub(crate) preferred: Vec<Impu>,
    /// From.
    pub(crate) from: Option<Impu>,
}

impl Claims {
    pub(crate) fn of(message: &Message) -> Self {
        let asked =
            message.list(HeaderName::PPreferredIdentity).filter_map(|value| NameAddr::parse(value).ok());
        let from = message.from_uri().as_ref().map(Uri::as_str).and_then(|uri| Impu::new(uri).ok());
        Self { preferred: asked.filter_map(|address| Impu::new(address.uri_text()).ok()).collect(), from }
    }

    /// Whether this is one of the identities that it names.
    pub(crate) fn name(&self, impu: &Impu) -> bool {
        self.preferred.contains(impu) || self.from.as_ref() == Some(impu)
    }
}

/// Flows of one user through one P-CSCF; above it the oldest is forgotten.
const MAX_FLOWS: usize = 10;

/// Where a binding lies in its table.
type Slot = usize;

/// Nearly always one.
type Slots = SmallVec<[Slot; 2]>;

/// All bindings, found by flow and by address of record.
#[derive(Debug, Default)]
pub(crate) struct Bindings {
    all: Slab<Box<Binding>>,
    /// Those of each flow, first registered first.
    by_flow: HashMap<Flow, Slots>,
    /// Those of each address of record, each of another flow, latest last.
    by_aor: HashMap<Impu, Slots>,
    expiries: Deadlines<Slot>,
    routes: Pool<[Box<str>]>,
    filed: u64,
}

impl Bindings {
    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    /// How many have been filed so far, refreshed ones again.
    pub(crate) const fn filed(&self) -> u64 {
        self.filed
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Binding> {
        self.all.iter().map(|(_, binding)| &**binding)
    }

    /// Files a binding, in place of the one of the same identity on the same flow.
    pub(crate) fn put(&mut self, now: Now, mut binding: Binding) {
        self.remove(binding.flow, &binding.aor);
        binding.service_route = self.routes.share(binding.service_route);
        self.filed += 1;
        binding.number = self.filed;
        binding.tag = tag(binding.aor.as_str());
        // One text for an identity, wherever it stands.
        if let Some(impu) = binding.impus.iter_mut().find(|impu| **impu == binding.aor) {
            *impu = binding.aor.clone();
        }
        let (flow, aor, expiry) = (binding.flow, binding.aor.clone(), now.mono_at(binding.expires_at()));
        let slot = self.all.insert(Box::new(binding));
        self.by_flow.entry(flow).or_default().push(slot);
        self.by_aor.entry(aor).or_default().push(slot);
        self.expiries.set(slot, expiry);
    }

    fn slot(&self, flow: Flow, aor: &Impu) -> Option<Slot> {
        let mut slots = self.by_flow.get(&flow)?.iter().copied();
        slots.find(|slot| self.all.get(*slot).is_some_and(|binding| binding.aor == *aor))
    }

    fn on(&self, flow: Flow) -> impl Iterator<Item = &Binding> + Clone {
        self.at(self.by_flow.get(&flow))
    }

    /// The bindings of an address of record on other flows than this one.
    fn others(&self, flow: Flow, aor: &Impu) -> impl Iterator<Item = &Binding> {
        self.at(self.by_aor.get(aor)).filter(move |binding| binding.flow != flow)
    }

    fn at<'a>(&'a self, slots: Option<&'a Slots>) -> impl Iterator<Item = &'a Binding> + Clone {
        slots.into_iter().flatten().filter_map(|slot| self.all.get(*slot)).map(|binding| &**binding)
    }

    /// Whether the identity is registered on the flow.
    pub(crate) fn has(&self, flow: Flow, aor: &Impu) -> bool {
        self.slot(flow, aor).is_some()
    }

    /// What is registered as the identity on the flow.
    pub(crate) fn get(&self, flow: Flow, aor: &Impu) -> Option<&Binding> {
        self.slot(flow, aor).and_then(|slot| self.all.get(slot)).map(|binding| &**binding)
    }

    /// Whether anybody is registered on the flow.
    pub(crate) fn is_used(&self, flow: Flow) -> bool {
        self.by_flow.contains_key(&flow)
    }

    /// Whether the binding of this tag is registered on the flow.
    pub(crate) fn is_bound(&self, flow: Flow, tag: Tag) -> bool {
        self.on(flow).any(|binding| binding.tag == tag)
    }

    /// Whether this private identity is registered on the flow.
    pub(crate) fn is_registered_as(&self, flow: Flow, impi: Tag) -> bool {
        self.on(flow).any(|binding| binding.impi == impi)
    }

    /// Who else is registered on the flow of this binding: by another private identity, and of another implicit set.
    pub(crate) fn strangers(&self, binding: &Binding) -> Vec<Impu> {
        let is_other = |other: &&Binding| other.impi != binding.impi && other.user() != binding.user();
        self.on(binding.flow).filter(is_other).map(|other| other.aor.clone()).collect()
    }

    /// The bindings of an identity that belong to this set.
    pub(crate) fn of_user(&self, aor: &Impu, user: &Impu) -> impl Iterator<Item = &Binding> {
        self.at(self.by_aor.get(aor)).filter(move |binding| binding.user() == Some(user))
    }

    /// Whether an identity of this set is registered here.
    pub(crate) fn is_registered(&self, aor: &Impu, user: &Impu) -> bool {
        self.of_user(aor, user).next().is_some()
    }

    /// The other flows of a user that lead nowhere any more: each of their contacts is not listed now, or is one that
    /// has just been granted on `flow`; and the oldest above [`MAX_FLOWS`].
    ///
    /// Of a binding filed after the REGISTER was forwarded the answer may know nothing, for it may be one that was lost
    /// and has been resent (RFC 3261 section 17.2.2).
    pub(crate) fn outlived(&self, flow: Flow, aor: &Impu, granted: &Granted) -> Vec<Flow> {
        let Granted { asked, listed, filed } = granted;
        let is_in = |list: &[Uri], uri: &Uri| list.iter().any(|one| one.is_equivalent(uri));
        let is_over = |other: &Binding| {
            other.contacts().all(|contact| {
                Uri::parse(contact)
                    .ok()
                    .is_none_or(|uri| is_in(asked, &uri) || other.number <= *filed && !is_in(listed, &uri))
            })
        };
        let crowd = self.crowd(flow, aor);
        let others = self.others(flow, aor).enumerate();
        others.filter(|(at, other)| *at < crowd || is_over(other)).map(|(_, other)| other.flow).collect()
    }

    /// These contacts are bound by `flow` now, and by no other one. Gives what is left of the others.
    pub(crate) fn moved(&mut self, flow: Flow, aor: &Impu, granted: &[Uri]) -> Vec<Binding> {
        let is_moved = |contact: &str| {
            Uri::parse(contact).is_ok_and(|uri| granted.iter().any(|one| one.is_equivalent(&uri)))
        };
        let lost = |other: &&Binding| other.contacts().any(is_moved);
        let flows: Vec<Flow> = self.others(flow, aor).filter(lost).map(|other| other.flow).collect();
        let mut left = Vec::new();
        for other in flows {
            let Some(binding) = self.slot(other, aor).and_then(|slot| self.all.get_mut(slot)) else {
                continue;
            };
            let kept: Vec<Box<str>> =
                binding.contacts().filter(|contact| !is_moved(contact)).map(Into::into).collect();
            let mut kept = kept.into_iter();
            if let Some(first) = kept.next() {
                binding.contact = first;
                binding.others = kept.collect();
                left.push((**binding).clone());
            }
        }
        left
    }

    /// How many of the user's other flows are too many.
    pub(crate) fn crowd(&self, flow: Flow, aor: &Impu) -> usize {
        self.others(flow, aor).count().saturating_sub(MAX_FLOWS - 1)
    }

    pub(crate) fn remove(&mut self, flow: Flow, aor: &Impu) -> Option<Binding> {
        let slot = self.slot(flow, aor)?;
        self.take(slot)
    }

    /// Everything on a flow that is gone.
    pub(crate) fn remove_flow(&mut self, flow: Flow) -> Vec<Binding> {
        let slots = self.by_flow.get(&flow).cloned().unwrap_or_default();
        slots.into_iter().filter_map(|slot| self.take(slot)).collect()
    }

    fn take(&mut self, slot: Slot) -> Option<Binding> {
        let binding = self.all.try_remove(slot)?;
        self.expiries.cancel(&slot);
        dismiss(&mut self.by_flow, &binding.flow, slot);
        dismiss(&mut self.by_aor, &binding.aor, slot);
        Some(*binding)
    }

    /// The binding and the identity that speak for a request (rule RT-P-02): the identity that the UE prefers, if it is
    /// registered on the flow; else the default identity. Several users may share a flow behind one address: then it is the
    /// default one of the user whom From names, else of the one who registered first.
    pub(crate) fn speaker(&self, flow: Flow, claims: &Claims) -> Option<(&Binding, &Impu)> {
        let bindings = self.on(flow);
        let with = |impu: &Impu| {
            bindings.clone().find_map(|binding| {
                binding
                    .impus
                    .iter()
                    .find(|registered| *registered == impu)
                    .map(|registered| (binding, registered))
            })
        };
        if let Some(preferred) = claims.preferred.iter().find_map(with) {
            return Some(preferred);
        }
        let of_from = claims.from.as_ref().and_then(with).map(|(binding, _)| binding);
        let binding = of_from.or_else(|| bindings.clone().next())?;
        Some((binding, binding.user()?))
    }

    pub(crate) fn deadline(&self) -> Option<Mono> {
        self.expiries.next()
    }

    /// The flow and the address of record of a binding that has expired.
    pub(crate) fn pop_expired(&mut self, now: Mono) -> Option<(Flow, Impu)> {
        let slot = self.expiries.pop_due(now)?;
        self.all.get(slot).map(|binding| (binding.flow, binding.aor.clone()))
    }
}

fn dismiss<K: Eq + Hash>(index: &mut HashMap<K, Slots>, key: &K, slot: Slot) {
    if let Some(slots) = index.get_mut(key) {
        slots.retain(|known| *known != slot);
        if slots.is_empty() {
            index.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_journal_has_a_register_as_call_id_and_number() {
        let register = RegisterId { call_id: "c".into(), cseq: 7 };
        let record = minicbor::to_vec(&register).unwrap();
        assert_eq!(record, minicbor::to_vec(("c", 7_u32)).unwrap());
        assert_eq!(minicbor::decode::<RegisterId>(&record).unwrap(), register);
    }
}
