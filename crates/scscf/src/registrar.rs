//! REGISTER (TS 24.229 sections 5.4.1.2 and 5.4.1.4): challenge, check, assignment at the HSS, bindings.

use crate::binding::{Binding, Origin, Registration, Servers, Updated, updated};
use crate::cause::Cause;
use crate::challenge::{Check, Nonce, Registrant};
use crate::contacts::Contacts;
use crate::reg_event::Ending;
use crate::settings::StrictDigestUri;
use crate::{Fx, Own, Purpose, Scscf, Waiting};
use clock::Now;
use cx_protocol::{AuthScheme, Impi, Impu, Maa, Mar, Request, ResultCode, Saa, Sar, SarType, ScscfName};
use ims_node::{Decision, InboundRequest, NodeCause, Refusal};
use sip_message::{Credentials, HeaderName, Message, Response, StatusCode, Uri};
use std::sync::Arc;

/// What the registrar understands in Require (rule REG-S-06).
const SUPPORTED: [&str; 3] = ["path", "gruu", "outbound"];

impl Scscf {
    pub(crate) fn on_register(
        &mut self,
        now: Now,
        request: &InboundRequest,
        fx: &mut Fx,
    ) -> Decision<Waiting> {
        let (registrant, contacts) = match self.read_register(now, request, fx) {
            Ok(read) => read,
            Err(refusal) => return refusal.into(),
        };
        let message = request.message();
        match self.challenges.check(message, &registrant) {
            Check::Absent => self.ask_for_digest(registrant, Purpose::Challenge),
            Check::Stale => self.ask_for_digest(registrant, Purpose::StaleChallenge),
            Check::OtherUsername => self.ask_for_digest(registrant, Purpose::Check),
            Check::Wrong => match self.challenges.again(now.mono, message, &mut fx.random) {
                Some(values) => challenge(request, fx, values),
                None => self.ask_for_digest(registrant, Purpose::Challenge),
            },
            Check::WrongForGood { same_realm } => {
                self.challenges.forget(message);
                let Registrant { impi, impu } = registrant;
                self.tell_hss(Some(impi), impu, SarType::AuthenticationFailure, fx);
                let cause = if same_realm { Cause::WrongPassword } else { Cause::OtherRealm };
                Refusal::new(StatusCode::FORBIDDEN, cause).into()
            }
            Check::Right { same_uri } => {
                if !same_uri && self.settings.strict_digest_uri == StrictDigestUri::On {
                    return Refusal::new(StatusCode::FORBIDDEN, Cause::OtherDigestUri).into();
                }
                if !same_uri {
                    fx.log("digest made for another URI than the request's", message.call_id());
                }
                self.assign(now, request, registrant, &contacts, fx)
            }
        }
    }

    fn read_register(
        &self,
        now: Now,
        request: &InboundRequest,
        fx: &Fx,
    ) -> Result<(Registrant, Contacts), Refusal> {
        let message = request.message();
        if !request.source().is_trusted() {
            return Err(Refusal::outsider());
        }
        fx.check_storage(now)?;
        Refusal::check_demands(message, HeaderName::Require, &SUPPORTED)?;
        let contacts = Contacts::read(message, &self.settings)?;
        Ok((registrant(message, &self.settings.domain)?, contacts))
    }

    fn ask_for_digest(&self, registrant: Registrant, purpose: Purpose) -> Decision<Waiting> {
        let Registrant { impi, impu } = registrant;
        let Some(server_name) = self.server_name() else { return no_name() };
        let mar = Mar { impi, impu, server_name, scheme: AuthScheme::SipDigest };
        Decision::AskHss(Request::Mar(mar), Waiting::Maa(purpose))
    }

    pub(crate) fn on_maa(
        &mut self,
        now: Now,
        request: &InboundRequest,
        maa: Maa,
        purpose: Purpose,
        fx: &mut Fx,
    ) -> Decision<Waiting> {
        let Some(credentials) = maa.digest.filter(|_| maa.result.is_success()) else {
            return Refusal::new(StatusCode::FORBIDDEN, Cause::NoCredentials).into();
        };
        let registrant = match registrant(request.message(), &self.settings.domain) {
            Ok(registrant) => registrant,
            Err(refusal) => return refusal.into(),
        };
        let former = match purpose {
            Purpose::Check => {
                self.challenges.adopt(request.message(), registrant.impi, &credentials);
                return self.on_register(now, request, fx);
            }
            Purpose::Challenge => Nonce::NotStale,
            Purpose::StaleChallenge => Nonce::Stale,
        };
        let values = self.challenges.issue(now.mono, registrant, &credentials, former, &mut fx.random);
        challenge(request, fx, values)
    }

    /// The user is who it says; the HSS learns of the registration before the user does.
    fn assign(
        &self,
        now: Now,
        request: &InboundRequest,
        registrant: Registrant,
        contacts: &Contacts,
        fx: &mut Fx,
    ) -> Decision<Waiting> {
        let Registrant { impi, impu } = registrant;
        let before = self.users.registration(&impu).map_or(&[][..], |registration| &registration.bindings);
        let Ok(Updated { bindings: after, .. }) =
            updated(before, contacts, &origin(request.message()), now.wall)
        else {
            return out_of_order();
        };
        let kind = match (before.is_empty(), after.is_empty()) {
            (true, true) => return Decision::Reply(fx.response(request, StatusCode::OK)),
            (true, false) if !self.users.has_room() => {
                let first_end = now.seconds_until(self.users.deadline());
                return Refusal::no_room(Cause::TooManyUsers, first_end).into();
            }
            (true, false) => SarType::Registration,
            (false, false) => SarType::ReRegistration,
            (false, true) => SarType::UserDeregistration,
        };
        let Some(server_name) = self.server_name() else { return no_name() };
        let sar = Sar { impi: Some(impi), impu, server_name, kind };
        Decision::AskHss(Request::Sar(sar), Waiting::RegistrationSaa(kind))
    }

    pub(crate) fn on_registration_saa(
        &mut self,
        now: Now,
        request: &InboundRequest,
        saa: Saa,
        kind: SarType,
        fx: &mut Fx,
    ) -> Decision<Waiting> {
        if let Err(refusal) = check_assignment(saa.result) {
            return refusal.into();
        }
        let (registrant, contacts) = match self.read_register(now, request, fx) {
            Ok(read) => read,
            Err(refusal) => return refusal.into(),
        };
        let before = self.users.registration(&registrant.impu);
        let old = before.map_or(&[][..], |registration| &registration.bindings);
        let Ok(Updated { bindings, crowded_out }) =
            updated(old, &contacts, &origin(request.message()), now.wall)
        else {
            return out_of_order();
        };
        let leaves = !old.is_empty() && bindings.is_empty();
        let profile = saa
            .profile
            .map(|profile| Arc::new(profile.into()))
            .or_else(|| before.map(|registration| registration.profile.clone()));
        let Some(profile) = profile else {
            return self.without_profile(request, registrant, kind, bindings.is_empty(), fx);
        };
        self.crowded_out += crowded_out as u64;
        let servers = before.map(|registration| registration.servers.clone()).unwrap_or_default();
        let mut registration = Registration { impi: registrant.impi, profile, bindings, servers };
        let met = self.servers_of_register(request.message(), &mut registration);
        self.correct_hss(kind, &registration, fx);
        let response = fx.response(request, StatusCode::OK);
        let response = self.accepted(now, request.message(), &registration, response);
        let left = leaves.then(|| registration.clone());
        // Who leaves is to be forgotten wherever it is known.
        let told = if leaves { registration.servers.clone() } else { met };
        self.file_registration(now, registration, Ending::Unregistered, &told, fx);
        if let Some(left) = left {
            self.users.leaving.begins(now.mono, &left, self.settings.timer_f);
        }
        Decision::Reply(response)
    }

    /// While the HSS was asked for a de-registration, which brings no profile, another one has ended the registration.
    fn without_profile(
        &self,
        request: &InboundRequest,
        registrant: Registrant,
        asked: SarType,
        leaves: bool,
        fx: &mut Fx,
    ) -> Decision<Waiting> {
        if leaves {
            return Decision::Reply(fx.response(request, StatusCode::OK));
        }
        let Registrant { impi, impu } = registrant;
        let kind = SarType::Registration;
        match self.server_name().filter(|_| asked != kind) {
            Some(server_name) => {
                let sar = Sar { impi: Some(impi), impu, server_name, kind };
                Decision::AskHss(Request::Sar(sar), Waiting::RegistrationSaa(kind))
            }
            None => Refusal::new(StatusCode::SERVER_TIMEOUT, Cause::NoProfile).into(),
        }
    }

    /// Two REGISTERs of one user may cross: what the HSS was told is put right if the outcome is another.
    fn correct_hss(&self, told: SarType, registration: &Registration, fx: &mut Fx) {
        let right = match (told, registration.bindings.is_empty()) {
            (SarType::UserDeregistration, false) => SarType::Registration,
            (SarType::Registration | SarType::ReRegistration, true) => SarType::UserDeregistration,
            _ => return,
        };
        if let Some(impu) = registration.default_impu() {
            self.tell_hss(Some(registration.impi.clone()), impu.clone(), right, fx);
        }
    }

    /// Files and journals a registration, and tells these application servers (rule REG-S-09). One without bindings is
    /// removed. `ending` says how contacts came to their end that are bound no more.
    pub(crate) fn file_registration(
        &mut self,
        now: Now,
        registration: Registration,
        ending: Ending,
        servers: &Servers,
        fx: &mut Fx,
    ) {
        let Some(default) = registration.default_impu().cloned() else { return };
        let mut before = self.end_displaced(now, &registration, fx);
        if registration.bindings.is_empty() {
            fx.forget(default.as_str().as_bytes());
        } else if let Ok(record) = minicbor::to_vec(&registration) {
            fx.persist(default.as_str().as_bytes(), record);
        }
        self.register_at_servers(now, &registration, servers, fx);
        before.extend(self.users.put(now, &default, registration));
        self.announce(now, &default, &before, ending, fx);
    }

    /// A profile with another default identity than before: the set is filed under the new one, and what was known under
    /// the old one ends. Gives the sets as they were.
    fn end_displaced(&mut self, now: Now, registration: &Registration, fx: &mut Fx) -> Vec<Registration> {
        let mut displaced = Vec::new();
        for former in self.users.displaced_by(registration) {
            let Some(set) = self.users.remove(&former) else { continue };
            fx.forget(former.as_str().as_bytes());
            let ended = Registration { bindings: Vec::new(), ..set.clone() };
            self.register_at_servers(now, &ended, &set.servers, fx);
            if let Some(default) = registration.default_impu() {
                self.reg.rename(&former, default);
            }
            displaced.push(set);
        }
        displaced
    }

    /// The 200 (rule REG-S-05).
    fn accepted(
        &self,
        now: Now,
        request: &Message,
        registration: &Registration,
        response: Response,
    ) -> Response {
        let mut response = response.copy(request, HeaderName::Path);
        for binding in &registration.bindings {
            let value = contact_value(now, request.to_uri().as_ref(), registration, binding);
            response = response.header(HeaderName::Contact, value);
        }
        if !registration.bindings.is_empty() {
            let orig = format!("<sip:orig@{};lr>", self.settings.name);
            response = response.header(HeaderName::ServiceRoute, orig);
        }
        for impu in registration.profile.identities.usable() {
            response = response.header(HeaderName::PAssociatedUri, format_args!("<{impu}>"));
        }
        response.copy(request, HeaderName::PChargingVector)
    }

    /// Tells the HSS something whose answer changes nothing here.
    pub(crate) fn tell_hss(&self, impi: Option<Impi>, impu: Impu, kind: SarType, fx: &mut Fx) {
        if let Some(server_name) = self.server_name() {
            let sar = Sar { impi, impu, server_name, kind };
            fx.ask_hss(Request::Sar(sar), Own::Sar);
        }
    }

    pub(crate) fn server_name(&self) -> Option<ScscfName> {
        ScscfName::new(&self.settings.uri()).ok()
    }
}

/// A bound contact as the 200 says it. Its public GRUU is one of the identity that was registered, which need not be the default
/// one (RFC 5627 section 5.1).
fn contact_value(now: Now, aor: Option<&Uri>, registration: &Registration, binding: &Binding) -> String {
    let display = binding.display.as_deref().map_or_else(String::new, |display| format!("{display} "));
    let params = binding.params.as_deref().unwrap_or_default();
    let left = binding.seconds_left(now.wall);
    let mut value = format!("{display}<{}>{params};expires={left}", binding.contact);
    if let Some(instance) = &binding.instance {
        value.push_str(&format!(";+sip.instance=\"{instance}\""));
        let impu = aor.and_then(|aor| Impu::new(aor.as_str()).ok());
        let impu = impu.filter(|impu| binding.gruu && registration.profile.identities.find(impu).is_some());
        if let Some(gruu) = impu.and_then(|impu| crate::in_dialog::public_gruu(&impu, instance)) {
            value.push_str(&format!(";pub-gruu=\"{gruu}\""));
        }
    }
    value
}

/// What the HSS says to an assignment.
fn check_assignment(result: ResultCode) -> Result<(), Refusal> {
    match result {
        ResultCode::Success => Ok(()),
        ResultCode::IdentityAlreadyRegistered => {
            let cause = Cause::OtherScscf;
            Err(Refusal::new(StatusCode::TEMPORARILY_UNAVAILABLE, cause))
        }
        ResultCode::SubsequentRegistration
        | ResultCode::UnregisteredService
        | ResultCode::CommandUnsupported
        | ResultCode::TooBusy
        | ResultCode::UserUnknown
        | ResultCode::IdentitiesDontMatch
        | ResultCode::IdentityNotRegistered
        | ResultCode::RoamingNotAllowed
        | ResultCode::AuthSchemeNotSupported
        | ResultCode::InAssignmentType
        | ResultCode::UnsupportedVersion
        | ResultCode::UnableToComply => Err(Refusal::new(StatusCode::FORBIDDEN, Cause::HssRefuses)),
    }
}

fn no_name() -> Decision<Waiting> {
    Refusal::new(StatusCode::SERVER_ERROR, Cause::NoServerName).into()
}

fn out_of_order() -> Decision<Waiting> {
    Refusal::new(StatusCode::SERVER_ERROR, Cause::EarlierRegister).into()
}

fn challenge(request: &InboundRequest, fx: &mut Fx, values: Vec<String>) -> Decision<Waiting> {
    let mut response = fx.response(request, StatusCode::UNAUTHORIZED);
    for value in values {
        response = response.header(HeaderName::WwwAuthenticate, value);
    }
    Decision::Reply(response)
}

fn registrant(message: &Message, domain: &str) -> Result<Registrant, Refusal> {
    let bad = |cause| Refusal::new(StatusCode::BAD_REQUEST, cause);
    let to = message.to_uri().filter(|uri| uri.is_sip()).ok_or_else(|| bad(NodeCause::ToNotSip))?;
    let impu = Impu::new(to.as_str()).map_err(|_| bad(NodeCause::ToNotImpu))?;
    let credentials = Credentials::for_domain(message, domain);
    let username =
        credentials.map(|credentials| credentials.username).filter(|username| !username.is_empty());
    let impi = username.map_or_else(|| Impi::derived(to.as_str()), Impi::new);
    let impi = impi.map_err(|_| bad(NodeCause::NoImpi))?;
    Ok(Registrant { impi, impu })
}

fn origin(message: &Message) -> Origin<'_> {
    Origin {
        aor: message.to_uri().and_then(|to| Impu::new(to.as_str()).ok()),
        call_id: message.call_id(),
        cseq: message.cseq(),
        path: message.list(HeaderName::Path).map(Into::into).collect(),
        gruu: message.list_has(HeaderName::Supported, "gruu"),
    }
}
