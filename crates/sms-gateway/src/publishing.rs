//! From an update to a publication that is kept alive: the HSS names the user's presence server, which is sent a PUBLISH (figure 5), and
//! the user is told when it has answered.

use crate::gateway::SmsGateway;
use crate::number::Msisdn;
use crate::publication::{Publication, Sent};
use crate::reply::{self, Failed};
use crate::role::Own;
use crate::users::{Stage, User};
use crate::{Fx, journal};
use clock::{Now, Wall};
use cx_protocol::{Answer, CxFailure, Impu, Request, ResultCode, Uda, Udr};
use ims_node::Outcome;
use sip_message::StatusCode;
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
    /// The publication is kept alive.
    Refresh,
    /// Nothing until then.
    Wait(Wall),
    /// Nothing more is kept of the user.
    End,
}

impl SmsGateway {
    /// Does what there is to do for a user.
    pub(crate) fn go_on(&mut self, now: Now, number: Msisdn, fx: &mut Fx) {
        self.give_up_what_is_too_old(now, number, fx);
        let Some(user) = self.users.get_mut(number) else { return };
        if matches!(user.stage, Stage::Asking | Stage::Publishing) {
            return;
        }
        user.stage = Stage::Idle;
        match next(now, number, user) {
            Next::Ask(impu) => {
                user.stage = Stage::Asking;
                fx.ask_hss(Request::Udr(Udr { impu }), Own::asked(number));
            }
            Next::Send => self.send(number, fx),
            Next::Refresh => {
                let seconds = self.settings.publication_s;
                if let Some(publication) = &mut user.publication {
                    publication.refresh(lifetime(now, publication.until(), seconds));
                    journal::keep_publication(number, publication, fx);
                }
                self.send(number, fx);
            }
            Next::Wait(until) => self.users.wake(number, Some(now.mono_at(until))),
            Next::End => {
                journal::forget_publication(number, fx);
                self.users.remove(number);
            }
        }
    }

    fn send(&mut self, number: Msisdn, fx: &mut Fx) {
        self.users.wake(number, None);
        let Some(user) = self.users.get_mut(number) else { return };
        let then = Own::published(number);
        let request = user
            .publication
            .as_ref()
            .and_then(|publication| publication.request(&self.settings, number, then));
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
                let same = user
                    .publication
                    .take()
                    .filter(|former| former.presentity == presentity && former.server == server);
                let mut publication = same.unwrap_or_else(|| {
                    Publication::new(&presentity, &server, accepted.shown.clone(), &mut fx.random)
                });
                if !publication.is_there(now.wall) {
                    publication.lost();
                }
                let expires = lifetime(now, accepted.until(), self.settings.publication_s);
                publication.update(update, &accepted, expires);
                journal::keep_publication(number, &publication, fx);
                user.publication = Some(publication);
                self.send(number, fx);
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
        let sent = match (answer.status, answer.etag, answer.expires) {
            (status, Some(etag), expires) if status.is_success() => {
                let expires = expires.unwrap_or(self.settings.publication_s);
                user.failures = 0;
                publication.published(now.wall, etag, expires)
            }
            (StatusCode::CONDITIONAL_REQUEST_FAILED, ..) if publication.is_conditional() => {
                publication.again(true, None);
                journal::keep_publication(number, publication, fx);
                return self.send(number, fx);
            }
            (StatusCode::INTERVAL_TOO_BRIEF, ..) if publication.is_raised_by(answer.min_expires) => {
                publication.again(false, answer.min_expires);
                journal::keep_publication(number, publication, fx);
                return self.send(number, fx);
            }
            (status, ..) if status == StatusCode::REQUEST_TIMEOUT || (500..600).contains(&status.code()) => {
                return self.rest(now, number, answer.retry_after, fx);
            }
            (status, ..) => {
                let sent = publication.refused();
                journal::keep_publication(number, publication, fx);
                fx.log("a presence server refuses to publish", status.reason());
                let update = sent.and_then(|sent| sent.update);
                return match update {
                    Some(update) => self.conclude(now, number, update, Err(Failed::Refused), fx),
                    None => self.go_on(now, number, fx),
                };
            }
        };
        journal::keep_publication(number, publication, fx);
        match sent.and_then(|Sent { update, .. }| update) {
            Some(update) => self.conclude(now, number, update, Ok(()), fx),
            None => self.go_on(now, number, fx),
        }
    }

    /// An update is done with: its user is told, and the next one has its turn.
    fn conclude(&mut self, now: Now, number: Msisdn, update: u64, how: Result<(), Failed>, fx: &mut Fx) {
        let Some(user) = self.users.get_mut(number) else { return };
        let place = user.waiting.iter().position(|(waiting, _)| *waiting == update);
        if let Some((_, accepted)) = place.and_then(|place| user.waiting.remove(place)) {
            user.failures = 0;
            journal::forget_update(update, fx);
            let (count, text) = match how {
                Ok(()) => (&mut self.counts.confirmed, reply::confirmed(&accepted)),
                Err(why) => (&mut self.counts.failed, reply::failed(why)),
            };
            *count += 1;
            self.write(now, number, text, fx);
        }
        self.go_on(now, number, fx);
    }

    /// Comes back later.
    fn rest(&mut self, now: Now, number: Msisdn, retry_after: Option<u32>, fx: &mut Fx) {
        let Some(user) = self.users.get_mut(number) else { return };
        let wait = FIRST_WAIT.saturating_mul(1 << user.failures.min(16)).min(LONGEST_WAIT);
        let wait = retry_after
            .map_or(wait, |seconds| Duration::from_secs(seconds.into()).clamp(wait, 10 * LONGEST_WAIT));
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
            let is_under_way = matches!(user.stage, Stage::Asking | Stage::Publishing);
            let too_old = user.waiting.front().filter(|(_, accepted)| accepted.valid_until() <= now.wall);
            let Some(update) = too_old.filter(|_| !is_under_way).map(|(update, _)| *update) else { return };
            if let Some(publication) = &mut user.publication
                && publication.sent().is_some_and(|sent| sent.update == Some(update))
            {
                publication.refused();
                journal::keep_publication(number, publication, fx);
            }
            user.waiting.pop_front();
            user.failures = 0;
            journal::forget_update(update, fx);
            self.counts.failed += 1;
            self.write(now, number, reply::failed(Failed::NobodyThere), fx);
        }
    }
}

fn next(now: Now, number: Msisdn, user: &User) -> Next {
    let publication = user.publication.as_ref();
    if publication.is_some_and(|publication| publication.sent().is_some()) {
        return Next::Send;
    }
    // A number that we have read is an identity.
    if let (Some(_), Ok(impu)) = (user.waiting.front(), Impu::new(&format!("tel:{number}"))) {
        return Next::Ask(impu);
    }
    let Some(publication) = publication.filter(|publication| now.wall < publication.until()) else {
        return Next::End;
    };
    match publication.refresh_at() {
        Some(at) if at <= now.wall => Next::Refresh,
        // The last lifetime that was asked for ends with the status itself.
        Some(at) => Next::Wait(at.min(publication.until())),
        // The identifiers are kept: by them the server knows what it may have of us.
        None => Next::Wait(publication.until()),
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

/// The lifetime to ask for: no longer than the status is to be shown.
fn lifetime(now: Now, until: Wall, usual: u32) -> u32 {
    let left = until.saturating_since(now.wall).as_secs();
    u32::try_from(left).unwrap_or(u32::MAX).min(usual).max(SHORTEST)
}
