//! Which part of the presence server deals with what.

use crate::identity::check_source;
use crate::{Notified, PresenceServer};
use clock::{Mono, Now};
use ims_node::{Decision, Effects, InboundRequest, Outcome, Record, Refusal, Role};
use sip_message::{HeaderName, Method, Response, StatusCode};
use std::convert::Infallible;

/// The methods that are taken; NOTIFY is ours to send.
const ALLOW: &str = "SUBSCRIBE, PUBLISH, REGISTER, OPTIONS";

/// Seconds after which somebody who was turned away for want of room may come again.
const RETRY_AFTER_S: u32 = 60;

impl Role for PresenceServer {
    type Waiting = Infallible;
    type Own = Notified;

    fn on_request(
        &mut self,
        now: Now,
        request: &InboundRequest,
        fx: &mut Effects<Notified>,
    ) -> Decision<Infallible> {
        match self.answer(now, request, fx) {
            Ok(response) => Decision::Reply(response),
            Err(refusal) => refusal.into(),
        }
    }

    fn on_own_response(&mut self, now: Now, own: Notified, outcome: &Outcome, fx: &mut Effects<Notified>) {
        self.on_notified(now, own, outcome, fx);
    }

    fn deadline(&self) -> Option<Mono> {
        self.deadlines.next()
    }

    fn on_deadline(&mut self, now: Now, fx: &mut Effects<Notified>) {
        self.on_due(now, fx);
    }

    fn on_command(
        &mut self,
        now: Now,
        words: &[&str],
        _: &mut Effects<Notified>,
    ) -> Option<Result<String, String>> {
        self.command(now, words)
    }

    fn restore(&mut self, _: Now, record: &Record) {
        self.restoring.take(record);
    }

    fn restored(&mut self, now: Now, fx: &mut Effects<Notified>) {
        self.go_on(now, fx);
    }
}

impl PresenceServer {
    /// The checks that come before the method (rule SIP-02), then the method.
    fn answer(
        &mut self,
        now: Now,
        request: &InboundRequest,
        fx: &mut Effects<Notified>,
    ) -> Result<Response, Refusal> {
        check_source(request)?;
        check_require(request)?;
        let method = request.method();
        if *method == Method::Subscribe {
            self.on_subscribe(now, request, fx)
        } else if *method == Method::Publish {
            self.on_publish(now, request, fx)
        } else if *method == Method::Register {
            self.on_register(now, request, fx)
        } else if *method == Method::Notify {
            Err(Refusal::new(StatusCode::NO_SUCH_TRANSACTION, "nothing is subscribed to from here"))
        } else {
            let refusal = Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "a presence server does not do this");
            Err(refusal.with(HeaderName::Allow, ALLOW))
        }
    }
}

/// No extension is needed here that a client could insist on.
fn check_require(request: &InboundRequest) -> Result<(), Refusal> {
    let demanded: Vec<&str> =
        request.message().list(HeaderName::Require).filter(|tag| !tag.is_empty()).collect();
    if demanded.is_empty() {
        return Ok(());
    }
    let refusal = Refusal::new(StatusCode::BAD_EXTENSION, "Require names an unknown extension");
    Err(refusal.with(HeaderName::Unsupported, demanded.join(", ")))
}

/// There is no room, or the journal takes nothing new: come again.
pub(crate) fn no_room(cause: &'static str) -> Refusal {
    Refusal::new(StatusCode::SERVICE_UNAVAILABLE, cause).with(HeaderName::RetryAfter, RETRY_AFTER_S)
}
