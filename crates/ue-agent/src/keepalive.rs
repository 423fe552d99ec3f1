//! Keeping the flow alive (RFC 5626 sections 3.5.1 and 4.4.1): a double CRLF now and then.
//!
//! On a connection the P-CSCF answers with a single one, and does not close it as idle; no answer means that the
//! connection is dead, whatever the system believes. On UDP nobody answers, but NATs on the way keep the binding.

use crate::Fx;
use crate::agent::UeAgent;
use clock::{Mono, Now};
use ims_node::{Flow, Random};
use sip_message::Transport;
use std::time::Duration;

/// How long an answer may take (RFC 5626 section 4.4.1).
const PONG: Duration = Duration::from_secs(10);

/// Intervals where none is set (RFC 5626 section 4.4.1 for streams, section 4.4.2 for UDP).
const STREAM: Duration = Duration::from_secs(120);
const DATAGRAM: Duration = Duration::from_secs(29);

/// What is due when.
#[derive(Debug, Default)]
pub(crate) struct KeepAlive {
    ping_at: Option<Mono>,
    pong_by: Option<Mono>,
}

impl KeepAlive {
    pub(crate) fn deadline(&self) -> Option<Mono> {
        [self.ping_at, self.pong_by].into_iter().flatten().min()
    }

    /// Begins anew, on a new flow; without an interval there is nothing to do.
    fn begin(&mut self, now: Now, interval: Option<Duration>, random: &mut Random) {
        self.pong_by = None;
        self.ping_at = interval.map(|interval| now.mono + jittered(interval, random));
    }
}

/// 80 to 100 percent of the interval (RFC 5626 section 4.4.1).
fn jittered(interval: Duration, random: &mut Random) -> Duration {
    let less = u32::try_from(random.bits() & 0xff).unwrap_or(0);
    interval - interval / 5 * less / 0xff
}

impl UeAgent {
    /// None where keep-alives are off.
    fn keepalive_interval(&self) -> Option<Duration> {
        let usual = match self.settings.pcscf.transport {
            Transport::Tcp => STREAM,
            Transport::Udp => DATAGRAM,
        };
        Some(self.settings.keepalive.unwrap_or(usual)).filter(|interval| !interval.is_zero())
    }

    /// A flow needs to be kept only while we are registered on it.
    pub(crate) fn keep_alive(&mut self, now: Now, random: &mut Random) {
        match (self.registration.binding().is_some(), self.keepalive.deadline()) {
            (true, None) => {
                let interval = self.keepalive_interval();
                self.keepalive.begin(now, interval, random);
            }
            (false, Some(_)) => self.keepalive = KeepAlive::default(),
            (true, Some(_)) | (false, None) => {}
        }
    }

    pub(crate) fn keepalive_due(&mut self, now: Now, fx: &mut Fx) {
        let flow = self.settings.pcscf.flow();
        if self.keepalive.pong_by.take_if(|at| *at <= now.mono).is_some() {
            // That it is closed comes back as any other end of the connection.
            self.keepalive = KeepAlive::default();
            return fx.close(flow);
        }
        if self.keepalive.ping_at.take_if(|at| *at <= now.mono).is_some() {
            fx.ping(flow);
            let interval = self.keepalive_interval();
            self.keepalive.begin(now, interval, &mut fx.random);
            self.keepalive.pong_by = (flow.transport == Transport::Tcp).then(|| now.mono + PONG);
        }
    }

    pub(crate) fn on_answered_ping(&mut self, flow: Flow) {
        if flow.remote == self.settings.pcscf.address {
            self.keepalive.pong_by = None;
        }
    }
}
