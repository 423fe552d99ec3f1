//! The form that a presence document has by the schemas of RFC 3863 section 4.4 and RFC 4479 section 5.1.2. What phones write
//! beside it is brought into it where that needs no guess: order, blanks, letters, and what means nothing is left out. The rest is
//! an error of who wrote it.

use super::component::{Basic, Kind, is_note};
use super::{PidfError, excerpt};
use crate::namespace::{DATA_MODEL, PIDF, RPID, XML};
use crate::time;
use crate::uri::is_scheme;
use crate::xml::{Element, Node};

/// What may stand in an element, in the order of the schema.
#[derive(PartialEq)]
enum Place {
    /// At most one element of this name.
    One(&'static str),
    Many(&'static str),
    /// Elements of other namespaces.
    Extensions,
}

use Place::{Extensions, Many, One};

const TUPLE: &[Place] = &[One("status"), Extensions, One("contact"), Many("note"), One("timestamp")];
const STATUS: &[Place] = &[One("basic"), Extensions];
const PERSON: &[Place] = &[Extensions, Many("note"), One("timestamp")];
const DEVICE: &[Place] = &[Extensions, One("deviceID"), Many("note"), One("timestamp")];

/// The elements that the schemas have; one elsewhere is an error, any other of their namespaces means nothing.
const KNOWN: [&str; 9] =
    ["presence", "tuple", "status", "basic", "contact", "note", "timestamp", "deviceID", "person"];

/// Brings a tuple, person or device into the form. `lang` is the language of what is around it.
pub(super) fn component(kind: Kind, element: &mut Element, lang: Option<&str>) -> Result<(), PidfError> {
    let lang = element.lang().or(lang).map(str::to_owned);
    element.attributes.retain(|attribute| attribute.name.is("", "id"));
    let (namespace, places) = match kind {
        Kind::Service => (PIDF, TUPLE),
        Kind::Person => (DATA_MODEL, PERSON),
        Kind::Device => (DATA_MODEL, DEVICE),
    };
    for child in elements_mut(element).filter(|child| *child.name.namespace == *namespace) {
        leaf(child);
    }
    element.children.retain(|node| !is_empty_leaf(node, namespace));
    arrange(element, namespace, places)?;
    inner(element, lang.as_deref());
    match kind {
        Kind::Service => status(element),
        Kind::Device if element.child(DATA_MODEL, "deviceID").is_none() => Err(PidfError::DeviceId),
        Kind::Person | Kind::Device => Ok(()),
    }
}

/// Brings a note into the form.
pub(super) fn note(element: &mut Element, lang: Option<&str>) {
    flatten(element);
    speak_itself(element, lang);
}

/// Whether a top-level element that is no component and no note stays; `Err` if it has its place elsewhere.
pub(super) fn is_extension(element: &mut Element, lang: Option<&str>) -> Result<bool, PidfError> {
    if element.is(DATA_MODEL, "deviceID") {
        // Of no device.
        return Ok(false);
    }
    inner(element, lang);
    match &*element.name.namespace {
        PIDF => misplaced(element).map(|()| false),
        namespace => Ok(!namespace.is_empty()),
    }
}

/// The one status, and what it holds.
fn status(tuple: &mut Element) -> Result<(), PidfError> {
    if tuple.child(PIDF, "status").is_none() {
        let prefix = tuple.name.prefix.clone();
        tuple.children.insert(0, Node::Element(Element::new(PIDF, &prefix, "status")));
    }
    let Some(status) = elements_mut(tuple).find(|child| child.is(PIDF, "status")) else { return Ok(()) };
    status.attributes.clear();
    arrange(status, PIDF, STATUS)?;
    let Some(basic) = elements_mut(status).find(|child| child.is(PIDF, "basic")) else { return Ok(()) };
    flatten(basic);
    basic.attributes.clear();
    let known = [Basic::Open, Basic::Closed].map(Basic::as_str);
    let value = known.into_iter().find(|known| basic.text().eq_ignore_ascii_case(known));
    let value = value.ok_or_else(|| PidfError::Basic(excerpt(basic.text())))?;
    basic.children = vec![Node::Text(value.into())];
    Ok(())
}

/// Puts the children in their order and leaves out text between them and what means nothing.
fn arrange(element: &mut Element, namespace: &str, places: &[Place]) -> Result<(), PidfError> {
    let mut ranked = Vec::new();
    for node in std::mem::take(&mut element.children) {
        let Node::Element(child) = node else { continue };
        let is_own = *child.name.namespace == *namespace;
        let place = places.iter().position(|place| match place {
            One(local) | Many(local) => is_own && child.name.is(namespace, local),
            Extensions => !is_own && !child.name.namespace.is_empty(),
        });
        match place {
            Some(place) => ranked.push((place, child)),
            None if is_own => misplaced(&child)?,
            // Of no namespace: nobody has said what it means.
            None => {}
        }
    }
    ranked.sort_by_key(|(place, _)| *place);
    for pair in ranked.windows(2) {
        if let [(first, child), (second, _)] = pair
            && first == second
            && matches!(places.get(*first), Some(One(_)))
        {
            return Err(PidfError::Repeated(child.name.local.clone()));
        }
    }
    element.children = ranked.into_iter().map(|(_, child)| Node::Element(child)).collect();
    Ok(())
}

fn misplaced(element: &Element) -> Result<(), PidfError> {
    if KNOWN.contains(&&*element.name.local) {
        Err(PidfError::Misplaced(element.name.local.clone()))
    } else {
        Ok(())
    }
}

/// An element that holds a value and nothing else.
fn leaf(element: &mut Element) {
    match &*element.name.local {
        "contact" | "deviceID" => uri(element),
        "timestamp" => timestamp(element),
        _ => {}
    }
}

/// An optional element without a value says nothing.
fn is_empty_leaf(node: &Node, namespace: &str) -> bool {
    let Node::Element(element) = node else { return false };
    let names = ["contact", "deviceID", "timestamp"];
    names.iter().any(|name| element.is(namespace, name)) && element.text().is_empty()
}

/// A text that is no URI is taken out.
fn uri(element: &mut Element) {
    flatten(element);
    let text = Some(element.text().to_owned()).filter(|text| is_reference(text));
    let priority = element.attribute("priority").and_then(priority);
    element.children = text.map(Node::Text).into_iter().collect();
    element.attributes.clear();
    if let Some(priority) = priority.filter(|_| element.is(PIDF, "contact")) {
        element.set_attribute("", "", "priority", &priority);
    }
}

/// Whether this is a URI, or stands for one in some context (RFC 3986 section 4.1).
fn is_reference(text: &str) -> bool {
    let is_foul = |c: char| c.is_whitespace() || c.is_control() || "<>\"{}|\\^`".contains(c);
    let is_escape =
        |rest: &str| rest.get(..2).is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
    let first = text.split(['/', '?', '#']).next().unwrap_or_default();
    let scheme = first.split_once(':').map(|(scheme, _)| scheme);
    !text.contains(is_foul)
        && text.split('%').skip(1).all(is_escape)
        && text.matches('#').count() <= 1
        && scheme.is_none_or(is_scheme)
}

/// A decimal from 0 to 1 with at most three digits behind the point (RFC 3863 section 4.1.5), if the text is one that can be written
/// so.
fn priority(text: &str) -> Option<String> {
    let (whole, digits) = text.trim().split_once('.').unwrap_or_else(|| (text.trim(), ""));
    if !(whole.bytes().chain(digits.bytes())).all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let digits = digits.get(..3).unwrap_or(digits);
    let is_one = whole == "1" && digits.bytes().all(|digit| digit == b'0');
    match whole {
        "0" | "1" if digits.is_empty() => Some(whole.to_owned()),
        "" if digits.is_empty() => None,
        "" | "0" => Some(format!("0.{digits}")),
        "1" if is_one => Some(format!("1.{digits}")),
        _ => None,
    }
}

/// RFC 3863 section 4.1.7. A text that stands for no time is taken out.
fn timestamp(element: &mut Element) {
    flatten(element);
    element.attributes.clear();
    let text = element.text();
    let kept = if time::is_date_time(text) {
        Some(text.to_owned())
    } else {
        time::parse(text).and_then(time::format)
    };
    element.children = kept.map(Node::Text).into_iter().collect();
}

/// Leaves text alone in an element.
fn flatten(element: &mut Element) {
    let texts = element.children.drain(..).filter_map(|node| match node {
        Node::Text(text) => Some(text),
        Node::Element(_) => None,
    });
    let text: String = texts.collect();
    element.children = Some(text).filter(|text| !text.is_empty()).map(Node::Text).into_iter().collect();
}

/// Brings what stands inside, at any depth, into the form that it has everywhere. Notes say in which language they are: the
/// schema has that nowhere else.
fn inner(element: &mut Element, lang: Option<&str>) {
    let is_no_language = element.lang().is_some_and(|lang| !is_language(lang));
    element.attributes.retain(|attribute| !(is_no_language && attribute.name.is(XML, "lang")));
    // A person or device says something at the top of a document alone.
    element
        .children
        .retain(|node| !matches!(node, Node::Element(child) if is_component(child) || is_no_device(child)));
    for child in elements_mut(element) {
        let child_lang = child.lang().or(lang).map(str::to_owned);
        if is_note(child) || child.is(RPID, "note") {
            note(child, child_lang.as_deref());
            continue;
        }
        if child.is(DATA_MODEL, "deviceID") {
            uri(child);
        }
        inner(child, child_lang.as_deref());
    }
}

fn is_component(element: &Element) -> bool {
    element.is(DATA_MODEL, "person") || element.is(DATA_MODEL, "device")
}

/// A deviceID that names no device.
fn is_no_device(element: &Element) -> bool {
    element.is(DATA_MODEL, "deviceID") && !is_reference(element.text())
}

fn speak_itself(note: &mut Element, lang: Option<&str>) {
    let lang = note.lang().or(lang).filter(|lang| is_language(lang)).map(str::to_owned);
    note.attributes.clear();
    if let Some(lang) = lang {
        note.set_attribute(XML, "xml", "lang", &lang);
    }
}

/// BCP 47, as far as schemas look: words of one to eight letters and digits, the first without digits.
fn is_language(text: &str) -> bool {
    let mut words = text.split('-');
    let is_word =
        |word: &str| (1..=8).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_alphanumeric());
    words.next().is_some_and(|first| is_word(first) && !first.bytes().any(|b| b.is_ascii_digit()))
        && words.all(is_word)
}

fn elements_mut(element: &mut Element) -> impl Iterator<Item = &mut Element> {
    element.children.iter_mut().filter_map(|node| match node {
        Node::Element(element) => Some(element),
        Node::Text(_) => None,
    })
}
