//! A running network for people: addresses, accounts, and commands to paste.

use lab::{Account, Lab};
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

/// Host numbers, nobody else's, for tools started by hand.
const SIPP_HOST: u8 = 101;
const AGENT_HOST: u8 = 102;

/// What is shown of a lab.
pub(crate) struct Paste<'a> {
    lab: &'a Lab,
    pcscfs: Vec<(&'a str, SocketAddr)>,
    /// SIPp scenarios found beside the configuration.
    scenarios: Vec<PathBuf>,
}

impl<'a> Paste<'a> {
    pub(crate) fn new(lab: &'a Lab, config: &Path) -> Self {
        let pcscf = |name| lab.ue_address(name).map(|address| (name, address));
        let pcscfs = lab.nodes().filter_map(|node| pcscf(node.name)).collect();
        let entries = std::fs::read_dir(config.join("sipp")).into_iter().flatten().flatten();
        let mut scenarios: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        scenarios.retain(|path| path.extension().is_some_and(|extension| extension == "xml"));
        scenarios.sort();
        Self { lab, pcscfs, scenarios }
    }

    fn commands(&self, f: &mut fmt::Formatter<'_>, account: &Account, pcscf: SocketAddr) -> fmt::Result {
        let Account { user, domain, impi, impu, password } = account;
        let (own, sipp): (Ipv4Addr, Ipv4Addr) = (self.lab.address(AGENT_HOST), self.lab.address(SIPP_HOST));
        writeln!(f, "Softphones, for {user}; the password is {password}:")?;
        writeln!(
            f,
            "  baresip   <{impu}>;auth_user={impi};auth_pass={password};outbound=\"sip:{pcscf};lr\";regint=600"
        )?;
        writeln!(
            f,
            "  linphone  identity {impu}, user id {impi}, domain {domain}, proxy <sip:{pcscf};transport=udp>, route on"
        )?;
        writeln!(f, "Our own user agent:")?;
        writeln!(
            f,
            "  ue-agent --user {user}@{domain} --password {password} --pcscf {pcscf} --bind {own} watch carol@{domain}"
        )?;
        if !self.scenarios.is_empty() {
            writeln!(f, "SIPp:")?;
        }
        for scenario in &self.scenarios {
            let scenario = scenario.display();
            writeln!(f, "  sipp {pcscf} -sf {scenario} -i {sipp} -m 1 -s {user} -au {impi} -ap {password} -key domain {domain}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Paste<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\nThe network is up: {}/24, DNS {}", self.lab.address(0), self.lab.dns())?;
        writeln!(f, "Logs and operator sockets: {}\n", self.lab.directory().display())?;
        writeln!(f, "P-CSCFs, over UDP and TCP:")?;
        for (name, address) in &self.pcscfs {
            writeln!(f, "  {name:<10} {address}")?;
        }
        writeln!(f, "Accounts:")?;
        for Account { user, domain, password, .. } in self.lab.accounts() {
            writeln!(f, "  {:<18} {password}", format!("{user}@{domain}"))?;
        }
        if let (Some(account), Some((_, pcscf))) = (self.lab.accounts().first(), self.pcscfs.first()) {
            self.commands(f, account, *pcscf)?;
        }
        write!(f, "\nCtrl-C ends it.")
    }
}
