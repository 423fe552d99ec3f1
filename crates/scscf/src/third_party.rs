//! Third-party registration (TS 24.229 section 5.4.1.7): application servers learn who is registered, and where.

use crate::application_server::has_failed;
use crate::binding::Registration;
use crate::criteria::{Facts, first_match};
use crate::{Own, Scscf};
use clock::Now;
use cx_protocol::{DefaultHandling, Impu, SessionCase};
use ims_node::{Effects, Next, Outcome, OwnRequest, Random};
use sha2::{Digest as _, Sha256};
use sip_message::{Draft, HeaderName, Message, Method, Uri};

/// RFC 3261 section 8.1.1.5: CSeq numbers stay below 2^31.
const LAST_CSEQ: u32 = (1 << 31) - 1;

/// What tells the third-party REGISTERs of this node apart, and the later of two.
#[derive(Debug, Default)]
pub(crate) struct ThirdPartyCalls {
    /// Stands in every Call-ID.
    token: String,
    /// The last CSeq.
    cseq: u32,
}

impl ThirdPartyCalls {
    /// The next CSeq, and the token it counts under. No process counts on where another one stopped, nor does anybody know
    /// how far that was: each has a token of its own, and to a server another Call-ID is a later one.
    fn next(&mut self, random: &mut Random) -> (&str, u32) {
        self.cseq = if self.cseq < LAST_CSEQ { self.cseq + 1 } else { 1 };
        if self.cseq == 1 {
            self.token = random.token();
        }
        (&self.token, self.cseq)
    }
}

impl Scscf {
    /// Tells every application server whose criterion matches a REGISTER (rule REG-S-09).
    pub(crate) fn register_at_servers(
        &mut self,
        now: Now,
        registration: &Registration,
        fx: &mut Effects<Own>,
    ) {
        let Some(impu) = registration.default_impu().cloned() else { return };
        let seconds =
            registration.bindings.iter().map(|binding| binding.seconds_left(now.wall)).max().unwrap_or(0);
        let Some(sample) = sample(&self.settings.domain, &impu) else { return };
        let mut from = 0;
        loop {
            let facts = Facts {
                message: &sample,
                method: "REGISTER",
                request_uri: sample.request_uri_text(),
                case: SessionCase::Originating,
            };
            let criteria = &registration.profile.criteria;
            let Some(index) = first_match(criteria, from, &facts, &mut self.patterns) else { return };
            from = index + 1;
            let server = criteria.get(index).and_then(|c| Uri::parse(&c.application_server.uri).ok());
            let asks_for_it = criteria.get(index).is_some_and(|criterion| criterion.trigger.is_some());
            if let Some(server) = server.filter(|_| asks_for_it) {
                let draft = self.third_party_register(&server, (&impu, seconds), fx);
                let then = Own::ThirdParty {
                    impu: impu.clone(),
                    index,
                    registered_at: registration.registered_at(),
                };
                fx.send(OwnRequest { draft, next: Next::Route, then });
            }
        }
    }

    /// One Call-ID for a user for as long as this process runs and a rising CSeq, so that a server can tell the later of
    /// two (RFC 3261 section 10.2.4).
    fn third_party_register(
        &mut self,
        server: &Uri,
        (impu, seconds): (&Impu, u64),
        fx: &mut Effects<Own>,
    ) -> Draft {
        let own = self.settings.uri();
        let (token, cseq) = self.third_party.next(&mut fx.random);
        let user = ims_node::digest::hex(Sha256::digest(impu.as_str()).get(..12).unwrap_or_default());
        let uri = server.without_param("lr");
        Draft::new(Method::Register, uri)
            .header(HeaderName::MaxForwards, 70)
            .header(HeaderName::From, format_args!("<{own}>;tag={}", fx.random.token()))
            .header(HeaderName::To, format_args!("<{impu}>"))
            .header(HeaderName::CallId, format_args!("{token}-{user}@{}", self.settings.name))
            .header(HeaderName::CSeq, format_args!("{cseq} REGISTER"))
            .header(HeaderName::Contact, format_args!("<{own}>"))
            .header(HeaderName::Expires, seconds)
            .without_body()
    }

    /// Rule REG-S-10: where the criterion says "terminated", a user whose application server fails is de-registered.
    pub(crate) fn on_third_party_answer(
        &mut self,
        now: Now,
        (impu, index, registered_at): (&Impu, usize, u64),
        outcome: &Outcome,
        fx: &mut Effects<Own>,
    ) {
        // An answer about an earlier registration says nothing of the present one.
        let registration = self.users.registration(impu).filter(|now| now.registered_at() == registered_at);
        let Some(registration) = registration.filter(|_| has_failed(outcome)) else { return };
        let handling =
            registration.profile.criteria.get(index).map(|c| c.application_server.default_handling);
        fx.log("application server refuses a third-party registration", "");
        if handling == Some(DefaultHandling::Terminated) {
            self.deregister(now, impu, fx);
        }
    }
}

/// The request that the criteria are held against.
fn sample(domain: &str, impu: &Impu) -> Option<Message> {
    let draft = Draft::new(Method::Register, Uri::parse(&format!("sip:{domain}")).ok()?)
        .header(HeaderName::From, format_args!("<{impu}>;tag=1"))
        .header(HeaderName::To, format_args!("<{impu}>"))
        .header(HeaderName::CallId, "1")
        .header(HeaderName::CSeq, "1 REGISTER")
        .without_body();
    Message::parse(draft.to_bytes("SIP/2.0/UDP localhost;branch=z9hG4bK1")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc3261_8_1_1_5_when_the_numbers_are_used_up_another_call_begins() {
        let mut random = Random::new([1; 32]);
        let mut calls = ThirdPartyCalls::default();
        let mut next = |cseq| {
            calls.cseq = cseq;
            let (token, cseq) = calls.next(&mut random);
            (token.to_owned(), cseq)
        };
        let (first, one) = next(0);
        assert_eq!((first.len(), one), (12, 1));
        assert_eq!(next(LAST_CSEQ - 1), (first.clone(), LAST_CSEQ));
        let (second, again) = next(LAST_CSEQ);
        assert_eq!((second != first, again), (true, 1));
    }
}
