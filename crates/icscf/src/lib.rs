//! I-CSCF: the entry point of a domain (TS 24.229 section 5.3). It asks the HSS which S-CSCF serves a user and sends
//! the request there; it keeps nothing.
//!
//! In the contribution: with the presentity's S-CSCF the Presentity Presence Proxy. Figure 1 and 2 steps 4 to 6 are
//! `location`, the `Query` and `Resp` between them the LIR and LIA; a REGISTER takes `registration`.
//!
//! Not here: registrations, filter criteria, any state between two requests.

mod candidates;
mod cause;
mod location;
mod registration;

use candidates::Candidates;
pub use candidates::Scscf;
pub use cause::Cause;
use clock::Now;
use cx_protocol::{Answer, CxFailure, ScscfName};
use ims_node::{
    AskId, Decision, Effects, ForwardPlan, InboundRequest, NoAsk, NodeCause, Outcome, Refusal, Role, Verdict,
};
use sip_message::{Method, StatusCode};
use std::time::Duration;

/// What an I-CSCF is told about its domain.
#[derive(Debug, Clone)]
pub struct IcscfSettings {
    /// The node's name: stands in its Record-Route.
    pub name: Box<str>,
    /// The domain whose entry point it is.
    pub domain: Box<str>,
    /// Who may send to it.
    pub admits: Admits,
    /// Whether it stays on the way of a dialog. On: figures 1 and 2. Off: TS 24.141.
    pub record_route: RecordRoute,
    /// The S-CSCFs it may choose from, in order of preference.
    pub scscfs: Vec<Scscf>,
    /// How long an S-CSCF may say nothing at all before another is tried.
    pub scscf_patience: Duration,
}

/// Whose requests an I-CSCF takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admits {
    /// Those of configured peers: the nodes of its own network, and of other operators every node that sends to it.
    Peers,
    /// Anybody's: strangers reach the users, and learn by 200, 480 and 404 who exists and who is registered.
    Anybody,
}

/// Whether the I-CSCF stays on the way of a dialog.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordRoute {
    /// It does.
    On,
    /// It does not.
    Off,
}

/// The role.
#[derive(Debug)]
pub struct Icscf {
    settings: IcscfSettings,
}

/// What is remembered while a request is held.
#[derive(Debug)]
pub enum Waiting {
    /// For the answer to a UAR.
    Uaa(Candidates),
    /// For the S-CSCF's answer to a REGISTER.
    Registrar(Candidates),
    /// For the answer to a LIR.
    Lia(Candidates),
    /// For the answer of an S-CSCF that was chosen here, or named by the HSS.
    Server(Candidates),
}

impl Icscf {
    /// An I-CSCF of one domain.
    #[must_use]
    pub const fn new(settings: IcscfSettings) -> Self {
        Self { settings }
    }

    /// Takes over other settings; requests under way keep what was decided for them.
    pub fn reconfigure(&mut self, settings: IcscfSettings) {
        self.settings = settings;
    }

    /// Sends the request to an S-CSCF by a Route entry in front of what is left.
    fn plan(&self, server: &ScscfName, orig: Orig) -> ForwardPlan<Waiting> {
        let mark = match orig {
            Orig::Marked => ";orig",
            Orig::Plain => "",
        };
        let mut plan = ForwardPlan::by_route();
        plan.routes.push(format!("<{server};lr{mark}>"));
        plan.patience = Some(self.settings.scscf_patience);
        plan
    }

    /// OPTIONS to the domain itself, by which some phones keep their flow alive: we are who answers for it.
    fn is_domain_asked(&self, request: &InboundRequest) -> bool {
        let uri = request.request_uri();
        *request.method() == Method::Options
            && uri.user().is_none()
            && uri.is_host(&self.settings.domain)
            && request.next_route().is_none()
    }

    fn record_route(&self) -> String {
        format!("<sip:rr@{};lr>", self.settings.name)
    }
}

/// Whether the request asks for originating treatment (`orig` in our Route entry, TS 24.229 section 5.3.2.1A).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Orig {
    Marked,
    Plain,
}

impl Role for Icscf {
    type Waiting = Waiting;
    type Own = std::convert::Infallible;
    type Ask = NoAsk;
    type Told = NoAsk;

    fn on_request(
        &mut self,
        _: Now,
        request: &InboundRequest,
        fx: &mut Effects<Self::Own>,
    ) -> Decision<Waiting> {
        if self.settings.admits == Admits::Peers && !request.source().is_trusted() {
            return Refusal::outsider().into();
        }
        if self.is_domain_asked(request) {
            return Decision::Reply(fx.capabilities(request));
        }
        if *request.method() == Method::Register {
            self.ask_where_to_register(request)
        } else {
            self.route_or_ask(request)
        }
    }

    fn on_hss_answer(
        &mut self,
        _: Now,
        request: &InboundRequest,
        waiting: Waiting,
        answer: Result<Answer, CxFailure>,
        _: &mut Effects<Self::Own>,
    ) -> Decision<Waiting> {
        match (waiting, answer) {
            (Waiting::Uaa(candidates), Ok(Answer::Uaa(uaa))) => self.on_uaa(uaa, candidates),
            (Waiting::Lia(candidates), Ok(Answer::Lia(lia))) => self.on_lia(request, lia, candidates),
            (_, Err(failure)) => Refusal::from(failure).into(),
            (Waiting::Uaa(_) | Waiting::Lia(_) | Waiting::Registrar(_) | Waiting::Server(_), Ok(_)) => {
                Refusal::new(StatusCode::SERVER_TIMEOUT, NodeCause::HssOtherAnswer).into()
            }
        }
    }

    fn on_response(
        &mut self,
        _: Now,
        request: &InboundRequest,
        waiting: Waiting,
        outcome: &Outcome,
        _: &mut Effects<Self::Own>,
    ) -> Verdict<Waiting> {
        match waiting {
            Waiting::Registrar(candidates) => self.on_registrar_answer(request, candidates, outcome),
            Waiting::Server(candidates) => self.on_server_answer(request, candidates, outcome),
            Waiting::Uaa(_) | Waiting::Lia(_) => Verdict::Relay(Vec::new()),
        }
    }

    fn on_ask(&mut self, _: Now, _: AskId, ask: NoAsk, _: &mut Effects<Self::Own>) -> Option<NoAsk> {
        match ask {}
    }
}
