//! MAR: what an S-CSCF needs to authenticate a user by digest.

use crate::{Impi, Impu, ResultCode, ScscfName};
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};
use std::fmt;

/// How the user is to be authenticated (TS 29.229 §6.3.9).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum AuthScheme {
    /// The S-CSCF does not know: the HSS chooses.
    #[n(0)]
    Unknown,
    /// SIP Digest (RFC 3261 §22, RFC 8760).
    #[n(1)]
    SipDigest,
    /// HTTP Digest AKA (RFC 3310).
    #[n(2)]
    DigestAkaV1Md5,
}

/// Multimedia-Auth-Request.
///
/// It makes the HSS remember the S-CSCF for a registration that is being authenticated.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Mar {
    /// The username that will be used in the digest.
    #[n(1)]
    pub impi: Impi,
    /// The identity to be registered.
    #[n(2)]
    pub impu: Impu,
    /// The S-CSCF that asks.
    #[n(3)]
    pub server_name: ScscfName,
    /// How it wants to authenticate.
    #[n(9)]
    pub scheme: AuthScheme,
}

/// Multimedia-Auth-Answer: 2001 with credentials, or 5001, 5002, 5006.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Maa {
    /// How it ended.
    #[n(0)]
    pub result: ResultCode,
    /// Present on success.
    #[n(8)]
    pub digest: Option<DigestCredentials>,
}

/// What a digest of one username is verified with. Keys: 0 realm, 1 HA1s.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct DigestCredentials {
    /// The realm of the challenge.
    #[n(0)]
    pub realm: Box<str>,
    /// One an algorithm, in the order in which they are to be challenged (RFC 8760 §2.3: preferred first).
    #[n(1)]
    pub ha1s: Vec<Ha1>,
}

/// A digest algorithm (RFC 7616 §6.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum DigestAlgorithm {
    /// `MD5`, which softphones speak.
    #[n(0)]
    Md5,
    /// `SHA-256`.
    #[n(1)]
    Sha256,
}

impl DigestAlgorithm {
    /// Its name in a challenge.
    #[must_use]
    pub const fn token(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Sha256 => "SHA-256",
        }
    }

    /// The algorithm of that name, in any case.
    #[must_use]
    pub fn from_token(token: &str) -> Option<Self> {
        [Self::Md5, Self::Sha256].into_iter().find(|known| known.token().eq_ignore_ascii_case(token))
    }

    /// Octets of its hash.
    #[must_use]
    pub const fn hash_len(self) -> usize {
        match self {
            Self::Md5 => 16,
            Self::Sha256 => 32,
        }
    }
}

/// The hash of `username:realm:password` (RFC 7616 §3.4.2): as good as the password, so hidden in `Debug`.
/// Keys: 0 algorithm, 1 hash.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Ha1 {
    #[n(0)]
    algorithm: DigestAlgorithm,
    #[n(1)]
    hash: ByteVec,
}

impl Ha1 {
    /// A hash of the length that its algorithm makes; `None` for another length.
    #[must_use]
    pub fn new(algorithm: DigestAlgorithm, hash: &[u8]) -> Option<Self> {
        (hash.len() == algorithm.hash_len()).then(|| Self { algorithm, hash: hash.to_vec().into() })
    }

    /// What it was made with.
    #[must_use]
    pub const fn algorithm(&self) -> DigestAlgorithm {
        self.algorithm
    }

    /// The octets; 16 or 32 of them, unless a peer sent another number, which then verifies nothing.
    #[must_use]
    pub fn hash(&self) -> &[u8] {
        &self.hash
    }

    /// The hash in lower-case hexadecimal, as the digest calculation takes it.
    #[must_use]
    pub fn to_hex(&self) -> String {
        self.hash.iter().map(|octet| format!("{octet:02x}")).collect()
    }
}

impl fmt::Debug for Ha1 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ha1({}, <hidden>)", self.algorithm.token())
    }
}
