//! Who gets which answer in which state, and what each request does to the state (conformance of the HSS).
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test helper may fail its test"
)]

mod support;

use clock::{Now, Wall};
use cx_protocol::RegistrationState::{AuthenticationPending, NotRegistered, Registered, Unregistered};
use cx_protocol::ResultCode::{
    IdentityAlreadyRegistered, IdentityNotRegistered, SubsequentRegistration, Success, UnableToComply,
    UnregisteredService,
};
use cx_protocol::{
    Answer, Leg, RegistrationState, Request, ResultCode, Rtr, RtrReason, Sar, SarType, ScscfName, UarType,
};
use hss::{Hss, StoreChange};
use support::{A, ALICE, B, Step, alice, hss_with, impi, impu, name};

const REGISTRATION: UarType = UarType::Registration;

/// Takes the steps and expects each of them to succeed.
fn after(steps: &[Step]) -> Hss {
    let mut hss = hss_with([alice()]);
    for step in steps {
        let result = step.run(&mut hss).0.result();
        assert!(result.is_success(), "{step:?}: {result:?}");
    }
    hss
}

/// The states that the tables below start from, and how each comes about.
fn states() -> [(&'static str, Vec<Step>); 7] {
    use SarType::{Registration, UnregisteredUser};
    [
        ("not registered", vec![]),
        ("pending at A", vec![Step::Mar(A)]),
        ("registered at A", vec![Step::Mar(A), Step::Sar(Registration, A)]),
        ("unregistered at A", vec![Step::Sar(UnregisteredUser, A)]),
        ("registered at A, pending at B", vec![Step::Mar(A), Step::Sar(Registration, A), Step::Mar(B)]),
        ("unregistered at A, pending at B", vec![Step::Sar(UnregisteredUser, A), Step::Mar(B)]),
        ("left A", vec![Step::Sar(Registration, A), Step::Sar(SarType::UserDeregistration, A)]),
    ]
}

#[test]
fn reg_i_04_uar_names_the_assigned_scscf_or_says_how_to_choose_one() {
    let none = (Success, None);
    let at = |scscf| (SubsequentRegistration, Some(name(scscf)));
    let expected = [none.clone(), at(A), at(A), at(A), at(B), at(B), none];
    for ((state, steps), (result, server_name)) in states().into_iter().zip(expected) {
        let (answer, changes) = Step::Uar(REGISTRATION).run(&mut after(&steps));
        let Answer::Uaa(uaa) = answer else { panic!("{answer:?}") };
        assert_eq!((uaa.result, &uaa.server_name), (result, &server_name), "{state}");
        assert_eq!(uaa.capabilities.is_some(), server_name.is_none(), "{state}");
        assert_eq!(changes, [], "{state}: UAR changes nothing");
    }
}

#[test]
fn reg_i_07_uar_asking_for_capabilities_never_names_the_scscf_that_failed_to_answer() {
    for (state, steps) in states() {
        let (answer, _) = Step::Uar(UarType::RegistrationAndCapabilities).run(&mut after(&steps));
        let Answer::Uaa(uaa) = answer else { panic!("{answer:?}") };
        assert_eq!((uaa.result, uaa.server_name), (Success, None), "{state}");
        assert_eq!(uaa.capabilities.unwrap().server_names, [name(A), name(B)], "{state}");
    }
}

#[test]
fn reg_i_05_uar_for_a_deregistration_of_nobody_is_5003() {
    let expected = [
        IdentityNotRegistered,
        SubsequentRegistration,
        SubsequentRegistration,
        SubsequentRegistration,
        SubsequentRegistration,
        SubsequentRegistration,
        IdentityNotRegistered,
    ];
    for ((state, steps), result) in states().into_iter().zip(expected) {
        let answer = Step::Uar(UarType::Deregistration).run(&mut after(&steps)).0;
        assert_eq!(answer.result(), result, "{state}");
    }
}

#[test]
fn rt_i_03_04_05_lir_names_the_serving_scscf_or_the_default_or_refuses() {
    let unserved = (UnregisteredService, None);
    let at = |scscf| (Success, Some(name(scscf)));
    let expected = [unserved.clone(), at(A), at(A), at(A), at(A), at(A), unserved];
    for ((state, steps), (result, server_name)) in states().into_iter().zip(expected) {
        let (answer, changes) = Step::Lir(Leg::Terminating).run(&mut after(&steps));
        let Answer::Lia(lia) = answer else { panic!("{answer:?}") };
        assert_eq!((lia.result, &lia.server_name), (result, &server_name), "{state}");
        let first = lia.capabilities.and_then(|capabilities| capabilities.server_names.first().cloned());
        assert_eq!(first, server_name.is_none().then(|| name(B)), "{state}: B is the default");
        assert_eq!(changes, [], "{state}: LIR changes nothing");
    }
}

#[test]
fn rt_i_03_another_scscf_may_have_a_user_who_is_not_registered() {
    for (state, steps) in states() {
        let mut hss = after(&steps);
        let (registered, at, _) = support::registration(&hss);
        let Answer::Lia(lia) = Step::LirForAnother.run(&mut hss).0 else { panic!("{state}: no LIA") };
        if registered == Registered {
            assert_eq!((lia.result, lia.server_name), (Success, at), "{state}: it alone has the contacts");
        } else {
            assert_eq!((lia.result, lia.server_name), (UnregisteredService, None), "{state}");
            assert!(lia.capabilities.is_some(), "{state}");
        }
    }
}

#[test]
fn rt_i_05_lir_without_unregistered_service_is_5003_until_registered() {
    let expected = [
        IdentityNotRegistered,
        IdentityNotRegistered,
        Success,
        Success,
        Success,
        Success,
        IdentityNotRegistered,
    ];
    for ((state, steps), result) in states().into_iter().zip(expected) {
        // Nothing of alice's serves what others send in her name.
        let answer = Step::Lir(Leg::Originating).run(&mut after(&steps)).0;
        assert_eq!(answer.result(), result, "{state}");
    }
}

#[test]
fn reg_s_02_mar_remembers_the_scscf_and_keeps_what_is_registered() {
    let expected = [
        (AuthenticationPending, None, Some(B)),
        (AuthenticationPending, None, Some(B)),
        (Registered, Some(A), Some(B)),
        (Unregistered, Some(A), Some(B)),
        (Registered, Some(A), Some(B)),
        (Unregistered, Some(A), Some(B)),
        (AuthenticationPending, None, Some(B)),
    ];
    for ((state, steps), (set, scscf, next)) in states().into_iter().zip(expected) {
        let mut hss = after(&steps);
        assert_eq!(Step::Mar(B).run(&mut hss).0.result(), Success, "{state}");
        assert_eq!(support::registration(&hss), (set, scscf.map(name), next.map(name)), "{state}");
    }
}

/// A result, then the state of alice's set, who has her, and who is to have her next.
type Row = (ResultCode, RegistrationState, Option<&'static str>, Option<&'static str>);

const TAKEN: Row = (Success, Registered, Some(B), None);
const SERVED: Row = (Success, Unregistered, Some(B), None);
const NOBODY: Row = (Success, NotRegistered, None, None);

const fn held(result: ResultCode, next: Option<&'static str>) -> Row {
    (result, Registered, Some(A), next)
}

const fn kept(result: ResultCode, next: Option<&'static str>) -> Row {
    (result, Unregistered, Some(A), next)
}

const fn pending(result: ResultCode) -> Row {
    (result, AuthenticationPending, None, Some(A))
}

const OTHER: ResultCode = IdentityAlreadyRegistered;
const CANNOT: ResultCode = UnableToComply;

/// What a SAR by B leads to in each of the states above.
const REGISTERS: [Row; 7] = [TAKEN, TAKEN, held(OTHER, None), TAKEN, TAKEN, TAKEN, TAKEN];
const SERVES: [Row; 7] = [
    SERVED,
    (Success, Unregistered, Some(B), Some(A)),
    held(OTHER, None),
    SERVED,
    held(OTHER, Some(B)),
    SERVED,
    SERVED,
];
const LEAVES: [Row; 7] = [
    NOBODY,
    pending(Success),
    held(OTHER, None),
    kept(OTHER, None),
    held(OTHER, Some(B)),
    kept(OTHER, Some(B)),
    NOBODY,
];
const FAILS: [Row; 7] = [
    NOBODY,
    pending(Success),
    held(Success, None),
    kept(Success, None),
    held(Success, None),
    kept(Success, None),
    NOBODY,
];
const ASKS: [Row; 7] = [
    (CANNOT, NotRegistered, None, None),
    pending(CANNOT),
    held(CANNOT, None),
    kept(CANNOT, None),
    held(Success, Some(B)),
    kept(Success, Some(B)),
    (CANNOT, NotRegistered, None, None),
];

const EVERY_SAR: [(SarType, [Row; 7]); 9] = [
    (SarType::NoAssignment, ASKS),
    (SarType::Registration, REGISTERS),
    (SarType::ReRegistration, REGISTERS),
    (SarType::UnregisteredUser, SERVES),
    (SarType::TimeoutDeregistration, LEAVES),
    (SarType::UserDeregistration, LEAVES),
    (SarType::AdministrativeDeregistration, LEAVES),
    (SarType::AuthenticationFailure, FAILS),
    (SarType::AuthenticationTimeout, FAILS),
];

#[test]
fn reg_s_03_every_sar_in_every_state() {
    for (kind, rows) in EVERY_SAR {
        for ((state, steps), (result, set, scscf, next)) in states().into_iter().zip(rows) {
            let mut hss = after(&steps);
            let before = support::registration(&hss);
            let (answer, changes) = Step::Sar(kind, B).run(&mut hss);
            let case = format!("{kind:?} by B, {state}");
            assert_eq!(answer.result(), result, "{case}");
            assert_eq!(support::registration(&hss), (set, scscf.map(name), next.map(name)), "{case}");
            assert_eq!(
                changes.is_empty(),
                before == support::registration(&hss),
                "{case}: what changed is kept"
            );
            let Answer::Saa(saa) = answer else { panic!("{answer:?}") };
            let has_profile = rows == REGISTERS || rows == SERVES || rows == ASKS;
            assert_eq!(saa.profile.is_some(), has_profile && result == Success, "{case}");
        }
    }
}

#[test]
fn reg_s_03_the_holder_registers_again_and_leaves() {
    use SarType::{AuthenticationFailure, NoAssignment, ReRegistration, Registration, TimeoutDeregistration};
    let table = [
        (ReRegistration, Registered, Some(A)),
        (NoAssignment, Registered, Some(A)),
        (AuthenticationFailure, Registered, Some(A)),
        (SarType::UnregisteredUser, Unregistered, Some(A)),
        (TimeoutDeregistration, NotRegistered, None),
    ];
    for (kind, set, scscf) in table {
        let mut hss = after(&[Step::Mar(A), Step::Sar(Registration, A), Step::Mar(A), Step::Sar(kind, A)]);
        assert_eq!(support::registration(&hss), (set, scscf.map(name), None), "{kind:?}");
        assert_eq!(hss.poll_request(), None, "{kind:?}: nobody lost the user");
    }
}

#[test]
fn reg_s_11_the_scscf_that_lost_a_user_to_another_is_told() {
    use SarType::{Registration, UnregisteredUser};
    for steps in [
        vec![Step::Sar(Registration, A), Step::Mar(B), Step::Sar(Registration, B)],
        vec![Step::Sar(UnregisteredUser, A), Step::Sar(UnregisteredUser, B)],
    ] {
        let mut hss = after(&steps);
        let Some((to, Request::Rtr(rtr))) = hss.poll_request() else { panic!("an RTR") };
        assert_eq!(to, name(A));
        let expected = Rtr {
            impi: impi(ALICE),
            impus: vec![impu()],
            reason: RtrReason::NewServerAssigned,
            reason_info: None,
        };
        assert_eq!(rtr, expected);
        assert_eq!(hss.poll_request(), None);
    }
}

const A_HOST: &str = "SCSCF1a.home1.test";

/// Whom the HSS reminds, and of what, when the node of that host connects.
fn reminded(hss: &mut Hss, host: &str) -> Vec<(ScscfName, RtrReason)> {
    hss.connected(host);
    let rtr = |(scscf, request)| {
        let Request::Rtr(rtr) = request else { panic!("{request:?}") };
        (scscf, rtr.reason)
    };
    std::iter::from_fn(|| hss.poll_reminder()).map(rtr).collect()
}

#[test]
fn reg_s_11_what_an_s_cscf_has_not_confirmed_it_hears_when_it_connects() {
    use SarType::{Registration, UnregisteredUser};
    let registered = [Step::Mar(A), Step::Sar(Registration, A)];
    let deregister = |hss: &mut Hss| hss.deregister(Now::ZERO, ALICE).unwrap();
    let reassign = |hss: &mut Hss| hss.reassign(Now::ZERO, ALICE, name(B)).unwrap();
    let takes = |step: Step| move |hss: &mut Hss| step.run(hss).1;
    let to_b = takes(Step::Sar(UnregisteredUser, B));
    let back = takes(Step::Sar(Registration, A));
    let confirms = |hss: &mut Hss| hss.confirmed(Now::ZERO, &name(A), &[impu()]);
    type Happens<'a> = &'a dyn Fn(&mut Hss) -> Vec<StoreChange>;
    let table: [(&str, &[Happens<'_>], Option<RtrReason>); 7] = [
        ("nothing", &[], None),
        ("deregistered", &[&deregister], Some(RtrReason::PermanentTermination)),
        ("reassigned", &[&reassign], Some(RtrReason::ServerChange)),
        ("and had by B", &[&reassign, &to_b], Some(RtrReason::ServerChange)),
        ("the last order counts", &[&reassign, &deregister], Some(RtrReason::PermanentTermination)),
        ("back at A", &[&deregister, &back], None),
        ("confirmed", &[&deregister, &confirms], None),
    ];
    for (case, happens, reason) in table {
        let mut hss = after(&registered);
        let kept: Vec<StoreChange> = happens.iter().flat_map(|happens| happens(&mut hss)).collect();
        let expected: Vec<_> = reason.map(|reason| (name(A), reason)).into_iter().collect();
        assert_eq!(reminded(&mut hss, A_HOST), expected, "{case}");
        assert_eq!(reminded(&mut hss, A_HOST), expected, "{case}: again and again");
        assert_eq!(reminded(&mut hss, "scscf1b.home1.test"), [], "{case}");
        let mut restored = hss_with([alice()]);
        for change in kept {
            restored.apply(Now::ZERO, change).unwrap();
        }
        assert_eq!(reminded(&mut restored, A_HOST), expected, "{case}: after a restart");
    }
    let mut hss = after(&[Step::Sar(UnregisteredUser, A), Step::Sar(UnregisteredUser, B)]);
    assert_eq!(reminded(&mut hss, A_HOST), [(name(A), RtrReason::NewServerAssigned)], "lost to another");
}

#[test]
fn reg_s_12_a_pushed_profile_is_pushed_again_until_it_is_confirmed() {
    use SarType::{Registration, UserDeregistration};
    let push = |hss: &mut Hss| hss.push(Now::ZERO, ALICE).unwrap();
    let confirms = |hss: &mut Hss| hss.profile_confirmed(Now::ZERO, &name(A), &impu());
    let other = |hss: &mut Hss| hss.profile_confirmed(Now::ZERO, &name(B), &impu());
    let refreshes = |hss: &mut Hss| Step::Sar(Registration, A).run(hss).1;
    let leaves = |hss: &mut Hss| Step::Sar(UserDeregistration, A).run(hss).1;
    let deregister = |hss: &mut Hss| hss.deregister(Now::ZERO, ALICE).unwrap();
    type Happens<'a> = &'a dyn Fn(&mut Hss) -> Vec<StoreChange>;
    let table: [(&str, &[Happens<'_>], usize); 7] = [
        ("pushed", &[&push], 1),
        ("pushed twice", &[&push, &push], 1),
        ("confirmed by another", &[&push, &other], 1),
        ("confirmed", &[&push, &confirms], 0),
        ("it has come with an answer", &[&push, &refreshes], 0),
        ("the user has left", &[&push, &leaves], 0),
        (
            "the user was taken away, which is told instead",
            &[&push, &deregister, &|hss: &mut Hss| hss.confirmed(Now::ZERO, &name(A), &[impu()])],
            0,
        ),
    ];
    for (case, happens, pushed) in table {
        let mut hss = hss_with([alice()]);
        let mut kept = Step::Sar(Registration, A).run(&mut hss).1;
        kept.extend(happens.iter().flat_map(|happens| happens(&mut hss)));
        let mut restored = hss_with([alice()]);
        for change in kept {
            restored.apply(Now::ZERO, change).unwrap();
        }
        for hss in [&mut hss, &mut restored] {
            hss.connected("scscf1b.home1.test");
            assert_eq!(hss.poll_reminder(), None, "{case}");
            hss.connected(A_HOST);
            let said: Vec<_> = std::iter::from_fn(|| hss.poll_reminder()).collect();
            assert!(
                said.iter().all(|(to, request)| *to == name(A) && matches!(request, Request::Ppr(_))),
                "{case}"
            );
            assert_eq!(said.len(), pushed, "{case}");
        }
    }
}

#[test]
fn reg_s_11_who_has_come_back_before_the_reminder_is_sent_is_left_there() {
    let mut hss = after(&[Step::Sar(SarType::Registration, A)]);
    hss.deregister(Now::ZERO, ALICE).unwrap();
    hss.connected(A_HOST);
    Step::Sar(SarType::Registration, A).run(&mut hss);
    assert_eq!(hss.poll_reminder(), None);
}

#[test]
fn reg_s_11_of_a_user_four_s_cscfs_are_remembered() {
    let all = ["1", "2", "3", "4", "5", "6"].map(|number| format!("scscf{number}.home1.test"));
    let mut hss = hss_with([alice()]);
    for host in &all {
        let (impi, server_name) = (Some(impi(ALICE)), name(&format!("sip:{host}")));
        let sar = Sar { impi, impu: impu(), server_name, kind: SarType::UnregisteredUser };
        assert_eq!(hss.answer(Now::ZERO, host, &Request::Sar(sar)).0.result(), Success);
    }
    let remembered = all.map(|host| reminded(&mut hss, &host).len());
    assert_eq!(remembered, [0, 1, 1, 1, 1, 0], "the first is forgotten, the last has the user");
}

#[test]
fn reg_s_02_after_a_failed_authentication_the_way_is_free() {
    let mut hss = after(&[Step::Mar(A), Step::Sar(SarType::AuthenticationTimeout, A)]);
    assert_eq!(support::registration(&hss), (NotRegistered, None, None));
    assert_eq!(Step::Uar(REGISTRATION).run(&mut hss).0.result(), Success);
}

#[test]
fn requests_are_idempotent_a_repeated_one_changes_nothing_more() {
    use SarType::{Registration, UnregisteredUser, UserDeregistration};
    let steps = [
        Step::Mar(A),
        Step::Sar(Registration, A),
        Step::Sar(UserDeregistration, A),
        Step::Sar(UnregisteredUser, A),
    ];
    let mut hss = hss_with([alice()]);
    for step in steps {
        let (first, changes) = step.run(&mut hss);
        assert_eq!(changes.len(), 1, "{step:?}");
        assert_eq!(step.run(&mut hss), (first, vec![]), "{step:?}");
    }
}

#[test]
fn a_change_carries_the_time_and_rebuilds_the_store() {
    let mut hss = hss_with([alice()]);
    let now = Now { wall: Wall::from_unix_millis(1_700_000_000_000), ..Now::ZERO };
    let (_, changes) = hss.answer(now, "scscf1a.home1.test", &Step::Sar(SarType::Registration, A).request());
    let [StoreChange::Registration(account, registration)] = &changes[..] else { panic!("{changes:?}") };
    assert_eq!((&**account, registration.changed), (ALICE, now.wall));

    let mut restored = hss_with([alice()]);
    restored.apply(Now::ZERO, changes[0].clone()).unwrap();
    assert_eq!(support::registration(&restored), support::registration(&hss));
    assert_eq!(restored.list().to_string(), "alice sip:scscf1a.home1.test registered\n");
}
