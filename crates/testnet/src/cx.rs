//! The HSS, and the way to it.

use crate::event::Event;
use crate::process::{Place, ProcessId};
use crate::world::{Availability, World};
use clock::Now;
use cx_protocol::{Answer, Command, CxFailure, REQUEST_DEADLINE, Request};
use figure::Wire;
use ims_node::{HssRequestId, HssToken, Input};
use std::any::Any;
use std::collections::BTreeMap;

/// What an HSS answers, supplied by the test: the real store, or a table.
pub trait HssOracle: Any {
    /// Answers a request of the node whose host name is `peer`.
    fn answer(&mut self, now: Now, peer: &str, request: &Request) -> Answer;

    /// The next request of the HSS's own, and the host name of the node it is for; asked after every answer and after
    /// [`World::with_hss`].
    fn poll_request(&mut self) -> Option<(Box<str>, Request)> {
        None
    }

    /// What became of such a request: each comes back exactly once.
    fn on_answer(&mut self, _now: Now, _peer: &str, _answer: &Result<Answer, CxFailure>) {}
}

struct Hss {
    name: Box<str>,
    oracle: Box<dyn HssOracle>,
    availability: Availability,
}

#[derive(Default)]
pub(crate) struct Cx {
    stores: Vec<Hss>,
    /// Requests of an HSS that nodes have not answered, by the number of the request.
    asked: BTreeMap<u64, Unanswered>,
    next: u64,
}

/// A request of an HSS that its node has not answered.
struct Unanswered {
    /// Which HSS.
    hss: usize,
    /// Which node.
    process: ProcessId,
    command: Command,
}

impl World {
    /// Adds an HSS.
    pub fn add_hss(&mut self, name: &str, oracle: impl HssOracle) {
        let availability = Availability::Up;
        self.cx.stores.push(Hss { name: name.into(), oracle: Box::new(oracle), availability });
    }

    /// Connects a node with the HSS of its domain; without one its questions fail as not connected.
    pub fn connect_hss(&mut self, node: &str, hss: &str) {
        let found = self.cx.stores.iter().position(|known| *known.name == *hss);
        if let Some(slot) = self.place(node).and_then(|place| self.slots.get_mut(place)) {
            slot.hss = found;
        }
    }

    /// Takes an HSS away or brings it back: failing, its peers find themselves not connected; silent, their requests
    /// time out.
    pub fn set_hss(&mut self, hss: &str, availability: Availability) {
        let Some(index) = self.cx.stores.iter().position(|known| *known.name == *hss) else { return };
        let Some(known) = self.cx.stores.get_mut(index) else { return };
        let lost = known.availability == Availability::Up && availability == Availability::Failing;
        known.availability = availability;
        for place in 0..self.slots.len() {
            let is_its = self.slots.get(place).is_some_and(|slot| slot.hss == Some(index));
            if lost && is_its && self.is_alive(place) {
                self.handle(place, Input::HssLost);
            }
        }
    }

    /// Does something with the oracle of an HSS; what it wants to ask because of it is sent.
    pub fn with_hss<O: HssOracle, T>(&mut self, hss: &str, f: impl FnOnce(&mut O, Now) -> T) -> Option<T> {
        let (index, now) = (self.cx.stores.iter().position(|known| *known.name == *hss)?, self.now());
        let oracle: &mut dyn Any = self.cx.stores.get_mut(index)?.oracle.as_mut();
        let result = f(oracle.downcast_mut()?, now);
        self.push_requests(index);
        Some(result)
    }

    pub(crate) fn ask_hss(&mut self, process: ProcessId, token: HssToken, request: Request) {
        let hss = self.slots.get(process.place).and_then(|slot| slot.hss);
        let availability = hss.and_then(|hss| self.cx.stores.get(hss)).map(|hss| hss.availability);
        let failed = |failure| Event::HssAnswered { process, token, answer: Box::new(Err(failure)) };
        match (hss, availability) {
            (Some(hss), Some(Availability::Up)) => {
                self.record_cx(hss, process.place, request.command(), true, token.0);
                let request = Box::new(request);
                self.after(self.conditions.cx_latency, Event::HssAsked { process, token, request });
            }
            (Some(_), Some(Availability::Silent)) => self.after(REQUEST_DEADLINE, failed(CxFailure::Timeout)),
            (Some(_), Some(Availability::Failing)) | (None, _) | (_, None) => {
                self.after(std::time::Duration::ZERO, failed(CxFailure::NotConnected));
            }
        }
    }

    /// A request reaches its HSS. One that has been taken away meanwhile loses it with the connection.
    pub(crate) fn hss_asked(&mut self, process: ProcessId, token: HssToken, request: &Request) {
        let (now, latency) = (self.now(), self.conditions.cx_latency);
        let peer = self.host(process.place).to_owned();
        let Some(index) = self.slots.get(process.place).and_then(|slot| slot.hss) else { return };
        let Some(hss) = self.cx.stores.get_mut(index) else { return };
        if hss.availability != Availability::Up {
            let answer = Box::new(Err(CxFailure::ConnectionLost));
            return self.after(latency, Event::HssAnswered { process, token, answer });
        }
        let answer = hss.oracle.answer(now, &peer, request);
        self.recorder.trace(self.now, "hss", (&peer, request.command().code(), answer.result().code()));
        self.record_cx(index, process.place, request.command(), false, token.0);
        self.after(latency, Event::HssAnswered { process, token, answer: Box::new(Ok(answer)) });
        self.push_requests(index);
    }

    fn push_requests(&mut self, hss: usize) {
        loop {
            let wanted = self.cx.stores.get_mut(hss).and_then(|known| known.oracle.poll_request());
            let Some((peer, request)) = wanted else { return };
            self.cx.next += 1;
            let id = HssRequestId(self.cx.next);
            let Some(place) = self.place(&peer) else {
                let answer = Box::new(Err(CxFailure::NotConnected));
                self.after(std::time::Duration::ZERO, Event::HssReplied { hss, peer, answer });
                continue;
            };
            self.record_push(hss, place, request.command(), true, id.0);
            let request = Box::new(request);
            self.after(self.conditions.cx_latency, Event::HssRequest { hss, place, id, request });
        }
    }

    /// A request of an HSS reaches a node.
    pub(crate) fn hss_request(&mut self, hss: usize, place: Place, id: HssRequestId, request: Request) {
        if !self.is_alive(place) {
            let (peer, answer) = (self.host(place).into(), Box::new(Err(CxFailure::NotConnected)));
            return self.after(self.conditions.cx_latency, Event::HssReplied { hss, peer, answer });
        }
        let unanswered = Unanswered { hss, process: self.process(place), command: request.command() };
        self.cx.asked.insert(id.0, unanswered);
        self.handle(place, Input::HssRequest { id, request });
    }

    pub(crate) fn reply_to_hss(&mut self, id: HssRequestId, answer: Answer) {
        let Some(Unanswered { hss, process, command }) = self.cx.asked.remove(&id.0) else { return };
        self.record_push(hss, process.place, command, false, id.0);
        let peer = self.host(process.place).into();
        let answer = Box::new(Ok(answer));
        self.after(self.conditions.cx_latency, Event::HssReplied { hss, peer, answer });
    }

    /// A process has died: what an HSS asked it and it has not answered is lost.
    pub(crate) fn lose_hss_requests(&mut self, place: Place) {
        let peer: Box<str> = self.host(place).into();
        let of_place = self.cx.asked.iter().filter(|(_, asked)| asked.process.place == place);
        let lost: Vec<(u64, usize)> = of_place.map(|(id, asked)| (*id, asked.hss)).collect();
        for (id, hss) in lost {
            self.cx.asked.remove(&id);
            let answer = Box::new(Err(CxFailure::ConnectionLost));
            self.after(self.conditions.cx_latency, Event::HssReplied { hss, peer: peer.clone(), answer });
        }
    }

    pub(crate) fn hss_replied(&mut self, hss: usize, peer: &str, answer: &Result<Answer, CxFailure>) {
        let now = self.now();
        if let Some(known) = self.cx.stores.get_mut(hss) {
            known.oracle.on_answer(now, peer, answer);
        }
        self.push_requests(hss);
    }

    /// A node's request or its answer.
    fn record_cx(&mut self, hss: usize, place: Place, command: Command, is_request: bool, number: u64) {
        self.record_wire(hss, place, is_request, cx_wire(command, is_request, number));
    }

    /// An HSS's request or its answer.
    fn record_push(&mut self, hss: usize, place: Place, command: Command, is_request: bool, number: u64) {
        self.record_wire(hss, place, !is_request, cx_wire(command, is_request, number));
    }

    fn record_wire(&mut self, hss: usize, place: Place, to_hss: bool, wire: Wire) {
        let store = self.cx.stores.get(hss).map(|known| known.name.clone()).unwrap_or_default();
        let node = self.name(place).to_owned();
        let (from, to) = if to_hss { (&*node, &*store) } else { (&*store, &*node) };
        self.recorder.message(self.now, from, to, wire);
    }
}

fn cx_wire(command: Command, is_request: bool, number: u64) -> Wire {
    let hop_by_hop = u32::try_from(number & 0xffff_ffff).unwrap_or_default();
    Wire::Cx { command, is_request, hop_by_hop }
}
