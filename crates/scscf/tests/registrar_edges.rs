//! The registrar where two things meet: REGISTERs that cross, identities that are not the default one.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test helper may fail its test"
)]

mod common;

use common::*;
use cx_protocol::{DefaultHandling, Request, ResultCode, SarType};
use sip_message::HeaderName;
use std::time::Duration;

#[test]
fn rfc5627_5_1_the_gruu_is_of_the_identity_that_is_registered() {
    let mut desk = registered_with_gruu();
    for (number, user) in [(10, "alias"), (20, "alice")] {
        let named = |text: String| text.replace("To: <sip:alice@", &format!("To: <sip:{user}@"));
        desk.receive(0, address(ICSCF), named(register(number, INSTANCE)));
        assert!(matches!(desk.asked(), Some(Request::Mar(_))));
        desk.hss(Ok(maa()));
        let (_, challenge) = desk.sent().unwrap();
        let answer = authorization(&challenge.list_of_challenges()[0], "alice-secret", 1);
        desk.receive(0, address(ICSCF), named(register(number + 1, &format!("{INSTANCE}{answer}"))));
        if user == "alias" {
            // The first REGISTER named nobody, and was taken for that of an account called as the identity.
            assert!(matches!(desk.asked(), Some(Request::Mar(_))));
            desk.hss(Ok(maa()));
        }
        desk.hss(Ok(saa(DefaultHandling::Terminated)));
        let (_, response) = desk.sent().unwrap();
        let value = response.value(HeaderName::Contact).unwrap();
        let gruu = format!("pub-gruu=\"sip:{user}@home1.test;gr=urn:uuid:1\"");
        assert!(value.contains(&gruu), "{value}");
        desk.clear();
    }
}

/// Two REGISTERs wait for the HSS at a time; each has its own credentials.
#[test]
fn reg_s_08_registers_that_cross_a_deregistration_are_answered() {
    let gone = format!("{CONTACT}Expires: 0\r\n");
    for (second, statuses) in [(gone.clone(), [200, 200]), (CONTACT.to_owned(), [200, 200])] {
        let mut desk = registered();
        let challenges = [(10, &gone), (12, &second)].map(|(number, headers)| {
            let challenges = challenged(&mut desk, number, headers);
            register(number + 1, &format!("{headers}{}", authorization(&challenges[0], "alice-secret", 1)))
        });
        for register in challenges {
            desk.receive(0, address(ICSCF), register);
        }
        desk.clear();
        desk.hss(Ok(saa_result(ResultCode::Success)));
        // A de-registration brings no profile.
        let leaves = second == gone;
        desk.hss(Ok(if leaves { saa_result(ResultCode::Success) } else { saa(DefaultHandling::Terminated) }));
        let mut said = Vec::new();
        while let Some((_, message)) = desk.sent() {
            said.extend(message.status().map(|status| status.code()));
        }
        assert_eq!(said, statuses, "{second}");
    }
}

#[test]
fn reg_s_02_a_challenge_that_nobody_answers_is_given_up_and_the_hss_knows() {
    let mut desk = desk();
    challenged(&mut desk, 1, CONTACT);
    challenged(&mut desk, 2, CONTACT);
    desk.pass(Duration::from_secs(3600));
    let mut told = 0;
    while let Some(asked) = desk.asked() {
        let Request::Sar(sar) = asked else { panic!("{asked:?}") };
        assert_eq!((sar.kind, sar.impu.as_str()), (SarType::AuthenticationTimeout, "sip:alice@home1.test"));
        desk.hss(Ok(saa_result(ResultCode::Success)));
        told += 1;
    }
    assert!((1..=2).contains(&told), "{told}");

    let mut desk = registered();
    challenged(&mut desk, 9, CONTACT);
    desk.pass(Duration::from_secs(1800));
    assert_eq!(desk.asked(), None, "whoever is registered is not waited for");
}
