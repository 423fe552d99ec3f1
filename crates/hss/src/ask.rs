//! What operators ask of the HSS.

use cx_protocol::ScscfName;
use ims_runtime::ctl::{BadWords, Command};
use ims_runtime::health;

/// A question or an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ask {
    Health,
    Stats,
    List,
    Peers,
    Explain(Box<str>),
    Drain,
    Help,
    Order(Order),
}

/// What changes the store: it is kept in one transaction with whatever else has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Order {
    Reassign(Box<str>, ScscfName),
    Deregister(Box<str>),
    Remove(Box<str>),
    Push(Box<str>),
    Reload,
}

/// The words for them.
pub(crate) const COMMANDS: &[Command<(), Ask>] = &[
    Command::new(health::WORD, "whether this HSS is ready", |(), _| Ok(Ask::Health)),
    Command::new("stats", "counters and sizes", |(), _| Ok(Ask::Stats)),
    Command::new("list", "one line an account: name, S-CSCF, state of its sets", |(), _| Ok(Ask::List)),
    Command::new("peers", "the hosts that are connected", |(), _| Ok(Ask::Peers)),
    Command::new("explain USER", "everything about an account but its secrets", |(), words| {
        user(words).map(Ask::Explain)
    }),
    Command::new(
        "reassign USER SCSCF",
        "give a user to another S-CSCF; the present one is told to drop it",
        reassign,
    ),
    Command::new("deregister USER", "end a user's registration", |(), words| {
        Ok(Ask::Order(Order::Deregister(user(words)?)))
    }),
    Command::new(
        "remove USER",
        "remove an account; the S-CSCF that has the user is told to drop it",
        |(), words| Ok(Ask::Order(Order::Remove(user(words)?))),
    ),
    Command::new("push USER", "send the user's present profile to its S-CSCF", |(), words| {
        Ok(Ask::Order(Order::Push(user(words)?)))
    }),
    Command::new(
        "reload",
        "read the subscribers file again; adds and replaces accounts, push tells the S-CSCFs",
        |(), _| Ok(Ask::Order(Order::Reload)),
    ),
    Command::new("drain", "end, as on SIGTERM", |(), _| Ok(Ask::Drain)),
    Command::new(
        "help",
        "these lines; USER is an account's name, a username or a public identity, SCSCF a SIP URI",
        |(), _| Ok(Ask::Help),
    ),
];

fn user(words: &[&str]) -> Result<Box<str>, BadWords> {
    words.first().map(|user| (*user).into()).ok_or(BadWords::Unknown)
}

fn reassign((): &(), words: &[&str]) -> Result<Ask, BadWords> {
    let scscf = words.get(1).and_then(|name| ScscfName::new(name).ok());
    let scscf = scscf.ok_or(BadWords::Argument { name: "SCSCF", must_be: "a SIP URI" })?;
    Ok(Ask::Order(Order::Reassign(user(words)?, scscf)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_what_they_ask_for() {
        let scscf = ScscfName::new("sip:scscf1b.home1.test").unwrap();
        let bad = BadWords::Argument { name: "SCSCF", must_be: "a SIP URI" };
        let rows: [(&[&str], _); 6] = [
            (&["list"], Ok(Ask::List)),
            (&["explain", "alice"], Ok(Ask::Explain("alice".into()))),
            (&["remove", "alice"], Ok(Ask::Order(Order::Remove("alice".into())))),
            (
                &["reassign", "alice", "sip:scscf1b.home1.test"],
                Ok(Ask::Order(Order::Reassign("alice".into(), scscf))),
            ),
            (&["reassign", "alice", "home"], Err(bad)),
            (&["dance"], Err(BadWords::Unknown)),
        ];
        for (words, expected) in rows {
            assert_eq!(Command::find(COMMANDS, &(), words), expected, "{words:?}");
        }
    }
}
