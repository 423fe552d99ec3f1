//! A running network for people: addresses, accounts, and commands to paste.

use lab::{Account, Lab};
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// What is shown of a lab.
pub(crate) struct Paste<'a> {
    lab: &'a Lab,
    /// By their names.
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

    /// Commands for the first account, who watches the second one and the first one of another domain; `config/` lets it.
    fn commands(&self, f: &mut fmt::Formatter<'_>, [first, second]: [&Account; 2]) -> fmt::Result {
        let Some(pcscf) = self.pcscf(first) else { return Ok(()) };
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
        let abroad = self.lab.accounts().iter().find(|account| account.domain != *domain);
        let both = abroad.map(|account| format!(" {}@{}", account.user, account.domain)).unwrap_or_default();
        writeln!(f, "Our own user agent, each in a terminal of its own:")?;
        for (account, host) in [Some(second), abroad].into_iter().flatten().zip(102..) {
            self.agent(f, account, host, "publish open --note here")?;
        }
        self.agent(f, first, 101, &format!("watch {watched}{both}"))?;
        if let Some(other) = self.other_pcscf(first) {
            writeln!(
                f,
                "The same, taking commands; `move {other}` is one while it runs, `help` lists the rest:"
            )?;
            self.agent(f, first, 101, "run")?;
        }
        self.sipp(f, pcscf, &watched)
    }

    fn agent(&self, f: &mut fmt::Formatter<'_>, account: &Account, host: u8, what: &str) -> fmt::Result {
        let Some(pcscf) = self.pcscf(account) else { return Ok(()) };
        let Account { user, domain, password, .. } = account;
        let (agent, bind) = (self.lab.binaries().join("ue-agent"), self.lab.address(host));
        let agent = agent.display();
        writeln!(
            f,
            "  {agent} --user {user}@{domain} --password {password} --pcscf {pcscf} --bind {bind} {what}"
        )
    }

    /// The first P-CSCF of the account's domain.
    fn pcscf(&self, account: &Account) -> Option<SocketAddr> {
        self.lab.ue_address(self.lab.pcscf_of(&account.domain).ok()?)
    }

    /// One to move to.
    fn other_pcscf(&self, account: &Account) -> Option<SocketAddr> {
        let of_domain = self.lab.nodes().filter(|node| node.domain == Some(&account.domain));
        of_domain.filter_map(|node| self.lab.ue_address(node.name)).nth(1)
    }

    /// The scenarios' own list of users says who is who: alice of home1.test.
    fn sipp(&self, f: &mut fmt::Formatter<'_>, pcscf: SocketAddr, watched: &str) -> fmt::Result {
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
        if self.lab.smsc().is_some() {
            writeln!(f, "A phone without SIP, frank's; what it is answered is printed here:")?;
            writeln!(
                f,
                "  {} sms +15550106 busy 2h in a meeting",
                self.lab.binaries().join("lab").display()
            )?;
        }
        if let [first, second, ..] = self.lab.accounts() {
            self.commands(f, [first, second])?;
        }
        write!(f, "\nCtrl-C ends it.")
    }
}
