//! RFC 6665 section 4.2: scenes from the life of a subscription at the notifier.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test helper may fail its test")]

mod support;

use clock::Now;
use sip_event::{
    AcceptedSubscribe, Authorisation, Cause, Dialog, NotifierEnd, NotifierInput, NotifierOutput, Notify,
    NotifyContext, NotifyPolicy, Reason, Subscription, SubscriptionRecord, Updates, Way,
};
use sip_message::{Event, StatusCode, Substate};
use std::time::Duration;
use support::{CONTACT, GRUU, POLICY, at, granted, notifier_dialog, secs};

/// A notifier of one subscription.
struct Scene {
    dialog: Dialog,
    subscription: Subscription,
    policy: NotifyPolicy,
}

impl Scene {
    fn new(contact: &str, seconds: u32, authorisation: Authorisation, policy: NotifyPolicy) -> Self {
        let mut dialog = notifier_dialog(contact);
        let event = Event { package: "presence", id: Some("7") };
        let accepted = AcceptedSubscribe { event, granted: granted(seconds), authorisation, version: 1 };
        let with = NotifyContext { dialog: &mut dialog, policy: &policy };
        let subscription = Subscription::new(at(0), accepted, with);
        Self { dialog, subscription, policy }
    }

    /// Active for 600 s, with its first NOTIFY confirmed at 0.
    fn active(contact: &str, policy: NotifyPolicy) -> Self {
        let mut scene = Self::new(contact, 600, Authorisation::Allowed, policy);
        assert_eq!(scene.drain().len(), 2);
        assert_eq!(scene.answer(at(0), 200), [NotifierOutput::PersistLater]);
        scene
    }

    fn restored(&self, now: Now, version: u64) -> Self {
        let record = minicbor::to_vec(self.subscription.record()).unwrap();
        let record: SubscriptionRecord = minicbor::decode(&record).unwrap();
        let mut dialog: Dialog = minicbor::decode(&minicbor::to_vec(&self.dialog).unwrap()).unwrap();
        let with = NotifyContext { dialog: &mut dialog, policy: &self.policy };
        let subscription = Subscription::restore(now, record, version, with);
        Self { dialog, subscription, policy: self.policy }
    }

    fn drain(&mut self) -> Vec<NotifierOutput> {
        std::iter::from_fn(|| self.subscription.poll_output()).collect()
    }

    fn handle(&mut self, now: Now, input: NotifierInput) -> Vec<NotifierOutput> {
        let with = NotifyContext { dialog: &mut self.dialog, policy: &self.policy };
        self.subscription.handle(now, input, with);
        self.drain()
    }

    fn answer(&mut self, now: Now, code: u16) -> Vec<NotifierOutput> {
        let status = StatusCode::new(code).unwrap();
        self.handle(now, NotifierInput::Answered { status, retry_after: None })
    }

    /// The one NOTIFY among what comes of this.
    fn notify(&mut self, now: Now, input: NotifierInput) -> Notify {
        let outputs = self.handle(now, input);
        notify_of(&outputs)
    }

    fn timeout(&self) -> Option<clock::Mono> {
        self.subscription.poll_timeout()
    }
}

fn notify_of(outputs: &[NotifierOutput]) -> Notify {
    match outputs {
        [.., NotifierOutput::Notify(notify)] => *notify,
        other => panic!("no NOTIFY in {other:?}"),
    }
}

fn state_of(notify: &Notify) -> String {
    notify.subscription_state().to_string()
}

#[test]
fn sub_n_07_every_accepted_subscribe_is_followed_by_a_notify() {
    let rows = [
        (600, Authorisation::Allowed, "active;expires=600"),
        (600, Authorisation::Undecided, "pending;expires=600"),
        (600, Authorisation::Refused, "terminated;reason=rejected"),
        (0, Authorisation::Allowed, "terminated;reason=timeout"),
        (0, Authorisation::Undecided, "terminated;reason=timeout"),
    ];
    for (seconds, authorisation, state) in rows {
        let mut scene = Scene::new(GRUU, seconds, authorisation, POLICY);
        let outputs = scene.drain();
        let notify = notify_of(&outputs);
        assert_eq!(state_of(&notify), state);
        assert_eq!((notify.cause, notify.way, notify.cseq), (Cause::Subscribe, Way::Dialog, 1));
        // SUB-N-13: nothing is stored of a fetch.
        assert_eq!(outputs.first() == Some(&NotifierOutput::Persist), seconds > 0, "{state}");
    }
    let mut scene = Scene::active(CONTACT, POLICY);
    let refresh = scene.notify(secs(100), NotifierInput::Subscribed(granted(300)));
    assert_eq!((state_of(&refresh).as_str(), refresh.cause), ("active;expires=300", Cause::Subscribe));
    assert_eq!(scene.timeout(), Some(secs(400).mono));
}

#[test]
fn sub_n_08_the_event_keeps_its_id() {
    assert_eq!(Scene::active(CONTACT, POLICY).subscription.record().event(), "presence;id=7");
}

#[test]
fn sub_n_09_expires_is_the_time_left() {
    let rows = [(0, 600), (1, 599), (1000, 599), (1001, 598), (598_999, 1), (599_000, 1), (599_999, 1)];
    for (ms, left) in rows {
        let mut scene = Scene::active(CONTACT, POLICY);
        let notify = scene.notify(at(ms), NotifierInput::Changed(2));
        assert_eq!(state_of(&notify), format!("active;expires={left}"), "{ms} ms");
    }
}

#[test]
fn sub_n_10_nothing_leads_from_active_to_pending() {
    let mut scene = Scene::active(CONTACT, POLICY);
    let notify = scene.notify(secs(1), NotifierInput::Authorised(Authorisation::Undecided));
    assert_eq!(state_of(&notify), "terminated;reason=deactivated");
}

#[test]
fn sub_n_11_reasons_and_retry_after() {
    let rows = [
        (Reason::Deactivated, None, "terminated;reason=deactivated"),
        (Reason::Probation, Some(60), "terminated;reason=probation;retry-after=60"),
        (Reason::Rejected, None, "terminated;reason=rejected"),
        (Reason::Giveup, Some(9), "terminated;reason=giveup;retry-after=9"),
        (Reason::Noresource, None, "terminated;reason=noresource"),
        (Reason::Invariant, Some(31_536_000), "terminated;reason=invariant;retry-after=31536000"),
    ];
    for (reason, retry_after, text) in rows {
        let mut scene = Scene::active(CONTACT, POLICY);
        let notify = scene.notify(secs(1), NotifierInput::Terminate { reason, retry_after });
        assert_eq!(state_of(&notify), text);
        assert_eq!(Reason::parse(reason.as_str()), Some(reason));
        assert_eq!(scene.answer(secs(1), 200), [NotifierOutput::Ended(NotifierEnd::Told(reason))]);
        assert_eq!(scene.timeout(), None);
    }
}

#[test]
fn sub_n_12_a_refresh_is_taken_until_the_last_millisecond() {
    let scene = Scene::active(CONTACT, POLICY);
    assert!(scene.subscription.is_live(at(599_999)));
    assert!(!scene.subscription.is_live(at(600_000)));
    // A refresh that comes a millisecond late finds it over, even before the deadline was noticed.
    let mut late = Scene::active(CONTACT, POLICY);
    let notify = late.notify(at(600_000), NotifierInput::Subscribed(granted(600)));
    assert_eq!(state_of(&notify), "terminated;reason=timeout");
    let mut in_time = Scene::active(CONTACT, POLICY);
    let notify = in_time.notify(at(599_999), NotifierInput::Subscribed(granted(600)));
    assert_eq!(state_of(&notify), "active;expires=600");
}

#[test]
fn sub_n_13_unsubscribing_ends_with_one_notify_along_the_dialog() {
    let mut scene = Scene::active(GRUU, POLICY);
    let outputs = scene.handle(secs(5), NotifierInput::Subscribed(granted(0)));
    assert_eq!(outputs.first(), Some(&NotifierOutput::Persist));
    let notify = notify_of(&outputs);
    assert_eq!((state_of(&notify).as_str(), notify.way), ("terminated;reason=timeout", Way::Dialog));
    // Edge: a change racing with it sends nothing more.
    assert_eq!(scene.handle(secs(5), NotifierInput::Changed(2)), []);
    assert_eq!(scene.answer(secs(6), 200), [NotifierOutput::Ended(NotifierEnd::Told(Reason::Timeout))]);
}

#[test]
fn sub_n_14_running_out_tells_the_watcher() {
    let mut scene = Scene::active(CONTACT, POLICY);
    assert_eq!(scene.timeout(), Some(secs(600).mono));
    assert_eq!(scene.handle(at(599_999), NotifierInput::Deadline), []);
    let outputs = scene.handle(at(600_000), NotifierInput::Deadline);
    assert_eq!(state_of(&notify_of(&outputs)), "terminated;reason=timeout");
    assert_eq!(outputs.len(), 1, "the record already says when it ran out");
    assert_eq!(
        scene.handle(secs(632), NotifierInput::NoAnswer),
        [NotifierOutput::Ended(NotifierEnd::Unreachable)]
    );
}

#[test]
fn sub_n_15_a_vanished_watcher_is_tried_with_back_off_then_forgotten() {
    let mut scene = Scene::active(CONTACT, POLICY);
    scene.notify(secs(0), NotifierInput::Changed(2));
    assert_eq!(scene.handle(secs(32), NotifierInput::NoAnswer), []);
    assert_eq!(scene.timeout(), Some(secs(42).mono));
    assert_eq!(scene.handle(at(41_999), NotifierInput::Deadline), []);
    // What changes meanwhile goes along.
    assert_eq!(scene.handle(at(41_999), NotifierInput::Changed(3)), []);
    assert_eq!(scene.notify(secs(42), NotifierInput::Deadline).version, 3);
    assert_eq!(scene.answer(secs(50), 408), []);
    assert_eq!(scene.timeout(), Some(secs(70).mono), "the wait doubles");
    scene.notify(secs(70), NotifierInput::Deadline);
    let end = [NotifierOutput::Ended(NotifierEnd::Unreachable)];
    assert_eq!(scene.handle(secs(102), NotifierInput::NoAnswer), end);
}

#[test]
fn sub_n_15_retry_after_is_waited_for() {
    let mut scene = Scene::active(CONTACT, POLICY);
    scene.notify(secs(0), NotifierInput::Changed(2));
    let status = StatusCode::SERVICE_UNAVAILABLE;
    let busy = NotifierInput::Answered { status, retry_after: Some(77) };
    assert_eq!(scene.handle(secs(1), busy), []);
    assert_eq!(scene.handle(at(77_999), NotifierInput::Deadline), []);
    assert_eq!(scene.notify(at(78_000), NotifierInput::Deadline).version, 2);
    // A SUBSCRIBE ends the waiting: the watcher is there.
    assert_eq!(scene.handle(secs(79), busy), []);
    assert_eq!(scene.notify(secs(80), NotifierInput::Subscribed(granted(600))).cause, Cause::Subscribe);
}

#[test]
fn sub_n_15_one_way_found_afresh_may_fail() {
    for failure in [404, 408, 430, 480, 504, 0] {
        let mut scene = Scene::active(GRUU, POLICY);
        let first = scene.notify(secs(0), NotifierInput::Changed(2));
        assert_eq!(first.way, Way::Identity);
        let input = match StatusCode::new(failure) {
            Some(status) => NotifierInput::Answered { status, retry_after: None },
            None => NotifierInput::NoAnswer,
        };
        let second = scene.notify(secs(1), input);
        assert_eq!((second.way, second.version, second.cseq), (Way::Dialog, 2, first.cseq + 1));
        // The dialog's answer counts.
        let outputs = scene.handle(secs(2), input);
        match failure {
            404 | 480 => {
                let status = StatusCode::new(failure).unwrap();
                assert_eq!(outputs, [NotifierOutput::Ended(NotifierEnd::Refused(status))]);
            }
            _ => assert_eq!(scene.timeout(), Some(secs(12).mono), "{failure}"),
        }
    }
    let mut scene = Scene::active(GRUU, POLICY);
    scene.notify(secs(0), NotifierInput::Changed(2));
    let end = NotifierOutput::Ended(NotifierEnd::Refused(StatusCode::NO_SUCH_TRANSACTION));
    assert_eq!(scene.answer(secs(1), 481), [end], "481 came from the watcher itself");
}

#[test]
fn updates_go_by_identity_only_to_a_gruu_and_only_if_configured() {
    let by_dialog = NotifyPolicy { updates: Updates::Dialog, ..POLICY };
    let rows = [
        (GRUU, POLICY, Way::Identity),
        (CONTACT, POLICY, Way::Dialog),
        (GRUU, by_dialog, Way::Dialog),
        (CONTACT, by_dialog, Way::Dialog),
    ];
    for (contact, policy, way) in rows {
        for input in [NotifierInput::Changed(2), NotifierInput::Authorised(Authorisation::Refused)] {
            assert_eq!(Scene::active(contact, policy).notify(secs(1), input).way, way);
        }
    }
}

#[test]
fn sub_n_15_what_a_subscribe_is_owed_is_tried_afresh_when_the_dialog_leads_nowhere() {
    for (contact, policy, retried) in [
        (GRUU, POLICY, Way::Identity),
        (CONTACT, POLICY, Way::Dialog),
        (GRUU, NotifyPolicy { updates: Updates::Dialog, ..POLICY }, Way::Dialog),
    ] {
        let mut scene = Scene::active(contact, policy);
        let first = scene.notify(secs(0), NotifierInput::Subscribed(granted(600)));
        assert_eq!((first.way, first.cause), (Way::Dialog, Cause::Subscribe));
        assert_eq!(scene.handle(secs(32), NotifierInput::NoAnswer), [], "not at once");
        let second = scene.notify(secs(32) + POLICY.retry, NotifierInput::Deadline);
        assert_eq!((second.way, second.cause), (retried, Cause::Subscribe), "{contact}");
        if retried == Way::Identity {
            assert_eq!(
                scene.notify(secs(70), NotifierInput::NoAnswer).way,
                Way::Dialog,
                "and once the old way"
            );
        }
    }
}

#[test]
fn sub_n_15_an_error_costs_one_notify_and_many_in_a_row_the_subscription() {
    for code in [400, 401, 403, 407, 423, 430, 486, 488, 500, 503, 600] {
        let mut scene = Scene::active(CONTACT, POLICY);
        scene.notify(secs(0), NotifierInput::Changed(2));
        let mut now = 0;
        for wait in [10, 20, 40, 80] {
            assert_eq!(scene.answer(secs(now), code), [], "{code}");
            // What changes meanwhile goes along.
            assert_eq!(scene.handle(secs(now), NotifierInput::Changed(3 + now)), []);
            assert_eq!(scene.timeout(), Some(secs(now + wait).mono), "{code}");
            let newest = 3 + now;
            now += wait;
            assert_eq!(scene.notify(secs(now), NotifierInput::Deadline).version, newest);
        }
        let outputs = scene.answer(secs(now), code);
        assert_eq!(state_of(&notify_of(&outputs)), "terminated;reason=probation;retry-after=60", "{code}");
        let end = [NotifierOutput::Ended(NotifierEnd::Refused(StatusCode::new(code).unwrap()))];
        assert_eq!(scene.answer(secs(now), code), end);
    }
}

#[test]
fn sub_n_15_errors_and_silence_are_counted_apart() {
    let mut scene = Scene::active(CONTACT, POLICY);
    scene.notify(secs(0), NotifierInput::Changed(2));
    for (now, code) in [(0, 486), (10, 486)] {
        assert_eq!(scene.answer(secs(now), code), []);
        let at = Now { mono: scene.timeout().unwrap(), ..secs(now) };
        scene.notify(at, NotifierInput::Deadline);
    }
    // The first one, and the second, that nobody answers.
    for now in [62, 140] {
        assert_eq!(scene.handle(secs(now), NotifierInput::NoAnswer), [], "{now}");
        let at = Now { mono: scene.timeout().unwrap(), ..secs(now) };
        scene.notify(at, NotifierInput::Deadline);
    }
    let end = [NotifierOutput::Ended(NotifierEnd::Unreachable)];
    assert_eq!(scene.handle(secs(400), NotifierInput::NoAnswer), end);
}

#[test]
fn sub_n_15_a_retry_after_of_nothing_is_a_second() {
    let mut scene = Scene::active(CONTACT, POLICY);
    scene.notify(secs(0), NotifierInput::Changed(2));
    let busy = NotifierInput::Answered { status: StatusCode::SERVER_ERROR, retry_after: Some(0) };
    assert_eq!(scene.handle(secs(5), busy), []);
    assert_eq!(scene.timeout(), Some(secs(6).mono));
}

#[test]
fn sub_n_15_a_notify_that_arrives_takes_the_errors_before_it_back() {
    let mut scene = Scene::active(CONTACT, POLICY);
    for number in 0..20 {
        scene.notify(secs(number * 20), NotifierInput::Changed(2 + number));
        assert_eq!(scene.answer(secs(number * 20), 486), []);
        scene.notify(secs(number * 20 + 10), NotifierInput::Deadline);
        assert_eq!(scene.answer(secs(number * 20 + 10), 200), [NotifierOutput::PersistLater]);
    }
}

#[test]
fn sub_n_16_of_many_changes_only_the_newest_follows() {
    let mut scene = Scene::active(CONTACT, POLICY);
    assert_eq!(scene.notify(secs(0), NotifierInput::Changed(2)).version, 2);
    for version in [3, 5, 4] {
        assert_eq!(scene.handle(secs(1), NotifierInput::Changed(version)), []);
    }
    let outputs = scene.answer(secs(2), 200);
    assert_eq!(notify_of(&outputs).version, 5);
    assert_eq!(scene.answer(secs(3), 200), [NotifierOutput::PersistLater]);
    assert_eq!(scene.subscription.record().delivered(), Some(5));
    assert_eq!(scene.handle(secs(4), NotifierInput::Changed(5)), [], "that version is known");
}

#[test]
fn sub_n_16_a_refresh_during_a_notify_gets_its_own_afterwards() {
    let mut scene = Scene::active(GRUU, POLICY);
    scene.notify(secs(0), NotifierInput::Changed(2));
    let outputs = scene.handle(secs(1), NotifierInput::Subscribed(granted(900)));
    assert_eq!(outputs, [NotifierOutput::Persist]);
    let notify = notify_of(&scene.answer(secs(2), 200));
    assert_eq!((notify.cause, notify.way), (Cause::Subscribe, Way::Dialog));
    assert_eq!(state_of(&notify), "active;expires=899");
    assert_eq!(scene.subscription.record().delivered(), None, "the refresh is still owed its NOTIFY");
    scene.answer(secs(3), 200);
    assert_eq!(scene.subscription.record().delivered(), Some(2));
}

#[test]
fn prs_08_changes_keep_their_distance_and_decisions_do_not() {
    let policy = NotifyPolicy { min_interval: Duration::from_secs(5), ..POLICY };
    let mut scene = Scene::active(CONTACT, policy);
    assert_eq!(scene.handle(secs(1), NotifierInput::Changed(2)), []);
    assert_eq!(scene.timeout(), Some(secs(5).mono));
    assert_eq!(scene.handle(at(4_999), NotifierInput::Deadline), []);
    assert_eq!(scene.notify(at(5_000), NotifierInput::Deadline).version, 2);
    scene.answer(secs(5), 200);
    let end = scene.notify(secs(6), NotifierInput::Authorised(Authorisation::Refused));
    assert_eq!(state_of(&end), "terminated;reason=rejected");
}

#[test]
fn sub_n_21_the_journal_is_written_once_for_32_notifies() {
    let mut scene = Scene::active(CONTACT, POLICY);
    let mut raised = Vec::new();
    for version in 2..=100 {
        let outputs = scene.handle(secs(1), NotifierInput::Changed(version));
        let notify = notify_of(&outputs);
        assert_eq!(u64::from(notify.cseq), version);
        if outputs.first() == Some(&NotifierOutput::Persist) {
            raised.push(notify.cseq);
        }
        assert_eq!(scene.answer(secs(1), 200), [NotifierOutput::PersistLater]);
    }
    assert_eq!(raised, [33, 65, 97]);
}

#[test]
fn sub_n_21_after_a_restart_only_who_may_lack_something_is_told() {
    let confirmed = Scene::active(GRUU, POLICY);
    assert_eq!(confirmed.restored(secs(60), 1).drain(), []);
    assert_eq!(confirmed.restored(secs(60), 1).timeout(), Some(secs(600).mono));
    let mut behind = confirmed.restored(secs(60), 2);
    let notify = notify_of(&behind.drain());
    assert_eq!((notify.version, notify.cause, notify.cseq), (2, Cause::Change, 33));
    assert_eq!(state_of(&notify), "active;expires=540");
    // Edge: killed after the 200, before the NOTIFY.
    let owed = Scene::new(GRUU, 600, Authorisation::Undecided, POLICY);
    let notify = notify_of(&owed.restored(secs(60), 1).drain());
    assert_eq!((state_of(&notify).as_str(), notify.cause), ("pending;expires=540", Cause::Subscribe));
    // A pending watcher sees no state, so it lacks none.
    let mut pending = Scene::new(GRUU, 600, Authorisation::Undecided, POLICY);
    pending.answer(secs(1), 200);
    assert_eq!(pending.restored(secs(60), 9).drain(), []);
    // Killed after the 200 to the unsubscribe.
    let mut leaving = Scene::active(GRUU, POLICY);
    leaving.handle(secs(60), NotifierInput::Subscribed(granted(0)));
    let notify = notify_of(&leaving.restored(secs(61), 1).drain());
    assert_eq!(state_of(&notify), "terminated;reason=timeout");
    let mut rejected = Scene::active(GRUU, POLICY);
    rejected.handle(secs(60), NotifierInput::Authorised(Authorisation::Refused));
    let notify = notify_of(&rejected.restored(secs(61), 1).drain());
    assert_eq!(state_of(&notify), "terminated;reason=rejected");
}

#[test]
fn sub_n_21_what_ran_out_while_down_ends_in_silence() {
    let silent = [NotifierOutput::Ended(NotifierEnd::ExpiredWhileDown)];
    let scene = Scene::active(CONTACT, POLICY);
    assert_eq!(notify_of(&scene.restored(at(599_999), 2).drain()).version, 2);
    let mut expired = scene.restored(at(600_000), 2);
    assert_eq!(expired.drain(), silent);
    assert_eq!((expired.timeout(), expired.handle(secs(601), NotifierInput::Changed(3))), (None, vec![]));
    let mut leaving = Scene::active(CONTACT, POLICY);
    leaving.handle(secs(60), NotifierInput::Subscribed(granted(0)));
    assert_eq!(leaving.restored(at(91_999), 1).drain().len(), 2);
    assert_eq!(leaving.restored(at(92_000), 1).drain(), silent);
}

#[test]
fn sub_n_20_two_subscriptions_share_a_dialog_and_its_cseq() {
    let mut dialog = notifier_dialog(CONTACT);
    let mut cseqs = Vec::new();
    for package in ["presence", "presence.winfo"] {
        let accepted = AcceptedSubscribe {
            event: Event { package, id: None },
            granted: granted(600),
            authorisation: Authorisation::Allowed,
            version: 1,
        };
        let with = NotifyContext { dialog: &mut dialog, policy: &POLICY };
        let mut subscription = Subscription::new(at(0), accepted, with);
        assert_eq!(subscription.record().event(), package);
        while let Some(output) = subscription.poll_output() {
            if let NotifierOutput::Notify(notify) = output {
                cseqs.push(notify.cseq);
            }
        }
    }
    assert_eq!(cseqs, [1, 2]);
}

#[test]
fn a_live_subscription_is_small() {
    let scene = Scene::active(GRUU, POLICY);
    let structures = size_of::<Dialog>() + size_of::<Subscription>();
    // One block of text, with an allocator's head of up to 16 octets.
    let text = scene.dialog.text_length() + 16;
    assert!(structures + text < 700, "{structures} + {text}");
    assert_eq!(scene.subscription.record().standing().substate(), Substate::Active);
}

#[test]
fn sub_n_16_a_second_try_settles_what_came_meanwhile() {
    let mut scene = Scene::active(GRUU, POLICY);
    assert_eq!(scene.notify(secs(0), NotifierInput::Changed(2)).way, Way::Identity);
    assert_eq!(scene.handle(secs(1), NotifierInput::Changed(3)), []);
    let second = scene.notify(secs(2), NotifierInput::NoAnswer);
    assert_eq!((second.way, second.version), (Way::Dialog, 3));
    assert_eq!(scene.answer(secs(3), 200), [NotifierOutput::PersistLater], "no third NOTIFY");
    // A SUBSCRIBE during the first try: what follows is its NOTIFY.
    scene.notify(secs(4), NotifierInput::Changed(4));
    scene.handle(secs(5), NotifierInput::Subscribed(granted(600)));
    let busy = NotifierInput::Answered { status: StatusCode::SERVER_ERROR, retry_after: None };
    let answer = scene.notify(secs(6), busy);
    assert_eq!((answer.way, answer.cause), (Way::Dialog, Cause::Subscribe));
    scene.answer(secs(7), 200);
    assert_eq!(scene.subscription.record().delivered(), Some(4));
}

#[test]
fn design_9_a_notify_that_a_subscribe_is_owed_finds_a_watcher_that_has_moved() {
    for (contact, policy, second) in [
        (GRUU, POLICY, Way::Identity),
        (CONTACT, POLICY, Way::Dialog),
        (GRUU, NotifyPolicy { updates: Updates::Dialog, ..POLICY }, Way::Dialog),
    ] {
        let mut scene = Scene::new(contact, 600, Authorisation::Allowed, policy);
        let first = notify_of(&scene.drain());
        assert_eq!((first.cause, first.way), (Cause::Subscribe, Way::Dialog));
        // Nobody is there any more. It is tried once more, and where the watcher is now.
        assert_eq!(scene.handle(secs(32), NotifierInput::NoAnswer), []);
        let at = Now { mono: scene.timeout().unwrap(), ..secs(32) };
        let again = scene.notify(at, NotifierInput::Deadline);
        assert_eq!((again.cause, again.way), (Cause::Subscribe, second));
        // A SUBSCRIBE meanwhile says where the watcher is.
        scene.handle(at, NotifierInput::Subscribed(granted(600)));
        let last = scene.notify(at, NotifierInput::NoAnswer);
        assert_eq!((last.cause, last.way), (Cause::Subscribe, Way::Dialog));
    }
}
