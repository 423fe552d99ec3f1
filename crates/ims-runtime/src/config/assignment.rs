//! Values from the command line that go before those of the file.

use super::ConfigError;
use serde::de::DeserializeOwned;
use std::fmt;
use std::str::FromStr;
use toml::{Table, Value};

/// One line of TOML: `gm.advertised = "192.0.2.1:5060"`.
#[derive(Debug, Clone, PartialEq)]
pub struct Assignment {
    text: Box<str>,
    table: Table,
}

/// The text is no line of TOML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotAnAssignment(Box<str>);

impl fmt::Display for NotAnAssignment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "must be KEY=VALUE as in the file: {}", self.0)
    }
}

impl std::error::Error for NotAnAssignment {}

impl FromStr for Assignment {
    type Err = NotAnAssignment;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let table = toml::from_str(text).map_err(|error| NotAnAssignment(error.message().into()))?;
        Ok(Self { text: text.into(), table })
    }
}

/// `config`, which was read from `text`, with these values in it.
pub(super) fn assign<C: DeserializeOwned>(
    mut config: C,
    text: &str,
    assignments: &[Assignment],
) -> Result<C, ConfigError> {
    // It is TOML: a configuration was read from it.
    let mut table: Table = toml::from_str(text).unwrap_or_default();
    for Assignment { text, table: values } in assignments {
        merge(&mut table, values);
        let bad = |error: toml::de::Error| ConfigError::Assigned {
            text: text.clone(),
            message: error.message().into(),
        };
        config = Value::Table(table.clone()).try_into().map_err(bad)?;
    }
    Ok(config)
}

fn merge(into: &mut Table, from: &Table) {
    for (key, value) in from {
        match (into.get_mut(key), value) {
            (Some(Value::Table(into)), Value::Table(from)) => merge(into, from),
            _ => {
                into.insert(key.clone(), value.clone());
            }
        }
    }
}
