//! Accounts that change or go while their users are registered.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    reason = "a test helper may fail its test"
)]

mod support;

use clock::{Mono, Now, Wall};
use cx_protocol::ResultCode::{Success, UserUnknown};
use cx_protocol::{Impu, Request, Rtr, RtrReason, SarType};
use hss::{Account, Credentials, Hss, StoreChange, UnknownUser};
use support::*;

const AT: Now = Now { mono: Mono::ZERO, wall: Wall::from_unix_millis(7) };

/// Alice with these sets of identities.
fn with_sets(sets: &[&[&str]]) -> Account {
    let identities = |set: &&[&str]| -> Vec<(String, bool)> {
        set.iter().map(|name| (format!("sip:{name}@home1.test"), false)).collect()
    };
    let profile = |set: &&[&str]| {
        let identities = identities(set);
        let identities: Vec<(&str, bool)> =
            identities.iter().map(|(uri, barred)| (&**uri, *barred)).collect();
        profile(&identities)
    };
    Account { sets: sets.iter().map(profile).collect(), ..alice() }
}

/// An HSS with alice, where the sets of these identities are registered at A; and what it has kept of that.
fn registered(sets: &[&[&str]], identities: &[&str]) -> (Hss, Vec<StoreChange>) {
    let mut hss = hss_with([with_sets(sets)]);
    let mut kept = Vec::new();
    for identity in identities {
        let request = sar(identity, SarType::Registration);
        let (answer, changes) = hss.answer(Now::ZERO, "scscf1a.home1.test", &request);
        assert_eq!(answer.result(), Success);
        kept.extend(changes);
    }
    (hss, kept)
}

fn sar(identity: &str, kind: SarType) -> Request {
    let impu = uri(&format!("sip:{identity}@home1.test"));
    Request::Sar(cx_protocol::Sar { impi: Some(impi(ALICE)), impu, server_name: name(A), kind })
}

fn replace(hss: &mut Hss, account: Account) -> Vec<StoreChange> {
    hss.apply(AT, StoreChange::Account(Box::new(account))).unwrap()
}

/// Whom the HSS tells that these users are gone.
fn told(hss: &mut Hss) -> Vec<(String, Vec<String>)> {
    let ended = |(scscf, request): (_, Request)| match request {
        Request::Rtr(Rtr { impus, reason: RtrReason::PermanentTermination, .. }) => {
            (format!("{scscf}"), impus.iter().map(Impu::to_string).collect())
        }
        other => panic!("{other:?}"),
    };
    std::iter::from_fn(|| hss.poll_request()).map(ended).collect()
}

#[test]
fn sets_keep_their_state_by_identity_wherever_they_stand() {
    type Names = &'static [&'static str];
    type Row = (&'static str, &'static [Names], Names, &'static [Names], String, Names);
    let at_a = |states: &str| format!("alice {A} {states}\n");
    let rows: [Row; 8] = [
        (
            "in another order",
            &[&["a"], &["b"]],
            &["a"],
            &[&["b"], &["a"]],
            at_a("not-registered,registered"),
            &[],
        ),
        ("one in front", &[&["a"]], &["a"], &[&["n"], &["a"]], at_a("not-registered,registered"), &[]),
        ("one taken from the front", &[&["n"], &["a"]], &["a"], &[&["a"]], at_a("registered"), &[]),
        ("one identity stays", &[&["a", "x"]], &["a"], &[&["y", "x"]], at_a("registered"), &[]),
        ("two become one", &[&["a"], &["b"]], &["b"], &[&["a", "b"]], at_a("registered"), &[]),
        ("one becomes two", &[&["a", "b"]], &["a"], &[&["a"], &["b"]], at_a("registered,registered"), &[]),
        ("one of two is gone", &[&["a"], &["b"]], &["a", "b"], &[&["b"]], at_a("registered"), &["a"]),
        (
            "all are others",
            &[&["a"], &["b"]],
            &["a"],
            &[&["c"]],
            "alice - not-registered\n".to_owned(),
            &["a"],
        ),
    ];
    for (what, before, registered_as, after, expected, ended) in rows {
        let (mut hss, kept) = registered(before, registered_as);
        let changes = replace(&mut hss, with_sets(after));
        let list = hss.list().to_string();
        let live: String =
            list.lines().filter(|line| !line.contains('~')).map(|line| format!("{line}\n")).collect();
        assert_eq!(live, expected, "{what}");
        let ended: Vec<(String, Vec<String>)> =
            ended.iter().map(|identity| (A.to_owned(), vec![format!("sip:{identity}@home1.test")])).collect();
        assert_eq!(told(&mut hss), ended, "{what}");
        // What is kept makes the same store again.
        let mut again = hss_with([with_sets(after)]);
        for change in kept.into_iter().chain(changes) {
            again.apply(AT, change).unwrap();
        }
        assert_eq!(again.list().to_string(), list, "{what}");
    }
}

#[test]
fn reg_s_12_a_pushed_profile_that_is_not_confirmed_goes_with_its_set() {
    let (mut hss, _) = registered(&[&["a"], &["b"]], &["b"]);
    hss.push(AT, ALICE).unwrap();
    replace(&mut hss, with_sets(&[&["b"], &["a"]]));
    assert!(hss.explain(ALICE).unwrap().to_string().contains("profile of set 0 not confirmed"));
    hss.connected("scscf1a.home1.test");
    let Some((_, Request::Ppr(ppr))) = hss.poll_reminder() else { panic!("a PPR") };
    assert_eq!(ppr.profile.identities.identities[0].impu, uri("sip:b@home1.test"));
    assert_eq!(hss.poll_reminder(), None);
}

#[test]
fn a_removed_account_is_unknown_at_once_and_its_s_cscf_is_told_until_it_confirms() {
    let (mut hss, _) = registered(&[&["alice"]], &["alice"]);
    let changes = hss.remove(AT, "sip:alice@home1.test").unwrap();
    assert_eq!(changes.first(), Some(&StoreChange::Removed(ALICE.into())));
    assert_eq!(told(&mut hss), [(A.to_owned(), vec!["sip:alice@home1.test".to_owned()])]);
    let (answer, _) = hss.answer(AT, "scscf1a.home1.test", &sar("alice", SarType::ReRegistration));
    assert_eq!(answer.result(), UserUnknown);
    for user in [ALICE, "sip:alice@home1.test", "alice~7"] {
        assert_eq!(hss.deregister(AT, user), Err(UnknownUser), "{user}");
    }
    assert_eq!(hss.list().to_string(), format!("alice~7 removed, not confirmed by {A}\n"));
    assert!(hss.explain("alice~7").unwrap().to_string().contains("not confirmed by"));

    // Another process, from what was kept.
    let mut again = hss_with([alice()]);
    for change in changes {
        again.apply(AT, change).unwrap();
    }
    assert_eq!(again.list().to_string(), hss.list().to_string());
    again.connected("scscf1a.home1.test");
    let Some((_, Request::Rtr(rtr))) = again.poll_reminder() else { panic!("an RTR") };
    assert_eq!(again.confirmed(AT, &name(B), &rtr.impus), [], "somebody else");
    assert_eq!(again.confirmed(AT, &name(A), &rtr.impus), [StoreChange::Removed("alice~7".into())]);
    assert_eq!(again.list().to_string(), "");
}

#[test]
fn identities_of_a_removed_account_are_free_and_their_new_owner_is_left_alone() {
    let (mut hss, _) = registered(&[&["alice", "al"]], &["alice"]);
    hss.remove(AT, ALICE).unwrap();
    told(&mut hss);
    let heir = Account { credentials: alice().credentials, ..account("heir", "sip:alice@home1.test") };
    replace(&mut hss, heir.clone());
    hss.connected("scscf1a.home1.test");
    let Some((_, Request::Rtr(rtr))) = hss.poll_reminder() else { panic!("an RTR") };
    assert_eq!(rtr.impus.len(), 2, "the S-CSCF has alice's phone still, and the heir's not yet");
    let (answer, _) = hss.answer(AT, "scscf1a.home1.test", &sar("alice", SarType::Registration));
    assert_eq!(answer.result(), Success);
    hss.connected("scscf1a.home1.test");
    let Some((_, Request::Rtr(rtr))) = hss.poll_reminder() else { panic!("an RTR") };
    assert_eq!(rtr.impus, [uri("sip:al@home1.test")], "not the one that belongs to somebody again");
    hss.apply(AT, StoreChange::Account(Box::new(account("al", "sip:al@home1.test")))).unwrap();
    let al = Request::Sar(cx_protocol::Sar {
        impi: Some(impi("al")),
        impu: uri("sip:al@home1.test"),
        server_name: name(A),
        kind: SarType::Registration,
    });
    assert_eq!(hss.answer(AT, "scscf1a.home1.test", &al).0.result(), Success);
    hss.connected("scscf1a.home1.test");
    assert_eq!(hss.poll_reminder(), None, "every identity has a new owner there");
    assert_eq!(hss.drop_settled(), [StoreChange::Removed("alice~7".into())], "nothing is left to be told");
    assert!(hss.list().to_string().contains(&format!("heir {A} registered")));
    let Credentials { impi, .. } = heir.credentials.first().unwrap();
    assert_eq!(impi, &support::impi(ALICE));
}

#[test]
fn an_account_that_is_added_again_before_its_removal_is_confirmed_leaves_nothing() {
    let mut hss = registered(&[&["alice"]], &["alice"]).0;
    hss.remove(AT, ALICE).unwrap();
    let Some((_, Request::Rtr(rtr))) = hss.poll_request() else { panic!("an RTR") };
    replace(&mut hss, alice());
    assert_eq!(hss.confirmed(AT, &name(A), &rtr.impus), [StoreChange::Removed("alice~7".into())]);
    assert_eq!(hss.list().to_string(), "alice - not-registered\n");
    let mut hss = registered(&[&["alice"]], &["alice"]).0;
    hss.remove(AT, ALICE).unwrap();
    assert_eq!(
        hss.remove(AT, "alice~7").unwrap(),
        [StoreChange::Removed("alice~7".into())],
        "nobody is waited for"
    );
    assert_eq!(hss.list().to_string(), "");
}

#[test]
fn accounts_may_exchange_identities() {
    let of = |name: &str, identity: &str| Account {
        credentials: account(identity, "sip:x@home1.test").credentials,
        ..account(name, &format!("sip:{identity}@home1.test"))
    };
    let mut hss = hss_with([of("a", "x"), of("b", "y")]);
    let account = |name, identity| StoreChange::Account(Box::new(of(name, identity)));
    assert!(hss.apply(AT, account("a", "y")).is_err(), "one by one they cannot");
    hss.apply_all(AT, &[account("a", "y"), account("b", "x")]).unwrap();
    for (identity, holder) in [("x", "b"), ("y", "a")] {
        let explained = hss.explain(&format!("sip:{identity}@home1.test")).unwrap().to_string();
        assert!(explained.starts_with(&format!("account {holder} ")), "{explained}");
    }
}

#[test]
fn who_is_registered_nowhere_is_removed_at_once() {
    let mut hss = hss_with([alice()]);
    assert_eq!(hss.remove(AT, ALICE).unwrap(), [StoreChange::Removed(ALICE.into())]);
    assert_eq!((hss.list().to_string().as_str(), told(&mut hss)), ("", vec![]));
}
