//! Who the agent is and how it reaches its network: from the command line, and from a file behind it.
//!
//! ```toml
//! pcscf = "127.0.10.11:5060"
//!
//! [accounts."alice@home1.test"]
//! password = "alice-secret"
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
    pub(crate) recording: Option<PathBuf>,
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
    recording: Option<PathBuf>,
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
        let account = account(who, &file)?;
        let pcscf = who.pcscf.as_deref().or(file.pcscf.as_deref()).ok_or(BadSetup::Missing("pcscf"))?;
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
            recording: who.recording.clone().or(file.recording),
            form: arguments.form(),
        })
    }
}

fn interval(key: &'static str, seconds: Option<u32>) -> Result<Option<u32>, BadSetup> {
    if seconds == Some(0) { Err(BadSetup::Interval(key)) } else { Ok(seconds) }
}

fn account(who: &Who, file: &File) -> Result<Account, BadSetup> {
    let only = || file.accounts.keys().next().filter(|_| file.accounts.len() == 1);
    let user = who.user.as_ref().or_else(only).ok_or(BadSetup::Missing("user"))?;
    let kept = file.accounts.get(user);
    let path = who.password_file.as_ref().or_else(|| kept.and_then(|kept| kept.password_file.as_ref()));
    let password = match (&who.password, path, kept.and_then(|kept| kept.password.as_ref())) {
        (Some(password), _, _) => password.clone(),
        (None, _, Some(password)) if who.password_file.is_none() => password.clone(),
        (None, Some(path), _) => first_line(path)?,
        (None, None, _) => return Err(BadSetup::Missing("password")),
    };
    let impi = who.impi.as_deref().or_else(|| kept.and_then(|kept| kept.impi.as_deref()));
    Account::new(user, impi, Password::new(&password)).map_err(BadSetup::Account)
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
    fn a_file_says_what_the_command_line_does_not() {
        let file: File = toml::from_str(
            "pcscf = '127.0.0.9'\n[accounts.'alice@home1.test']\npassword = 'p'\nimpi = 'alice'\n",
        )
        .unwrap();
        let who = |line: &str| {
            let words = ["ue-agent"].into_iter().chain(line.split_whitespace());
            Arguments::try_parse_from(words).unwrap().who
        };
        let kept = account(&who("options"), &file).unwrap();
        assert_eq!((kept.impu().as_str(), kept.impi()), ("sip:alice@home1.test", "alice"));
        let other = account(&who("--user bob@home2.test --password q options"), &file).unwrap();
        assert_eq!(other.impi(), "bob@home2.test");
        assert!(toml::from_str::<File>("pcsf = 'x'").is_err());
        assert!(!format!("{file:?}").contains("'p'"));
    }
}
