//! RFC 6665 section 4.2: a notifier of a toy package, the light in a room, and its watchers.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test helper may fail its test")]

#[path = "support/light.rs"]
mod light;
mod support;

use light::{SETTINGS, Scene, Subscribe};
use sip_event::{Authorisation, BadEvent, NotifierEnd, NotifierInput, NotifierSettings, Reason, Refused};
use sip_message::StatusCode;
use std::collections::BTreeMap;

fn ann() -> Subscribe<'static> {
    Subscribe::new("ann", "hall")
}

#[test]
fn sub_n_01_checks_come_in_their_order() {
    let worst =
        Subscribe { event: "dialog", body: "filter", ..ann() }.lines("Expires: 1\r\nAccept: text/html\r\n");
    // Each step mends what the step before was refused for.
    let known = Subscribe { event: "light", ..worst.clone() };
    let long = known.clone().lines("Accept: text/html\r\n");
    let acceptable = long.clone().lines("Accept: text/plain\r\n");
    let plain = Subscribe { body: "", ..acceptable.clone() };
    let mut scene = Scene::new();
    let check = |scene: &mut Scene, request: &Subscribe<'_>, expected: &str| {
        let refused = format!("{:?}", scene.subscribe(request).unwrap_err());
        assert!(refused.starts_with(expected), "{refused} instead of {expected}");
    };
    check(&mut scene, &worst, "Event");
    scene.house.ruled.insert("ann".to_owned(), Authorisation::Refused);
    check(&mut scene, &known, "NotAllowed");
    scene.house.ruled.clear();
    check(&mut scene, &known, "Brief");
    check(&mut scene, &long, "Accept");
    check(&mut scene, &acceptable, "Body");
    assert_eq!((scene.news().as_str(), scene.notifier.len()), ("", 0), "what is refused leaves nothing");
    assert_eq!(scene.subscribe(&plain).unwrap().granted.seconds(), 3600);
}

#[test]
fn sub_n_02_an_event_that_is_missing_or_unknown() {
    let mut scene = Scene::new();
    for event in ["", "dark"] {
        assert_eq!(scene.subscribe(&Subscribe { event, ..ann() }), Err(Refused::Event(BadEvent)));
    }
}

#[test]
fn sub_n_07_08_09_every_accepted_subscribe_is_notified_before_anything_else() {
    let mut scene = Scene::new();
    scene.house.lit.insert("hall".to_owned(), "on");
    let first = scene.subscribe(&ann()).unwrap();
    assert_eq!(scene.news(), "keep d, keep u, send", "what is promised is kept before it is sent");
    let notify = scene.answer(200).notify;
    assert_eq!((notify.call_id(), notify.from_tag()), ("ann", Some(first.local_tag.as_str())));
    assert_eq!(String::from_utf8_lossy(&notify.body()), "hall on 1");
    scene.pass_s(60);
    scene.subscribe(&ann().again(&first)).unwrap();
    let refreshed = scene.answer(200);
    assert_eq!(refreshed.said(), "sip:ann.test: active;expires=600: hall on 1");
    assert_eq!(refreshed.notify.cseq(), notify.cseq() + 1);
}

#[test]
fn sub_n_10_who_has_to_be_decided_about_is_pending_and_then_told() {
    let mut scene = Scene::new();
    scene.house.lit.insert("hall".to_owned(), "on");
    scene.house.ruled.insert("ann".to_owned(), Authorisation::Undecided);
    scene.subscribe(&ann()).unwrap();
    assert_eq!(scene.said(), ["sip:ann.test: pending;expires=600: hall off 1"]);
    scene.house.ruled.clear();
    scene.changed("hall");
    assert_eq!(scene.said(), ["sip:ann.test: active;expires=600: hall on 1"]);
    scene.house.ruled.insert("ann".to_owned(), Authorisation::Refused);
    scene.changed("hall");
    assert_eq!(scene.said(), ["sip:ann.test: terminated;reason=rejected: hall off 1"]);
    assert_eq!(
        (scene.notifier.len(), scene.ended.as_slice()),
        (0, &[NotifierEnd::Told(Reason::Rejected)][..])
    );
}

#[test]
fn sub_n_12_what_is_no_refresh_of_the_watcher_changes_nothing() {
    let mut scene = Scene::new();
    let accepted = scene.watching(&ann());
    let again = ann().again(&accepted);
    let strange = Subscribe { to_tag: ";tag=0123456789abcdef".to_owned(), ..again.clone() };
    let other = Subscribe { watcher: "ann", event: "light;id=7", ..again.clone() }.lines("Expires: 0\r\n");
    for unknown in [strange, other] {
        assert_eq!(scene.subscribe(&unknown), Err(Refused::NoSubscription));
    }
    assert!(matches!(scene.subscribe(&again.clone().lines("Expires: 1\r\n")), Err(Refused::Brief(_))));
    assert!(matches!(scene.subscribe(&Subscribe { cseq: 1, ..again.clone() }), Err(Refused::Order(_))));
    scene.can_keep = false;
    assert_eq!(scene.subscribe(&Subscribe { cseq: 3, ..again.clone() }), Err(Refused::NotKept));
    scene.can_keep = true;
    assert_eq!(scene.said(), [""; 0]);
    // It runs out when it would have.
    scene.pass_s(599);
    assert_eq!(scene.said(), [""; 0]);
    scene.pass_s(1);
    assert_eq!(scene.said(), ["sip:ann.test: terminated;reason=timeout: hall off 1"]);
}

#[test]
fn sub_n_12_somebody_else_who_knows_the_dialog_is_not_the_watcher() {
    let mut scene = Scene::new();
    let accepted = scene.watching(&ann());
    let mut guess = ann().again(&accepted);
    guess.lines = "Expires: 0\r\n";
    let subscribe = guess.message();
    let outcome = scene.notifier.resubscribe(scene.now, &subscribe, true, |_| false, &mut scene.house);
    assert_eq!((outcome, scene.notifier.len()), (Err(Refused::SomebodyElse), 1));
    scene.drain();
    assert_eq!(scene.said(), [""; 0]);
}

#[test]
fn sub_n_13_an_end_and_a_fetch_show_what_there_is_and_leave_nothing() {
    let mut scene = Scene::new();
    scene.house.lit.insert("hall".to_owned(), "on");
    let accepted = scene.watching(&ann());
    scene.news();
    assert_eq!(
        scene.subscribe(&ann().again(&accepted).lines("Expires: 0\r\n")).unwrap().granted.seconds(),
        0
    );
    assert_eq!(scene.said(), ["sip:ann.test: terminated;reason=timeout: hall on 1"]);
    assert_eq!(scene.news(), "keep d, keep u, send, forget u, forget d");
    scene.can_keep = false;
    scene.subscribe(&Subscribe::new("ben", "hall").lines("Expires: 0\r\n")).unwrap();
    assert_eq!(scene.said(), ["sip:ben.test: terminated;reason=timeout: hall on 1"]);
    assert_eq!((scene.news().as_str(), scene.notifier.len(), scene.notifier.watchers()), ("send", 0, 0));
    scene.pass_s(1);
    assert_eq!((scene.notifier.resources(), scene.notifier.poll_timeout()), (Vec::new(), None));
    assert_eq!(scene.news(), "", "no confirmation is kept of what is over");
}

#[test]
fn sub_n_14_what_is_not_refreshed_ends_with_a_last_notify() {
    let mut scene = Scene::new();
    scene.watching(&ann());
    scene.pass_s(599);
    assert_eq!(scene.said(), [""; 0]);
    scene.pass_s(1);
    assert_eq!(scene.said(), ["sip:ann.test: terminated;reason=timeout: hall off 1"]);
    assert_eq!((scene.notifier.len(), scene.journal.len()), (0, 1), "the key alone");
}

#[test]
fn sub_n_15_some_answers_say_that_the_watcher_knows_nothing_of_it() {
    for status in [404, 405, 410, 416, 480, 481, 482, 483, 484, 485, 489, 501, 604] {
        let mut scene = Scene::new();
        scene.subscribe(&ann()).unwrap();
        scene.answer(status);
        assert_eq!((scene.notifier.len(), scene.journal.len()), (0, 1), "{status}");
        assert!(matches!(scene.ended.as_slice(), [NotifierEnd::Refused(_)]), "{status}");
    }
}

#[test]
fn sub_n_15_after_any_other_error_or_none_the_newest_state_is_sent_again() {
    let statuses = [400, 401, 403, 407, 486, 488, 500, 503, 600, 603].map(StatusCode::new);
    let answers =
        statuses.map(|status| NotifierInput::Answered { status: status.unwrap(), retry_after: None });
    for how in answers.into_iter().chain([NotifierInput::NoAnswer]) {
        let mut scene = Scene::new();
        let accepted = scene.watching(&ann());
        scene.light("hall", "on");
        let failed = scene.end(how).notify;
        scene.light("hall", "red");
        scene.pass_s(9);
        assert_eq!(scene.said(), [""; 0], "{how:?}");
        scene.pass_s(1);
        let again = scene.answer(200);
        assert_eq!(again.said(), "sip:ann.test: active;expires=590: hall red 1", "{how:?}");
        assert_eq!(again.notify.cseq(), failed.cseq() + 1);
        assert!(scene.subscribe(&ann().again(&accepted)).is_ok(), "{how:?}: it is there");
    }
}

#[test]
fn sub_n_16_one_notify_is_under_way_and_the_newest_state_follows() {
    let mut scene = Scene::new();
    scene.subscribe(&ann()).unwrap();
    for light in ["on", "blue", "red"] {
        scene.light("hall", light);
    }
    assert_eq!(
        scene.said(),
        ["sip:ann.test: active;expires=600: hall off 1", "sip:ann.test: active;expires=600: hall red 1"]
    );
    scene.light("hall", "red");
    assert_eq!(scene.said(), [""; 0], "that is no news");
}

#[test]
fn sub_n_20_another_id_or_package_in_a_dialog_is_another_subscription() {
    let mut scene = Scene::new();
    let accepted = scene.watching(&ann());
    let id = Subscribe { event: "light;id=7", ..ann().again(&accepted) };
    let beside = Subscribe { event: "light.beside", ..id.again(&accepted) };
    scene.watching(&id);
    scene.watching(&beside);
    assert_eq!((scene.notifier.len(), scene.notifier.iter().count()), (1, 3));
    assert_eq!(scene.notifier.resources(), ["hall", "hall-beside"]);
    scene.light("hall", "on");
    let both = "sip:ann.test: active;expires=600: hall on";
    assert_eq!(scene.said(), [format!("{both} 1"), format!("{both} 2")]);
    scene.light("hall-beside", "on");
    assert_eq!(scene.said(), ["sip:ann.test: active;expires=600: hall-beside on 3"]);
    scene
        .subscribe(&Subscribe { event: "light", ..beside.again(&accepted) }.lines("Expires: 0\r\n"))
        .unwrap();
    scene.said();
    scene.pass_s(1);
    let mut scene = scene.killed(0);
    assert_eq!(scene.notifier.iter().count(), 2, "also after a restart");
    scene.light("hall", "red");
    assert_eq!(scene.said(), ["sip:ann.test: active;expires=599: hall red 2"]);
}

#[test]
fn sub_n_20_a_dialog_has_a_bound() {
    let mut scene = Scene::new();
    let accepted = scene.watching(&ann());
    let mut last = ann();
    let ids: Vec<String> = (1..=8).map(|id| format!("light;id={id}")).collect();
    for id in &ids[..7] {
        last = Subscribe { event: id, ..last.again(&accepted) };
        scene.watching(&last);
    }
    let eighth = Subscribe { event: &ids[7], ..last.again(&accepted) };
    assert_eq!(scene.subscribe(&eighth), Err(Refused::CrowdedDialog));
    // What ends makes room.
    scene
        .subscribe(&Subscribe { event: "light", ..eighth.again(&accepted) }.lines("Expires: 0\r\n"))
        .unwrap();
    scene.said();
    assert!(scene.subscribe(&Subscribe { cseq: eighth.cseq + 2, ..eighth }).is_ok());
}

#[test]
fn sub_n_21_a_restarted_notifier_goes_on_upward_and_tells_whom_it_may_owe_something() {
    let mut scene = Scene::new();
    scene.watching(&ann());
    let accepted = scene.watching(&Subscribe::new("ben", "hall"));
    scene.pass_s(2);
    scene.light("hall", "on");
    let (ann_s, ben_s) = (scene.answer(200), scene.end(NotifierInput::NoAnswer));
    scene.pass_s(2);
    let mut scene = scene.killed(3);
    let again = scene.answer(200);
    assert_eq!(again.said(), "sip:ben.test: active;expires=593: hall on 1");
    assert!(again.notify.cseq() > ben_s.notify.cseq());
    assert_eq!(scene.said(), [""; 0]);
    let refresh = Subscribe::new("ben", "hall").again(&accepted);
    assert!(scene.subscribe(&refresh).is_ok());
    scene.said();
    scene.light("hall", "off");
    let next = scene.answer(200);
    assert!(next.notify.cseq() > ann_s.notify.cseq());
}

#[test]
fn sub_n_21_what_ran_out_meanwhile_ends_in_silence() {
    let mut scene = Scene::new();
    scene.watching(&ann());
    let mut scene = scene.killed(700);
    assert_eq!((scene.said().len(), scene.notifier.len(), scene.journal.len()), (0, 0, 1), "the key alone");
    assert_eq!(scene.ended, [NotifierEnd::ExpiredWhileDown]);
}

#[test]
fn sub_n_21_half_a_subscription_is_cleared_away() {
    for (half, left) in [(b'd', 1), (b'u', 1)] {
        let mut scene = Scene::new();
        scene.watching(&ann());
        scene.watching(&Subscribe::new("ben", "hall"));
        let key = scene.journal.keys().find(|key| key[0] == half).unwrap().clone();
        scene.journal.remove(&key);
        let mut scene = scene.killed(1);
        scene.said();
        let kept = |kind| scene.journal.keys().filter(|key| key[0] == kind).count();
        assert_eq!((scene.notifier.len(), kept(b'd'), kept(b'u')), (left, left, left));
    }
}

#[test]
fn sub_n_21_what_a_resource_is_called_by_now_counts() {
    let mut scene = Scene::new();
    scene.watching(&Subscribe::new("ann", "larder"));
    scene.pass_s(2);
    let mut scene = scene.killed(1);
    assert_eq!(scene.notifier.resources(), ["kitchen"]);
    scene.light("kitchen", "on");
    assert_eq!(scene.said(), ["sip:ann.test: active;expires=597: kitchen on 1"]);
}

#[test]
fn a_resource_that_is_renamed_keeps_its_watchers_also_those_that_wait_to_be_told() {
    let mut scene = Scene::new();
    scene.watching(&ann());
    scene.house.lit.insert("entrance".to_owned(), "on");
    let (hall, entrance) = ("hall".to_owned(), "entrance".to_owned());
    scene.notifier.changed(&hall);
    scene.notifier.rename(&hall, &entrance);
    scene.work();
    assert_eq!(scene.said(), ["sip:ann.test: active;expires=600: entrance on 1"]);
    scene.pass_s(2);
    assert_eq!(scene.killed(0).notifier.resources(), ["entrance"]);
}

#[test]
fn what_is_remembered_with_a_subscription_is_edited_and_kept() {
    let mut scene = Scene::new();
    scene.watching(&ann());
    let hall = "hall".to_owned();
    scene.notifier.edit(&hall, |extra, _| *extra = 9);
    scene.light("hall", "on");
    assert_eq!(scene.said(), ["sip:ann.test: active;expires=600: hall on 9"]);
    scene.pass_s(2);
    let mut scene = scene.killed(0);
    scene.notifier.terminate(scene.now, &hall, Reason::Noresource, |extra, _| *extra = 10, &mut scene.house);
    scene.drain();
    assert_eq!(scene.said(), ["sip:ann.test: terminated;reason=noresource: hall on 10"]);
    assert_eq!(scene.ended, [NotifierEnd::Told(Reason::Noresource)]);
}

#[test]
fn design_13_what_a_later_version_remembers_is_left_where_it_is() {
    let mut scene = Scene::new();
    scene.watching(&ann());
    let (key, value) = scene.journal.iter().find(|(key, _)| key[0] == b'u').unwrap();
    let (dialog_key, dialog) = scene.journal.iter().find(|(key, _)| key[0] == b'd').unwrap();
    // The version is the last but one item.
    let mut later = value.to_vec();
    let at = later.len() - 2;
    assert_eq!(&later[at..], [3, 1]);
    later[at] = 4;
    let mut notifier = sip_event::Notifier::<light::Light>::new(SETTINGS);
    assert!(notifier.restore(key, &later).is_err());
    notifier.restore(dialog_key, dialog).unwrap();
    notifier.restored(scene.now, &mut scene.house, &mut light::numbers());
    let mut told = std::iter::from_fn(|| notifier.poll_output());
    assert!(
        told.all(|output| !matches!(output, sip_event::Output::Forget { .. })),
        "nor is its dialog forgotten"
    );
    later[at] = 2;
    assert!(notifier.restore(key, &later).is_ok(), "an earlier one is read");
}

#[test]
fn design_13_a_confirmation_is_journalled_a_second_later_and_once() {
    let mut scene = Scene::new();
    scene.watching(&ann());
    scene.news();
    for light in ["on", "blue", "red"] {
        scene.light("hall", light);
        scene.answer(200);
    }
    assert_eq!(scene.news(), "hint x, send, send, send");
    scene.pass_s(1);
    assert_eq!(scene.news(), "hint u, hint no x");
    scene.light("hall", "off");
    scene.answer(200);
    scene.light("hall", "on");
    scene.notifier.drain();
    scene.work();
    scene.answer(200);
    scene.work();
    let last = "hint x, send, send, hint u, hint no x, hint u";
    assert_eq!(scene.news(), last, "a process that ends puts nothing off");
}

/// The journal calls a state confirmed that the watcher has seen another one since: a change was taken back while nobody was there.
#[test]
fn design_13_a_change_that_was_taken_back_while_the_process_was_down_is_told() {
    for is_confirmed in [true, false] {
        let mut scene = Scene::new();
        scene.watching(&ann());
        scene.watching(&Subscribe::new("ben", "kitchen"));
        scene.pass_s(2);
        scene.light("hall", "on");
        if is_confirmed {
            scene.answer(200);
        }
        scene.house.lit.insert("hall".to_owned(), "off");
        let mut scene = scene.killed(1);
        assert_eq!(scene.said(), ["sip:ann.test: active;expires=597: hall off 1"]);
        scene.pass_s(2);
        assert!(scene.journal.keys().all(|key| key[0] != b'x'), "nothing is in doubt any more");
        let mut scene = scene.killed(1);
        assert_eq!(scene.said(), [""; 0]);
    }
}

#[test]
fn design_13_hints_do_not_wait_for_changes_that_never_end() {
    let mut scene = Scene::new();
    scene.watching(&ann());
    scene.watching(&Subscribe::new("ben", "kitchen"));
    scene.pass_s(2);
    scene.light("hall", "on");
    scene.answer(200);
    scene.news();
    scene.now.mono = scene.notifier.poll_timeout().unwrap();
    scene.notifier.on_deadline(scene.now, &mut scene.house);
    scene.notifier.changed(&"kitchen".to_owned());
    scene.notifier.work(scene.now, 1, &mut scene.house);
    scene.drain();
    assert_eq!(scene.news(), "hint u, hint no x");
}

#[test]
fn sub_n_08_after_a_restart_cseq_rises_in_the_order_of_sending() {
    let mut scene = Scene::new();
    let accepted = scene.watching(&ann());
    scene.subscribe(&Subscribe { event: "light;id=1", ..ann().again(&accepted) }).unwrap();
    scene.pass_s(2);
    scene.house.lit.insert("hall".to_owned(), "on");
    let scene = scene.killed(1);
    let cseqs: Vec<u32> = scene.on_their_way().map(sip_message::Message::cseq).collect();
    assert!(cseqs.len() == 2 && cseqs.is_sorted(), "{cseqs:?}");
}

#[test]
fn design_13_what_the_journal_did_not_learn_costs_one_notify_more() {
    let mut scene = Scene::new();
    scene.watching(&ann());
    scene.pass_s(2);
    scene.light("hall", "on");
    assert_eq!(scene.said().len(), 1);
    let mut scene = scene.killed(1);
    assert_eq!(scene.said(), ["sip:ann.test: active;expires=597: hall on 1"]);
    scene.pass_s(2);
    let mut scene = scene.killed(1);
    assert_eq!(scene.said(), [""; 0]);
}

#[test]
fn design_13_authorisation_is_decided_once_for_each_watcher_and_change() {
    let mut scene = Scene::new();
    scene.subscribe(&ann()).unwrap();
    assert_eq!(scene.house.rulings, 1);
    scene.answer(200);
    scene.watching(&Subscribe::new("ben", "hall"));
    scene.house.rulings = 0;
    scene.light("hall", "on");
    assert_eq!((scene.house.rulings, scene.said().len()), (2, 2));
}

#[test]
fn design_13_a_change_is_told_in_slices() {
    let mut scene = Scene::new();
    for watcher in ["ann", "ben", "cid", "dot"] {
        scene.watching(&Subscribe::new(watcher, "hall"));
    }
    scene.house.lit.insert("hall".to_owned(), "on");
    scene.notifier.changed(&"hall".to_owned());
    let mut slices = Vec::new();
    while scene.notifier.has_work() {
        scene.notifier.work(scene.now, 3, &mut scene.house);
        scene.drain();
        slices.push(scene.said().len());
    }
    assert_eq!(slices, [3, 1]);
}

#[test]
fn rfc3261_8_2_2_2_a_request_that_comes_twice_is_answered_as_the_first() {
    let mut scene = Scene::new();
    let accepted = scene.watching(&ann());
    scene.pass_s(31);
    let repeated = scene.subscribe(&ann()).unwrap();
    assert_eq!((&repeated.local_tag, repeated.is_repeat), (&accepted.local_tag, true));
    assert_eq!((scene.notifier.len(), scene.said().len()), (1, 0));
    // Later it is no repeat, and neither is another request of the same dialog-to-be.
    let next = scene.watching(&Subscribe { cseq: 2, ..ann() });
    scene.pass_s(1);
    let late = scene.watching(&ann());
    let tags: BTreeMap<_, _> = [&accepted, &next, &late].map(|accepted| (&accepted.local_tag, ())).into();
    assert_eq!((tags.len(), late.is_repeat), (3, false));
}

#[test]
fn bounds_are_kept_and_said() {
    let mut scene = Scene::new();
    for room in ["hall", "kitchen", "loft"] {
        scene.watching(&Subscribe::new("ann", room));
    }
    assert_eq!(scene.subscribe(&Subscribe::new("ann", "cellar")), Err(Refused::BusyWatcher));
    for watcher in ["ben", "cid", "dot"] {
        scene.watching(&Subscribe::new(watcher, "hall"));
    }
    assert_eq!(scene.subscribe(&Subscribe::new("eve", "hall")), Err(Refused::CrowdedResource));
    let first_end = scene.now.mono + std::time::Duration::from_secs(600);
    assert_eq!(scene.subscribe(&Subscribe::new("eve", "loft")), Err(Refused::NoRoom(Some(first_end))));
    // A fetch takes room while it lasts.
    let fetch = Subscribe::new("eve", "loft").lines("Expires: 0\r\n");
    assert_eq!(scene.subscribe(&fetch), Err(Refused::NoRoom(Some(first_end))));
    assert_eq!(scene.notifier.len(), SETTINGS.bounds.subscriptions);
}

#[test]
fn where_there_is_no_room_a_watcher_gives_way_to_itself() {
    let mut scene = Scene::new();
    for call in ["ann", "ann@x", "ann@y"] {
        scene.watching(&Subscribe::new(call, "hall"));
    }
    // From where none of its subscriptions is there is nothing to give way.
    assert_eq!(scene.subscribe(&Subscribe::new("ann@z", "hall")), Err(Refused::BusyWatcher));
    let again = Subscribe { cseq: 2, ..Subscribe::new("ann", "hall") };
    scene.subscribe(&again).unwrap();
    assert_eq!(
        scene.said(),
        [
            "sip:ann.test: terminated;reason=rejected: hall off 1",
            "sip:ann.test: active;expires=600: hall off 2"
        ]
    );
    assert_eq!((scene.notifier.len(), scene.notifier.watchers()), (3, 1));
    // A fetch takes nobody's place.
    let fetch = Subscribe { cseq: 3, ..Subscribe::new("ann", "hall") }.lines("Expires: 0\r\n");
    assert_eq!(scene.subscribe(&fetch), Err(Refused::BusyWatcher));
    assert_eq!((scene.said().len(), scene.notifier.len()), (0, 3));
}

/// A package whose state hardly ever changes would keep what a watcher has lost until it expires.
#[test]
fn where_the_package_asks_a_forerunner_is_told_anew_and_goes_with_its_481() {
    let mut scene = Scene::with(NotifierSettings { asks_forerunners: true, ..SETTINGS });
    scene.watching(&ann());
    scene.watching(&Subscribe::new("ben", "hall"));
    let fresh = Subscribe { cseq: 2, ..ann() };
    scene.subscribe(&fresh).unwrap();
    let owed = scene.answer(200).said();
    assert_eq!(owed, "sip:ann.test: active;expires=600: hall off 2", "first what the SUBSCRIBE is owed");
    assert_eq!(scene.answer(481).said(), "sip:ann.test: active;expires=600: hall off 1");
    assert_eq!((scene.notifier.len(), scene.said().len()), (2, 0));
    // One that is still there costs a NOTIFY; a fetch asks nobody.
    scene.subscribe(&Subscribe { cseq: 3, ..ann() }).unwrap();
    assert_eq!((scene.said().len(), scene.notifier.len()), (2, 3));
    scene.subscribe(&Subscribe { cseq: 4, ..ann() }.lines("Expires: 0\r\n")).unwrap();
    assert_eq!(scene.said().len(), 1);
}

#[test]
fn where_nothing_can_be_kept_nothing_is_promised() {
    let mut scene = Scene::new();
    scene.can_keep = false;
    assert_eq!(scene.subscribe(&ann()), Err(Refused::NotKept));
    assert_eq!((scene.notifier.len(), scene.said().len()), (0, 0));
}
