//! The publishing client: one document kept alive at the compositor (RFC 3903 sections 4 and 5).

use crate::answer::Answer;
use crate::schedule::Schedule;
use clock::{Mono, Now};
use sip_message::StatusCode;
use std::sync::Arc;
use std::time::Duration;

/// How often in a row a 423 may raise the lifetime before the PUBLISH counts as refused.
const MAX_RAISES: u8 = 3;

/// What happens to a publisher.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PublisherInput<'a> {
    /// The document to publish from now on, in place of any earlier one.
    Publish(Arc<[u8]>),
    /// Nothing is to be published any more.
    Remove,
    /// The PUBLISH was answered; 401 and 407 come here only when the caller has no credentials.
    Answered(Answer<'a>),
    /// The PUBLISH was not answered, or could not be sent.
    NoAnswer,
    /// The time of [`Publisher::poll_timeout`] has come.
    Deadline,
}

/// What a publisher wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PublisherOutput {
    /// Send this PUBLISH and report how it ended.
    Send(Publish),
    /// The compositor has the newest document, for so many seconds.
    Published(u32),
    /// The compositor has it no more, as was wished.
    Removed,
    /// The compositor refuses it. Nothing more is sent until the caller publishes or removes again.
    Refused(StatusCode),
}

/// A PUBLISH to send (section 4.1): initial (body, no tag), refresh (tag, no body), modify (both) or remove (tag, no
/// body, Expires 0).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publish {
    /// SIP-If-Match.
    pub if_match: Option<Box<str>>,
    /// Expires, in seconds.
    pub expires: u32,
    /// The document.
    pub body: Option<Arc<[u8]>>,
}

/// One publication, with at most one PUBLISH outstanding. Documents that come meanwhile replace each other; only the
/// newest is sent.
#[derive(Debug)]
pub struct Publisher {
    schedule: Schedule,
    /// The lifetime to ask for, in seconds, raised by 423.
    asked: u32,
    raises: u8,
    failures: u8,
    wanted: Wanted,
    /// What the compositor has of us, as far as is known.
    held: Option<Held>,
    state: State,
    event: Option<PublisherOutput>,
    send: Option<Publish>,
}

/// What ought to be at the compositor.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Wanted {
    /// Nothing, and that is so.
    Nothing,
    Document(Arc<[u8]>),
    /// Nothing, and the caller is to be told once that is so.
    Removal,
}

#[derive(Debug)]
struct Held {
    tag: Box<str>,
    document: Arc<[u8]>,
    expires: Mono,
    refresh: Mono,
}

#[derive(Debug)]
enum State {
    /// Nothing under way.
    Idle,
    /// A PUBLISH is outstanding that makes this so.
    Outstanding { aim: Wanted },
    /// It failed; nothing is sent before `until`.
    Waiting { until: Mono },
    /// It was refused: the wanted document is not sent again.
    Refused,
}

impl Publisher {
    /// A publisher that asks for a lifetime of `expires` seconds.
    #[must_use]
    pub const fn new(expires: u32, schedule: Schedule) -> Self {
        Self {
            schedule,
            asked: expires,
            raises: 0,
            failures: 0,
            wanted: Wanted::Nothing,
            held: None,
            state: State::Idle,
            event: None,
            send: None,
        }
    }

    /// The next thing to be done.
    pub fn poll_output(&mut self) -> Option<PublisherOutput> {
        self.event.take().or_else(|| self.send.take().map(PublisherOutput::Send))
    }

    /// When to call [`Publisher::handle`] with a deadline if nothing else happens.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Mono> {
        match self.state {
            State::Idle => self.held.as_ref().map(|held| held.refresh),
            State::Waiting { until } => Some(until),
            State::Outstanding { .. } | State::Refused => None,
        }
    }

    /// Takes what happened.
    pub fn handle(&mut self, now: Now, input: PublisherInput<'_>) {
        match input {
            PublisherInput::Publish(document) => self.want(Wanted::Document(document)),
            PublisherInput::Remove => self.want(Wanted::Removal),
            PublisherInput::Answered(answer) => self.answered(now, answer),
            PublisherInput::NoAnswer => self.failed(now, None),
            PublisherInput::Deadline => {}
        }
        self.advance(now);
    }

    fn want(&mut self, wanted: Wanted) {
        if let State::Refused = self.state {
            self.state = State::Idle;
        }
        self.wanted = wanted;
    }

    /// Sends what the compositor lacks, if something may be sent now.
    fn advance(&mut self, now: Now) {
        match self.state {
            State::Idle => {}
            State::Waiting { until } if until <= now.mono => self.state = State::Idle,
            State::Waiting { .. } | State::Outstanding { .. } | State::Refused => return,
        }
        // What has run out needs no condition and no removal.
        if self.held.as_ref().is_some_and(|held| held.expires <= now.mono) {
            self.held = None;
        }
        let if_match = self.held.as_ref().map(|held| held.tag.clone());
        let publish = match (&self.wanted, &self.held) {
            (Wanted::Nothing, _) => return,
            (Wanted::Removal, None) => {
                self.wanted = Wanted::Nothing;
                self.event = Some(PublisherOutput::Removed);
                return;
            }
            (Wanted::Removal, Some(_)) => Publish { if_match, expires: 0, body: None },
            (Wanted::Document(document), Some(held)) if held.document == *document => {
                if now.mono < held.refresh {
                    return;
                }
                Publish { if_match, expires: self.asked, body: None }
            }
            (Wanted::Document(document), Some(_) | None) => {
                Publish { if_match, expires: self.asked, body: Some(document.clone()) }
            }
        };
        self.state = State::Outstanding { aim: self.wanted.clone() };
        self.send = Some(publish);
    }

    fn answered(&mut self, now: Now, answer: Answer<'_>) {
        let State::Outstanding { aim } = &self.state else { return };
        let aim = aim.clone();
        match answer.status {
            status if status.is_provisional() => {}
            status if status.is_success() => self.accepted(now, aim, answer),
            StatusCode::CONDITIONAL_REQUEST_FAILED if self.held.is_some() => {
                // Section 5: the tag is dead; what is wanted is published anew.
                self.held = None;
                self.state = State::Idle;
            }
            StatusCode::INTERVAL_TOO_BRIEF if self.raised(answer) => self.state = State::Idle,
            status if status == StatusCode::REQUEST_TIMEOUT || (500..600).contains(&status.code()) => {
                self.failed(now, answer.retry_after);
            }
            status => self.refused(status, &aim),
        }
    }

    fn accepted(&mut self, now: Now, aim: Wanted, answer: Answer<'_>) {
        (self.raises, self.failures, self.state) = (0, 0, State::Idle);
        self.held = None;
        let Wanted::Document(document) = aim else { return };
        // Never longer than asked, whatever the response says.
        let expires = answer.expires.unwrap_or(self.asked).min(self.asked);
        let Some(tag) = answer.etag.filter(|_| expires > 0) else {
            // Without a tag or a lifetime it could only be published anew without end.
            return self.refused(answer.status, &Wanted::Document(document));
        };
        let lifetime = Duration::from_secs(expires.into());
        self.event = Some(PublisherOutput::Published(expires));
        self.held = Some(Held {
            tag: tag.into(),
            document,
            expires: now.mono + lifetime,
            refresh: self.schedule.refresh_at(now, lifetime),
        });
    }

    /// What was aimed at is given up; what is wanted by now may still be taken.
    fn refused(&mut self, status: StatusCode, aim: &Wanted) {
        self.state = if self.wanted == *aim { State::Refused } else { State::Idle };
        self.event = Some(PublisherOutput::Refused(status));
    }

    /// Takes the Min-Expires of a 423, where it asks for more than we did.
    fn raised(&mut self, answer: Answer<'_>) -> bool {
        let Some(min) = answer.min_expires.filter(|min| *min > self.asked && self.raises < MAX_RAISES) else {
            return false;
        };
        self.asked = min;
        self.raises += 1;
        true
    }

    fn failed(&mut self, now: Now, retry_after: Option<u32>) {
        let State::Outstanding { .. } = self.state else { return };
        let wait = match retry_after {
            Some(seconds) => Duration::from_secs(seconds.into()),
            None => self.schedule.wait(self.failures),
        };
        self.failures = self.failures.saturating_add(1);
        self.state = State::Waiting { until: now.mono + wait };
    }
}
