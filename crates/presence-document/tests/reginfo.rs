//! REG-E-03: the documents of the `reg` package (RFC 3680 section 5, RFC 5628 section 5).

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test helper may fail its test"
)]

use presence_document::{
    ContactEvent, ContactState, InfoError, InfoState, MAX_REGINFO_BYTES, MAX_REGINFO_ELEMENTS, RegContact,
    RegInfo, RegState, Registration, XmlError,
};

fn contact() -> RegContact {
    RegContact {
        id: "c1".into(),
        state: ContactState::Active,
        event: ContactEvent::Registered,
        expires_s: Some(3600),
        retry_after_s: None,
        q: Some("0.5".into()),
        call_id: Some("1j9FpLxk3uxtm8tn@ue".into()),
        cseq: Some(7),
        uri: "sip:alice@198.51.100.7:5080".into(),
        instance: Some("<urn:uuid:f81d4fae>".into()),
        pub_gruu: Some("sip:alice@home1.test;gr=urn:uuid:f81d4fae".into()),
    }
}

fn info(contacts: Vec<RegContact>) -> RegInfo {
    let registration = Registration {
        aor: "sip:alice@home1.test".into(),
        id: "r1".into(),
        state: RegState::Active,
        contacts,
    };
    RegInfo { version: 3, state: InfoState::Full, registrations: vec![registration] }
}

#[test]
fn reg_e_03_a_document_is_written_as_the_rfcs_have_it() {
    let written = String::from_utf8(info(vec![contact()]).to_bytes()).unwrap();
    let expected = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
        <reginfo xmlns=\"urn:ietf:params:xml:ns:reginfo\" version=\"3\" state=\"full\">\
        <registration aor=\"sip:alice@home1.test\" id=\"r1\" state=\"active\">\
        <contact id=\"c1\" state=\"active\" event=\"registered\" expires=\"3600\" q=\"0.5\" \
        callid=\"1j9FpLxk3uxtm8tn@ue\" cseq=\"7\"><uri>sip:alice@198.51.100.7:5080</uri>\
        <unknown-param name=\"+sip.instance\">\"&lt;urn:uuid:f81d4fae&gt;\"</unknown-param>\
        <gr:pub-gruu xmlns:gr=\"urn:ietf:params:xml:ns:gruuinfo\" \
        uri=\"sip:alice@home1.test;gr=urn:uuid:f81d4fae\"/></contact></registration></reginfo>";
    assert_eq!(written, expected);
}

#[test]
fn reg_e_03_what_is_written_reads_the_same() {
    use ContactEvent as E;
    let events = [
        E::Registered,
        E::Created,
        E::Refreshed,
        E::Shortened,
        E::Expired,
        E::Deactivated,
        E::Probation,
        E::Unregistered,
        E::Rejected,
    ];
    let bare = RegContact {
        expires_s: None,
        retry_after_s: Some(60),
        q: None,
        call_id: None,
        cseq: None,
        instance: None,
        pub_gruu: None,
        uri: "sip:\"<a>&\"@h".into(),
        ..contact()
    };
    for state in [RegState::Init, RegState::Active, RegState::Terminated] {
        let mut info = info(Vec::new());
        info.state = InfoState::Partial;
        info.registrations[0].state = state;
        let contacts =
            events.map(|event| RegContact { event, state: ContactState::Terminated, ..bare.clone() });
        info.registrations[0].contacts = [contacts.to_vec(), vec![contact()]].concat();
        assert_eq!(RegInfo::parse(&info.to_bytes()), Ok(info));
    }
}

#[test]
fn reg_e_03_other_namespaces_and_prefixes_are_read_past() {
    let text = "<r:reginfo xmlns:r='urn:ietf:params:xml:ns:reginfo' xmlns:x='urn:x' version=' 0 ' state='full' x:a='1'>\
        <x:other/><r:registration aor='sip:a@h' id='1' state='active'><x:contact/><contact id='no'/>\
        <r:contact id='2' state='active' event='registered' expires='soon'><r:display-name>A</r:display-name>\
        <r:uri> sip:a@192.0.2.1 </r:uri><r:unknown-param name='+SIP.instance'>\"&lt;urn:uuid:1>\"</r:unknown-param>\
        <r:unknown-param name='audio'/></r:contact></r:registration></r:reginfo>";
    let info = RegInfo::parse(text.as_bytes()).unwrap();
    let [(registration, contact)] = info.contacts().collect::<Vec<_>>()[..] else { panic!("{info:?}") };
    assert_eq!((info.version, &*registration.aor, &*contact.uri), (0, "sip:a@h", "sip:a@192.0.2.1"));
    assert_eq!((contact.instance.as_deref(), contact.expires_s), (Some("<urn:uuid:1>"), None));
}

#[test]
fn reg_e_03_a_hostile_document_is_refused_with_the_reason() {
    let document = |attributes: &str, inside: &str| {
        format!("<reginfo xmlns='urn:ietf:params:xml:ns:reginfo' {attributes}>{inside}</reginfo>")
    };
    let good = "version='0' state='full'";
    let within = |contact: &str| {
        document(good, &format!("<registration aor='sip:a@h' id='1' state='active'>{contact}</registration>"))
    };
    let rows = [
        (String::new(), InfoError::Xml(XmlError::Malformed)),
        ("<reginfo version='0' state='full'/>".into(), InfoError::Root("reginfo")),
        (format!("<!DOCTYPE r [<!ENTITY e 'e'>]>{}", document(good, "")), InfoError::Xml(XmlError::DocType)),
        (document(good, "<registration"), InfoError::Xml(XmlError::Malformed)),
        (document("state='full'", ""), InfoError::Attribute("version")),
        (document("version='-1' state='full'", ""), InfoError::Attribute("version")),
        (document("version='4294967296' state='full'", ""), InfoError::Attribute("version")),
        (document("version='0' state='whole'", ""), InfoError::Attribute("state")),
        (document(good, "<registration id='1' state='active'/>"), InfoError::Attribute("aor")),
        (document(good, "<registration aor='' id='1' state='active'/>"), InfoError::Attribute("aor")),
        (document(good, "<registration aor='a' id='1' state='gone'/>"), InfoError::Attribute("state")),
        (
            within("<contact id='1' state='active' event='x'><uri>a</uri></contact>"),
            InfoError::Attribute("event"),
        ),
        (within("<contact id='1' state='active' event='created'/>"), InfoError::Element("uri")),
        (
            within("<contact id='1' state='active' event='created'><uri> </uri></contact>"),
            InfoError::Element("uri"),
        ),
        (document(good, &"<x/>".repeat(MAX_REGINFO_ELEMENTS)), InfoError::Xml(XmlError::TooLarge)),
        (document(good, &" ".repeat(MAX_REGINFO_BYTES)), InfoError::Xml(XmlError::TooLarge)),
        (document(good, &"<x>".repeat(40)), InfoError::Xml(XmlError::TooLarge)),
    ];
    for (text, error) in rows {
        assert_eq!(RegInfo::parse(text.as_bytes()), Err(error), "{text:.200}");
    }
}
