//! A ue-agent on the host, behind the published port of its P-CSCF.

use super::project::Project;
use super::support::config;
use serde_json::Value;
use std::cell::{Cell, RefCell};
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// A user who does what is said.
pub(crate) struct Ue {
    child: RefCell<Child>,
    events: Receiver<Value>,
    said: RefCell<Vec<String>>,
    ended: Cell<bool>,
}

impl Ue {
    /// Starts the agent of `user`, `NAME@DOMAIN`.
    pub(crate) fn start(project: &Project, user: &str) -> Self {
        let (name, domain) = user.split_once('@').unwrap();
        let binary = config().join("../target/static/ue-agent");
        let mut child = Command::new(binary)
            .args(["--user", user, "--password", &format!("{name}-secret"), "--json", "--pcscf"])
            .arg(format!("{};transport=tcp", project.pcscf(domain)))
            .arg("run")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (sender, events) = channel();
        std::thread::spawn(move || {
            let read = lines.map_while(Result::ok).filter_map(|line| serde_json::from_str(&line).ok());
            // Whoever does not listen any more has what it wanted.
            let _ = read.into_iter().try_for_each(|event| sender.send(event));
        });
        Self { child: child.into(), events, said: RefCell::default(), ended: Cell::new(false) }
    }

    pub(crate) fn say(&self, line: &str) {
        let mut child = self.child.borrow_mut();
        writeln!(child.stdin.as_mut().unwrap(), "{line}").unwrap();
    }

    /// Whether such an event comes in that time.
    pub(crate) fn sees(&self, patience: Duration, is_it: impl Fn(&Value) -> bool) -> bool {
        self.next(patience, is_it).is_some()
    }

    /// The next such event; it must come.
    pub(crate) fn until(&self, what: &str, patience: Duration, is_it: impl Fn(&Value) -> bool) -> Value {
        self.next(patience, is_it).unwrap_or_else(|| panic!("{what} does not happen\n{}", self.said()))
    }

    fn next(&self, patience: Duration, is_it: impl Fn(&Value) -> bool) -> Option<Value> {
        let end = Instant::now() + patience;
        loop {
            let event = self.events.recv_timeout(end.saturating_duration_since(Instant::now())).ok()?;
            self.said.borrow_mut().push(event.to_string());
            if is_it(&event) {
                return Some(event);
            }
        }
    }

    /// Everything it has told.
    pub(crate) fn said(&self) -> String {
        self.said.borrow().join("\n")
    }

    /// Leaves the network.
    pub(crate) fn end(self) {
        self.say("quit");
        self.ended.set(true);
        assert!(self.child.borrow_mut().wait().unwrap().success());
    }
}

impl Drop for Ue {
    fn drop(&mut self) {
        if !self.ended.get() {
            let _ = self.child.borrow_mut().kill();
            let _ = self.child.borrow_mut().wait();
        }
    }
}
