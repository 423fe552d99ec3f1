//! Every command carries its data there, and its answer back.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test helper may fail its test")]

mod support;

use cx_protocol::*;
use support::{Pair, at, frame, impi, impu, outputs, scscf};

fn profile() -> ServiceProfile {
    let spt = |groups: &[u32], negated, trigger| Spt { groups: groups.to_vec(), negated, trigger };
    let spts = vec![
        spt(&[0], false, ServiceTrigger::Method("SUBSCRIBE".into())),
        spt(&[0, 1], true, ServiceTrigger::RequestUri("^sip:.*@home1".into())),
        spt(&[1], false, ServiceTrigger::Header { name: "Event".into(), content: Some("^presence".into()) }),
        spt(&[1], false, ServiceTrigger::Header { name: "Accept".into(), content: None }),
        spt(&[2], false, ServiceTrigger::SessionCase(SessionCase::TerminatingUnregistered)),
        spt(
            &[2],
            false,
            ServiceTrigger::SessionDescription { line: "m".into(), content: Some("audio".into()) },
        ),
    ];
    let identity = |uri, barred| PublicIdentity { impu: impu(uri), barred, display: Some("Alice".into()) };
    let server = |default_handling| ApplicationServer {
        uri: "sip:ps1.home1.test;lr".into(),
        default_handling,
        include_register_request: true,
        include_register_response: false,
    };
    let criterion = |priority, trigger, server, profile_part| InitialFilterCriterion {
        priority,
        trigger,
        application_server: server,
        profile_part,
    };
    let trigger = TriggerPoint { condition: ConditionForm::Dnf, spts };
    ServiceProfile {
        identities: ImplicitRegistrationSet {
            identities: vec![identity("sip:x@home1.test", true), identity("tel:+1201", false)],
        },
        criteria: vec![
            criterion(0, Some(trigger), server(DefaultHandling::Terminated), ProfilePart::Both),
            criterion(1, None, server(DefaultHandling::Continued), ProfilePart::Unregistered),
        ],
    }
}

fn capabilities() -> Capabilities {
    Capabilities {
        mandatory: vec![1, 70_000],
        optional: vec![2],
        server_names: vec![scscf("sip:scscf1a.home1.test")],
    }
}

/// A request of each command with all its data, and an answer to it with all its data.
fn every_command() -> Vec<(Request, Answer)> {
    let (alice, alice_impu, s1) =
        (impi("alice"), impu("sip:alice@home1.test"), scscf("sip:scscf1a.home1.test"));
    let success = ResultCode::Success;
    let ha1s = vec![
        Ha1::new(DigestAlgorithm::Sha256, &[7; 32]).unwrap(),
        Ha1::new(DigestAlgorithm::Md5, &[8; 16]).unwrap(),
    ];
    let visited_network = Some("home2.test".into());
    let uar =
        Uar { impi: alice.clone(), impu: alice_impu.clone(), visited_network, kind: UarType::Deregistration };
    let uaa = Uaa { result: success, server_name: Some(s1.clone()), capabilities: Some(capabilities()) };
    let kind = SarType::AuthenticationFailure;
    let sar = Sar { impi: Some(alice.clone()), impu: alice_impu.clone(), server_name: s1.clone(), kind };
    let saa = Saa { result: success, impi: Some(alice.clone()), profile: Some(profile()) };
    let lir = Lir { impu: alice_impu.clone(), leg: Leg::Originating, kind: LirType::LocationAndCapabilities };
    let lia = Lia {
        result: ResultCode::UnregisteredService,
        server_name: None,
        capabilities: Some(capabilities()),
    };
    let scheme = AuthScheme::SipDigest;
    let mar = Mar { impi: alice.clone(), impu: alice_impu.clone(), server_name: s1.clone(), scheme };
    let maa = Maa { result: success, digest: Some(DigestCredentials { realm: "home1.test".into(), ha1s }) };
    let reason = RtrReason::ServerChange;
    let impus = vec![alice_impu.clone()];
    let rtr = Rtr { impi: alice.clone(), impus: impus.clone(), reason, reason_info: Some("moved".into()) };
    let ppr = Ppr { impi: alice, profile: profile() };
    let udr = Udr { impu: alice_impu };
    let uda = Uda {
        result: success,
        server_name: Some(s1),
        impus,
        state: Some(RegistrationState::Unregistered),
        presence_server: Some("sip:ps1.home1.test".into()),
        agents: vec![Impu::new("sip:gateway1.home1.test").unwrap()],
    };
    vec![
        (Request::Uar(uar), Answer::Uaa(uaa)),
        (Request::Sar(sar), Answer::Saa(saa)),
        (Request::Lir(lir), Answer::Lia(lia)),
        (Request::Mar(mar), Answer::Maa(maa)),
        (Request::Rtr(rtr), Answer::Rta(Rta { result: success })),
        (Request::Ppr(ppr), Answer::Ppa(Ppa { result: ResultCode::UserUnknown })),
        (Request::Udr(udr), Answer::Uda(uda)),
    ]
}

/// Asks from one side and answers from the other, octet by octet; what the asker gets.
fn round_trip(request: &Request, answer: &Answer) -> Answer {
    let mut pair = Pair::established();
    support::ask(&mut pair.cscf, at(1), 9, request.clone());
    let (_, hss) = pair.run(at(1));
    let [Output::Request { hop_by_hop, request: received }] = &hss[..] else { panic!("{hss:?}") };
    assert_eq!(**received, *request);
    pair.hss.handle(at(2), Input::Answer { hop_by_hop: *hop_by_hop, answer: Box::new(answer.clone()) });
    let (cscf, _) = pair.run(at(2));
    let [Output::Answer { token: Token(9), result: Ok(answer) }] = &cscf[..] else { panic!("{cscf:?}") };
    (**answer).clone()
}

#[test]
fn every_command_round_trips_with_all_its_data() {
    for (request, answer) in every_command() {
        assert_eq!(round_trip(&request, &answer), answer);
    }
}

#[test]
fn every_result_round_trips_alone_in_every_answer() {
    for (request, _) in every_command() {
        for result in ResultCode::ALL {
            let bare = request.answer(result);
            assert_eq!((bare.result(), bare.command()), (result, request.command()));
            assert_eq!(round_trip(&request, &bare), bare);
        }
    }
}

#[test]
fn only_2xxx_is_success() {
    let successes: Vec<u16> =
        ResultCode::ALL.iter().filter(|code| code.is_success()).map(|c| c.code()).collect();
    assert_eq!(successes, [2001, 2002, 2003]);
    assert_eq!(ResultCode::from_code(2999), None);
}

#[test]
fn unknown_keys_are_ignored_and_missing_ones_are_not() {
    let mut with_unknown = vec![0xA4, 0x18, 0x63, 0x82, 0x01, 0xA1, 0x02, 0x03]; // {99: [1, {2: 3}], ..
    with_unknown.extend([0x02, 0x74]); // 2: text of 20 octets
    with_unknown.extend(b"sip:alice@HOME1.test");
    with_unknown.extend([0x05, 0x00, 0x18, 0x2A, 0xF6]); // 5: 0, 42: null}
    let mut pair = Pair::established();
    pair.hss.handle(at(1), Input::Received(&frame(FrameKind::Request, 302, 5, &with_unknown)));
    let read = outputs(&mut pair.hss);
    let request = Box::new(support::lir());
    assert_eq!(read, [Output::Request { hop_by_hop: 5, request }], "and the identity is made canonical");

    pair.hss.handle(at(1), Input::Received(&frame(FrameKind::Request, 302, 6, &[0xA1, 0x05, 0x00])));
    let refused = frame(FrameKind::Error, 302, 6, &[0xA1, 0x00, 0x19, 0x13, 0x94]); // {0: 5012}
    assert_eq!(outputs(&mut pair.hss), [Output::Write(refused.into())]);
}

#[test]
fn the_default_identity_is_the_first_that_is_not_barred() {
    let set = profile().identities;
    assert_eq!(set.default_impu(), Some(&impu("tel:+1201")));
    assert!(set.find(&impu("sip:x@home1.test")).unwrap().barred);
    assert_eq!(set.usable().count(), 1);
}

#[test]
fn an_ha1_has_the_length_of_its_algorithm_and_is_hidden() {
    assert_eq!(Ha1::new(DigestAlgorithm::Md5, &[0; 32]), None);
    let ha1 = Ha1::new(DigestAlgorithm::Md5, &[0xAB; 16]).unwrap();
    assert_eq!(ha1.to_hex(), "ab".repeat(16));
    assert_eq!(format!("{ha1:?}"), "Ha1(MD5, <hidden>)");
    assert_eq!(DigestAlgorithm::from_token("sha-256"), Some(DigestAlgorithm::Sha256));
    assert_eq!(DigestAlgorithm::from_token("SHA-512-256"), None);
}
