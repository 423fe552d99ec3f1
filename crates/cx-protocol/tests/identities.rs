//! Identities are equal when their users are.

use cx_protocol::{BadIdentity, Impi, Impu, MAX_IDENTITY, ScscfName};

#[test]
fn rfc3261_10_3_public_identities_are_compared_in_canonical_form() {
    let table = [
        ("sip:alice@home1.test", "sip:alice@home1.test"),
        ("SIP:alice@HOME1.Test", "sip:alice@home1.test"),
        ("sips:alice@home1.test", "sip:alice@home1.test"),
        ("sip:Alice@home1.test", "sip:Alice@home1.test"),
        ("sip:alice@home1.test:5060;transport=tcp?Subject=x", "sip:alice@home1.test"),
        ("sip:alice:word@home1.test", "sip:alice@home1.test"),
        ("sip:%61lice@home1.test", "sip:alice@home1.test"),
        ("sip:a%2fb@home1.test", "sip:a%2Fb@home1.test"),
        ("sip:alice;day=tuesday@home1.test", "sip:alice;day=tuesday@home1.test"),
        ("sip:alice@[2001:DB8::1]:5060", "sip:alice@[2001:db8::1]"),
        ("sip:ps1.home1.test;lr", "sip:ps1.home1.test"),
        ("tel:+1-201-555-0123", "tel:+12015550123"),
        ("TEL:+1(201)555.0123;isub=1", "tel:+12015550123"),
        ("tel:*99#;phone-context=HOME1.test", "tel:*99#;phone-context=home1.test"),
        ("sip:+1(201)555-0123@HOME1.test:5060;user=phone", "tel:+12015550123"),
        ("sips:%2B12015550123@home1.test;transport=tcp;USER=PHONE", "tel:+12015550123"),
        ("sip:+12015550123@home1.test", "sip:+12015550123@home1.test"),
        ("sip:1001@home1.test;user=phone", "sip:1001@home1.test"),
    ];
    for (given, canonical) in table {
        assert_eq!(Impu::new(given).unwrap().as_str(), canonical, "{given}");
    }
}

#[test]
fn rfc5627_3_1_1_a_public_gruu_is_its_owners_identity() {
    let gruu = "sip:alice@home1.test;gr=urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6";
    assert_eq!(Impu::new(gruu), Impu::new("sip:alice@home1.test"));
}

#[test]
fn what_is_no_public_identity_says_why() {
    let long = format!("sip:{}@home1.test", "a".repeat(MAX_IDENTITY));
    let table = [
        ("", BadIdentity::Empty),
        (long.as_str(), BadIdentity::TooLong),
        ("alice@home1.test", BadIdentity::Scheme),
        ("pres:alice@home1.test", BadIdentity::Scheme),
        ("sip", BadIdentity::Scheme),
        ("sip:", BadIdentity::Host),
        ("sip:alice@", BadIdentity::Host),
        ("sip:alice@a@b", BadIdentity::Host),
        ("sip:alice@home1.test:port", BadIdentity::Host),
        ("sip:alice@[::g]", BadIdentity::Host),
        ("sip:alice@home1 test", BadIdentity::Host),
        ("sip:@home1.test", BadIdentity::User),
        ("sip:al%6@home1.test", BadIdentity::User),
        ("sip:al ice@home1.test", BadIdentity::User),
        ("<sip:alice@home1.test>", BadIdentity::Scheme),
        ("tel:", BadIdentity::Number),
        ("tel:alice", BadIdentity::Number),
        ("ſip:alice@home1.test", BadIdentity::Scheme),
    ];
    for (given, why) in table {
        assert_eq!(Impu::new(given), Err(why), "{given}");
    }
}

#[test]
fn the_domain_is_the_host_of_a_sip_identity() {
    assert_eq!(Impu::new("sip:alice@HOME1.test").unwrap().domain(), Some("home1.test"));
    assert_eq!(Impu::new("tel:+1201").unwrap().domain(), None);
}

#[test]
fn an_scscf_name_keeps_its_port_and_loses_its_parameters() {
    let table = [
        ("sip:scscf1a.home1.test", "sip:scscf1a.home1.test", "scscf1a.home1.test"),
        ("SIP:SCSCF1a.home1.test;lr", "sip:scscf1a.home1.test", "scscf1a.home1.test"),
        ("sip:scscf1a.home1.test:5062", "sip:scscf1a.home1.test:5062", "scscf1a.home1.test"),
        ("sip:orig@scscf1a.home1.test;lr", "sip:orig@scscf1a.home1.test", "scscf1a.home1.test"),
        ("sip:[::1]:5060;lr", "sip:[::1]:5060", "[::1]"),
    ];
    for (given, canonical, host) in table {
        let name = ScscfName::new(given).unwrap();
        assert_eq!((name.as_str(), name.host()), (canonical, host), "{given}");
    }
    assert_eq!(ScscfName::new("tel:+1"), Err(BadIdentity::Scheme));
}

#[test]
fn a_private_identity_is_taken_as_it_is() {
    assert_eq!(Impi::new("Alice@home1.test").unwrap().as_str(), "Alice@home1.test");
    assert_eq!(Impi::new(""), Err(BadIdentity::Empty));
    assert_eq!(Impi::new("a\r\nb"), Err(BadIdentity::User));
}

#[test]
fn identities_are_hidden_in_debug() {
    let shown = format!("{:?} {:?}", Impi::new("alice").unwrap(), Impu::new("sip:alice@home1.test").unwrap());
    assert!(!shown.contains("alice"), "{shown}");
}
