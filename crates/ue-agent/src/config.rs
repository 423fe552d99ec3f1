//! Who the agent is and how it reaches its network: from the command line, and from a file behind it.
//!
//! ```toml
//! pcscf = "127.0.10.11:5060"
//!
//! [accounts."alice@home1.test"]
//! password = "alice-secret"
//!
//! [accounts."bob@home2.test"]
//! password = "bob-secret"
//! pcscf = "127.0.10.21:5060"   # his own, in place of the one above
//! ```

use crate::cli::{Arguments, Who};
use serde::Deserialize;
use sip_message::{Transport, Uri};
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use ue_agent::{Account, BadAccount, Form, Instance, Password};

/// Bytes in a configuration or password file; of a longer one the rest is not read, and the first is refused.
const MAX_FILE_BYTES: usize = 64 * 1024;

/// Everything that is known before a socket is opened.
#[derive(Debug)]
pub(crate) struct Setup {
    pub(crate) account: Account,
    pub(crate) pcscf: PcscfName,
    pub(crate) bind: Bind,
    pub(crate) dns: Option<SocketAddr>,
    /// Otherwise it follows from user and own address.
    pub(crate) instance: Option<Instance>,
    pub(crate) registration_s: Option<u32>,
    pub(crate) subscription_s: Option<u32>,
    pub(crate) publication_s: Option<u32>,
    pub(crate) resubscribe_after_s: Option<u32>,
    pub(crate) keepalive_s: Option<u32>,
    pub(crate) recording: Option<PathBuf>,
    pub(crate) subscribe_reg: bool,
    pub(crate) form: Form,
}

/// The P-CSCF as it was named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PcscfName {
    pub(crate) uri: Uri,
    pub(crate) transport: Option<Transport>,
}

/// Which address of our own to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Bind {
    pub(crate) ip: Option<IpAddr>,
    pub(crate) port: Option<u16>,
}

/// The file; what stands on the command line goes before it.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    pcscf: Option<String>,
    bind: Option<String>,
    dns: Option<SocketAddr>,
    instance: Option<String>,
    registration_s: Option<u32>,
    subscription_s: Option<u32>,
    publication_s: Option<u32>,
    /// How long after a move old subscriptions serve before they are made anew.
    resubscribe_after_s: Option<u32>,
    /// How often the flow is kept alive, at least; 0 is never.
    keepalive_s: Option<u32>,
    recording: Option<PathBuf>,
    subscribe_reg: Option<bool>,
    /// By public identity.
    #[serde(default)]
    accounts: BTreeMap<String, FileAccount>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileAccount {
    password: Option<String>,
    password_file: Option<PathBuf>,
    impi: Option<String>,
    pcscf: Option<String>,
}

impl fmt::Debug for FileAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileAccount").field("impi", &self.impi).finish_non_exhaustive()
    }
}

/// What is wrong; always the user's to mend.
#[derive(Debug)]
pub(crate) enum BadSetup {
    Unreadable(PathBuf, io::Error),
    TooLong(PathBuf),
    Malformed(PathBuf, Box<toml::de::Error>),
    Missing(&'static str),
    /// The file has no such account; the file, who was wanted, and those that it has.
    NoAccount(PathBuf, Box<str>, Box<str>),
    Account(BadAccount),
    Pcscf,
    Bind,
    Instance,
    Interval(&'static str),
    DnsNeeded,
}

impl fmt::Display for BadSetup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(path, error) => write!(f, "{}: {error}", path.display()),
            Self::TooLong(path) => write!(f, "{}: longer than {MAX_FILE_BYTES} bytes", path.display()),
            Self::Malformed(path, error) => write!(f, "{}: {}", path.display(), error.to_string().trim_end()),
            Self::Missing(what) => write!(f, "{what} is needed, on the command line or in the file"),
            Self::NoAccount(path, user, known) => write!(
                f,
                "there is no account {user} in {}, which has {known}; for another one give its password",
                path.display()
            ),
            Self::Account(error) => error.fmt(f),
            Self::Pcscf => f.write_str("pcscf must be HOST[:PORT], with ;transport=tcp where TCP is wanted"),
            Self::Bind => f.write_str("bind must be IP or IP:PORT, and no wildcard"),
            Self::Instance => f.write_str("instance must be a URN: urn:uuid:..."),
            Self::Interval(key) => write!(f, "{key} must be at least 1"),
            Self::DnsNeeded => f.write_str("a P-CSCF with a name needs dns, the address of a name server"),
        }
    }
}

impl Setup {
    /// Reads the files that the arguments name, and checks everything.
    pub(crate) fn read(arguments: &Arguments) -> Result<Self, BadSetup> {
        let who = &arguments.who;
        let file = match &who.config {
            Some(path) => load(path)?,
            None => File::default(),
        };
        let (account, kept) = account(who, &file)?;
        let kept = kept.and_then(|kept| kept.pcscf.as_deref()).or(file.pcscf.as_deref());
        let pcscf = who.pcscf.as_deref().or(kept).ok_or(BadSetup::Missing("pcscf"))?;
        let pcscf = PcscfName::parse(pcscf).ok_or(BadSetup::Pcscf)?;
        let dns = who.dns.or(file.dns);
        if pcscf.uri.host().and_then(|host| host.address()).is_none() && dns.is_none() {
            return Err(BadSetup::DnsNeeded);
        }
        let bind_text = who.bind.as_deref().or(file.bind.as_deref());
        let bind = bind_text.map_or_else(|| Some(Bind::default()), Bind::parse).ok_or(BadSetup::Bind)?;
        let instance = match who.instance.as_deref().or(file.instance.as_deref()) {
            Some(text) => Some(Instance::given(text).ok_or(BadSetup::Instance)?),
            None => None,
        };
        let registration_s = interval("registration_s", who.registration_s.or(file.registration_s))?;
        Ok(Self {
            account,
            pcscf,
            bind,
            dns,
            instance,
            registration_s,
            subscription_s: interval("subscription_s", file.subscription_s)?,
            publication_s: interval("publication_s", file.publication_s)?,
            resubscribe_after_s: who.resubscribe_after_s.or(file.resubscribe_after_s),
            keepalive_s: who.keepalive_s.or(file.keepalive_s),
            recording: who.recording.clone().or(file.recording),
            subscribe_reg: file.subscribe_reg.unwrap_or(true),
            form: arguments.form(),
        })
    }
}

fn interval(key: &'static str, seconds: Option<u32>) -> Result<Option<u32>, BadSetup> {
    if seconds == Some(0) { Err(BadSetup::Interval(key)) } else { Ok(seconds) }
}

/// The account that is asked for, and what the file has of it.
fn account<'a>(who: &Who, file: &'a File) -> Result<(Account, Option<&'a FileAccount>), BadSetup> {
    let (user, kept) = file.find(who.user.as_deref()).ok_or(BadSetup::Missing("user"))?;
    let path = who.password_file.as_ref().or_else(|| kept.and_then(|kept| kept.password_file.as_ref()));
    let password = match (&who.password, path, kept.and_then(|kept| kept.password.as_ref())) {
        (Some(password), _, _) => password.clone(),
        (None, _, Some(password)) if who.password_file.is_none() => password.clone(),
        (None, Some(path), _) => first_line(path)?,
        (None, None, _) => {
            let unknown = who.config.as_ref().filter(|_| kept.is_none() && !file.accounts.is_empty());
            let known = || file.accounts.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
            return Err(match unknown {
                Some(path) => BadSetup::NoAccount(path.clone(), user.into(), known().into()),
                None => BadSetup::Missing("password"),
            });
        }
    };
    let impi = who.impi.as_deref().or_else(|| kept.and_then(|kept| kept.impi.as_deref()));
    let account = Account::new(&user, impi, Password::new(&password)).map_err(BadSetup::Account)?;
    Ok((account, kept))
}

impl File {
    /// Who `wanted` is: an account by its identity, or by its name where no other one has it; without it the only
    /// account there is. One that the file does not have is taken as it stands.
    fn find(&self, wanted: Option<&str>) -> Option<(String, Option<&FileAccount>)> {
        let named = |wanted: &str| {
            let mut named = self
                .accounts
                .iter()
                .filter(move |(user, _)| user.split_once('@').is_some_and(|(name, _)| name == wanted));
            named.next().filter(|_| named.next().is_none())
        };
        let found = match wanted {
            Some(wanted) => self.accounts.get_key_value(wanted).or_else(|| named(wanted)),
            None => self.accounts.iter().next().filter(|_| self.accounts.len() == 1),
        };
        match found {
            Some((user, kept)) => Some((user.clone(), Some(kept))),
            None => wanted.map(|wanted| (wanted.to_owned(), None)),
        }
    }
}

fn load(path: &Path) -> Result<File, BadSetup> {
    let mut file: File = toml::from_str(&text(path)?)
        .map_err(|error| BadSetup::Malformed(path.to_owned(), Box::new(error)))?;
    // A relative path is relative to the directory of the file that names it.
    let directory = path.parent().unwrap_or_else(|| Path::new(""));
    let of_accounts = file.accounts.values_mut().filter_map(|account| account.password_file.as_mut());
    for path in of_accounts.chain(file.recording.as_mut()) {
        *path = directory.join(&*path);
    }
    Ok(file)
}

fn text(path: &Path) -> Result<String, BadSetup> {
    let text = std::fs::read_to_string(path).map_err(|error| BadSetup::Unreadable(path.to_owned(), error))?;
    if text.len() > MAX_FILE_BYTES { Err(BadSetup::TooLong(path.to_owned())) } else { Ok(text) }
}

fn first_line(path: &Path) -> Result<String, BadSetup> {
    Ok(text(path)?.lines().next().unwrap_or_default().to_owned())
}

impl PcscfName {
    /// A P-CSCF called by its name, which only DNS can find; without dots it is of the home domain, on the port of UEs.
    pub(crate) fn called(text: &str, domain: &str) -> Option<Self> {
        let name =
            Self::parse(text).filter(|name| name.uri.host().is_some_and(|host| host.address().is_none()))?;
        if name.uri.host_text().contains('.') {
            return Some(name);
        }
        let port = name.uri.port().unwrap_or(5060);
        let uri = Uri::parse(&format!("sip:{}.{domain}:{port}", name.uri.host_text())).ok()?;
        Some(Self { uri, ..name })
    }

    fn parse(text: &str) -> Option<Self> {
        let uri = Uri::parse(&format!("sip:{}", text.strip_prefix("sip:").unwrap_or(text))).ok()?;
        let transport = match uri.params().get("transport") {
            Some(token) => Some(Transport::from_token(token)?),
            None => None,
        };
        (uri.user().is_none() && uri.headers().is_none()).then_some(Self { uri, transport })
    }
}

impl Bind {
    fn parse(text: &str) -> Option<Self> {
        let (ip, port) = match (text.parse::<IpAddr>(), text.parse::<SocketAddr>()) {
            (Ok(ip), _) => (ip, None),
            (Err(_), Ok(address)) => (address.ip(), Some(address.port()).filter(|port| *port > 0)),
            (Err(_), Err(_)) => return None,
        };
        (!ip.is_unspecified()).then_some(Self { ip: Some(ip), port })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser as _;

    fn setup(line: &str) -> Result<Setup, String> {
        let words = ["ue-agent"].into_iter().chain(line.split_whitespace());
        let arguments = Arguments::try_parse_from(words).map_err(|error| error.to_string())?;
        Setup::read(&arguments).map_err(|error| error.to_string())
    }

    const ALICE: &str = "--user alice@home1.test --password x --pcscf 127.0.10.11:5060";

    #[test]
    fn the_command_line_alone_is_enough() {
        let setup = setup(&format!("{ALICE};transport=tcp --bind 127.0.10.31 options")).unwrap();
        assert_eq!(setup.account.impi(), "alice@home1.test");
        assert_eq!(setup.pcscf.transport, Some(Transport::Tcp));
        assert_eq!(setup.bind, Bind { ip: Some("127.0.10.31".parse().unwrap()), port: None });
        assert_eq!(setup.instance, None);
    }

    #[test]
    fn an_account_that_the_file_does_not_have_is_said_to_be_none() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("ue.toml");
        let text = "pcscf = \"127.0.0.1\"\n[accounts.\"alice@home1.test\"]\npassword = \"x\"\n";
        std::fs::write(&file, text).unwrap();
        let line = |user: &str| format!("--config {} --user {user} options", file.display());
        assert!(setup(&line("alice")).is_ok());
        let error = setup(&line("zed")).unwrap_err();
        assert!(
            error.starts_with("there is no account zed in ") && error.contains("alice@home1.test"),
            "{error}"
        );
    }

    #[test]
    fn what_is_refused_and_why() {
        for (line, why) in [
            ("options", "user is needed"),
            ("--user alice@home1.test --password x options", "pcscf is needed"),
            ("--user alice@home1.test --pcscf 127.0.0.1 options", "password is needed"),
            ("--user alice --password x --pcscf 127.0.0.1 options", "must be name@domain"),
            ("--user alice@home1.test --password x --pcscf pcscf1a.home1.test options", "needs dns"),
            (
                "--user alice@home1.test --password x --pcscf 127.0.0.1;transport=sctp options",
                "pcscf must be",
            ),
            ("--user alice@home1.test --password x --pcscf a@127.0.0.1 options", "pcscf must be"),
            (&format!("{ALICE} --bind 0.0.0.0 options"), "bind must be"),
            (&format!("{ALICE} --expires 0 options"), "registration_s must be at least 1"),
            (&format!("{ALICE} --instance alice options"), "instance must be a URN"),
            (&format!("{ALICE} --config /nowhere/at/all.toml options"), "/nowhere/at/all.toml"),
            (&format!("{ALICE} --password-file x options"), "cannot be used with"),
            (ALICE, "subcommand"),
        ] {
            let error = setup(line).unwrap_err();
            assert!(error.contains(why), "{line}: {error}");
        }
    }

    #[test]
    fn a_pcscf_called_by_a_short_name_is_of_the_home_domain() {
        let called = |text| PcscfName::called(text, "home1.test").map(|name| name.uri.as_str().to_owned());
        assert_eq!(called("pcscf1b").as_deref(), Some("sip:pcscf1b.home1.test:5060"));
        assert_eq!(called("pcscf1b:5070").as_deref(), Some("sip:pcscf1b.home1.test:5070"));
        assert_eq!(called("p.home2.test").as_deref(), Some("sip:p.home2.test"));
        assert_eq!(called("127.0.10.12"), None);
        assert_eq!(called("a@p.home2.test"), None);
        let tcp = PcscfName::called("pcscf1b;transport=tcp", "home1.test").unwrap();
        assert_eq!(tcp.transport, Some(Transport::Tcp));
    }

    #[test]
    fn an_account_of_the_file_has_its_own_pcscf_and_is_known_by_its_name_alone() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let accounts = ["alice@home1.test", "bob@home2.test", "dave@home1.test", "dave@home2.test"];
        let mut text = "pcscf = '127.0.0.1'\n".to_owned();
        for account in accounts {
            text += &format!("[accounts.'{account}']\npassword = 'p'\n");
        }
        let text = text.replace("'bob@home2.test']\n", "'bob@home2.test']\npcscf = '127.0.0.2'\n");
        std::fs::write(file.path(), text).unwrap();
        let config = format!("--config {}", file.path().display());
        for (line, user, pcscf) in [
            ("--user alice", "sip:alice@home1.test", "sip:127.0.0.1"),
            ("--user bob", "sip:bob@home2.test", "sip:127.0.0.2"),
            ("--user bob@home2.test", "sip:bob@home2.test", "sip:127.0.0.2"),
            ("--user bob --pcscf 127.0.0.3", "sip:bob@home2.test", "sip:127.0.0.3"),
            ("--user dave@home2.test", "sip:dave@home2.test", "sip:127.0.0.1"),
        ] {
            let setup = setup(&format!("{config} {line} options")).unwrap();
            assert_eq!((setup.account.impu().as_str(), setup.pcscf.uri.as_str()), (user, pcscf), "{line}");
        }
        assert!(setup(&format!("{config} --user dave options")).is_err(), "there are two");
        assert!(setup(&format!("{config} options")).is_err(), "there are several");
    }

    #[test]
    fn a_file_says_what_the_command_line_does_not() {
        let file: File = toml::from_str(
            "pcscf = '127.0.0.9'\n[accounts.'alice@home1.test']\npassword = 'p'\nimpi = 'alice'\n",
        )
        .unwrap();
        let who = |line: &str| {
            let words = ["ue-agent"].into_iter().chain(line.split_whitespace());
            Arguments::try_parse_from(words).unwrap().who
        };
        let (kept, _) = account(&who("options"), &file).unwrap();
        assert_eq!((kept.impu().as_str(), kept.impi()), ("sip:alice@home1.test", "alice"));
        let (other, _) = account(&who("--user bob@home2.test --password q options"), &file).unwrap();
        assert_eq!(other.impi(), "bob@home2.test");
        let (short, _) = account(&who("--user alice options"), &file).unwrap();
        assert_eq!(short.impu().as_str(), "sip:alice@home1.test");
        assert!(toml::from_str::<File>("pcsf = 'x'").is_err());
        assert!(!format!("{file:?}").contains("'p'"));
    }
}
