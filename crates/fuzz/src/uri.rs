//! URIs and what identities are made of them.

use crate::pieces;
use cx_protocol::{Impi, Impu, ScscfName};
use presence_document::same_user;
use sip_message::{Host, NameAddr, Uri, Via};
use std::hash::{DefaultHasher, Hasher as _};

/// Two texts, cut at a NUL. What is a URI reads back as itself; comparison is reflexive and symmetric, and what compares
/// equal is one user under one address of record; canonical forms are their own canonical forms.
pub fn uri(bytes: &[u8]) {
    let mut texts = pieces(bytes).filter_map(|piece| std::str::from_utf8(piece).ok());
    let (Some(one), other) = (texts.next(), texts.next().unwrap_or_default()) else { return };
    for text in [one, other] {
        alone(text);
        canonical(text);
    }
    assert_eq!(same_user(one, other), same_user(other, one));
    if let (Ok(one), Ok(other)) = (Uri::parse(one), Uri::parse(other)) {
        assert_eq!(one.is_equivalent(&other), other.is_equivalent(&one), "{one} {other}");
        if one == other {
            assert_eq!(hash(&one), hash(&other));
        }
        if one.is_equivalent(&other) {
            assert_eq!(one.address_of_record(), other.address_of_record());
        }
    }
    if let (Ok(one), Ok(other)) = (Impu::new(one), Impu::new(other)) {
        assert_eq!(one == other, hash(&one) == hash(&other));
    }
}

fn hash(value: &impl std::hash::Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

fn alone(text: &str) {
    if let Ok(uri) = Uri::parse(text) {
        assert_eq!(Uri::parse(uri.as_str()).as_ref(), Ok(&uri));
        assert!(uri.is_equivalent(&uri), "{uri}");
        let _ = (uri.host(), uri.address(), uri.user(), uri.headers(), uri.transport());
        let record = uri.address_of_record();
        let again = Uri::parse(&record).map(|record| record.address_of_record());
        assert_eq!(again.as_ref(), Ok(&record), "{uri}");
        if uri.is_sip() && text.len() < 4096 {
            let with = uri.with_param("fuzz", Some("1"));
            assert!(with.params().get("fuzz").is_some(), "{uri}");
            assert!(!with.without_param("FUZZ").params().has("fuzz"), "{uri}");
        }
    }
    if let Ok(address) = NameAddr::parse(text) {
        let _ = (address.display(), address.uri(), address.tag());
    }
    if let Ok(via) = Via::parse(text) {
        let _ = (via.host(), via.address(), via.port(), via.branch(), via.received(), via.rport());
    }
    if let Ok(host) = Host::parse(text) {
        assert_eq!(Host::parse(&host.to_string()), Ok(host));
    }
}

fn canonical(text: &str) {
    if let Ok(impu) = Impu::new(text) {
        assert_eq!(Impu::new(impu.as_str()).as_ref(), Ok(&impu));
        // Whoever is written with escapes that are no text is nobody to the rules.
        assert!(impu.as_str().contains('%') || same_user(impu.as_str(), impu.as_str()), "{impu:?}");
        let _ = Impi::derived(text);
    }
    if let Ok(name) = ScscfName::new(text) {
        assert_eq!(ScscfName::new(name.as_str()).as_ref(), Ok(&name));
    }
    if let Ok(impi) = Impi::new(text) {
        assert_eq!(Impi::new(impi.as_str()).as_ref(), Ok(&impi));
    }
}
