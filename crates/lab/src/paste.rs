//! A running network for people: addresses, accounts, and commands to paste.

use lab::{Account, Lab};
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// An address, nobody else's, for an agent started by hand.
const AGENT_HOST: u8 = 101;

/// What is shown of a lab.
pub(crate) struct Paste<'a> {
    lab: &'a Lab,
    pcscfs: Vec<(&'a str, SocketAddr)>,
    /// The directory of the SIPp scenarios, in a checkout.
    scenarios: Option<PathBuf>,
}

impl<'a> Paste<'a> {
    pub(crate) fn new(lab: &'a Lab, config: &Path) -> Self {
        let pcscf = |name| lab.ue_address(name).map(|address| (name, address));
        let pcscfs = lab.nodes().filter_map(|node| pcscf(node.name)).collect();
        let scenarios = config.parent().map(|top| top.join("scripts/sipp")).filter(|path| path.is_dir());
        Self { lab, pcscfs, scenarios }
    }

    fn commands(&self, f: &mut fmt::Formatter<'_>, account: &Account, pcscf: SocketAddr) -> fmt::Result {
        let Account { user, domain, impi, impu, password } = account;
        let own = self.lab.address(AGENT_HOST);
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
        let Some(scenarios) = &self.scenarios else { return Ok(()) };
        writeln!(f, "SIPp:")?;
        for (scenario, more) in
            [("register", ""), ("publish", ""), ("subscribe", " -key watched carol@home1.test")]
        {
            let scenario = scenarios.join(scenario);
            let users = scenarios.join("users.csv");
            let (scenario, users) = (scenario.display(), users.display());
            writeln!(f, "  sipp {pcscf} -sf {scenario}.xml -inf {users} -i 127.0.0.1 -m 1{more}")?;
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
