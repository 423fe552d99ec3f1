//! Another configuration of the same network: for some nodes a file with what differs.

use crate::error::LabError;
use crate::plan;
use crate::subnet::{CONFIGURED, Prefix};
use std::path::Path;
use toml::{Table, Value};

/// Puts the values in the files of `overlay` over those in the files of the same names in `directory`; addresses are
/// moved to `network`.
pub(crate) fn apply(overlay: &Path, directory: &Path, network: Prefix) -> Result<(), LabError> {
    for entry in std::fs::read_dir(overlay).map_err(LabError::at(overlay))? {
        let file = entry.map_err(LabError::at(overlay))?.path();
        let text = std::fs::read_to_string(&file).map_err(LabError::at(&file))?;
        let wrong = |error: toml::de::Error| LabError::Configuration(file.clone(), error.into());
        let over: Table = toml::from_str(&network.rewrite(CONFIGURED, &text)).map_err(wrong)?;
        let target = directory.join(file.file_name().unwrap_or_default());
        let mut node: Table = plan::load(&target)?;
        over.iter().for_each(|(name, value)| put(&mut node, name, value));
        let text = toml::to_string(&node);
        let text = text.map_err(|error| LabError::Configuration(target.clone(), error.into()))?;
        std::fs::write(&target, text).map_err(LabError::at(&target))?;
    }
    Ok(())
}

/// Tables are merged, everything else replaces what was there.
fn put(table: &mut Table, name: &str, value: &Value) {
    match (table.get_mut(name), value) {
        (Some(Value::Table(before)), Value::Table(after)) => {
            after.iter().for_each(|(name, value)| put(before, name, value));
        }
        (_, value) => {
            table.insert(name.to_owned(), value.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_go_over_values_and_the_rest_stays() {
        let (base, over) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let file = base.path().join("ps1.toml");
        std::fs::write(&file, "# who\n[ps]\na = 1\nb = [1, 2]\n[ps.limits]\nc = 3\nd = 4\n").unwrap();
        std::fs::write(base.path().join("ps2.toml"), "# untouched\n").unwrap();
        let text = "[ps]\nb = ['127.0.10.7']\n[ps.limits]\nd = 8\n[other]\ne = 5\n";
        std::fs::write(over.path().join("ps1.toml"), text).unwrap();
        apply(over.path(), base.path(), Prefix([127, 3, 4])).unwrap();
        let merged: Table = toml::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
        let expected = "[ps]\na = 1\nb = ['127.3.4.7']\n[ps.limits]\nc = 3\nd = 8\n[other]\ne = 5\n";
        assert_eq!(merged, toml::from_str(expected).unwrap());
        assert_eq!(std::fs::read_to_string(base.path().join("ps2.toml")).unwrap(), "# untouched\n");
    }

    #[test]
    fn a_file_of_nobody_is_a_mistake() {
        let (base, over) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::fs::write(over.path().join("sp1.toml"), "[ps]\na = 9\n").unwrap();
        let error = apply(over.path(), base.path(), CONFIGURED).unwrap_err().to_string();
        assert!(error.contains("sp1.toml"), "{error}");
    }
}
