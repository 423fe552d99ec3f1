//! What an event package adds to [`crate::Notifier`] (RFC 6665 section 5).

use crate::dialog::Dialog;
use crate::notify::{Authorisation, Notify};
use bytes::Bytes;
use clock::Now;
use minicbor::{Decode, Encode};
use sip_message::{Draft, Event, Message};
use std::fmt::Debug;
use std::hash::Hash;

/// The event packages of one notifier, as types: several packages share a notifier because a dialog may carry subscriptions to
/// more than one of them (RFC 6665 section 4.5.2).
pub trait Package: Debug + Sized {
    /// What is watched. If the notifier has several packages, the resource names its package too. A resource is cheap to clone.
    type Resource: Clone + Eq + Ord + Hash + Debug + Encode<()> + for<'b> Decode<'b, ()>;
    /// What is remembered with each subscription beside what RFC 6665 asks for.
    type Extra: Debug + Encode<()> + for<'b> Decode<'b, ()>;
    /// What decides what a watcher is shown: subscriptions with equal keys see the same.
    type ViewKey: Clone + Eq + Debug;

    /// The names of the packages; also the value of Allow-Events.
    const PACKAGES: &'static [&'static str];
    /// The types of bodies, the mandatory one first.
    const TYPES: &'static [&'static str];
    /// The version of [`Package::Extra`] that this process writes. It reads all versions up to this one: a field that is added is
    /// optional, and a record of a later version is left where it is.
    const EXTRA_VERSION: u8;
}

/// What the rules say of a watcher at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ruling<K> {
    /// Whether it may watch.
    pub authorisation: Authorisation,
    /// What it is shown.
    pub view: K,
}

/// The body of a NOTIFY.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body {
    /// Its Content-Type.
    pub content_type: &'static str,
    /// Its octets.
    pub bytes: Bytes,
}

/// A SUBSCRIBE has a body that it insists on, and that this notifier does not understand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownBody;

/// Where a notifier finds what its packages are about. It is a short-lived view of the tables of a role.
pub trait Source<P: Package> {
    /// Our Contact.
    fn contact(&self) -> String;

    /// What a SUBSCRIBE with this Event asks for in the dialog of a subscription to `known`.
    fn beside(&self, known: &P::Resource, _event: Event<'_>) -> P::Resource {
        known.clone()
    }

    /// The name of the resource by now, where it has changed while the process was down.
    fn current(&self, resource: P::Resource) -> P::Resource {
        resource
    }

    /// What is remembered of an accepted SUBSCRIBE.
    ///
    /// # Errors
    /// [`UnknownBody`] where leaving its body out would not be noticed.
    fn extra(&self, subscribe: &Message) -> Result<P::Extra, UnknownBody>;

    /// Whether this watcher may watch, and what it is shown.
    fn ruling(&mut self, now: Now, resource: &P::Resource, watcher: &str) -> Ruling<P::ViewKey>;

    /// A fingerprint of what there is to see. Views are equal if their fingerprints are equal, also after a restart.
    fn fingerprint(&mut self, now: Now, resource: &P::Resource, view: &P::ViewKey) -> u64;

    /// What there is to see, for the NOTIFY that is described; `None` shows nothing.
    fn body(&mut self, now: Now, seen: Seen<'_, P>, notify: &Notify) -> Option<Body>;

    /// The watcher has confirmed the state with this number: `extra` may forget what the watcher need not be told again.
    fn delivered(&self, _extra: &mut P::Extra, _version: u64) {}

    /// The Route by which a watcher is found afresh ([`crate::Way::Identity`]); empty leaves it to the domain in the Request-URI.
    fn route_apart(&self, _resource: &P::Resource, _dialog: &Dialog) -> String {
        String::new()
    }

    /// Completes a NOTIFY.
    fn finish(&self, _now: Now, _extra: &P::Extra, _dialog: &Dialog, draft: Draft) -> Draft {
        draft
    }
}

/// What a body is about.
#[derive(Debug)]
pub struct Seen<'a, P: Package> {
    /// What is watched.
    pub resource: &'a P::Resource,
    /// What the watcher is shown of it.
    pub view: &'a P::ViewKey,
    /// What is remembered with the subscription.
    pub extra: &'a P::Extra,
}
