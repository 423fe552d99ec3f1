//! What a user may still do who has just left (rule RT-SO-03, RFC 3903 section 4.5), without a network.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test helper may fail its test"
)]

mod common;

use common::*;
use cx_protocol::{Impi, Request, Rtr, RtrReason};
use ims_node::{HssRequestId, Input};
use scscf::{Cause, Scscf};
use std::time::Duration;
use testnet::Desk;

const ALICE: &str = "sip:alice@home1.test";

/// Alice's phone ends its registration.
fn leave(desk: &mut Desk<Scscf>) {
    register_alice(desk, 11, &CONTACT.replace(">", ">;expires=0"));
    assert_eq!(answer_third_party(desk), Some(0));
}

#[test]
fn rt_so_03_who_has_just_left_may_take_a_publication_back() {
    const UNPUBLISH: &str = "SIP-If-Match: e1\r\nExpires: 0\r\n";
    let alias = ORIG.replace("sip:alice@", "sip:alias@");
    let barred = ORIG.replace("sip:alice@", "sip:barred@");
    let has_left = refused(403, Cause::SenderNotRegistered);
    let rows = [
        ("PUBLISH", ORIG, UNPUBLISH, 0, None),
        ("PUBLISH", &*alias, UNPUBLISH, 31_999, None),
        ("PUBLISH", ORIG, UNPUBLISH, 32_000, has_left),
        ("PUBLISH", &*barred, UNPUBLISH, 0, refused(403, Cause::IdentityBarred)),
        ("PUBLISH", ORIG, "SIP-If-Match: e1\r\nExpires: 60\r\n", 0, has_left),
        ("PUBLISH", ORIG, "SIP-If-Match: e1\r\n", 0, has_left),
        ("PUBLISH", ORIG, "Expires: 0\r\n", 0, has_left),
        ("PUBLISH", ORIG, "", 0, has_left),
        ("SUBSCRIBE", ORIG, UNPUBLISH, 0, has_left),
        ("MESSAGE", ORIG, UNPUBLISH, 0, has_left),
    ];
    for (method, from, headers, after_ms, expected) in rows {
        let mut desk = registered();
        leave(&mut desk);
        desk.pass(Duration::from_millis(after_ms));
        desk.clear();
        desk.receive(0, address(PCSCF), request(method, ALICE, 21, &format!("{from}{headers}")));
        let (to, message) = desk.sent().unwrap();
        assert_eq!(refusal_in(&desk, &message), expected, "{method} {headers} {after_ms}");
        assert_eq!(to == address(PS), expected.is_none(), "by the same criteria as while registered");
    }
}

#[test]
fn rt_so_03_nobody_takes_a_publication_back_whom_the_network_has_taken_away() {
    let rtr = || {
        Request::Rtr(Rtr {
            impi: Impi::new("alice@home1.test").unwrap(),
            impus: Vec::new(),
            reason: RtrReason::PermanentTermination,
            reason_info: None,
        })
    };
    type End = fn(&mut Desk<Scscf>, Request);
    let taken: End = |desk, rtr| desk.input(Input::HssRequest { id: HssRequestId(1), request: rtr });
    let left_then_taken: End = |desk, rtr| {
        leave(desk);
        desk.input(Input::HssRequest { id: HssRequestId(1), request: rtr });
    };
    let expired: End = |desk, _| desk.pass(Duration::from_secs(700_000));
    for (what, end) in [("taken", taken), ("left, then taken", left_then_taken), ("expired", expired)] {
        let mut desk = registered();
        end(&mut desk, rtr());
        desk.clear();
        let headers = format!("{ORIG}SIP-If-Match: e1\r\nExpires: 0\r\n");
        desk.receive(0, address(PCSCF), request("PUBLISH", ALICE, 21, &headers));
        assert_eq!(desk.refusal(), refused(403, Cause::SenderNotRegistered), "{what}");
    }
}
