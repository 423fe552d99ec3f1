//! Which part of the S-CSCF deals with what.

use crate::ask::{Ask, Told};
use crate::challenge::Challenges;
use crate::criteria::Patterns;
use crate::reg_event::{Earlier, Reg};
use crate::settings::ScscfSettings;
use crate::third_party::ThirdPartyCalls;
use crate::users::Users;
use crate::{Fx, Own, Scscf, Waiting};
use clock::{Mono, Now};
use cx_protocol::{Answer, CxFailure, Request};
use ims_node::{
    AskId, Decision, InboundRequest, NodeCause, Outcome, Record, Refusal, Role, SigningKey, Unreadable,
    Verdict,
};
use sip_event::Notifier;
use sip_message::{Method, StatusCode};

/// The journal's key of the signing key.
const KEY: &[u8] = b"k";

impl Scscf {
    /// An S-CSCF that serves nobody yet.
    #[must_use]
    pub fn new(settings: ScscfSettings) -> Self {
        Self {
            challenges: Challenges::new(&settings.domain),
            users: Users::default(),
            patterns: Patterns::default(),
            reg: Notifier::new(settings.notifier()),
            earlier: Earlier::default(),
            key: None,
            crowded_out: 0,
            third_party: ThirdPartyCalls::default(),
            settings,
        }
    }

    /// Takes over other settings; registrations keep what they were granted.
    pub fn reconfigure(&mut self, settings: ScscfSettings) {
        self.settings = settings;
        self.reg.reconfigure(self.settings.notifier());
    }

    /// How many users are registered.
    #[must_use]
    pub fn registered(&self) -> usize {
        self.users.registrations().count()
    }

    /// How many subscriptions there are to where users are registered.
    #[must_use]
    pub fn reg_watches(&self) -> usize {
        self.reg.len()
    }
}

impl Role for Scscf {
    type Waiting = Waiting;
    type Own = Own;
    type Ask = Ask;
    type Told = Told;

    fn on_request(&mut self, now: Now, request: &InboundRequest, fx: &mut Fx) -> Decision<Waiting> {
        if *request.method() == Method::Register {
            return self.on_register(now, request, fx);
        }
        if request.is_in_dialog() {
            return match self.is_dialog_end(request) {
                true => self.on_own_dialog(now, request, fx),
                false => self.on_in_dialog(now, request),
            };
        }
        if let Some(decision) = self.on_return(now, request) {
            return decision;
        }
        if let Some(decision) = self.on_reg_subscribe(now, request, fx) {
            return decision;
        }
        // Rule RT-SO-01: the mark of our Service-Route, or `orig` by which an application server asks for the same.
        let marked = |uri: &sip_message::Uri| uri.user() == Some("orig") || uri.params().has("orig");
        if request.own_routes().first().is_some_and(marked) {
            self.on_originating(now, request)
        } else {
            self.on_terminating(now, request)
        }
    }

    fn on_hss_answer(
        &mut self,
        now: Now,
        request: &InboundRequest,
        waiting: Waiting,
        answer: Result<Answer, CxFailure>,
        fx: &mut Fx,
    ) -> Decision<Waiting> {
        match (waiting, answer) {
            (Waiting::Maa(purpose), Ok(Answer::Maa(maa))) => self.on_maa(now, request, maa, purpose, fx),
            (Waiting::RegistrationSaa(kind), Ok(Answer::Saa(saa))) => {
                self.on_registration_saa(now, request, saa, kind, fx)
            }
            (Waiting::UnregisteredSaa(case), Ok(Answer::Saa(saa))) => {
                self.on_unregistered_saa(now, request, case, saa)
            }
            (_, Err(failure)) => Refusal::from(failure).into(),
            (_, Ok(_)) => Refusal::new(StatusCode::SERVER_TIMEOUT, NodeCause::HssOtherAnswer).into(),
        }
    }

    fn on_response(
        &mut self,
        now: Now,
        request: &InboundRequest,
        waiting: Waiting,
        outcome: &Outcome,
        fx: &mut Fx,
    ) -> Verdict<Waiting> {
        match waiting {
            Waiting::ApplicationServer(visit) => self.on_server_answer(now, request, visit, outcome, fx),
            Waiting::Ue(delivery) => self.on_ue_answer(now, request, *delivery, outcome, fx),
            Waiting::Onward if outcome.status() == Some(StatusCode::FLOW_FAILED) => {
                Verdict::Instead(crate::delivery::flow_failed().into())
            }
            Waiting::Onward => Verdict::Relay(self.entry_forth(request, outcome)),
            Waiting::Maa(_) | Waiting::RegistrationSaa(_) | Waiting::UnregisteredSaa(_) => {
                Verdict::Relay(Vec::new())
            }
        }
    }

    fn on_own_response(&mut self, now: Now, own: Own, outcome: &Outcome, fx: &mut Fx) {
        match own {
            Own::ThirdParty(told) => self.on_third_party_answer(now, &told, outcome, fx),
            Own::RegNotify(watch) => self.on_reg_notified(now, watch, outcome, fx),
            Own::Sar => {}
        }
    }

    fn on_hss_request(&mut self, now: Now, request: &Request, fx: &mut Fx) -> Answer {
        self.on_hss(now, request, fx)
    }

    fn deadline(&self) -> Option<Mono> {
        let deadlines = [self.users.deadline(), self.challenges.deadline(), self.reg.poll_timeout()];
        deadlines.into_iter().flatten().min()
    }

    fn on_deadline(&mut self, now: Now, fx: &mut Fx) {
        self.on_expiries(now, fx);
        self.on_reg_due(now, fx);
    }

    fn has_work(&self) -> bool {
        self.reg.has_work()
    }

    fn work(&mut self, now: Now, room: usize, fx: &mut Fx) {
        self.tell_watchers(now, room, fx);
    }

    fn on_drain(&mut self) {
        self.reg.drain();
    }

    fn on_ask(&mut self, now: Now, _: AskId, ask: Ask, _: &mut Fx) -> Option<Told> {
        match ask {
            Ask::List => Some(Told::Registered(self.contacts(now))),
        }
    }

    fn metrics(&self) -> Vec<(&'static str, u64)> {
        let users = self.users.metrics();
        users
            .into_iter()
            .chain(self.challenges.metrics())
            .chain([
                ("registration_subscriptions", self.reg.len() as u64),
                ("bindings_crowded_out", self.crowded_out),
            ])
            .collect()
    }

    fn restore(&mut self, now: Now, record: &Record) -> Result<(), Unreadable> {
        if *record.key == *KEY {
            let key = record.value.as_deref().unwrap_or_default();
            self.key = Some(SigningKey::new(key.try_into().map_err(|_| Unreadable)?));
            Ok(())
        } else if Notifier::<Reg>::is_own(&record.key) {
            let value = record.value.as_deref().unwrap_or_default();
            self.reg.restore(&record.key, value).map_err(|_| Unreadable)
        } else if Earlier::has(record) {
            self.earlier.take(record).ok_or(Unreadable)
        } else {
            self.restore_registration(now, record)
        }
    }

    fn restored(&mut self, now: Now, fx: &mut Fx) {
        if self.key.is_none() {
            let key = SigningKey::new(fx.random.bytes());
            fx.persist(KEY, *key.bytes());
            self.key = Some(key);
        }
        self.restore_watches(now, fx);
        self.on_expiries(now, fx);
    }
}
