//! Digest challenges and their answers (RFC 3261 section 22, RFC 7616, RFC 8760, TS 24.229 section 5.4.1.2).

use clock::{Deadlines, Mono, room_after_burst};
use cx_protocol::{DigestCredentials, Ha1, Impi, Impu};
use ims_node::{Pool, Random, digest};
use sip_message::{Challenge, Credentials, DigestAlgorithm, Message, Uri};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;
use subtle::ConstantTimeEq;

/// Nonces kept at a time; above it the one that would expire first goes, and its owner is challenged again.
const MAX_NONCES: usize = 50_000;

/// How long a nonce may be answered: the timer reg-await-auth.
const NONCE_LIFE: Duration = Duration::from_secs(240);

/// Wrong answers in a row before the user is turned away.
const MAX_FAILURES: u8 = 3;

/// Credentials of one REGISTER that are looked at: each of them is a guess. A phone sends one for each algorithm at most.
const MAX_CREDENTIALS: usize = 4;

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
    WrongForGood {
        /// Whether they are for the realm that we named.
        same_realm: bool,
    },
    /// Right; whether the digest's own URI is that of the request.
    Right {
        /// Some phones write their proxy's address there.
        same_uri: bool,
    },
}

/// Who registers.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Registrant {
    pub(crate) impi: Impi,
    pub(crate) impu: Impu,
}

/// What a challenge says of the nonce that the REGISTER came with (RFC 7616 section 3.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Nonce {
    /// It was at fault, and not the password.
    Stale,
    /// There was none, or the password was at fault.
    NotStale,
}

#[derive(Debug)]
struct Issued {
    /// Who is to answer it.
    to: Registrant,
    realm: Arc<str>,
    /// Of the algorithms that are spoken here, in the order of the HSS.
    ha1s: Box<[Ha1]>,
    failures: u8,
    /// Highest count seen; a client counts up with every use of a nonce.
    count: u32,
}

impl Issued {
    /// Whether the password is, and the realm that we named (RFC 7616 section 3.3: only the nonce can be stale).
    fn is_right(&self, credentials: &Credentials<'_>) -> bool {
        let known = credentials.digest_algorithm().and_then(|algorithm| {
            self.ha1s.iter().find(|ha1| spoken(ha1) == Some(algorithm)).map(|ha1| (algorithm, ha1.to_hex()))
        });
        let expected =
            known.map(|(algorithm, ha1)| digest::response(algorithm, &ha1, "REGISTER", credentials));
        let response = credentials.response.to_ascii_lowercase();
        let is_right =
            expected.is_some_and(|expected| bool::from(expected.as_bytes().ct_eq(response.as_bytes())));
        is_right && *credentials.realm == *self.realm
    }

    /// RFC 7616 section 3.4.5: a count that does not rise is a replay. Without a count a nonce serves once.
    fn is_fresh(&self, credentials: &Credentials<'_>) -> bool {
        count(credentials).unwrap_or(1) > self.count
    }
}

/// The challenges that may still be answered.
#[derive(Debug)]
pub(crate) struct Challenges {
    /// Ours, as far as it is known before the HSS is asked: the domain.
    realm: Box<str>,
    issued: HashMap<Arc<str>, Issued>,
    deadlines: Deadlines<Arc<str>>,
    realms: Pool<str>,
    crowded_out: u64,
}

impl Challenges {
    pub(crate) fn new(realm: &str) -> Self {
        Self {
            realm: realm.into(),
            issued: HashMap::new(),
            deadlines: Deadlines::new(),
            realms: Pool::default(),
            crowded_out: 0,
        }
    }

    pub(crate) fn deadline(&self) -> Option<Mono> {
        self.deadlines.next()
    }

    pub(crate) fn metrics(&self) -> [(&'static str, u64); 2] {
        [("nonces", self.issued.len() as u64), ("nonces_crowded_out", self.crowded_out)]
    }

    /// Forgets what has been there long enough, and gives whose challenges nobody has answered rightly.
    pub(crate) fn expire(&mut self, now: Mono) -> Vec<Registrant> {
        let mut unanswered = Vec::new();
        while let Some(nonce) = self.deadlines.pop_due(now) {
            let issued = self.issued.remove(&nonce).filter(|issued| issued.count == 0);
            unanswered.extend(issued.map(|issued| issued.to));
        }
        if !unanswered.is_empty() {
            // Whoever has been asked again meanwhile may still answer.
            let asked: HashSet<&Impu> = self.issued.values().map(|issued| &issued.to.impu).collect();
            unanswered.retain(|to| !asked.contains(&to.impu));
        }
        if let Some(room) = room_after_burst(self.issued.len(), self.issued.capacity()) {
            self.issued.shrink_to(room);
        }
        unanswered
    }

    /// Makes a challenge from what the HSS sent: one WWW-Authenticate value for each algorithm, strongest first as the
    /// HSS has them.
    pub(crate) fn issue(
        &mut self,
        now: Mono,
        to: Registrant,
        credentials: &DigestCredentials,
        former: Nonce,
        random: &mut Random,
    ) -> Vec<String> {
        let realm = self.realms.share((&*credentials.realm).into());
        let issued = Issued { to, realm, ha1s: secrets(credentials), failures: 0, count: 0 };
        self.remember(now, issued, random.secret(), former)
    }

    /// The nonce that this REGISTER answers goes on with the credentials of the username it gives: the first REGISTER
    /// had none, and the username is part of the digest.
    pub(crate) fn adopt(&mut self, message: &Message, impi: Impi, credentials: &DigestCredentials) {
        let issued = self.chosen(message).and_then(|answer| self.issued.get_mut(answer.nonce));
        if let Some(issued) = issued {
            issued.to.impi = impi;
            issued.ha1s = secrets(credentials);
        }
    }

    /// Challenges again after a wrong answer, without asking the HSS.
    pub(crate) fn again(&mut self, now: Mono, message: &Message, random: &mut Random) -> Option<Vec<String>> {
        let nonce = self.chosen(message)?.nonce;
        self.deadlines.cancel(&nonce.into());
        let mut issued = self.issued.remove(nonce)?;
        issued.count = 0;
        Some(self.remember(now, issued, random.secret(), Nonce::NotStale))
    }

    fn remember(&mut self, now: Mono, issued: Issued, nonce: String, former: Nonce) -> Vec<String> {
        if self.issued.len() >= MAX_NONCES {
            let first = self.deadlines.pop_due(Mono::at(Duration::MAX));
            self.crowded_out += 1;
            first.map(|first| self.issued.remove(&first));
        }
        let values = values(&issued, &nonce, former);
        let nonce: Arc<str> = nonce.into();
        self.deadlines.set(nonce.clone(), now + NONCE_LIFE);
        self.issued.insert(nonce, issued);
        values
    }

    /// Checks the credentials of a REGISTER for this user.
    pub(crate) fn check(&mut self, message: &Message, user: &Registrant) -> Check {
        let Some(credentials) = self.chosen(message).filter(|credentials| !credentials.response.is_empty())
        else {
            return Check::Absent;
        };
        let chosen = self.issued.get(credentials.nonce).filter(|issued| issued.to.impu == user.impu);
        let Some(chosen) = chosen else { return Check::Stale };
        if chosen.to.impi != user.impi {
            return Check::OtherUsername;
        }
        let is_right = chosen.is_right(&credentials);
        self.count_wrong(message, user);
        let Some(issued) = self.issued.get_mut(credentials.nonce) else { return Check::Stale };
        if !is_right {
            let same_realm = *credentials.realm == *issued.realm;
            let is_last = issued.failures >= MAX_FAILURES;
            return if is_last { Check::WrongForGood { same_realm } } else { Check::Wrong };
        }
        if !issued.is_fresh(&credentials) {
            return Check::Stale;
        }
        issued.count = count(&credentials).unwrap_or(1);
        issued.failures = 0;
        Check::Right { same_uri: is_registrar(credentials.uri, message) }
    }

    /// Each wrong answer is a guess, whichever of several challenges it is for, and whatever stands beside it.
    fn count_wrong(&mut self, message: &Message, user: &Registrant) {
        for credentials in Credentials::all(message)
            .filter(|credentials| !credentials.response.is_empty())
            .take(MAX_CREDENTIALS)
        {
            let issued = self.issued.get_mut(credentials.nonce);
            let issued = issued.filter(|issued| issued.to == *user);
            if let Some(issued) = issued.filter(|issued| !issued.is_right(&credentials)) {
                issued.failures = issued.failures.saturating_add(1);
            }
        }
    }

    /// Which of the credentials in a REGISTER count: those that are right, else those that answer a challenge of ours, else
    /// those for our realm. Where all are for others there are none.
    fn chosen<'a>(&self, message: &'a Message) -> Option<Credentials<'a>> {
        let is_ours = |credentials: &Credentials<'_>| credentials.realm.eq_ignore_ascii_case(&self.realm);
        // A challenge to somebody else is none of this user's.
        let impu = message.to_uri().and_then(|to| Impu::new(to.as_str()).ok());
        let issued_to = |credentials: &Credentials<'_>| {
            self.issued.get(credentials.nonce).filter(|issued| Some(&issued.to.impu) == impu.as_ref())
        };
        let rank = |credentials: &Credentials<'_>| {
            let issued = issued_to(credentials);
            let is_right =
                issued.is_some_and(|issued| issued.is_right(credentials) && issued.is_fresh(credentials));
            let is_of_realm = issued.is_some_and(|issued| *issued.realm == *credentials.realm);
            (is_right, is_of_realm, issued.is_some(), is_ours(credentials))
        };
        let counts = |credentials: &Credentials<'_>| is_ours(credentials) || issued_to(credentials).is_some();
        let mut all = Credentials::all(message).filter(counts).take(MAX_CREDENTIALS);
        let first = all.next()?;
        // Nearly always there is nothing to choose from, and no digest is made here. Of equals the first is taken.
        Some(all.fold(first, |best, next| if rank(&next) > rank(&best) { next } else { best }))
    }

    /// Forgets the challenge that this REGISTER answers.
    pub(crate) fn forget(&mut self, message: &Message) {
        if let Some(credentials) = self.chosen(message) {
            self.deadlines.cancel(&credentials.nonce.into());
            self.issued.remove(credentials.nonce);
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

/// How often its sender has used this nonce. Without a quality of protection the count is not part of the digest, and anybody
/// could raise it.
fn count(credentials: &Credentials<'_>) -> Option<u32> {
    let counted = credentials.nc.filter(|_| credentials.qop.is_some() && credentials.cnonce.is_some());
    counted.map(|nc| u32::from_str_radix(nc, 16).unwrap_or(0))
}

fn values(issued: &Issued, nonce: &str, former: Nonce) -> Vec<String> {
    let stale = former == Nonce::Stale;
    let value = |algorithm: DigestAlgorithm| {
        let realm = &issued.realm;
        Challenge { realm, nonce, algorithm: Some(algorithm), qop_auth: true, opaque: None, stale }
            .to_string()
    };
    issued.ha1s.iter().filter_map(spoken).map(value).collect()
}
