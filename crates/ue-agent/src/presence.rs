//! What a presence document says in a line (RFC 3863, RFC 4480), and the document that we publish ourselves.

use crate::settings::UeAgentSettings;
use crate::warning::MAX_SHOWN;
use clock::Wall;
use presence_document::{Basic, Component, Pidf};
use sip_message::Uri;

/// Activities that are shown; the rest is passed over.
const MAX_ACTIVITIES: usize = 8;

/// The gist of a document.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Gist {
    pub(crate) basic: Option<&'static str>,
    pub(crate) note: Option<Box<str>>,
    pub(crate) activities: Vec<Box<str>>,
}

impl Gist {
    /// Reachable in one way is reachable; the note of a way that is open comes before any other.
    pub(crate) fn of(document: &Pidf) -> Self {
        let is_open = |tuple: &&Component| tuple.basic() == Some(Basic::Open);
        let basic = if document.tuples().any(|tuple| is_open(&tuple)) {
            Some("open")
        } else {
            document.tuples().any(|tuple| tuple.basic().is_some()).then_some("closed")
        };
        let open = document.tuples().filter(is_open);
        let closed = document.tuples().filter(|tuple| !is_open(tuple));
        let of_components = open.chain(closed).chain(document.persons()).flat_map(Component::notes);
        let note = of_components.chain(document.notes()).find(|note| !note.text.is_empty());
        let activities = document.persons().flat_map(Component::activities).take(MAX_ACTIVITIES);
        Self { basic, note: note.map(|note| shown(note.text)), activities: activities.map(shown).collect() }
    }
}

/// Somebody else's text, fit for a terminal.
pub(crate) fn shown(text: &str) -> Box<str> {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_SHOWN).collect::<String>().into()
}

/// What the user wants to be said of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) basic: Basic,
    pub(crate) note: Option<Box<str>>,
    pub(crate) activity: Option<Box<str>>,
}

/// The document that says so; `None` when the activity is no XML name. Its ids stay the same for this instance, so that
/// a later document replaces an earlier one (rule PRS-10).
pub(crate) fn document(
    now: Wall,
    settings: &UeAgentSettings,
    identity: &Uri,
    wanted: &Wanted,
) -> Option<Vec<u8>> {
    let tail = settings.instance.tail();
    let mut tuple = Component::tuple(&format!("t{tail}"), wanted.basic).with_contact(identity.as_str());
    if let Some(note) = &wanted.note {
        tuple = tuple.with_note(note);
    }
    let mut document = Pidf::new(identity.as_str()).with(tuple.with_timestamp(now));
    if let Some(activity) = &wanted.activity {
        let person = Component::person(&format!("p{tail}")).with_activity(activity)?;
        document = document.with(person.with_timestamp(now));
    }
    Some(document.to_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gist(inner: &str) -> Gist {
        let text = format!(
            "<presence xmlns='urn:ietf:params:xml:ns:pidf' xmlns:dm='urn:ietf:params:xml:ns:pidf:data-model' \
             xmlns:r='urn:ietf:params:xml:ns:pidf:rpid' entity='sip:c@home1.test'>{inner}</presence>"
        );
        Gist::of(&Pidf::parse(text.as_bytes()).unwrap())
    }

    #[test]
    fn rfc3863_4_1_4_open_in_one_way_is_open() {
        let tuple = |id: &str, basic: &str, note: &str| {
            format!("<tuple id='{id}'><status><basic>{basic}</basic></status><note>{note}</note></tuple>")
        };
        let closed_open = gist(&(tuple("a", "closed", "desk") + &tuple("b", "open", "phone")));
        assert_eq!((closed_open.basic, closed_open.note.as_deref()), (Some("open"), Some("phone")));
        let closed = gist(&tuple("a", "closed", "gone\u{9b}31m"));
        assert_eq!((closed.basic, closed.note.as_deref()), (Some("closed"), Some("gone 31m")));
        assert_eq!(gist(""), Gist::default());
        assert_eq!(gist("<note>hi</note>").note.as_deref(), Some("hi"));
        let person = gist("<dm:person id='p'><r:activities><r:away/><r:meal/></r:activities></dm:person>");
        assert_eq!(person.activities, ["away".into(), "meal".into()]);
        assert_eq!(person.basic, None);
    }
}
