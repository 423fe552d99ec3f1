//! Third-party registration (TS 24.229 section 5.4.1.7): application servers learn who is registered, and where.

use crate::binding::Registration;
use crate::criteria::{Facts, first_match};
use crate::{Own, Scscf};
use clock::Now;
use cx_protocol::{DefaultHandling, Impu, SarType, SessionCase};
use ims_node::{Effects, Next, Outcome, OwnRequest};
use sip_message::{Draft, HeaderName, Message, Method, StatusCode, Uri};

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
                let draft = self.third_party_register(&server, &impu, seconds, fx);
                let then = Own::ThirdParty { impu: impu.clone(), index };
                fx.send(OwnRequest { draft, next: Next::Route, then });
            }
        }
    }

    fn third_party_register(&self, server: &Uri, impu: &Impu, seconds: u64, fx: &mut Effects<Own>) -> Draft {
        let own = self.settings.uri();
        let uri = server.without_param("lr");
        Draft::new(Method::Register, uri)
            .header(HeaderName::MaxForwards, 70)
            .header(HeaderName::From, format_args!("<{own}>;tag={}", fx.random.token()))
            .header(HeaderName::To, format_args!("<{impu}>"))
            .header(HeaderName::CallId, format_args!("{}@{}", fx.random.token(), self.settings.name))
            .header(HeaderName::CSeq, "1 REGISTER")
            .header(HeaderName::Contact, format_args!("<{own}>"))
            .header(HeaderName::Expires, seconds)
            .without_body()
    }

    /// Rule REG-S-10: where the criterion says "terminated", a user whose application server fails is de-registered.
    pub(crate) fn on_third_party_answer(
        &mut self,
        now: Now,
        (impu, index): (&Impu, usize),
        outcome: &Outcome,
        fx: &mut Effects<Own>,
    ) {
        let failed = match outcome.status() {
            Some(status) => status == StatusCode::REQUEST_TIMEOUT || (500..600).contains(&status.code()),
            None => true,
        };
        let Some(registration) = self.users.registration(impu).filter(|_| failed) else { return };
        let handling =
            registration.profile.criteria.get(index).map(|c| c.application_server.default_handling);
        fx.log("application server refuses a third-party registration", "");
        if handling == Some(DefaultHandling::Terminated) {
            self.deregister(now, impu, SarType::AdministrativeDeregistration, fx);
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
