//! Digest challenges and credentials as header values (RFC 3261 section 22, RFC 7616, RFC 8760).
//!
//! Computing a response is not done here: this crate only reads and writes the text.

use crate::header_name::HeaderName;
use crate::raw::RawMessage;
use crate::text::{list, trim, unquote};
use std::fmt;

/// A digest algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DigestAlgorithm {
    /// What most softphones speak.
    Md5,
    /// RFC 7616.
    Sha256,
}

impl DigestAlgorithm {
    /// The token on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Sha256 => "SHA-256",
        }
    }

    /// Reads the token in any case.
    #[must_use]
    pub fn from_token(token: &str) -> Option<Self> {
        [Self::Md5, Self::Sha256].into_iter().find(|known| known.as_str().eq_ignore_ascii_case(token))
    }
}

/// The parameters of an Authorization value of scheme Digest; each as written, quotes taken off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "each field is the parameter it names (RFC 7616 section 3.4)")]
pub struct Credentials<'a> {
    pub username: &'a str,
    pub realm: &'a str,
    pub nonce: &'a str,
    pub uri: &'a str,
    pub response: &'a str,
    pub algorithm: Option<&'a str>,
    pub cnonce: Option<&'a str>,
    pub qop: Option<&'a str>,
    pub nc: Option<&'a str>,
    pub opaque: Option<&'a str>,
}

impl<'a> Credentials<'a> {
    /// Reads the value; `None` when the scheme is not Digest.
    #[must_use]
    pub fn parse(value: &'a str) -> Option<Self> {
        let mut read = Self::default();
        for (name, value) in parameters(value)? {
            let slot = match name.to_ascii_lowercase().as_str() {
                "username" => &mut read.username,
                "realm" => &mut read.realm,
                "nonce" => &mut read.nonce,
                "uri" => &mut read.uri,
                "response" => &mut read.response,
                "algorithm" => read.algorithm.insert(value),
                "cnonce" => read.cnonce.insert(value),
                "qop" => read.qop.insert(value),
                "nc" => read.nc.insert(value),
                "opaque" => read.opaque.insert(value),
                _ => continue,
            };
            *slot = value;
        }
        Some(read)
    }

    /// All Digest credentials of a request, which may have some for several realms, each on its own line (RFC 3261 sections
    /// 7.3.1 and 22.1); other schemes are passed over.
    pub fn all(request: &'a RawMessage) -> impl Iterator<Item = Self> {
        request.values(HeaderName::Authorization).filter_map(Self::parse)
    }

    /// Those that say who registers in `domain`: of its realm, or the only ones there are, for a domain may have a realm by
    /// another name. `None` where all are for others.
    #[must_use]
    pub fn for_domain(request: &'a RawMessage, domain: &str) -> Option<Self> {
        let mut all = Self::all(request);
        let only = all.next().filter(|_| all.next().is_none());
        Self::all(request).find(|credentials| credentials.realm.eq_ignore_ascii_case(domain)).or(only)
    }

    /// The algorithm; absent means MD5 (RFC 7616 section 3.3). `None` for one that is not spoken here.
    #[must_use]
    pub fn digest_algorithm(&self) -> Option<DigestAlgorithm> {
        self.algorithm.map_or(Some(DigestAlgorithm::Md5), DigestAlgorithm::from_token)
    }
}

impl fmt::Display for Credentials<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest username=\"{}\", realm=\"{}\"", self.username, self.realm)?;
        write!(f, ", nonce=\"{}\", uri=\"{}\", response=\"{}\"", self.nonce, self.uri, self.response)?;
        for (name, value, quoted) in [
            ("algorithm", self.algorithm, false),
            ("cnonce", self.cnonce, true),
            ("qop", self.qop, false),
            ("nc", self.nc, false),
            ("opaque", self.opaque, true),
        ] {
            match (value, quoted) {
                (Some(value), true) => write!(f, ", {name}=\"{value}\"")?,
                (Some(value), false) => write!(f, ", {name}={value}")?,
                (None, _) => {}
            }
        }
        Ok(())
    }
}

/// A WWW-Authenticate value of scheme Digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each field is the parameter it names (RFC 7616 section 3.3)")]
pub struct Challenge<'a> {
    pub realm: &'a str,
    pub nonce: &'a str,
    pub algorithm: Option<DigestAlgorithm>,
    /// Whether `auth` is among the qualities of protection offered.
    pub qop_auth: bool,
    pub opaque: Option<&'a str>,
    pub stale: bool,
}

impl<'a> Challenge<'a> {
    /// Reads the value; `None` when the scheme is not Digest. An algorithm not spoken here reads as `None`.
    #[must_use]
    pub fn parse(value: &'a str) -> Option<Self> {
        let mut read = Self {
            realm: "",
            nonce: "",
            algorithm: Some(DigestAlgorithm::Md5),
            qop_auth: false,
            opaque: None,
            stale: false,
        };
        for (name, value) in parameters(value)? {
            match name.to_ascii_lowercase().as_str() {
                "realm" => read.realm = value,
                "nonce" => read.nonce = value,
                "algorithm" => read.algorithm = DigestAlgorithm::from_token(value),
                "qop" => read.qop_auth = list(value).any(|one| one.eq_ignore_ascii_case("auth")),
                "opaque" => read.opaque = Some(value),
                "stale" => read.stale = value.eq_ignore_ascii_case("true"),
                _ => {}
            }
        }
        Some(read)
    }
}

impl fmt::Display for Challenge<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest realm=\"{}\", nonce=\"{}\"", self.realm, self.nonce)?;
        if let Some(algorithm) = self.algorithm {
            write!(f, ", algorithm={}", algorithm.as_str())?;
        }
        if self.qop_auth {
            f.write_str(", qop=\"auth\"")?;
        }
        if let Some(opaque) = self.opaque {
            write!(f, ", opaque=\"{opaque}\"")?;
        }
        if self.stale {
            f.write_str(", stale=true")?;
        }
        Ok(())
    }
}

fn parameters(value: &str) -> Option<impl Iterator<Item = (&str, &str)>> {
    let value = trim(value);
    let (scheme, rest) = value.split_at_checked("Digest".len())?;
    let begins = rest.is_empty() || rest.starts_with([' ', '\t', '\r']);
    (scheme.eq_ignore_ascii_case("Digest") && begins).then(|| {
        list(rest)
            .filter_map(|one| one.split_once('='))
            .map(|(name, value)| (trim(name), unquote(trim(value))))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc7616_3_9_1_credentials_read_and_write() {
        let text = "Digest username=\"Mufasa\", realm=\"http-auth@example.org\", nonce=\"7ypf/x=, y\", uri=\"/dir/index.html\", \
            response=\"753927fa\", algorithm=SHA-256, cnonce=\"f2/wE4q\", qop=auth, nc=00000001, opaque=\"FQhe/qaU\"";
        let read = Credentials::parse(text).unwrap();
        assert_eq!((read.username, read.nonce, read.nc), ("Mufasa", "7ypf/x=, y", Some("00000001")));
        assert_eq!(read.digest_algorithm(), Some(DigestAlgorithm::Sha256));
        assert_eq!(read.to_string(), text);
        assert_eq!(Credentials::parse("Basic abc"), None);
        assert_eq!(Credentials::parse("DigestX username=\"a\""), None);
    }

    #[test]
    fn sip_19_challenges_read_and_write() {
        let text = "Digest realm=\"home1.test\", nonce=\"abc\", algorithm=SHA-256, qop=\"auth\", stale=true";
        let read = Challenge::parse(text).unwrap();
        assert!(read.stale && read.qop_auth);
        assert_eq!(read.to_string(), text);
        assert_eq!(
            Challenge::parse("Digest realm=\"x\",nonce=\"y\",algorithm=AKAv1-MD5").unwrap().algorithm,
            None
        );
        assert_eq!(
            Challenge::parse("digest realm=\"x\",nonce=\"y\",qop=\"auth-int,auth\"").unwrap().algorithm,
            Some(DigestAlgorithm::Md5)
        );
    }
}
