//! A project of docker-compose.yml that no other one meets.

use super::engine::{self, Compose, docker};
use super::support::config;
use figure::Recording;
use lab::{Party, recordings};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The nodes, in the order in which a test visits them.
pub(crate) const NODES: [&str; 15] = [
    "nameserver",
    "hss1",
    "ps1",
    "scscf1a",
    "scscf1b",
    "icscf1",
    "pcscf1a",
    "pcscf1b",
    "hss2",
    "ps2",
    "scscf2a",
    "scscf2b",
    "icscf2",
    "pcscf2a",
    "pcscf2b",
];
/// Those that meet the other operator's.
pub(crate) const BORDER: [&str; 6] = ["scscf1a", "scscf1b", "icscf1", "scscf2a", "scscf2b", "icscf2"];
/// Where docker-compose.yml puts its networks.
const WRITTEN: &str = "10.77.";
/// How long nodes may take to become healthy on a machine that is busy.
const HEALTHY: Duration = Duration::from_secs(90);

/// A copy of the project with its own name, addresses, ports and image, whose nodes record. Dropped, it is taken down.
#[derive(Debug)]
pub(crate) struct Project {
    compose: Compose,
    name: String,
    directory: TempDir,
    network: String,
    ports: [u16; 2],
}

impl Project {
    /// Builds the image; why nothing can be tested, if that is so.
    pub(crate) fn new() -> Result<Self, &'static str> {
        let compose = engine::find()?;
        let binaries = root().join("target/static");
        if !binaries.join("pcscf").exists() {
            return Err("there are no static binaries: scripts/static-binaries target/static");
        }
        let second = (78..=250).find(|second| !engine::is_used(10, *second)).ok_or("no network is free")?;
        let project = Self {
            compose,
            name: format!("muster-test-{}", std::process::id()),
            directory: tempfile::tempdir().unwrap(),
            network: format!("10.{second}."),
            ports: [free_port(), free_port()],
        };
        project.write();
        project.docker_build();
        Ok(project)
    }

    fn write(&self) {
        let (from, to) = (root(), self.directory.path());
        self.copy(&from.join("config"), &to.join("config"));
        copy_files(&from.join("target/static"), &to.join("target/static"));
        let text = std::fs::read_to_string(from.join("docker-compose.yml")).unwrap();
        let text = self.moved(&text).replace("image: muster", &format!("image: {}", self.name));
        std::fs::write(to.join("docker-compose.yml"), text).unwrap();
        // Everybody may write there: the nodes run as nobody in particular.
        let recordings = to.join("recordings");
        std::fs::create_dir(&recordings).unwrap();
        let everybody = std::os::unix::fs::PermissionsExt::from_mode(0o777);
        std::fs::set_permissions(&recordings, everybody).unwrap();
        let mut more = "services:\n".to_owned();
        for node in NODES.into_iter().filter(|node| records(node)) {
            let mount = format!("{}:/muster/recordings", recordings.display());
            more += &format!("  {node}: {{ volumes: [\"{mount}\"] }}\n");
            let file = to.join(format!("config/{node}.toml"));
            let text = std::fs::read_to_string(&file).unwrap();
            let section = format!("\n[node.recording]\nfile = \"/muster/recordings/{node}\"\n");
            std::fs::write(&file, text + &section).unwrap();
        }
        std::fs::write(to.join("recording.yml"), more).unwrap();
    }

    /// A copy of the folder, its networks moved.
    fn copy(&self, from: &Path, to: &Path) {
        std::fs::create_dir_all(to).unwrap();
        for entry in std::fs::read_dir(from).unwrap() {
            let (source, target) = entry.map(|entry| (entry.path(), to.join(entry.file_name()))).unwrap();
            if source.is_dir() {
                self.copy(&source, &target);
            } else {
                std::fs::write(&target, self.moved(&std::fs::read_to_string(&source).unwrap())).unwrap();
            }
        }
    }

    fn moved(&self, text: &str) -> String {
        text.replace(WRITTEN, &self.network)
    }

    fn docker_build(&self) {
        let folder = self.directory.path().to_str().unwrap();
        let file = format!("{folder}/config/docker/Dockerfile.prebuilt");
        docker(&["build", "-q", "-t", &self.name, "-f", &file, folder]);
    }

    /// Runs `docker compose` with these words; gives what it prints.
    pub(crate) fn compose(&self, words: &[&str]) -> String {
        let [first, second] = self.ports.map(|port| port.to_string());
        let mut command = self.compose.command();
        command.args(["-p", &self.name, "-f", "docker-compose.yml", "-f", "recording.yml"]).args(words);
        command.current_dir(self.directory.path()).env_remove("MUSTER_HOST");
        engine::run(command.env("MUSTER_HOME1_PORT", first).env("MUSTER_HOME2_PORT", second))
    }

    fn container(&self, node: &str) -> String {
        let labels = [format!("project={}", self.name), format!("service={node}")];
        let [project, service] = labels.map(|label| format!("label=com.docker.compose.{label}"));
        docker(&["ps", "-aq", "--filter", &project, "--filter", &service])
    }

    /// What the engine says of a node's container.
    pub(crate) fn inspect(&self, node: &str, format: &str) -> String {
        docker(&["inspect", "-f", format, &self.container(node)])
    }

    /// A file of the image, as a tar archive has it.
    pub(crate) fn file(&self, node: &str, path: &str) -> String {
        docker(&["cp", &format!("{}:{path}", self.container(node)), "-"])
    }

    pub(crate) fn wait_until_healthy(&self, nodes: &[&str]) {
        let end = Instant::now() + HEALTHY;
        for node in nodes {
            while self.inspect(node, "{{.State.Health.Status}}") != "healthy" {
                assert!(Instant::now() < end, "{node}: {}", self.compose(&["logs", "--tail", "20", node]));
                std::thread::sleep(Duration::from_millis(200));
            }
        }
    }

    /// Takes a node out of a network, and gives the address that it had.
    pub(crate) fn cut_off(&self, node: &str, network: &str) -> String {
        let network = format!("{}_{network}", self.name);
        let format = format!("{{{{(index .NetworkSettings.Networks \"{network}\").IPAddress}}}}");
        let address = self.inspect(node, &format);
        docker(&["network", "disconnect", &network, &self.container(node)]);
        address
    }

    /// Puts it back.
    pub(crate) fn join(&self, node: &str, network: &str, address: &str) {
        let network = format!("{}_{network}", self.name);
        docker(&["network", "connect", "--ip", address, &network, &self.container(node)]);
    }

    /// How many containers, networks or volumes of the project there are.
    pub(crate) fn left(&self, kind: &str) -> usize {
        let label = format!("label=com.docker.compose.project={}", self.name);
        let all: &[&str] = if kind == "container" { &["-a"] } else { &[] };
        docker(&[&[kind, "ls", "-q", "--filter", &label], all].concat()).lines().count()
    }

    /// Where users of this domain are published.
    pub(crate) fn pcscf(&self, domain: &str) -> String {
        let [first, second] = self.ports;
        format!("127.0.0.1:{}", if domain == "home1.test" { first } else { second })
    }

    /// What has crossed the sockets of all nodes.
    pub(crate) fn recording(&self) -> Recording {
        let folder = self.directory.path().join("recordings");
        let files: Vec<PathBuf> =
            NODES.into_iter().filter(|node| records(node)).map(|node| folder.join(node)).collect();
        let mut parties = Vec::new();
        for (domain, first) in [(1, 10), (2, 20)] {
            let mut add = |network: u8, host: u8, name: String, records| {
                let address = format!("{}{network}.{host}", self.network).parse().unwrap();
                parties.push(Party { address, name: name.into(), records });
            };
            let nodes = ["pcscf#a", "pcscf#b", "icscf#", "scscf#a", "scscf#b", "hss#", "ps#"];
            for (node, host) in nodes.into_iter().zip(first + 1..) {
                let name = node.replace('#', &domain.to_string());
                for network in [domain, 3, 10 + domain] {
                    add(network, host, name.clone(), records(&name));
                }
            }
            // Users are behind the published port.
            add(10 + domain, 1, format!("ue{domain}"), false);
        }
        recordings(files.iter().map(PathBuf::as_path), &parties).unwrap_or_else(|error| panic!("{error}"))
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        let mut command = self.compose.command();
        command.args(["-p", &self.name, "-f", "docker-compose.yml", "down", "-v", "--remove-orphans"]);
        let _ = command.current_dir(self.directory.path()).output();
        let _ = std::process::Command::new("docker").args(["rmi", "-f", &self.name]).output();
    }
}

fn root() -> PathBuf {
    config().parent().unwrap().canonicalize().unwrap()
}

fn records(node: &str) -> bool {
    !node.starts_with("hss") && node != "nameserver"
}

fn copy_files(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
