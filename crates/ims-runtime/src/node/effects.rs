//! Doing what the node says.

use super::driver::Driver;
use super::udp::Sent;
use super::{NodeError, hss};
use crate::config::Configuration;
use crate::recording::Direction;
use ims_node::{Event, Input, Loss, Output, Reason, Record, Role, Seq, Transmit};
use sip_message::Transport;
use tokio::task::yield_now;

impl<C: Configuration, R: Role> Driver<C, R> {
    pub(super) fn carry_out(&mut self, output: Output) -> Result<(), NodeError> {
        if let Some(after) = output.after().filter(|after| !self.held.is_released(*after)) {
            if !self.held.hold(after, output) {
                self.stats.dropped_out += 1;
            }
            return Ok(());
        }
        match output {
            Output::Transmit(transmit) => self.transmit(transmit),
            Output::Close(flow) => self.tcp.close_flow(flow, &mut self.inputs),
            Output::Claim { flow, is_claimed } => self.tcp.claim(flow, is_claimed),
            Output::AskDns(question) => self.dns.ask(question),
            Output::AskHss { token, request } => {
                let failed = match &self.hss {
                    Some(hss) => hss.ask(token, request),
                    None => Some(hss::none(token)),
                };
                self.inputs.extend(failed);
            }
            Output::HssReply { id, answer, .. } => {
                if let Some(hss) = &mut self.hss {
                    hss.reply(id, answer);
                }
            }
            Output::Persist { seq, record } => self.persist(seq, record)?,
            Output::CommandDone { id, answer } => self.command_done(id, answer),
            Output::Log(event) => self.log(event),
        }
        Ok(())
    }

    pub(super) fn transmit(&mut self, transmit: Transmit) {
        let flow = transmit.flow;
        match flow.transport {
            Transport::Udp if self.connections_first => self.datagrams.push(transmit),
            Transport::Udp => {
                self.record(Direction::Out, flow, &transmit.bytes);
                match self.udp.send(flow.listener, flow.remote, transmit.bytes) {
                    Sent::Taken => self.stats.udp_out += 1,
                    Sent::Failed => self.inputs.push_back(Input::SendFailed { flow, loss: Loss::Refused }),
                    Sent::Dropped => self.stats.dropped_out += 1,
                }
            }
            Transport::Tcp => {
                self.stats.tcp_out += 1;
                self.connections_first = true;
                self.tcp.send(transmit, &mut self.inputs);
            }
        }
    }

    /// Connections are written by their tasks. Lets these go first, so that a NOTIFY by UDP does not overtake the 200 on
    /// a connection that it follows.
    pub(super) async fn keep_order(&mut self) -> Result<(), NodeError> {
        while self.connections_first {
            self.connections_first = false;
            yield_now().await;
            for transmit in std::mem::take(&mut self.datagrams) {
                self.transmit(transmit);
            }
            self.settle()?;
        }
        Ok(())
    }

    fn persist(&mut self, seq: Seq, record: Record) -> Result<(), NodeError> {
        self.journal.as_mut().ok_or(NodeError::NoJournal)?.persist(seq, record);
        self.note_room();
        Ok(())
    }

    fn log(&mut self, event: Event) {
        match event {
            Event::Refused { status, reason, method, call_id, branch } => {
                self.stats.refused += 1;
                let Reason { name, text, rule } = reason;
                tracing::info!(status = status.code(), reason = name, text, rule, %method, %call_id, %branch, "refused");
            }
            Event::Dropped { reason, from } => {
                self.stats.dropped_in += 1;
                tracing::debug!(reason = reason.name, text = reason.text, rule = reason.rule, %from, "dropped");
            }
            Event::HopFailed { address, cause, call_id } => {
                tracing::warn!(%address, reason = cause, %call_id, "next hop failed");
            }
            Event::Pressure(pressure) => tracing::warn!(?pressure, "overload"),
            Event::Role { what, about } => tracing::info!(%about, "{what}"),
        }
    }
}
