//! The binary as an operator and an S-CSCF see it: start, answer, die, start again, drain.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test helper may fail its test"
)]

mod support;

use cx_protocol::{Answer, CxFailure, Leg, Lir, LirType, Request, ResultCode, SarType, Secret, Token};
use ims_runtime::cx::{self, CxClientConfig, CxEvent, CxIdentity, CxQuestion, CxResolver, CxSender};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;
use support::{A, B, Step, uri};
use tokio::sync::mpsc::{Receiver, UnboundedReceiver, unbounded_channel};
use tokio::time::{Instant, timeout};

/// Longer than anything here takes; only a failing test waits for it.
const TOO_LONG: Duration = Duration::from_secs(20);

struct Node {
    directory: tempfile::TempDir,
}

struct Running {
    child: Child,
    address: SocketAddr,
    /// What it logs after its start.
    log: UnboundedReceiver<String>,
}

impl Running {
    async fn logs(&mut self, words: &str) -> String {
        loop {
            let line = timeout(TOO_LONG, self.log.recv()).await.unwrap().unwrap();
            if line.contains(words) {
                return line;
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Node {
    fn new() -> Self {
        let node = Self { directory: tempfile::tempdir().unwrap() };
        let subscribers = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/subscribers-home1.toml");
        std::fs::copy(subscribers, node.path("subscribers.toml")).unwrap();
        let config = "host = \"hss1.home1.test\"\nrealm = \"home1.test\"\nlisten = [\"127.0.0.1:0\"]\n\
                      cx_secret = \"a secret of the test\"\nstate_dir = \"state\"\n\
                      subscribers = \"subscribers.toml\"\nctl_socket = \"ctl\"\n";
        std::fs::write(node.path("hss.toml"), config).unwrap();
        node
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn command(&self, name: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hss"));
        command.arg(name).arg("--config").arg(self.path("hss.toml")).env("RUST_LOG", "info");
        command
    }

    fn ctl(&self, words: &[&str]) -> Output {
        self.command("ctl").args(words).output().unwrap()
    }

    fn says(&self, words: &[&str]) -> String {
        let output = self.ctl(words);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Starts the process and reads its log up to the address it listens on.
    fn start(&self) -> Running {
        let mut command = self.command("run");
        let mut child = command.args(["--log-format", "json"]).stderr(Stdio::piped()).spawn().unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
        let line = log.find(|line| line.contains("listening for Cx")).unwrap();
        let port = line.split("127.0.0.1:").nth(1).unwrap();
        let digits: String = port.chars().take_while(char::is_ascii_digit).collect();
        // Its log must go somewhere, or it would block.
        let (tell, told) = unbounded_channel();
        // A test that wants none of it has dropped its end.
        std::thread::spawn(move || log.for_each(|line| drop(tell.send(line))));
        Running { child, address: SocketAddr::from(([127, 0, 0, 1], digits.parse().unwrap())), log: told }
    }
}

struct At(SocketAddr);

impl CxResolver for At {
    async fn addresses(&mut self) -> Vec<SocketAddr> {
        vec![self.0]
    }
}

struct Scscf {
    sender: CxSender,
    events: Receiver<CxEvent>,
}

impl Scscf {
    fn connect(host: &str, running: &Running) -> Self {
        let secret = Secret::new(b"a secret of the test").unwrap();
        let identity =
            CxIdentity { host: host.into(), realm: "home1.test".into(), secret, secret_in: "".into() };
        let (sender, events) =
            cx::start(CxClientConfig { identity, local_address: None, recorder: None }, At(running.address));
        Self { sender, events }
    }

    /// What the HSS asks it next.
    async fn question(&mut self) -> (CxQuestion, Box<Request>) {
        loop {
            match self.event().await {
                CxEvent::Question(question, request) => return (question, request),
                CxEvent::Connected(..) => {}
                event @ (CxEvent::Disconnected(_) | CxEvent::Answer(..)) => panic!("{event:?}"),
            }
        }
    }

    async fn event(&mut self) -> CxEvent {
        timeout(TOO_LONG, self.events.recv()).await.unwrap().unwrap()
    }

    async fn ask(&mut self, request: Request) -> Answer {
        self.sender.request(Token(1), request).unwrap();
        loop {
            match self.event().await {
                CxEvent::Answer(_, answer) => return *answer.unwrap(),
                CxEvent::Connected(..) => {}
                event @ (CxEvent::Disconnected(_) | CxEvent::Question(..)) => panic!("{event:?}"),
            }
        }
    }
}

fn lir() -> Request {
    Request::Lir(Lir { impu: uri("sip:alice@home1.test"), leg: Leg::Terminating, kind: LirType::Location })
}

#[tokio::test]
async fn what_was_answered_survives_kill_9() {
    let node = Node::new();
    let mut running = node.start();
    let mut scscf = Scscf::connect("scscf1a.home1.test", &running);
    let registration = Step::Sar(SarType::Registration, A).request();
    assert_eq!(scscf.ask(registration).await.result(), ResultCode::Success);
    running.child.kill().unwrap();
    running.child.wait().unwrap();
    // The file is no longer needed: the store counts.
    std::fs::remove_file(node.path("subscribers.toml")).unwrap();

    let running = node.start();
    let mut icscf = Scscf::connect("icscf1.home1.test", &running);
    let Answer::Lia(lia) = icscf.ask(lir()).await else { panic!("a LIA") };
    assert_eq!(lia.server_name, Some(support::name(A)));
}

#[tokio::test]
async fn what_cannot_be_kept_is_refused_and_undone_and_reading_goes_on() {
    let node = Node::new();
    let running = node.start();
    let mut scscf = Scscf::connect("scscf1a.home1.test", &running);
    let register = || Step::Sar(SarType::Registration, A).request();
    let before = node.says(&["list"]);
    let intruder = rusqlite::Connection::open(node.path("state/hss.sqlite")).unwrap();
    intruder.execute_batch("BEGIN IMMEDIATE").unwrap();
    for _ in 0..2 {
        assert_eq!(scscf.ask(register()).await.result(), ResultCode::TooBusy);
        assert!(scscf.ask(lir()).await.result() != ResultCode::TooBusy);
        assert_eq!(node.says(&["list"]), before, "undone");
    }
    assert!(node.says(&["health"]).contains("what would change a registration is refused"));
    assert_eq!(node.ctl(&["deregister", "alice"]).status.code(), Some(0), "nothing changes by it");
    assert_eq!(node.ctl(&["reload"]).status.code(), Some(1));
    intruder.execute_batch("ROLLBACK").unwrap();
    assert!(scscf.ask(register()).await.result().is_success());
    assert_eq!(node.says(&["health"]), "ready\n");

    intruder.execute_batch("BEGIN IMMEDIATE").unwrap();
    let refused = node.ctl(&["deregister", "alice"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("nothing is changed"), "{refused:?}");
    assert!(node.says(&["list"]).starts_with("alice sip:scscf1a.home1.test registered\n"));
    // Nobody was told to drop her.
    assert!(scscf.ask(lir()).await.result().is_success());
}

#[tokio::test]
async fn the_operator_reassigns_a_user_and_the_scscf_is_told() {
    let node = Node::new();
    let running = node.start();
    assert_eq!(node.says(&["health"]).trim(), "ready");
    let mut scscf = Scscf::connect("scscf1a.home1.test", &running);
    scscf.ask(Step::Sar(SarType::Registration, A).request()).await;
    assert!(node.says(&["list"]).starts_with("alice sip:scscf1a.home1.test registered\n"));
    assert_eq!(node.says(&["peers"]).trim(), "scscf1a.home1.test");

    let pushed = node.says(&["push", "alice"]);
    assert!(pushed.contains("was told (PushProfile)"), "{pushed}");
    let CxEvent::Question(_, request) = scscf.event().await else { panic!("a PPR") };
    assert!(matches!(*request, Request::Ppr(_)));

    let said = node.says(&["reassign", "sip:alice@home1.test", B]);
    assert!(said.contains("sip:scscf1a.home1.test was told"), "{said}");
    let CxEvent::Question(question, request) = scscf.event().await else { panic!("an RTR") };
    assert!(matches!(*request, Request::Rtr(_)));
    scscf.sender.answer(question, request.answer(ResultCode::Success)).unwrap();
    scscf.ask(lir()).await;
    let explained = node.says(&["explain", "alice"]);
    assert!(explained.contains("next scscf sip:scscf1b.home1.test"), "{explained}");

    for words in [&["deregister", "nobody"][..], &["reassign", "alice", "home"], &["dance"]] {
        assert_eq!(node.ctl(words).status.code(), Some(1), "{words:?}");
    }
    assert!(node.says(&["deregister", "alice"]).contains("no S-CSCF has the user"));
}

#[tokio::test]
async fn an_s_cscf_that_was_down_is_told_when_it_is_back_also_by_a_new_process() {
    let node = Node::new();
    let mut running = node.start();
    Scscf::connect("scscf1a.home1.test", &running).ask(Step::Sar(SarType::Registration, A).request()).await;
    // Whether or not the HSS has noticed that the connection is gone.
    node.says(&["deregister", "alice"]);
    running.child.kill().unwrap();
    running.child.wait().unwrap();

    let running = node.start();
    assert!(node.says(&["deregister", "alice"]).contains("will be when it connects again"));
    let mut scscf = Scscf::connect("scscf1a.home1.test", &running);
    let (question, request) = scscf.question().await;
    assert!(matches!(*request, Request::Rtr(_)), "{request:?}");
    assert!(node.says(&["explain", "alice"]).contains("not confirmed by sip:scscf1a.home1.test"));
    scscf.sender.answer(question, request.answer(ResultCode::Success)).unwrap();
    scscf.ask(lir()).await;
    assert!(!node.says(&["explain", "alice"]).contains("not confirmed"));
    assert!(node.says(&["deregister", "alice"]).contains("no S-CSCF has the user"));
}

#[tokio::test]
async fn a_removed_account_stays_removed_and_its_s_cscf_is_told_also_by_a_new_process() {
    let node = Node::new();
    let mut running = node.start();
    Scscf::connect("scscf1a.home1.test", &running).ask(Step::Sar(SarType::Registration, A).request()).await;
    node.says(&["remove", "alice"]);
    assert_eq!(node.ctl(&["remove", "alice"]).status.code(), Some(1));
    running.child.kill().unwrap();
    running.child.wait().unwrap();

    let running = node.start();
    let removed = |list: String| list.lines().any(|line| line.starts_with("alice~"));
    assert!(removed(node.says(&["list"])) && !node.says(&["list"]).contains("alice -"));
    let mut scscf = Scscf::connect("scscf1a.home1.test", &running);
    let (question, request) = scscf.question().await;
    assert!(matches!(*request, Request::Rtr(_)), "{request:?}");
    scscf.sender.answer(question, request.answer(ResultCode::Success)).unwrap();
    assert_eq!(scscf.ask(lir()).await.result(), ResultCode::UserUnknown);
    assert!(!removed(node.says(&["list"])));
    // The file still has it, and is what an operator reads again on purpose.
    node.says(&["reload"]);
    assert!(node.says(&["list"]).starts_with("alice - not-registered"));
    let shorter = "\n[account.alice]";
    let text = std::fs::read_to_string(node.path("subscribers.toml")).unwrap();
    std::fs::write(node.path("subscribers.toml"), text.replace(shorter, "\n[account.al]")).unwrap();
    let said = node.says(&["reload"]);
    assert!(said.contains("belongs to account alice already") && said.contains("1 (alice)"), "{said}");
}

#[tokio::test]
async fn reload_takes_new_accounts_and_keeps_registrations() {
    let node = Node::new();
    let running = node.start();
    Scscf::connect("scscf1a.home1.test", &running).ask(Step::Sar(SarType::Registration, A).request()).await;
    let mut text = std::fs::read_to_string(node.path("subscribers.toml")).unwrap();
    text.push_str(
        "[account.zoe]\nimpis = [\"zoe\"]\npassword = \"x\"\nprofile = \"presence\"\nsets = [[{ impu = \"sip:zoe@home1.test\" }]]\n",
    );
    std::fs::write(node.path("subscribers.toml"), &text).unwrap();
    node.says(&["reload"]);
    let list = node.says(&["list"]);
    assert!(list.starts_with("alice sip:scscf1a.home1.test registered\n"), "{list}");
    assert!(list.contains("zoe - not-registered"), "{list}");

    std::fs::write(node.path("subscribers.toml"), text.replace("[account.zoe]", "[account.zoe")).unwrap();
    let refused = node.ctl(&["reload"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("subscribers.toml:"), "{refused:?}");
    assert!(node.says(&["health"]).contains("the subscribers file is not usable"));
}

#[tokio::test]
async fn sigterm_drains_and_ends_with_0_within_5_s() {
    let node = Node::new();
    let mut running = node.start();
    let mut scscf = Scscf::connect("scscf1a.home1.test", &running);
    scscf.ask(lir()).await;
    let asked = Instant::now();
    let pid = running.child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    assert_eq!(running.child.wait().unwrap().code(), Some(0));
    assert!(asked.elapsed() < Duration::from_secs(5));
    assert!(matches!(scscf.event().await, CxEvent::Disconnected(_)));
    scscf.sender.request(Token(2), lir()).unwrap();
    let CxEvent::Answer(_, Err(failure)) = scscf.event().await else { panic!("an answer") };
    assert_eq!(failure, CxFailure::NotConnected);
    assert_eq!(node.command("health").output().unwrap().status.code(), Some(1));
}

#[test]
fn design_16_check_warns_of_a_server_that_is_reached_by_udp_whatever_the_zone_prefers() {
    let node = Node::new();
    let warning = |node: &Node| {
        let checked = node.command("check").output().unwrap();
        assert_eq!(checked.status.code(), Some(0), "{checked:?}");
        String::from_utf8(checked.stderr).unwrap()
    };
    assert_eq!(warning(&node), "");
    let text = std::fs::read_to_string(node.path("subscribers.toml")).unwrap();
    for (uri, is_warned) in [
        ("sip:ps1.home1.test:5070", true),
        ("sip:127.0.10.17", true),
        ("sip:ps1.home1.test:5070;transport=tcp", false),
    ] {
        std::fs::write(node.path("subscribers.toml"), text.replace("sip:ps1.home1.test", uri)).unwrap();
        let warning = warning(&node);
        assert_eq!(warning.contains("application_server: is reached by UDP"), is_warned, "{uri}: {warning}");
    }
}

#[test]
fn a_state_directory_has_one_process() {
    let node = Node::new();
    let _running = node.start();
    let second = node.command("run").args(["--set", "ctl_socket=\"other\""]).output().unwrap();
    assert_eq!(second.status.code(), Some(1));
    let said = String::from_utf8_lossy(&second.stderr);
    assert!(said.contains("another process uses the state directory") && said.contains("/state"), "{said}");
    assert_eq!(node.says(&["health"]), "ready\n");
}

#[test]
fn a_store_is_used_while_the_subscribers_file_is_not_usable() {
    let good = std::fs::read_to_string(Node::new().path("subscribers.toml")).unwrap();
    let long = good.clone() + &"#".repeat(2 * 1024 * 1024);
    for (bad, why) in [("[account.alice".to_owned(), "subscribers.toml:"), (long, "longer than")] {
        let node = Node::new();
        // Without a store the file is needed.
        std::fs::write(node.path("subscribers.toml"), &bad).unwrap();
        let refused = node.command("run").output().unwrap();
        assert_eq!(refused.status.code(), Some(64), "{why}");
        assert!(String::from_utf8_lossy(&refused.stderr).contains(why), "{refused:?}");
        std::fs::write(node.path("subscribers.toml"), &good).unwrap();
        drop(node.start());

        std::fs::write(node.path("subscribers.toml"), &bad).unwrap();
        let _running = node.start();
        let health = node.says(&["health"]);
        assert!(health.starts_with("ready; the store is used") && health.contains(why), "{health}");
        assert_eq!(node.command("health").status().unwrap().code(), Some(0));
        assert_eq!(node.command("check").status().unwrap().code(), Some(64), "who asks is told");
        assert_eq!(node.says(&["list"]).lines().count(), 6);
        assert_eq!(node.ctl(&["reload"]).status.code(), Some(1));
        std::fs::write(node.path("subscribers.toml"), &good).unwrap();
        node.says(&["reload"]);
        assert_eq!(node.says(&["health"]), "ready\n");
    }
}

#[tokio::test]
async fn a_pushed_profile_reaches_an_s_cscf_that_was_down_also_from_a_new_process() {
    let node = Node::new();
    let mut running = node.start();
    Scscf::connect("scscf1a.home1.test", &running).ask(Step::Sar(SarType::Registration, A).request()).await;
    running.child.kill().unwrap();
    running.child.wait().unwrap();
    let mut running = node.start();
    assert!(node.says(&["push", "alice"]).contains("will be when it connects again"));
    running.child.kill().unwrap();
    running.child.wait().unwrap();

    let running = node.start();
    let mut scscf = Scscf::connect("scscf1a.home1.test", &running);
    let (question, request) = scscf.question().await;
    assert!(matches!(*request, Request::Ppr(_)), "{request:?}");
    assert!(node.says(&["explain", "alice"]).contains("profile of set 0 not confirmed"));
    scscf.sender.answer(question, request.answer(ResultCode::Success)).unwrap();
    scscf.ask(lir()).await;
    assert!(!node.says(&["explain", "alice"]).contains("not confirmed"));
}

#[tokio::test]
async fn an_operator_is_told_in_words() {
    let node = Node::new();
    let running = node.start();
    let mut scscf = Scscf::connect("scscf1a.home1.test", &running);
    scscf.ask(Step::Sar(SarType::Registration, A).request()).await;
    let help = node.says(&["help"]);
    let place = |line: &str, text: &str| line.find(text).unwrap();
    let lines: Vec<&str> = help.lines().collect();
    let column = place(lines[0], "whether this HSS is ready");
    assert!(
        lines.iter().all(|line| &line[column - 2..column] == "  " && &line[column..=column] != " "),
        "{help}"
    );
    let stats = node.says(&["stats"]);
    for line in
        ["accounts 6", "sets_registered 1", "cx_connections 1", "requests_answered 1", "requests_sent 0"]
    {
        assert!(stats.lines().any(|told| told == line), "{line}: {stats}");
    }
    let explained = node.says(&["explain", "alice"]);
    let changed = explained.lines().find_map(|line| line.strip_prefix("changed at ")).unwrap();
    assert!(changed.starts_with("20") && changed.ends_with('Z') && changed.contains('T'), "{changed}");
}

/// `head` reads a line and goes.
#[test]
fn whoever_has_read_enough_of_an_answer_is_no_trouble() {
    let node = Node::new();
    let _running = node.start();
    let mut asks =
        node.command("ctl").arg("help").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(asks.stdout.take());
    let output = asks.wait_with_output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
}

#[tokio::test]
async fn of_a_node_with_another_secret_the_log_says_what_to_compare() {
    let node = Node::new();
    let mut running = node.start();
    let secret = Secret::new(b"quite another secret").unwrap();
    let host = "scscf1a.home1.test".into();
    let identity = CxIdentity { host, realm: "home1.test".into(), secret, secret_in: "".into() };
    let config = CxClientConfig { identity, local_address: None, recorder: None };
    let _client = cx::start(config, At(running.address));
    let line = running.logs("another secret").await;
    let file = node.path("hss.toml");
    assert!(line.contains(&format!("compare cx_secret in {}", file.display())), "{line}");
    assert!(line.contains("secret of [node.cx]"), "{line}");
}

#[test]
fn check_names_file_line_and_key_and_exits_64() {
    let node = Node::new();
    assert_eq!(node.command("check").output().unwrap().status.code(), Some(0));
    let good = std::fs::read_to_string(node.path("hss.toml")).unwrap();
    let table = [
        ("a secret of the test", "short", "hss.toml:4:1: cx_secret: must have at least 16 characters"),
        ("[\"127.0.0.1:0\"]", "[]", "hss.toml:3:1: listen: must name at least one address"),
        ("host = \"hss1", "host = \"hss 1", "hss.toml:1:1: host: must be a domain name"),
        ("realm", "domain", "hss.toml:2:1: domain: unknown field"),
        ("\"subscribers.toml\"", "\"missing.toml\"", "hss.toml:6:1: subscribers: "),
    ];
    for (before, after, said) in table {
        std::fs::write(node.path("hss.toml"), good.replacen(before, after, 1)).unwrap();
        let output = node.command("check").output().unwrap();
        assert_eq!(output.status.code(), Some(64), "{after}");
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(error.contains(said), "{after}: {error}");
    }
    for name in ["hss1.toml", "hss2.toml"] {
        let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config").join(name);
        let output =
            Command::new(env!("CARGO_BIN_EXE_hss")).arg("check").arg("--config").arg(config).output();
        assert_eq!(output.unwrap().status.code(), Some(0), "{name}");
    }
}
