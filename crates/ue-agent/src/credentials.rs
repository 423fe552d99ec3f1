//! Answering a digest challenge (RFC 3261 section 22.2, RFC 7616, RFC 8760).

use crate::account::Account;
use ims_node::digest;
use sip_message::{Challenge, Credentials, DigestAlgorithm, HeaderName, Message};

/// A challenge kept, so that later requests can answer it before they are asked (RFC 7616 section 3.6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Challenged {
    realm: Box<str>,
    nonce: Box<str>,
    algorithm: DigestAlgorithm,
    qop_auth: bool,
    opaque: Option<Box<str>>,
    stale: bool,
    /// How often the nonce has been used.
    count: u32,
}

impl Challenged {
    /// The strongest challenge of a 401 that can be answered: SHA-256, then MD5.
    pub(crate) fn strongest(response: &Message) -> Option<Self> {
        let offered = response.values(HeaderName::WwwAuthenticate).filter_map(Challenge::parse);
        let answerable = offered.filter_map(|challenge| Some((challenge.algorithm?, challenge)));
        // The first of two equally strong ones, as the server prefers it.
        let best = answerable.reduce(|best, next| if next.0 > best.0 { next } else { best });
        best.map(|(algorithm, challenge)| Self {
            realm: challenge.realm.into(),
            nonce: challenge.nonce.into(),
            algorithm,
            qop_auth: challenge.qop_auth,
            opaque: challenge.opaque.map(Into::into),
            stale: challenge.stale,
            count: 0,
        })
    }

    /// Whether only the nonce of the request before was at fault.
    pub(crate) const fn is_stale(&self) -> bool {
        self.stale
    }

    /// The Authorization value for a request of this method to this URI; counts the nonce up.
    pub(crate) fn answer(&mut self, account: &Account, method: &str, uri: &str, cnonce: &str) -> String {
        self.count = self.count.saturating_add(1);
        let count = format!("{:08x}", self.count);
        let mut credentials = Credentials {
            username: account.impi(),
            realm: &self.realm,
            nonce: &self.nonce,
            uri,
            algorithm: Some(self.algorithm.as_str()),
            opaque: self.opaque.as_deref(),
            ..Credentials::default()
        };
        if self.qop_auth {
            (credentials.cnonce, credentials.qop, credentials.nc) =
                (Some(cnonce), Some("auth"), Some(count.as_str()));
        }
        let ha1 = digest::ha1(self.algorithm, account.impi(), &self.realm, account.password().as_str());
        let response = digest::response(self.algorithm, &ha1, method, &credentials);
        Credentials { response: &response, ..credentials }.to_string()
    }
}

/// What stands in the first REGISTER, which nobody has challenged yet (rule REG-U-01).
pub(crate) fn unchallenged(account: &Account, uri: &str) -> String {
    Credentials { username: account.impi(), realm: account.domain(), uri, ..Credentials::default() }
        .to_string()
}
