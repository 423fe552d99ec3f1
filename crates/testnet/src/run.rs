//! Letting time pass.

use crate::event::Event;
use crate::process::{Gone, Place};
use crate::world::World;
use clock::Mono;
use ims_node::{Input, Loss};
use std::fmt;
use std::time::Duration;

/// So many timeouts in a row at one time, and a node is spinning.
const SPINNING: u32 = 1000;

/// Why what was waited for did not come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stuck {
    /// The time is over.
    TimeUp {
        /// The world's seed.
        seed: u64,
    },
    /// A node asks for a timeout now, over and over.
    Spinning {
        /// The world's seed.
        seed: u64,
        /// The node.
        node: Box<str>,
    },
}

impl fmt::Display for Stuck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimeUp { seed } => write!(f, "it did not happen in time (seed {seed})"),
            Self::Spinning { seed, node } => write!(f, "{node} asks for timeouts without end (seed {seed})"),
        }
    }
}

impl std::error::Error for Stuck {}

impl World {
    /// Lets things happen until `done`, which is asked before each of them.
    ///
    /// # Errors
    /// [`Stuck`] if that takes longer than `limit` of virtual time.
    pub fn run_until(&mut self, mut done: impl FnMut(&Self) -> bool, limit: Duration) -> Result<(), Stuck> {
        let end = self.now + limit;
        while !done(self) {
            if !self.step(end)? {
                self.now = end;
                return if done(self) { Ok(()) } else { Err(Stuck::TimeUp { seed: self.seed() }) };
            }
        }
        Ok(())
    }

    /// Lets everything happen that happens within this time.
    ///
    /// # Errors
    /// [`Stuck::Spinning`].
    pub fn run_for(&mut self, time: Duration) -> Result<(), Stuck> {
        let end = self.now + time;
        while self.step(end)? {}
        self.now = end;
        Ok(())
    }

    /// Lets things happen until nothing is under way and no node waits for an answer. Deadlines further off (an expiry,
    /// a lingering transaction) do not count.
    ///
    /// # Errors
    /// [`Stuck`] if that takes longer than `limit` of virtual time.
    pub fn run_until_quiet(&mut self, limit: Duration) -> Result<(), Stuck> {
        self.run_until(Self::is_quiet, limit)
    }

    /// Whether nothing is under way: no message, no question, no sync, no request without its answer.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        let idle = self.slots.iter().all(|slot| {
            slot.node
                .as_ref()
                .is_none_or(|node| node.is_idle() && slot.held.is_empty() && slot.disk.is_clean())
        });
        idle && self.queue.is_empty()
    }

    /// The next thing happens, if it does so by `end`; whether it did.
    fn step(&mut self, end: Mono) -> Result<bool, Stuck> {
        let event = self.queue.first_key_value().map(|((at, _), _)| *at);
        let awake = (0..).zip(&self.slots).filter(|(_, slot)| slot.frozen.is_none());
        let timer = awake.filter_map(|(place, slot)| Some((slot.due?, place))).min();
        let first = [event, timer.map(|(due, _)| due)].into_iter().flatten().min();
        if let Some((due, id, side)) =
            self.tcp.next_silence(|connection_end| !self.is_frozen(connection_end.process.place))
            && due <= end
            && first.is_none_or(|first| due < first)
        {
            self.advance(due);
            self.suspect(id, side);
            return Ok(true);
        }
        match (event, timer) {
            (Some(at), timer) if timer.is_none_or(|(due, _)| at <= due) => {
                if at > end {
                    return Ok(false);
                }
                self.advance(at);
                if let Some((_, event)) = self.queue.pop_first() {
                    self.happen(event);
                }
                Ok(true)
            }
            (_, Some((due, place))) if due <= end => {
                self.advance(due);
                self.timeout(place)?;
                Ok(true)
            }
            (_, _) => Ok(false),
        }
    }

    fn advance(&mut self, at: Mono) {
        if at > self.now {
            self.now = at;
            self.slots.iter_mut().for_each(|slot| slot.timeouts_now = 0);
        }
    }

    fn timeout(&mut self, place: usize) -> Result<(), Stuck> {
        self.recorder.trace(self.now, "timeout", place);
        let seed = self.seed();
        if let Some(slot) = self.slots.get_mut(place) {
            slot.timeouts_now += 1;
            if slot.timeouts_now > SPINNING {
                return Err(Stuck::Spinning { seed, node: slot.name.clone() });
            }
        }
        self.handle(place, Input::Timeout);
        Ok(())
    }

    /// Whose process an event is for, where it is for one.
    fn receiver(&self, event: &Event) -> Option<Place> {
        match event {
            Event::Datagram { to, .. } => self.addresses.get(to).map(|(place, _)| *place),
            Event::SendFailed { process, .. }
            | Event::Dns { process, .. }
            | Event::HssAnswered { process, .. }
            | Event::Synced { process, .. } => Some(process.place),
            Event::HssRequest { place, .. } => Some(*place),
            Event::Stream { connection, side, .. } | Event::Closed { connection, side, .. } => {
                Some(self.tcp.connections.get(connection)?.end(*side).process.place)
            }
            Event::Connected(id) | Event::ConnectFailed(id, _) => {
                Some(self.tcp.connections.get(id)?.dialer.process.place)
            }
            // The system takes connections, whatever its processes do.
            Event::Connect(_) | Event::HssAsked { .. } | Event::HssReplied { .. } => None,
        }
    }

    fn happen(&mut self, event: Event) {
        let slot = self.receiver(&event).and_then(|place| self.slots.get_mut(place));
        if let Some(held) = slot.and_then(|slot| slot.frozen.as_mut()) {
            return held.push(event);
        }
        match event {
            Event::Datagram { from, to, bytes, sender, flow } => {
                if self.datagram(from, to, bytes) == Some(Gone::Refusing) {
                    self.after(self.conditions.link.latency, Event::SendFailed { process: sender, flow });
                }
            }
            Event::SendFailed { process, flow } => {
                self.handle_process(process, Input::SendFailed { flow, loss: Loss::Refused })
            }
            Event::Connect(id) => self.connect(id),
            Event::Connected(id) => self.connected(id),
            Event::ConnectFailed(id, loss) => self.connect_failed(id, loss),
            Event::Stream { connection, side, bytes } => self.stream(connection, side, bytes),
            Event::Closed { connection, side, loss } => self.closed(connection, side, loss),
            Event::Dns { process, question, answer } => {
                self.handle_process(process, Input::Dns { question, answer });
            }
            Event::HssAsked { process, token, request } => self.hss_asked(process, token, &request),
            Event::HssAnswered { process, token, answer } => {
                self.handle_process(process, Input::Hss { token, answer: *answer });
            }
            Event::HssRequest { hss, place, id, request } => self.hss_request(hss, place, id, *request),
            Event::HssReplied { hss, peer, answer } => self.hss_replied(hss, &peer, &answer),
            Event::Synced { process, seq } => self.synced(process, seq),
        }
    }
}
