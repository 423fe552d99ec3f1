//! The rules directory: one document a presentity, `carol@home1.test.xml`.

use presence_document::{MAX_RULES_BYTES, Rules, RulesError};
use presence_server::{RuleBook, presentity_named};
use std::error::Error;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Files in the directory; with more the directory is refused.
const MAX_FILES: usize = 200_000;

/// Why a rules directory is not taken. The operator's fault; the rules there were stay.
#[derive(Debug)]
pub(crate) enum BadRules {
    /// Directory or file cannot be read.
    Unreadable(PathBuf, io::Error),
    /// More than [`MAX_FILES`].
    TooMany(PathBuf),
    /// The file's name is nobody's address.
    Name(PathBuf),
    /// Another file is for the same presentity.
    Twice(PathBuf),
    /// The file is no rules document.
    Document(PathBuf, RulesError),
}

impl fmt::Display for BadRules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(path, error) => write!(f, "{}: {error}", path.display()),
            Self::TooMany(path) => write!(f, "{}: more than {MAX_FILES} files", path.display()),
            Self::Name(path) => {
                write!(f, "{}: the name is not a user's address such as carol@home1.test.xml", path.display())
            }
            Self::Twice(path) => write!(f, "{}: another file has the rules of this user", path.display()),
            Self::Document(path, error) => write!(f, "{}: {error}", path.display()),
        }
    }
}

impl Error for BadRules {}

/// Reads every `.xml` file of the directory; others are left alone.
pub(crate) fn read(directory: &Path) -> Result<RuleBook, BadRules> {
    let unreadable = |error| BadRules::Unreadable(directory.to_owned(), error);
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|extension| extension == "xml") {
            paths.push(path);
        }
        if paths.len() > MAX_FILES {
            return Err(BadRules::TooMany(directory.to_owned()));
        }
    }
    // The same fault is named every time.
    paths.sort();
    let mut book = RuleBook::new();
    for path in paths {
        let presentity = path.file_stem().and_then(|stem| stem.to_str()).and_then(presentity_named);
        let Some(presentity) = presentity else { return Err(BadRules::Name(path)) };
        let rules = document(&path)?;
        if book.insert(presentity, rules).is_some() {
            return Err(BadRules::Twice(path));
        }
    }
    Ok(book)
}

fn document(path: &Path) -> Result<Rules, BadRules> {
    let mut bytes = Vec::new();
    // One octet more than is taken is enough to be refused.
    let limit = u64::try_from(MAX_RULES_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    let read = File::open(path).and_then(|file| file.take(limit).read_to_end(&mut bytes));
    read.map_err(|error| BadRules::Unreadable(path.to_owned(), error))?;
    Rules::parse(&bytes).map_err(|error| BadRules::Document(path.to_owned(), error))
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: &str = "<ruleset xmlns='urn:ietf:params:xml:ns:common-policy'/>";

    fn outcome(files: &[(&str, &str)]) -> Result<Vec<String>, String> {
        let directory = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(directory.path().join(name), text).unwrap();
        }
        let shown = format!("{}/", directory.path().display());
        let mut names: Vec<String> = match read(directory.path()) {
            Ok(book) => book.presentities().map(str::to_owned).collect(),
            Err(error) => return Err(error.to_string().replace(&shown, "")),
        };
        names.sort();
        Ok(names)
    }

    #[test]
    fn every_xml_file_is_one_presentitys() {
        let files = [("carol@home1.test.xml", RULES), ("a%2Fb@home1.test.xml", RULES), ("README.md", "")];
        assert_eq!(outcome(&files).unwrap(), ["sip:a/b@home1.test", "sip:carol@home1.test"]);
    }

    #[test]
    fn a_fault_names_its_file() {
        let good = ("alice@home1.test.xml", RULES);
        let table = [
            (
                ("carol.xml", RULES),
                "carol.xml: the name is not a user's address such as carol@home1.test.xml",
            ),
            (
                ("carol@home1.test.xml", "<rules/>"),
                "carol@home1.test.xml: the root element is not ruleset of common policy",
            ),
            (
                ("alice@HOME1.test.xml", RULES),
                "alice@home1.test.xml: another file has the rules of this user",
            ),
        ];
        for (bad, expected) in table {
            assert_eq!(outcome(&[good, bad]), Err(expected.to_owned()));
        }
        let missing = read(Path::new("/nonexistent/rules")).unwrap_err().to_string();
        assert!(missing.starts_with("/nonexistent/rules: "), "{missing}");
    }
}
