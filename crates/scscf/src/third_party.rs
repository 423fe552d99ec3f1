//! Third-party registration (TS 24.229 section 5.4.1.7): application servers learn who is registered, and where.

use crate::application_server::has_failed;
use crate::binding::{Registration, Server, Servers};
use crate::criteria::{Facts, first_match};
use crate::profile::Profile;
use crate::{Fx, Own, Scscf};
use clock::Now;
use cx_protocol::{DefaultHandling, Impu, SessionCase};
use ims_node::{Next, Outcome, OwnRequest, Random};
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

/// A third-party REGISTER that waits for its answer.
#[derive(Debug)]
pub struct ThirdPartyRegister {
    /// The default public identity of the set.
    impu: Impu,
    /// What is to become of the user when the server fails.
    handling: DefaultHandling,
    /// Which state of the registration it tells of.
    registered_at: u64,
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
    /// The application servers whose criterion this REGISTER meets (rule REG-S-09). They are noted in the registration, so that
    /// they hear of its end also when no REGISTER brings it.
    pub(crate) fn servers_of_register(
        &mut self,
        message: &Message,
        registration: &mut Registration,
    ) -> Servers {
        let facts = Facts {
            message,
            method: Method::Register.as_str(),
            request_uri: message.request_uri_text(),
            case: SessionCase::Originating,
        };
        let criteria = &registration.profile.criteria;
        let (mut met, mut from) = (Vec::<Server>::new(), 0);
        while let Some(index) = first_match(criteria, from, &facts, &mut self.patterns) {
            from = index + 1;
            // A criterion without a trigger is for requests; it asks for no REGISTER.
            let Some(criterion) = criteria.get(index).filter(|criterion| criterion.trigger.is_some()) else {
                continue;
            };
            let server = &criterion.application_server;
            if !met.iter().any(|known| known.uri == server.uri) {
                met.push(Server { uri: server.uri.clone(), handling: server.default_handling });
            }
        }
        let is_other = |known: &&Server| {
            names(&registration.profile, known) && !met.iter().any(|server| server.uri == known.uri)
        };
        let others = registration.servers.iter().filter(is_other);
        let servers = met.iter().chain(others).cloned().collect();
        // Whom no criterion names any more hears now that the user is registered no more.
        let is_dropped = |known: &&Server| !names(&registration.profile, known);
        met.extend(registration.servers.iter().filter(is_dropped).cloned());
        registration.servers = servers;
        met.into()
    }

    /// Tells these application servers how long the user is registered; of those that no criterion names any more, that it is not.
    pub(crate) fn register_at_servers(
        &mut self,
        now: Now,
        registration: &Registration,
        servers: &Servers,
        fx: &mut Fx,
    ) {
        let Some(impu) = registration.default_impu().cloned() else { return };
        let lasts = registration.bindings.iter().map(|binding| binding.seconds_left(now.wall)).max();
        for server in servers.iter() {
            let Ok(uri) = Uri::parse(&server.uri) else { continue };
            let seconds = lasts.filter(|_| names(&registration.profile, server)).unwrap_or(0);
            let draft = self.third_party_register(&uri, &impu, seconds, fx);
            let registered_at = registration.registered_at();
            let told = ThirdPartyRegister { impu: impu.clone(), handling: server.handling, registered_at };
            fx.send(OwnRequest { draft, next: Next::Route, then: Own::ThirdParty(told) });
        }
    }

    /// One Call-ID for a user for as long as this process runs and a rising CSeq, so that a server can tell the later of
    /// two (RFC 3261 section 10.2.4).
    fn third_party_register(&mut self, server: &Uri, impu: &Impu, seconds: u64, fx: &mut Fx) -> Draft {
        let scscf = self.settings.uri();
        let (token, cseq) = self.third_party.next(&mut fx.random);
        let user = ims_node::digest::hex(Sha256::digest(impu.as_str()).get(..12).unwrap_or_default());
        let uri = server.without_param("lr");
        Draft::new(Method::Register, uri)
            .header(HeaderName::MaxForwards, 70)
            .header(HeaderName::From, format_args!("<{scscf}>;tag={}", fx.random.token()))
            .header(HeaderName::To, format_args!("<{impu}>"))
            .header(HeaderName::CallId, format_args!("{token}-{user}@{}", self.settings.name))
            .header(HeaderName::CSeq, format_args!("{cseq} REGISTER"))
            .header(HeaderName::Contact, format_args!("<{scscf}>"))
            .header(HeaderName::Expires, seconds)
            .without_body()
    }

    /// Rule REG-S-10: where the criterion says "terminated", a user whose application server fails is de-registered.
    pub(crate) fn on_third_party_answer(
        &mut self,
        now: Now,
        told: &ThirdPartyRegister,
        outcome: &Outcome,
        fx: &mut Fx,
    ) {
        let ThirdPartyRegister { impu, handling, registered_at } = told;
        // An answer about an earlier registration says nothing of the present one.
        let registration = self.users.registration(impu).filter(|now| now.registered_at() == *registered_at);
        if registration.is_none() || !has_failed(outcome) {
            return;
        }
        fx.log("application server refuses a third-party registration", "");
        if *handling == DefaultHandling::Terminated {
            self.deregister(now, impu, fx);
        }
    }
}

/// Whether a criterion of the profile names this server.
fn names(profile: &Profile, server: &Server) -> bool {
    profile.criteria.iter().any(|criterion| criterion.application_server.uri == server.uri)
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
