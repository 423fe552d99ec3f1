//! Third-party registration (TS 24.229 section 5.4.1.7): application servers learn who is registered, and where.

use crate::application_server::has_failed;
use crate::binding::Registration;
use crate::criteria::{Facts, first_match};
use crate::{Own, Scscf};
use clock::Now;
use cx_protocol::{DefaultHandling, Impu, SessionCase};
use ims_node::{Effects, Next, Outcome, OwnRequest};
use sha2::{Digest as _, Sha256};
use sip_message::{Draft, HeaderName, Message, Method, Uri};

/// 2020-01-01T00:00:00Z in seconds since 1970: CSeq numbers count seconds from there and stay below 2^31.
const CSEQ_EPOCH: u64 = 1_577_836_800;

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
        let Some(sample) = sample(&impu) else { return };
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
                let draft = self.third_party_register(now, &server, (&impu, seconds), fx);
                let then = Own::ThirdParty {
                    impu: impu.clone(),
                    index,
                    registered_at: registration.registered_at(),
                };
                fx.send(OwnRequest { draft, next: Next::Route, then });
            }
        }
    }

    /// One Call-ID for a user at this S-CSCF and a rising CSeq, across restarts as well, so that a server can tell the
    /// later of two (RFC 3261 section 10.2.4).
    fn third_party_register(
        &mut self,
        now: Now,
        server: &Uri,
        (impu, seconds): (&Impu, u64),
        fx: &mut Effects<Own>,
    ) -> Draft {
        let own = self.settings.uri();
        let clock = u32::try_from(now.wall.unix_seconds().saturating_sub(CSEQ_EPOCH)).unwrap_or(0);
        self.third_party_cseq = clock.max(self.third_party_cseq + 1);
        let user = ims_node::digest::hex(Sha256::digest(impu.as_str()).get(..12).unwrap_or_default());
        let uri = server.without_param("lr");
        Draft::new(Method::Register, uri)
            .header(HeaderName::MaxForwards, 70)
            .header(HeaderName::From, format_args!("<{own}>;tag={}", fx.random.token()))
            .header(HeaderName::To, format_args!("<{impu}>"))
            .header(HeaderName::CallId, format_args!("{user}@{}", self.settings.name))
            .header(HeaderName::CSeq, format_args!("{} REGISTER", self.third_party_cseq))
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
fn sample(impu: &Impu) -> Option<Message> {
    let domain = impu.domain()?;
    let draft = Draft::new(Method::Register, Uri::parse(&format!("sip:{domain}")).ok()?)
        .header(HeaderName::From, format_args!("<{impu}>;tag=1"))
        .header(HeaderName::To, format_args!("<{impu}>"))
        .header(HeaderName::CallId, "1")
        .header(HeaderName::CSeq, "1 REGISTER")
        .without_body();
    Message::parse(draft.to_bytes("SIP/2.0/UDP localhost;branch=z9hG4bK1")).ok()
}
