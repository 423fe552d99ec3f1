//! What operators are told.

use cx_protocol::{Command, CxFailure, ScscfName};
use hss::{AccountList, Conflict, ExplainedAccount, OperatorError};
use ims_runtime::config::ConfigError;
use ims_runtime::ctl::{AskAnswer, Draining, Help, Metrics, write_lines};
use ims_runtime::health::Readiness;
use serde::{Serialize, Serializer};
use std::fmt;

/// Accounts that an answer names one by one.
const MAX_NAMED: usize = 10;

/// An answer.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Told {
    Health(Readiness),
    Stats(Metrics),
    Listed(AccountList),
    Peers(Vec<Box<str>>),
    Explained(Box<ExplainedAccount>),
    Draining(Draining),
    Help(Help),
    /// The S-CSCFs that were told, or will be.
    Done(Vec<ToldScscf>),
    Reloaded(ReloadedSubscribers),
    NotDone(NotDone),
}

/// An S-CSCF that has to know of an order.
#[derive(Debug, Serialize)]
pub(crate) struct ToldScscf {
    #[serde(serialize_with = "shown")]
    pub(crate) scscf: ScscfName,
    /// By an RTR or a PPR.
    #[serde(serialize_with = "named")]
    pub(crate) command: Command,
    /// Why it will be told only when it connects again.
    #[serde(serialize_with = "failure")]
    pub(crate) failure: Option<CxFailure>,
}

/// What has become of the subscribers file.
#[derive(Debug, Serialize)]
pub(crate) struct ReloadedSubscribers {
    /// Accounts, and the list of S-CSCFs.
    pub(crate) records_written: usize,
    /// Accounts that could not be taken over, and whose identity is another's.
    pub(crate) left_out: Vec<LeftOut>,
    /// Accounts that the file has no more: they stay, because it may be the wrong file.
    pub(crate) not_in_the_file: Vec<Box<str>>,
    /// The S-CSCFs that were told, or will be.
    pub(crate) told: Vec<ToldScscf>,
}

/// An account of the file that has an identity of another account.
#[derive(Debug, Serialize)]
pub(crate) struct LeftOut {
    identity: Box<str>,
    belongs_to: Box<str>,
}

/// Why an order is not carried out, or a question not answered.
#[derive(Debug)]
pub(crate) enum NotDone {
    /// The operator's fault.
    Operator(OperatorError),
    /// The subscribers file is not usable.
    File(ConfigError),
    /// The store cannot be written.
    NotKept(Box<str>),
}

impl From<Conflict> for LeftOut {
    fn from(Conflict { identity, account }: Conflict) -> Self {
        Self { identity, belongs_to: account }
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Health(readiness) => readiness.fmt(f),
            Self::Stats(metrics) => metrics.fmt(f),
            Self::Listed(accounts) => accounts.fmt(f),
            Self::Peers(hosts) => write_lines(f, hosts),
            Self::Explained(account) => account.fmt(f),
            Self::Draining(draining) => draining.fmt(f),
            Self::Help(help) => help.fmt(f),
            Self::Done(told) if told.is_empty() => f.write_str("done; no S-CSCF has the user"),
            Self::Done(told) => write_lines(f, told),
            Self::Reloaded(reloaded) => reloaded.fmt(f),
            Self::NotDone(why) => why.fmt(f),
        }
    }
}

impl AskAnswer for Told {
    fn refusal(&self) -> Option<&'static str> {
        match self {
            Self::Health(readiness) => readiness.refusal(),
            Self::NotDone(NotDone::Operator(OperatorError::UnknownUser)) => Some("unknown_user"),
            Self::NotDone(NotDone::Operator(OperatorError::UnknownScscf)) => Some("unknown_scscf"),
            Self::NotDone(NotDone::File(_)) => Some("not_reloaded"),
            Self::NotDone(NotDone::NotKept(_)) => Some("not_kept"),
            Self::Stats(_)
            | Self::Listed(_)
            | Self::Peers(_)
            | Self::Explained(_)
            | Self::Draining(_)
            | Self::Help(_)
            | Self::Done(_)
            | Self::Reloaded(_) => None,
        }
    }
}

impl fmt::Display for ToldScscf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scscf, command, failure } = self;
        match failure {
            None => write!(f, "{scscf} was told ({command:?})"),
            Some(failure) => write!(
                f,
                "{scscf} could not be told ({command:?}: {failure:?}) and will be when it connects again"
            ),
        }
    }
}

impl fmt::Display for ReloadedSubscribers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} records written: accounts and the list of S-CSCFs", self.records_written)?;
        for LeftOut { identity, belongs_to } in &self.left_out {
            writeln!(f, "left out: {identity} belongs to account {belongs_to} already")?;
        }
        let missing = &self.not_in_the_file;
        if !missing.is_empty() {
            let names: Vec<&str> = missing.iter().map(|name| &**name).take(MAX_NAMED).collect();
            let more = if missing.len() > MAX_NAMED { ", ..." } else { "" };
            let (count, names) = (missing.len(), names.join(", "));
            writeln!(f, "not in the file, and kept: {count} ({names}{more}); `remove USER` removes one")?;
        }
        write_lines(f, &self.told)
    }
}

impl fmt::Display for NotDone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Operator(error) => error.fmt(f),
            Self::File(error) => error.fmt(f),
            Self::NotKept(error) => write!(f, "nothing is changed: {error}"),
        }
    }
}

impl Serialize for NotDone {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

fn shown<S: Serializer>(value: &impl fmt::Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

fn named<S: Serializer>(value: &impl fmt::Debug, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{value:?}"))
}

fn failure<S: Serializer>(value: &Option<CxFailure>, serializer: S) -> Result<S::Ok, S::Error> {
    match value {
        Some(failure) => named(failure, serializer),
        None => serializer.serialize_none(),
    }
}
