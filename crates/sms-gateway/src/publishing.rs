//! From an update to a publication that is kept alive: the HSS names the user's presence server, which is sent a PUBLISH (figure 5), and
//! the user is told when it has answered.

use crate::gateway::SmsGateway;
use crate::number::Msisdn;
use crate::publication::{Publication, Sent};
use crate::reply::{self, Failed};
use crate::role::Own;
use crate::update::Accepted;
use crate::users::{Stage, User};
use crate::{Fx, journal};
use clock::{Now, Wall};
use cx_protocol::{Answer, CxFailure, Impu, Request, ResultCode, Uda, Udr};
use ims_node::Outcome;
use sip_message::StatusCode;
use std::collections::VecDeque;
use std::time::Duration;

/// After an attempt that came to nothing it is tried again after so long, then after twice as long, and so on.
const FIRST_WAIT: Duration = Duration::from_secs(2);
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// The shortest lifetime that is asked for, in seconds; less would be refused (RFC 3903 section 6 step 4).
const SHORTEST: u32 = 60;

/// What is to be done next for a user.
enum Next {
    /// The HSS is asked for the presence server, for the oldest update.
    Ask(Impu),
    /// The PUBLISH under way is sent, once more or for the first time.
    Send,
    /// The publication is kept alive, for a status that is shown so long.
    Refresh(Wall),
    /// What the presence server has is taken away.
    Remove,
    /// Nothing until then.
    Wait(Wall),
    /// Nothing more is kept of the user.
    End,
}

impl SmsGateway {
    /// Does what there is to do for a user.
    pub(crate) fn go_on(&mut self, now: Now, number: Msisdn, fx: &mut Fx) {
        let Some(user) = self.users.get_mut(number) else { return };
        if matches!(user.stage, Stage::Asking | Stage::Publishing) {
            return;
        }
        self.give_up_what_is_too_old(now, number, fx);
        let seconds = self.settings.publication_s;
        let Some(user) = self.users.get_mut(number) else { return };
        user.stage = Stage::Idle;
        if let Some(publication) = &mut user.publication
            && is_obsolete(now.wall, publication, &user.waiting)
        {
            publication.abandon();
            journal::keep_publication(number, publication, fx);
        }
        match next(now.wall, number, user) {
            Next::Ask(impu) => {
                user.stage = Stage::Asking;
                self.users.wake(number, None);
                fx.ask_hss(Request::Udr(Udr { impu }), Own(number));
            }
            Next::Send => self.send(number, fx),
            Next::Refresh(until) => {
                let expires = lifetime(now, until, seconds);
                self.begin(number, |publication| publication.refresh(expires), fx);
            }
            Next::Remove => self.begin(number, Publication::remove, fx),
            Next::Wait(until) => self.users.wake(number, Some(now.mono_at(until))),
            Next::End => {
                journal::forget_publication(number, fx);
                self.users.remove(number);
            }
        }
    }

    /// Begins a PUBLISH: the journal keeps it, and then it is sent.
    fn begin(&mut self, number: Msisdn, publish: impl FnOnce(&mut Publication), fx: &mut Fx) {
        let Some(user) = self.users.get_mut(number) else { return };
        if let Some(publication) = &mut user.publication {
            publish(publication);
            journal::keep_publication(number, publication, fx);
        }
        self.send(number, fx);
    }

    fn send(&mut self, number: Msisdn, fx: &mut Fx) {
        self.users.wake(number, None);
        let Some(user) = self.users.get_mut(number) else { return };
        let request = user
            .publication
            .as_ref()
            .and_then(|publication| publication.request(&self.settings, number, Own(number)));
        if let Some(request) = request {
            user.stage = Stage::Publishing;
            fx.send(request);
        }
    }

    /// The HSS has answered.
    pub(crate) fn on_user_data(
        &mut self,
        now: Now,
        number: Msisdn,
        answer: Result<Answer, CxFailure>,
        fx: &mut Fx,
    ) {
        let Some(user) = self.users.get_mut(number) else { return };
        user.stage = Stage::Idle;
        let Some((update, accepted)) = user.waiting.front().cloned() else {
            return self.go_on(now, number, fx);
        };
        match served_by(answer) {
            Ok((presentity, server)) => {
                let is_same =
                    |former: &Publication| former.presentity == presentity && former.server == server;
                let same = user.publication.take().filter(is_same);
                let mut publication =
                    same.unwrap_or_else(|| Publication::new(&presentity, &server, &mut fx.random));
                if !publication.is_there(now.wall) {
                    publication.lost();
                }
                user.publication = Some(publication);
                let expires = lifetime(now, accepted.until(), self.settings.publication_s);
                self.begin(number, |publication| publication.update(update, &accepted, expires), fx);
            }
            Err(Some(why)) => self.conclude(now, number, update, Err(why), fx),
            Err(None) => self.rest(now, number, None, fx),
        }
    }

    /// A PUBLISH has ended.
    pub(crate) fn on_published(&mut self, now: Now, number: Msisdn, outcome: &Outcome, fx: &mut Fx) {
        let Some(user) = self.users.get_mut(number) else { return };
        let Some(publication) = &mut user.publication else { return };
        user.stage = Stage::Idle;
        let Some(answer) = outcome.answer() else { return self.rest(now, number, None, fx) };
        let status = answer.status;
        if let Some(expires) = publication.raised_by(answer.min_expires)
            && status == StatusCode::INTERVAL_TOO_BRIEF
        {
            return self.begin(number, |publication| publication.raise(expires), fx);
        }
        if status == StatusCode::CONDITIONAL_REQUEST_FAILED && publication.is_conditional() {
            return self.begin_anew(now, number, fx);
        }
        if status == StatusCode::REQUEST_TIMEOUT || (500..600).contains(&status.code()) {
            return self.rest(now, number, answer.retry_after, fx);
        }
        let (sent, how) = match answer.etag.filter(|_| status.is_success()) {
            Some(etag) => {
                let expires = answer.expires.unwrap_or(self.settings.publication_s);
                (publication.taken(now.wall, etag, expires), Ok(()))
            }
            None => {
                fx.log("a presence server refuses to publish", status.reason());
                (publication.dropped(), Err(Failed::Refused))
            }
        };
        user.failures = 0;
        journal::keep_publication(number, publication, fx);
        match sent.and_then(|Sent { update, .. }| update) {
            Some(update) => self.conclude(now, number, update, how, fx),
            None => self.go_on(now, number, fx),
        }
    }

    /// The server has nothing of us any more; what is still to be shown is put there once more.
    fn begin_anew(&mut self, now: Now, number: Msisdn, fx: &mut Fx) {
        let seconds = self.settings.publication_s;
        let publication = self.users.get_mut(number).and_then(|user| user.publication.as_mut());
        let Some(publication) = publication else { return };
        let until = publication.sent_until().filter(|until| now.wall < *until && !publication.is_removing());
        if let Some(until) = until {
            let expires = lifetime(now, until, seconds);
            return self.begin(number, |publication| publication.anew(expires), fx);
        }
        publication.lost();
        publication.abandon();
        journal::keep_publication(number, publication, fx);
        self.go_on(now, number, fx);
    }

    /// The gateway has finished an update: it tells the user and turns to the user's next update.
    fn conclude(&mut self, now: Now, number: Msisdn, update: u64, how: Result<(), Failed>, fx: &mut Fx) {
        let Some(user) = self.users.get_mut(number) else { return };
        if let Some(accepted) = user.finish(update) {
            user.failures = 0;
            let (count, text) = match how {
                Ok(()) => (&mut self.counts.confirmed, reply::confirmed(&accepted)),
                Err(why) => (&mut self.counts.failed, reply::failed(why)),
            };
            *count += 1;
            // First what the user is told: a process that dies in between tells it twice rather than never.
            self.write(now, number, text, fx);
            journal::forget_update(update, fx);
        }
        self.go_on(now, number, fx);
    }

    /// The attempt has failed for now: the same is tried again after a pause.
    fn rest(&mut self, now: Now, number: Msisdn, retry_after: Option<u32>, fx: &mut Fx) {
        let Some(user) = self.users.get_mut(number) else { return };
        let wait = FIRST_WAIT.saturating_mul(1 << user.failures.min(16)).min(LONGEST_WAIT);
        let asked = retry_after.map(|seconds| Duration::from_secs(seconds.into()));
        let wait = asked.map_or(wait, |asked| asked.clamp(wait, 10 * LONGEST_WAIT));
        user.failures += 1;
        user.stage = Stage::Resting;
        // Nobody waits longer than the oldest update is worth trying.
        let too_old = user.waiting.front().map(|(_, accepted)| now.mono_at(accepted.valid_until()));
        let at = (now.mono + wait).min(too_old.unwrap_or(now.mono + wait));
        self.users.wake(number, Some(at));
        if too_old.is_some_and(|at| at <= now.mono) {
            self.go_on(now, number, fx);
        }
    }

    /// Updates that nobody has taken for as long as they were worth trying.
    fn give_up_what_is_too_old(&mut self, now: Now, number: Msisdn, fx: &mut Fx) {
        loop {
            let Some(user) = self.users.get_mut(number) else { return };
            let too_old = user.waiting.front().filter(|(_, accepted)| accepted.valid_until() <= now.wall);
            let Some(update) = too_old.map(|(update, _)| *update) else { return };
            user.finish(update);
            user.failures = 0;
            self.counts.failed += 1;
            self.write(now, number, reply::failed(Failed::NobodyThere), fx);
            journal::forget_update(update, fx);
        }
    }
}

/// Whether what is under way is no longer wanted: it is for an update that was given up, or keeps something that has been overtaken
/// by an update, or by time.
fn is_obsolete(now: Wall, publication: &Publication, waiting: &VecDeque<(u64, Accepted)>) -> bool {
    let Some(sent) = publication.sent() else { return false };
    match sent.update {
        Some(update) => waiting.iter().all(|(other, _)| *other != update),
        None if publication.is_removing() => !waiting.is_empty() || !publication.is_there(now),
        None => !waiting.is_empty() || publication.until().is_none_or(|until| until <= now),
    }
}

fn next(now: Wall, number: Msisdn, user: &User) -> Next {
    let publication = user.publication.as_ref();
    if publication.is_some_and(|publication| publication.sent().is_some()) {
        return Next::Send;
    }
    // A number that we have read is an identity.
    if let (Some(_), Ok(impu)) = (user.waiting.front(), Impu::new(&format!("tel:{number}"))) {
        return Next::Ask(impu);
    }
    let Some(publication) = publication else { return Next::End };
    let Some(until) = publication.until().filter(|until| now < *until) else {
        return if publication.is_there(now) { Next::Remove } else { Next::End };
    };
    match publication.refresh_at() {
        Some(at) if at <= now => Next::Refresh(until),
        Some(at) => Next::Wait(at),
        // The identifiers are kept meanwhile: by them the server knows what it may have of us.
        None => Next::Wait(until),
    }
}

/// The user's SIP identity, and the URI of its presence server; `None` if the HSS could not say.
fn served_by(answer: Result<Answer, CxFailure>) -> Result<(Box<str>, Box<str>), Option<Failed>> {
    match answer {
        Ok(Answer::Uda(Uda { result: ResultCode::Success, impus, presence_server, .. })) => {
            let presentity = impus.iter().find(|impu| impu.domain().is_some());
            let found = presentity.map(|impu| impu.as_str().into()).zip(presence_server);
            found.ok_or(Some(Failed::NotServed))
        }
        Ok(answer) if answer.result() == ResultCode::UserUnknown => Err(Some(Failed::NotServed)),
        Ok(_) | Err(_) => Err(None),
    }
}

/// The lifetime to ask for: no longer than the status is to be shown, but that a server takes no less than a minute. Then it is taken away.
fn lifetime(now: Now, until: Wall, usual: u32) -> u32 {
    let left = until.saturating_since(now.wall).as_secs();
    u32::try_from(left).unwrap_or(u32::MAX).min(usual).max(SHORTEST)
}
