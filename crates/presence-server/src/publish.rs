//! PUBLISH (RFC 3903 section 6): figure 3, PresUpdateMsg.

use crate::cause::Cause;
use crate::documents::Taken;
use crate::identity::{Sender, presentity, sender};
use crate::package::{PIDF, Presence, bad_event};
use crate::presentity::Presentity;
use crate::{Fx, PresenceServer, PublishesForOthers, journal};
use clock::Now;
use cx_protocol::{Answer, CxFailure, Impu, Request, ResultCode, Udr};
use ims_node::{Decision, InboundRequest, NodeCause, Refusal, is_body_optional, is_encoded};
use presence_document::Pidf;
use sip_event::{
    Change, Granted, IfMatch, Package, PublishBody, PublishError, PublishLimits, PublishRequest, Published,
    RequestFingerprint, check_event, grant_publication, is_recent, short_hash,
};
use sip_message::{HeaderName, Message, Response, StatusCode, quote};

/// What tells a PUBLISH from others: which request it is, and which phone it comes from.
#[derive(Debug, Clone, Copy)]
struct Origin {
    request: RequestFingerprint,
    source: u64,
}

/// A PUBLISH waits for what the HSS says of its presentity.
#[derive(Debug)]
pub struct Asked(pub(crate) Presentity);

/// Who a publisher is to a presentity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Publisher {
    Presentity,
    /// The HSS has named it.
    Agent,
    /// The HSS has not.
    Nobody,
    /// The HSS has not been asked.
    Unknown,
}

impl PresenceServer {
    /// The checks stand in the order of rule PUB-02. Figure 3: MsgAck is the answer, NotifyPresUp to the watchers follows
    /// it.
    pub(crate) fn on_publish(
        &mut self,
        now: Now,
        request: &InboundRequest,
        fx: &mut Fx,
    ) -> Result<Decision<Asked>, Refusal> {
        let message = request.message();
        let presentity = presentity(&self.settings, request.request_uri())?;
        check_event(message, Presence::PACKAGES).map_err(bad_event)?;
        let publisher = sender(request)?;
        let by = match self.publisher(now, &publisher, &presentity) {
            Publisher::Unknown if self.settings.for_others == PublishesForOthers::AsHssSays => {
                let impu = Impu::new(&presentity);
                let impu = impu.map_err(|_| Refusal::new(StatusCode::NOT_FOUND, Cause::NoSuchPresentity))?;
                return Ok(Decision::AskHss(Request::Udr(Udr { impu }), Asked(presentity)));
            }
            Publisher::Unknown | Publisher::Nobody => {
                return Err(Refusal::new(StatusCode::FORBIDDEN, Cause::PublisherNotAllowed));
            }
            by @ (Publisher::Presentity | Publisher::Agent) => by,
        };
        let fingerprint = RequestFingerprint::new(message, publisher.text(), &presentity);
        if let Some((tag, expires)) = self.published_before(now, message, &presentity, fingerprint, by) {
            fx.hold_answer();
            return Ok(Decision::Reply(published(fx.response(request, StatusCode::OK), &tag, expires)));
        }
        fx.check_storage(now)?;
        if !self.documents.knows(&presentity) && self.documents.len() >= self.settings.bounds.presentities {
            let first_end = now.seconds_until(self.documents.deadline());
            return Err(Refusal::no_room(Cause::TooManyPresentities, first_end));
        }
        let origin = Origin { request: fingerprint, source: source(message, &publisher) };
        let outcome = self.publish(now, message, origin, &presentity, fx);
        let Published { tag, expires, change, .. } =
            outcome.map_err(|error| refused(message, error, &self.settings.name))?;
        match change {
            Change::Changed => self.changed(now, &presentity),
            // Rule PUB-09: a refresh alone tells nobody.
            Change::Unchanged => {}
        }
        Ok(Decision::Reply(published(fx.response(request, StatusCode::OK), &tag, expires)))
    }

    /// The HSS has said who may publish for this presentity beside itself.
    pub(crate) fn note_agents(
        &mut self,
        now: Now,
        presentity: Presentity,
        answer: Result<Answer, CxFailure>,
    ) -> Result<(), Refusal> {
        let agents = match answer {
            Ok(Answer::Uda(uda)) if uda.result.is_success() => uda.agents,
            Ok(answer) if answer.result() == ResultCode::UserUnknown => Vec::new(),
            Ok(_) => return Err(Refusal::new(StatusCode::SERVER_TIMEOUT, NodeCause::HssCannotTell)),
            Err(failure) => return Err(failure.into()),
        };
        self.agents.note(now.mono, presentity, agents);
        Ok(())
    }

    /// The entity-tag and lifetime that an earlier copy of this PUBLISH was given, if there was one ([`RequestFingerprint`]).
    fn published_before(
        &mut self,
        now: Now,
        message: &Message,
        presentity: &str,
        fingerprint: RequestFingerprint,
        by: Publisher,
    ) -> Option<(Box<str>, Granted)> {
        // The same request was granted the same.
        let granted = grant_publication(message.expires(), &self.settings.publication).ok()?;
        if let Some(made) = self.documents.made_by(now, presentity, fingerprint) {
            let ends = made.expires_at();
            if is_recent(now, granted, ends, self.settings.notify.timer_n) {
                return Some((made.tag().into(), granted));
            }
            // An agent counts its requests and repeats one until it is answered, however long that takes. A phone may not count them,
            // and then means a new publication.
            if by == Publisher::Agent {
                return Some((made.tag().into(), granted.left(now, ends)));
            }
        }
        self.documents.entity_tag_of(now, fingerprint).map(|tag| (tag.into(), granted))
    }

    fn publish(
        &mut self,
        now: Now,
        message: &Message,
        origin: Origin,
        presentity: &Presentity,
        fx: &mut Fx,
    ) -> Result<Published, PublishError> {
        let Origin { request, source } = origin;
        let if_match = IfMatch::of(message);
        let limits = PublishLimits {
            expires: self.settings.publication,
            max_publications: self.settings.bounds.publications,
            max_document: self.documents.room_beside(presentity, if_match),
        };
        let body = message.body();
        let body = body_of(message, &body, limits.max_document);
        let expires = message.expires();
        let publish = PublishRequest { fingerprint: request.number(), source, if_match, expires, body };
        let tag = fx.random.secret();
        let timer_j = self.settings.notify.timer_n;
        let taken = Taken { request, timer_j, publish: &publish, limits: &limits, tag: &tag };
        let published = self.documents.publish(now, presentity, taken)?;
        journal::keep_publications(&self.documents, presentity, &published.records, fx);
        Ok(published)
    }

    /// Rule PUB-12: the user itself, or an agent that may publish for it.
    fn publisher(&self, now: Now, publisher: &Sender, presentity: &str) -> Publisher {
        if publisher.is(presentity) {
            return Publisher::Presentity;
        }
        match self.agents.of(now.mono, presentity) {
            None => Publisher::Unknown,
            Some(agents) if agents.iter().any(|agent| publisher.is(agent.as_str())) => Publisher::Agent,
            Some(_) => Publisher::Nobody,
        }
    }
}

fn published(response: Response, tag: &str, expires: Granted) -> Response {
    response.header(HeaderName::SipEtag, tag).header(HeaderName::Expires, expires.seconds())
}

/// Which phone it is (rule PRS-10): most use one Call-ID for all that they publish, and no two use the same one.
fn source(message: &Message, publisher: &Sender) -> u64 {
    short_hash(&[format!("{} {}", publisher.text(), message.call_id()).as_bytes()]).max(1)
}

/// Rule PUB-05.
fn body_of<'a>(message: &'a Message, body: &'a [u8], max: usize) -> Option<PublishBody<'a>> {
    if body.is_empty() {
        return None;
    }
    let content_type = message.value(HeaderName::ContentType).unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    let is_unknown = is_encoded(message) || !media_type.eq_ignore_ascii_case(PIDF);
    if is_unknown && is_body_optional(message) {
        return None;
    }
    Some(if is_unknown {
        PublishBody::UnknownType
    } else if body.len() <= max && Pidf::parse(body).is_err() {
        PublishBody::Malformed
    } else {
        // One that is too large is not looked into.
        PublishBody::Document { content_type, document: body }
    })
}

fn refused(message: &Message, error: PublishError, name: &str) -> Refusal {
    let status = error.status();
    match error {
        PublishError::BadIfMatch => Refusal::new(status, Cause::BadIfMatch),
        PublishError::NoSuchTag => Refusal::new(status, Cause::NoSuchTag),
        PublishError::TooBrief(brief) => brief.into(),
        PublishError::NothingPublished => Refusal::new(status, Cause::NothingPublished),
        PublishError::TooLarge => Refusal::new(status, Cause::DocumentsTooLarge),
        PublishError::UnknownType => Refusal::of_body(message, Cause::NotPidf, PIDF),
        PublishError::MalformedBody => {
            let refusal = Refusal::new(status, Cause::BadDocument);
            // Whoever wrote it is told what is to be mended.
            match Pidf::parse(&message.body()) {
                Ok(_) => refusal,
                Err(error) => refusal
                    .with(HeaderName::Warning, format_args!("399 {name} {}", quote(&error.to_string()))),
            }
        }
    }
}
