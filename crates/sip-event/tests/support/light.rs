//! A toy package, the light in a room, and a notifier of it with everything around: a clock, a journal, watchers that answer.

use crate::support::{POLICY, secs};
use bytes::Bytes;
use clock::Now;
use sip_event::{
    Accepted, Authorisation, Body, InitialSubscribe, Limits, Notified, Notifier, NotifierBounds, NotifierEnd,
    NotifierInput, NotifierSettings, Notify, NotifyPolicy, Output, Package, Refused, Ruling, Seen, Source,
    UnknownBody, Updates,
};
use sip_message::{Event, Message, StatusCode};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// A room and whether light is on in it. Watchers may ask for the light of the room beside it, in the same dialog.
#[derive(Debug)]
pub(crate) struct Light;

impl Package for Light {
    type Resource = String;
    type Extra = u32;
    type ViewKey = bool;
    const PACKAGES: &'static [&'static str] = &["light", "light.beside"];
    const TYPES: &'static [&'static str] = &["text/plain"];
    const EXTRA_VERSION: u8 = 3;
}

/// The house: what its light is, who may see it, and how often it was looked into.
#[derive(Debug, Default)]
pub(crate) struct House {
    pub(crate) lit: BTreeMap<String, &'static str>,
    /// Those who are not `Allowed`.
    pub(crate) ruled: BTreeMap<String, Authorisation>,
    pub(crate) rulings: usize,
}

impl House {
    fn light(&self, room: &str, may_see: bool) -> &'static str {
        if may_see { self.lit.get(room).copied().unwrap_or("off") } else { "off" }
    }
}

impl Source<Light> for House {
    fn contact(&self) -> String {
        "<sip:house.test>".to_owned()
    }

    fn beside(&self, known: &String, event: Event<'_>) -> String {
        if event.package == "light.beside" { format!("{known}-beside") } else { known.clone() }
    }

    fn current(&self, room: String) -> String {
        if room == "larder" { "kitchen".to_owned() } else { room }
    }

    fn extra(&self, subscribe: &Message) -> Result<u32, UnknownBody> {
        if subscribe.body().is_empty() { Ok(subscribe.cseq()) } else { Err(UnknownBody) }
    }

    fn ruling(&mut self, _: Now, _: &String, watcher: &str) -> Ruling<bool> {
        self.rulings += 1;
        let authorisation = self.ruled.get(watcher).copied().unwrap_or(Authorisation::Allowed);
        Ruling { authorisation, view: authorisation == Authorisation::Allowed }
    }

    fn fingerprint(&mut self, _: Now, room: &String, may_see: &bool) -> u64 {
        self.light(room, *may_see).bytes().fold(7, |number, byte| number * 31 + u64::from(byte))
    }

    fn body(&mut self, _: Now, seen: Seen<'_, Light>, _: &Notify) -> Option<Body> {
        let text = format!("{} {} {}", seen.resource, self.light(seen.resource, *seen.view), seen.extra);
        Some(Body { content_type: "text/plain", bytes: Bytes::from(text) })
    }
}

pub(crate) const SETTINGS: NotifierSettings = NotifierSettings {
    policy: NotifyPolicy { updates: Updates::Dialog, ..POLICY },
    limits: Limits { default_s: 3600, min_s: 60, max_s: 7200 },
    bounds: NotifierBounds { subscriptions: 6, resources: 4, per_resource: 4, per_watcher: 3 },
    asks_forerunners: false,
};

/// A SUBSCRIBE of a watcher, given as `name` or `name@phone`, which is where it is and what its dialog is called.
#[derive(Debug, Clone)]
pub(crate) struct Subscribe<'a> {
    pub(crate) watcher: &'a str,
    pub(crate) room: &'a str,
    pub(crate) event: &'a str,
    pub(crate) cseq: u32,
    pub(crate) to_tag: String,
    /// Further header fields, each with its line end.
    pub(crate) lines: &'a str,
    pub(crate) body: &'a str,
}

impl<'a> Subscribe<'a> {
    pub(crate) fn new(watcher: &'a str, room: &'a str) -> Self {
        let (event, lines) = ("light", "Expires: 600\r\n");
        Self { watcher, room, event, cseq: 1, to_tag: String::new(), lines, body: "" }
    }

    pub(crate) fn lines(self, lines: &'a str) -> Self {
        Self { lines, ..self }
    }

    /// The next request in the dialog that was accepted.
    pub(crate) fn again(&self, accepted: &Accepted) -> Self {
        Self { cseq: self.cseq + 1, to_tag: format!(";tag={}", accepted.local_tag), ..self.clone() }
    }

    fn name(&self) -> &'a str {
        self.watcher.split('@').next().unwrap()
    }

    pub(crate) fn message(&self) -> Message {
        let Self { watcher, room, event, cseq, to_tag, lines, body } = self;
        let (name, length) = (self.name(), body.len());
        let event = if event.is_empty() { String::new() } else { format!("Event: {event}\r\n") };
        let text = format!(
            "SUBSCRIBE sip:{room}@house.test SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\n\
             From: <sip:{name}@house.test>;tag=w\r\nTo: <sip:{room}@house.test>{to_tag}\r\n\
             Call-ID: {watcher}\r\nCSeq: {cseq} SUBSCRIBE\r\nContact: <sip:{watcher}.test>\r\n{event}{lines}\
             Content-Length: {length}\r\n\r\n{body}"
        );
        Message::parse(text.into()).unwrap()
    }
}

/// A NOTIFY on its way.
#[derive(Debug)]
pub(crate) struct Sent {
    notified: Notified,
    pub(crate) notify: Message,
}

impl Sent {
    /// Where it goes, the state it says, and what it shows.
    pub(crate) fn said(&self) -> String {
        let state = self.notify.value(sip_message::HeaderName::SubscriptionState).unwrap_or_default();
        let body = String::from_utf8(self.notify.body().to_vec()).unwrap();
        format!("{}: {state}: {body}", self.notify.request_uri_text())
    }
}

/// One notifier in one house.
#[derive(Debug)]
pub(crate) struct Scene {
    pub(crate) notifier: Notifier<Light>,
    pub(crate) house: House,
    pub(crate) now: Now,
    pub(crate) journal: BTreeMap<Box<[u8]>, Box<[u8]>>,
    /// What the journal was told, in order, and where a NOTIFY stood between: `keep d`, `hint u`, `forget u`, `send`.
    pub(crate) told: Vec<String>,
    sent: VecDeque<Sent>,
    pub(crate) ended: Vec<NotifierEnd>,
    pub(crate) can_keep: bool,
}

impl Scene {
    pub(crate) fn new() -> Self {
        Self::with(SETTINGS)
    }

    pub(crate) fn with(settings: NotifierSettings) -> Self {
        Self::started(Notifier::new(settings), House::default(), secs(0), BTreeMap::new())
    }

    fn started(
        notifier: Notifier<Light>,
        house: House,
        now: Now,
        journal: BTreeMap<Box<[u8]>, Box<[u8]>>,
    ) -> Self {
        let (told, sent, ended) = (Vec::new(), VecDeque::new(), Vec::new());
        let mut scene = Self { notifier, house, now, journal, told, sent, ended, can_keep: true };
        let mut random = numbers();
        scene.notifier.restored(scene.now, &mut scene.house, &mut random);
        scene.work();
        scene.told.clear();
        scene
    }

    /// The process is killed, and another one goes on with its journal; the monotonic clock begins anew.
    pub(crate) fn killed(self, after_s: u64) -> Self {
        let Self { house, journal, now, .. } = self;
        let mut notifier = Notifier::new(SETTINGS);
        for (key, value) in &journal {
            assert!(Notifier::<Light>::is_own(key));
            notifier.restore(key, value).unwrap();
        }
        let wall = now.wall + Duration::from_secs(after_s);
        Self::started(notifier, house, Now { wall, ..secs(0) }, journal)
    }

    pub(crate) fn subscribe(&mut self, request: &Subscribe<'_>) -> Result<Accepted, Refused> {
        let subscribe = request.message();
        let outcome = if request.to_tag.is_empty() {
            let resource = request.room.to_owned();
            let watcher = request.name().into();
            let initial =
                InitialSubscribe { subscribe: &subscribe, resource, watcher, can_keep: self.can_keep };
            self.notifier.subscribe(self.now, initial, &mut self.house, &mut numbers())
        } else {
            let is_watcher = |watcher: &str| watcher == request.name();
            self.notifier.resubscribe(self.now, &subscribe, self.can_keep, is_watcher, &mut self.house)
        };
        self.drain();
        outcome
    }

    /// Subscribes and confirms the first NOTIFY.
    pub(crate) fn watching(&mut self, request: &Subscribe<'_>) -> Accepted {
        let accepted = self.subscribe(request).unwrap();
        self.answer(200);
        accepted
    }

    /// The NOTIFYs on their way, oldest first.
    pub(crate) fn on_their_way(&self) -> impl Iterator<Item = &Message> {
        self.sent.iter().map(|sent| &sent.notify)
    }

    /// The light of a room changes; all its watchers are looked at.
    pub(crate) fn light(&mut self, room: &str, light: &'static str) {
        self.house.lit.insert(room.to_owned(), light);
        self.changed(room);
    }

    pub(crate) fn changed(&mut self, room: &str) {
        self.notifier.changed(&room.to_owned());
        self.work();
    }

    pub(crate) fn work(&mut self) {
        while self.notifier.has_work() {
            self.notifier.work(self.now, 64, &mut self.house);
        }
        self.drain();
    }

    /// The watcher's answer to the oldest NOTIFY on its way, which is given back.
    pub(crate) fn answer(&mut self, code: u16) -> Sent {
        let status = StatusCode::new(code).unwrap();
        self.end(NotifierInput::Answered { status, retry_after: None })
    }

    pub(crate) fn end(&mut self, how: NotifierInput) -> Sent {
        let sent = self.sent.pop_front().unwrap();
        self.notifier.on_notified(self.now, sent.notified, how, &mut self.house);
        self.drain();
        sent
    }

    /// Every NOTIFY on its way, confirmed, and what comes of that.
    pub(crate) fn said(&mut self) -> Vec<String> {
        let mut said = Vec::new();
        while !self.sent.is_empty() {
            said.push(self.answer(200).said());
        }
        said
    }

    pub(crate) fn pass_s(&mut self, seconds: u64) {
        let end = Now { mono: self.now.mono + Duration::from_secs(seconds), ..self.now };
        while let Some(next) = self.notifier.poll_timeout().filter(|next| *next <= end.mono) {
            let passed = next.saturating_since(self.now.mono);
            self.now = Now { mono: self.now.mono + passed, wall: self.now.wall + passed };
            self.notifier.on_deadline(self.now, &mut self.house);
            self.work();
        }
        let passed = end.mono.saturating_since(self.now.mono);
        self.now = Now { mono: end.mono, wall: self.now.wall + passed };
    }

    pub(crate) fn drain(&mut self) {
        let kind = |key: &[u8]| char::from(*key.first().unwrap());
        while let Some(output) = self.notifier.poll_output() {
            match output {
                Output::Keep { key, value } => {
                    self.told.push(format!("keep {}", kind(&key)));
                    self.journal.insert(key, value);
                }
                Output::Hint { key, value: Some(value) } => {
                    self.told.push(format!("hint {}", kind(&key)));
                    self.journal.insert(key, value);
                }
                Output::Hint { key, value: None } => {
                    self.told.push(format!("hint no {}", kind(&key)));
                    assert!(self.journal.remove(&key).is_some(), "what was never kept is forgotten");
                }
                Output::Forget { key } => {
                    self.told.push(format!("forget {}", kind(&key)));
                    assert!(self.journal.remove(&key).is_some(), "what was never kept is forgotten");
                }
                Output::Send { draft, notified } => {
                    self.told.push("send".to_owned());
                    let bytes = draft.to_bytes("SIP/2.0/UDP us;branch=z9hG4bK9");
                    self.sent.push_back(Sent { notified, notify: Message::parse(bytes).unwrap() });
                }
                Output::Ended { end, .. } => self.ended.push(end),
            }
        }
    }

    /// What was told since this was asked last.
    pub(crate) fn news(&mut self) -> String {
        std::mem::take(&mut self.told).join(", ")
    }
}

/// Different numbers, the same for every scene.
pub(crate) fn numbers() -> impl FnMut() -> u64 {
    let mut number = 0x9e37_79b9_7f4a_7c15_u64;
    move || {
        number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        number
    }
}
