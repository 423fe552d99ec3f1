//! Digest challenges and their answers (RFC 3261 section 22, RFC 7616, RFC 8760, TS 24.229 section 5.4.1.2).

use clock::{Deadlines, Mono, room_after_burst};
use cx_protocol::{DigestCredentials, Ha1, Impi, Impu};
use ims_node::{Pool, Random, digest};
use sip_message::{Challenge, Credentials, DigestAlgorithm, HeaderName, Message, Uri};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use subtle::ConstantTimeEq;

/// Nonces kept at a time; above it the one that would expire first goes, and its owner is challenged again.
const MAX_NONCES: usize = 50_000;

/// How long a nonce may be answered: the timer reg-await-auth.
const NONCE_LIFE: Duration = Duration::from_secs(240);

/// Wrong answers in a row before the user is turned away.
const MAX_FAILURES: u8 = 3;

/// What the credentials of a REGISTER amount to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Check {
    /// None, or empty ones: challenge.
    Absent,
    /// The nonce is not known any more, or was used already: challenge and say so.
    Stale,
    /// The nonce was issued to this user before it named itself; its own credentials are needed to go on.
    OtherUsername,
    /// Not the password; the user may try again.
    Wrong,
    /// Not the password, for the last time.
    WrongForGood,
    /// Right; whether the digest's own URI is that of the request.
    Right {
        /// Some phones write their proxy's address there.
        same_uri: bool,
    },
}

#[derive(Debug)]
struct Issued {
    impi: Impi,
    impu: Impu,
    realm: Arc<str>,
    /// Of the algorithms that are spoken here, in the order of the HSS.
    ha1s: Box<[Ha1]>,
    failures: u8,
    /// Highest count seen; a client counts up with every use of a nonce.
    count: u32,
}

/// The challenges that may still be answered.
#[derive(Debug, Default)]
pub(crate) struct Challenges {
    issued: HashMap<Arc<str>, Issued>,
    deadlines: Deadlines<Arc<str>>,
    realms: Pool<str>,
    crowded_out: u64,
}

impl Challenges {
    pub(crate) fn deadline(&self) -> Option<Mono> {
        self.deadlines.next()
    }

    pub(crate) fn figures(&self) -> [(&'static str, u64); 2] {
        [("nonces", self.issued.len() as u64), ("nonces_crowded_out", self.crowded_out)]
    }

    pub(crate) fn expire(&mut self, now: Mono) {
        while let Some(nonce) = self.deadlines.pop_due(now) {
            self.issued.remove(&nonce);
        }
        if let Some(room) = room_after_burst(self.issued.len(), self.issued.capacity()) {
            self.issued.shrink_to(room);
        }
    }

    /// Makes a challenge from what the HSS sent: one WWW-Authenticate value for each algorithm, strongest first as the
    /// HSS has them.
    pub(crate) fn issue(
        &mut self,
        now: Mono,
        (impi, impu): (Impi, Impu),
        credentials: &DigestCredentials,
        (random, stale): (&mut Random, bool),
    ) -> Vec<String> {
        let realm = self.realms.share((&*credentials.realm).into());
        self.keep(
            now,
            Issued { impi, impu, realm, ha1s: secrets(credentials), failures: 0, count: 0 },
            random.secret(),
            stale,
        )
    }

    /// The nonce that this REGISTER answers goes on with the credentials of the username it gives: the first REGISTER
    /// had none, and the username is part of the digest.
    pub(crate) fn adopt(&mut self, message: &Message, impi: Impi, given: &DigestCredentials) {
        let issued = credentials(message).and_then(|answer| self.issued.get_mut(answer.nonce));
        if let Some(issued) = issued {
            issued.impi = impi;
            issued.ha1s = secrets(given);
        }
    }

    /// Challenges again after a wrong answer, without asking the HSS.
    pub(crate) fn again(&mut self, now: Mono, message: &Message, random: &mut Random) -> Option<Vec<String>> {
        let nonce = credentials(message)?.nonce;
        self.deadlines.cancel(&nonce.into());
        let mut issued = self.issued.remove(nonce)?;
        issued.count = 0;
        Some(self.keep(now, issued, random.secret(), false))
    }

    fn keep(&mut self, now: Mono, issued: Issued, nonce: String, stale: bool) -> Vec<String> {
        if self.issued.len() >= MAX_NONCES {
            let first = self.deadlines.pop_due(Mono::at(Duration::MAX));
            self.crowded_out += 1;
            first.map(|first| self.issued.remove(&first));
        }
        let values = values(&issued, &nonce, stale);
        let nonce: Arc<str> = nonce.into();
        self.deadlines.set(nonce.clone(), now + NONCE_LIFE);
        self.issued.insert(nonce, issued);
        values
    }

    /// Checks the credentials of a REGISTER for this user.
    pub(crate) fn check(&mut self, message: &Message, user: (&Impi, &Impu)) -> Check {
        let Some(credentials) = credentials(message).filter(|given| !given.response.is_empty()) else {
            return Check::Absent;
        };
        let Some(issued) = self.issued.get_mut(credentials.nonce) else { return Check::Stale };
        if issued.impu != *user.1 || *credentials.realm != *issued.realm {
            return Check::Stale;
        }
        if issued.impi != *user.0 {
            return Check::OtherUsername;
        }
        // Without a quality of protection the count is not part of the digest, and anybody could raise it.
        let counted = credentials.nc.filter(|_| credentials.qop.is_some() && credentials.cnonce.is_some());
        let count = counted.map(|nc| u32::from_str_radix(nc, 16).unwrap_or(0));
        let known = credentials.digest_algorithm().and_then(|algorithm| {
            issued.ha1s.iter().find(|ha1| spoken(ha1) == Some(algorithm)).map(|ha1| (algorithm, ha1.to_hex()))
        });
        let expected =
            known.map(|(algorithm, ha1)| digest::response(algorithm, &ha1, "REGISTER", &credentials));
        let given = credentials.response.to_ascii_lowercase();
        let right = expected.is_some_and(|expected| bool::from(expected.as_bytes().ct_eq(given.as_bytes())));
        if !right {
            issued.failures += 1;
            return if issued.failures >= MAX_FAILURES { Check::WrongForGood } else { Check::Wrong };
        }
        // RFC 7616 section 3.4.5: a count that does not rise is a replay. Without a count a nonce serves once.
        if count.unwrap_or(1) <= issued.count {
            return Check::Stale;
        }
        issued.count = count.unwrap_or(1);
        issued.failures = 0;
        Check::Right { same_uri: is_registrar(credentials.uri, message) }
    }

    /// Forgets the challenge that this REGISTER answers.
    pub(crate) fn forget(&mut self, message: &Message) {
        if let Some(given) = credentials(message) {
            self.deadlines.cancel(&given.nonce.into());
            self.issued.remove(given.nonce);
        }
    }
}

/// Whether the digest was made for the registrar that the request is for; the P-CSCF has made its name bare, and a port or
/// parameter that stood there is in the digest still.
fn is_registrar(digest_uri: &str, message: &Message) -> bool {
    let registrar = |uri: &Uri| (uri.user().is_none() && uri.is_sip()).then(|| uri.address_of_record());
    let meant = Uri::parse(digest_uri).ok().and_then(|uri| registrar(&uri));
    digest_uri == message.request_uri_text()
        || (meant.is_some() && meant == message.request_uri().and_then(registrar))
}

fn secrets(credentials: &DigestCredentials) -> Box<[Ha1]> {
    credentials.ha1s.iter().filter(|ha1| spoken(ha1).is_some()).cloned().collect()
}

/// Its algorithm, if it is one of SIP.
fn spoken(ha1: &Ha1) -> Option<DigestAlgorithm> {
    DigestAlgorithm::from_token(ha1.algorithm().token())
}

fn credentials(message: &Message) -> Option<Credentials<'_>> {
    message.values(HeaderName::Authorization).find_map(Credentials::parse)
}

fn values(issued: &Issued, nonce: &str, stale: bool) -> Vec<String> {
    let value = |algorithm: DigestAlgorithm| {
        let realm = &issued.realm;
        Challenge { realm, nonce, algorithm: Some(algorithm), qop_auth: true, opaque: None, stale }
            .to_string()
    };
    issued.ha1s.iter().filter_map(spoken).map(value).collect()
}
