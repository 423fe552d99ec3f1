//! Registrations that end without the user: expiry, the HSS, a lost phone (TS 24.229 section 5.4.1.5).

use crate::binding::Registration;
use crate::challenge::Registrant;
use crate::delivery::Target;
use crate::reg_event::Ending;
use crate::{Fx, Scscf};
use clock::Now;
use cx_protocol::{Answer, Impu, Ppa, Ppr, Request, ResultCode, Rta, Rtr, RtrReason, SarType};
use ims_node::{Record, Unreadable};
use std::collections::HashSet;
use std::sync::Arc;

impl Scscf {
    pub(crate) fn on_expiries(&mut self, now: Now, fx: &mut Fx) {
        self.give_up_challenges(now, fx);
        self.users.expire_profiles(now.mono);
        while let Some(impu) = self.users.pop_expired(now.mono) {
            let Some(mut registration) = self.users.registration(&impu).cloned() else { continue };
            registration.expire(now.wall);
            self.file_rest(now, registration, Ending::Expired, SarType::TimeoutDeregistration, fx);
        }
    }

    /// TS 24.229 section 5.4.1.2: a user whose challenge was not answered is not waited for, and the HSS is to know it: otherwise
    /// one REGISTER without credentials would keep its next ones with this S-CSCF for ever.
    fn give_up_challenges(&mut self, now: Now, fx: &mut Fx) {
        let mut told = HashSet::new();
        for Registrant { impi, impu } in self.challenges.expire(now.mono) {
            if self.users.registration(&impu).is_none() && told.insert(impu.clone()) {
                self.tell_hss(Some(impi), impu, SarType::AuthenticationTimeout, fx);
            }
        }
    }

    /// Takes one contact away, if it is still registered by that Path: the news of a lost flow may come after the phone has
    /// registered by a new one.
    pub(crate) fn drop_binding(&mut self, now: Now, impu: &Impu, target: &Target, fx: &mut Fx) {
        let Target { contact, path } = target;
        let Some(mut registration) = self.users.registration(impu).cloned() else { return };
        registration.bindings.retain(|binding| binding.contact != *contact || binding.path != *path);
        // On another flow the phone may still be there.
        self.file_rest(now, registration, Ending::Deactivated, SarType::TimeoutDeregistration, fx);
    }

    /// Takes all contacts of a user away whose application server fails (rule REG-S-10); it may have come back when the
    /// phones do.
    pub(crate) fn deregister(&mut self, now: Now, impu: &Impu, fx: &mut Fx) {
        let Some(mut registration) = self.users.registration(impu).cloned() else { return };
        registration.bindings.clear();
        self.file_rest(now, registration, Ending::Probation, SarType::AdministrativeDeregistration, fx);
    }

    /// Files what is left of a registration; if nothing is, HSS and application servers are told (rule REG-S-11).
    fn file_rest(
        &mut self,
        now: Now,
        registration: Registration,
        ending: Ending,
        kind: SarType,
        fx: &mut Fx,
    ) {
        if registration.bindings.is_empty()
            && let Some(impu) = registration.default_impu()
        {
            self.tell_hss(Some(registration.impi.clone()), impu.clone(), kind, fx);
        }
        let servers = registration.servers.clone();
        self.file_registration(now, registration, ending, &servers, fx);
    }

    pub(crate) fn on_hss(&mut self, now: Now, request: &Request, fx: &mut Fx) -> Answer {
        match request {
            Request::Rtr(rtr) => self.on_rtr(now, rtr, fx),
            Request::Ppr(ppr) => self.on_ppr(now, ppr, fx),
            Request::Uar(_) | Request::Sar(_) | Request::Lir(_) | Request::Mar(_) | Request::Udr(_) => {
                request.answer(ResultCode::CommandUnsupported)
            }
        }
    }

    /// The HSS takes a user away. It knows, so it is not told again.
    fn on_rtr(&mut self, now: Now, rtr: &Rtr, fx: &mut Fx) -> Answer {
        // By identity where identities are named: a user may have registered with another of its usernames.
        let named = |registration: &Registration| {
            let identities = &registration.profile.identities;
            match rtr.impus.as_slice() {
                [] => registration.impi == rtr.impi,
                impus => impus.iter().any(|impu| identities.find(impu).is_some()),
            }
        };
        self.users.leaving.ends_of(&rtr.impi);
        for impu in &rtr.impus {
            self.users.leaving.ends(impu);
            self.users.forget_unregistered(impu);
        }
        let ended: Vec<Impu> = self
            .users
            .registrations()
            .filter(|(_, registration)| named(registration))
            .map(|(default, _)| default.clone())
            .collect();
        for impu in ended {
            let Some(mut registration) = self.users.registration(&impu).cloned() else { continue };
            registration.bindings.clear();
            let servers = registration.servers.clone();
            self.file_registration(now, registration, ending(rtr.reason), &servers, fx);
        }
        Answer::Rta(Rta { result: ResultCode::Success })
    }

    /// Rule REG-S-12: the new profile replaces the old one; running dialogs keep what was decided for them.
    fn on_ppr(&mut self, now: Now, ppr: &Ppr, fx: &mut Fx) -> Answer {
        for identity in &ppr.profile.identities.identities {
            self.users.leaving.ends(&identity.impu);
        }
        let mut identities = ppr.profile.identities.identities.iter();
        let known = identities.find_map(|identity| self.users.registration(&identity.impu));
        let Some(mut registration) = known.cloned() else {
            self.users.forget_unregistered_set(&ppr.profile.identities);
            return Answer::Ppa(Ppa { result: ResultCode::IdentityNotRegistered });
        };
        self.users.forget_unregistered_set(&ppr.profile.identities);
        if ppr.profile.identities.default_impu().is_none() {
            // Every identity is barred: there is nothing left to be registered by.
            registration.bindings.clear();
            self.file_rest(now, registration, Ending::Rejected, SarType::AdministrativeDeregistration, fx);
            return Answer::Ppa(Ppa { result: ResultCode::Success });
        }
        registration.profile = Arc::new(ppr.profile.clone().into());
        let servers = registration.servers.clone();
        self.file_registration(now, registration, Ending::Deactivated, &servers, fx);
        Answer::Ppa(Ppa { result: ResultCode::Success })
    }

    /// A registration as an earlier process left it.
    pub(crate) fn restore_registration(&mut self, now: Now, record: &Record) -> Result<(), Unreadable> {
        let value = record.value.as_deref().unwrap_or_default();
        let registration = minicbor::decode::<Registration>(value).map_err(|_| Unreadable)?;
        let default = registration.default_impu().cloned().ok_or(Unreadable)?;
        self.users.put(now, &default, registration);
        Ok(())
    }
}

/// Whether the phone is to register again (TS 24.229 section 5.4.1.5).
const fn ending(reason: RtrReason) -> Ending {
    match reason {
        RtrReason::PermanentTermination => Ending::Rejected,
        RtrReason::NewServerAssigned | RtrReason::ServerChange | RtrReason::RemoveScscf => {
            Ending::Deactivated
        }
    }
}
