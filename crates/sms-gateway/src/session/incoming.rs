//! What the SMS-C sends over a session, and what the session answers.

use super::{FAREWELL, Session};
use crate::status;
use rusmpp::pdus::{DataSmResp, DeliverSmResp};
use rusmpp::values::Ton;
use rusmpp::{CommandId, CommandStatus, Pdu};
use smpp::{Frame, Part};
use sms_gateway::{Ask, Delivery, LegacyUpdate, NumberForm, PartOf};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Session<'_, R, W> {
    /// Acts on every PDU that has arrived completely.
    pub(super) async fn read_frames(&mut self) -> Result<(), &'static str> {
        loop {
            match self.frames.next_frame() {
                Ok(Some(frame)) => self.on_frame(frame)?,
                Ok(None) => return Ok(()),
                Err(length) => {
                    tracing::warn!(?length, "the SMS-C sends a PDU of an impossible length");
                    smpp::write(CommandStatus::EsmeRinvcmdlen, 0, Pdu::GenericNack, &mut self.unsent);
                    let _ = timeout(FAREWELL, self.write_all()).await;
                    return Err("a PDU of an impossible length");
                }
            }
        }
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "of SMPP's commands an SMS-C sends a transceiver these"
    )]
    fn on_frame(&mut self, frame: Frame) -> Result<(), &'static str> {
        let Frame { id, status, sequence, pdu } = frame;
        match id {
            CommandId::DeliverSm | CommandId::DataSm => self.on_message(sequence, id, pdu),
            CommandId::EnquireLink => self.answer(sequence, id, CommandStatus::EsmeRok),
            CommandId::SubmitSmResp => self.messages.answered(sequence, status::delivery(status)),
            CommandId::GenericNack => {
                tracing::warn!(sequence, ?status, "the SMS-C does not understand a PDU");
                self.messages.answered(sequence, Delivery::Refused);
            }
            CommandId::Unbind => {
                self.answer(sequence, id, CommandStatus::EsmeRok);
                return Err("it unbinds us");
            }
            // Nothing is to be done: that something came was noted.
            CommandId::EnquireLinkResp | CommandId::UnbindResp | CommandId::AlertNotification => {}
            _ => {
                tracing::warn!(?id, "the SMS-C sends a PDU that we do not know");
                smpp::write(CommandStatus::EsmeRinvcmdid, sequence, Pdu::GenericNack, &mut self.unsent);
            }
        }
        Ok(())
    }

    /// Section 4.6: it is acknowledged when the gateway has kept it.
    fn on_message(&mut self, sequence: u32, id: CommandId, pdu: Result<Option<Pdu>, smpp::Malformed>) {
        let part = match pdu {
            Ok(Some(pdu)) => Part::of(&pdu).map_err(status::of_unreadable),
            Ok(None) | Err(smpp::Malformed) => Err(CommandStatus::EsmeRinvcmdlen),
        };
        match part {
            Ok(part) if part.is_receipt => self.answer(sequence, id, CommandStatus::EsmeRok),
            Ok(part) => {
                let (asker, ask) = (self.asker.clone(), Ask::Update(update(part)));
                self.delivering.spawn(async move { (sequence, id, asker.ask(ask).await) });
            }
            Err(status) => {
                tracing::warn!(sequence, ?status, "a message of the SMS-C cannot be read");
                self.answer(sequence, id, status);
            }
        }
    }

    pub(super) fn answer(&mut self, sequence: u32, id: CommandId, status: CommandStatus) {
        let pdu: Pdu = if id == CommandId::DeliverSm {
            DeliverSmResp::default().into()
        } else if id == CommandId::DataSm {
            DataSmResp::default().into()
        } else if id == CommandId::Unbind {
            Pdu::UnbindResp
        } else {
            Pdu::EnquireLinkResp
        };
        smpp::write(status, sequence, pdu, &mut self.unsent);
    }
}

fn update(part: Part) -> LegacyUpdate {
    LegacyUpdate {
        from: part.from.into(),
        form: match part.from_ton {
            Ton::International => NumberForm::International,
            Ton::National | Ton::SubscriberNumber => NumberForm::National,
            Ton::Unknown | Ton::Other(_) => NumberForm::Unknown,
            Ton::NetworkSpecific | Ton::Alphanumeric | Ton::Abbreviated => NumberForm::None,
        },
        text: part.text,
        part: part.concatenation.map(|part| PartOf {
            reference: part.reference,
            total: part.total,
            number: part.number,
        }),
        validity: None,
    }
}
