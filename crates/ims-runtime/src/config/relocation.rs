//! Where the addresses of a configuration are in another network.
//!
//! The files of `config/` put every node on one machine. A relocation file says where the same nodes are elsewhere, as
//! its reader reaches them, and is all that a deployment in other networks has to write:
//!
//! ```toml
//! "127.0.10.13" = "10.77.1.13"             # an address
//! "127.0.10.11:5060" = "10.77.11.11:5060"  # one port of it, which goes before the address alone
//! ```
//!
//! It is applied to the text of a file, so that it holds for configurations and zone files alike; an address that it
//! does not name stays as it is.

use super::{ConfigError, Place, read_file};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::Path;

/// IPv4 addresses, alone or with a port, and what stands in their place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Relocation {
    addresses: BTreeMap<Ipv4Addr, Ipv4Addr>,
    ports: BTreeMap<SocketAddrV4, SocketAddrV4>,
}

impl Relocation {
    /// Reads a relocation file.
    ///
    /// # Errors
    /// [`ConfigError`], which names file, line and key.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = read_file(path)?;
        let malformed = |offset, key: Option<&str>, message: &str| ConfigError::Malformed {
            place: Place::new(path, &text, offset),
            key: key.map(Into::into),
            message: message.into(),
        };
        let entries: BTreeMap<String, String> = toml::from_str(&text)
            .map_err(|error| malformed(error.span().map_or(0, |span| span.start), None, error.message()))?;
        let mut relocation = Self::default();
        for (from, to) in &entries {
            if let (Ok(from), Ok(to)) = (from.parse(), to.parse()) {
                relocation.addresses.insert(from, to);
            } else if let (Ok(from), Ok(to)) = (from.parse(), to.parse()) {
                relocation.ports.insert(from, to);
            } else {
                let offset = text.find(from.as_str()).unwrap_or_default();
                return Err(malformed(offset, Some(from), "must be two IPv4 addresses, or two with ports"));
            }
        }
        Ok(relocation)
    }

    /// `text` with every address that is named put where it is here.
    #[must_use]
    pub fn apply(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(start) = rest.find(is_of_address) {
            let (before, found) = rest.split_at(start);
            let (address, after) = found.split_at(found.find(|c| !is_of_address(c)).unwrap_or(found.len()));
            out.push_str(before);
            let in_word = before.ends_with(|c: char| c.is_ascii_alphanumeric());
            rest = match address.parse().ok().filter(|_| !in_word) {
                Some(address) => self.put(address, after, &mut out),
                None => {
                    out.push_str(address);
                    after
                }
            };
        }
        out + rest
    }

    /// Writes what stands for `address`, and the port in `after` if it moves too; gives what is left.
    fn put<'a>(&self, address: Ipv4Addr, after: &'a str, out: &mut String) -> &'a str {
        let digits = after.strip_prefix(':').unwrap_or_default();
        let (digits, beyond) =
            digits.split_at(digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len()));
        let with_port =
            digits.parse().ok().and_then(|port| self.ports.get(&SocketAddrV4::new(address, port)));
        if let Some(to) = with_port {
            out.push_str(&to.to_string());
            return beyond;
        }
        out.push_str(&self.addresses.get(&address).unwrap_or(&address).to_string());
        after
    }
}

const fn is_of_address(c: char) -> bool {
    c.is_ascii_digit() || c == '.'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str) -> Result<Relocation, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        let shown = file.path().display().to_string();
        Relocation::load(file.path()).map_err(|error| error.to_string().replace(&shown, "FILE"))
    }

    #[test]
    fn addresses_move_alone_or_with_their_port_and_others_stay() {
        let relocation = load(
            "'127.0.10.1' = '10.77.1.1'\n'127.0.10.11' = '10.77.1.11'\n'127.0.10.11:5060' = '10.77.11.11:5070'",
        )
        .unwrap();
        let rows = [
            ("a = [\"127.0.10.1\", \"127.0.10.11\"]", "a = [\"10.77.1.1\", \"10.77.1.11\"]"),
            ("127.0.10.11:5060,127.0.10.11:5062", "10.77.11.11:5070,10.77.1.11:5062"),
            ("127.0.10.11:50600 127.0.10.11:x", "10.77.1.11:50600 10.77.1.11:x"),
            ("127.0.10.1:5060", "10.77.1.1:5060"),
            ("pcscf A 127.0.10.1\n", "pcscf A 10.77.1.1\n"),
            (
                "127.0.10.12 127.0.10.100 127.0.10. x127.0.10.1",
                "127.0.10.12 127.0.10.100 127.0.10. x127.0.10.1",
            ),
            ("1.127.0.10.1 v1.2 5 .", "1.127.0.10.1 v1.2 5 ."),
            ("", ""),
        ];
        for (text, moved) in rows {
            assert_eq!(relocation.apply(text), moved);
        }
    }

    #[test]
    fn what_is_no_pair_of_addresses_is_refused_with_its_line() {
        let reason = "must be two IPv4 addresses, or two with ports";
        for text in
            ["'127.0.0.1' = '10.0.0.1:5060'", "'127.0.0.1' = 'icscf1'", "'127.0.0.1:99999' = '1.2.3.4:1'"]
        {
            let error = load(&format!("# where\n{text}")).unwrap_err();
            assert!(error.starts_with("FILE:2:2: 127.0.0.1") && error.ends_with(reason), "{error}");
        }
        assert!(load("'127.0.0.1' = 1").unwrap_err().starts_with("FILE:1:15: "));
    }
}
