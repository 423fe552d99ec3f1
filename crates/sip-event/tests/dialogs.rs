//! RFC 3261 section 12, as far as SUBSCRIBE and NOTIFY need it.
#![allow(clippy::unwrap_used, reason = "a test helper may fail its test")]

mod support;

use sip_event::{BadDialog, Dialog, DialogError, DialogId, MAX_DIALOG_TEXT, MAX_ROUTES, Reservation};
use sip_message::{HeaderName, Message, Method};
use support::{CONTACT, RECORD_ROUTE, id, message, notifier_dialog, notify, sent, sent_as, subscribe};

fn routes(message: &Message) -> Vec<&str> {
    message.list(HeaderName::Route).collect()
}

#[test]
fn sip_21_a_notify_follows_the_dialog() {
    let mut dialog = notifier_dialog(CONTACT);
    assert_eq!(dialog.id(), id("p1", "w1"));
    let notify = sent_as(dialog.request(Method::Notify));
    assert_eq!(notify.request_uri_text(), "sip:w@192.0.2.1:5070;transport=tcp");
    assert_eq!(
        routes(&notify),
        [
            "<sip:rr-t@scscf2.home2.test;lr>",
            "<sip:rr@icscf2.home2.test;lr>",
            "<sip:rr-o@scscf1a.home1.test;lr>"
        ]
    );
    assert_eq!(notify.value(HeaderName::From), Some("<sip:p@home2.test>;tag=p1"));
    assert_eq!(notify.value(HeaderName::To), Some("<sip:w@home1.test>;tag=w1"));
    assert_eq!((notify.call_id(), notify.cseq(), notify.max_forwards()), ("c1@h", 1, Some(70)));
    assert_eq!(sent_as(dialog.request(Method::Notify)).cseq(), 2);
    assert_eq!(DialogId::of_request(&notify), Some(id("w1", "p1")));
}

#[test]
fn sub_s_03_the_watchers_dialog_comes_from_the_notify_or_the_2xx() {
    let text = format!("{RECORD_ROUTE}Contact: <sip:ps2.home2.test?a=b>\r\n");
    let response = message("SIP/2.0 200 OK", "1 SUBSCRIBE", ("w1", "p1"), &text);
    let in_order = [
        "<sip:rr-t@scscf2.home2.test;lr>",
        "<sip:rr@icscf2.home2.test;lr>",
        "<sip:rr-o@scscf1a.home1.test;lr>",
    ];
    let mut reversed = in_order;
    reversed.reverse();
    let by_notify = Dialog::from_notify(&sent(), &notify(1, "p1", "active")).unwrap();
    let by_response = Dialog::from_response(&sent(), &response).unwrap();
    assert_eq!(DialogId::of_response(&response), Some(id("w1", "p1")));
    for (mut dialog, route) in [(by_notify, in_order), (by_response, reversed)] {
        assert_eq!(dialog.id(), id("w1", "p1"));
        let refresh = sent_as(dialog.request(Method::Subscribe));
        assert_eq!(routes(&refresh), route);
        assert_eq!((refresh.request_uri_text(), refresh.cseq()), ("sip:ps2.home2.test", 2));
        assert_eq!(refresh.value(HeaderName::From), Some("<sip:w@home1.test>;tag=w1"));
    }
}

#[test]
fn rfc3261_12_2_1_1_a_strict_router_is_swapped_in() {
    let rows = [
        ("<sip:old@p1.test;method=INVITE?a=b>", "sip:old@p1.test", vec!["<sip:w@192.0.2.1>"]),
        ("<sip:p1.test>, <sip:p2.test;lr>", "sip:p1.test", vec!["<sip:p2.test;lr>", "<sip:w@192.0.2.1>"]),
        ("\"A, B\" <sip:p1.test;lr>;x=y", "sip:w@192.0.2.1", vec!["<sip:p1.test;lr>"]),
    ];
    for (record_route, request_uri, route) in rows {
        let request = subscribe(1, "", &format!("Record-Route: {record_route}\r\nm: sip:w@192.0.2.1\r\n"));
        let mut dialog = Dialog::from_subscribe(&request, "p1").unwrap();
        let notify = sent_as(dialog.request(Method::Notify));
        assert_eq!((notify.request_uri_text(), routes(&notify)), (request_uri, route), "{record_route}");
    }
}

#[test]
fn sub_n_18_an_update_by_identity_finds_its_own_way() {
    let mut dialog = notifier_dialog(CONTACT);
    let (cseq, reservation) = dialog.take_cseq();
    assert_eq!(reservation, Reservation::Raised);
    assert_eq!(dialog.route_set().first().unwrap().host_text(), "scscf2.home2.test");
    let notify = sent_as(dialog.request_apart(Method::Notify, cseq, "<sip:scscf2.home2.test;lr>"));
    assert_eq!(routes(&notify), ["<sip:scscf2.home2.test;lr>"]);
    assert_eq!((notify.cseq(), DialogId::of_request(&notify)), (1, Some(id("w1", "p1"))));
    let notify = sent_as(dialog.request_apart(Method::Notify, cseq, ""));
    assert_eq!(routes(&notify), [""; 0]);
}

#[test]
fn sip_20_cseq_may_jump_but_not_fall() {
    let mut dialog = notifier_dialog(CONTACT);
    let rows = [
        (6, Err(DialogError::StaleCSeq)),
        (7, Ok(())),
        (8, Ok(())),
        (7, Err(DialogError::StaleCSeq)),
        (500, Ok(())),
        (499, Err(DialogError::StaleCSeq)),
    ];
    for (cseq, result) in rows {
        assert_eq!(dialog.accept(&subscribe(cseq, "p1", CONTACT)), result, "{cseq}");
    }
    assert_eq!(DialogError::StaleCSeq.status().code(), 500);
}

#[test]
fn sub_n_18_a_refresh_moves_the_target_and_not_the_route() {
    let mut dialog = notifier_dialog(CONTACT);
    let before = dialog.route_set().as_str().to_owned();
    let moved = "Contact: <sip:w@192.0.2.9:5071>\r\nRecord-Route: <sip:elsewhere.test;lr>\r\n";
    dialog.refresh_target(&subscribe(8, "p1", moved)).unwrap();
    assert_eq!(dialog.remote_target().as_str(), "sip:w@192.0.2.9:5071");
    assert_eq!(dialog.route_set().as_str(), before);
    let long = format!("Contact: <sip:{}@x>\r\n", "w".repeat(MAX_DIALOG_TEXT));
    for (contact, result) in [
        ("", Ok(())),
        ("Contact: *\r\n", Err(BadDialog::BadContact)),
        (long.as_str(), Err(BadDialog::TooLarge)),
    ] {
        assert_eq!(dialog.refresh_target(&subscribe(9, "p1", contact)), result);
        assert_eq!(dialog.remote_target().as_str(), "sip:w@192.0.2.9:5071");
    }
}

#[test]
fn sub_n_06_what_creates_no_dialog() {
    let too_many = format!("{CONTACT}{}", "Record-Route: <sip:p;lr>\r\n".repeat(MAX_ROUTES + 1));
    let just_enough = format!("{CONTACT}{}", "Record-Route: <sip:p;lr>\r\n".repeat(MAX_ROUTES));
    let long = format!("Contact: <sip:{}@x>\r\n", "w".repeat(MAX_DIALOG_TEXT));
    let rows = [
        ("w1", "", "", Some(BadDialog::NoContact)),
        ("w1", "", "Contact: *\r\n", Some(BadDialog::BadContact)),
        ("w1", "", "Contact: <tel:+1>\r\n", Some(BadDialog::BadContact)),
        ("w1", "", "Contact: <sip:a@x>, <sip:b@x>\r\n", Some(BadDialog::BadContact)),
        ("", "", CONTACT, Some(BadDialog::NoTag)),
        ("w1", "gone", CONTACT, Some(BadDialog::InDialog)),
        ("w1", "", &format!("{CONTACT}Record-Route: <sip:p;lr\r\n"), Some(BadDialog::RouteSet)),
        ("w1", "", &format!("{CONTACT}Record-Route: <tel:+1>\r\n"), Some(BadDialog::RouteSet)),
        ("w1", "", &too_many, Some(BadDialog::RouteSet)),
        ("w1", "", &just_enough, None),
        ("w1", "", &long, Some(BadDialog::TooLarge)),
    ];
    for (from, to, lines, error) in rows {
        let request = message("SUBSCRIBE sip:p@home2.test SIP/2.0", "7 SUBSCRIBE", (from, to), lines);
        let result = Dialog::from_subscribe(&request, "p1");
        assert_eq!(result.as_ref().err(), error.as_ref(), "{lines:.60}");
        let status = error.map_or(0, |error| error.status().code());
        assert_eq!(
            status,
            if to == "gone" {
                481
            } else if error.is_some() {
                400
            } else {
                0
            }
        );
    }
}

#[test]
fn sub_n_21_a_dialog_outlives_the_process_and_counts_on() {
    let mut dialog = notifier_dialog(CONTACT);
    for _ in 0..40 {
        let _ = dialog.request(Method::Notify);
    }
    let kept = minicbor::to_vec(&dialog).unwrap();
    assert!(kept.len() < dialog.text_length() + 40, "{} octets", kept.len());
    let mut restored: Dialog = minicbor::decode(&kept).unwrap();
    let notify = sent_as(restored.request(Method::Notify));
    assert_eq!(notify.cseq(), 65);
    assert_eq!(routes(&notify).len(), 3);
    assert_eq!(restored.id(), dialog.id());
    assert_eq!(restored.accept(&subscribe(6, "p1", "")), Err(DialogError::StaleCSeq));
    // What is written again reads the same.
    let again = minicbor::to_vec(&restored).unwrap();
    assert_eq!(minicbor::decode::<Dialog>(&again).unwrap().remote_target(), dialog.remote_target());
}

#[test]
fn a_damaged_record_is_no_dialog() {
    let kept = minicbor::to_vec(notifier_dialog(CONTACT)).unwrap();
    for cut in 0..kept.len() {
        assert!(minicbor::decode::<Dialog>(&kept[..cut]).is_err(), "{cut}");
    }
    let spoilt = |from: &[u8], to: &[u8]| {
        let at = kept.windows(from.len()).position(|part| part == from).unwrap();
        let mut bytes = kept.clone();
        bytes[at..at + to.len()].copy_from_slice(to);
        minicbor::decode::<Dialog>(&bytes)
    };
    assert!(spoilt(b"sip:w@192", b"sip w@192").is_err());
    assert!(spoilt(b"<sip:rr@i", b" sip rr@i").is_err());
}
