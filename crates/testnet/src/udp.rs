//! Datagrams.

use crate::event::Event;
use crate::link::{Fate, Passage};
use crate::process::{Gone, Place};
use crate::recorder::is_keepalive;
use crate::world::World;
use bytes::Bytes;
use figure::Wire;
use ims_node::{Flow, Transmit};
use sip_message::Transport;
use std::net::SocketAddr;
use std::time::Duration;

impl World {
    pub(crate) fn send_datagram(&mut self, place: Place, transmit: &Transmit) {
        let (flow, bytes) = (transmit.flow, &transmit.bytes);
        let from = self.slots.get(place).and_then(|slot| slot.listener(flow.listener));
        let sender = self.process(place);
        let Some(from) = from else {
            return self.after(Duration::ZERO, Event::SendFailed { process: sender, flow });
        };
        let to = flow.remote;
        self.recorder.counters.datagrams += 1;
        if !is_keepalive(bytes) {
            self.record(place, to, Wire::Sip(bytes.clone()));
        }
        let receiver = self.addresses.get(&to).map(|(receiver, _)| *receiver);
        let fate = self.fate(place, receiver, Transport::Udp, bytes);
        let Some(receiver) = receiver.filter(|_| fate == Fate::Chance) else {
            self.recorder.counters.datagrams_lost += 1;
            return;
        };
        let link = self.link(place, receiver);
        if self.is_severed(place, receiver) || self.network.chance(link.loss_per_mille) {
            self.recorder.counters.datagrams_lost += 1;
            return;
        }
        let twice = self.network.chance(link.duplicate_per_mille);
        self.recorder.counters.datagrams_duplicated += u64::from(twice);
        for _ in 0..=u8::from(twice) {
            let held_up = self.network.chance(link.reorder_per_mille);
            self.recorder.counters.datagrams_held_up += u64::from(held_up);
            let extra = if held_up { link.latency * 10 } else { Duration::ZERO };
            let takes = link.latency + self.network.up_to(link.jitter) + extra;
            self.after(takes, Event::Datagram { from, to, bytes: bytes.clone(), sender, flow });
        }
    }

    /// A datagram arrives; where no process lives, its sender is told or not.
    pub(crate) fn datagram(&mut self, from: SocketAddr, to: SocketAddr, bytes: Bytes) -> Option<Gone> {
        let (place, listener) = *self.addresses.get(&to)?;
        if !self.is_alive(place) {
            self.recorder.counters.datagrams_refused += 1;
            return self.slots.get(place).map(|slot| slot.gone);
        }
        let flow = Flow { listener, transport: Transport::Udp, remote: from, connection: None };
        self.recorder.trace(self.now, "datagram", (from, to, &bytes));
        if is_keepalive(&bytes) {
            return None;
        }
        self.recorder.counters.messages_delivered += 1;
        self.receive(place, flow, bytes);
        None
    }

    pub(crate) fn fate(
        &mut self,
        from: Place,
        to: Option<Place>,
        transport: Transport,
        bytes: &Bytes,
    ) -> Fate {
        let Some(mut filter) = self.filter.take() else { return Fate::Chance };
        let (from, to) = (self.name(from), to.map_or("", |place| self.name(place)));
        let fate = filter(Passage { from, to, transport, bytes });
        self.filter = Some(filter);
        fate
    }

    /// Notes a message that has left its sender. A receiver that does not exist goes by its address.
    pub(crate) fn record(&mut self, from: Place, to: SocketAddr, wire: Wire) {
        let receiver = match self.addresses.get(&to) {
            Some((place, _)) => self.name(*place).to_owned(),
            None => to.to_string(),
        };
        let sender = self.name(from).to_owned();
        self.recorder.message(self.now, &sender, &receiver, wire);
    }
}
