//! What processes are given, and what they want done.

use crate::event::Event;
use crate::node::NodeOutput;
use crate::process::{Place, ProcessId};
use crate::world::World;
use bytes::Bytes;
use ims_node::{Flow, Input, Output, Seq, Transmit};
use sip_message::Transport;

impl World {
    pub(crate) fn handle_process(&mut self, process: ProcessId, input: Input) {
        if self.still_lives(process) {
            self.handle(process.place, input);
        }
    }

    pub(crate) fn handle(&mut self, place: Place, input: Input) {
        let now = self.local(place);
        if let Some(node) = self.slots.get_mut(place).and_then(|slot| slot.node.as_mut()) {
            node.handle(now, input);
            self.pump(place);
        }
    }

    pub(crate) fn receive(&mut self, place: Place, flow: Flow, bytes: Bytes) {
        let now = self.local(place);
        if let Some(node) = self.slots.get_mut(place).and_then(|slot| slot.node.as_mut()) {
            node.receive(now, flow, bytes);
            self.pump(place);
        }
    }

    /// Does everything that a process wants done.
    pub(crate) fn pump(&mut self, place: Place) {
        loop {
            let output = self.slots.get_mut(place).and_then(|slot| slot.node.as_mut()?.poll_output());
            let Some(output) = output else { break };
            self.perform(place, output);
        }
        if let Some(slot) = self.slots.get_mut(place) {
            slot.note_deadline();
        }
    }

    fn perform(&mut self, place: Place, output: NodeOutput) {
        let process = self.process(place);
        let Some(slot) = self.slots.get_mut(place) else { return };
        if output.after().is_some_and(|after| after > slot.disk.synced()) {
            slot.held.push(output);
            return;
        }
        match output {
            Output::Transmit(transmit) => self.transmit(place, transmit),
            Output::Close(flow) => self.close(place, flow),
            // There is room for every connection.
            Output::Claim { .. } => {}
            Output::AskDns(question) => self.ask_dns(process, question),
            Output::AskHss { token, request } => self.ask_hss(process, token, request),
            Output::HssReply { id, answer, .. } => self.reply_to_hss(id, answer),
            Output::Persist { seq, record } => {
                if slot.disk.append(seq, record) {
                    self.begin_sync(process);
                }
            }
            Output::Told { told, .. } => slot.told.push(told),
            Output::Log(event) => slot.log.push((self.now, event)),
        }
    }

    fn transmit(&mut self, place: Place, transmit: Transmit) {
        if let Some(slot) = self.slots.get_mut(place) {
            slot.sent += 1;
        }
        match transmit.flow.transport {
            Transport::Udp => self.send_datagram(place, &transmit),
            Transport::Tcp => self.send_stream(place, transmit),
        }
    }

    fn begin_sync(&mut self, process: ProcessId) {
        let reached = self.slots.get_mut(process.place).and_then(|slot| slot.disk.begin_sync());
        let Some(seq) = reached else { return };
        let took = self.conditions.sync + self.disks.up_to(self.conditions.sync_jitter);
        self.after(took, Event::Synced { process, seq });
    }

    pub(crate) fn synced(&mut self, process: ProcessId, seq: Seq) {
        if !self.still_lives(process) {
            return;
        }
        let Some(slot) = self.slots.get_mut(process.place) else { return };
        slot.disk.end_sync(seq);
        let free = slot.release();
        self.recorder.counters.syncs += 1;
        self.begin_sync(process);
        for output in free {
            self.perform(process.place, output);
        }
        self.handle(process.place, Input::Synced(seq));
    }
}
