//! The non-INVITE server transaction (RFC 3261 section 17.2.2, as changed by RFC 4320).

use crate::timers::Timers;
use clock::Mono;
use std::time::Duration;

/// The states of figure 8. A state owns its deadlines; leaving it cancels them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServerState {
    /// No response yet.
    Trying {
        /// When a 100 is sent, also on a stream: it tells the client that somebody is there and works on it.
        trying_due: Mono,
        /// When the client has given up: a response later than that helps nobody.
        give_up: Mono,
    },
    /// A 100 was sent.
    Proceeding {
        /// When it is sent once more, where the first one may have been lost: whoever hears none gives this side up.
        again: Option<Mono>,
        /// As in `Trying`.
        give_up: Mono,
    },
    /// The final response was sent and is sent again to every repeat of the request.
    Completed {
        /// When the transaction ends.
        timer_j: Mono,
    },
    /// Over.
    Terminated,
}

/// What a repeat of the request gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// Nothing yet; the answer is on its way.
    Absorb,
    /// The last response, again.
    Resend,
}

/// What a deadline brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServerEvent {
    /// Nothing.
    Nothing,
    /// Send the 100 again.
    RepeatTrying,
    /// Send 100 (RFC 4320 section 4.1: on every transport once Timer E of the client has reached T2, by UDP not before).
    SendTrying,
    /// The transaction ended.
    Ended,
}

/// One server transaction.
#[derive(Debug, Clone, Copy)]
pub struct Server {
    state: ServerState,
    /// How long the final response is kept.
    timer_j: Duration,
    /// After which time the 100 is sent once more; never where nothing is lost.
    repeat_after: Option<Duration>,
}

impl Server {
    /// The request has just come.
    #[must_use]
    pub fn start(now: Mono, timers: Timers, reliable: bool) -> Self {
        let trying_due = now + timers.until_t2();
        let timer_f = timers.timer_f();
        // Section 17.2.2: J is 64 T1, as F is, where the request may be repeated, nothing on a stream.
        let timer_j = if reliable { Duration::ZERO } else { timer_f };
        let repeat_after = (!reliable).then_some(timers.t1);
        Self { state: ServerState::Trying { trying_due, give_up: now + timer_f }, timer_j, repeat_after }
    }

    /// The state.
    #[must_use]
    pub const fn state(&self) -> ServerState {
        self.state
    }

    /// When [`Server::on_deadline`] has something to do.
    #[must_use]
    pub fn deadline(&self) -> Option<Mono> {
        match self.state {
            ServerState::Trying { trying_due, give_up } => Some(trying_due.min(give_up)),
            ServerState::Proceeding { again, give_up } => {
                Some(again.map_or(give_up, |again| again.min(give_up)))
            }
            ServerState::Completed { timer_j } => Some(timer_j),
            ServerState::Terminated => None,
        }
    }

    /// The request came again.
    #[must_use]
    pub const fn on_repeat(&self) -> Repeat {
        match self.state {
            ServerState::Trying { .. } | ServerState::Terminated => Repeat::Absorb,
            ServerState::Proceeding { .. } | ServerState::Completed { .. } => Repeat::Resend,
        }
    }

    /// A final response is about to be sent; whether it may be. A second one, or one too late, is dropped (RFC 4320
    /// section 4.2).
    pub fn on_final(&mut self, now: Mono) -> bool {
        match self.state {
            ServerState::Trying { .. } | ServerState::Proceeding { .. } => {
                self.state = if self.timer_j.is_zero() {
                    ServerState::Terminated
                } else {
                    ServerState::Completed { timer_j: now + self.timer_j }
                };
                true
            }
            ServerState::Completed { .. } | ServerState::Terminated => false,
        }
    }

    /// A deadline may have passed; harmless when none has.
    pub fn on_deadline(&mut self, now: Mono) -> ServerEvent {
        match self.state {
            ServerState::Trying { give_up, .. } | ServerState::Proceeding { give_up, .. }
                if give_up <= now =>
            {
                self.state = ServerState::Terminated;
                ServerEvent::Ended
            }
            ServerState::Trying { trying_due, give_up } if trying_due <= now => {
                let again = self.repeat_after.map(|after| now + after);
                self.state = ServerState::Proceeding { again, give_up };
                ServerEvent::SendTrying
            }
            ServerState::Proceeding { again: Some(again), give_up } if again <= now => {
                self.state = ServerState::Proceeding { again: None, give_up };
                ServerEvent::RepeatTrying
            }
            ServerState::Completed { timer_j } if timer_j <= now => {
                self.state = ServerState::Terminated;
                ServerEvent::Ended
            }
            ServerState::Trying { .. }
            | ServerState::Proceeding { .. }
            | ServerState::Completed { .. }
            | ServerState::Terminated => ServerEvent::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Mono {
        Mono::at(Duration::from_millis(ms))
    }

    fn server(reliable: bool) -> Server {
        Server::start(Mono::ZERO, Timers::DEFAULT, reliable)
    }

    #[test]
    fn sip_07_a_100_comes_after_three_and_a_half_seconds_on_every_transport() {
        for reliable in [false, true] {
            let mut server = server(reliable);
            assert_eq!(server.on_deadline(ms(3499)), ServerEvent::Nothing);
            assert_eq!(server.on_deadline(ms(3500)), ServerEvent::SendTrying);
            // Where it may be lost it is sent twice: the client waits for it for 4.5 s.
            let next =
                if reliable { (32_000, ServerEvent::Ended) } else { (4000, ServerEvent::RepeatTrying) };
            assert_eq!((server.deadline(), server.on_deadline(ms(next.0))), (Some(ms(next.0)), next.1));
        }
    }

    #[test]
    fn sip_06_repeats_get_the_same_final_for_timer_j_on_udp_and_none_on_tcp() {
        let mut udp = server(false);
        assert!(udp.on_final(ms(10)));
        assert_eq!(udp.on_deadline(ms(32009)), ServerEvent::Nothing);
        assert_eq!(udp.on_repeat(), Repeat::Resend);
        assert_eq!(udp.on_deadline(ms(32010)), ServerEvent::Ended);
        let mut tcp = server(true);
        assert!(tcp.on_final(ms(10)));
        assert_eq!(tcp.state(), ServerState::Terminated);
    }

    #[test]
    fn sip_07_a_late_final_is_dropped() {
        let mut server = server(false);
        server.on_deadline(ms(3500));
        server.on_deadline(ms(4000));
        assert_eq!(server.on_deadline(ms(31999)), ServerEvent::Nothing);
        assert_eq!(server.on_deadline(ms(32000)), ServerEvent::Ended);
        assert!(!server.on_final(ms(32001)));
    }

    /// Every state times every event: repeat, final, early deadline, last deadline.
    #[test]
    fn rfc3261_figure_8_every_state_and_event() {
        let proceeding = || {
            let mut s = server(false);
            s.on_deadline(ms(3500));
            s
        };
        let completed = || {
            let mut s = server(false);
            s.on_final(ms(0));
            s
        };
        let terminated = || {
            let mut s = server(true);
            s.on_final(ms(0));
            s
        };
        type Row = (Repeat, bool, ServerEvent, ServerEvent);
        let rows: [(&str, &dyn Fn() -> Server, Row); 4] = [
            (
                "trying",
                &|| server(false),
                (Repeat::Absorb, true, ServerEvent::SendTrying, ServerEvent::Ended),
            ),
            ("proceeding", &proceeding, (Repeat::Resend, true, ServerEvent::Nothing, ServerEvent::Ended)),
            ("completed", &completed, (Repeat::Resend, false, ServerEvent::Nothing, ServerEvent::Ended)),
            ("terminated", &terminated, (Repeat::Absorb, false, ServerEvent::Nothing, ServerEvent::Nothing)),
        ];
        for (name, start, (repeat, accepts, early, last)) in rows {
            assert_eq!(start().on_repeat(), repeat, "{name}");
            assert_eq!(start().on_final(ms(4000)), accepts, "{name}");
            assert_eq!(start().on_deadline(ms(3600)), early, "{name}");
            assert_eq!(start().on_deadline(ms(32000)), last, "{name}");
        }
    }
}
