//! A presentity's rules: who may watch it, and what of it (RFC 4745 and RFC 5025).

mod condition;
mod parse;
mod permissions;

use crate::xml::{self, Limits, XmlError};
use clock::Wall;
use condition::Condition;
pub use condition::Watcher;
pub use permissions::Permissions;
pub(crate) use permissions::{Member, PresenceAttribute, Selection, UserInput};

/// Bytes of one rules document; a longer one is refused.
pub const MAX_RULES_BYTES: usize = 256 * 1024;

/// Elements of one rules document, so about as many watchers named in it; one with more is refused.
pub const MAX_RULES_ELEMENTS: usize = 8192;

/// What becomes of a subscription (RFC 5025 §3.2.1), least permissive first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum SubHandling {
    /// Refused.
    #[default]
    Block = 0,
    /// Pending until the presentity decides.
    Confirm = 10,
    /// Active, and shown that the presentity is unavailable.
    PoliteBlock = 20,
    /// Active.
    Allow = 30,
}

impl SubHandling {
    /// The value by which RFC 5025 §3.2.1 orders the actions.
    #[must_use]
    pub const fn value(self) -> u8 {
        self as u8
    }
}

/// Why bytes are not a rules document; always the fault of who wrote them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RulesError {
    /// Not XML that is taken.
    Xml(XmlError),
    /// The root is not `ruleset` of common policy (RFC 4745 §13).
    Root,
    /// A rule without an id (RFC 4745 §6.1).
    RuleId,
    /// Two rules with one id (RFC 4745 §6.1); holds the id.
    RepeatedRuleId(Box<str>),
    /// An attribute that an element must have is missing; holds the element's name.
    Attribute(Box<str>),
    /// An identity that is no URI (RFC 4745 §7.2); holds it.
    Uri(Box<str>),
    /// An element whose content is none of its values; holds the element's name.
    Value(Box<str>),
}

impl std::fmt::Display for RulesError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Xml(error) => error.fmt(f),
            Self::Root => f.write_str("the root element is not ruleset of common policy"),
            Self::RuleId => f.write_str("a rule has no id"),
            Self::RepeatedRuleId(id) => write!(f, "two rules have the id {id:?}"),
            Self::Attribute(element) => write!(f, "{element} lacks an attribute"),
            Self::Uri(text) => write!(f, "the identity {text:?} is not a URI"),
            Self::Value(element) => write!(f, "{element} has no valid content"),
        }
    }
}

impl std::error::Error for RulesError {}

impl From<XmlError> for RulesError {
    fn from(error: XmlError) -> Self {
        Self::Xml(error)
    }
}

/// All rules of a presentity. Their order means nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rules {
    rules: Vec<Rule>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Rule {
    conditions: Vec<Condition>,
    action: SubHandling,
    permissions: Permissions,
}

/// What the rules say about one watcher now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// What becomes of its subscription.
    pub action: SubHandling,
    /// What it may see, if the action lets it see anything.
    pub permissions: Permissions,
}

impl Rules {
    /// Reads a rules document (`application/auth-policy+xml`).
    ///
    /// Strict where RFC 5025 defines something, so that an author learns of a slip instead of showing or hiding too
    /// much by it; what is defined elsewhere is a condition that is never met or a permission that is not given.
    ///
    /// # Errors
    /// [`RulesError`] says what the author did wrong.
    pub fn parse(bytes: &[u8]) -> Result<Self, RulesError> {
        let root = xml::parse(bytes, &Limits { bytes: MAX_RULES_BYTES, elements: MAX_RULES_ELEMENTS })?;
        Ok(Self { rules: parse::ruleset(&root)? })
    }

    /// Whether a rule has a `sphere` condition: then the sphere of the presentity has to be known to evaluate the rules.
    #[must_use]
    pub fn ask_for_sphere(&self) -> bool {
        self.rules.iter().flat_map(|rule| &rule.conditions).any(|one| matches!(one, Condition::Sphere(_)))
    }

    /// What holds for `watcher` at `wall` while the presentity is in `sphere`; `None` when no rule speaks of it, so that
    /// the caller's default holds.
    ///
    /// Actions and permissions of all rules that match are combined for the most permissive (RFC 4745 §10.2). A rule
    /// that matches and gives no action blocks, the lowest value.
    #[must_use]
    pub fn evaluate(&self, watcher: &Watcher, wall: Wall, sphere: Option<&str>) -> Option<Verdict> {
        let matching = self.rules.iter().filter(|r| self.matches(r, watcher, wall, sphere));
        matching.fold(None, |combined, rule| {
            let mut verdict = combined.unwrap_or_else(Verdict::nothing);
            verdict.action = verdict.action.max(rule.action);
            verdict.permissions.extend(&rule.permissions);
            Some(verdict)
        })
    }

    /// The next time after `wall` at which a validity begins or ends, when every watcher is to be evaluated again.
    #[must_use]
    pub fn next_change(&self, wall: Wall) -> Option<Wall> {
        let conditions = self.rules.iter().flat_map(|r| &r.conditions);
        conditions.flat_map(Condition::boundaries).filter(|at| *at > wall).min()
    }

    fn matches(&self, rule: &Rule, watcher: &Watcher, wall: Wall, sphere: Option<&str>) -> bool {
        rule.conditions.iter().all(|condition| match condition {
            Condition::Identity(terms) => terms.matches(watcher),
            Condition::Sphere(names) => {
                sphere.is_some_and(|s| names.iter().any(|n| n.eq_ignore_ascii_case(s)))
            }
            Condition::Validity(periods) => periods.iter().any(|p| p.contains(&wall)),
            Condition::AnonymousRequest => watcher.is_anonymous(),
            Condition::OtherIdentity => !watcher.is_anonymous() && !self.names(watcher),
            Condition::Unknown => false, // RFC 4745 §7
        })
    }

    /// Whether any rule's identity condition matches the watcher.
    fn names(&self, watcher: &Watcher) -> bool {
        let conditions = self.rules.iter().flat_map(|r| &r.conditions);
        conditions.filter_map(Condition::identity).any(|terms| terms.matches(watcher))
    }
}

impl Verdict {
    fn nothing() -> Self {
        Self { action: SubHandling::Block, permissions: Permissions::default() }
    }
}
