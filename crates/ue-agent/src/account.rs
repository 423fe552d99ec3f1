//! Who the user is.

use sip_message::{Host, Uri};
use std::fmt;

/// A user's identities and password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    impu: Uri,
    impi: Box<str>,
    password: Password,
}

/// A password; `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(Box<str>);

impl Password {
    /// The password as typed.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(<hidden>)")
    }
}

/// Why an account cannot be; the user's to mend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadAccount {
    /// The user is no `name@domain`.
    User,
    /// The private identity is empty or holds a quote, a space or a control character.
    Impi,
}

impl fmt::Display for BadAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::User => "the user must be name@domain",
            Self::Impi => "the private identity must be one word without quotes",
        })
    }
}

impl std::error::Error for BadAccount {}

impl Account {
    /// The account of `user` (`name@domain`, `sip:` before it or not). Without `impi` the private identity is
    /// `name@domain` too.
    ///
    /// # Errors
    /// [`BadAccount`] says which part cannot be.
    pub fn new(user: &str, impi: Option<&str>, password: Password) -> Result<Self, BadAccount> {
        let impu = sip_uri(user).ok_or(BadAccount::User)?;
        let plain = impu.user().is_some() && impu.params().iter().next().is_none() && impu.port().is_none();
        if !plain || !matches!(impu.host(), Some(Host::Name(_))) {
            return Err(BadAccount::User);
        }
        let name = short(impu.as_str()).to_owned();
        let impi = impi.unwrap_or(&name);
        if impi.is_empty() || impi.bytes().any(|b| b <= b' ' || matches!(b, b'"' | b'\\' | 0x7f)) {
            return Err(BadAccount::Impi);
        }
        Ok(Self { impi: impi.into(), impu, password })
    }

    /// The public identity.
    #[must_use]
    pub const fn impu(&self) -> &Uri {
        &self.impu
    }

    /// The private identity: the username of the digest.
    #[must_use]
    pub fn impi(&self) -> &str {
        &self.impi
    }

    /// The home domain, which is the realm too.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.impu.host_text()
    }

    pub(crate) const fn password(&self) -> &Password {
        &self.password
    }
}

/// A SIP URI as people write it, with its scheme or without.
pub(crate) fn sip_uri(text: &str) -> Option<Uri> {
    let with_scheme = Uri::parse(text).ok().filter(Uri::is_sip);
    with_scheme.or_else(|| Uri::parse(&format!("sip:{text}")).ok()).filter(|uri| uri.headers().is_none())
}

/// A SIP URI as people read it: without its scheme.
pub(crate) fn short(uri: &str) -> &str {
    uri.strip_prefix("sip:").unwrap_or(uri)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_known_by_name_and_domain() {
        let account = |user, impi| Account::new(user, impi, Password::new("x"));
        for user in ["alice@home1.test", "sip:alice@home1.test"] {
            let alice = account(user, None).unwrap();
            assert_eq!(alice.impu().as_str(), "sip:alice@home1.test");
            assert_eq!((alice.impi(), alice.domain()), ("alice@home1.test", "home1.test"));
        }
        assert_eq!(account("alice@home1.test", Some("alice")).unwrap().impi(), "alice");
        for user in
            ["alice", "home1.test", "alice@127.0.0.1", "alice@home1.test:5060", "alice@home1.test;a=b", ""]
        {
            assert_eq!(account(user, None), Err(BadAccount::User), "{user}");
        }
        assert_eq!(account("alice@home1.test", Some("a\"b")), Err(BadAccount::Impi));
        assert_eq!(format!("{:?}", Password::new("secret")), "Password(<hidden>)");
    }
}
