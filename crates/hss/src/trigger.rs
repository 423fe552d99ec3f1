//! Filter criteria as the subscribers file writes them.

use cx_protocol::{
    ApplicationServer, ConditionForm, DefaultHandling, InitialFilterCriterion, ProfilePart, ScscfName,
    ServiceTrigger, SessionCase, Spt, TriggerPoint,
};
use regex_lite::Regex;
use serde::Deserialize;
use serde::de::{Deserializer, Error};

/// `[[profile.NAME.criterion]]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CriterionEntry {
    pub(crate) priority: u32,
    application_server: ServerUri,
    default_handling: HandlingEntry,
    profile_part: PartEntry,
    #[serde(default)]
    include_register_request: bool,
    #[serde(default)]
    include_register_response: bool,
    #[serde(default = "dnf")]
    condition: FormEntry,
    /// None: every request.
    #[serde(default)]
    when: Vec<SptEntry>,
}

/// One line of `when`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SptEntry {
    #[serde(default = "group_0")]
    groups: Vec<u32>,
    is: Option<TriggerEntry>,
    is_not: Option<TriggerEntry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum TriggerEntry {
    Method(Box<str>),
    RequestUri(Pattern),
    Header { name: Box<str>, content: Option<Pattern> },
    SessionCase(CaseEntry),
    SessionDescription { line: Box<str>, content: Option<Pattern> },
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum CaseEntry {
    Originating,
    TerminatingRegistered,
    TerminatingUnregistered,
    OriginatingUnregistered,
    Cdiv,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum HandlingEntry {
    Continued,
    Terminated,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum PartEntry {
    Registered,
    Unregistered,
    Both,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum FormEntry {
    Cnf,
    Dnf,
}

fn dnf() -> FormEntry {
    FormEntry::Dnf
}

fn group_0() -> Vec<u32> {
    vec![0]
}

/// A regular expression that the S-CSCF will be able to read.
struct Pattern(Box<str>);

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Box::<str>::deserialize(deserializer)?;
        Regex::new(&text).map_err(D::Error::custom)?;
        Ok(Self(text))
    }
}

/// A SIP URI with its parameters.
struct ServerUri(Box<str>);

impl<'de> Deserialize<'de> for ServerUri {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Box::<str>::deserialize(deserializer)?;
        ScscfName::new(&text).map_err(D::Error::custom)?;
        Ok(Self(text))
    }
}

impl CriterionEntry {
    pub(crate) fn application_server(&self) -> &str {
        &self.application_server.0
    }

    /// The criterion; the index of the line in `when` that is wrong otherwise.
    pub(crate) fn build(&self) -> Result<InitialFilterCriterion, usize> {
        let spts = self.when.iter().enumerate().map(|(index, entry)| entry.build().ok_or(index));
        let spts = spts.collect::<Result<Vec<Spt>, usize>>()?;
        let condition = match self.condition {
            FormEntry::Cnf => ConditionForm::Cnf,
            FormEntry::Dnf => ConditionForm::Dnf,
        };
        Ok(InitialFilterCriterion {
            priority: self.priority,
            trigger: (!spts.is_empty()).then_some(TriggerPoint { condition, spts }),
            application_server: ApplicationServer {
                uri: self.application_server.0.clone(),
                default_handling: match self.default_handling {
                    HandlingEntry::Continued => DefaultHandling::Continued,
                    HandlingEntry::Terminated => DefaultHandling::Terminated,
                },
                include_register_request: self.include_register_request,
                include_register_response: self.include_register_response,
            },
            profile_part: match self.profile_part {
                PartEntry::Registered => ProfilePart::Registered,
                PartEntry::Unregistered => ProfilePart::Unregistered,
                PartEntry::Both => ProfilePart::Both,
            },
        })
    }
}

impl SptEntry {
    /// `None` unless it has a group and either `is` or `is_not`.
    fn build(&self) -> Option<Spt> {
        let (negated, trigger) = match (&self.is, &self.is_not) {
            (Some(trigger), None) => (false, trigger),
            (None, Some(trigger)) => (true, trigger),
            (Some(_), Some(_)) | (None, None) => return None,
        };
        let trigger = trigger.build();
        (!self.groups.is_empty()).then(|| Spt { groups: self.groups.clone(), negated, trigger })
    }
}

impl TriggerEntry {
    fn build(&self) -> ServiceTrigger {
        let text = |pattern: &Option<Pattern>| pattern.as_ref().map(|pattern| pattern.0.clone());
        match self {
            Self::Method(method) => ServiceTrigger::Method(method.clone()),
            Self::RequestUri(pattern) => ServiceTrigger::RequestUri(pattern.0.clone()),
            Self::Header { name, content } => {
                ServiceTrigger::Header { name: name.clone(), content: text(content) }
            }
            Self::SessionCase(case) => ServiceTrigger::SessionCase(match case {
                CaseEntry::Originating => SessionCase::Originating,
                CaseEntry::TerminatingRegistered => SessionCase::TerminatingRegistered,
                CaseEntry::TerminatingUnregistered => SessionCase::TerminatingUnregistered,
                CaseEntry::OriginatingUnregistered => SessionCase::OriginatingUnregistered,
                CaseEntry::Cdiv => SessionCase::Cdiv,
            }),
            Self::SessionDescription { line, content } => {
                ServiceTrigger::SessionDescription { line: line.clone(), content: text(content) }
            }
        }
    }
}
