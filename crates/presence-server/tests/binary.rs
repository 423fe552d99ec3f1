//! The binary as an operator and an S-CSCF see it: check, run, die, run again, reload, drain.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test helper may fail its test"
)]

use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

/// Longer than anything here takes; only a failing test waits for it.
const TOO_LONG: Duration = Duration::from_secs(20);

const RULES: &str = "<ruleset xmlns='urn:ietf:params:xml:ns:common-policy'>RULE</ruleset>";

const ALLOW: &str = "<rule id='a'><conditions><identity><one id='sip:alice@home1.test'/></identity></conditions>\
    <actions><sub-handling xmlns='urn:ietf:params:xml:ns:pres-rules'>allow</sub-handling></actions></rule>";

fn binary(words: &[&str], config: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_presence-server"));
    command.arg(words[0]).arg("--config").arg(config).args(&words[1..]).env("RUST_LOG", "error");
    command
}

fn shipped(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config").join(name)
}

struct Node {
    directory: tempfile::TempDir,
    network: String,
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Running {
    /// SIGKILL: nothing is finished.
    fn dies(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    /// SIGTERM.
    fn ends(mut self) -> ExitStatus {
        assert!(Command::new("kill").arg(self.0.id().to_string()).status().unwrap().success());
        self.0.wait().unwrap()
    }
}

impl Node {
    fn new() -> Self {
        // Loopback addresses of this process alone.
        let network = format!("127.{}.{}", 64 + std::process::id() / 250 % 180, 1 + std::process::id() % 250);
        let node = Self { directory: tempfile::tempdir().unwrap(), network };
        std::fs::create_dir(node.path("rules")).unwrap();
        let network = &node.network;
        let config = format!(
            "[node]\nname = \"ps1.home1.test\"\ndomain = \"home1.test\"\nstate_dir = \"state\"\nctl_socket = \"ctl\"\n\
             listen = [{{ address = \"{network}.17:5060\", side = \"network\" }}]\n\
             peers = [{{ addresses = [\"{network}.14\"] }}]\n[node.dns]\nservers = [\"{network}.2:5300\"]\n\
             [presence_server]\nrules_dir = \"rules\"\n"
        );
        std::fs::write(node.path("ps.toml"), config).unwrap();
        node.carols_rules(&RULES.replace("RULE", ALLOW));
        node
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn carols_rules(&self, text: &str) {
        std::fs::write(self.path("rules/carol@home1.test.xml"), text).unwrap();
    }

    #[expect(clippy::disallowed_methods, reason = "a process is waited for in real time")]
    fn start(&self) -> Running {
        let mut command = binary(&["run"], &self.path("ps.toml"));
        let running = Running(command.stdout(Stdio::null()).spawn().unwrap());
        let begun = Instant::now();
        while !self.ctl(&["list"]).status.success() {
            assert!(begun.elapsed() < TOO_LONG, "it does not start");
        }
        running
    }

    fn ctl(&self, words: &[&str]) -> Output {
        binary(&[&["ctl"], words].concat(), &self.path("ps.toml")).output().unwrap()
    }

    fn says(&self, words: &[&str]) -> String {
        let output = self.ctl(words);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Sends a request as our S-CSCF does; the status line of the answer.
    fn ask(&self, method: &str, headers: &str, body: &str) -> String {
        let socket = UdpSocket::bind(format!("{}.14:0", self.network)).unwrap();
        socket.set_read_timeout(Some(TOO_LONG)).unwrap();
        let local = socket.local_addr().unwrap();
        let request = format!(
            "{method} sip:carol@home1.test SIP/2.0\r\nVia: SIP/2.0/UDP {local};branch=z9hG4bK{}\r\nMax-Forwards: 70\r\n\
             From: <sip:carol@home1.test>;tag=1\r\nTo: <sip:carol@home1.test>\r\nCall-ID: {local}\r\nCSeq: 1 {method}\r\n\
             {headers}Content-Length: {}\r\n\r\n{body}",
            local.port(),
            body.len()
        );
        socket.send_to(request.as_bytes(), format!("{}.17:5060", self.network)).unwrap();
        let mut buffer = [0; 4096];
        let length = socket.recv(&mut buffer).unwrap();
        String::from_utf8_lossy(&buffer[..length]).lines().next().unwrap().to_owned()
    }
}

#[test]
fn what_is_acknowledged_survives_and_rules_are_reloaded() {
    let node = Node::new();
    let running = node.start();
    let headers = "P-Asserted-Identity: <sip:carol@home1.test>\r\nEvent: presence\r\nExpires: 3600\r\n\
        Content-Type: application/pidf+xml\r\n";
    let body = "<presence xmlns='urn:ietf:params:xml:ns:pidf' entity='sip:carol@home1.test'/>";
    assert_eq!(node.ask("PUBLISH", headers, body), "SIP/2.0 200 OK");
    running.dies();

    let running = node.start();
    assert!(
        node.says(&["list"]).starts_with("publication sip:carol@home1.test 77 octets 3"),
        "{}",
        node.says(&["list"])
    );

    let explain = ["explain", "sip:carol@home1.test", "sip:alice@home1.test"];
    node.carols_rules("<ruleset");
    let refused = node.ctl(&["reload"]);
    assert!(!refused.status.success());
    let why = String::from_utf8(refused.stderr).unwrap();
    assert!(why.contains("carol@home1.test.xml: "), "{why}");
    assert_eq!(node.says(&explain), "allow: by the presentity's rules\n", "the old rules stay");

    node.carols_rules(&RULES.replace("RULE", ""));
    assert!(node.says(&["reload"]).contains("taken over: rules of 1 presentities"));
    assert!(node.says(&explain).starts_with("block: by default_action"));
    assert_eq!(running.ends().code(), Some(0));
}

#[test]
fn the_shipped_configurations_are_good() {
    for name in ["ps1.toml", "ps2.toml"] {
        let output = binary(&["check"], &shipped(name)).output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }
}

#[test]
fn a_bad_configuration_names_its_fault() {
    let good = std::fs::read_to_string(shipped("ps1.toml")).unwrap();
    let good = good.replace("\"rules/home1\"", &format!("{:?}", shipped("rules/home1")));
    let table = [
        ("subscription_min_s = 60", "subscription_min_s = 0", "presence_server.subscription_min_s"),
        ("publication_min_s = 60", "publication_min_s = 3601", "presence_server.publication_min_s"),
        ("default_action = \"block\"", "default_action = \"maybe\"", "default_action"),
        ("default_action = \"block\"", "agents = []", "agents"),
        ("subscriptions = 100000", "subscriptions = 0", "presence_server.limits.subscriptions"),
        ("min_notify_interval_s = 0", "min_notify_interval = 0", "min_notify_interval"),
        ("rules/home1", "rules/nowhere", "presence_server.rules_dir"),
    ];
    for (from, to, key) in table {
        let directory = tempfile::tempdir().unwrap();
        let config = directory.path().join("bad.toml");
        std::fs::write(&config, good.replace(from, to)).unwrap();
        let output = binary(&["check"], &config).output().unwrap();
        let why = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(64), "{to}: {why}");
        assert!(why.contains("bad.toml") && why.contains(key), "{to}: {why}");
    }
}
