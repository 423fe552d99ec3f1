//! A subscription at the subscriber (RFC 6665 section 4.1).

mod answers;
pub(crate) mod io;
mod notify;

use crate::dialog::Dialog;
use crate::resubscribe::{Comeback, Retry};
use crate::sent_subscribe::SentSubscribe;
use crate::subscription_record::event_value;
use crate::usage::{Refresh, Usage};
use clock::{Mono, Now};
use io::{SubscriberConfig, SubscriberEnd, SubscriberInput, SubscriberOutput};
use sip_message::Event;
use std::borrow::Cow;
use std::collections::VecDeque;

/// One subscription kept alive: first SUBSCRIBE, refreshes, and coming back after it ended.
#[derive(Debug)]
pub struct Subscriber {
    config: SubscriberConfig,
    event: Cow<'static, str>,
    /// The Expires to ask for: the configured one, or what a 423 raised it to.
    asked: u32,
    raises: u8,
    /// Subscriptions in a row that did not last.
    failures: u8,
    wish: Wish,
    state: State,
    outputs: VecDeque<SubscriberOutput>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wish {
    Subscribed,
    /// To leave as soon as there is something to leave.
    Left,
}

#[derive(Debug)]
enum State {
    /// `SubscribeAnew` is given out, its `Sent` not reported yet.
    Init,
    /// Sent; no NOTIFY yet. `cap` is the shortest lifetime named so far, in seconds.
    NotifyWait { sent: Box<SentSubscribe>, timer_n: Mono, cap: u32, awaiting: Awaiting },
    /// Pending or active.
    Established(Box<Usage>),
    /// SUBSCRIBE with Expires 0 sent; the last NOTIFY is still welcome.
    Leaving { dialog: Box<Dialog>, timer_n: Mono },
    /// Over; to be subscribed again at `until`.
    Resting { until: Mono },
    /// Over for good.
    Terminated,
}

/// Whether the first SUBSCRIBE has been answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Awaiting {
    Both,
    Notify,
}

impl Subscriber {
    /// A subscriber to the state of `event`; its first output is `SubscribeAnew`.
    #[must_use]
    pub fn new(config: SubscriberConfig, event: Event<'_>) -> Self {
        Self {
            config,
            event: event_value(event),
            asked: config.expires,
            raises: 0,
            failures: 0,
            wish: Wish::Subscribed,
            state: State::Init,
            outputs: VecDeque::from([SubscriberOutput::SubscribeAnew(config.expires)]),
        }
    }

    /// The Event value of every SUBSCRIBE.
    #[must_use]
    pub fn event(&self) -> &str {
        &self.event
    }

    /// The dialog, while there is one.
    pub fn dialog_mut(&mut self) -> Option<&mut Dialog> {
        match &mut self.state {
            State::Established(usage) => Some(&mut usage.dialog),
            State::Leaving { dialog, .. } => Some(dialog),
            State::Init | State::NotifyWait { .. } | State::Resting { .. } | State::Terminated => None,
        }
    }

    /// The next thing to be done.
    pub fn poll_output(&mut self) -> Option<SubscriberOutput> {
        let output = self.outputs.pop_front();
        if output.is_none() {
            // It has nothing to do for a very long time, and there are very many.
            self.outputs = VecDeque::new();
        }
        output
    }

    /// When to call [`Subscriber::handle`] with a deadline if nothing else happens.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Mono> {
        match &self.state {
            State::Init | State::Terminated => None,
            State::NotifyWait { timer_n, .. } | State::Leaving { timer_n, .. } => Some(*timer_n),
            State::Established(usage) => Some(usage.deadline()),
            State::Resting { until } => Some(*until),
        }
    }

    /// Takes what happened.
    pub fn handle(&mut self, now: Now, input: SubscriberInput<'_>) {
        match input {
            SubscriberInput::Sent(sent) => self.sent(now, sent),
            SubscriberInput::Answered(answer) => self.answered(now, answer),
            SubscriberInput::NoAnswer => self.no_answer(now),
            SubscriberInput::Unsubscribe => self.unsubscribe(now),
            SubscriberInput::Deadline => self.deadline(now),
        }
    }

    fn timer_n(&self, now: Now) -> Mono {
        now.mono + self.config.t1 * 64
    }

    fn sent(&mut self, now: Now, sent: SentSubscribe) {
        match self.state {
            State::Init | State::NotifyWait { .. } => {
                let (sent, timer_n) = (Box::new(sent), self.timer_n(now));
                self.state = State::NotifyWait { sent, timer_n, cap: self.asked, awaiting: Awaiting::Both };
            }
            State::Established(_) | State::Leaving { .. } | State::Resting { .. } | State::Terminated => {}
        }
    }

    fn unsubscribe(&mut self, now: Now) {
        self.wish = Wish::Left;
        match self.state {
            State::Init | State::Resting { .. } => {
                self.outputs.clear();
                self.end(now, SubscriberEnd::Unsubscribed, Comeback::Never);
            }
            State::Established(_) => self.leave_if_wished(now),
            State::NotifyWait { .. } | State::Leaving { .. } | State::Terminated => {}
        }
    }

    /// Sends the SUBSCRIBE that ends it, once the one before is answered: two at once could overtake each other.
    fn leave_if_wished(&mut self, now: Now) {
        let timer_n = self.timer_n(now);
        let leaves = match &self.state {
            State::Established(usage) => self.wish == Wish::Left && !usage.is_asking(),
            State::Init
            | State::NotifyWait { .. }
            | State::Leaving { .. }
            | State::Resting { .. }
            | State::Terminated => false,
        };
        if leaves && let State::Established(usage) = std::mem::replace(&mut self.state, State::Terminated) {
            self.outputs.push_back(SubscriberOutput::SubscribeInDialog(0));
            self.state = State::Leaving { dialog: Box::new(usage.dialog), timer_n };
        }
    }

    fn refresh(&mut self, now: Now) {
        let (timer_n, cap) = (self.timer_n(now), self.asked);
        if let State::Established(usage) = &mut self.state {
            usage.refresh = Refresh::AwaitingBoth { timer_n, cap };
            self.outputs.push_back(SubscriberOutput::SubscribeInDialog(cap));
        }
    }

    fn deadline(&mut self, now: Now) {
        if self.poll_timeout().is_none_or(|at| now.mono < at) {
            return;
        }
        match &self.state {
            State::NotifyWait { .. } => self.end(now, SubscriberEnd::NoNotify, Comeback::Later),
            State::Established(usage) if now.mono >= usage.expires => {
                self.end(now, SubscriberEnd::Expired, Comeback::AtOnce);
            }
            State::Established(usage) => match usage.refresh {
                Refresh::At(_) => self.refresh(now),
                Refresh::AwaitingBoth { .. } | Refresh::AwaitingNotify { .. } => {
                    self.end(now, SubscriberEnd::NoNotify, Comeback::AtOnce);
                }
                Refresh::AwaitingAnswer { .. } => {}
            },
            State::Leaving { .. } => self.end(now, SubscriberEnd::Unsubscribed, Comeback::Never),
            State::Resting { .. } => self.begin(),
            State::Init | State::Terminated => {}
        }
    }

    fn begin(&mut self) {
        self.state = State::Init;
        self.outputs.push_back(SubscriberOutput::SubscribeAnew(self.asked));
    }

    fn end(&mut self, now: Now, end: SubscriberEnd, comeback: Comeback) {
        if let State::Established(usage) = &self.state
            && now.mono.saturating_since(usage.since) >= self.config.schedule.longest_wait
        {
            self.failures = 0;
        }
        let own_wait = self.config.schedule.wait(self.failures);
        let (end, retry) = match (self.wish, comeback) {
            (Wish::Left, _) => (SubscriberEnd::Unsubscribed, Retry::Never),
            // A fetch is done when it is over.
            (Wish::Subscribed, Comeback::Never) => (end, Retry::Never),
            (Wish::Subscribed, _) if self.asked == 0 => (end, Retry::Never),
            (Wish::Subscribed, Comeback::AtOnce) if self.failures == 0 => (end, Retry::Now),
            (Wish::Subscribed, Comeback::AtOnce | Comeback::Later) => (end, Retry::After(own_wait)),
            (Wish::Subscribed, Comeback::After(wait)) => (end, Retry::After(wait)),
        };
        self.failures = self.failures.saturating_add(1);
        self.outputs.push_back(SubscriberOutput::Ended(end, retry));
        match retry {
            Retry::Now => self.begin(),
            Retry::After(wait) => self.state = State::Resting { until: now.mono + wait },
            Retry::Never => self.state = State::Terminated,
        }
    }
}
