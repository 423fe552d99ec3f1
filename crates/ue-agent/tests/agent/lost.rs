//! A network that answers 504 or nothing: TS 24.229 section 5.1.2A.1.6.

use crate::support::{Ue, granted, secs};
use sip_message::Message;
use ue_agent::Report;

const GONE: &str = "504 Server Time-out";

/// Lets time pass and answers each SUBSCRIBE by 504 and each REGISTER by 200; gives the seconds at which REGISTERs came.
fn registers_within(ue: &mut Ue, seconds: u64) -> Vec<u64> {
    let mut at = Vec::new();
    for second in 0..seconds {
        for request in ue.requests() {
            match request.cseq_method() {
                "REGISTER" => {
                    at.push(second);
                    ue.answer(&request, "200 OK", &granted(3600));
                }
                _ => ue.answer(&request, GONE, ""),
            }
        }
        ue.pass(secs(1));
    }
    at
}

fn methods(requests: &[Message]) -> Vec<&str> {
    requests.iter().map(Message::cseq_method).collect()
}

#[test]
fn after_504_it_registers_and_subscribes_by_the_other_s_cscf() {
    let mut ue = Ue::registered();
    ue.words("watch carol@home1.test").unwrap();
    let subscribe = ue.request("SUBSCRIBE");
    ue.answer(&subscribe, GONE, "");
    let register = ue.request("REGISTER");
    assert_eq!((register.cseq(), register.expires()), (3, Some(600_000)));
    ue.answer(&register, "200 OK", &granted(3600).replace("scscf1a", "scscf1b"));
    let again = ue.request("SUBSCRIBE");
    assert!(again.value(sip_message::HeaderName::Route).unwrap().contains("scscf1b"));
}

#[test]
fn after_504_to_publish_and_message_as_well() {
    for words in ["publish open", "message carol@home1.test hello"] {
        let mut ue = Ue::registered();
        ue.words(words).unwrap();
        let request = ue.requests().remove(0);
        ue.answer(&request, GONE, "");
        assert_eq!(methods(&ue.requests()), ["REGISTER"], "{words}");
    }
}

#[test]
fn after_timer_f_as_well() {
    let mut ue = Ue::registered();
    ue.words("message carol@home1.test before").unwrap();
    ue.words("register").unwrap();
    ue.pass(secs(1));
    ue.words("message carol@home1.test after").unwrap();
    let register = ue.requests().into_iter().find(|request| request.cseq_method() == "REGISTER").unwrap();
    ue.answer(&register, "200 OK", &granted(3600));
    ue.pass(secs(31));
    assert!(ue.requests().is_empty(), "what was sent before we registered says nothing");
    ue.words("message carol@home1.test later").unwrap();
    ue.requests();
    ue.pass(secs(32));
    assert_eq!(methods(&ue.requests()), ["REGISTER"]);
}

#[test]
fn another_answer_says_nothing_of_our_registration() {
    for status in
        ["403 Forbidden", "404 Not Found", "480 Temporarily Unavailable", "500 Server Internal Error"]
    {
        let mut ue = Ue::registered();
        ue.words("message carol@home1.test hello").unwrap();
        let request = ue.request("MESSAGE");
        ue.answer(&request, status, "");
        assert!(ue.requests().is_empty(), "{status}");
    }
}

/// It may be carol's network that is away, which no REGISTER of ours mends.
#[test]
fn it_registers_ever_more_seldom_while_504_goes_on() {
    let mut ue = Ue::registered();
    ue.words("watch carol@home1.test").unwrap();
    let at = registers_within(&mut ue, 1000);
    let gaps: Vec<u64> = at.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!((at[0], gaps.len()), (1, 5), "{at:?}");
    for (gap, pause) in gaps.iter().zip([30, 60, 120, 240, 480]) {
        assert!((pause..=pause + 31).contains(gap), "{at:?}");
    }
}

#[test]
fn a_register_that_gets_504_itself_is_tried_again_until_it_is_accepted() {
    let mut ue = Ue::registered();
    ue.words("watch carol@home1.test").unwrap();
    let subscribe = ue.request("SUBSCRIBE");
    ue.answer(&subscribe, GONE, "");
    for _ in 0..3 {
        let register =
            ue.requests().into_iter().rfind(|request| request.cseq_method() == "REGISTER").unwrap();
        ue.answer(&register, GONE, "");
        ue.pass(secs(5));
    }
    let register = ue.requests().into_iter().rfind(|request| request.cseq_method() == "REGISTER").unwrap();
    ue.reports();
    ue.answer(&register, "200 OK", &granted(3600));
    assert!(matches!(ue.reports()[0], Report::Registered { .. }));
}

const UNKNOWN: &str = "Warning: 399 pcscf1a.home1.test \"nobody is registered on this flow [flow_unknown, TS 24.229 5.2.6.3]\"\r\n";

/// A NAT, or the proxy of a container, gives our flow another port: the P-CSCF does not know it any more.
#[test]
fn a_p_cscf_that_does_not_know_our_flow_is_registered_at_anew_and_asked_again() {
    for (words, method) in [("watch carol@home1.test", "SUBSCRIBE"), ("publish open", "PUBLISH")] {
        let mut ue = Ue::registered();
        ue.words(words).unwrap();
        let request = ue.request(method);
        ue.reports();
        ue.answer(&request, "403 Forbidden", UNKNOWN);
        ue.pass(secs(0));
        let told = ue.reports();
        let failed = |report: &Report| {
            matches!(report, Report::RegisterFailed { status: None, retry_s: Some(0), reason, .. }
                if reason.contains("does not know our address"))
        };
        assert!(told.iter().any(failed), "{told:?}");
        let register = ue.request("REGISTER");
        ue.answer(&register, "200 OK", &granted(3600));
        ue.pass(secs(2));
        assert_eq!(ue.request(method).cseq_method(), method, "it is asked again");
    }
}

#[test]
fn a_p_cscf_that_never_knows_our_flow_is_told_of_it_ever_more_seldom() {
    let mut ue = Ue::registered();
    ue.words("watch carol@home1.test").unwrap();
    let mut at = Vec::new();
    for second in 0..400_u64 {
        for request in ue.requests() {
            match request.cseq_method() {
                "REGISTER" => {
                    at.push(second);
                    ue.answer(&request, "200 OK", &granted(3600));
                }
                _ => ue.answer(&request, "403 Forbidden", UNKNOWN),
            }
        }
        ue.pass(secs(1));
    }
    let gaps: Vec<u64> = at.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!((2..=5).contains(&gaps.len()) && gaps.windows(2).all(|pair| pair[1] > pair[0]), "{at:?}");
}
