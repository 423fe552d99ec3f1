//! The words by which a user says a status, and what each of them means. The operator may have others.

use minicbor::{Decode, Encode};
use presence_document::Basic;
use serde::Deserialize;
use std::collections::BTreeMap;

/// What a status word means (RFC 3863 section 4.1.4, RFC 4480 section 3.2).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Meaning {
    /// Whether the user can be reached.
    pub basic: Reachability,
    /// What the user does: the name of an activity of RPID.
    pub activity: Option<Box<str>>,
}

/// Whether a user can be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "kebab-case")]
pub enum Reachability {
    /// It can.
    #[n(0)]
    Open,
    /// It cannot.
    #[n(1)]
    Closed,
}

impl Reachability {
    pub(crate) const fn basic(self) -> Basic {
        match self {
            Self::Open => Basic::Open,
            Self::Closed => Basic::Closed,
        }
    }
}

/// The table of status words, in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vocabulary(BTreeMap<Box<str>, Meaning>);

/// Words that are commands, and so no status.
pub const COMMANDS: [&str; 4] = ["help", "?", "start", "quit"];

/// A table cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BadWord {
    /// The word is a command ([`COMMANDS`]).
    Command(Box<str>),
    /// The word has blanks or nothing in it, or is too long.
    NotOneWord(Box<str>),
    /// RPID has no such activity.
    Activity(Box<str>),
}

/// A word may have so many characters.
const MAX_WORD: usize = 20;

impl Vocabulary {
    /// These words, in any case.
    ///
    /// # Errors
    /// [`BadWord`]: the first that cannot be a status.
    pub fn new(words: impl IntoIterator<Item = (Box<str>, Meaning)>) -> Result<Self, BadWord> {
        let mut table = BTreeMap::new();
        for (word, meaning) in words {
            let lower: Box<str> = word.to_lowercase().into();
            if COMMANDS.contains(&&*lower) {
                return Err(BadWord::Command(word));
            }
            let is_word =
                (1..=MAX_WORD).contains(&lower.chars().count()) && !lower.contains(char::is_whitespace);
            if !is_word {
                return Err(BadWord::NotOneWord(word));
            }
            if meaning.activity.as_ref().is_some_and(|name| !ACTIVITIES.contains(&&**name)) {
                return Err(BadWord::Activity(word));
            }
            table.insert(lower, meaning);
        }
        Ok(Self(table))
    }

    /// The words of a gateway that is told no others.
    #[must_use]
    pub fn usual() -> Self {
        let word = |(word, basic, activity): &(&str, Reachability, &str)| {
            let activity = (!activity.is_empty()).then(|| (*activity).into());
            ((*word).into(), Meaning { basic: *basic, activity })
        };
        Self(USUAL.iter().map(word).collect())
    }

    /// What a word means, in any case.
    #[must_use]
    pub fn meaning(&self, word: &str) -> Option<&Meaning> {
        self.0.get(&*word.to_lowercase())
    }

    /// The words, for a help text.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(|word| &**word)
    }
}

const USUAL: [(&str, Reachability, &str); 13] = [
    ("on", Reachability::Open, ""),
    ("back", Reachability::Open, ""),
    ("free", Reachability::Open, ""),
    ("off", Reachability::Closed, ""),
    ("gone", Reachability::Closed, "away"),
    ("busy", Reachability::Open, "busy"),
    ("away", Reachability::Open, "away"),
    ("meeting", Reachability::Open, "meeting"),
    ("lunch", Reachability::Open, "meal"),
    ("call", Reachability::Open, "on-the-phone"),
    ("travel", Reachability::Open, "travel"),
    ("holiday", Reachability::Open, "holiday"),
    ("asleep", Reachability::Closed, "sleeping"),
];

/// The activities of RFC 4480 section 3.2 that are elements without a text.
const ACTIVITIES: [&str; 26] = [
    "appointment",
    "away",
    "breakfast",
    "busy",
    "dinner",
    "holiday",
    "in-transit",
    "looking-for-work",
    "lunch",
    "meal",
    "meeting",
    "on-the-phone",
    "performance",
    "permanent-absence",
    "playing",
    "presentation",
    "shopping",
    "sleeping",
    "spectator",
    "steering",
    "travel",
    "tv",
    "unknown",
    "vacation",
    "working",
    "worship",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_known_in_any_case() {
        let words = Vocabulary::usual();
        let busy = Meaning { basic: Reachability::Open, activity: Some("busy".into()) };
        assert_eq!([words.meaning("busy"), words.meaning("BuSy")], [Some(&busy), Some(&busy)]);
        assert_eq!(words.meaning("bus"), None);
    }

    #[test]
    fn a_table_of_words_that_cannot_be_used_names_the_word() {
        let open = |activity: Option<&str>| Meaning {
            basic: Reachability::Open,
            activity: activity.map(Into::into),
        };
        let table = [
            ("Quit", None, BadWord::Command("Quit".into())),
            ("at home", None, BadWord::NotOneWord("at home".into())),
            ("", None, BadWord::NotOneWord("".into())),
            ("fishing", Some("fishing"), BadWord::Activity("fishing".into())),
        ];
        for (word, activity, expected) in table {
            assert_eq!(Vocabulary::new([(word.into(), open(activity))]), Err(expected));
        }
        let usual = Vocabulary::usual();
        assert_eq!(Vocabulary::new(usual.0.clone()), Ok(usual), "the usual ones are such a table");
    }
}
