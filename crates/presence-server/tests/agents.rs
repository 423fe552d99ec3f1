//! PUB-12, GW-01: who may publish for others, as the HSS says.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test helper may fail its test"
)]

mod support;

use cx_protocol::{
    Answer, CxFailure, Impi, ImplicitRegistrationSet, Impu, Ppr, PublicIdentity, ResultCode, ServiceProfile,
    Uda,
};
use ims_node::{HssRequestId, Input, NodeCause};
use presence_server::{Cause, PresenceServerSettings, PublishesForOthers};
use std::time::Duration;
use support::{CAROL, ERIN, Fate, OK, Ps, Request, SCSCF, by_dialog, carols_friends, pidf, publish, refused};

const GATEWAY: &str = "sip:gateway.home1.test";

/// A presence server whose HSS names the gateway for Carol.
fn with_hss() -> Ps {
    let settings = PresenceServerSettings { for_others: PublishesForOthers::AsHssSays, ..by_dialog() };
    Ps::new(settings, carols_friends())
}

fn by(publisher: &str, presentity: &str) -> Request {
    publish(presentity).with("P-Asserted-Identity", publisher).body(&pidf("open"))
}

/// What the HSS answers the question that waits; the fate of the request that it was for.
fn hss_says(ps: &mut Ps, result: ResultCode, agents: &[&str]) -> Fate {
    let Some(cx_protocol::Request::Udr(udr)) = ps.asked() else { panic!("{:?}", ps.asked()) };
    let agents = agents.iter().map(|agent| Impu::new(agent).unwrap()).collect();
    let impus = vec![udr.impu];
    let uda = Uda { result, server_name: None, impus, state: None, presence_server: None, agents };
    ps.hss(Ok(Answer::Uda(uda)));
    let sent = ps.sent();
    ps.fate_in(&sent[0])
}

#[test]
fn pub_12_without_an_hss_only_the_user_itself_publishes() {
    let mut ps = Ps::usual();
    let not_allowed = refused(403, Cause::PublisherNotAllowed);
    let by_nobody = publish(CAROL).without("P-Asserted-Identity").body(&pidf("open"));
    let table = [
        (by("<sip:carol@home1.test>", CAROL), OK),
        (by("<tel:+1201>, <sip:carol@home1.test>", CAROL), OK),
        (by("<sip:alice@home1.test>", CAROL), not_allowed),
        (by("<sip:carol@home2.test>", CAROL), not_allowed),
        (by("<sip:gateway.home1.test>", CAROL), not_allowed),
        (by_nobody, refused(403, Cause::NoAssertedIdentity)),
    ];
    for (request, expected) in table {
        assert_eq!(ps.fate(&request), expected);
    }
    assert_eq!(ps.asked(), None);
}

#[test]
fn pub_12_the_hss_names_who_publishes_for_whom_and_is_asked_once() {
    let mut ps = with_hss();
    let gateway = format!("<{GATEWAY}>");
    let not_allowed = refused(403, Cause::PublisherNotAllowed);
    ps.hand_in(SCSCF, &by(&gateway, CAROL));
    assert_eq!(hss_says(&mut ps, ResultCode::Success, &[GATEWAY]), OK);
    for (publisher, expected) in [(&*gateway, OK), ("<sip:alice@home1.test>", not_allowed)] {
        assert_eq!(ps.fate(&by(publisher, CAROL)), expected);
    }
    // One whom the HSS does not know, one for whom it names nobody, and an HSS that does not answer.
    ps.hand_in(SCSCF, &by(&gateway, "sip:nobody@home1.test"));
    assert_eq!(hss_says(&mut ps, ResultCode::UserUnknown, &[]), not_allowed);
    ps.hand_in(SCSCF, &by(&gateway, ERIN));
    assert_eq!(hss_says(&mut ps, ResultCode::Success, &["sip:other.home1.test"]), not_allowed);
    ps.hand_in(SCSCF, &by(&gateway, "sip:frank@home1.test"));
    assert_eq!(hss_says(&mut ps, ResultCode::TooBusy, &[]), refused(504, NodeCause::HssCannotTell));
    ps.hand_in(SCSCF, &by(&gateway, "sip:frank@home1.test"));
    ps.hss(Err(CxFailure::Timeout));
    let sent = ps.sent();
    assert_eq!(ps.fate_in(&sent[0]), refused(504, NodeCause::HssSilent));
}

#[test]
fn pub_12_what_the_hss_has_said_counts_until_it_says_otherwise_or_nobody_hears_it() {
    let mut ps = with_hss();
    let gateway = format!("<{GATEWAY}>");
    let identities = ImplicitRegistrationSet {
        identities: vec![PublicIdentity { impu: Impu::new(CAROL).unwrap(), barred: false, display: None }],
    };
    let profile = ServiceProfile { identities, criteria: Vec::new() };
    let pushed = cx_protocol::Request::Ppr(Ppr { impi: Impi::new("carol").unwrap(), profile });
    let ends: [fn(&mut Ps, cx_protocol::Request); 3] = [
        |ps, pushed| ps.input(Input::HssRequest { id: HssRequestId(1), request: pushed }),
        |ps, _| ps.input(Input::HssLost),
        |ps, _| ps.pass(Duration::from_secs(300)),
    ];
    for end in ends {
        ps.hand_in(SCSCF, &by(&gateway, CAROL));
        assert_eq!(hss_says(&mut ps, ResultCode::Success, &[GATEWAY]), OK);
        end(&mut ps, pushed.clone());
    }
    ps.hand_in(SCSCF, &by(&gateway, CAROL));
    assert!(ps.asked().is_some());
}

#[test]
fn gw_01_an_agents_repeat_gets_the_same_answer_however_late_and_after_a_restart() {
    let mut ps = with_hss();
    let request = by(&format!("<{GATEWAY}>"), CAROL).call_id("update-1");
    ps.hand_in(SCSCF, &request);
    hss_says(&mut ps, ResultCode::Success, &[GATEWAY]);
    ps.pass(Duration::from_secs(200));
    let settings = PresenceServerSettings { for_others: PublishesForOthers::AsHssSays, ..by_dialog() };
    let mut ps = ps.restarted(60, settings, carols_friends());
    ps.hand_in(SCSCF, &request);
    hss_says(&mut ps, ResultCode::Success, &[GATEWAY]);
    assert_eq!(ps.journal.len(), 1, "no second publication");
    // The user's own phone that begins anew with the same numbers means a new one.
    let own = publish(CAROL).call_id("phone").body(&pidf("open"));
    ps.publish(&own);
    ps.pass(Duration::from_secs(100));
    ps.publish(&own);
    assert_eq!(ps.journal.len(), 3);
}
