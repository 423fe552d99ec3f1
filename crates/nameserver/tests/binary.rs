//! The binary as an operator meets it.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test helper may fail its test")]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

const ZONE: &str = "$TTL 30\n@ SOA ns hostmaster 7 3600 600 86400 10\n@ NS ns\nns A 192.0.2.1\n";
const CONFIG: &str = "ctl_socket = \"run/ctl\"
listen = [\"127.0.0.1:0\"]

[[zones]]
origin = \"home1.test\"
file = \"home1.zone\"
";

fn nameserver(words: &[&str], directory: &Path) -> Command {
    let (first, rest) = words.split_first().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_nameserver"));
    command.arg(first).arg("--config").arg(directory.join("ns.toml")).args(rest).env_remove("RUST_LOG");
    command
}

/// Exit code, standard output and standard error of a command that ends by itself.
fn outcome(words: &[&str], directory: &Path) -> (i32, String, String) {
    let Output { status, stdout, stderr } = nameserver(words, directory).output().unwrap();
    let place = directory.display().to_string();
    let text = |bytes| String::from_utf8(bytes).unwrap().replace(&place, "DIR");
    (status.code().unwrap(), text(stdout), text(stderr))
}

/// Reads the running process's log up to a line with `words`, and gives that line.
fn wait_for(log: &mut impl BufRead, words: &str) -> String {
    let found = log.lines().map(Result::unwrap).find(|line| line.contains(words));
    found.expect("the process ended before it said so")
}

fn signal(process: &Child, name: &str) {
    let killed = Command::new("kill").arg(format!("-{name}")).arg(process.id().to_string()).status();
    assert!(killed.unwrap().success());
}

#[test]
fn run_answers_its_operator_reloads_and_ends_on_sigterm() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    std::fs::write(directory.join("ns.toml"), CONFIG).unwrap();
    std::fs::write(directory.join("home1.zone"), ZONE).unwrap();
    assert_eq!(outcome(&["check"], directory), (0, "DIR/ns.toml: ok\n".to_owned(), String::new()));
    let not_running = "nameserver: DIR/run/ctl: not running (No such file or directory (os error 2))\n";
    assert_eq!(outcome(&["health"], directory), (1, String::new(), not_running.to_owned()));

    let mut process =
        nameserver(&["run", "--log-format", "json"], directory).stderr(Stdio::piped()).spawn().unwrap();
    let mut log = BufReader::new(process.stderr.take().unwrap());
    let line = wait_for(&mut log, "answering over UDP and TCP");
    assert!(line.starts_with('{') && line.contains("\"address\":\"127.0.0.1:"), "{line}");
    assert_eq!(outcome(&["health"], directory), (0, "ready\n".to_owned(), String::new()));
    let zones = "home1.test. serial 7 records 3 file DIR/home1.zone\n";
    assert_eq!(outcome(&["ctl", "zones"], directory), (0, zones.to_owned(), String::new()));
    let unknown = "no such command; `help` lists them\n";
    assert_eq!(outcome(&["ctl", "dance"], directory), (1, String::new(), unknown.to_owned()));

    std::fs::write(directory.join("home1.zone"), ZONE.replace(" 7 ", " 8 ")).unwrap();
    assert_eq!(outcome(&["ctl", "reload"], directory).1, "taken over: zone files\n");
    assert_eq!(outcome(&["ctl", "zones"], directory).1, zones.replace('7', "8"));
    std::fs::write(directory.join("home1.zone"), ZONE.replace("192.0.2.1", "192.0.2")).unwrap();
    let broken = "DIR/home1.zone:4: network address parse error: invalid IPv4 address syntax";
    let refused = format!("{broken}\n");
    assert_eq!(outcome(&["ctl", "reload"], directory), (1, String::new(), refused));
    signal(&process, "HUP");
    wait_for(&mut log, "SIGHUP");
    let line = wait_for(&mut log, "zone files refused");
    assert!(line.contains("home1.zone:4"), "{line}");
    assert_eq!(outcome(&["ctl", "zones"], directory).1, zones.replace('7', "8"));

    signal(&process, "TERM");
    assert!(process.wait().unwrap().success());
    assert!(!directory.join("run/ctl").exists());
}

#[test]
fn bad_configuration_is_exit_code_64_and_says_where() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    std::fs::write(directory.join("home1.zone"), ZONE.replace("192.0.2.1", "192.0.2")).unwrap();
    let rows = [
        (
            "listen =",
            "lisen =",
            "DIR/ns.toml:2:1: lisen: unknown field `lisen`, expected one of `ctl_socket`, `listen`, `views`, `tcp_idle_s`, `zones`",
        ),
        (
            "\"127.0.0.1:0\"",
            "",
            "DIR/ns.toml:2:1: listen: must name at least one address, or there must be views",
        ),
        (
            "\n[[",
            "[[views]]\nlisten = []\nrelocation = \"x\"\n[[",
            "DIR/ns.toml:4:1: views[0].listen: must name at least one address",
        ),
        (
            "listen = [\"127.0.0.1:0\"]\n",
            "[[views]]\nlisten = [\"127.0.0.1:0\"]\nrelocation = \"x\"\n",
            "DIR/ns.toml:4:1: views[0].relocation: DIR/x: No such file or directory (os error 2)",
        ),
        ("\n[[", "tcp_idle_s = 0\n[[", "DIR/ns.toml:3:1: tcp_idle_s: must be at least 1"),
        (
            "\n[[",
            "[[zones]]\norigin = \"HOME1.test.\"\nfile = \"x\"\n[[",
            "DIR/ns.toml:7:1: zones[1].origin: is there twice",
        ),
        ("home1.test", "..", "DIR/ns.toml:5:1: zones[0].origin: \"..\" is no domain name"),
        (
            "",
            "",
            "DIR/ns.toml:6:1: zones[0].file: DIR/home1.zone:4: network address parse error: invalid IPv4 address syntax",
        ),
    ];
    for (good, bad, expected) in rows {
        std::fs::write(directory.join("ns.toml"), CONFIG.replacen(good, bad, 1)).unwrap();
        for word in ["check", "run"] {
            let (code, printed, complaint) = outcome(&[word], directory);
            let expected = format!("nameserver: {expected}\n");
            assert_eq!((code, printed.as_str(), complaint), (64, "", expected), "{word}");
        }
    }
}

#[test]
fn the_command_line_explains_itself() {
    let run = |words: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_nameserver")).args(words).output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
    };
    let (code, help) = run(&["--help"]);
    assert_eq!(code, 0);
    for part in ["RFC 1035 zone files", "run", "check", "health", "ctl", "Exit codes:"] {
        assert!(help.contains(part), "{part} is missing in {help}");
    }
    assert_eq!(run(&["--version"]), (0, format!("nameserver {}\n", env!("CARGO_PKG_VERSION"))));
    assert_eq!(run(&["dance"]).0, 64);
    assert_eq!(run(&["run"]).0, 64);
}
