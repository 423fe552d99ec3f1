//! The registration of the user (TS 24.229 sections 5.1.1.2 to 5.1.1.6): made, kept alive, made again, taken back.

mod io;

use crate::binding::Binding;
use crate::credentials::{Challenged, unchallenged};
use crate::settings::UeAgentSettings;
use crate::warning;
use clock::{Mono, Now};
use ims_node::{Outcome, Random};
use sip_message::{HeaderName, Message, StatusCode, delta_seconds};
use std::collections::VecDeque;
use std::time::Duration;

pub(crate) use io::{Failure, Input, Output, Register};

/// Challenges of one REGISTER; the third one ends it (rule REG-U-02).
const MAX_CHALLENGES: u8 = 3;

/// Challenges of one REGISTER that blame the nonce alone.
const MAX_STALE: u8 = 3;

/// How often in a row a 423 may raise the interval.
const MAX_RAISES: u8 = 3;

/// The wait after a first failure; it doubles with each further one.
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// The longest wait of our own.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// The longest wait that a server may ask for, in seconds; a longer Retry-After is taken as this.
const MAX_RETRY_AFTER_S: u32 = 3600;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wish {
    Registered,
    Gone,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing is wished and nothing done, or all has been refused.
    Idle,
    /// A REGISTER is under way that makes this so.
    Outstanding { aim: Wish, challenges: u8, stale: u8 },
    /// It failed; the next one goes out then.
    Waiting { until: Mono },
    /// All is well until then.
    Registered { refresh: Mono },
}

/// Call-ID and From tag of every REGISTER of this process.
#[derive(Debug, Clone)]
struct Ids {
    call_id: Box<str>,
    tag: Box<str>,
}

/// The registration of one user agent.
#[derive(Debug)]
pub(crate) struct Registration {
    ids: Option<Ids>,
    cseq: u32,
    /// The CSeq number of the REGISTER that made the binding.
    accepted: u32,
    asked: u32,
    raises: u8,
    failures: u8,
    challenged: Option<Challenged>,
    wish: Wish,
    state: State,
    binding: Option<Binding>,
    outputs: VecDeque<Output>,
}

impl Registration {
    pub(crate) const fn new(asked: u32) -> Self {
        Self {
            ids: None,
            cseq: 0,
            accepted: 0,
            asked,
            raises: 0,
            failures: 0,
            challenged: None,
            wish: Wish::Gone,
            state: State::Idle,
            binding: None,
            outputs: VecDeque::new(),
        }
    }

    /// What the network has of us, while it has it.
    pub(crate) const fn binding(&self) -> Option<&Binding> {
        self.binding.as_ref()
    }

    /// Whether another REGISTER of ours has been accepted since the one with this Call-ID and CSeq number.
    pub(crate) fn is_outdated(&self, call_id: &str, cseq: u32) -> bool {
        self.ids.as_ref().is_some_and(|ids| *ids.call_id == *call_id) && cseq < self.accepted
    }

    /// Whether the user wants to be registered.
    pub(crate) fn is_wished(&self) -> bool {
        self.wish == Wish::Registered
    }

    /// Whether nothing is done and nothing is going to be.
    pub(crate) fn is_idle(&self) -> bool {
        self.state == State::Idle
    }

    /// Whether we are registered, and no REGISTER is under way.
    pub(crate) fn is_settled(&self) -> bool {
        matches!(self.state, State::Registered { .. })
    }

    pub(crate) fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    pub(crate) fn deadline(&self) -> Option<Mono> {
        let state_deadline = match self.state {
            State::Waiting { until } => Some(until),
            State::Registered { refresh } => Some(refresh),
            State::Idle | State::Outstanding { .. } => None,
        };
        [state_deadline, self.binding.as_ref().map(|binding| binding.expires)].into_iter().flatten().min()
    }

    /// Takes what happened.
    pub(crate) fn handle(
        &mut self,
        now: Now,
        settings: &UeAgentSettings,
        input: Input<'_>,
        random: &mut Random,
    ) {
        match input {
            Input::Register => self.wish(now, settings, Wish::Registered, random),
            Input::Deregister => self.wish(now, settings, Wish::Gone, random),
            Input::Ended { cseq, outcome } if cseq == self.cseq => {
                self.ended(now, settings, outcome, random);
            }
            Input::Ended { .. } => {}
            Input::Lost if self.is_settled() => self.begin(now, settings, random),
            Input::Lost => {}
            Input::Moved => self.moved(now, settings, random),
            Input::FlowClosed => self.flow_gone(now, Failure::FlowClosed, Duration::ZERO, random),
            Input::FlowUnknown(wait) => self.flow_gone(now, Failure::FlowUnknown, wait, random),
            Input::Terminated { event, again } => self.terminated(now, event, again, random),
            Input::Deadline => self.due(now, settings, random),
        }
    }

    fn wish(&mut self, now: Now, settings: &UeAgentSettings, wish: Wish, random: &mut Random) {
        self.wish = wish;
        if let State::Outstanding { .. } = self.state {
            return;
        }
        self.failures = 0;
        self.begin(now, settings, random);
    }

    /// Sends what the wish asks for, if anything is to be done for it.
    fn begin(&mut self, now: Now, settings: &UeAgentSettings, random: &mut Random) {
        self.drop_expired(now);
        if self.wish == Wish::Gone && self.binding.is_none() {
            self.state = State::Idle;
            self.outputs.push_back(Output::Gone);
            return;
        }
        self.state = State::Outstanding { aim: self.wish, challenges: 0, stale: 0 };
        self.send(settings, random);
    }

    fn send(&mut self, settings: &UeAgentSettings, random: &mut Random) {
        let State::Outstanding { aim, .. } = self.state else { return };
        let uri = settings.home_uri();
        let authorization = match &mut self.challenged {
            Some(challenged) => challenged.answer(&settings.account, "REGISTER", &uri, &random.token()),
            None => unchallenged(&settings.account, &uri),
        };
        let fresh = || Ids { call_id: random.secret().into(), tag: random.token().into() };
        let Ids { call_id, tag } = self.ids.get_or_insert_with(fresh).clone();
        self.cseq += 1;
        let expires = if aim == Wish::Gone { 0 } else { self.asked };
        self.outputs.push_back(Output::Send(Register {
            call_id,
            tag,
            cseq: self.cseq,
            expires,
            authorization,
        }));
    }

    fn ended(&mut self, now: Now, settings: &UeAgentSettings, outcome: &Outcome, random: &mut Random) {
        let State::Outstanding { aim, .. } = self.state else { return };
        match outcome {
            Outcome::Response(response) => self.answered(now, settings, response, random),
            Outcome::TimedOut => self.failed(now, Failure::NoAnswer, None, random),
            Outcome::Unreachable | Outcome::Unresolved(_) => {
                self.failed(now, Failure::Unreachable, None, random);
            }
        }
        // The user has changed its mind meanwhile.
        let settled = matches!(self.state, State::Idle | State::Registered { .. });
        if settled && aim != self.wish {
            self.begin(now, settings, random);
        }
    }

    fn answered(&mut self, now: Now, settings: &UeAgentSettings, response: &Message, random: &mut Random) {
        let State::Outstanding { aim, challenges, stale } = self.state else { return };
        let Some(status) = response.status() else { return };
        match status {
            _ if status.is_success() => self.accepted(now, settings, aim, response, random),
            StatusCode::UNAUTHORIZED => {
                let Some(challenged) = Challenged::strongest(response) else {
                    return self.stop(Failure::Unanswerable);
                };
                // Rule REG-U-02: an old nonce says nothing of the password.
                let old_nonce = challenged.is_stale() && stale < MAX_STALE;
                let (challenges, stale) =
                    if old_nonce { (challenges, stale + 1) } else { (challenges + 1, stale) };
                if challenges >= MAX_CHALLENGES {
                    self.challenged = None;
                    return self.stop(Failure::WrongPassword);
                }
                self.challenged = Some(challenged);
                self.state = State::Outstanding { aim, challenges, stale };
                self.send(settings, random);
            }
            StatusCode::INTERVAL_TOO_BRIEF if self.raised(response) => self.send(settings, random),
            _ if is_passing(status) => {
                let wait = response.retry_after();
                let wait = wait.map(|seconds| Duration::from_secs(seconds.min(MAX_RETRY_AFTER_S).into()));
                let failure = Failure::Refused { status, warning: warning::text(response) };
                self.failed(now, failure, wait, random);
            }
            _ => self.stop(Failure::Refused { status, warning: warning::text(response) }),
        }
    }

    /// Rule REG-U-03.
    fn raised(&mut self, response: &Message) -> bool {
        let min = response.value(HeaderName::MinExpires).and_then(delta_seconds);
        let Some(min) = min.filter(|min| *min > self.asked && self.raises < MAX_RAISES) else { return false };
        self.asked = min;
        self.raises += 1;
        true
    }

    fn accepted(
        &mut self,
        now: Now,
        settings: &UeAgentSettings,
        aim: Wish,
        response: &Message,
        random: &mut Random,
    ) {
        self.raises = 0;
        if aim == Wish::Gone {
            self.binding = None;
            self.state = State::Idle;
            if self.wish == Wish::Gone {
                self.outputs.push_back(Output::Gone);
            }
            return;
        }
        let Some(contact) = settings.contact() else { return self.stop(Failure::NotBound) };
        match Binding::read(now, response, &contact, settings.instance.as_str()) {
            Some(binding) => {
                self.failures = 0;
                self.state = State::Registered { refresh: binding.refresh_at() };
                self.outputs.push_back(Output::Registered(binding.granted));
                self.accepted = self.cseq;
                self.binding = Some(binding);
            }
            None => self.failed(now, Failure::NotBound, None, random),
        }
    }

    /// What speaks of this moment only: the same is tried again, for ever, ever more seldom.
    fn failed(&mut self, now: Now, failure: Failure, asked: Option<Duration>, random: &mut Random) {
        if self.wish == Wish::Gone {
            return self.stop(failure);
        }
        let backoff = FIRST_WAIT.saturating_mul(1 << self.failures.min(16)).min(LONGEST_WAIT);
        // Up to a quarter less, so that agents that lost the same P-CSCF do not come back together.
        let quarter = backoff / 4;
        let less = u32::try_from(random.bits() & 0xff).unwrap_or(0);
        let wait = asked.unwrap_or_else(|| backoff - quarter * less / 0xff);
        self.failures = self.failures.saturating_add(1);
        self.state = State::Waiting { until: now.mono + wait };
        self.outputs.push_back(Output::Failed { failure, retry: Some(wait) });
    }

    /// Nothing more is tried unless the user asks.
    fn stop(&mut self, failure: Failure) {
        self.state = State::Idle;
        self.binding = None;
        self.outputs.push_back(Output::Failed { failure, retry: None });
    }

    /// What is under way through the former P-CSCF counts no more; the network replaces what it has of us.
    fn moved(&mut self, now: Now, settings: &UeAgentSettings, random: &mut Random) {
        (self.binding, self.failures, self.wish) = (None, 0, Wish::Registered);
        self.begin(now, settings, random);
    }

    fn flow_gone(&mut self, now: Now, failure: Failure, wait: Duration, random: &mut Random) {
        match self.state {
            State::Registered { .. } => {
                self.binding = None;
                self.failed(now, failure, Some(wait), random);
            }
            State::Waiting { .. } => self.binding = None,
            // What is outstanding on it fails by itself.
            State::Outstanding { .. } => self.binding = None,
            State::Idle => {}
        }
    }

    /// Where another REGISTER is under way or planned, that one decides.
    fn terminated(&mut self, now: Now, event: &'static str, again: Option<Duration>, random: &mut Random) {
        self.binding = None;
        match (self.state, again) {
            (State::Idle | State::Outstanding { .. }, _) | (State::Waiting { .. }, Some(_)) => {}
            (State::Registered { .. }, Some(wait)) => {
                self.failed(now, Failure::ByNetwork(event), Some(wait), random);
            }
            (State::Registered { .. } | State::Waiting { .. }, None) => self.stop(Failure::ByNetwork(event)),
        }
    }

    fn due(&mut self, now: Now, settings: &UeAgentSettings, random: &mut Random) {
        self.drop_expired(now);
        match self.state {
            State::Waiting { until: at } | State::Registered { refresh: at } if at <= now.mono => {
                self.begin(now, settings, random);
            }
            State::Waiting { .. } | State::Registered { .. } | State::Idle | State::Outstanding { .. } => {}
        }
    }

    fn drop_expired(&mut self, now: Now) {
        self.binding = self.binding.take().filter(|binding| binding.expires > now.mono);
    }
}

/// Answers that speak of this moment only.
fn is_passing(status: StatusCode) -> bool {
    matches!(status.code(), 408 | 430 | 480) || (500..600).contains(&status.code())
}
