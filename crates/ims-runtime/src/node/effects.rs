//! Doing what the node says.

use super::driver::Driver;
use super::log::log;
use super::{NodeError, hss};
use crate::config::Configuration;
use ims_node::{AskAnswer, Event, Output, Record, Role, Seq};

impl<C, R> Driver<C, R>
where
    C: Configuration,
    R: Role<Told: AskAnswer>,
{
    pub(super) fn carry_out(&mut self, output: Output<R::Told>) -> Result<(), NodeError> {
        if let Some(after) = output.after().filter(|after| !self.held.is_released(*after)) {
            self.held.hold(after, output);
            return Ok(());
        }
        match output {
            Output::Transmit(transmit) => self.sockets.transmit(transmit),
            Output::Close(flow) => self.sockets.close_flow(flow),
            Output::Claim { flow, is_claimed } => self.sockets.claim(flow, is_claimed),
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
            Output::Told { id, told, .. } => self.tell(id, told),
            Output::Log(event) => self.report(&event),
        }
        Ok(())
    }

    fn persist(&mut self, seq: Seq, record: Record) -> Result<(), NodeError> {
        self.journal.as_mut().ok_or(NodeError::NoJournal)?.persist(seq, record);
        self.note_room();
        Ok(())
    }

    fn report(&mut self, event: &Event) {
        match event {
            Event::Refused { .. } => self.refused += 1,
            Event::Dropped { .. } => self.dropped_in += 1,
            Event::HopFailed { .. } | Event::Pressure(_) | Event::Role { .. } => {}
        }
        log(event);
    }
}
