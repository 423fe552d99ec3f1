//! A running network for people: addresses, accounts, and commands to paste.

use lab::{Account, Lab};
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

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

    /// Commands for the first two accounts at the first P-CSCF; `config/` lets the first one watch the second.
    fn commands(&self, f: &mut fmt::Formatter<'_>, [first, second]: [&Account; 2]) -> fmt::Result {
        let Some((_, pcscf)) = self.pcscfs.first() else { return Ok(()) };
        let Account { user, domain, impi, impu, password } = first;
        let watched = format!("{}@{}", second.user, second.domain);
        writeln!(f, "Softphones, for {user}; the password is {password}:")?;
        writeln!(
            f,
            "  baresip   <{impu}>;auth_user={impi};auth_pass={password};outbound=\"sip:{pcscf};lr\";regint=600"
        )?;
        writeln!(
            f,
            "  linphone  identity {impu}, user id {impi}, domain {domain}, proxy <sip:{pcscf};transport=udp>, route on"
        )?;
        writeln!(f, "Our own user agent, in two terminals:")?;
        let agent = self.lab.binaries().join("ue-agent");
        let agent = agent.display();
        for (account, host, what) in
            [(second, 102, "publish open --note here".to_owned()), (first, 101, format!("watch {watched}"))]
        {
            let Account { user, domain, password, .. } = account;
            let who = format!("--user {user}@{domain} --password {password}");
            let bind = self.lab.address(host);
            writeln!(f, "  {agent} {who} --pcscf {pcscf} --bind {bind} {what}")?;
        }
        self.sipp(f, (*pcscf, &watched))
    }

    /// The scenarios' own list of users says who is who: alice of home1.test.
    fn sipp(&self, f: &mut fmt::Formatter<'_>, (pcscf, watched): (SocketAddr, &str)) -> fmt::Result {
        let home1 = self.lab.accounts().first().is_some_and(|account| &*account.domain == "home1.test");
        let Some(scenarios) = self.scenarios.as_ref().filter(|_| home1) else { return Ok(()) };
        writeln!(f, "SIPp:")?;
        let users = scenarios.join("users.csv");
        let watch = format!(" -key watched {watched}");
        for (scenario, more) in [("register.xml", ""), ("publish.xml", ""), ("subscribe.xml", &*watch)] {
            let scenario = scenarios.join(scenario);
            let (scenario, users) = (scenario.display(), users.display());
            writeln!(f, "  sipp {pcscf} -sf {scenario} -inf {users} -i 127.0.0.1 -m 1{more}")?;
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
        if let [first, second, ..] = self.lab.accounts() {
            self.commands(f, [first, second])?;
        }
        write!(f, "\nCtrl-C ends it.")
    }
}
