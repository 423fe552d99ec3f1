//! What reaches us: NOTIFYs and texts (rules SUB-S-03 to SUB-S-06, SIP-02).

use crate::Fx;
use crate::agent::UeAgent;
use crate::cause::Cause;
use crate::compose::{ALLOW, PIDF};
use crate::presence::{Gist, shown};
use crate::report::{Report, SubscriptionState};
use crate::watch::{WatchId, Watched, state_of};
use clock::Now;
use ims_node::{Decision, InboundRequest, NodeCause, Refusal};
use presence_document::Pidf;
use sip_event::BadNotify;
use sip_message::{HeaderName, Message, Method, StatusCode, SubscriptionState as Header, Substate};
use std::convert::Infallible;

/// The packages that we subscribe to.
pub(crate) const EVENTS: &str = "presence, reg";

/// Longest text of a MESSAGE that is shown, in characters; the rest is cut off.
const MAX_TEXT: usize = 4096;

impl UeAgent {
    pub(crate) fn on_inbound(
        &mut self,
        now: Now,
        request: &InboundRequest,
        fx: &mut Fx,
    ) -> Decision<Infallible> {
        // Whatever is for us comes through our P-CSCF, which has looked at it (TS 24.229 section 5.1.2A.2).
        if !self.is_pcscf(request.flow().remote) {
            return Refusal::new(StatusCode::FORBIDDEN, Cause::NotFromPcscf).into();
        }
        let message = request.message();
        match request.method() {
            Method::Notify => self.on_notify(now, request, fx),
            Method::Message => self.on_message(request, fx),
            Method::Options => {
                let response = fx.response(request, StatusCode::OK).header(HeaderName::Allow, ALLOW);
                Decision::Reply(response.header(HeaderName::Accept, "text/plain, application/pidf+xml"))
            }
            Method::Ack
            | Method::Bye
            | Method::Cancel
            | Method::Info
            | Method::Invite
            | Method::Prack
            | Method::Publish
            | Method::Refer
            | Method::Register
            | Method::Subscribe
            | Method::Update
            | Method::Other(_) => {
                let refusal = Refusal::new(StatusCode::METHOD_NOT_ALLOWED, Cause::MethodNotTaken);
                self.error(format!("{} refused", message.cseq_method()));
                refusal.with(HeaderName::Allow, ALLOW).into()
            }
        }
    }

    fn on_notify(&mut self, now: Now, request: &InboundRequest, fx: &mut Fx) -> Decision<Infallible> {
        let message = request.message();
        match self.subscriptions.notify(now, message) {
            Ok(Watched::Registration) => self.tell_registration(now, message, fx),
            Ok(Watched::Presence(id)) => self.tell_presence(now, id, message, fx),
            Err(bad) => return refusal(bad).into(),
        }
        Decision::Reply(fx.response(request, StatusCode::OK))
    }

    /// That it is active comes before what it tells; that it has ended comes after.
    fn tell_presence(&mut self, now: Now, id: WatchId, message: &Message, fx: &mut Fx) {
        let Some(uri) = self.watches.uri(id).map(|uri| uri.as_str().to_owned()) else { return };
        let header = message.value(HeaderName::SubscriptionState).and_then(Header::parse);
        let substate = header.map_or(Substate::Active, |header| header.state);
        let expires_s = header.and_then(|header| header.expires);
        let report = presence(&uri, state_of(substate), expires_s, message);
        if substate != Substate::Terminated {
            self.run_machines(now, fx);
        }
        match report {
            Ok(report) => self.report(report),
            Err(why) => self.error(format!("{uri}: {why}")),
        }
    }

    fn on_message(&mut self, request: &InboundRequest, fx: &mut Fx) -> Decision<Infallible> {
        let message = request.message();
        let content_type = message.value(HeaderName::ContentType).unwrap_or("text/plain");
        if !is_type(content_type, "text/plain") {
            let refusal = Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, Cause::NotPlainText);
            return refusal.with(HeaderName::Accept, "text/plain").into();
        }
        let asserted = message.first_address(HeaderName::PAssertedIdentity);
        let from = asserted.or_else(|| message.first_address(HeaderName::From));
        let text: String = String::from_utf8_lossy(&message.body()).chars().take(MAX_TEXT).collect();
        let from = from.map_or("", |address| address.uri_text());
        self.report(Report::Message { from: shown(from), text: text.into() });
        Decision::Reply(fx.response(request, StatusCode::OK))
    }
}

fn refusal(bad: BadNotify) -> Refusal {
    let reason = match bad {
        BadNotify::NoSuchSubscription => NodeCause::NoSubscription.reason(),
        BadNotify::BadEvent => Cause::OtherEvent.reason(),
        BadNotify::Stale => Cause::StaleNotify.reason(),
        BadNotify::Malformed => Cause::BadNotify.reason(),
    };
    let refusal = Refusal::new(bad.status(), reason);
    if bad == BadNotify::BadEvent { refusal.with(HeaderName::AllowEvents, EVENTS) } else { refusal }
}

/// A document that cannot be read is our user's to know, not the server's to end the subscription for.
fn presence(
    uri: &str,
    state: SubscriptionState,
    expires_s: Option<u32>,
    message: &Message,
) -> Result<Report, String> {
    let body = message.body();
    let gist = if body.is_empty() {
        Gist::default()
    } else {
        let content_type = message.value(HeaderName::ContentType).unwrap_or_default();
        if !is_type(content_type, PIDF) {
            return Err(format!("a NOTIFY with a body of type {}", shown(content_type)));
        }
        let document =
            Pidf::parse(&body).map_err(|error| format!("a presence document is broken: {error}"))?;
        Gist::of(&document)
    };
    let Gist { basic, note, activities } = gist;
    let document = (!body.is_empty()).then(|| String::from_utf8_lossy(&body).into());
    Ok(Report::Presence { uri: uri.into(), state, expires_s, basic, note, activities, document })
}

/// Whether a Content-Type is this one, its parameters left out.
fn is_type(value: &str, expected: &str) -> bool {
    value.split(';').next().is_some_and(|media_type| media_type.trim().eq_ignore_ascii_case(expected))
}
