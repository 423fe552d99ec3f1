//! Addresses that one subscriber may choose among.

use std::net::{IpAddr, Ipv6Addr};

/// Bits of an IPv6 address that its owner may choose at will: a subscriber gets a prefix of 64 bits at least (RFC 6177).
const CHOSEN: u32 = 64;

/// What stands for everybody who may be the same subscriber as whoever has this address: the address itself, or its IPv6 prefix.
#[must_use]
pub fn site(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(ipv6) => ipv6
            .to_ipv4_mapped()
            .map_or_else(|| Ipv6Addr::from(u128::from(ipv6) >> CHOSEN << CHOSEN).into(), IpAddr::V4),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_addresses_of_one_prefix_are_one_site() {
        for (address, expected) in [
            ("192.0.2.1", "192.0.2.1"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
            ("2001:db8:1:2:ffff::", "2001:db8:1:2::"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
        ] {
            assert_eq!(site(address.parse().unwrap()), expected.parse::<IpAddr>().unwrap(), "{address}");
        }
    }
}
