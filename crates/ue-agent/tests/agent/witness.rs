//! rsip as an independent witness: what we send reads the same through it as through us.

use crate::support::{OPEN, Ue, notify, secs};
use rsip::prelude::*;
use sip_message::{HeaderName, Message};

fn reads_alike(ours: &Message) {
    let rsip::SipMessage::Request(theirs) = ours.to_rsip().unwrap() else { panic!("a response") };
    assert_eq!(theirs.method.to_string(), ours.method().unwrap().as_str());
    assert_eq!(theirs.uri.to_string(), ours.request_uri_text());
    assert_eq!(theirs.body, ours.body());
    let from = theirs.from_header().unwrap().typed().unwrap();
    assert_eq!(from.uri.to_string(), ours.from_uri().unwrap().as_str());
    assert_eq!(from.tag().unwrap().value(), ours.from_tag().unwrap());
    let to = theirs.to_header().unwrap().typed().unwrap();
    assert_eq!(to.uri.to_string(), ours.to_uri().unwrap().as_str());
    assert_eq!(to.tag().map(|tag| tag.value().to_owned()), ours.to_tag().map(str::to_owned));
    let cseq = theirs.cseq_header().unwrap().typed().unwrap();
    assert_eq!((cseq.seq, cseq.method.to_string()), (ours.cseq(), ours.cseq_method().to_owned()));
    assert_eq!(theirs.call_id_header().unwrap().value(), ours.call_id());
    let via = theirs.via_header().unwrap().typed().unwrap();
    assert_eq!(via.branch().unwrap().value(), ours.branch().unwrap());
    assert_eq!(via.uri.to_string(), "127.0.10.31:5060");
    let hops = theirs.max_forwards_header().unwrap().num().unwrap();
    assert_eq!(Some(hops), ours.max_forwards().map(u32::from));
    let expires = theirs.expires_header().map(|expires| expires.seconds().unwrap());
    assert_eq!(expires, ours.expires());
    assert_eq!(theirs.headers.iter().count(), ours.header_lines().count());
}

#[test]
fn every_kind_of_request_reads_the_same_through_rsip() {
    let mut ue = Ue::new();
    ue.words("options").unwrap();
    let mut seen = ue.requests();
    ue.words("register").unwrap();
    let first = ue.request("REGISTER");
    ue.answer(&first, "401 Unauthorized", &crate::support::challenge("n1"));
    let second = ue.request("REGISTER");
    ue.answer(&second, "200 OK", &crate::support::granted(3600));
    ue.words("watch carol@home1.test").unwrap();
    let subscribe = ue.request("SUBSCRIBE");
    ue.answer(&subscribe, "200 OK", ";tag=ps1|Expires: 3600\r\n");
    ue.deliver(&notify(&subscribe, 1, "active;expires=100", OPEN));
    ue.pass(secs(91));
    let refresh = ue.request("SUBSCRIBE");
    ue.words("publish open --activity away back soon").unwrap();
    let publish = ue.request("PUBLISH");
    ue.words("message bob@home2.test hello").unwrap();
    let message = ue.request("MESSAGE");
    seen.extend([first, second, subscribe, refresh, publish, message]);
    assert_eq!(seen.len(), 7);
    seen.iter().for_each(reads_alike);
}

#[test]
fn the_digest_and_the_contact_as_rsip_sees_them() {
    let mut ue = Ue::new();
    ue.words("register").unwrap();
    let first = ue.request("REGISTER");
    // rsip has no word for SHA-256.
    let md5 = "WWW-Authenticate: Digest realm=\"home1.test\", nonce=\"n1\", algorithm=MD5, qop=\"auth\"\r\n";
    ue.answer(&first, "401 Unauthorized", md5);
    let register = ue.request("REGISTER");
    let rsip::SipMessage::Request(theirs) = register.to_rsip().unwrap() else { panic!("a response") };
    let digest = theirs.authorization_header().unwrap().typed().unwrap();
    assert_eq!((&*digest.username, &*digest.realm, &*digest.nonce), ("alice@home1.test", "home1.test", "n1"));
    assert_eq!(digest.uri.to_string(), "sip:home1.test");
    assert_eq!(digest.algorithm, Some(rsip::headers::auth::Algorithm::Md5));
    // rsip refuses a Contact with +sip.instance; that it is there is ours to say.
    assert!(register.value(HeaderName::Contact).unwrap().contains(";+sip.instance=\"<urn:uuid:"));
}
