//! SUB-N-21 and edge cases 7 and 8: a process dies, and its successor goes on from the journal.

mod support;

use ims_node::{Input, NodeCause};
use presence_server::{Cause, RuleBook};
use sip_message::{HeaderName, Message};
use std::time::Duration;
use support::{
    ALICE, BOB, CAROL, Ps, Request, book, by_dialog, carols_friends, code, pidf, publish, refused, rules,
    settings, shown, state, subscribe,
};

fn restarted(ps: Ps, after_s: u64) -> Ps {
    ps.restarted(after_s, by_dialog(), carols_friends())
}

/// NOTIFYs for `cseq` and onwards; a test of numbering needs no more.
fn cseqs(notifies: &[Message]) -> Vec<u32> {
    notifies.iter().map(Message::cseq).collect()
}

#[test]
fn sub_n_21_who_has_seen_everything_is_not_notified() {
    let mut ps = Ps::usual();
    ps.carol_is("open");
    ps.watch(&subscribe(ALICE, CAROL));
    ps.publish(&publish(CAROL).call_id("second").body(&pidf("closed").replace("phone", "desk")));
    ps.confirm();
    let mut ps = restarted(ps, 10);
    assert_eq!(ps.notifies().len(), 0);
    assert_eq!((ps.node.role().watches(), ps.node.role().presentities()), (1, 1));
}

#[test]
fn edge_7_killed_after_the_200_and_before_the_notify_arrived() {
    let mut ps = Ps::usual();
    ps.carol_is("open");
    ps.send(&subscribe(ALICE, CAROL));
    let lost = ps.notify();
    let mut ps = restarted(ps, 1);
    let notify = ps.notify();
    assert_eq!((state(&notify), shown(&notify).as_str()), ("active;expires=599", "open"));
    assert_eq!((notify.call_id(), notify.from_tag()), (lost.call_id(), lost.from_tag()));
    ps.answer(&notify, 200);
    assert_eq!(ps.notifies().len(), 0);
}

#[test]
fn edge_7_an_update_that_was_not_confirmed_is_sent_again() {
    let mut ps = Ps::usual();
    ps.watch(&subscribe(ALICE, CAROL));
    ps.watch(&subscribe(BOB, CAROL));
    ps.publish(&publish(CAROL).body(&pidf("open")));
    let sent = ps.notifies();
    let alices = sent.iter().find(|notify| notify.request_uri_text().contains("alice")).unwrap();
    ps.answer(alices, 200);
    let mut ps = restarted(ps, 1);
    let notify = ps.notify();
    assert_eq!((notify.request_uri_text(), shown(&notify).as_str()), ("sip:bob@127.0.10.11:5060", "open"));
}

#[test]
fn edge_8_cseq_goes_on_upward_over_several_restarts() {
    let mut ps = Ps::usual();
    let watching = ps.watch(&subscribe(ALICE, CAROL).with("Expires", "3600"));
    let mut last = watching.first.cseq();
    for round in 0..40 {
        ps.pass_s(1);
        let basic = if round % 2 == 0 { "open" } else { "closed" };
        ps.publish(&publish(CAROL).call_id(&round.to_string()).body(&pidf(basic)));
        let notifies = ps.notifies();
        assert!(cseqs(&notifies)[0] > last, "round {round}");
        last = cseqs(&notifies)[0];
        ps.answer(&notifies[0], 200);
        if round % 10 == 0 {
            ps = restarted(ps, 1);
            assert_eq!(ps.notifies().len(), 0);
        }
    }
    assert_eq!(code(&ps.send(&watching.again(2))), 200);
    assert!(ps.notify().cseq() > last);
}

#[test]
fn sub_n_21_what_ran_out_meanwhile_ends_in_silence() {
    let mut ps = Ps::usual();
    ps.carol_is("open");
    let watching = ps.watch(&subscribe(ALICE, CAROL));
    let mut ps = restarted(ps, 600);
    assert_eq!(ps.notifies().len(), 0);
    assert_eq!((ps.node.role().watches(), ps.node.role().presentities(), ps.journal.len()), (0, 0, 0));
    assert_eq!(ps.fate(&watching.again(2)), refused(481, NodeCause::NoSubscription));
}

#[test]
fn a_publication_that_ran_out_meanwhile_is_a_change() {
    let mut ps = Ps::usual();
    ps.carol_is("open");
    ps.watch(&subscribe(ALICE, CAROL).with("Expires", "3600"));
    let mut ps = restarted(ps, 600);
    assert_eq!(shown(&ps.notify_confirmed()), "closed");
    assert!(!ps.journal.keys().any(|key| key[0] == b'p'));
}

#[test]
fn deadlines_are_kept_by_the_wall_clock() {
    let mut ps = Ps::usual();
    ps.watch(&subscribe(ALICE, CAROL));
    ps.pass_s(100);
    let mut ps = restarted(ps, 100);
    ps.pass_s(399);
    assert_eq!(ps.notifies().len(), 0);
    ps.pass_s(1);
    assert_eq!(state(&ps.notify()), "terminated;reason=timeout");
}

#[test]
fn pub_06_entity_tags_stay_valid_and_new_ones_are_new() {
    let mut ps = Ps::usual();
    let first = ps.publish(&publish(CAROL).body(&pidf("open")));
    let refreshed = ps.publish(&publish(CAROL).with("SIP-If-Match", &first));
    let mut ps = restarted(ps, 1);
    let late = publish(CAROL).call_id("late").with("SIP-If-Match", &first);
    assert_eq!(ps.fate(&late), refused(412, Cause::NoSuchTag));
    let next = ps.publish(&publish(CAROL).with("SIP-If-Match", &refreshed));
    assert!(next != first && next != refreshed);
}

#[test]
fn rules_that_changed_meanwhile_are_applied() {
    let table = [
        ("allow", "block", Some("terminated;reason=rejected")),
        ("confirm", "allow", Some("active;expires=590")),
        ("polite-block", "polite-block", None),
        ("confirm", "confirm", None),
    ];
    for (before, after, expected) in table {
        let mut ps = Ps::new(by_dialog(), book(&[(CAROL, rules(&[(ALICE, before)]))]));
        ps.carol_is("open");
        ps.watch(&subscribe(ALICE, CAROL));
        let mut ps = ps.restarted(10, by_dialog(), book(&[(CAROL, rules(&[(ALICE, after)]))]));
        let sent = ps.notifies();
        assert_eq!(sent.iter().map(state).collect::<Vec<_>>(), expected.into_iter().collect::<Vec<_>>());
        sent.iter().for_each(|notify| ps.answer(notify, 200));
        assert_eq!(ps.notifies().len(), 0);
    }
}

#[test]
fn the_end_of_a_subscription_is_told_after_the_restart() {
    let mut ps = Ps::usual();
    let watching = ps.watch(&subscribe(ALICE, CAROL));
    assert_eq!(code(&ps.send(&watching.again(2).with("Expires", "0"))), 200);
    assert_eq!(state(&ps.notify()), "terminated;reason=timeout");
    let mut ps = restarted(ps, 1);
    assert_eq!(state(&ps.notify_confirmed()), "terminated;reason=timeout");
    assert_eq!((ps.node.role().watches(), ps.journal.len()), (0, 0));
}

#[test]
fn registrations_survive() {
    let gruu = "<sip:alice@home1.test;gr=1>";
    let mut ps = Ps::new(settings(), carols_friends());
    let register = Request::new("REGISTER", "sip:scscf1b.home1.test", ALICE)
        .with("Contact", "<sip:scscf1b.home1.test>")
        .with("Expires", "600");
    assert_eq!(ps.status(&register), 200);
    ps.watch(&subscribe(ALICE, CAROL).with("Contact", gruu));
    let mut ps = ps.restarted(1, settings(), carols_friends());
    ps.publish(&publish(CAROL).body(&pidf("open")));
    assert_eq!(ps.notify().list(HeaderName::Route).next(), Some("<sip:scscf1b.home1.test;lr>"));
}

#[test]
fn a_record_that_cannot_be_read_costs_nothing_else() {
    let mut ps = Ps::usual();
    ps.carol_is("open");
    ps.watch(&subscribe(ALICE, CAROL));
    ps.journal.insert((*b"wfoul").into(), (*b"not CBOR").into());
    ps.journal.insert((*b"x").into(), (*b"unknown").into());
    let ps = restarted(ps, 1);
    assert_eq!(ps.node.role().watches(), 1);
}

#[test]
fn half_a_subscription_is_cleared_away() {
    for kind in [b'd', b'u'] {
        let mut ps = Ps::new(by_dialog(), carols_friends());
        ps.watch(&subscribe(ALICE, CAROL));
        ps.pass_s(2);
        ps.journal.retain(|key, _| key[0] == kind);
        assert_eq!(ps.journal.len(), 1);
        let ps = ps.restarted(1, by_dialog(), RuleBook::new());
        assert_eq!((ps.node.role().watches(), ps.journal.len()), (0, 0));
    }
}

/// A process that is killed has not told its journal what was confirmed within the last second: that costs one NOTIFY more, and
/// nothing else.
#[test]
fn design_13_a_confirmation_that_the_journal_did_not_learn_of_costs_one_notify() {
    let mut ps = Ps::usual();
    let tag = ps.carol_is("open");
    ps.watch(&subscribe(ALICE, CAROL));
    ps.pass_s(2);
    ps.publish(&publish(CAROL).with("SIP-If-Match", &tag).body(&pidf("closed")));
    let last = ps.notify_confirmed();
    let mut ps = ps.killed(1, by_dialog(), carols_friends());
    let again = ps.notify_confirmed();
    assert_eq!((shown(&again).as_str(), again.cseq() > last.cseq()), ("closed", true));
    assert_eq!(ps.notifies().len(), 0);
    ps.pass_s(2);
    let mut ps = ps.killed(1, by_dialog(), carols_friends());
    assert_eq!(ps.notifies().len(), 0, "now the journal knows");
}

/// However often a watcher confirms within a second, the journal is told once.
#[test]
fn design_13_confirmations_are_journalled_together() {
    let mut ps = Ps::usual();
    let mut tag = ps.carol_is("open");
    ps.watch(&subscribe(ALICE, CAROL));
    ps.pass_s(2);
    let before = ps.written;
    for round in 0..5 {
        let basic = if round % 2 == 0 { "closed" } else { "open" };
        tag = ps.publish(&publish(CAROL).with("SIP-If-Match", &tag).body(&pidf(basic)));
        ps.notify_confirmed();
    }
    let publications = 5;
    assert_eq!(ps.written - before, publications + 1, "the publications, and once that there are changes");
    ps.pass_s(2);
    assert_eq!(ps.written - before, publications + 3, "what is confirmed, and that it is");
}

/// The journal has the end of a publication: its watchers see what they saw before it, says the journal, but they have seen it.
#[test]
fn design_13_a_publication_that_came_and_went_while_nobody_wrote_it_down_is_told() {
    let mut ps = Ps::usual();
    ps.watch(&subscribe(ALICE, CAROL));
    ps.pass_s(2);
    ps.publish(&publish(CAROL).with("Expires", "60").body(&pidf("open")));
    assert_eq!(shown(&ps.notify_confirmed()), "open");
    let mut ps = ps.killed(120, by_dialog(), carols_friends());
    assert_eq!(shown(&ps.notify_confirmed()), "closed");
}

/// What is confirmed while the process is ending is written before it has ended.
#[test]
fn design_13_an_orderly_end_leaves_no_doubt() {
    let mut ps = Ps::usual();
    let tag = ps.carol_is("open");
    ps.watch(&subscribe(ALICE, CAROL));
    ps.pass_s(2);
    ps.publish(&publish(CAROL).with("SIP-If-Match", &tag).body(&pidf("closed")));
    let notify = ps.notify();
    ps.handle(Input::Drain);
    ps.answer(&notify, 200);
    ps.pass(Duration::ZERO);
    assert!(ps.node.is_idle());
    let mut ps = ps.killed(1, by_dialog(), carols_friends());
    assert_eq!(ps.notifies().len(), 0);
}

/// Alice has confirmed what there was; bob, who wants privacy, has not. Carol has published by two phones.
#[test]
fn sub_n_21_a_journal_of_november_2026_is_read_and_written_anew() {
    let text = include_str!("data/journal-2026-11.txt");
    let records = text.lines().filter(|line| !line.starts_with('#')).map(support::record);
    let mut ps = Ps::of_journal(records);
    let prefixes = |ps: &Ps| ps.journal.keys().map(|key| char::from(key[0])).collect::<String>();
    assert_eq!(
        (ps.node.role().watches(), prefixes(&ps).as_str()),
        (2, "ddppuux"),
        "and nothing of the old kinds"
    );
    let notify = ps.notify_confirmed();
    assert_eq!(
        (notify.request_uri_text(), notify.cseq()),
        ("sip:bob@127.0.10.11:5060", 33),
        "above the old ceiling"
    );
    ps.pass_s(2);
    let mut ps = restarted(ps, 10);
    assert_eq!((ps.node.role().watches(), ps.notifies().len()), (2, 0));
    let repeated = ps.send(&subscribe(ALICE, CAROL));
    assert_eq!((code(&repeated), repeated.to_tag()), (200, Some("62fca7e74c6b30eb")), "known by the old key");
}

/// The answer died with the process: its sender repeats the request, and the new process has never seen it.
#[test]
fn rfc3261_8_2_2_2_a_repeat_after_a_restart_gets_the_answer_of_the_first() {
    let mut ps = Ps::usual();
    let (asked, initial) = (subscribe(ALICE, CAROL), publish(CAROL).body(&pidf("open")));
    let watching = ps.watch(&asked);
    let tag = ps.publish(&initial);
    ps.confirm();
    let mut ps = restarted(ps, 5);
    let again = ps.send(&asked);
    assert_eq!((code(&again), again.to_tag()), (200, watching.again(2).to_tag.as_deref()));
    assert_eq!((ps.publish(&initial), ps.notifies().len()), (tag.clone(), 0));
    let refresh = publish(CAROL).call_id("refresh").with("SIP-If-Match", &tag);
    let tag = ps.publish(&refresh);
    let mut ps = restarted(ps, 5);
    assert_eq!(ps.publish(&refresh), tag, "not 412");
    assert_eq!((ps.node.role().watches(), ps.node.role().presentities()), (1, 1));
}
