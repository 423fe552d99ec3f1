//! Third-party REGISTER (TS 24.229 section 5.4.1.7): an S-CSCF says that it has, or no longer has, a user.

use crate::cause::Cause;
use crate::identity::presentity;
use crate::presentity::Presentity;
use crate::registrations::{Order, Origin, Registration, Standing};
use crate::{Fx, PresenceServer, journal};
use clock::Now;
use ims_node::{InboundRequest, NodeCause, Refusal, Storage};
use sip_event::short_hash;
use sip_message::{HeaderName, Message, Response, StatusCode, Uri, delta_seconds};
use std::time::Duration;

/// Longest S-CSCF URI that is kept, in octets; a longer one is refused with 400.
const MAX_URI: usize = 255;

/// Timer F of the S-CSCF, in seconds: so long an earlier REGISTER of its may still come.
const LATE_S: u64 = 32;

impl PresenceServer {
    pub(crate) fn on_register(
        &mut self,
        now: Now,
        request: &InboundRequest,
        fx: &mut Fx,
    ) -> Result<Response, Refusal> {
        let message = request.message();
        let bad = |cause| Refusal::new(StatusCode::BAD_REQUEST, cause);
        let user = message.to_uri().ok_or_else(|| bad(Cause::ToNotUri))?;
        let presentity = presentity(&self.settings, &user)?;
        let scscf = scscf_of(message).ok_or_else(|| bad(Cause::ContactNotScscf))?;
        let seconds = seconds_of(message);
        let answer = fx
            .response(request, StatusCode::OK)
            .header(HeaderName::Contact, format_args!("<{scscf}>;expires={seconds}"))
            .header(HeaderName::Expires, seconds);
        let origin = Origin { call: short_hash(&[message.call_id().as_bytes()]), cseq: message.cseq() };
        match self.registrations.order(&presentity, origin) {
            Order::Later => {}
            Order::Same => return Ok(answer),
            Order::Earlier => {
                return Err(Refusal::new(StatusCode::SERVER_ERROR, NodeCause::StaleCSeq));
            }
        }
        // A user who moved is taken away by the old S-CSCF after the new one has said that it has it.
        if seconds == 0 && self.registrations.is_by_another(&presentity, &scscf) {
            return Ok(answer);
        }
        let (standing, lasts) =
            if seconds > 0 { (Standing::Here, u64::from(seconds)) } else { (Standing::Gone, LATE_S) };
        let expires_at = (now.wall + Duration::from_secs(lasts)).unix_millis();
        // Without room the answer is the same: an error would make the S-CSCF de-register the user, and what is not known
        // here only costs the way through the I-CSCF.
        if self.registrations.knows(&presentity)
            || self.registrations.len() < self.settings.bounds.presentities
        {
            let registration = Registration { scscf, expires_at, origin, standing };
            self.registered(now, &presentity, registration, fx);
        }
        Ok(answer)
    }

    /// Takes what was said of a user.
    fn registered(&mut self, now: Now, user: &Presentity, registration: Registration, fx: &mut Fx) {
        let was_registered = self.registrations.of(user).is_some();
        let is_registered = registration.is_here();
        self.registrations.insert(now, user, registration);
        // When the journal takes nothing, this is kept in memory alone, for the reason given above.
        match fx.storage() {
            Storage::Open => journal::keep_registration(&self.registrations, user, fx),
            Storage::Full(_) | Storage::Ending => {}
        }
        if was_registered != is_registered {
            self.registration_changed(now, user);
        }
    }
}

/// The S-CSCF's URI, as it stands in a Route of ours.
fn scscf_of(message: &Message) -> Option<Box<str>> {
    let uri = message.first_address(HeaderName::Contact)?.uri().ok().filter(Uri::is_sip)?;
    let host = uri.host()?;
    let uri = Uri::sip(uri.user(), &host, uri.port()).ok()?;
    Some(uri.as_str()).filter(|text| text.len() <= MAX_URI).map(Into::into)
}

/// How long the registration lasts, in seconds (RFC 3261 section 10.2.1.1); not said, it is over.
fn seconds_of(message: &Message) -> u32 {
    let contact = message.first_address(HeaderName::Contact);
    let of_contact = contact.and_then(|contact| contact.params().get("expires").and_then(delta_seconds));
    of_contact.or_else(|| message.expires()).unwrap_or(0)
}
