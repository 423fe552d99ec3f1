//! PRS-12 and PRS-13: the documents of presence.winfo.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test helper may fail its test"
)]

use presence_document::{
    InfoError, InfoState, MAX_WATCHERINFO_ELEMENTS, WatcherEntry, WatcherEvent, WatcherInfo, WatcherList,
    WatcherStatus, XmlError,
};

const RFC_3858: &[u8] = include_bytes!("documents/rfc3858-5.xml");

fn entry(status: WatcherStatus, event: WatcherEvent) -> WatcherEntry {
    WatcherEntry {
        uri: "sip:bob@home2.test".into(),
        id: "w1".into(),
        status,
        event,
        display_name: None,
        expiration_s: None,
        duration_subscribed_s: None,
    }
}

fn info(version: u32, state: InfoState, watchers: Vec<WatcherEntry>) -> WatcherInfo {
    let list = WatcherList { resource: "sip:alice@home1.test".into(), package: "presence".into(), watchers };
    WatcherInfo { version, state, lists: vec![list] }
}

#[test]
fn prs_12_the_example_of_the_rfc_is_read() {
    let info = WatcherInfo::parse(RFC_3858).unwrap();
    assert_eq!((info.version, info.state), (0, InfoState::Full));
    let list = &info.lists[0];
    assert_eq!((&*list.resource, &*list.package), ("sip:professor@example.net", "presence"));
    let (a, b) = (&list.watchers[0], &list.watchers[1]);
    assert_eq!(
        (&*a.uri, a.status, a.event),
        ("sip:userA@example.net", WatcherStatus::Active, WatcherEvent::Approved)
    );
    assert_eq!(a.duration_subscribed_s, Some(509));
    assert_eq!((&*b.id, b.display_name.as_deref()), ("hh8juja87s997-ass7", Some("Mr. Subscriber")));
    assert_eq!(WatcherInfo::parse(&info.to_bytes()), Ok(info));
}

#[test]
fn prs_12_a_document_is_written_as_the_rfc_has_it() {
    let mut bob = entry(WatcherStatus::Active, WatcherEvent::Subscribe);
    bob.display_name = Some("Bob \"B\" <bob>".into());
    bob.expiration_s = Some(600);
    bob.duration_subscribed_s = Some(7);
    let written = String::from_utf8(info(3, InfoState::Partial, vec![bob]).to_bytes()).unwrap();
    let expected = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
        <watcherinfo xmlns=\"urn:ietf:params:xml:ns:watcherinfo\" version=\"3\" state=\"partial\">\
        <watcher-list resource=\"sip:alice@home1.test\" package=\"presence\">\
        <watcher id=\"w1\" status=\"active\" event=\"subscribe\" display-name=\"Bob &quot;B&quot; &lt;bob&gt;\" \
        expiration=\"600\" duration-subscribed=\"7\">sip:bob@home2.test</watcher></watcher-list></watcherinfo>";
    assert_eq!(written, expected);
}

#[test]
fn prs_12_prs_13_every_status_and_event_has_its_word() {
    use WatcherEvent as E;
    use WatcherStatus as S;
    let statuses = [
        (S::Pending, "pending"),
        (S::Active, "active"),
        (S::Waiting, "waiting"),
        (S::Terminated, "terminated"),
    ];
    let events = [
        (E::Subscribe, "subscribe"),
        (E::Approved, "approved"),
        (E::Deactivated, "deactivated"),
        (E::Probation, "probation"),
        (E::Rejected, "rejected"),
        (E::Timeout, "timeout"),
        (E::Giveup, "giveup"),
        (E::Noresource, "noresource"),
    ];
    for (status, status_word) in statuses {
        for (event, event_word) in events {
            let document = info(0, InfoState::Full, vec![entry(status, event)]);
            let text = String::from_utf8(document.to_bytes()).unwrap();
            let words = format!("status=\"{status_word}\" event=\"{event_word}\"");
            assert!(text.contains(&words), "{words} is not in {text}");
            assert_eq!(WatcherInfo::parse(text.as_bytes()), Ok(document));
        }
    }
}

#[test]
fn prs_12_what_lacks_a_mandatory_attribute_is_refused() {
    let text = std::str::from_utf8(RFC_3858).unwrap();
    let table = [
        ("version=\"0\"", "version"),
        ("state=\"full\"", "state"),
        ("resource=\"sip:professor@example.net\"", "resource"),
        ("package=\"presence\"", "package"),
        ("status=\"active\"", "status"),
        ("id=\"8ajksjda7s\"", "id"),
        ("event=\"approved\"", "event"),
    ];
    for (attribute, name) in table {
        let (before, _) = attribute.split_once('=').unwrap();
        for without in [text.replace(attribute, ""), text.replace(attribute, &format!("{before}=\"\""))] {
            assert_eq!(WatcherInfo::parse(without.as_bytes()), Err(InfoError::Attribute(name)), "{without}");
        }
    }
    assert_eq!(WatcherInfo::parse(b"<watcherinfo/>"), Err(InfoError::Root("watcherinfo")));
}

#[test]
fn prs_12_unknown_elements_are_ignored_and_limits_hold() {
    let text = std::str::from_utf8(RFC_3858).unwrap();
    let extended =
        |n: usize| text.replace("</watcher-list>", &format!("{}</watcher-list>", "<x xmlns=''/>".repeat(n)));
    let own = 4;
    assert_eq!(WatcherInfo::parse(extended(3).as_bytes()), WatcherInfo::parse(RFC_3858));
    assert!(WatcherInfo::parse(extended(MAX_WATCHERINFO_ELEMENTS - own).as_bytes()).is_ok());
    let refused = WatcherInfo::parse(extended(MAX_WATCHERINFO_ELEMENTS - own + 1).as_bytes());
    assert_eq!(refused, Err(InfoError::Xml(XmlError::TooLarge)));
    for cut in 0..RFC_3858.trim_ascii_end().len() {
        assert!(WatcherInfo::parse(&RFC_3858[..cut]).is_err(), "cut at {cut}");
    }
}
