//! Identities, credentials, capabilities and the operator's commands.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test helper may fail its test"
)]

mod support;

use clock::Now;
use cx_protocol::ResultCode::{
    AuthSchemeNotSupported, CommandUnsupported, IdentitiesDontMatch, IdentityNotRegistered,
    RoamingNotAllowed, SubsequentRegistration, Success, UnableToComply, UserUnknown,
};
use cx_protocol::{
    Answer, AuthScheme, DigestAlgorithm, Impu, Leg, Lir, LirType, Mar, ProfilePart, RegistrationState,
    Request, ResultCode, RtrReason, Sar, SarType, ScscfName, ServiceTrigger, SessionCase, Uar, UarType,
};
use hss::{Account, Conflict, Hss, OperatorError, ScscfDirectory, StoreChange, UnknownUser};
use support::{A, ALICE, B, Step, account, alice, hss_with, impi, impu, name, profile, udr, uri};

fn ask(hss: &mut Hss, peer: &str, request: &Request) -> Answer {
    hss.answer(Now::ZERO, peer, request).0
}

fn uar(username: &str, identity: Impu, visited_network: Option<&str>) -> Request {
    let visited_network = visited_network.map(Into::into);
    Request::Uar(Uar { impi: impi(username), impu: identity, visited_network, kind: UarType::Registration })
}

fn mar(username: &str, scheme: AuthScheme) -> Request {
    Request::Mar(Mar { impi: impi(username), impu: impu(), server_name: name(A), scheme })
}

#[test]
fn reg_i_05_unknown_and_mismatched_identities() {
    let fresh = || hss_with([alice(), account("erin", "sip:erin@home1.test")]);
    let table = [
        (ALICE, "sip:alice@home1.test", Success),
        ("alice@home1.test", "sip:alice@HOME1.test:5060;gr=urn:uuid:1", Success),
        (ALICE, "sip:nobody@home1.test", UserUnknown),
        ("nobody", "sip:alice@home1.test", UserUnknown),
        ("Alice", "sip:alice@home1.test", UserUnknown),
        ("erin", "sip:alice@home1.test", IdentitiesDontMatch),
    ];
    for (username, identity, result) in table {
        let mut hss = fresh();
        let request = uar(username, uri(identity), None);
        assert_eq!(ask(&mut hss, "icscf1", &request).result(), result, "{username} {identity}");
        let sar = Request::Sar(Sar {
            impi: Some(impi(username)),
            impu: uri(identity),
            server_name: name(A),
            kind: SarType::Registration,
        });
        assert_eq!(ask(&mut hss, "scscf1a.home1.test", &sar).result(), result, "{username} {identity}");
    }
    let lir = Request::Lir(Lir {
        impu: uri("sip:nobody@home1.test"),
        leg: Leg::Terminating,
        kind: LirType::Location,
    });
    assert_eq!(ask(&mut fresh(), "icscf1", &lir).result(), UserUnknown);
}

#[test]
fn reg_i_05_roaming_is_checked_where_it_is_restricted() {
    let restricted = Account { visited_networks: Some(vec!["home1.test".into()]), ..alice() };
    let table = [(Some("HOME1.test"), Success), (Some("home2.test"), RoamingNotAllowed), (None, Success)];
    for (network, result) in table {
        let request = uar(ALICE, impu(), network);
        assert_eq!(
            ask(&mut hss_with([restricted.clone()]), "icscf1", &request).result(),
            result,
            "{network:?}"
        );
        assert_eq!(ask(&mut hss_with([alice()]), "icscf1", &request).result(), Success, "{network:?}");
    }
}

#[test]
fn reg_i_05_a_set_that_is_barred_as_a_whole_registers_nobody() {
    let barred = |both| Account {
        sets: vec![profile(&[("sip:alice@home1.test", true), ("tel:+1201", both)])],
        ..alice()
    };
    let request = uar(ALICE, impu(), None);
    assert_eq!(ask(&mut hss_with([barred(false)]), "icscf1", &request).result(), Success);
    assert_eq!(ask(&mut hss_with([barred(true)]), "icscf1", &request).result(), IdentityNotRegistered);
}

#[test]
fn reg_i_04_capabilities_decide_which_scscfs_are_handed_out() {
    let table: [(&[u32], &[u32], &[&str]); 6] = [
        (&[], &[], &[A, B]),
        (&[7], &[], &[A, B]),
        (&[8], &[], &[A]),
        (&[7], &[8], &[A, B]),
        (&[9], &[], &[]),
        (&[], &[9], &[A, B]),
    ];
    for (mandatory, optional, names) in table {
        let demanding = Account { mandatory: mandatory.to_vec(), optional: optional.to_vec(), ..alice() };
        let answer = ask(&mut hss_with([demanding]), "icscf1", &uar(ALICE, impu(), None));
        let Answer::Uaa(uaa) = answer else { panic!("{answer:?}") };
        let capabilities = uaa.capabilities.unwrap();
        let names: Vec<ScscfName> = names.iter().map(|uri| name(uri)).collect();
        assert_eq!(capabilities.server_names, names, "{mandatory:?} {optional:?}");
        assert_eq!((&*capabilities.mandatory, &*capabilities.optional), (mandatory, optional));
    }
}

#[test]
fn rt_i_04_a_default_scscf_that_does_not_fit_is_not_handed_out() {
    let demanding = Account { mandatory: vec![8], ..alice() };
    let (answer, _) = Step::Lir(Leg::Terminating).run(&mut hss_with([demanding]));
    let Answer::Lia(lia) = answer else { panic!("{answer:?}") };
    assert_eq!(lia.capabilities.unwrap().server_names, [name(A)]);
}

#[test]
fn without_scscfs_and_capabilities_any_scscf_of_the_icscf_will_do() {
    let mut hss = Hss::new();
    hss.apply(Now::ZERO, StoreChange::Account(Box::new(alice()))).unwrap();
    for step in [Step::Uar(UarType::Registration), Step::Lir(Leg::Terminating)] {
        let capabilities = match step.run(&mut hss).0 {
            Answer::Uaa(uaa) => uaa.capabilities,
            Answer::Lia(lia) => lia.capabilities,
            answer @ (Answer::Saa(_) | Answer::Maa(_) | Answer::Rta(_) | Answer::Ppa(_) | Answer::Uda(_)) => {
                panic!("{answer:?}")
            }
        };
        assert_eq!(capabilities, Some(cx_protocol::Capabilities::default()));
    }
}

#[test]
fn rt_i_04_which_criteria_are_services_for_the_unregistered() {
    use ServiceTrigger::{Method, SessionCase as Case};
    let not = |trigger| (true, trigger);
    let is = |trigger| (false, trigger);
    let table = [
        (ProfilePart::Both, vec![is(Case(SessionCase::TerminatingUnregistered))], true),
        (ProfilePart::Unregistered, vec![is(Case(SessionCase::TerminatingUnregistered))], true),
        (ProfilePart::Registered, vec![is(Case(SessionCase::TerminatingUnregistered))], false),
        (ProfilePart::Both, vec![is(Case(SessionCase::TerminatingRegistered))], false),
        (ProfilePart::Both, vec![not(Case(SessionCase::TerminatingRegistered))], true),
        (ProfilePart::Both, vec![is(Method("SUBSCRIBE".into()))], true),
        (ProfilePart::Both, vec![is(Method("REGISTER".into()))], false),
        (ProfilePart::Both, vec![not(Method("REGISTER".into()))], true),
        (ProfilePart::Both, vec![is(Method("SUBSCRIBE".into())), is(Case(SessionCase::Originating))], false),
    ];
    for (part, spts, served) in table {
        let mut account = alice();
        account.sets[0].criteria.truncate(1);
        let criterion = &mut account.sets[0].criteria[0];
        criterion.profile_part = part;
        let case = format!("{part:?} {spts:?}");
        criterion.trigger.as_mut().unwrap().spts = spts
            .into_iter()
            .map(|(negated, trigger)| cx_protocol::Spt { groups: vec![0], negated, trigger })
            .collect();
        let result = Step::Lir(Leg::Terminating).run(&mut hss_with([account])).0.result();
        let expected = if served { ResultCode::UnregisteredService } else { IdentityNotRegistered };
        assert_eq!(result, expected, "{case}");
    }
    let mut always = alice();
    always.sets[0].criteria[0].trigger = None;
    let result = Step::Lir(Leg::Originating).run(&mut hss_with([always])).0.result();
    assert_eq!(result, ResultCode::UnregisteredService, "a criterion without a trigger always applies");
}

#[test]
fn reg_s_02_mar_gives_the_ha1s_of_that_spelling_in_the_accounts_order() {
    let mut own = alice();
    own.credentials[1].ha1s = vec![cx_protocol::Ha1::new(DigestAlgorithm::Md5, &[9; 16]).unwrap()];
    let mut hss = hss_with([own]);
    let mut given = |username, scheme| {
        let answer = ask(&mut hss, "scscf1a.home1.test", &mar(username, scheme));
        let Answer::Maa(maa) = answer else { panic!("{answer:?}") };
        let digest = maa.digest.unwrap();
        assert_eq!(&*digest.realm, "home1.test");
        digest.ha1s.iter().map(|ha1| (ha1.algorithm(), ha1.hash()[0])).collect::<Vec<_>>()
    };
    let both = [(DigestAlgorithm::Sha256, 2), (DigestAlgorithm::Md5, 1)];
    assert_eq!(given(ALICE, AuthScheme::SipDigest), both);
    assert_eq!(given(ALICE, AuthScheme::Unknown), both);
    assert_eq!(given("alice@home1.test", AuthScheme::SipDigest), [(DigestAlgorithm::Md5, 9)]);

    let softphone = Account { algorithms: vec![DigestAlgorithm::Md5], ..alice() };
    let answer = ask(&mut hss_with([softphone]), "scscf1a.home1.test", &mar(ALICE, AuthScheme::SipDigest));
    let Answer::Maa(maa) = answer else { panic!("{answer:?}") };
    assert_eq!(maa.digest.unwrap().ha1s.len(), 1);
}

#[test]
fn mar_5006_for_another_scheme_or_an_account_without_password() {
    let mut without = alice();
    without.credentials[0].ha1s.clear();
    for (account, scheme) in [(alice(), AuthScheme::DigestAkaV1Md5), (without, AuthScheme::SipDigest)] {
        let mut hss = hss_with([account]);
        let (answer, changes) = hss.answer(Now::ZERO, "scscf1a.home1.test", &mar(ALICE, scheme));
        assert_eq!((answer.result(), changes), (AuthSchemeNotSupported, vec![]));
    }
}

#[test]
fn an_scscf_speaks_for_itself_only() {
    let mut hss = hss_with([alice()]);
    for step in [Step::Mar(A), Step::Sar(SarType::Registration, A)] {
        let (answer, changes) = hss.answer(Now::ZERO, "scscf1b.home1.test", &step.request());
        assert_eq!((answer.result(), changes), (UnableToComply, vec![]), "{step:?}");
        let (answer, _) = hss.answer(Now::ZERO, "SCSCF1A.home1.test", &step.request());
        assert_eq!(answer.result(), Success, "{step:?}");
    }
}

#[test]
fn sar_type_3_needs_no_username_and_types_1_and_2_do() {
    for (kind, result) in [
        (SarType::UnregisteredUser, Success),
        (SarType::Registration, UnableToComply),
        (SarType::ReRegistration, UnableToComply),
    ] {
        let sar = Request::Sar(Sar { impi: None, impu: impu(), server_name: name(A), kind });
        let answer = ask(&mut hss_with([alice()]), "scscf1a.home1.test", &sar);
        let Answer::Saa(saa) = answer else { panic!("{answer:?}") };
        assert_eq!(saa.result, result, "{kind:?}");
        assert_eq!(saa.impi, (result == Success).then(|| impi(ALICE)), "{kind:?}");
    }
}

#[test]
fn reg_s_07_sets_have_states_of_their_own_at_one_scscf() {
    let mut two = alice();
    two.sets.push(profile(&[("sip:office@home1.test", false)]));
    let mut hss = hss_with([two]);
    let sar = |kind, identity: &str, scscf| {
        Request::Sar(Sar { impi: Some(impi(ALICE)), impu: uri(identity), server_name: name(scscf), kind })
    };
    let (home, office) = ("sip:alice@home1.test", "sip:office@home1.test");
    assert_eq!(ask(&mut hss, "scscf1a.home1.test", &sar(SarType::Registration, home, A)).result(), Success);
    assert_eq!(hss.list().to_string(), "alice sip:scscf1a.home1.test registered,not-registered\n");
    let answer = ask(&mut hss, "icscf1", &uar(ALICE, uri(office), None));
    assert_eq!(answer.result(), SubsequentRegistration, "the other set goes to the same S-CSCF");
    let elsewhere = ask(&mut hss, "scscf1b.home1.test", &sar(SarType::Registration, office, B));
    assert_eq!(elsewhere.result(), ResultCode::IdentityAlreadyRegistered);
    assert_eq!(ask(&mut hss, "scscf1a.home1.test", &sar(SarType::Registration, office, A)).result(), Success);
    assert_eq!(
        ask(&mut hss, "scscf1a.home1.test", &sar(SarType::UserDeregistration, home, A)).result(),
        Success
    );
    assert_eq!(hss.list().to_string(), "alice sip:scscf1a.home1.test not-registered,registered\n");
    assert_eq!(
        ask(&mut hss, "scscf1a.home1.test", &sar(SarType::UserDeregistration, office, A)).result(),
        Success
    );
    assert_eq!(hss.list().to_string(), "alice - not-registered,not-registered\n");
}

#[test]
fn udr_names_the_presence_server_and_changes_nothing() {
    let mut hss = hss_with([alice()]);
    Step::Sar(SarType::Registration, A).run(&mut hss);
    let (answer, changes) = hss.answer(Now::ZERO, "gateway1", &udr("sip:alice@home1.test;gr=x"));
    let Answer::Uda(uda) = answer else { panic!("{answer:?}") };
    assert_eq!(changes, []);
    assert_eq!(uda.presence_server.as_deref(), Some("sip:ps1.home1.test"));
    assert_eq!((uda.server_name, uda.state), (Some(name(A)), Some(RegistrationState::Registered)));
    assert_eq!(uda.impus, [impu()]);
    assert_eq!(ask(&mut hss, "gateway1", &udr("sip:nobody@home1.test")).result(), UserUnknown);
}

/// Whom the HSS tells what, of the users whose first identities these are.
fn pushes(hss: &mut Hss) -> Vec<(Box<str>, Impu)> {
    let told = std::iter::from_fn(|| hss.poll_notice());
    let pushed = told.filter_map(|(host, request)| {
        let Request::Ppr(ppr) = request else { return None };
        Some((host, ppr.profile.identities.identities[0].impu.clone()))
    });
    pushed.collect()
}

#[test]
fn pub_12_whoever_has_read_is_told_once_when_that_is_no_longer_true() {
    let gateways = Account { agents: vec![uri("sip:gateway1.home1.test")], ..alice() };
    let moved = Account { presence_server: Some("sip:ps2.home1.test".into()), ..gateways.clone() };
    let mut hss = hss_with([alice()]);
    let put = |hss: &mut Hss, account: &Account| {
        hss.apply(Now::ZERO, StoreChange::Account(Box::new(account.clone()))).unwrap();
        pushes(hss)
    };
    let (ps1, ps2) = (Box::from("ps1.home1.test"), Box::from("ps2.home1.test"));
    assert_eq!(put(&mut hss, &gateways), [], "nobody has asked");
    for host in ["ps1.home1.test", "ps2.home1.test"] {
        let Answer::Uda(uda) = hss.answer(Now::ZERO, host, &udr("sip:alice@home1.test")).0 else {
            panic!("{host}")
        };
        assert_eq!(uda.agents, gateways.agents);
    }
    assert_eq!(put(&mut hss, &gateways), [], "nothing has changed");
    // One that connects anew has forgotten everything.
    hss.connected("ps2.home1.test");
    assert_eq!(put(&mut hss, &alice()), [(ps1, impu())]);
    assert_eq!(put(&mut hss, &moved), [], "it has been told, and has not asked since");
    ask(&mut hss, "ps2.home1.test", &udr("sip:alice@home1.test"));
    hss.remove(Now::ZERO, ALICE).unwrap();
    assert_eq!(pushes(&mut hss), [(ps2, impu())]);
}

#[test]
fn what_only_the_hss_sends_is_not_taken_from_others() {
    let mut hss = hss_with([alice()]);
    let rtr = Request::Rtr(cx_protocol::Rtr {
        impi: impi(ALICE),
        impus: vec![],
        reason: RtrReason::RemoveScscf,
        reason_info: None,
    });
    assert_eq!(ask(&mut hss, "scscf1a.home1.test", &rtr).result(), CommandUnsupported);
}

#[test]
fn reg_s_11_reassign_tells_the_old_scscf_and_sends_the_next_register_to_the_new() {
    for user in [ALICE, "alice@home1.test", "sip:alice@home1.test"] {
        let mut hss = hss_with([alice()]);
        Step::Sar(SarType::Registration, A).run(&mut hss);
        assert_eq!(hss.reassign(Now::ZERO, user, name(B)).unwrap().len(), 1);
        let Some((to, Request::Rtr(rtr))) = hss.poll_request() else { panic!("an RTR") };
        assert_eq!((to, rtr.reason), (name(A), RtrReason::ServerChange));
        let (answer, _) = Step::Uar(UarType::Registration).run(&mut hss);
        let Answer::Uaa(uaa) = answer else { panic!("{answer:?}") };
        assert_eq!(uaa.server_name, Some(name(B)));
        assert_eq!(Step::Sar(SarType::Registration, B).run(&mut hss).0.result(), Success);
        assert_eq!(hss.poll_request(), None, "A was told before");
    }
}

#[test]
fn reg_s_11_deregister_ends_the_registration_for_good() {
    let mut hss = hss_with([alice()]);
    assert_eq!(hss.deregister(Now::ZERO, ALICE), Ok(vec![]), "nobody had her");
    assert_eq!(hss.poll_request(), None);
    Step::Sar(SarType::Registration, A).run(&mut hss);
    assert_eq!(hss.deregister(Now::ZERO, ALICE).unwrap().len(), 1);
    let Some((_, Request::Rtr(rtr))) = hss.poll_request() else { panic!("an RTR") };
    assert_eq!((rtr.reason, rtr.impus), (RtrReason::PermanentTermination, vec![impu()]));
    assert_eq!(hss.list().to_string(), "alice - not-registered\n");
}

#[test]
fn reg_s_12_push_sends_the_new_profile_to_the_scscf_that_has_the_user() {
    let mut hss = hss_with([alice()]);
    assert_eq!(hss.push(Now::ZERO, ALICE), Ok(vec![]));
    assert_eq!(hss.poll_request(), None, "nobody has her");
    Step::Sar(SarType::Registration, A).run(&mut hss);
    let mut changed = alice();
    changed.sets[0].criteria.clear();
    hss.apply(Now::ZERO, StoreChange::Account(Box::new(changed.clone()))).unwrap();
    hss.push(Now::ZERO, ALICE).unwrap();
    let Some((to, Request::Ppr(ppr))) = hss.poll_request() else { panic!("a PPR") };
    assert_eq!((to, ppr.impi, ppr.profile), (name(A), impi(ALICE), changed.sets[0].clone()));
}

#[test]
fn the_operator_is_told_when_there_is_no_such_scscf() {
    let mut hss = hss_with([alice()]);
    Step::Sar(SarType::Registration, A).run(&mut hss);
    let nowhere = name("sip:scscf9.home1.test");
    assert_eq!(hss.reassign(Now::ZERO, ALICE, nowhere.clone()), Err(OperatorError::UnknownScscf));
    assert_eq!(
        (hss.poll_request(), hss.list().to_string().as_str()),
        (None, "alice sip:scscf1a.home1.test registered\n")
    );
    // Where none are listed, any may be there.
    hss.apply(Now::ZERO, StoreChange::Directory(ScscfDirectory::default())).unwrap();
    assert_eq!(hss.reassign(Now::ZERO, ALICE, nowhere).unwrap().len(), 1);
}

#[test]
fn the_operator_is_told_when_there_is_no_such_user() {
    let mut hss = hss_with([alice()]);
    for user in ["nobody", "sip:nobody@home1.test", ""] {
        assert_eq!(hss.reassign(Now::ZERO, user, name(B)), Err(OperatorError::UnknownUser));
        assert_eq!(hss.deregister(Now::ZERO, user), Err(UnknownUser));
        assert_eq!(hss.push(Now::ZERO, user), Err(UnknownUser));
        assert_eq!(hss.explain(user), Err(UnknownUser));
    }
}

#[test]
fn an_identity_belongs_to_one_account_and_a_replaced_account_gives_up_its_old_ones() {
    let mut hss = hss_with([alice()]);
    let claims = |account| StoreChange::Account(Box::new(account));
    let conflict = |identity: &str| Err(Conflict { account: ALICE.into(), identity: identity.into() });
    assert_eq!(
        hss.apply(Now::ZERO, claims(account("mallory", "sip:alice@home1.test"))),
        conflict("sip:alice@home1.test")
    );
    let thief = Account { credentials: alice().credentials, ..account("mallory", "sip:mallory@home1.test") };
    assert_eq!(hss.apply(Now::ZERO, claims(thief)), conflict(ALICE));

    Step::Sar(SarType::Registration, A).run(&mut hss);
    let renamed = Account { sets: vec![profile(&[("sip:al@home1.test", false)])], ..alice() };
    hss.apply(Now::ZERO, claims(renamed)).unwrap();
    assert!(
        hss.list().to_string().starts_with("alice - not-registered\n"),
        "nothing of what was registered is there"
    );
    assert_eq!(ask(&mut hss, "icscf1", &uar(ALICE, impu(), None)).result(), UserUnknown);
    hss.apply(Now::ZERO, claims(account("mallory", "sip:alice@home1.test"))).unwrap();
    hss.apply(Now::ZERO, StoreChange::Directory(ScscfDirectory::default())).unwrap();
}

#[test]
fn a_replaced_account_leaves_nothing_of_its_former_identities_and_takes_nothing_of_others() {
    let erin = || account("erin", "sip:erin@home1.test");
    let mut hss = hss_with([alice(), erin()]);
    let usernames = account("al", "sip:al@home1.test").credentials;
    let kept = profile(&[("sip:al@home1.test", false), ("sip:alice@home1.test", false)]);
    let changes = [
        Account { sets: vec![profile(&[("sip:al@home1.test", false)])], credentials: usernames, ..alice() },
        Account { sets: vec![kept], ..alice() },
    ];
    // A username, a public identity, and what each is after the first and the second change.
    let rows = [
        (ALICE, "sip:alice@home1.test", [UserUnknown, Success]),
        (ALICE, "sip:al@home1.test", [UserUnknown, Success]),
        ("al", "sip:alice@home1.test", [UserUnknown, UserUnknown]),
        ("al", "sip:al@home1.test", [Success, UserUnknown]),
        ("erin", "sip:erin@home1.test", [Success, Success]),
    ];
    for (at, change) in changes.into_iter().enumerate() {
        hss.apply(Now::ZERO, StoreChange::Account(Box::new(change))).unwrap();
        for (username, identity, results) in rows {
            let result = ask(&mut hss, "icscf1", &uar(username, uri(identity), None)).result();
            assert_eq!(result, results[at], "{username} {identity} after change {at}");
        }
    }
    let heir = Account { credentials: account("al", "sip:heir@home1.test").credentials, ..erin() };
    assert_eq!(
        hss.apply(Now::ZERO, StoreChange::Account(Box::new(heir))),
        Ok(vec![]),
        "a username that is free again"
    );
}

#[test]
fn explain_shows_no_secret() {
    let text = hss_with([alice()]).explain(ALICE).unwrap().to_string();
    assert!(text.contains("identity sip:alice@home1.test"), "{text}");
    for hash in ["01".repeat(16), "02".repeat(32)] {
        assert!(!text.contains(&hash), "{text}");
    }
}
