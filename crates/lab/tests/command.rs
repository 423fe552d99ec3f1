//! The command line: ladders, and an exit code that says whether they match.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test helper may fail its test")]

mod support;

use std::path::Path;
use std::process::{Command, Output};

fn figures(config: &Path, arguments: &[&str]) -> Output {
    let place = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_lab"));
    command.arg("figures").arg("--once").arg("--config").arg(config).args(arguments);
    let output = command.env("TMPDIR", place.path()).output().unwrap();
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0, "files are left");
    output
}

fn text(octets: &[u8]) -> &str {
    std::str::from_utf8(octets).unwrap()
}

#[test]
fn a_figure_that_matches_is_shown_and_exits_with_0() {
    let output = figures(&support::config(), &["figure-3"]);
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{said}{}", text(&output.stderr));
    assert!(said.contains("figure-3 over UDP") && said.contains("PresUpdateMsg  PUBLISH"), "{said}");
    assert!(said.contains("OK") && !said.contains("figure-1"), "{said}");
}

/// An I-CSCF that does not record its route is not in the way of the NOTIFY: that is TS 24.141, not figure 1.
#[test]
fn a_figure_that_differs_says_where_and_exits_with_1() {
    let other = tempfile::tempdir().unwrap();
    let config = other.path().join("config");
    assert!(Command::new("cp").arg("-r").arg(support::config()).arg(&config).status().unwrap().success());
    let file = config.join("icscf1.toml");
    let text_of = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text_of.replace("record_route = true", "record_route = false")).unwrap();
    let output = figures(&config, &["figure-1"]);
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{said}{}", text(&output.stderr));
    assert!(said.contains("DIFFERS: NOTIFY: arrow 2 differs"), "{said}");
}

#[test]
fn what_cannot_be_asked_for_exits_with_64() {
    for arguments in [&["figure-9"][..], &["--transport", "sctp"], &["--what"]] {
        assert_eq!(figures(&support::config(), arguments).status.code(), Some(64), "{arguments:?}");
    }
    let nowhere = figures(Path::new("/nowhere/at/all"), &[]);
    assert_eq!(nowhere.status.code(), Some(1));
    assert!(text(&nowhere.stderr).contains("/nowhere/at/all"));
}
