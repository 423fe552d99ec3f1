//! Whether the other end of a connection between nodes is still there.
//!
//! TCP alone does not say: a peer that is frozen, unplugged or gone without a FIN looks like one that has nothing to say. So
//! an end that waits for the answer to a request asks, by the double CRLF of RFC 5626 section 3.5.1, when it has read
//! nothing for a second, and closes the connection when it still reads nothing.

use clock::Mono;
use std::time::Duration;

/// How long nothing may be read, while an answer is awaited, before the other end is asked whether it is there.
pub const PROBE_AFTER: Duration = Duration::from_secs(1);

/// How long nothing may then be read before the connection is closed.
pub const CLOSE_AFTER: Duration = Duration::from_secs(2);

/// How long a peer's system may leave what was written unacknowledged before the connection counts as silent
/// (`TCP_USER_TIMEOUT`); a request on it is given up by then.
pub const UNACKNOWLEDGED: Duration = Duration::from_secs(32);

/// Who is at the other end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acquaintance {
    /// A node of our own network, which answers keep-alives.
    Own,
    /// Anybody else, who may not know them: only who has answered one before is expected to answer the next.
    Other,
}

/// What a deadline brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Suspicion {
    /// Nothing.
    None,
    /// Send a double CRLF.
    Ask,
    /// Nobody is there: close the connection.
    Gone,
}

/// What was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard<'a> {
    /// A whole message.
    Message(&'a [u8]),
    /// The answer to a keep-alive.
    Pong,
    /// Anything else, half a message for one.
    Something,
}

/// One connection, as one of its ends sees it.
#[derive(Debug, Clone)]
pub struct Silence {
    timer_f: Duration,
    acquaintance: Acquaintance,
    /// Requests that were written and have no final response.
    awaited: u32,
    last_request: Mono,
    /// When something was last read, or an answer began to be awaited.
    quiet_since: Mono,
    asked: Asked,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    No,
    At(Mono),
    /// It was asked in vain, and may be one that does not know keep-alives.
    InVain,
}

impl Silence {
    /// A connection on which nothing has come or gone. An answer that is awaited for longer than `timer_f` is not expected any more.
    #[must_use]
    pub const fn new(acquaintance: Acquaintance, timer_f: Duration) -> Self {
        Self {
            acquaintance,
            timer_f,
            awaited: 0,
            last_request: Mono::ZERO,
            quiet_since: Mono::ZERO,
            asked: Asked::No,
        }
    }

    /// A message was written.
    pub fn wrote(&mut self, now: Mono, message: &[u8]) {
        if is_response(message) {
            return;
        }
        if self.awaited == 0 {
            self.quiet_since = now;
            self.asked = Asked::No;
        }
        self.awaited = self.awaited.saturating_add(1);
        self.last_request = now;
    }

    /// Something was read.
    pub fn heard(&mut self, now: Mono, heard: Heard<'_>) {
        self.quiet_since = now;
        self.asked = Asked::No;
        match heard {
            Heard::Message(message) if is_final_response(message) => {
                self.awaited = self.awaited.saturating_sub(1);
            }
            Heard::Pong => self.acquaintance = Acquaintance::Own,
            Heard::Message(_) | Heard::Something => {}
        }
    }

    /// When to call [`Silence::on_deadline`].
    #[must_use]
    pub fn deadline(&self) -> Option<Mono> {
        match self.asked {
            _ if self.awaited == 0 => None,
            Asked::No => Some(self.quiet_since + PROBE_AFTER),
            Asked::At(asked) => Some(asked + CLOSE_AFTER),
            Asked::InVain => None,
        }
    }

    /// A deadline may have passed; harmless when none has. What there is to be read must have been read before.
    pub fn on_deadline(&mut self, now: Mono) -> Suspicion {
        if self.deadline().is_none_or(|at| now < at) {
            return Suspicion::None;
        }
        if now >= self.last_request + self.timer_f {
            self.awaited = 0;
            return Suspicion::None;
        }
        match (self.asked, self.acquaintance) {
            (Asked::No, _) => {
                self.asked = Asked::At(now);
                Suspicion::Ask
            }
            (Asked::At(_), Acquaintance::Own) => Suspicion::Gone,
            (Asked::At(_), Acquaintance::Other) | (Asked::InVain, _) => {
                self.asked = Asked::InVain;
                Suspicion::None
            }
        }
    }
}

fn is_response(message: &[u8]) -> bool {
    message.starts_with(b"SIP/2.0 ")
}

fn is_final_response(message: &[u8]) -> bool {
    is_response(message) && message.get(8).is_some_and(|digit| *digit != b'1')
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUEST: &[u8] = b"NOTIFY sip:a SIP/2.0\r\n";

    #[derive(Debug, Clone, Copy)]
    enum Event {
        Wrote(&'static [u8]),
        Heard(Heard<'static>),
    }
    use Event::{Heard as H, Wrote as W};

    const OK: Event = H(Heard::Message(b"SIP/2.0 200 OK\r\n"));
    const TRYING: Event = H(Heard::Message(b"SIP/2.0 100 Trying\r\n"));

    fn at(ms: u64) -> Mono {
        Mono::at(Duration::from_millis(ms))
    }

    /// What came of it within 60 s.
    fn course(acquaintance: Acquaintance, events: &[(u64, Event)]) -> Vec<(u128, Suspicion)> {
        let mut silence = Silence::new(acquaintance, Duration::from_secs(32));
        let (mut came, mut events) = (Vec::new(), events.iter().peekable());
        loop {
            let deadline = silence.deadline().filter(|at_| *at_ <= at(60_000));
            match (deadline, events.peek()) {
                (Some(due), next) if next.is_none_or(|(ms, _)| due <= at(*ms)) => {
                    let suspicion = silence.on_deadline(due);
                    came.push((due.since_start().as_millis(), suspicion));
                    if suspicion == Suspicion::Gone {
                        return came;
                    }
                }
                (_, Some((ms, event))) => {
                    match event {
                        W(message) => silence.wrote(at(*ms), message),
                        H(heard) => silence.heard(at(*ms), *heard),
                    }
                    events.next();
                }
                (_, None) => return came,
            }
        }
    }

    /// What it is about, what happens, what comes of it.
    type Row = (&'static str, &'static [(u64, Event)], &'static [(u128, Suspicion)]);

    #[test]
    fn design_16_a_silent_peer_is_asked_after_one_second_and_given_up_after_three() {
        use Suspicion::{Ask, Gone, None};
        const PONG: Event = H(Heard::Pong);
        let rows: [Row; 8] = [
            ("nobody is there", &[(0, W(REQUEST))], &[(1000, Ask), (3000, Gone)]),
            ("idle", &[(0, W(b"SIP/2.0 200 OK\r\n"))], &[]),
            ("answered", &[(0, W(REQUEST)), (999, OK)], &[]),
            (
                "slow",
                &[(0, W(REQUEST)), (1010, PONG), (2020, TRYING), (3030, PONG), (4040, OK)],
                &[(1000, Ask), (2010, Ask), (3020, Ask), (4030, Ask)],
            ),
            (
                "one of two answers is missing",
                &[(0, W(REQUEST)), (10, W(REQUEST)), (500, OK)],
                &[(1500, Ask), (3500, Gone)],
            ),
            (
                "half a message",
                &[(0, W(REQUEST)), (2900, H(Heard::Something))],
                &[(1000, Ask), (3900, Ask), (5900, Gone)],
            ),
            (
                "a late request",
                &[(0, W(REQUEST)), (1, OK), (50_000, W(REQUEST))],
                &[(51_000, Ask), (53_000, Gone)],
            ),
            (
                "its answer is not expected any more",
                &[(0, W(REQUEST)), (31_500, PONG)],
                &[(1000, Ask), (3000, Gone)],
            ),
        ];
        for (name, events, expected) in rows {
            assert_eq!(course(Acquaintance::Own, events), expected, "{name}");
        }
        let answered: Vec<(u64, Event)> =
            [(0, W(REQUEST))].into_iter().chain((1..=40).map(|n| (n * 900, PONG))).collect();
        assert_eq!(
            course(Acquaintance::Own, &answered),
            [(37_000, None)],
            "after Timer F nothing is expected"
        );
    }

    #[test]
    fn design_16_who_may_not_know_keep_alives_is_not_given_up_for_not_answering_one() {
        use Suspicion::{Ask, Gone, None};
        let events = [(0, W(REQUEST)), (10_000, OK), (11_000, W(REQUEST))];
        let asked = [(1000, Ask), (3000, None), (12_000, Ask), (14_000, None)];
        assert_eq!(course(Acquaintance::Other, &events), asked);
        // Who has answered one knows them.
        let events = [(0, W(REQUEST)), (1001, H(Heard::Pong))];
        assert_eq!(course(Acquaintance::Other, &events), [(1000, Ask), (2001, Ask), (4001, Gone)]);
    }
}
