//! What crosses the border of the trust domain, in requests and in responses, in both directions (RFC 3325, RFC 7315, TS 24.229
//! section 4.4; rules REG-P-04, RT-P-06).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    reason = "a test helper may fail its test"
)]

mod common;

use common::{Bench, CLIENT, Fake, NEXT, answer, request, request_to};
use ims_node::{Flow, ForwardPlan, Next};
use sip_message::{HeaderName, Message};

const PHONE: &str = "198.51.100.7:5062";
/// Of another operator.
const PEER: &str = "198.51.100.1:5060";
const STRANGER: &str = "203.0.113.7:5060";

/// Every header of the trust domain, in short.
const ALL: [(&str, HeaderName, &str); 14] = [
    ("asserted", HeaderName::PAssertedIdentity, "P-Asserted-Identity: <sip:a@home1.test>"),
    ("service", HeaderName::PAssertedService, "P-Asserted-Service: urn:urn-7:3gpp-service.ims.icsi.x"),
    ("access", HeaderName::PAccessNetworkInfo, "P-Access-Network-Info: IEEE-802.11"),
    ("associated", HeaderName::PAssociatedUri, "P-Associated-URI: <sip:a@home1.test>"),
    ("called", HeaderName::PCalledPartyId, "P-Called-Party-ID: <sip:b@home1.test>"),
    ("functions", HeaderName::PChargingFunctionAddresses, "P-Charging-Function-Addresses: ccf=192.0.2.2"),
    ("vector", HeaderName::PChargingVector, "P-Charging-Vector: icid-value=1"),
    ("preferred", HeaderName::PPreferredIdentity, "P-Preferred-Identity: <sip:a@home1.test>"),
    ("profile", HeaderName::PProfileKey, "P-Profile-Key: <sip:!.*!@home1.test>"),
    ("served", HeaderName::PServedUser, "P-Served-User: <sip:a@home1.test>"),
    ("database", HeaderName::PUserDatabase, "P-User-Database: <aaa://hss.home1.test>"),
    ("visited", HeaderName::PVisitedNetworkId, "P-Visited-Network-ID: home1.test"),
    ("route", HeaderName::ServiceRoute, "Service-Route: <sip:s.home1.test;lr>"),
    ("path", HeaderName::Path, "Path: <sip:p.home1.test;lr>"),
];

fn all() -> String {
    ALL.iter().map(|(_, _, line)| format!("{line}\r\n")).collect()
}

/// Which of them there are.
fn left(message: &Message) -> String {
    let left = ALL.iter().filter(|(_, name, _)| message.value(*name).is_some());
    left.map(|(short, ..)| *short).collect::<Vec<_>>().join(" ")
}

/// All but what is a network's own, and an identity of ours.
fn of_a_peer() -> String {
    let of_peer = |short: &&str| !["asserted", "profile", "served", "database"].contains(short);
    ALL.map(|(short, ..)| short).iter().filter(|short| of_peer(short)).copied().collect::<Vec<_>>().join(" ")
}

fn everything() -> String {
    ALL.map(|(short, ..)| short).join(" ")
}

/// Whatever comes goes to the phone.
fn to_the_phone() -> Bench {
    Bench::new(Fake {
        decide: |_, _| {
            let mut plan = ForwardPlan::by_route();
            plan.next = Next::Flow(Bench::flow(1, PHONE));
            plan.decide()
        },
        ..Fake::forwarding()
    })
}

#[test]
fn rt_p_06_what_a_request_holds_after_the_border() {
    let network = |from: &str| Bench::flow(0, from);
    let rows: [(&str, Bench, Flow, &str, &str); 6] = [
        ("from another operator, whose user it is not", Bench::forwarding(), network(PEER), "", &of_a_peer()),
        ("from a phone", Bench::forwarding(), Bench::flow(1, PHONE), "", "access"),
        ("from a stranger", Bench::forwarding(), network(STRANGER), "", "access"),
        ("to a phone", to_the_phone(), network(CLIENT), "", "asserted called"),
        ("to a phone, private", to_the_phone(), network(CLIENT), "Privacy: id\r\n", "called"),
        ("between our nodes", Bench::forwarding(), network(CLIENT), "", &everything()),
    ];
    for (name, mut bench, from, more, expected) in rows {
        bench.receive_on(from, request("MESSAGE", &(all() + more)));
        assert_eq!(left(&bench.sent_one().1), expected, "{name}");
    }
}

#[test]
fn rt_p_06_what_a_response_holds_after_the_border() {
    let to_phone = |method| match method {
        "REGISTER" => "asserted associated route path",
        _ => "asserted",
    };
    for method in ["MESSAGE", "REGISTER"] {
        let rows: [(&str, Bench, Flow, &str, &str, &str); 5] = [
            ("of a phone", to_the_phone(), Bench::flow(0, CLIENT), PHONE, "", "access"),
            ("to a phone", Bench::forwarding(), Bench::flow(1, PHONE), NEXT, "", to_phone(method)),
            ("to a stranger", Bench::forwarding(), Bench::flow(0, STRANGER), NEXT, "", "asserted"),
            (
                "to a stranger, private",
                Bench::forwarding(),
                Bench::flow(0, STRANGER),
                NEXT,
                "Privacy: id\r\n",
                "",
            ),
            ("between our nodes", Bench::forwarding(), Bench::flow(0, CLIENT), NEXT, "", &everything()),
        ];
        for (name, mut bench, from, answers, more, expected) in rows {
            bench.receive_on(from, request(method, ""));
            let (_, forwarded) = bench.sent_one();
            let listener = u8::from(answers == PHONE);
            bench.receive_on(Bench::flow(listener, answers), answer(&forwarded, 200, &(all() + more)));
            assert_eq!(left(&bench.sent_one().1), expected, "{method}: {name}");
        }
    }
}

#[test]
fn rt_i_01_another_operator_answers_for_its_own_users_alone() {
    for (identity, expected) in
        [("sip:a@home1.test", of_a_peer()), ("sip:b@home2.test", "asserted ".to_owned() + &of_a_peer())]
    {
        let mut bench = Bench::forwarding();
        bench.receive(CLIENT, request_to("MESSAGE", "sip:bob@198.51.100.1", ""));
        let (_, forwarded) = bench.sent_one();
        let headers = all().replace(
            "P-Asserted-Identity: <sip:a@home1.test>",
            &format!("P-Asserted-Identity: <{identity}>"),
        );
        bench.receive(PEER, answer(&forwarded, 200, &headers));
        assert_eq!(left(&bench.sent_one().1), expected, "{identity}");
    }
}

#[test]
fn rt_i_01_a_number_that_another_operator_asserts_is_a_name_there() {
    for (identity, expected) in [
        ("sip:+15550123@home2.test;user=phone", Some("<sip:+15550123@home2.test>")),
        ("sip:+15550123@home2.test", Some("<sip:+15550123@home2.test>")),
        ("tel:+15550123", None),
    ] {
        let mut bench = Bench::forwarding();
        let headers = format!("P-Asserted-Identity: <{identity}>\r\n");
        bench.receive(PEER, request("MESSAGE", &headers));
        let (_, forwarded) = bench.sent_one();
        assert_eq!(forwarded.value(HeaderName::PAssertedIdentity), expected, "{identity}");
    }
}
