//! MAR, SAR and UDR: how a user comes to an S-CSCF, and what may be read about it.

use crate::hss::{Found, Hss, StoreChange, Subscriber};
use clock::Now;
use cx_protocol::{AuthScheme, Maa, Mar, ResultCode, RtrReason, Saa, Sar, SarType, ScscfName, Uda, Udr};

impl Hss {
    /// TS 29.228 §6.3.
    pub(crate) fn multimedia_auth(
        &mut self,
        now: Now,
        peer: &str,
        mar: &Mar,
        changes: &mut Vec<StoreChange>,
    ) -> Result<Maa, ResultCode> {
        speaks_for_itself(peer, &mar.server_name)?;
        let Found { subscriber, set, .. } = self.find(&mar.impu, Some(&mar.impi))?;
        match mar.scheme {
            AuthScheme::Unknown | AuthScheme::SipDigest => {}
            AuthScheme::DigestAkaV1Md5 => return Err(ResultCode::AuthSchemeNotSupported),
        }
        let digest = subscriber.account.digest_of(&mar.impi).ok_or(ResultCode::AuthSchemeNotSupported)?;
        subscriber.change(now, changes, |registration| registration.authenticate(set, &mar.server_name));
        Ok(Maa { result: ResultCode::Success, digest: Some(digest) })
    }

    /// TS 29.228 §6.1.2.
    pub(crate) fn server_assignment(
        &mut self,
        now: Now,
        peer: &str,
        sar: &Sar,
        changes: &mut Vec<StoreChange>,
    ) -> Result<Saa, ResultCode> {
        speaks_for_itself(peer, &sar.server_name)?;
        let Found { subscriber, set, .. } = self.find(&sar.impu, sar.impi.as_ref())?;
        let profile = match sar.kind {
            SarType::Registration | SarType::ReRegistration if sar.impi.is_none() => {
                return Err(ResultCode::UnableToComply);
            }
            SarType::NoAssignment
            | SarType::Registration
            | SarType::ReRegistration
            | SarType::UnregisteredUser => subscriber.account.sets.get(set).cloned(),
            SarType::TimeoutDeregistration
            | SarType::UserDeregistration
            | SarType::AdministrativeDeregistration
            | SarType::AuthenticationFailure
            | SarType::AuthenticationTimeout => None,
        };
        let assigned = subscriber.change(now, changes, |r| r.assign(sar.kind, set, &sar.server_name))?;
        let impi = subscriber.account.main_impi().filter(|_| sar.impi.is_none()).cloned();
        let name = subscriber.account.name.clone();
        if let Some(loser) = assigned
            && let Some(subscriber) = self.subscribers.get(&name)
        {
            let told = self.termination(subscriber, &loser, RtrReason::NewServerAssigned);
            self.requests.extend(told.map(|rtr| (loser, rtr)));
        }
        Ok(Saa { result: ResultCode::Success, impi, profile })
    }

    /// After TS 29.328 §6.1.1. Whoever asks is told when the answer is another one ([`crate::readers::Readers`]).
    pub(crate) fn user_data(&mut self, peer: &str, udr: &Udr) -> Result<Uda, ResultCode> {
        let Found { subscriber: Subscriber { account, registration, readers }, set, .. } =
            self.find(&udr.impu, None)?;
        readers.note(peer);
        let impus = account.sets.get(set).map(|set| set.identities.usable().cloned().collect());
        Ok(Uda {
            result: ResultCode::Success,
            server_name: registration.for_request().cloned(),
            impus: impus.unwrap_or_default(),
            state: Some(registration.state(set)),
            presence_server: account.presence_server.clone(),
            agents: account.agents.clone(),
        })
    }
}

/// An S-CSCF takes users for itself only: the name in its request is the one it said hello with.
fn speaks_for_itself(peer: &str, name: &ScscfName) -> Result<(), ResultCode> {
    if name.host().eq_ignore_ascii_case(peer) { Ok(()) } else { Err(ResultCode::UnableToComply) }
}
