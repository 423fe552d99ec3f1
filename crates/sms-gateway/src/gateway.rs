//! The gateway takes short messages of users and acts on them.

use crate::ask::{Listed, NotTaken, Told};
use crate::grammar::{self, Command};
use crate::limit::Limit;
use crate::number::Msisdn;
use crate::outbox::{Delivery, Outbox, ShortMessage};
use crate::parts::{Brought, MAX_TOTAL, MAX_UNITS, Parts};
use crate::publication::Publication;
use crate::settings::GatewaySettings;
use crate::update::{Accepted, LegacyUpdate, Shown, Times};
use crate::users::{User, Users};
use crate::{Fx, journal, reply};
use clock::Now;
use ims_node::{AskId, Storage};
use std::collections::BTreeSet;
use std::time::Duration;

/// What [`Told::Listed`] names one by one; of more it says only how many there are.
const MAX_LISTED: usize = 1000;
/// Users who want no messages; with one more, nobody new is believed to want none.
pub(crate) const MAX_SILENCED: usize = 200_000;

/// The role.
#[derive(Debug)]
pub struct SmsGateway {
    pub(crate) settings: GatewaySettings,
    pub(crate) users: Users,
    pub(crate) outbox: Outbox,
    pub(crate) limit: Limit,
    pub(crate) parts: Parts,
    /// Users who have written `quit` and get no messages.
    pub(crate) silenced: BTreeSet<Msisdn>,
    /// The inquiry of the session that submits messages to users, while that session waits for the next message.
    collector: Option<AskId>,
    pub(crate) counts: Counts,
}

/// Counters since the start of the process.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) taken: u64,
    pub(crate) not_understood: u64,
    pub(crate) confirmed: u64,
    pub(crate) failed: u64,
}

impl SmsGateway {
    /// A gateway that knows nothing of anybody yet.
    #[must_use]
    pub fn new(settings: GatewaySettings) -> Self {
        Self {
            settings,
            users: Users::default(),
            outbox: Outbox::default(),
            limit: Limit::default(),
            parts: Parts::default(),
            silenced: BTreeSet::new(),
            collector: None,
            counts: Counts::default(),
        }
    }

    /// Takes new settings; its name stays.
    pub fn reconfigure(&mut self, settings: GatewaySettings) {
        let name = self.settings.name.clone();
        self.settings = GatewaySettings { name, ..settings };
    }

    /// A user has written. What is answered waits for the journal: nobody need keep the message any longer.
    pub(crate) fn on_update(&mut self, now: Now, update: &LegacyUpdate, fx: &mut Fx) -> Told {
        let plan = &self.settings.numbers;
        let Ok(from) = Msisdn::read(&update.from, update.form, plan) else {
            return Told::NotTaken(NotTaken::NotANumber);
        };
        if fx.storage() != Storage::Open {
            return Told::NotTaken(NotTaken::NotNow);
        }
        if !self.users.has_room_for(from) {
            return Told::NotTaken(NotTaken::Full);
        }
        if !self.limit.admit(now.mono, from, self.settings.rate) {
            return Told::NotTaken(NotTaken::TooFast);
        }
        let validity = update.validity.unwrap_or(self.settings.validity);
        match update.part.filter(|part| part.total > 1) {
            None => self.act_on(now, from, &update.text, validity, fx),
            // So long a message is not understood, and need not be read to its end.
            Some(part) if part.total > MAX_TOTAL || update.text.len() > MAX_UNITS => {
                if part.number == 1 {
                    self.act_on(now, from, &[], validity, fx);
                }
            }
            Some(part) => match self.parts.take(now, from, part, update.text.clone()) {
                Brought::Waits => journal::keep_part(from, part, &update.text, fx),
                Brought::Whole(text, parts) => {
                    self.act_on(now, from, &text, validity, fx);
                    // The last one, which was not kept, comes once more if the process dies before this.
                    parts.into_iter().for_each(|part| journal::forget_part(from, part, fx));
                }
            },
        }
        self.forget_late_parts(now, fx);
        Told::Taken
    }

    /// Parts of messages that will not be whole any more, or for which there is no room.
    pub(crate) fn forget_late_parts(&mut self, now: Now, fx: &mut Fx) {
        while let Some((from, parts)) = self.parts.pop_late(now.mono) {
            fx.log("the rest of a long message has not come", &from.to_string());
            parts.into_iter().for_each(|part| journal::forget_part(from, part, fx));
        }
    }

    /// Does what the text of a whole message asks for.
    fn act_on(&mut self, now: Now, from: Msisdn, text: &[u16], valid: Duration, fx: &mut Fx) {
        self.counts.taken += 1;
        match grammar::parse(&String::from_utf16_lossy(text), &self.settings.vocabulary) {
            Ok(Command::Status { meaning, duration, note }) => {
                let times = Times { asked: duration, lasts: self.settings.lasts, valid };
                let accepted = Accepted::new(from, Shown::new(meaning, note), now.wall, times);
                let number = self.users.take(accepted.clone());
                journal::keep_update(number, &accepted, fx);
                self.go_on(now, from, fx);
            }
            Ok(Command::Quit) => {
                self.write(now, from, reply::QUIT.to_owned(), fx);
                if self.silenced.len() < MAX_SILENCED {
                    self.silenced.insert(from);
                    journal::keep_silence(from, fx);
                }
            }
            Ok(Command::Start) => {
                self.silenced.remove(&from);
                journal::forget_silence(from, fx);
                self.write(now, from, reply::STARTED.to_owned(), fx);
            }
            Ok(Command::Help) => self.write(now, from, reply::help(&self.settings), fx),
            Err(grammar::NotUnderstood) => {
                self.counts.not_understood += 1;
                self.write(now, from, reply::help(&self.settings), fx);
            }
        }
    }

    /// Writes to a user, unless the user wants no messages.
    pub(crate) fn write(&mut self, now: Now, to: Msisdn, text: String, fx: &mut Fx) {
        if self.silenced.contains(&to) {
            return;
        }
        let message = ShortMessage::new(to, text, now.wall + self.settings.validity);
        match self.outbox.put(message.clone()) {
            Some(number) => journal::keep_message(number, &message, fx),
            None => fx.log("too many messages wait to be sent, one is lost", &to.to_string()),
        }
    }

    /// A session begins to submit messages to users; the session that did so before has ended.
    pub(crate) fn on_collect(&mut self, now: Now, id: AskId, fx: &mut Fx) -> Option<Told> {
        if let Some(former) = self.collector.take() {
            fx.tell(former, Told::ToSend(Vec::new()));
        }
        self.outbox.take_back();
        self.wait_for_more(now, id, fx)
    }

    /// The same session asks for more messages to users.
    pub(crate) fn wait_for_more(&mut self, now: Now, id: AskId, fx: &mut Fx) -> Option<Told> {
        let messages = self.take_messages(now, fx);
        if messages.is_empty() {
            self.collector = Some(id);
            return None;
        }
        // What is not kept yet is not sent.
        fx.hold_answer();
        Some(Told::ToSend(messages))
    }

    /// A session reports what has become of messages to users.
    pub(crate) fn on_sent(&mut self, now: Now, sent: &[(u64, Delivery)], fx: &mut Fx) -> Told {
        for (number, delivery) in sent {
            if self.outbox.sent(now, *number, *delivery) {
                journal::forget_message(*number, fx);
            }
        }
        Told::Taken
    }

    fn take_messages(&mut self, now: Now, fx: &mut Fx) -> Vec<(u64, ShortMessage)> {
        while let Some(number) = self.outbox.pop_stale(now.wall) {
            journal::forget_message(number, fx);
        }
        self.outbox.take()
    }

    /// Hands over what has come to be sent, if somebody waits for it.
    pub(crate) fn hand_over(&mut self, now: Now, fx: &mut Fx) {
        if let Some(id) = self.collector
            && let messages = self.take_messages(now, fx)
            && !messages.is_empty()
        {
            self.collector = None;
            fx.tell(id, Told::ToSend(messages));
        }
    }

    pub(crate) fn list(&self, now: Now) -> Told {
        let listed = |(number, user): (Msisdn, &User)| Listed {
            number,
            presentity: user.publication.as_ref().map(|publication| publication.presentity.clone()),
            waiting: user.waiting.len(),
            seconds_left: user
                .publication
                .as_ref()
                .and_then(Publication::until)
                .map_or(0, |until| until.saturating_since(now.wall).as_secs()),
        };
        let mut listed: Vec<Listed> = self.users.iter().map(listed).collect();
        listed.sort_unstable();
        let more = listed.len().saturating_sub(MAX_LISTED);
        listed.truncate(MAX_LISTED);
        Told::Listed { listed, more }
    }
}
