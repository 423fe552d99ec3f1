//! What a watcher may see (RFC 5025 §3.3). Everything here is a grant; nothing granted shows nothing.

use crate::namespace::{DATA_MODEL, RPID};
use crate::xml::Name;
use std::collections::BTreeSet;

/// The transformations of all matching rules together.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Permissions {
    pub(crate) services: Selection,
    pub(crate) persons: Selection,
    pub(crate) devices: Selection,
    pub(crate) attributes: BTreeSet<PresenceAttribute>,
    pub(crate) user_input: UserInput,
    /// Namespace and name of elements that no schema here knows (§3.3.2.14).
    pub(crate) unknown: BTreeSet<(Box<str>, Box<str>)>,
    /// §3.3.2.15.
    pub(crate) all_attributes: bool,
}

impl Permissions {
    /// To see everything, as the presentity itself does.
    #[must_use]
    pub fn all() -> Self {
        let all = || Selection { all: true, members: BTreeSet::new() };
        Self { services: all(), persons: all(), devices: all(), all_attributes: true, ..Self::default() }
    }

    /// Adds what another rule grants: sets unite, of numbers the greater holds (RFC 4745 §10.2).
    pub(super) fn extend(&mut self, other: &Self) {
        self.services.extend(&other.services);
        self.persons.extend(&other.persons);
        self.devices.extend(&other.devices);
        self.attributes.extend(&other.attributes);
        self.user_input = self.user_input.max(other.user_input);
        self.unknown.extend(other.unknown.iter().cloned());
        self.all_attributes |= other.all_attributes;
    }
}

/// Which occurrences of one kind are shown (§3.3.1).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Selection {
    pub(crate) all: bool,
    pub(crate) members: BTreeSet<Member>,
}

impl Selection {
    fn extend(&mut self, other: &Self) {
        self.all |= other.all;
        self.members.extend(other.members.iter().cloned());
    }
}

/// One way to name occurrences (§3.3.1).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Member {
    Class(Box<str>),
    OccurrenceId(Box<str>),
    DeviceId(Box<str>),
    ServiceUri(Box<str>),
    ServiceUriScheme(Box<str>),
}

/// How much of `user-input` is shown (§3.3.2.12), least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) enum UserInput {
    #[default]
    False = 0,
    Bare = 10,
    Thresholds = 20,
    Full = 30,
}

/// The elements that have a boolean permission of their own (§3.3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum PresenceAttribute {
    Activities,
    Class,
    DeviceId,
    Mood,
    Note,
    PlaceIs,
    PlaceType,
    Privacy,
    Relationship,
    Sphere,
    StatusIcon,
    TimeOffset,
}

impl PresenceAttribute {
    /// Attribute, permission and RPID element, if it is one.
    const TABLE: [(Self, &'static str, &'static str); 12] = [
        (Self::Activities, "provide-activities", "activities"),
        (Self::Class, "provide-class", "class"),
        (Self::DeviceId, "provide-deviceID", ""),
        (Self::Mood, "provide-mood", "mood"),
        (Self::Note, "provide-note", ""),
        (Self::PlaceIs, "provide-place-is", "place-is"),
        (Self::PlaceType, "provide-place-type", "place-type"),
        (Self::Privacy, "provide-privacy", "privacy"),
        (Self::Relationship, "provide-relationship", "relationship"),
        (Self::Sphere, "provide-sphere", "sphere"),
        (Self::StatusIcon, "provide-status-icon", "status-icon"),
        (Self::TimeOffset, "provide-time-offset", "time-offset"),
    ];

    /// The attribute that a permission element grants.
    pub(super) fn of_permission(local: &str) -> Option<Self> {
        Self::TABLE
            .into_iter()
            .find(|(_, permission, _)| *permission == local)
            .map(|(attribute, ..)| attribute)
    }

    /// The attribute that an RPID or data model element is. Notes are told apart where they stand.
    pub(crate) fn of_element(name: &Name) -> Option<Self> {
        if name.is(DATA_MODEL, "deviceID") {
            return Some(Self::DeviceId);
        }
        let rpid = Self::TABLE.into_iter().find(|(_, _, element)| *element == &*name.local);
        rpid.filter(|_| *name.namespace == *RPID).map(|(attribute, ..)| attribute)
    }
}
