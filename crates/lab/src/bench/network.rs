//! The network that is measured: the usual one, with many subscribers and a presence server that listens to us.

use crate::error::LabError;
use crate::lab::{Lab, Options};
use crate::plan::ShortMessages;
use ims_runtime::ctl::CtlAnswer;
use std::fmt::Write as _;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// The domain that is measured.
pub(crate) const DOMAIN: &str = "home1.test";
/// The host whose address the users have; the presence server takes its word, and nobody else does.
pub(crate) const HOST: u8 = 201;
/// The first port of the users; each has one of its own, and so a flow of its own.
const FIRST_PORT: u16 = 10_000;
/// As many users as there are ports.
pub(crate) const MAX_USERS: u16 = 50_000;

/// Subscribers in one file: about 200 bytes each, and the HSS reads 1 MiB.
const IN_A_FILE: u16 = 4000;

/// The name of a user.
pub(crate) fn name(number: u16) -> String {
    format!("u{number:05}")
}

/// The number of a user's phone without SIP.
pub(crate) fn number(of: u16) -> String {
    format!("+1555{:07}", of)
}

/// The port of a user.
pub(crate) const fn port(number: u16) -> u16 {
    FIRST_PORT + number
}

/// Who watches this user; the last one is watched by the first.
const fn watcher(number: u16, users: u16) -> u16 {
    if number + 1 < users { number + 1 } else { 0 }
}

/// Whom this user watches.
pub(crate) const fn watched(number: u16, users: u16) -> u16 {
    if number > 0 { number - 1 } else { users.saturating_sub(1) }
}

/// By what the nodes speak to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Between {
    /// By the zones of `config/zones/udp`.
    Udp,
    /// As the zones of `config/zones` say.
    Tcp,
}

/// As [`up`], with this transport between the nodes.
pub(crate) async fn up_by(
    between: Between,
    config: &Path,
    binaries: Option<PathBuf>,
    users: u16,
) -> Result<Lab, LabError> {
    if between == Between::Tcp {
        return up(config, binaries, users).await;
    }
    let place = tempfile::Builder::new().prefix("muster-bench-").tempdir();
    let place = place.map_err(LabError::at(&std::env::temp_dir()))?;
    copy(config, place.path())?;
    let zones = place.path().join("zones");
    let by_udp = zones.join("udp");
    for zone in std::fs::read_dir(&by_udp).map_err(LabError::at(&by_udp))?.flatten() {
        std::fs::copy(zone.path(), zones.join(zone.file_name())).map_err(LabError::at(&zone.path()))?;
    }
    up(place.path(), binaries, users).await
}

/// Files and folders.
fn copy(from: &Path, to: &Path) -> Result<(), LabError> {
    for entry in std::fs::read_dir(from).map_err(LabError::at(from))?.flatten() {
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            std::fs::create_dir(&target).map_err(LabError::at(&target))?;
            copy(&path, &target)?;
        } else {
            std::fs::copy(&path, &target).map_err(LabError::at(&path))?;
        }
    }
    Ok(())
}

/// Brings it up with this many users.
pub(crate) async fn up(config: &Path, binaries: Option<PathBuf>, users: u16) -> Result<Lab, LabError> {
    up_with(config, binaries, users, ShortMessages::None).await
}

/// As [`up`]; with short messages each user has a number.
pub(crate) async fn up_with(
    config: &Path,
    binaries: Option<PathBuf>,
    users: u16,
    messages: ShortMessages,
) -> Result<Lab, LabError> {
    let place = tempfile::Builder::new().prefix("muster-bench-").tempdir();
    let place = place.map_err(LabError::at(&std::env::temp_dir()))?;
    let (overlay, rules) = (place.path().join("overlay"), place.path().join("rules"));
    for directory in [&overlay, &rules] {
        std::fs::create_dir(directory).map_err(LabError::at(directory))?;
    }
    for number in 0..users {
        let file = rules.join(format!("{}@{DOMAIN}.xml", name(number)));
        write(&file, &rules_of(&name(watcher(number, users))))?;
    }
    write(&overlay.join("ps1.toml"), &presence_server(&rules))?;
    if messages == ShortMessages::Lab {
        write(&overlay.join("gateway1.toml"), "[sms_gateway.rate]\nburst = 1000\n")?;
    }
    // The rules are read at the start and not again.
    let lab =
        Lab::up(Options { overlays: vec![overlay], binaries, messages, ..Options::new(config) }).await?;
    match subscribe_all(&lab, users, messages).await {
        Ok(()) => Ok(lab),
        Err(error) => {
            // The first failure is the one to tell.
            let _ = lab.down().await;
            Err(error)
        }
    }
}

/// Gives the HSS its subscribers, a part at a time: it reads no long files, and keeps what it has read.
async fn subscribe_all(lab: &Lab, users: u16, messages: ShortMessages) -> Result<(), LabError> {
    let file = lab.directory().join("config/subscribers-home1.toml");
    let usual = std::fs::read_to_string(&file).map_err(LabError::at(&file))?;
    for first in (0..users).step_by(usize::from(IN_A_FILE)) {
        let part = first..first.saturating_add(IN_A_FILE).min(users);
        write(&file, &format!("{usual}\n{}", subscribers(part, messages)))?;
        if let CtlAnswer::Refused(why) = lab.ctl("hss1", &["reload"]).await? {
            return Err(LabError::Refused { node: "hss1".into(), why: why.into() });
        }
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<(), LabError> {
    std::fs::write(path, text).map_err(LabError::at(path))
}

fn subscribers(part: Range<u16>, messages: ShortMessages) -> String {
    part.fold(String::new(), |mut text, user| {
        let name = name(user);
        let phone = match messages {
            ShortMessages::None | ShortMessages::Foreign => String::new(),
            ShortMessages::Lab => format!(", {{ impu = \"tel:{}\" }}", number(user)),
        };
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "[account.{name}]\nimpis = [\"{name}@{DOMAIN}\"]\npassword = \"{name}-secret\"\nalgorithms = [\"MD5\"]\n\
             profile = \"presence\"\nsets = [[{{ impu = \"sip:{name}@{DOMAIN}\" }}{phone}]]"
        );
        text
    })
}

fn presence_server(rules: &Path) -> String {
    format!(
        "[node]\npeers = [{{ addresses = [\"127.0.10.14\", \"127.0.10.15\", \"127.0.10.18\", \"127.0.10.{HOST}\"] }}]\n\
         [presence_server]\nrules_dir = {:?}\ndefault_action = \"allow\"\n\
         [presence_server.limits]\nsubscriptions = 200000\nsubscriptions_per_presentity = 20000\npresentities = 500000\n",
        rules.to_string_lossy()
    )
}

fn rules_of(watcher: &str) -> String {
    format!(
        "<cp:ruleset xmlns:cp=\"urn:ietf:params:xml:ns:common-policy\" xmlns:pr=\"urn:ietf:params:xml:ns:pres-rules\">\
         <cp:rule id=\"one\"><cp:conditions><cp:identity><cp:one id=\"sip:{watcher}@{DOMAIN}\"/></cp:identity>\
         </cp:conditions><cp:actions><pr:sub-handling>allow</pr:sub-handling></cp:actions><cp:transformations>\
         <pr:provide-services><pr:all-services/></pr:provide-services><pr:provide-all-attributes/>\
         </cp:transformations></cp:rule></cp:ruleset>"
    )
}
