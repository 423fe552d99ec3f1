//! RFC 6665 section 4.1: scenes from the life of a subscription at the subscriber.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test helper may fail its test")]

mod support;

use clock::Now;
use sip_event::{
    Answer, BadNotify, Reason, Retry, Schedule, SentSubscribe, Subscriber, SubscriberConfig, SubscriberEnd,
    SubscriberInput, SubscriberOutput,
};
use sip_message::{Event, HeaderName, Method, StatusCode, Substate, Uri};
use std::time::Duration;
use support::{at, message, notify, secs, sent, sent_as};

const CONFIG: SubscriberConfig = SubscriberConfig {
    expires: 3600,
    t1: Duration::from_millis(500),
    schedule: Schedule {
        jitter: 0,
        first_wait: Duration::from_secs(4),
        longest_wait: Duration::from_secs(60),
    },
};
const PRESENCE: Event<'_> = Event { package: "presence", id: None };

/// How a NOTIFY is answered.
fn code(outcome: Result<(), BadNotify>) -> u16 {
    outcome.map_or_else(|bad| bad.status().code(), |()| 200)
}

fn answer(code: u16, expires: Option<u32>) -> Answer<'static> {
    Answer { expires, ..Answer::status(StatusCode::new(code).unwrap()) }
}

fn drain(subscriber: &mut Subscriber) -> Vec<SubscriberOutput> {
    std::iter::from_fn(|| subscriber.poll_output()).collect()
}

fn handle(subscriber: &mut Subscriber, now: Now, input: SubscriberInput<'_>) -> Vec<SubscriberOutput> {
    subscriber.handle(now, input);
    drain(subscriber)
}

/// A SUBSCRIBE has been sent at 0.
fn waiting(config: SubscriberConfig) -> Subscriber {
    let mut subscriber = Subscriber::new(config, PRESENCE);
    assert_eq!(drain(&mut subscriber), [SubscriberOutput::SubscribeAnew(config.expires)]);
    assert_eq!(handle(&mut subscriber, at(0), SubscriberInput::Sent(sent())), []);
    subscriber
}

/// Active for 3600 s, all settled at 0; the refresh is due at 2880.
fn active() -> Subscriber {
    let mut subscriber = waiting(CONFIG);
    handle(&mut subscriber, at(0), SubscriberInput::Answered(answer(200, Some(3600))));
    assert_eq!(subscriber.notify(at(0), &notify(1, "p1", "active;expires=3600")), Ok(()));
    assert_eq!(drain(&mut subscriber), [SubscriberOutput::State(Substate::Active)]);
    assert_eq!(subscriber.poll_timeout(), Some(secs(2880).mono));
    subscriber
}

/// A refresh was sent at 2880.
fn refreshing() -> Subscriber {
    let mut subscriber = active();
    let refresh = handle(&mut subscriber, secs(2880), SubscriberInput::Deadline);
    assert_eq!(refresh, [SubscriberOutput::SubscribeInDialog(3600)]);
    subscriber
}

fn ended(end: SubscriberEnd, retry: Retry) -> SubscriberOutput {
    SubscriberOutput::Ended(end, retry)
}

const ANEW: SubscriberOutput = SubscriberOutput::SubscribeAnew(3600);
const LEFT: SubscriberOutput = SubscriberOutput::Ended(SubscriberEnd::Unsubscribed, Retry::Never);

#[test]
fn sub_s_01_the_subscribe_outside_a_dialog() {
    let draft = sent().request(Uri::parse("sip:p@home2.test").unwrap());
    let request = sent_as(draft.header(HeaderName::Event, active().event()));
    assert_eq!(request.value(HeaderName::From), Some("<sip:w@home1.test>;tag=w1"));
    assert_eq!(request.value(HeaderName::To), Some("<sip:p@home2.test>"));
    assert_eq!(request.value(HeaderName::Event), Some("presence"));
    assert_eq!((request.cseq(), request.cseq_method(), request.max_forwards()), (1, "SUBSCRIBE", Some(70)));
}

#[test]
fn sub_s_02_timer_n_decides_even_after_a_200() {
    for accepted in [false, true] {
        let mut subscriber = waiting(CONFIG);
        if accepted {
            handle(&mut subscriber, secs(1), SubscriberInput::Answered(answer(200, Some(600))));
        }
        assert_eq!(subscriber.poll_timeout(), Some(secs(32).mono));
        assert_eq!(handle(&mut subscriber, at(31_999), SubscriberInput::Deadline), []);
        let end = handle(&mut subscriber, at(32_000), SubscriberInput::Deadline);
        assert_eq!(end, [ended(SubscriberEnd::NoNotify, Retry::After(Duration::from_secs(4)))]);
        let late = subscriber.notify(secs(33), &notify(1, "p1", "active"));
        assert_eq!(code(late), 481);
        assert_eq!(handle(&mut subscriber, at(35_999), SubscriberInput::Deadline), []);
        assert_eq!(handle(&mut subscriber, at(36_000), SubscriberInput::Deadline), [ANEW]);
    }
    let radio = SubscriberConfig { t1: Duration::from_secs(2), ..CONFIG };
    assert_eq!(waiting(radio).poll_timeout(), Some(secs(128).mono));
}

#[test]
fn sub_s_03_a_notify_before_the_200_makes_the_dialog() {
    let mut subscriber = waiting(CONFIG);
    assert_eq!(subscriber.notify(secs(1), &notify(1, "p1", "pending;expires=3600")), Ok(()));
    assert_eq!(drain(&mut subscriber), [SubscriberOutput::State(Substate::Pending)]);
    handle(&mut subscriber, secs(2), SubscriberInput::Answered(answer(200, Some(600))));
    assert_eq!(subscriber.poll_timeout(), Some(secs(482).mono), "80 % of the 600 s that the 200 grants");
    let refresh = sent_as(subscriber.dialog_mut().unwrap().request(Method::Subscribe));
    assert_eq!((refresh.to_tag(), refresh.cseq()), (Some("p1"), 2));
}

#[test]
fn sub_s_04_of_a_fork_the_first_dialog_stays() {
    let mut subscriber = active();
    assert_eq!(code(subscriber.notify(secs(1), &notify(1, "p2", "active"))), 481);
    assert_eq!(code(subscriber.notify(secs(1), &notify(2, "p1", "active"))), 200);
}

#[test]
fn sub_s_05_which_notify_is_ours() {
    let lines = |event: &str, state: &str| format!("Contact: <sip:ps2>\r\n{event}{state}");
    let good = ("Event: presence\r\n", "Subscription-State: active\r\n");
    let rows = [
        ("w1", good.0, good.1, Ok(())),
        ("w2", good.0, good.1, Err(BadNotify::NoSuchSubscription)),
        ("", good.0, good.1, Err(BadNotify::NoSuchSubscription)),
        ("w1", "Event: presence.winfo\r\n", good.1, Err(BadNotify::BadEvent)),
        ("w1", "", good.1, Err(BadNotify::BadEvent)),
        ("w1", "Event: presence;id=1\r\n", good.1, Err(BadNotify::NoSuchSubscription)),
        ("w1", good.0, "", Err(BadNotify::Malformed)),
        ("w1", good.0, "Subscription-State: odd\r\n", Err(BadNotify::Malformed)),
    ];
    for (to_tag, event, state, verdict) in rows {
        for mut subscriber in [waiting(CONFIG), active()] {
            let text = lines(event, state);
            let notify = message("NOTIFY sip:w SIP/2.0", "5 NOTIFY", ("p1", to_tag), &text);
            assert_eq!(subscriber.notify(secs(1), &notify), verdict, "{to_tag} {event} {state}");
        }
    }
    let no_contact =
        message("NOTIFY sip:w SIP/2.0", "5 NOTIFY", ("p1", "w1"), &format!("{}{}", good.0, good.1));
    assert_eq!(waiting(CONFIG).notify(secs(1), &no_contact), Err(BadNotify::Malformed));
    assert_eq!(active().notify(secs(1), &no_contact), Ok(()));
    let mut stale = active();
    assert_eq!(code(stale.notify(secs(1), &notify(9, "p1", "active"))), 200);
    assert_eq!(code(stale.notify(secs(1), &notify(8, "p1", "active"))), 500);
    assert_eq!(BadNotify::BadEvent.status().code(), 489);
    assert_eq!(BadNotify::Malformed.status().code(), 400);
}

#[test]
fn sub_s_06_the_shortest_lifetime_named_counts() {
    // Expires of the 200, of the first NOTIFY, and when the refresh is due.
    let rows = [
        (Some(3600), "", 2880),
        (None, "", 2880),
        (Some(1800), "", 1440),
        (Some(1800), ";expires=3600", 1440),
        (Some(1800), ";expires=600", 480),
        (Some(9999), ";expires=9999", 2880),
    ];
    for (expires, state, refresh) in rows {
        for notify_first in [false, true] {
            let mut subscriber = waiting(CONFIG);
            let first = notify(1, "p1", &format!("active{state}"));
            if notify_first {
                assert_eq!(subscriber.notify(at(0), &first), Ok(()));
            }
            handle(&mut subscriber, at(0), SubscriberInput::Answered(answer(200, expires)));
            if !notify_first {
                assert_eq!(subscriber.notify(at(0), &first), Ok(()));
            }
            assert_eq!(subscriber.poll_timeout(), Some(secs(refresh).mono), "{expires:?} {state}");
        }
    }
    let mut subscriber = active();
    for (state, refresh) in [("active;expires=3599", 2880), ("active;expires=100", 1080), ("active", 1080)] {
        assert_eq!(subscriber.notify(secs(1000), &notify(2, "p1", state)), Ok(()));
        assert_eq!(subscriber.poll_timeout(), Some(secs(refresh).mono), "{state}");
    }
}

#[test]
fn sub_s_07_a_refresh_starts_the_lifetime_anew() {
    for notify_first in [false, true] {
        let mut subscriber = refreshing();
        let next = notify(2, "p1", "active;expires=1000");
        if notify_first {
            assert_eq!(subscriber.notify(secs(2881), &next), Ok(()));
            assert_eq!(subscriber.poll_timeout(), Some(secs(3881).mono));
        }
        handle(&mut subscriber, secs(2881), SubscriberInput::Answered(answer(200, Some(1000))));
        if !notify_first {
            assert_eq!(subscriber.poll_timeout(), Some(secs(2912).mono), "Timer N");
            assert_eq!(subscriber.notify(secs(2881), &next), Ok(()));
        }
        assert_eq!(subscriber.poll_timeout(), Some(secs(3681).mono));
    }
    // RFC 5839: a 204 is followed by no NOTIFY.
    let mut suppressed = refreshing();
    handle(&mut suppressed, secs(2881), SubscriberInput::Answered(answer(204, Some(1000))));
    assert_eq!(suppressed.poll_timeout(), Some(secs(3681).mono));
}

#[test]
fn sub_s_07_a_refresh_without_notify_or_dialog_begins_anew() {
    let mut silent = refreshing();
    handle(&mut silent, secs(2881), SubscriberInput::NoAnswer);
    assert_eq!(handle(&mut silent, at(2_911_999), SubscriberInput::Deadline), []);
    let outputs = handle(&mut silent, at(2_912_000), SubscriberInput::Deadline);
    assert_eq!(outputs, [ended(SubscriberEnd::NoNotify, Retry::Now), ANEW]);
    let mut gone = refreshing();
    let outputs = handle(&mut gone, secs(2881), SubscriberInput::Answered(answer(481, None)));
    assert_eq!(outputs, [ended(SubscriberEnd::Refused(StatusCode::NO_SUCH_TRANSACTION), Retry::Now), ANEW]);
    let other = SentSubscribe { call_id: "c2@h".into(), local_tag: "w2".into(), ..sent() };
    handle(&mut gone, secs(2881), SubscriberInput::Sent(other));
    assert_eq!(code(gone.notify(secs(2882), &notify(2, "p1", "active"))), 481);
}

#[test]
fn sub_s_07_other_failures_leave_it_standing() {
    for code in [403, 408, 500, 503] {
        let mut subscriber = refreshing();
        assert_eq!(handle(&mut subscriber, secs(2881), SubscriberInput::Answered(answer(code, None))), []);
        // 719 s are left: half of that later it is tried again.
        assert_eq!(subscriber.poll_timeout(), Some(at(3_240_500).mono), "{code}");
        assert_eq!(subscriber.notify(secs(2882), &notify(2, "p1", "active")), Ok(()));
        let again = handle(&mut subscriber, at(3_240_500), SubscriberInput::Deadline);
        assert_eq!(again, [SubscriberOutput::SubscribeInDialog(3600)]);
    }
    let mut busy = refreshing();
    let wait = Answer { retry_after: Some(30), ..answer(503, None) };
    handle(&mut busy, secs(2881), SubscriberInput::Answered(wait));
    assert_eq!(busy.poll_timeout(), Some(secs(2911).mono));
}

#[test]
fn sub_s_07_it_runs_out_in_the_end() {
    let mut subscriber = refreshing();
    let too_long = Answer { retry_after: Some(9999), ..answer(500, None) };
    handle(&mut subscriber, secs(2881), SubscriberInput::Answered(too_long));
    assert_eq!(handle(&mut subscriber, at(3_599_999), SubscriberInput::Deadline), []);
    let outputs = handle(&mut subscriber, at(3_600_000), SubscriberInput::Deadline);
    assert_eq!(outputs, [ended(SubscriberEnd::Expired, Retry::Now), ANEW]);
}

#[test]
fn rfc6665_4_1_2_2_answers_that_end_a_subscription() {
    let later = Retry::After(Duration::from_secs(4));
    let rows = [
        (404, Retry::Never),
        (405, Retry::Never),
        (410, Retry::Never),
        (416, Retry::Never),
        (480, later),
        (482, later),
        (484, Retry::Never),
        (489, Retry::Never),
        (501, Retry::Never),
        (604, Retry::Never),
    ];
    for (code, retry) in rows {
        let mut subscriber = refreshing();
        let outputs = handle(&mut subscriber, secs(2881), SubscriberInput::Answered(answer(code, None)));
        let status = StatusCode::new(code).unwrap();
        assert_eq!(outputs, [ended(SubscriberEnd::Refused(status), retry)]);
    }
}

#[test]
fn reg_u_03_a_423_raises_the_interval() {
    let brief = |min| SubscriberInput::Answered(Answer { min_expires: Some(min), ..answer(423, None) });
    let mut first = waiting(CONFIG);
    assert_eq!(handle(&mut first, secs(1), brief(7200)), [SubscriberOutput::SubscribeAnew(7200)]);
    let refused = ended(SubscriberEnd::Refused(StatusCode::INTERVAL_TOO_BRIEF), Retry::Never);
    assert_eq!(handle(&mut waiting(CONFIG), secs(1), brief(3600)), [refused], "that is what was asked");
    let plain = SubscriberInput::Answered(answer(423, None));
    assert_eq!(handle(&mut waiting(CONFIG), secs(1), plain), [refused]);
    for step in 1..=2 {
        handle(&mut first, secs(1), SubscriberInput::Sent(sent()));
        let outputs = handle(&mut first, secs(1), brief(7200 + step));
        assert_eq!(outputs, [SubscriberOutput::SubscribeAnew(7200 + step)]);
    }
    handle(&mut first, secs(1), SubscriberInput::Sent(sent()));
    assert_eq!(handle(&mut first, secs(1), brief(9000)), [refused], "a server that always wants more");
    let mut refresh = refreshing();
    assert_eq!(handle(&mut refresh, secs(2881), brief(4000)), [SubscriberOutput::SubscribeInDialog(4000)]);
}

#[test]
fn sub_s_08_what_a_terminated_subscription_does_next() {
    let after = |seconds| Retry::After(Duration::from_secs(seconds));
    let rows = [
        ("deactivated", Some(Reason::Deactivated), Retry::Now),
        ("timeout", Some(Reason::Timeout), Retry::Now),
        ("probation;retry-after=9", Some(Reason::Probation), after(9)),
        ("giveup", Some(Reason::Giveup), after(4)),
        ("rejected", Some(Reason::Rejected), Retry::Never),
        ("noresource", Some(Reason::Noresource), Retry::Never),
        ("invariant", Some(Reason::Invariant), Retry::Never),
        ("other", None, after(4)),
    ];
    for (text, reason, retry) in rows {
        for mut subscriber in [waiting(CONFIG), active(), refreshing()] {
            let last = notify(2, "p1", &format!("terminated;reason={text}"));
            assert_eq!(subscriber.notify(secs(2881), &last), Ok(()));
            let mut expected = vec![ended(SubscriberEnd::Notified(reason), retry)];
            expected.extend((retry == Retry::Now).then_some(ANEW));
            assert_eq!(drain(&mut subscriber), expected, "{text}");
            assert_eq!(subscriber.poll_timeout().is_some(), matches!(retry, Retry::After(_)));
        }
    }
}

#[test]
fn sub_s_08_a_server_that_ends_at_once_is_not_asked_in_a_loop() {
    let mut subscriber = active();
    let mut waits = Vec::new();
    for _ in 0..4 {
        let over = notify(1, "p1", "terminated;reason=deactivated");
        assert_eq!(subscriber.notify(secs(1), &over), Ok(()));
        let outputs = drain(&mut subscriber);
        let Some(SubscriberOutput::Ended(_, retry)) = outputs.first() else { panic!("{outputs:?}") };
        waits.push(*retry);
        if let Some(until) = subscriber.poll_timeout() {
            let wait = until.saturating_since(at(0).mono);
            handle(&mut subscriber, at(0) + wait, SubscriberInput::Deadline);
        }
        handle(&mut subscriber, at(0), SubscriberInput::Sent(sent()));
    }
    let after = |seconds| Retry::After(Duration::from_secs(seconds));
    assert_eq!(waits, [Retry::Now, after(8), after(16), after(32)]);
}

#[test]
fn sub_s_09_the_last_notify_after_unsubscribing_is_welcome() {
    let mut subscriber = active();
    let leave = handle(&mut subscriber, secs(10), SubscriberInput::Unsubscribe);
    assert_eq!(leave, [SubscriberOutput::SubscribeInDialog(0)]);
    assert_eq!(handle(&mut subscriber, secs(11), SubscriberInput::Answered(answer(200, Some(0)))), []);
    assert_eq!(code(subscriber.notify(secs(11), &notify(2, "p1", "active;expires=9"))), 200);
    assert_eq!(drain(&mut subscriber), [], "a NOTIFY that crossed it");
    let last = notify(3, "p1", "terminated;reason=timeout");
    assert_eq!(code(subscriber.notify(secs(12), &last)), 200);
    assert_eq!((drain(&mut subscriber).as_slice(), subscriber.poll_timeout()), ([LEFT].as_slice(), None));
    assert_eq!(code(subscriber.notify(secs(13), &last)), 481);
}

#[test]
fn sub_s_09_leaving_from_every_state() {
    // In Init, with the SUBSCRIBE not yet taken out.
    let mut init = Subscriber::new(CONFIG, PRESENCE);
    assert_eq!(handle(&mut init, secs(1), SubscriberInput::Unsubscribe), [LEFT]);
    // Before the dialog is there: as soon as it is.
    let mut early = waiting(CONFIG);
    assert_eq!(handle(&mut early, secs(1), SubscriberInput::Unsubscribe), []);
    handle(&mut early, secs(1), SubscriberInput::Answered(answer(200, None)));
    assert_eq!(early.notify(secs(2), &notify(1, "p1", "active")), Ok(()));
    let leave = SubscriberOutput::SubscribeInDialog(0);
    assert_eq!(drain(&mut early), [SubscriberOutput::State(Substate::Active), leave]);
    assert_eq!(handle(&mut early, at(34_000), SubscriberInput::Deadline), [LEFT], "no last NOTIFY came");
    // Nothing to leave after all.
    let mut refused = waiting(CONFIG);
    handle(&mut refused, secs(1), SubscriberInput::Unsubscribe);
    assert_eq!(handle(&mut refused, secs(2), SubscriberInput::Answered(answer(503, None))), [LEFT]);
    // During a refresh: after its answer.
    for end in [
        SubscriberInput::Answered(answer(200, None)),
        SubscriberInput::NoAnswer,
        SubscriberInput::Answered(answer(500, None)),
    ] {
        let mut busy = refreshing();
        assert_eq!(handle(&mut busy, secs(2881), SubscriberInput::Unsubscribe), []);
        assert_eq!(handle(&mut busy, secs(2882), end), [leave]);
    }
    // While resting.
    let mut resting = waiting(CONFIG);
    handle(&mut resting, secs(32), SubscriberInput::Deadline);
    assert_eq!(handle(&mut resting, secs(33), SubscriberInput::Unsubscribe), [LEFT]);
    assert_eq!(handle(&mut resting, secs(99), SubscriberInput::Deadline), []);
    // The notifier knows nothing of it.
    let mut unknown = active();
    handle(&mut unknown, secs(1), SubscriberInput::Unsubscribe);
    assert_eq!(handle(&mut unknown, secs(2), SubscriberInput::Answered(answer(481, None))), [LEFT]);
}

#[test]
fn sub_n_13_a_fetch_asks_once() {
    let fetch = SubscriberConfig { expires: 0, ..CONFIG };
    let mut subscriber = waiting(fetch);
    let answer = notify(1, "p1", "terminated;reason=timeout");
    assert_eq!(subscriber.notify(secs(1), &answer), Ok(()));
    let end = ended(SubscriberEnd::Notified(Some(Reason::Timeout)), Retry::Never);
    assert_eq!((drain(&mut subscriber).as_slice(), subscriber.poll_timeout()), ([end].as_slice(), None));
}

#[test]
fn a_refused_first_subscribe() {
    let after = |seconds| Retry::After(Duration::from_secs(seconds));
    let rows = [
        (403, None, Retry::Never),
        (404, None, Retry::Never),
        (480, None, after(4)),
        (503, Some(7), after(7)),
    ];
    for (code, retry_after, retry) in rows {
        let refusal = Answer { retry_after, ..answer(code, None) };
        let outputs = handle(&mut waiting(CONFIG), secs(1), SubscriberInput::Answered(refusal));
        let status = StatusCode::new(code).unwrap();
        assert_eq!(outputs, [ended(SubscriberEnd::Refused(status), retry)]);
    }
    let outputs = handle(&mut waiting(CONFIG), secs(1), SubscriberInput::NoAnswer);
    assert_eq!(outputs, [ended(SubscriberEnd::NoAnswer, after(4))]);
}

#[test]
fn pending_becomes_active() {
    let mut subscriber = waiting(CONFIG);
    for (cseq, state, outputs) in [
        (1, "pending;expires=3600", vec![SubscriberOutput::State(Substate::Pending)]),
        (2, "pending;expires=3600", vec![]),
        (3, "active;expires=3600", vec![SubscriberOutput::State(Substate::Active)]),
        (3, "active;expires=3600", vec![]),
    ] {
        assert_eq!(subscriber.notify(secs(1), &notify(cseq, "p1", state)), Ok(()));
        assert_eq!(drain(&mut subscriber), outputs, "{cseq}");
    }
}

#[test]
fn sub_s_08_a_subscription_that_lasted_clears_the_failures() {
    for (seconds, retry) in [(59_999, Retry::After(Duration::from_secs(8))), (60_000, Retry::Now)] {
        let mut subscriber = waiting(CONFIG);
        handle(&mut subscriber, at(0), SubscriberInput::NoAnswer);
        handle(&mut subscriber, secs(4), SubscriberInput::Deadline);
        handle(&mut subscriber, secs(4), SubscriberInput::Sent(sent()));
        assert_eq!(subscriber.notify(secs(4), &notify(1, "p1", "active")), Ok(()));
        drain(&mut subscriber);
        let over = notify(2, "p1", "terminated;reason=deactivated");
        assert_eq!(subscriber.notify(at(4_000 + seconds), &over), Ok(()));
        let end = SubscriberEnd::Notified(Some(Reason::Deactivated));
        assert_eq!(subscriber.poll_output(), Some(ended(end, retry)), "{seconds} ms");
    }
}

#[test]
fn sub_s_07_a_failing_refresh_is_not_repeated_within_a_second() {
    for (ms, next) in [(3_597_000, 3_598_500), (3_599_500, 3_600_000)] {
        let mut subscriber = refreshing();
        let wait = Answer { retry_after: Some(0), ..answer(500, None) };
        handle(&mut subscriber, secs(2881), SubscriberInput::Answered(wait));
        assert_eq!(subscriber.poll_timeout(), Some(secs(2882).mono), "a Retry-After of zero");
        handle(&mut subscriber, at(ms), SubscriberInput::Deadline);
        handle(&mut subscriber, at(ms), SubscriberInput::Answered(answer(500, None)));
        assert_eq!(subscriber.poll_timeout(), Some(at(next).mono));
    }
}
