//! Hello: who each side is, and the proof that it has the domain's secret.

use hmac::{Hmac, KeyInit, Mac};
use minicbor::bytes::ByteArray;
use minicbor::{Decode, Encode};
use sha2::Sha256;
use std::fmt;

/// Octets of a hello nonce.
pub const NONCE_LEN: usize = 32;

/// Octets of a host or realm name (RFC 1035 §2.3.4).
const MAX_NAME: usize = 255;

/// Which side of the TCP connection this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It opened the connection: a CSCF or an application server.
    Initiator,
    /// It accepted the connection: the HSS.
    Acceptor,
}

impl Role {
    const fn octet(self) -> u8 {
        match self {
            Self::Initiator => b'I',
            Self::Acceptor => b'A',
        }
    }

    const fn other(self) -> Self {
        match self {
            Self::Initiator => Self::Acceptor,
            Self::Acceptor => Self::Initiator,
        }
    }
}

/// The secret that the nodes of a domain share. Hidden in `Debug`.
#[derive(Clone)]
pub struct Secret(Hmac<Sha256>);

impl Secret {
    /// Takes the secret's octets; `None` if there are none, because then everybody has it.
    #[must_use]
    pub fn new(octets: &[u8]) -> Option<Self> {
        if octets.is_empty() {
            return None;
        }
        Hmac::new_from_slice(octets).ok().map(Self)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(<hidden>)")
    }
}

/// Who this side is.
#[derive(Debug, Clone)]
pub struct LocalPeer {
    /// Who opened the connection.
    pub role: Role,
    /// Its name, in an S-CSCF the host of its S-CSCF name: RTR and PPR find their connection by it.
    pub host: Box<str>,
    /// Its domain.
    pub realm: Box<str>,
    /// The domain's secret.
    pub secret: Secret,
    /// Fresh random octets, for this one connection.
    pub nonce: [u8; NONCE_LEN],
}

/// The body of a hello request.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(crate) struct Hello {
    #[n(20)]
    pub(crate) host: Box<str>,
    #[n(21)]
    pub(crate) realm: Box<str>,
    #[n(22)]
    pub(crate) version: u8,
    #[n(23)]
    nonce: ByteArray<NONCE_LEN>,
}

/// The body of a hello answer.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(crate) struct Proof {
    #[n(0)]
    pub(crate) result: crate::ResultCode,
    #[n(24)]
    mac: Option<ByteArray<32>>,
}

impl Hello {
    pub(crate) fn of(local: &LocalPeer, version: u8) -> Self {
        let host = local.host.to_ascii_lowercase().into();
        let realm = local.realm.to_ascii_lowercase().into();
        Self { host, realm, version, nonce: local.nonce.into() }
    }

    /// Whether its names could be names.
    pub(crate) fn is_plausible(&self) -> bool {
        let plausible = |name: &str| {
            !name.is_empty() && name.len() <= MAX_NAME && name.bytes().all(|octet| octet.is_ascii_graphic())
        };
        plausible(&self.host) && plausible(&self.realm)
    }
}

/// Our answer to the peer's hello.
pub(crate) fn prove(local: &LocalPeer, peer: &Hello) -> Proof {
    let host = local.host.to_ascii_lowercase();
    let mac = keyed(local, peer, local.role, &host).finalize().into_bytes();
    let mac: [u8; 32] = mac.into();
    Proof { result: crate::ResultCode::Success, mac: Some(mac.into()) }
}

/// Whether the peer's answer to our hello shows that it has our secret. Takes the same time wherever it is wrong.
pub(crate) fn verify(local: &LocalPeer, peer: &Hello, proof: &Proof) -> bool {
    let Some(mac) = &proof.mac else { return false };
    keyed(local, peer, local.role.other(), &peer.host).verify_slice(&mac[..]).is_ok()
}

/// The code over what `prover` proves with, as both sides compute it.
fn keyed(local: &LocalPeer, peer: &Hello, prover: Role, host: &str) -> Hmac<Sha256> {
    let theirs: &[u8] = &peer.nonce[..];
    let (initiator, acceptor) = match local.role {
        Role::Initiator => (local.nonce.as_slice(), theirs),
        Role::Acceptor => (theirs, local.nonce.as_slice()),
    };
    let mut mac = local.secret.0.clone();
    mac.update(&[prover.octet()]);
    mac.update(initiator);
    mac.update(acceptor);
    mac.update(host.as_bytes());
    mac
}
