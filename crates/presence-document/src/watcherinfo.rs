//! Watcher information: who watches a presentity, told to itself (RFC 3857 and RFC 3858).

use crate::info::{InfoError, number, required, text, with_those_there};
use crate::namespace::WATCHERINFO;
use crate::words::{InfoState, words};
use crate::xml::{self, Binding, Element, Limits};

/// Bytes of one watcher information document that is read; a longer one is refused.
pub const MAX_WATCHERINFO_BYTES: usize = 1024 * 1024;

/// Elements of one watcher information document that is read; one with more is refused.
pub const MAX_WATCHERINFO_ELEMENTS: usize = 8192;

/// A watcher information document (`application/watcherinfo+xml`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatcherInfo {
    /// 0 in a subscription's first document, one more in each that follows (RFC 3858 §3).
    pub version: u32,
    /// Whether watchers that are not listed are gone or unchanged.
    pub state: InfoState,
    /// One list for each watched resource and package.
    pub lists: Vec<WatcherList>,
}

/// The watchers of one resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatcherList {
    /// The URI that is watched.
    pub resource: Box<str>,
    /// The event package, such as `presence`.
    pub package: Box<str>,
    /// Those who watch.
    pub watchers: Vec<WatcherEntry>,
}

/// One subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatcherEntry {
    /// Who watches.
    pub uri: Box<str>,
    /// Names the subscription within these documents; a token.
    pub id: Box<str>,
    /// Its state.
    pub status: WatcherStatus,
    /// What brought it there.
    pub event: WatcherEvent,
    /// What the watcher calls itself.
    pub display_name: Option<Box<str>>,
    /// Seconds until the subscription expires.
    pub expiration_s: Option<u64>,
    /// Seconds since it was made.
    pub duration_subscribed_s: Option<u64>,
}

words!(
    /// The states of a subscription (RFC 3857 §4.7.1).
    WatcherStatus {
        /// Waits for the presentity's decision.
        Pending = "pending",
        /// Receives presence.
        Active = "active",
        /// Ended while pending; the presentity may still decide (PRS-13).
        Waiting = "waiting",
        /// Ended.
        Terminated = "terminated",
    }
);

words!(
    /// What moves a subscription from state to state (RFC 3857 §4.7.1).
    WatcherEvent {
        /// It was made.
        Subscribe = "subscribe",
        /// The presentity allowed it.
        Approved = "approved",
        /// Ended, to be made again at once, perhaps elsewhere.
        Deactivated = "deactivated",
        /// Ended, to be made again later.
        Probation = "probation",
        /// The presentity refused it.
        Rejected = "rejected",
        /// It was not refreshed.
        Timeout = "timeout",
        /// No decision came.
        Giveup = "giveup",
        /// The resource is gone.
        Noresource = "noresource",
    }
);

impl WatcherInfo {
    /// Reads a document. What is not in its namespace is ignored (RFC 3858 §3).
    ///
    /// # Errors
    /// [`InfoError`] says what the notifier did wrong.
    pub fn parse(bytes: &[u8]) -> Result<Self, InfoError> {
        let limits = Limits { bytes: MAX_WATCHERINFO_BYTES, elements: MAX_WATCHERINFO_ELEMENTS };
        let root = xml::parse(bytes, &limits).map_err(InfoError::Xml)?;
        if !root.is(WATCHERINFO, "watcherinfo") {
            return Err(InfoError::Root("watcherinfo"));
        }
        let version = required(&root, "version", number)?;
        let state = required(&root, "state", InfoState::parse)?;
        let lists = root.elements().filter(|e| e.is(WATCHERINFO, "watcher-list"));
        Ok(Self { version, state, lists: lists.map(WatcherList::read).collect::<Result<_, _>>()? })
    }

    /// The document as text.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut root = Element::new(WATCHERINFO, "", "watcherinfo")
            .with_attribute("version", &self.version.to_string())
            .with_attribute("state", self.state.as_str());
        root.bindings.push(Binding::new("", WATCHERINFO));
        xml::document(&self.lists.iter().map(WatcherList::element).fold(root, Element::with_child))
    }
}

impl WatcherList {
    fn read(element: &Element) -> Result<Self, InfoError> {
        let resource = required(element, "resource", text)?;
        let package = required(element, "package", text)?;
        let watchers = element.elements().filter(|e| e.is(WATCHERINFO, "watcher"));
        Ok(Self { resource, package, watchers: watchers.map(WatcherEntry::read).collect::<Result<_, _>>()? })
    }

    fn element(&self) -> Element {
        let list = Element::new(WATCHERINFO, "", "watcher-list")
            .with_attribute("resource", &self.resource)
            .with_attribute("package", &self.package);
        self.watchers.iter().map(WatcherEntry::element).fold(list, Element::with_child)
    }
}

impl WatcherEntry {
    fn read(element: &Element) -> Result<Self, InfoError> {
        let seconds = |name| element.attribute(name).and_then(number);
        Ok(Self {
            uri: element.text().into(),
            id: required(element, "id", text)?,
            status: required(element, "status", WatcherStatus::parse)?,
            event: required(element, "event", WatcherEvent::parse)?,
            display_name: element.attribute("display-name").map(Into::into),
            expiration_s: seconds("expiration"),
            duration_subscribed_s: seconds("duration-subscribed"),
        })
    }

    fn element(&self) -> Element {
        let attributes = [
            ("display-name", self.display_name.as_deref().map(str::to_owned)),
            ("expiration", self.expiration_s.map(|seconds| seconds.to_string())),
            ("duration-subscribed", self.duration_subscribed_s.map(|seconds| seconds.to_string())),
        ];
        let element = Element::new(WATCHERINFO, "", "watcher")
            .with_attribute("id", &self.id)
            .with_attribute("status", self.status.as_str())
            .with_attribute("event", self.event.as_str());
        with_those_there(element, attributes).with_text(&self.uri)
    }
}
