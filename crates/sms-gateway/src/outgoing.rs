//! Messages to users that were handed over to a session: they are submitted, as many at a time as the SMS-C takes, until it has answered.

use crate::smsc_config::Smsc;
use rusmpp::pdus::SubmitSm;
use rusmpp::types::COctetString;
use rusmpp::values::Ton;
use smpp::{Addresses, compose};
use sms_gateway::{Delivery, ShortMessage};
use std::collections::{HashMap, VecDeque};
use tokio::time::Instant;

/// The messages of one session.
#[derive(Debug, Default)]
pub(crate) struct Outgoing {
    to_submit: VecDeque<(u64, ShortMessage)>,
    /// Parts that were submitted: which message they are of, and when.
    submitted: HashMap<u32, (u64, Instant)>,
    /// Messages whose parts are under way: how many, and how it went so far.
    under_way: HashMap<u64, (usize, Delivery)>,
    done: Vec<(u64, Delivery)>,
    /// The last reference of a long message.
    reference: u8,
}

impl Outgoing {
    pub(crate) fn add(&mut self, messages: Vec<(u64, ShortMessage)>) {
        self.to_submit.extend(messages);
    }

    /// Whether everything that was handed over is done with.
    pub(crate) fn is_idle(&self) -> bool {
        self.to_submit.is_empty() && self.under_way.is_empty()
    }

    /// What has become of it.
    pub(crate) fn take_done(&mut self) -> Vec<(u64, Delivery)> {
        std::mem::take(&mut self.done)
    }

    /// The session ends: what has become of what was submitted. What has no answer may or may not have arrived.
    pub(crate) fn give_up(&mut self) -> Vec<(u64, Delivery)> {
        let unanswered =
            std::mem::take(&mut self.under_way).into_keys().map(|number| (number, Delivery::Later));
        self.done.extend(unanswered);
        self.take_done()
    }

    /// Since when the oldest part waits for its answer.
    pub(crate) fn oldest(&self) -> Option<Instant> {
        self.submitted.values().map(|(_, at)| *at).min()
    }

    /// Submits what there is room for (SMPP 3.4 section 4.4); `request` gives each part its number.
    pub(crate) fn submit(&mut self, smsc: &Smsc, mut request: impl FnMut(SubmitSm) -> u32) {
        while self.submitted.len() < smsc.window
            && let Some((number, message)) = self.to_submit.pop_front()
        {
            self.reference = self.reference.wrapping_add(1);
            let to = COctetString::from_string(message.to.to_string().trim_start_matches('+').to_owned());
            let (Ok(to), Ok(parts)) = (to, compose(&message.text, self.reference)) else {
                self.done.push((number, Delivery::Refused));
                continue;
            };
            let Smsc { source, source_ton, .. } = smsc.clone();
            let addresses = Addresses { from: source, from_ton: source_ton, to, to_ton: Ton::International };
            self.under_way.insert(number, (parts.len(), Delivery::Accepted));
            for part in parts {
                self.submitted.insert(request(part.submit(&addresses)), (number, Instant::now()));
            }
        }
    }

    /// The SMS-C has answered the part of this number.
    pub(crate) fn answered(&mut self, sequence: u32, delivery: Delivery) {
        let Some((number, _)) = self.submitted.remove(&sequence) else { return };
        let Some((left, worst)) = self.under_way.get_mut(&number) else { return };
        *left -= 1;
        *worst = worse(*worst, delivery);
        if *left == 0 {
            let worst = *worst;
            self.under_way.remove(&number);
            self.done.push((number, worst));
        }
    }
}

/// A message of which a part is refused is not whole: it is not sent again.
const fn worse(one: Delivery, other: Delivery) -> Delivery {
    match (one, other) {
        (Delivery::Refused, _) | (_, Delivery::Refused) => Delivery::Refused,
        (Delivery::Later, _) | (_, Delivery::Later) => Delivery::Later,
        (Delivery::Accepted, Delivery::Accepted) => Delivery::Accepted,
    }
}
