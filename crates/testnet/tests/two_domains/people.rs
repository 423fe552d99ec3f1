//! Who watches whom in a course, and who may.

use crate::domain::invariants::Kept;
use crate::domain::{ALICE, BOB, CAROL, DAVE, ERIN, book};
use presence_server::RuleBook;

/// Those whose state is watched, by user agent and URI.
pub(crate) const PRESENTITIES: [(&str, &str); 2] = [("carol", CAROL), ("dave", DAVE)];

/// Those who watch: all of them watch both.
pub(crate) const WATCHERS: [&str; 3] = ["alice", "bob", "erin"];

/// Who may know.
pub(crate) const ALLOWED: [(&str, &str); 3] = [("alice", CAROL), ("alice", DAVE), ("bob", CAROL)];

/// Who may not: erin is blocked or told something polite, by seed; nothing is said of her to dave.
pub(crate) const KEPT: [Kept<'_>; 3] = [("erin", CAROL), ("erin", DAVE), ("bob", DAVE)];

/// Those who move.
pub(crate) const MOVERS: [(&str, u8); 4] = [("alice", 1), ("carol", 1), ("bob", 2), ("dave", 2)];

/// The rules of both domains.
pub(crate) fn rules(seed: u64) -> RuleBook {
    let (erin, bob) =
        if seed.is_multiple_of(2) { ("block", "polite-block") } else { ("polite-block", "block") };
    book(&[
        (CAROL, &[(ALICE, "allow"), (BOB, "allow"), (ERIN, erin)]),
        (DAVE, &[(ALICE, "allow"), (BOB, bob)]),
    ])
}
