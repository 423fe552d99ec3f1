//! The users served here, by any of their public identities.

use crate::binding::{Registration, Server};
use crate::leaving::Leaving;
use crate::profile::Profile;
use clock::{Deadlines, Mono, Now};
use cx_protocol::{ImplicitRegistrationSet, Impu, InitialFilterCriterion};
use ims_node::Pool;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// Users registered at a time; above it another one's REGISTER is refused.
const MAX_REGISTRATIONS: usize = 200_000;

/// Profiles of unregistered users kept at a time; above it the one unused longest goes and is asked for again.
const MAX_UNREGISTERED: usize = 20_000;

/// How long the profile of an unregistered user is kept.
const UNREGISTERED_LIFE: Duration = Duration::from_secs(60);

/// Registrations by default public identity, with an index of their other identities, and profiles of unregistered users.
#[derive(Debug, Default)]
pub(crate) struct Users {
    registrations: HashMap<Impu, Registration>,
    /// The default identity of the set, for every other identity of a registered one.
    default_of: HashMap<Impu, Impu>,
    expiries: Deadlines<Impu>,
    /// Profiles of users in unregistered state (TS 24.229), whom somebody has recently asked for.
    unregistered: HashMap<Impu, Arc<Profile>>,
    unregistered_ends: Deadlines<Impu>,
    criteria: Pool<[InitialFilterCriterion]>,
    servers: Pool<[Server]>,
    pub(crate) leaving: Leaving,
    crowded_out: u64,
}

impl Users {
    /// The registration that this public identity belongs to.
    pub(crate) fn registration(&self, impu: &Impu) -> Option<&Registration> {
        let of_default = self.registrations.get(impu);
        of_default.or_else(|| self.registrations.get(self.default_of.get(impu)?))
    }

    /// The default identity of the registered set that this identity belongs to.
    fn default_of(&self, impu: &Impu) -> Option<&Impu> {
        let itself = self.registrations.get_key_value(impu).map(|(default, _)| default);
        itself.or_else(|| self.default_of.get(impu))
    }

    /// The profile of a user, registered, unregistered and recently asked for, or leaving.
    pub(crate) fn profile(&self, impu: &Impu) -> Option<&Arc<Profile>> {
        let registered = self.registration(impu).map(|registration| &registration.profile);
        registered.or_else(|| self.unregistered(impu)).or_else(|| self.leaving.profile(impu))
    }

    /// The profile of an unregistered user, recently asked for.
    pub(crate) fn unregistered(&self, impu: &Impu) -> Option<&Arc<Profile>> {
        self.unregistered.get(impu)
    }

    /// Files a registration under all its identities (rule REG-S-07: the implicit set is registered together). One
    /// without bindings is removed. Gives what was there before.
    pub(crate) fn put(
        &mut self,
        now: Now,
        default: &Impu,
        mut registration: Registration,
    ) -> Option<Registration> {
        let before = self.remove(default);
        let Some(expiry) = registration.next_expiry() else { return before };
        self.compact(&mut registration);
        self.expiries.set(default.clone(), now.mono_at(expiry));
        for identity in &registration.profile.identities.identities {
            if identity.impu != *default {
                self.default_of.insert(identity.impu.clone(), default.clone());
            }
            self.unregistered.remove(&identity.impu);
            self.leaving.ends(&identity.impu);
        }
        self.registrations.insert(default.clone(), registration);
        before
    }

    /// One text for an identity and one list for the same criteria, wherever they stand; there are very many registrations.
    fn compact(&mut self, Registration { profile, bindings, servers, .. }: &mut Registration) {
        self.share_criteria(profile);
        *servers = self.servers.share(servers.clone());
        bindings.shrink_to_fit();
        for aor in bindings.iter_mut().filter_map(|binding| binding.aor.as_mut()) {
            if let Some(identity) = profile.identities.find(aor) {
                *aor = identity.impu.clone();
            }
        }
    }

    /// Of a profile that is new; one that is in use has been here before.
    fn share_criteria(&mut self, profile: &mut Arc<Profile>) {
        if let Some(new) = Arc::get_mut(profile) {
            new.criteria = self.criteria.share(new.criteria.clone());
        }
    }

    /// The default identities of other sets that have an identity of this one: its profile has changed.
    pub(crate) fn displaced_by(&self, registration: &Registration) -> Vec<Impu> {
        let default = registration.default_impu();
        let identities = registration.profile.identities.identities.iter();
        let mut others: Vec<Impu> =
            identities.filter_map(|identity| self.default_of(&identity.impu)).cloned().collect();
        others.retain(|other| Some(other) != default);
        others.sort();
        others.dedup();
        others
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
    pub(crate) fn put_unregistered(&mut self, now: Mono, impu: &Impu, profile: Profile) -> Arc<Profile> {
        if self.unregistered.len() >= MAX_UNREGISTERED {
            let first = self.unregistered_ends.pop_due(Mono::at(Duration::MAX));
            self.crowded_out += 1;
            first.map(|first| self.unregistered.remove(&first));
        }
        let mut profile = Arc::new(profile);
        self.share_criteria(&mut profile);
        // By the SIP identity of a number too, by which application servers know the user.
        let alias = profile.alias(impu).cloned();
        for impu in std::iter::once(impu).chain(&alias) {
            self.unregistered.insert(impu.clone(), profile.clone());
            self.unregistered_ends.set(impu.clone(), now + UNREGISTERED_LIFE);
        }
        profile
    }

    /// The HSS has another profile of this user, or none any more.
    pub(crate) fn forget_unregistered(&mut self, impu: &Impu) {
        if self.unregistered.remove(impu).is_some() {
            self.unregistered_ends.cancel(impu);
        }
    }

    /// The same for every identity of a set.
    pub(crate) fn forget_unregistered_set(&mut self, set: &ImplicitRegistrationSet) {
        for identity in &set.identities {
            self.forget_unregistered(&identity.impu);
        }
    }

    /// Forgets profiles that have been kept long enough.
    pub(crate) fn expire_profiles(&mut self, now: Mono) {
        self.leaving.expire(now);
        while let Some(impu) = self.unregistered_ends.pop_due(now) {
            self.unregistered.remove(&impu);
        }
    }

    /// A user one of whose bindings may have expired.
    pub(crate) fn pop_expired(&mut self, now: Mono) -> Option<Impu> {
        self.expiries.pop_due(now)
    }

    pub(crate) fn deadline(&self) -> Option<Mono> {
        [self.expiries.next(), self.unregistered_ends.next(), self.leaving.deadline()]
            .into_iter()
            .flatten()
            .min()
    }

    /// Whether one more user can register.
    pub(crate) fn has_room(&self) -> bool {
        self.registrations.len() < MAX_REGISTRATIONS
    }

    pub(crate) fn metrics(&self) -> [(&'static str, u64); 3] {
        [
            ("registrations", self.registrations.len() as u64),
            ("visitors", self.unregistered.len() as u64),
            ("visitors_crowded_out", self.crowded_out),
        ]
    }

    /// Every registration, by default identity.
    pub(crate) fn registrations(&self) -> impl Iterator<Item = (&Impu, &Registration)> {
        self.registrations.iter()
    }
}
