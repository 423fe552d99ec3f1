//! The non-INVITE client transaction (RFC 3261 section 17.1.2).

use crate::timers::Timers;
use clock::Mono;
use std::time::Duration;

/// Timer E: when the request is sent again, and how far apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimerE {
    at: Mono,
    gap: Duration,
}

/// The states of figure 6. A state owns its deadlines; leaving it cancels them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientState {
    /// No response yet.
    Trying {
        /// `None` on a transport that does not lose messages.
        timer_e: Option<TimerE>,
        /// When the other side counts as silent.
        silent: Mono,
    },
    /// A provisional response came.
    Proceeding {
        /// As in `Trying`, but T2 apart.
        timer_e: Option<TimerE>,
    },
    /// The final response came; repeats of it are absorbed.
    Completed {
        /// When the transaction ends.
        timer_k: Mono,
    },
    /// Over.
    Terminated,
}

/// What the caller does after an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientEvent {
    /// Nothing.
    Nothing,
    /// Transmit the request again.
    Resend,
    /// Hand the response up.
    PassUp,
    /// Nothing at all came for as long as the other side may be silent. The caller says whether that is the end.
    Silent,
    /// Timer F: no final response came.
    TimedOut,
    /// The request could not be sent.
    Failed,
    /// The transaction ended after its final response.
    Ended,
}

/// One client transaction.
#[derive(Debug, Clone, Copy)]
pub struct Client {
    state: ClientState,
    timers: Timers,
    reliable: bool,
    /// When the transaction gives up, whatever has come.
    timer_f: Mono,
    /// Whether silence was once judged too late to mean anything.
    was_late: bool,
}

/// How long a client waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// For anything to come. Whoever lives says 100 once Timer E has reached T2, on every transport (RFC 4320 section
    /// 4.1), and may then take its time.
    pub silence: Duration,
    /// For the final response: Timer F, or less where whoever asked stops waiting earlier.
    pub timer_f: Duration,
}

impl Client {
    /// The request has just been sent.
    #[must_use]
    pub fn start(now: Mono, timers: Timers, reliable: bool, patience: Patience) -> Self {
        let timer_e = (!reliable).then(|| TimerE { at: now + timers.t1, gap: timers.t1 });
        let timer_f = now + patience.timer_f;
        Self {
            state: ClientState::Trying { timer_e, silent: now + patience.silence },
            timers,
            reliable,
            timer_f,
            was_late: false,
        }
    }

    /// The state.
    #[must_use]
    pub const fn state(&self) -> ClientState {
        self.state
    }

    /// When [`Client::on_deadline`] has something to do.
    #[must_use]
    pub fn deadline(&self) -> Option<Mono> {
        match self.state {
            ClientState::Trying { timer_e, silent } => Some(earliest(timer_e, silent.min(self.timer_f))),
            ClientState::Proceeding { timer_e } => Some(earliest(timer_e, self.timer_f)),
            ClientState::Completed { timer_k } => Some(timer_k),
            ClientState::Terminated => None,
        }
    }

    /// A response of this transaction came.
    pub fn on_response(&mut self, now: Mono, provisional: bool) -> ClientEvent {
        match (self.state, provisional) {
            (ClientState::Trying { timer_e, .. } | ClientState::Proceeding { timer_e }, true) => {
                self.state = ClientState::Proceeding { timer_e };
                ClientEvent::PassUp
            }
            (ClientState::Trying { .. } | ClientState::Proceeding { .. }, false) => {
                // Section 17.1.2.2: K is T4 where the final response may be repeated, nothing on a stream.
                self.state = if self.reliable {
                    ClientState::Terminated
                } else {
                    ClientState::Completed { timer_k: now + self.timers.t4 }
                };
                ClientEvent::PassUp
            }
            (ClientState::Completed { .. } | ClientState::Terminated, _) => ClientEvent::Nothing,
        }
    }

    /// A deadline may have passed; harmless when none has.
    pub fn on_deadline(&mut self, now: Mono) -> ClientEvent {
        match self.state {
            ClientState::Trying { .. } | ClientState::Proceeding { .. } if self.timer_f <= now => {
                self.state = ClientState::Terminated;
                ClientEvent::TimedOut
            }
            // Whoever looks so late was not there to hear: what has come meanwhile is read first. Once: who is always late has
            // to judge all the same.
            ClientState::Trying { timer_e, silent }
                if silent + self.timers.t1 / 2 <= now && !self.was_late =>
            {
                self.was_late = true;
                self.state = ClientState::Trying { timer_e, silent: now + self.timers.t1 };
                ClientEvent::Nothing
            }
            ClientState::Trying { timer_e, silent } if silent <= now => {
                self.state = ClientState::Trying { timer_e, silent: self.timer_f };
                ClientEvent::Silent
            }
            ClientState::Trying { timer_e: Some(timer_e), silent } if timer_e.at <= now => {
                // Section 17.1.2.2: E doubles from T1 up to T2.
                let gap = (timer_e.gap * 2).min(self.timers.t2);
                self.state = ClientState::Trying { timer_e: Some(TimerE { at: now + gap, gap }), silent };
                ClientEvent::Resend
            }
            ClientState::Proceeding { timer_e: Some(timer_e) } if timer_e.at <= now => {
                let gap = self.timers.t2;
                self.state = ClientState::Proceeding { timer_e: Some(TimerE { at: now + gap, gap }) };
                ClientEvent::Resend
            }
            ClientState::Completed { timer_k } if timer_k <= now => {
                self.state = ClientState::Terminated;
                ClientEvent::Ended
            }
            ClientState::Trying { .. }
            | ClientState::Proceeding { .. }
            | ClientState::Completed { .. }
            | ClientState::Terminated => ClientEvent::Nothing,
        }
    }

    /// The other side lives, as something else of it shows: it may be silent until then.
    pub fn wait_until(&mut self, silent: Mono) {
        if let ClientState::Trying { timer_e, .. } = self.state {
            self.state = ClientState::Trying { timer_e, silent };
        }
    }

    /// The transport could not send, or lost the connection, or the caller gives the other side up.
    pub fn on_transport_error(&mut self) -> ClientEvent {
        match self.state {
            ClientState::Trying { .. } | ClientState::Proceeding { .. } => {
                self.state = ClientState::Terminated;
                ClientEvent::Failed
            }
            ClientState::Completed { .. } | ClientState::Terminated => ClientEvent::Nothing,
        }
    }
}

/// When the request is sent again or `end` comes.
fn earliest(timer_e: Option<TimerE>, end: Mono) -> Mono {
    timer_e.map_or(end, |timer_e| timer_e.at.min(end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ClientEvent::{Ended, Failed, Nothing, PassUp, Resend, Silent, TimedOut};

    const TIMER_F: Duration = Timers::DEFAULT.timer_f();

    fn ms(ms: u64) -> Mono {
        Mono::at(Duration::from_millis(ms))
    }

    fn client(reliable: bool) -> Client {
        let patience = Patience { silence: TIMER_F, timer_f: TIMER_F };
        Client::start(Mono::ZERO, Timers::DEFAULT, reliable, patience)
    }

    /// Deadlines until the end, with what each brought.
    fn run(client: &mut Client) -> Vec<(u128, ClientEvent)> {
        std::iter::from_fn(|| {
            let at = client.deadline()?;
            Some((at.since_start().as_millis(), client.on_deadline(at)))
        })
        .collect()
    }

    #[test]
    fn sip_05_timer_e_doubles_to_t2_until_timer_f() {
        let sent: Vec<u128> = run(&mut client(false)).into_iter().map(|(at, _)| at).collect();
        assert_eq!(sent, [500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500, 32000]);
        assert_eq!(run(&mut client(false)).last(), Some(&(32000, TimedOut)));
    }

    #[test]
    fn sip_05_on_a_stream_nothing_is_sent_again() {
        assert_eq!(run(&mut client(true)), [(32000, TimedOut)]);
    }

    #[test]
    fn rfc3261_17_1_2_2_in_proceeding_e_is_t2() {
        let mut client = client(false);
        assert_eq!(client.on_response(ms(100), true), PassUp);
        let at: Vec<u128> = run(&mut client).into_iter().map(|(at, _)| at).collect();
        assert_eq!(at, [500, 4500, 8500, 12500, 16500, 20500, 24500, 28500, 32000]);
    }

    #[test]
    fn isc_06_whoever_says_100_has_until_timer_f_and_whoever_says_nothing_does_not() {
        let silence = Duration::from_millis(4500);
        let impatient = |reliable| {
            Client::start(Mono::ZERO, Timers::DEFAULT, reliable, Patience { silence, timer_f: TIMER_F })
        };
        for reliable in [false, true] {
            let came = run(&mut impatient(reliable));
            assert!(came.contains(&(4500, Silent)) && came.last() == Some(&(32000, TimedOut)), "{came:?}");
            let mut waiting = impatient(reliable);
            let due = std::iter::from_fn(|| waiting.deadline().map(|at| (at, waiting.on_deadline(at))));
            assert_eq!(due.take(6).find(|(_, event)| *event == Silent), Some((ms(4500), Silent)));
            waiting.wait_until(ms(6000));
            assert!(run(&mut waiting).contains(&(6000, Silent)));
            let mut client = impatient(reliable);
            assert_eq!(client.on_response(ms(4499), true), PassUp);
            assert_eq!(run(&mut client).last(), Some(&(32000, TimedOut)));
        }
    }

    #[test]
    fn isc_06_a_client_that_looks_late_blames_nobody() {
        let patience = Patience { silence: Duration::from_millis(4500), timer_f: TIMER_F };
        let mut client = Client::start(Mono::ZERO, Timers::DEFAULT, true, patience);
        // Its process was stopped: the answer may be there, unread.
        assert_eq!(client.on_deadline(ms(9000)), Nothing);
        assert_eq!(client.deadline(), Some(ms(9500)));
        // It is always late.
        assert_eq!(client.on_deadline(ms(9900)), Silent);
    }

    #[test]
    fn sip_05_whoever_asked_may_stop_waiting_before_timer_f() {
        let patience = Patience { silence: TIMER_F, timer_f: Duration::from_secs(3) };
        let mut client = Client::start(Mono::ZERO, Timers::DEFAULT, true, patience);
        assert_eq!(client.on_response(ms(100), true), PassUp);
        assert_eq!(run(&mut client), [(3000, TimedOut)]);
    }

    #[test]
    fn sip_05_timer_k_is_t4_on_udp_and_nothing_on_tcp() {
        let mut udp = client(false);
        assert_eq!(udp.on_response(ms(1000), false), PassUp);
        assert_eq!(run(&mut udp), [(6000, Ended)]);
        let mut tcp = client(true);
        assert_eq!(tcp.on_response(ms(1000), false), PassUp);
        assert_eq!(tcp.state(), ClientState::Terminated);
    }

    #[test]
    fn boundaries_one_millisecond_before_nothing_happens() {
        for (at, event) in [(500, Resend), (32000, TimedOut)] {
            let mut client = client(at == 32000);
            assert_eq!(client.on_deadline(ms(at - 1)), Nothing);
            assert_eq!(client.on_deadline(ms(at)), event);
        }
    }

    fn name(state: ClientState) -> &'static str {
        match state {
            ClientState::Trying { .. } => "trying",
            ClientState::Proceeding { .. } => "proceeding",
            ClientState::Completed { .. } => "completed",
            ClientState::Terminated => "terminated",
        }
    }

    /// A client that is in the state of this name at 1 ms.
    fn client_in(state: &str) -> Client {
        let mut client = client(false);
        match state {
            "proceeding" => drop(client.on_response(ms(1), true)),
            "completed" => drop(client.on_response(ms(1), false)),
            "terminated" => drop(client.on_transport_error()),
            _ => {}
        }
        assert_eq!(name(client.state()), state);
        client
    }

    /// Every state times every event: provisional, final, early deadline, Timer E, last deadline, transport error.
    #[test]
    fn rfc3261_figure_6_every_state_and_event() {
        let events: [fn(&mut Client) -> ClientEvent; 6] = [
            |c| c.on_response(ms(2), true),
            |c| c.on_response(ms(2), false),
            |c| c.on_deadline(ms(2)),
            |c| c.on_deadline(ms(500)),
            |c| c.on_deadline(ms(32000)),
            Client::on_transport_error,
        ];
        let rows = [
            (
                "trying",
                "proceeding completed trying trying terminated terminated",
                [PassUp, PassUp, Nothing, Resend, TimedOut, Failed],
            ),
            (
                "proceeding",
                "proceeding completed proceeding proceeding terminated terminated",
                [PassUp, PassUp, Nothing, Resend, TimedOut, Failed],
            ),
            (
                "completed",
                "completed completed completed completed terminated completed",
                [Nothing, Nothing, Nothing, Nothing, Ended, Nothing],
            ),
            ("terminated", "terminated terminated terminated terminated terminated terminated", [Nothing; 6]),
        ];
        for (state, after, outcomes) in rows {
            for ((event, after), outcome) in events.iter().zip(after.split(' ')).zip(outcomes) {
                let mut client = client_in(state);
                assert_eq!((event(&mut client), name(client.state())), (outcome, after), "from {state}");
            }
        }
    }
}
