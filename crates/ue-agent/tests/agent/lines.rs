//! The lines that people and programs read, letter by letter.

use crate::support::{CAROL, START};
use ue_agent::{Form, Report, Status, SubscriptionState, line};

fn uri() -> Box<str> {
    "sip:alice@home1.test".into()
}

fn ended(reason: &str, status: Option<u16>, retry_s: Option<u64>) -> Report {
    let (state, reason) = (SubscriptionState::Ended, Some(reason.into()));
    Report::Subscription { uri: CAROL.into(), state, reason, status, retry_s }
}

fn reports() -> Vec<Report> {
    let mut reports = of_the_network();
    reports.extend(of_others());
    reports
}

fn of_the_network() -> Vec<Report> {
    vec![
        Report::Registered {
            uri: uri(),
            expires_s: 600_000,
            gruu: Some("sip:alice@home1.test;gr=urn:x".into()),
        },
        Report::RegisterFailed { uri: uri(), status: None, reason: "no answer".into(), retry_s: Some(2) },
        Report::RegisterFailed {
            uri: uri(),
            status: Some(401),
            reason: "wrong password".into(),
            retry_s: None,
        },
        Report::Subscription {
            uri: CAROL.into(),
            state: SubscriptionState::Pending,
            reason: None,
            status: None,
            retry_s: None,
        },
        ended("deactivated", None, Some(0)),
        ended("blocked", Some(403), None),
        ended("timeout", None, None),
        Report::Presence {
            uri: CAROL.into(),
            state: SubscriptionState::Active,
            expires_s: Some(3599),
            basic: Some("open"),
            note: Some("in a \"meeting\"".into()),
            activities: vec!["meeting".into(), "away".into()],
            document: Some("<presence/>\n".into()),
        },
        Report::Presence {
            uri: CAROL.into(),
            state: SubscriptionState::Ended,
            expires_s: None,
            basic: None,
            note: None,
            activities: Vec::new(),
            document: None,
        },
    ]
}

fn of_others() -> Vec<Report> {
    vec![
        Report::Published { uri: uri(), expires_s: 3600 },
        Report::Unpublished { uri: uri() },
        Report::PublishFailed { uri: uri(), status: 403, reason: "Forbidden".into() },
        Report::Message { from: "sip:bob@home2.test".into(), text: "hello\nthere".into() },
        Report::Answered { method: "MESSAGE", uri: CAROL.into(), status: Some(200), reason: "OK".into() },
        Report::Answered { method: "OPTIONS", uri: CAROL.into(), status: None, reason: "no answer".into() },
        Report::Status(Status {
            uri: uri(),
            registered_s: Some(42),
            watching: vec![CAROL.into(), "sip:bob@home2.test".into()],
            published: true,
        }),
        Report::Status(Status { uri: uri(), registered_s: None, watching: Vec::new(), published: false }),
        Report::Error { what: "nothing is published".into() },
        Report::Deregistered { uri: uri() },
        contact("active", "registered"),
        contact("terminated", "expired"),
    ]
}

fn contact(state: &'static str, reason: &'static str) -> Report {
    Report::Contact { uri: uri(), contact: "sip:alice@198.51.100.9".into(), state, reason }
}

const HUMAN: &str = r#"
03:04:05.678 alice@home1.test is registered (600000 s)
03:04:05.678 alice@home1.test is not registered: no answer; trying again in 2 s
03:04:05.678 alice@home1.test is not registered: 401 wrong password
03:04:05.678 the subscription to carol@home1.test is pending
03:04:05.678 the subscription to carol@home1.test has ended: deactivated; trying again now
03:04:05.678 the subscription to carol@home1.test has ended: 403 blocked
03:04:05.678 the subscription to carol@home1.test has ended, as asked
03:04:05.678 carol@home1.test is open "in a \"meeting\"" [meeting, away] (active, 3599 s)
03:04:05.678 carol@home1.test is unknown (ended)
03:04:05.678 the presence of alice@home1.test is published (3600 s)
03:04:05.678 the presence of alice@home1.test is taken back
03:04:05.678 the presence of alice@home1.test is not published: 403 Forbidden
03:04:05.678 bob@home2.test says "hello\nthere"
03:04:05.678 MESSAGE to carol@home1.test: 200 OK
03:04:05.678 OPTIONS to carol@home1.test: no answer
03:04:05.678 alice@home1.test is registered (42 s), watches carol@home1.test, bob@home2.test, presence published
03:04:05.678 alice@home1.test is not registered, watches nobody, presence not published
03:04:05.678 error: nothing is published
03:04:05.678 alice@home1.test is no longer registered
03:04:05.678 alice@home1.test is also registered at alice@198.51.100.9 (registered)
03:04:05.678 alice@home1.test is no longer registered at alice@198.51.100.9 (expired)
"#;

const JSON: &str = r#"
"event":"registered","uri":"sip:alice@home1.test","expires_s":600000,"gruu":"sip:alice@home1.test;gr=urn:x"}
"event":"register-failed","uri":"sip:alice@home1.test","reason":"no answer","retry_s":2}
"event":"register-failed","uri":"sip:alice@home1.test","status":401,"reason":"wrong password"}
"event":"subscription","uri":"sip:carol@home1.test","state":"pending"}
"event":"subscription","uri":"sip:carol@home1.test","state":"ended","reason":"deactivated","retry_s":0}
"event":"subscription","uri":"sip:carol@home1.test","state":"ended","reason":"blocked","status":403}
"event":"subscription","uri":"sip:carol@home1.test","state":"ended","reason":"timeout"}
"event":"presence","uri":"sip:carol@home1.test","state":"active","expires_s":3599,"basic":"open","note":"in a \"meeting\"","activities":["meeting","away"]}
"event":"presence","uri":"sip:carol@home1.test","state":"ended"}
"event":"published","uri":"sip:alice@home1.test","expires_s":3600}
"event":"unpublished","uri":"sip:alice@home1.test"}
"event":"publish-failed","uri":"sip:alice@home1.test","status":403,"reason":"Forbidden"}
"event":"message","from":"sip:bob@home2.test","text":"hello\nthere"}
"event":"answered","method":"MESSAGE","uri":"sip:carol@home1.test","status":200,"reason":"OK"}
"event":"answered","method":"OPTIONS","uri":"sip:carol@home1.test","reason":"no answer"}
"event":"status","uri":"sip:alice@home1.test","registered_s":42,"watching":["sip:carol@home1.test","sip:bob@home2.test"],"published":true}
"event":"status","uri":"sip:alice@home1.test","watching":[],"published":false}
"event":"error","what":"nothing is published"}
"event":"deregistered","uri":"sip:alice@home1.test"}
"event":"contact","uri":"sip:alice@home1.test","contact":"sip:alice@198.51.100.9","state":"active","reason":"registered"}
"event":"contact","uri":"sip:alice@home1.test","contact":"sip:alice@198.51.100.9","state":"terminated","reason":"expired"}
"#;

#[test]
fn lines_for_people() {
    let lines: Vec<String> = reports().iter().map(|report| line(Form::Human, START, report)).collect();
    assert_eq!(lines.join("\n"), HUMAN.trim());
}

#[test]
fn lines_for_programs() {
    let lines: Vec<String> = reports().iter().map(|report| line(Form::Json, START, report)).collect();
    let time = "{\"time\":\"2026-01-02T03:04:05.678Z\",";
    let expected: Vec<String> = JSON.trim().lines().map(|rest| format!("{time}{rest}")).collect();
    assert_eq!(lines.join("\n"), expected.join("\n"));
    for line in lines {
        let read: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert!(read["event"].is_string() && read["time"].is_string());
    }
}

#[test]
fn documents_are_shown_when_asked_for() {
    let presence = reports().into_iter().find(|report| matches!(report, Report::Presence { .. })).unwrap();
    assert!(line(Form::HumanRaw, START, &presence).ends_with("(active, 3599 s)\n<presence/>"));
    assert!(line(Form::JsonRaw, START, &presence).ends_with(",\"document\":\"<presence/>\\n\"}"));
}
