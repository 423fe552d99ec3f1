//! UAR and LIR: which S-CSCF a request is for. They change nothing.

use crate::account::serves_unregistered;
use crate::hss::{Found, Hss};
use cx_protocol::{Leg, Lia, Lir, LirType, RegistrationState, ResultCode, SessionCase, Uaa, Uar, UarType};

impl Hss {
    /// TS 29.228 §6.1.1.
    pub(crate) fn user_authorization(&mut self, uar: &Uar) -> Result<Uaa, ResultCode> {
        let Found { subscriber, directory, set } = self.find(&uar.impu, Some(&uar.impi))?;
        let account = &subscriber.account;
        let stored = subscriber.registration.for_register().cloned();
        let usable = account.sets.get(set).is_some_and(|set| set.identities.default_impu().is_some());
        if !usable {
            // A set that is barred as a whole registers nobody.
            return Err(ResultCode::IdentityNotRegistered);
        }
        let subsequent = |name| Uaa {
            result: ResultCode::SubsequentRegistration,
            server_name: Some(name),
            capabilities: None,
        };
        let first = || Uaa {
            result: ResultCode::Success,
            server_name: None,
            capabilities: Some(directory.for_registration(account)),
        };
        match uar.kind {
            UarType::Deregistration => stored.map(subsequent).ok_or(ResultCode::IdentityNotRegistered),
            UarType::Registration | UarType::RegistrationAndCapabilities
                if !account.may_visit(uar.visited_network.as_deref()) =>
            {
                Err(ResultCode::RoamingNotAllowed)
            }
            UarType::Registration => Ok(stored.map_or_else(first, subsequent)),
            UarType::RegistrationAndCapabilities => Ok(first()),
        }
    }

    /// TS 29.228 §6.1.4.
    pub(crate) fn location_info(&mut self, lir: &Lir) -> Result<Lia, ResultCode> {
        let Found { subscriber, directory, set } = self.find(&lir.impu, None)?;
        let (account, registration) = (&subscriber.account, &subscriber.registration);
        let case = match lir.leg {
            Leg::Terminating => SessionCase::TerminatingUnregistered,
            Leg::Originating => SessionCase::OriginatingUnregistered,
        };
        let served = match registration.state(set) {
            RegistrationState::Registered | RegistrationState::Unregistered => true,
            RegistrationState::NotRegistered | RegistrationState::AuthenticationPending => {
                account.sets.get(set).is_some_and(|profile| serves_unregistered(profile, case))
            }
        };
        if !served {
            return Err(ResultCode::IdentityNotRegistered);
        }
        // Contacts are known to the S-CSCF that took them and to no other one. One that has only the services of a user who
        // is not registered can be replaced.
        let replaceable = lir.kind == LirType::LocationAndCapabilities && !registration.is_registered();
        Ok(match registration.for_request().filter(|_| !replaceable) {
            Some(name) => {
                Lia { result: ResultCode::Success, server_name: Some(name.clone()), capabilities: None }
            }
            None => Lia {
                result: ResultCode::UnregisteredService,
                server_name: None,
                capabilities: Some(directory.for_unregistered(account)),
            },
        })
    }
}
