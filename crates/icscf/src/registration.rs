//! REGISTER (TS 24.229 section 5.3.1): UAR, a server by name or by capabilities, another one when it fails.

use crate::candidates::{Candidates, no_server_left};
use crate::cause::Cause;
use crate::{Icscf, Orig, Waiting};
use cx_protocol::{Impi, Impu, Request, ResultCode, Uaa, Uar, UarType};
use ims_node::{Decision, InboundRequest, NodeCause, Outcome, Reason, Refusal, Source, Verdict};
use sip_message::{Credentials, HeaderName, Message, NameAddr, StatusCode, delta_seconds};

impl Icscf {
    pub(crate) fn ask_where_to_register(&self, request: &InboundRequest) -> Decision<Waiting> {
        if !request.source().is_trusted() {
            return Refusal::outsider().into();
        }
        let checked = Refusal::check_hops(request.message());
        match checked.and_then(|()| self.uar(request, None)) {
            Ok(uar) => Decision::AskHss(Request::Uar(uar), Waiting::Uaa(Candidates::default())),
            Err(refusal) => refusal.into(),
        }
    }

    /// The question; `kind` is read from the request unless given.
    fn uar(&self, request: &InboundRequest, kind: Option<UarType>) -> Result<Uar, Refusal> {
        let message = request.message();
        let bad = |cause| Refusal::new(StatusCode::BAD_REQUEST, cause);
        let to = message.to_uri().filter(|uri| uri.is_sip()).ok_or_else(|| bad(NodeCause::ToNotSip))?;
        let impu = Impu::new(to.as_str()).map_err(|_| bad(NodeCause::ToNotImpu))?;
        let impi = impi(message, &self.settings.domain, to.as_str());
        Ok(Uar {
            impi: impi.ok_or_else(|| bad(NodeCause::NoImpi))?,
            impu,
            visited_network: visited_network(request)?,
            kind: kind.unwrap_or_else(|| kind_of(message)),
        })
    }

    pub(crate) fn on_uaa(&self, uaa: Uaa, candidates: Candidates) -> Decision<Waiting> {
        match uaa.result {
            ResultCode::Success | ResultCode::SubsequentRegistration => {}
            ResultCode::UserUnknown => return forbidden(NodeCause::UnknownUser),
            ResultCode::IdentitiesDontMatch => {
                return forbidden(Cause::IdentitiesDoNotMatch);
            }
            ResultCode::RoamingNotAllowed => return forbidden(Cause::RoamingNotAllowed),
            ResultCode::IdentityNotRegistered => return forbidden(NodeCause::NotRegistered),
            ResultCode::UnregisteredService
            | ResultCode::CommandUnsupported
            | ResultCode::TooBusy
            | ResultCode::IdentityAlreadyRegistered
            | ResultCode::AuthSchemeNotSupported
            | ResultCode::InAssignmentType
            | ResultCode::UnsupportedVersion
            | ResultCode::UnableToComply => {
                return Refusal::new(StatusCode::SERVER_TIMEOUT, NodeCause::HssCannotTell).into();
            }
        }
        let candidates = match (uaa.server_name, candidates.asked_for_capabilities) {
            (Some(name), false) => candidates.named(name),
            (Some(_) | None, _) => {
                let wanted = uaa.capabilities.unwrap_or_default();
                candidates.selected(&self.settings.scscfs, &wanted)
            }
        };
        self.try_next_registrar(candidates)
    }

    fn try_next_registrar(&self, mut candidates: Candidates) -> Decision<Waiting> {
        let Some(server) = candidates.next() else {
            return no_server_left(&candidates).into();
        };
        let mut plan = self.plan(&server, Orig::Plain);
        plan.then = Some(Waiting::Registrar(candidates));
        plan.decide()
    }

    /// Rule REG-I-07: an S-CSCF that does not answer, redirects or says 480 is replaced.
    pub(crate) fn on_registrar_answer(
        &self,
        request: &InboundRequest,
        mut candidates: Candidates,
        outcome: &Outcome,
    ) -> Verdict<Waiting> {
        let replace = match outcome.status() {
            Some(status) => {
                (300..400).contains(&status.code()) || status == StatusCode::TEMPORARILY_UNAVAILABLE
            }
            None => true,
        };
        if !replace {
            return Verdict::Relay(Vec::new());
        }
        if candidates.asked_for_capabilities {
            return Verdict::Instead(self.try_next_registrar(candidates));
        }
        candidates.asked_for_capabilities = true;
        let kind = Some(UarType::RegistrationAndCapabilities);
        Verdict::Instead(match self.uar(request, kind) {
            Ok(uar) => Decision::AskHss(Request::Uar(uar), Waiting::Uaa(candidates)),
            Err(refusal) => refusal.into(),
        })
    }
}

fn forbidden(cause: impl Into<Reason>) -> Decision<Waiting> {
    Refusal::new(StatusCode::FORBIDDEN, cause).into()
}

/// The network that a phone is in, as the P-CSCF says that sent its REGISTER. Another operator's P-CSCF is in a network of that
/// operator's, whatever it says: what users may roam to would bind nobody otherwise.
fn visited_network(request: &InboundRequest) -> Result<Option<Box<str>>, Refusal> {
    let named = request.message().value(HeaderName::PVisitedNetworkId).map(sip_message::unquote);
    match (request.source(), named) {
        (Source::Peer(domains), Some(named)) => {
            let domain = domains.iter().find(|domain| domain.eq_ignore_ascii_case(named));
            let refusal = || Refusal::new(StatusCode::FORBIDDEN, Cause::ForeignVisitedNetwork);
            domain.cloned().map(Some).ok_or_else(refusal)
        }
        (Source::Peer(domains), None) => Ok(domains.first().cloned()),
        (Source::Own | Source::Ue | Source::Stranger, named) => Ok(named.map(Into::into)),
    }
}

/// Rule REG-I-02: the username of Authorization; without it, To without scheme, port and parameters.
fn impi(message: &Message, domain: &str, to: &str) -> Option<Impi> {
    let credentials = Credentials::for_domain(message, domain);
    match credentials.map(|credentials| credentials.username).filter(|username| !username.is_empty()) {
        Some(username) => Impi::new(username).ok(),
        None => Impi::derived(to).ok(),
    }
}

/// A REGISTER that leaves no contact behind is a de-registration.
fn kind_of(message: &Message) -> UarType {
    let expires = message.expires();
    let mut contacts =
        message.list(HeaderName::Contact).filter_map(|value| NameAddr::parse(value).ok()).peekable();
    let leaves = |contact: NameAddr<'_>| {
        contact.params().get("expires").and_then(delta_seconds).or(expires) == Some(0)
    };
    let any = contacts.peek().is_some();
    if (any && contacts.all(leaves)) || message.value(HeaderName::Contact) == Some("*") {
        UarType::Deregistration
    } else {
        UarType::Registration
    }
}
