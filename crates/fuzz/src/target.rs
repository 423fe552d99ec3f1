//! The targets, and where their seeds are.

use std::path::{Path, PathBuf};

/// One property and the inputs it starts from.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name: of the function, the binary for libFuzzer and the folder in `corpus/`.
    pub name: &'static str,
    /// The property.
    pub run: fn(&[u8]),
    /// Folders of other crates' tests with inputs that fit, below `crates/`.
    borrowed: &'static [&'static str],
}

impl Target {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self { name: "message", run: crate::message, borrowed: MESSAGES },
        Self { name: "framer", run: crate::framer, borrowed: MESSAGES },
        Self { name: "uri", run: crate::uri, borrowed: &[] },
        Self { name: "cx", run: crate::cx, borrowed: &[] },
        Self { name: "pidf", run: crate::pidf, borrowed: &["presence-document/tests/documents"] },
        Self { name: "rules", run: crate::rules, borrowed: &["presence-document/tests/documents"] },
    ];

    /// The folders with its seeds.
    #[must_use]
    pub fn folders(&self) -> Vec<PathBuf> {
        let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let corpus = [format!("fuzz/corpus/{}", self.name)];
        let all = corpus.iter().map(String::as_str).chain(self.borrowed.iter().copied());
        all.map(|folder| crates.join(folder)).filter(|folder| folder.is_dir()).collect()
    }
}

const MESSAGES: &[&str] =
    &["sip-message/tests/rfc4475", "sip-message/tests/rfc5118", "sip-message/tests/examples"];
