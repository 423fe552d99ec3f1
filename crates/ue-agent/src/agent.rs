//! The user agent: what it holds, and what its user may ask of it.

use crate::Fx;
use crate::ask::{Ask, NotDone, Told};
use crate::command::{Command, PagerMessage, Publication};
use crate::compose::{self, Ids};
use crate::keepalive::KeepAlive;
use crate::leave::{Farewell, Stage};
use crate::lost::Lost;
use crate::moving::Way;
use crate::publication::{Published, Standing};
use crate::reg_event::RegWatch;
use crate::registration::{Failure, Input, Output, Registration};
use crate::report::{Report, Status};
use crate::role::Own;
use crate::settings::UeAgentSettings;
use crate::warning;
use crate::watch::{Kind, Watched, Watches};
use clock::Now;
use ims_node::{Next, Outcome, OwnRequest, Random};
use sip_event::Subscriptions;
use sip_message::{Draft, Uri};
use std::collections::VecDeque;

/// Texts that wait for the registration; one more is refused.
const MAX_UNSENT: usize = 32;

/// Reports that nobody has taken; above it the oldest goes.
const MAX_REPORTS: usize = 10_000;

/// A user agent.
#[derive(Debug)]
pub struct UeAgent {
    pub(crate) settings: UeAgentSettings,
    pub(crate) registration: Registration,
    pub(crate) subscriptions: Subscriptions<Watched>,
    pub(crate) watches: Watches,
    pub(crate) reg: RegWatch,
    pub(crate) publication: Option<Published>,
    /// Texts that wait for our registration.
    pub(crate) unsent: VecDeque<PagerMessage>,
    pub(crate) stage: Stage,
    pub(crate) way: Way,
    pub(crate) keepalive: KeepAlive,
    pub(crate) lost: Lost,
    /// Of a P-CSCF that does not know our flow.
    pub(crate) unknown: Lost,
    reports: VecDeque<Report>,
}

impl Ids {
    pub(crate) fn fresh(random: &mut Random) -> Self {
        Self { call_id: random.secret().into(), tag: random.token().into(), cseq: 1 }
    }

    /// Those of the next request of the same kind.
    pub(crate) fn next(self) -> Self {
        Self { cseq: self.cseq.saturating_add(1), ..self }
    }
}

impl UeAgent {
    /// An agent that has done nothing yet.
    #[must_use]
    pub fn new(settings: UeAgentSettings) -> Self {
        Self {
            registration: Registration::new(settings.registration_s),
            settings,
            subscriptions: Subscriptions::default(),
            watches: Watches::default(),
            reg: RegWatch::default(),
            publication: None,
            unsent: VecDeque::new(),
            stage: Stage::Working,
            way: Way::default(),
            keepalive: KeepAlive::default(),
            lost: Lost::default(),
            unknown: Lost::default(),
            reports: VecDeque::new(),
        }
    }

    /// The next thing that its user should know.
    pub fn poll_report(&mut self) -> Option<Report> {
        self.reports.pop_front()
    }

    /// Whether it has left and nothing is to be done any more.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.stage == Stage::Gone
    }

    pub(crate) fn answer_ask(&mut self, now: Now, ask: Ask, fx: &mut Fx) -> Told {
        match ask {
            Ask::Leave(farewell) => self.begin_to_leave(now, farewell),
            Ask::Do(_) if self.stage != Stage::Working => return Err(NotDone::Leaving),
            Ask::Do(command) => self.obey(now, command, fx)?,
        }
        self.run_machines(now, fx);
        Ok(())
    }

    fn obey(&mut self, now: Now, command: Command, fx: &mut Fx) -> Told {
        match command {
            Command::Register => self.register(now, Input::Register, fx),
            Command::Deregister => self.register(now, Input::Deregister, fx),
            Command::Move(to) => self.move_to(now, to, fx),
            Command::Watch(uris) => {
                for uri in &uris {
                    self.watch(uri, Kind::Watch, &mut fx.random)?;
                }
                self.be_registered(now, fx);
            }
            Command::Unwatch(uri) => self.unwatch(now, &uri)?,
            Command::Fetch(uri) => {
                self.watch(&uri, Kind::Fetch, &mut fx.random)?;
                self.be_registered(now, fx);
            }
            Command::Publish(Publication(wanted)) => {
                self.publish(now, &wanted, &mut fx.random)?;
                self.be_registered(now, fx);
            }
            Command::Unpublish => self.unpublish(now)?,
            Command::Message(_) if self.unsent.len() >= MAX_UNSENT => return Err(NotDone::TooManyTexts),
            Command::Message(message) => {
                self.unsent.push_back(message);
                self.be_registered(now, fx);
            }
            Command::Options => self.ask_options(fx),
            Command::Status => self.tell_status(now),
            Command::Quit => self.begin_to_leave(now, Farewell::Everything),
        }
        Ok(())
    }

    fn register(&mut self, now: Now, input: Input<'_>, fx: &mut Fx) {
        self.registration.handle(now, &self.settings, input, &mut fx.random);
    }

    /// Whatever needs a registration begins one.
    fn be_registered(&mut self, now: Now, fx: &mut Fx) {
        if self.registration.is_idle() {
            self.register(now, Input::Register, fx);
        }
    }

    fn ask_options(&mut self, fx: &mut Fx) {
        let draft = compose::options(&self.settings, &Ids::fresh(&mut fx.random));
        let uri = self.settings.pcscf.uri_text().into();
        self.send(draft, Own::Once { method: "OPTIONS", uri }, fx);
    }

    fn tell_status(&mut self, now: Now) {
        let left = |at: clock::Mono| at.saturating_since(now.mono).as_secs();
        let watching = self.watches.kept();
        let status = Status {
            uri: self.identity().as_str().into(),
            registered_s: self.registration.binding().map(|binding| left(binding.expires)),
            watching: watching.map(|uri| uri.as_str().into()).collect(),
            published: self
                .publication
                .as_ref()
                .is_some_and(|publication| publication.standing() == Standing::There),
        };
        self.report(Report::Status(status));
    }

    /// Who we are to others.
    pub(crate) fn identity(&self) -> &Uri {
        let impu = self.settings.account.impu();
        self.registration.binding().map_or(impu, |binding| binding.identity(impu))
    }

    pub(crate) fn report(&mut self, report: Report) {
        if self.reports.len() >= MAX_REPORTS {
            self.reports.pop_front();
        }
        self.reports.push_back(report);
    }

    pub(crate) fn error(&mut self, what: String) {
        self.report(Report::Error { what: what.into() });
    }

    /// Sends on the flow of the registration.
    pub(crate) fn send(&mut self, draft: Option<Draft>, then: Own, fx: &mut Fx) {
        // All parts were checked when the settings were; a request that cannot be made is not worth a word.
        let Some(draft) = draft else { return };
        fx.send(OwnRequest { draft, next: Next::Flow(self.settings.pcscf.flow()), then });
    }

    /// Does what the machines want, until nothing more comes of it.
    pub(crate) fn run_machines(&mut self, now: Now, fx: &mut Fx) {
        loop {
            let mut busy = self.run_registration(now, fx);
            busy |= self.run_subscriptions(now, fx);
            busy |= self.run_publication(fx);
            busy |= self.send_texts(fx);
            busy |= self.advance_leaving(now, &mut fx.random);
            if !busy {
                break;
            }
        }
        self.leave_former_flows(fx);
        self.keep_alive(now, &mut fx.random);
    }

    fn run_registration(&mut self, now: Now, fx: &mut Fx) -> bool {
        let mut busy = false;
        while let Some(output) = self.registration.poll_output() {
            busy = true;
            let uri: Box<str> = self.settings.account.impu().as_str().into();
            match output {
                Output::Send(register) => {
                    let draft = compose::register(&self.settings, &register);
                    self.send(draft, Own::Register { cseq: register.cseq }, fx);
                }
                Output::Registered(expires_s) => {
                    let gruu = self.registration.binding().and_then(|binding| binding.gruu.as_ref());
                    let gruu = gruu.map(|gruu| gruu.as_str().into());
                    self.report(Report::Registered { uri, expires_s, gruu });
                    self.follow_the_way(now, &mut fx.random);
                    self.watch_registration(&mut fx.random);
                }
                Output::Gone => {
                    self.report(Report::Deregistered { uri });
                    self.reg.outlive();
                    self.deregistered();
                }
                Output::Failed { failure, retry } => {
                    let (status, reason) = failure_text(failure);
                    let retry_s = retry.map(|wait| wait.as_secs());
                    self.report(Report::RegisterFailed { uri, status, reason, retry_s });
                    if retry.is_none() {
                        self.reg.outlive();
                        self.deregistered();
                    }
                }
            }
        }
        busy
    }

    fn send_texts(&mut self, fx: &mut Fx) -> bool {
        let Some(binding) = self.registration.binding() else { return false };
        let Some(message) = self.unsent.pop_front() else { return false };
        let draft = compose::message(&self.settings, binding, &message, &Ids::fresh(&mut fx.random));
        self.send(Some(draft), Own::Once { method: "MESSAGE", uri: message.to.as_str().into() }, fx);
        true
    }

    pub(crate) fn on_once_ended(&mut self, method: &'static str, uri: Box<str>, outcome: &Outcome) {
        let status = outcome.status();
        let reason = match (outcome, status) {
            (Outcome::Response(response), Some(status)) => {
                warning::text(response).unwrap_or_else(|| status.reason().to_owned())
            }
            (Outcome::TimedOut, _) => "no answer".to_owned(),
            (_, _) => "the P-CSCF cannot be reached".to_owned(),
        };
        let status = status.map(|status| status.code());
        self.report(Report::Answered { method, uri, status, reason: reason.into() });
    }
}

fn failure_text(failure: Failure) -> (Option<u16>, Box<str>) {
    match failure {
        Failure::Refused { status, warning } => {
            (Some(status.code()), warning.unwrap_or_else(|| status.reason().to_owned()).into())
        }
        Failure::WrongPassword => (Some(401), "wrong password".into()),
        Failure::Unanswerable => (Some(401), "no challenge that can be answered".into()),
        Failure::NotBound => (None, "the network did not keep our contact".into()),
        Failure::NoAnswer => (None, "no answer".into()),
        Failure::Unreachable => (None, "the P-CSCF cannot be reached".into()),
        Failure::FlowClosed => (None, "the connection has ended".into()),
        Failure::FlowUnknown => (None, "the P-CSCF does not know our address any more".into()),
        Failure::ByNetwork(event) => {
            (None, format!("the network has ended the registration ({event})").into())
        }
    }
}
