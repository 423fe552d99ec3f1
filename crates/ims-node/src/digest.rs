//! Digest responses (RFC 3261 section 22.4, RFC 7616 section 3.4.1), for those who check them and those who give them.

use md5::Md5;
use sha2::{Digest as _, Sha256};
use sip_message::{Credentials, DigestAlgorithm};

/// H(username:realm:password) in hexadecimal: all that a registrar needs to keep of a password.
#[must_use]
pub fn ha1(algorithm: DigestAlgorithm, username: &str, realm: &str, password: &str) -> String {
    hash(algorithm, &format!("{username}:{realm}:{password}"))
}

/// The response that fits `credentials` (all their parameters but `response`), for a request of this method.
///
/// With a quality of protection its count and client nonce are in it; without one it is the form of RFC 2069.
#[must_use]
pub fn response(
    algorithm: DigestAlgorithm,
    ha1: &str,
    method: &str,
    credentials: &Credentials<'_>,
) -> String {
    let ha2 = hash(algorithm, &format!("{method}:{}", credentials.uri));
    let nonce = credentials.nonce;
    match (credentials.qop, credentials.nc, credentials.cnonce) {
        (Some(qop), Some(nc), Some(cnonce)) => {
            hash(algorithm, &format!("{ha1}:{nonce}:{nc}:{cnonce}:{qop}:{ha2}"))
        }
        _ => hash(algorithm, &format!("{ha1}:{nonce}:{ha2}")),
    }
}

fn hash(algorithm: DigestAlgorithm, text: &str) -> String {
    match algorithm {
        DigestAlgorithm::Md5 => hex(&Md5::digest(text)),
        DigestAlgorithm::Sha256 => hex(&Sha256::digest(text)),
    }
}

/// Bytes in lower-case hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(value.into(), 16).unwrap_or_default();
    let mut out = String::with_capacity(bytes.len() * 2);
    out.extend(bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(digit));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The worked example of RFC 7616 section 3.9.1.
    #[test]
    fn rfc7616_3_9_1_both_algorithms() {
        let credentials = Credentials {
            username: "Mufasa",
            realm: "http-auth@example.org",
            nonce: "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
            uri: "/dir/index.html",
            cnonce: Some("f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"),
            qop: Some("auth"),
            nc: Some("00000001"),
            ..Credentials::default()
        };
        for (algorithm, expected) in [
            (DigestAlgorithm::Md5, "8ca523f5e9506fed4657c9700eebdbec"),
            (DigestAlgorithm::Sha256, "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
        ] {
            let ha1 = ha1(algorithm, "Mufasa", "http-auth@example.org", "Circle of Life");
            assert_eq!(response(algorithm, &ha1, "GET", &credentials), expected);
        }
    }
}
