//! Requests for us that are no NOTIFY, and the texts we send (RFC 3428, rule SIP-02).

use crate::support::{LOCAL, PCSCF, Ue, granted};
use sip_message::HeaderName;
use ue_agent::Report;

fn request(method: &str, headers: &str, body: &str) -> String {
    format!(
        "{method} sip:alice@{LOCAL} SIP/2.0\r\nVia: SIP/2.0/UDP {PCSCF};branch=z9hG4bKr{method}{}\r\n\
         Max-Forwards: 66\r\nFrom: <sip:nobody@home1.test>;tag=b\r\nTo: <sip:alice@home1.test>\r\nCall-ID: m1\r\n\
         CSeq: 1 {method}\r\n{headers}Content-Length: {}\r\n\r\n{body}",
        headers.len(),
        body.len()
    )
}

#[test]
fn rfc3428_a_text_is_shown_and_answered() {
    let mut ue = Ue::registered();
    let asserted = "P-Asserted-Identity: <sip:bob@home2.test>\r\nContent-Type: text/plain\r\n";
    ue.deliver(&request("MESSAGE", asserted, "hello"));
    assert_eq!(ue.status(), 200);
    assert_eq!(ue.reports(), [Report::Message { from: "sip:bob@home2.test".into(), text: "hello".into() }]);
    ue.deliver(&request("MESSAGE", "Content-Type: application/im-iscomposing+xml\r\n", "<x/>"));
    let response = ue.responses().remove(0);
    assert_eq!(response.status().unwrap().code(), 415);
    assert_eq!(response.value(HeaderName::Accept), Some("text/plain"));
    assert!(ue.reports().is_empty());
}

#[test]
fn rfc3428_a_text_is_sent_once_registered() {
    let mut ue = Ue::new();
    ue.words("message bob@home2.test hello there").unwrap();
    let register = ue.request("REGISTER");
    ue.answer(&register, "200 OK", &granted(3600));
    let message = ue.request("MESSAGE");
    assert_eq!(message.request_uri_text(), "sip:bob@home2.test");
    assert_eq!(message.body(), "hello there");
    assert_eq!(message.value(HeaderName::Contact), None);
    ue.reports();
    ue.answer(&message, "404 Not Found", "");
    let (uri, reason) = ("sip:bob@home2.test".into(), "Not Found".into());
    assert_eq!(ue.reports(), [Report::Answered { method: "MESSAGE", uri, status: Some(404), reason }]);
}

#[test]
fn sip_02_what_we_do_not_know_is_405_with_allow() {
    let mut ue = Ue::registered();
    for (method, status) in
        [("REFER", 405), ("SUBSCRIBE", 405), ("DANCE", 405), ("INVITE", 405), ("OPTIONS", 200)]
    {
        ue.deliver(&request(method, "", ""));
        let response = ue.responses().remove(0);
        assert_eq!(response.status().unwrap().code(), status, "{method}");
        assert!(response.value(HeaderName::Allow).unwrap().contains("NOTIFY"), "{method}");
    }
}

#[test]
fn what_does_not_come_from_the_pcscf_is_refused() {
    let mut ue = Ue::registered();
    ue.deliver_from("127.0.10.66:5060".parse().unwrap(), &request("OPTIONS", "", ""));
    assert_eq!((ue.status(), ue.reports()), (403, Vec::new()));
}

#[test]
fn options_asks_the_pcscf_without_a_registration() {
    let mut ue = Ue::new();
    ue.words("options").unwrap();
    let options = ue.request("OPTIONS");
    assert_eq!(
        (options.request_uri_text(), options.value(HeaderName::Route)),
        ("sip:127.0.10.11:5060", None)
    );
    ue.answer(&options, "200 OK", "");
    let (uri, reason) = ("sip:127.0.10.11:5060".into(), "OK".into());
    assert_eq!(ue.reports(), [Report::Answered { method: "OPTIONS", uri, status: Some(200), reason }]);
    assert!(ue.requests().is_empty());
}
