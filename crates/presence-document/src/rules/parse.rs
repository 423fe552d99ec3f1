//! Rules from their XML (RFC 4745 §13, RFC 5025 §7).

use super::condition::{Condition, Except, Term, Terms};
use super::{Member, Permissions, PresenceAttribute, Rule, RulesError, Selection, SubHandling, UserInput};
use crate::identity::{self, Identity, name_of_number};
use crate::namespace::{COMMON_POLICY, OMA_COMMON_POLICY, PRES_RULES};
use crate::time;
use crate::xml::Element;
use clock::Wall;
use std::collections::BTreeSet;
use std::ops::Range;

pub(super) fn ruleset(root: &Element) -> Result<Vec<Rule>, RulesError> {
    if !root.is(COMMON_POLICY, "ruleset") {
        return Err(RulesError::Root);
    }
    let mut ids = BTreeSet::new();
    let mut rules = Vec::new();
    for element in root.elements().filter(|e| e.is(COMMON_POLICY, "rule")) {
        let id =
            element.attribute("id").map(str::trim).filter(|id| !id.is_empty()).ok_or(RulesError::RuleId)?;
        if !ids.insert(id) {
            return Err(RulesError::RepeatedRuleId(id.into()));
        }
        rules.push(rule(element)?);
    }
    Ok(rules)
}

fn rule(element: &Element) -> Result<Rule, RulesError> {
    let part = |name: &'static str| {
        element.elements().filter(move |e| e.is(COMMON_POLICY, name)).flat_map(Element::elements)
    };
    let conditions = part("conditions").map(condition).collect::<Result<_, _>>()?;
    let mut action = SubHandling::default();
    for element in part("actions").filter(|e| e.is(PRES_RULES, "sub-handling")) {
        action = action.max(sub_handling(element)?);
    }
    let mut permissions = Permissions::default();
    for element in part("transformations").filter(|e| *e.name.namespace == *PRES_RULES) {
        transformation(element, &mut permissions)?;
    }
    Ok(Rule { conditions, action, permissions })
}

fn condition(element: &Element) -> Result<Condition, RulesError> {
    match (&*element.name.namespace, &*element.name.local) {
        (COMMON_POLICY, "identity") => {
            Ok(Condition::Identity(Terms(element.elements().map(term).collect::<Result<_, _>>()?)))
        }
        (COMMON_POLICY, "sphere") => {
            let value = required(element, "value")?;
            Ok(Condition::Sphere(value.split_whitespace().map(Into::into).collect()))
        }
        (COMMON_POLICY, "validity") => Ok(Condition::Validity(periods(element)?)),
        (OMA_COMMON_POLICY, "anonymous-request") => Ok(Condition::AnonymousRequest),
        (OMA_COMMON_POLICY, "other-identity") => Ok(Condition::OtherIdentity),
        _ => Ok(Condition::Unknown),
    }
}

/// RFC 4745 §7.4: `from` and `until` in pairs.
fn periods(element: &Element) -> Result<Box<[Range<Wall>]>, RulesError> {
    let mut periods = Vec::new();
    let mut children = element.elements();
    while let Some(from) = children.next() {
        let until = children.next().ok_or_else(|| bad_value(element))?;
        periods.push(moment(from, "from")?..moment(until, "until")?);
    }
    if periods.is_empty() { Err(bad_value(element)) } else { Ok(periods.into()) }
}

fn moment(element: &Element, name: &str) -> Result<Wall, RulesError> {
    if !element.is(COMMON_POLICY, name) {
        return Err(bad_value(element));
    }
    time::parse(element.text()).ok_or_else(|| bad_value(element))
}

fn term(element: &Element) -> Result<Term, RulesError> {
    if element.is(COMMON_POLICY, "one") {
        let one = Term::One(uri(required(element, "id")?)?);
        // What stands inside could only make it narrower.
        return Ok(if element.elements().next().is_some() { Term::Nobody } else { one });
    }
    if element.is(COMMON_POLICY, "many") {
        return many(element);
    }
    Ok(Term::Nobody) // RFC 4745 §7.1.1
}

fn many(element: &Element) -> Result<Term, RulesError> {
    let mut except = Vec::new();
    for child in element.elements() {
        if !child.is(COMMON_POLICY, "except") {
            return Ok(Term::Nobody);
        }
        let (id, domain) = (child.attribute("id"), child.attribute("domain"));
        if id.is_none() && domain.is_none() {
            return Err(RulesError::Attribute("except".into()));
        }
        if let Some(id) = id {
            except.push(Except::Id(uri(id)?));
            // Nor may it miss whom it hides from because another network's number comes as a name.
            except.extend(name_of_number(id).map(Except::Id));
        }
        if let Some(text) = domain {
            let Some(domain) = identity::domain(text) else { return Ok(Term::Nobody) };
            except.push(Except::Domain(domain));
        }
    }
    let domain = match element.attribute("domain").map(identity::domain) {
        Some(None) => return Ok(Term::Nobody),
        Some(Some(domain)) => Some(domain),
        None => None,
    };
    Ok(Term::Many { domain, except })
}

fn sub_handling(element: &Element) -> Result<SubHandling, RulesError> {
    match element.text() {
        "block" => Ok(SubHandling::Block),
        "confirm" => Ok(SubHandling::Confirm),
        "polite-block" => Ok(SubHandling::PoliteBlock),
        "allow" => Ok(SubHandling::Allow),
        _ => Err(bad_value(element)),
    }
}

fn transformation(element: &Element, permissions: &mut Permissions) -> Result<(), RulesError> {
    match &*element.name.local {
        "provide-services" => selection(element, "all-services", &mut permissions.services),
        "provide-persons" => selection(element, "all-persons", &mut permissions.persons),
        "provide-devices" => selection(element, "all-devices", &mut permissions.devices),
        "provide-all-attributes" => permissions.all_attributes = true,
        "provide-user-input" => permissions.user_input = permissions.user_input.max(user_input(element)?),
        "provide-unknown-attribute" => {
            let name = (required(element, "ns")?.into(), required(element, "name")?.into());
            if boolean(element)? {
                permissions.unknown.insert(name);
            }
        }
        // A permission this version does not know gives nothing (RFC 5025 §8).
        other => {
            if let Some(attribute) = PresenceAttribute::of_permission(other)
                && boolean(element)?
            {
                permissions.attributes.insert(attribute);
            }
        }
    }
    Ok(())
}

/// RFC 5025 §3.3.1: all occurrences, or those named in one of five ways.
fn selection(element: &Element, all: &str, selection: &mut Selection) {
    for child in element.elements().filter(|e| *e.name.namespace == *PRES_RULES) {
        let text = || child.text().into();
        let member = match &*child.name.local {
            "class" => Member::Class(text()),
            "occurrence-id" => Member::OccurrenceId(text()),
            "deviceID" => Member::DeviceId(text()),
            "service-uri" => Member::ServiceUri(text()),
            "service-uri-scheme" => Member::ServiceUriScheme(text()),
            other => {
                selection.all |= other == all;
                continue;
            }
        };
        selection.members.insert(member);
    }
}

fn user_input(element: &Element) -> Result<UserInput, RulesError> {
    match element.text() {
        "false" => Ok(UserInput::False),
        "bare" => Ok(UserInput::Bare),
        "thresholds" => Ok(UserInput::Thresholds),
        "full" => Ok(UserInput::Full),
        _ => Err(bad_value(element)),
    }
}

fn boolean(element: &Element) -> Result<bool, RulesError> {
    match element.text() {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err(bad_value(element)),
    }
}

fn uri(text: &str) -> Result<Identity, RulesError> {
    // An except that names nobody would hide nothing, so what is no URI is refused and not skipped.
    Identity::parse(text).ok_or_else(|| RulesError::Uri(text.into()))
}

fn required<'e>(element: &'e Element, attribute: &str) -> Result<&'e str, RulesError> {
    element.attribute(attribute).ok_or_else(|| RulesError::Attribute(element.name.local.clone()))
}

fn bad_value(element: &Element) -> RulesError {
    RulesError::Value(element.name.local.clone())
}
