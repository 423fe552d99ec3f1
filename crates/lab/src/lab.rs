//! A network at work.

use crate::account::Account;
use crate::attachment::{Attachment, NodeLine};
use crate::error::LabError;
use crate::place::Place;
use crate::plan::{NodePlan, Plan, Role, ShortMessages};
use crate::process::{Ended, Launch, Process, beside_us};
use crate::record::Names;
use crate::smsc::{PHONE, Smsc};
use crate::subnet::{CONFIGURED, Subnet};
use crate::tape::Tape;
use ims_runtime::ctl::{self, CtlAnswer, Form};
use ims_runtime::recording::Recorder;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::mpsc;

/// Ends of processes that nobody has looked at yet; more than a lab has processes.
const ENDS: usize = 256;

/// The SMS-C in a recording.
const SMSC: &str = "smsc";

/// What kind of network to bring up.
#[derive(Debug, Clone)]
pub struct Options {
    /// The files of the nodes, such as the workspace's `config/`.
    pub config: PathBuf,
    /// The domains whose nodes are started.
    pub domains: Vec<Box<str>>,
    /// Where state, sockets and logs are kept, and stay; without it they pass with the lab.
    pub directory: Option<PathBuf>,
    /// Directories with files of settings that go over those of the nodes, the later ones over the earlier.
    pub overlays: Vec<PathBuf>,
    /// Whether the nodes record what crosses their sockets.
    pub record: bool,
    /// Whether phones without SIP take part.
    pub messages: ShortMessages,
    /// Where the binaries are; without it beside this program.
    pub binaries: Option<PathBuf>,
}

impl Options {
    /// home1.test alone, passing, not recorded.
    #[must_use]
    pub fn new(config: &Path) -> Self {
        Self {
            config: config.to_owned(),
            domains: vec!["home1.test".into()],
            directory: None,
            overlays: Vec::new(),
            record: false,
            messages: ShortMessages::None,
            binaries: None,
        }
    }
}

/// A network of real processes. [`Lab::down`] ends it; dropped, it kills its processes and removes its files.
#[derive(Debug)]
pub struct Lab {
    subnet: Subnet,
    plan: Plan,
    /// One for each node of the plan, in its order; none for one that was killed.
    processes: Vec<Option<Process>>,
    /// Processes that have ended without being asked.
    ended: mpsc::Receiver<Ended>,
    /// Where each process tells of its end.
    ends: mpsc::Sender<Ended>,
    tape: Tape,
    binaries: PathBuf,
    record: bool,
    place: Place,
    smsc: Option<Arc<Smsc>>,
}

impl Lab {
    /// Takes a free network, writes the configuration for it, starts every node and waits until all are ready.
    ///
    /// # Errors
    /// [`LabError`]; nothing is left running then.
    pub async fn up(options: Options) -> Result<Self, LabError> {
        let binaries = options.binaries.map_or_else(beside_us, Ok)?;
        let place = Place::take(options.directory.as_deref())?;
        let wanted = Plan::read(&options.config, &options.domains, options.messages)?;
        let last = place.last_network();
        let taken = || last.map_or(LabError::NoNetwork, |last| LabError::NetworkInUse(last.host(0)));
        let subnet = Subnet::take(&wanted.hosts(CONFIGURED), last).ok_or_else(taken)?;
        place.note_network(subnet.prefix())?;
        place.fill(&options.config, subnet.prefix(), &options.overlays)?;
        let plan = Plan::read(&place.config(), &options.domains, options.messages)?;
        let (ends, ended) = mpsc::channel(ENDS);
        let mut lab = Self {
            subnet,
            processes: plan.nodes.iter().map(|_| None).collect(),
            plan,
            ended,
            ends,
            tape: Tape::new(),
            binaries,
            record: options.record,
            place,
            smsc: None,
        };
        if lab.record {
            lab.prepare_recordings()?;
        }
        let started = match lab.start_smsc().await {
            Ok(()) => lab.start_all().await,
            Err(error) => Err(error),
        };
        match started {
            Ok(()) => Ok(lab),
            Err(error) => {
                // The first failure is the one to tell.
                let _ = lab.down().await;
                Err(error)
            }
        }
    }

    async fn start_smsc(&mut self) -> Result<(), LabError> {
        let Some(plan) = &self.plan.smsc else { return Ok(()) };
        let recorder = if self.record {
            let pipe = self.place.recording(SMSC);
            self.tape.listen(&pipe)?;
            Some(Recorder::open(&pipe, SMSC).map_err(LabError::at(&pipe))?)
        } else {
            None
        };
        let smsc = Smsc::start(plan.address, plan.esme(), recorder).await;
        self.smsc = Some(Arc::new(smsc.map_err(|error| LabError::NotStarted(SMSC.into(), error))?));
        Ok(())
    }

    /// The SMS-C, if phones without SIP take part.
    #[must_use]
    pub const fn smsc(&self) -> Option<&Arc<Smsc>> {
        self.smsc.as_ref()
    }

    /// Each node needs those of the roles before it, and starts when they are ready.
    async fn start_all(&mut self) -> Result<(), LabError> {
        let roles: Vec<_> = self.plan.nodes.iter().map(|node| node.role).collect();
        for group in roles.chunk_by(|a, b| a == b || (a.records() && b.records())) {
            let first = self.processes.iter().position(Option::is_none).unwrap_or_default();
            for at in first..first + group.len() {
                self.start(at)?;
            }
            for process in self.processes.iter_mut().skip(first).flatten() {
                process.ready().await?;
            }
        }
        Ok(())
    }

    fn start(&mut self, at: usize) -> Result<(), LabError> {
        let (Some(node), Some(process)) = (self.plan.nodes.get(at), self.processes.get_mut(at)) else {
            return Ok(());
        };
        let file = node.file.to_string_lossy();
        let launch = Launch {
            name: &node.name,
            binary: &self.binaries.join(node.role.binary()),
            arguments: vec!["run", "--exit-with-parent", "--config", &file],
            log: &self.place.log(&node.name),
        };
        *process = Some(Process::start(&launch, self.ends.clone())?);
        Ok(())
    }

    fn prepare_recordings(&mut self) -> Result<(), LabError> {
        for node in self.plan.nodes.iter().filter(|node| node.role.records()) {
            let pipe = self.place.recording(&node.name);
            self.tape.listen(&pipe)?;
            let section = format!("\n[node.recording]\nfile = {:?}\n", pipe.to_string_lossy());
            let file = OpenOptions::new().append(true).open(&node.file);
            file.and_then(|mut file| file.write_all(section.as_bytes())).map_err(LabError::at(&node.file))?;
        }
        Ok(())
    }

    /// The nodes, in the order of their start.
    pub fn nodes(&self) -> impl Iterator<Item = NodeLine<'_>> {
        self.plan.nodes.iter().zip(&self.processes).map(|(node, process)| NodeLine {
            name: &node.name,
            role: node.role,
            domain: node.domain.as_deref(),
            pid: process.as_ref().map(Process::pid),
            addresses: &node.addresses,
            ue_addresses: &node.ue_addresses,
            config: &node.file,
        })
    }

    /// Where UEs reach this node over UDP and TCP; none for a node that is no P-CSCF of this lab.
    #[must_use]
    pub fn ue_address(&self, node: &str) -> Option<SocketAddr> {
        self.plan.nodes.iter().find(|plan| *plan.name == *node)?.ue_addresses.get("udp")?.first().copied()
    }

    /// The first P-CSCF of a domain.
    ///
    /// # Errors
    /// When the domain is not of this lab.
    pub fn pcscf_of(&self, domain: &str) -> Result<&str, LabError> {
        let is_it = |node: &&NodePlan| node.role == Role::Pcscf && node.domain.as_deref() == Some(domain);
        let found = self.plan.nodes.iter().find(is_it);
        found.map(|node| &*node.name).ok_or_else(|| LabError::UnknownNode(domain.into()))
    }

    /// Everybody who can register.
    #[must_use]
    pub fn accounts(&self) -> &[Account] {
        &self.plan.accounts
    }

    /// The name server.
    #[must_use]
    pub const fn dns(&self) -> SocketAddr {
        self.plan.dns
    }

    /// An address of this network; hosts from 100 on are nobody's.
    #[must_use]
    pub const fn address(&self, host: u8) -> Ipv4Addr {
        self.subnet.prefix().host(host)
    }

    /// The directory with `config`, `run` and `log`.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.place.path()
    }

    /// The directory of the binaries.
    #[must_use]
    pub fn binaries(&self) -> &Path {
        &self.binaries
    }

    /// Everything another tool needs in order to use this network.
    #[must_use]
    pub fn attachment(&self) -> Attachment<'_> {
        Attachment {
            network: format!("{}/24", self.address(0)),
            directory: self.place.path(),
            dns: self.plan.dns,
            nodes: self.nodes().collect(),
            accounts: &self.plan.accounts,
        }
    }

    /// [`Lab::attachment`] as one line of JSON.
    #[must_use]
    pub fn json(&self) -> String {
        // Text, numbers and maps with text as keys: that always has a JSON form.
        serde_json::to_string(&self.attachment()).unwrap_or_default()
    }

    /// Kills a node, as `kill -9` does.
    ///
    /// # Errors
    /// When there is no such node.
    pub async fn kill(&mut self, node: &str) -> Result<(), LabError> {
        if let Some(process) = self.process(node)?.take() {
            process.kill().await;
        }
        Ok(())
    }

    /// Asks a node to end, as SIGTERM does, and waits until it has.
    ///
    /// # Errors
    /// When there is no such node.
    pub async fn end(&mut self, node: &str) -> Result<(), LabError> {
        if let Some(process) = self.process(node)?.take() {
            process.end().await;
        }
        Ok(())
    }

    /// Starts a node again, after killing it if it still runs, and waits until it is ready.
    ///
    /// # Errors
    /// When there is no such node, or when it does not become ready.
    pub async fn restart(&mut self, node: &str) -> Result<(), LabError> {
        self.kill(node).await?;
        let at = self.index(node)?;
        self.start(at)?;
        match self.process(node)? {
            Some(process) => process.ready().await,
            None => Ok(()),
        }
    }

    /// Sends an operator command to a node.
    ///
    /// # Errors
    /// When there is no such node, or it does not answer.
    pub async fn ctl(&self, node: &str, words: &[&str]) -> Result<CtlAnswer, LabError> {
        let at = self.index(node)?;
        let socket = self.plan.nodes.get(at).map(|node| &*node.ctl_socket).unwrap_or_else(|| Path::new(""));
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        ctl::ask(socket, Form::Text, &words).await.map_err(LabError::Ctl)
    }

    /// Waits for the next process that ends without being asked.
    pub async fn ended(&mut self) -> Option<Ended> {
        self.ended.recv().await
    }

    /// Ends every node, gently and then not, and removes the files.
    ///
    /// # Errors
    /// When the files cannot be removed.
    pub async fn down(mut self) -> Result<(), LabError> {
        // All are asked first, so that they end together; what still needs another one may find it gone.
        self.processes.iter_mut().flatten().for_each(Process::ask_to_end);
        for process in self.processes.drain(..).flatten() {
            process.end().await;
        }
        self.place.leave()
    }

    pub(crate) const fn tape(&self) -> &Tape {
        &self.tape
    }

    pub(crate) fn log(&self, name: &str) -> PathBuf {
        self.place.log(name)
    }

    /// The names of the nodes' addresses, and of these UEs.
    pub(crate) fn names<'a>(&self, ues: impl IntoIterator<Item = (IpAddr, &'a str)>) -> Names {
        let mut names = Names::default();
        for address in self.plan.listening() {
            if let Some(node) = self.plan.named(address.ip()) {
                names.add(address.ip(), &node.name, node.role.records());
            }
        }
        if let Some(smsc) = &self.smsc {
            names.add(smsc.address().ip(), SMSC, true);
            names.add(PHONE, "phone", false);
        }
        for (address, name) in ues {
            names.add(address, name, false);
        }
        names
    }

    fn index(&self, node: &str) -> Result<usize, LabError> {
        let is_it = |plan: &NodePlan| *plan.name == *node;
        self.plan.nodes.iter().position(is_it).ok_or_else(|| LabError::UnknownNode(node.into()))
    }

    fn process(&mut self, node: &str) -> Result<&mut Option<Process>, LabError> {
        let at = self.index(node)?;
        self.processes.get_mut(at).ok_or_else(|| LabError::UnknownNode(node.into()))
    }
}
