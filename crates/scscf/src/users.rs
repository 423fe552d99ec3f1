//! The users served here, by any of their public identities.

use crate::binding::Registration;
use clock::{Deadlines, Mono, Now};
use cx_protocol::{Impu, ServiceProfile};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// Profiles of unregistered users kept at a time; above it the one unused longest goes and is asked for again.
const MAX_VISITORS: usize = 20_000;

/// How long the profile of an unregistered user is kept.
const VISITOR_LIFE: Duration = Duration::from_secs(60);

/// Registrations by default public identity, with an index of all identities, and profiles of unregistered users.
#[derive(Debug, Default)]
pub(crate) struct Users {
    registrations: HashMap<Impu, Registration>,
    default_of: HashMap<Impu, Impu>,
    expiries: Deadlines<Impu>,
    visitors: HashMap<Impu, Arc<ServiceProfile>>,
    visitor_ends: Deadlines<Impu>,
}

impl Users {
    /// The registration that this public identity belongs to.
    pub(crate) fn registration(&self, impu: &Impu) -> Option<&Registration> {
        self.registrations.get(self.default_of.get(impu)?)
    }

    /// The profile of a user, registered or lately asked for.
    pub(crate) fn profile(&self, impu: &Impu) -> Option<&Arc<ServiceProfile>> {
        self.registration(impu).map(|registration| &registration.profile).or_else(|| self.visitors.get(impu))
    }

    /// Files a registration under all its identities (rule REG-S-07: the implicit set is registered together). One
    /// without bindings is removed.
    pub(crate) fn put(&mut self, now: Now, default: &Impu, registration: Registration) {
        self.remove(default);
        let Some(expiry) = registration.next_expiry() else { return };
        self.expiries.set(default.clone(), now.mono_at(expiry));
        for identity in &registration.profile.identities.identities {
            self.default_of.insert(identity.impu.clone(), default.clone());
            self.visitors.remove(&identity.impu);
        }
        self.registrations.insert(default.clone(), registration);
    }

    /// Takes the registration of this default identity away.
    pub(crate) fn remove(&mut self, default: &Impu) -> Option<Registration> {
        let registration = self.registrations.remove(default)?;
        self.expiries.cancel(default);
        for identity in &registration.profile.identities.identities {
            self.default_of.remove(&identity.impu);
        }
        Some(registration)
    }

    /// Keeps the profile of an unregistered user for a while.
    pub(crate) fn put_visitor(&mut self, now: Mono, impu: &Impu, profile: Arc<ServiceProfile>) {
        if self.visitors.len() >= MAX_VISITORS {
            let first = self.visitor_ends.pop_due(Mono::at(Duration::MAX));
            first.map(|first| self.visitors.remove(&first));
        }
        self.visitors.insert(impu.clone(), profile);
        self.visitor_ends.set(impu.clone(), now + VISITOR_LIFE);
    }

    pub(crate) fn expire_visitors(&mut self, now: Mono) {
        while let Some(impu) = self.visitor_ends.pop_due(now) {
            self.visitors.remove(&impu);
        }
    }

    /// A user one of whose bindings may have expired.
    pub(crate) fn pop_expired(&mut self, now: Mono) -> Option<Impu> {
        self.expiries.pop_due(now)
    }

    pub(crate) fn deadline(&self) -> Option<Mono> {
        [self.expiries.next(), self.visitor_ends.next()].into_iter().flatten().min()
    }

    /// Every registration, by default identity.
    pub(crate) fn registrations(&self) -> impl Iterator<Item = (&Impu, &Registration)> {
        self.registrations.iter()
    }
}
