//! All subscriptions of a node that subscribes (RFC 6665 section 4.1). The owner gives each subscription a key. This table finds
//! the subscription that a NOTIFY belongs to, knows which answers still count, and says when something is due.
//!
//! The owner sends the requests. After each call it reads [`Subscriptions::poll_output`]. It composes the first SUBSCRIBE of a subscription
//! with [`Subscriptions::subscribe`] when the time has come for it, and a later SUBSCRIBE with [`Subscriptions::resubscribe`].

use crate::answer::Answer;
use crate::local_tag;
use crate::resubscribe::Retry;
use crate::sent_subscribe::SentSubscribe;
use crate::subscriber::Subscriber;
use crate::subscriber::io::{BadNotify, SubscriberConfig, SubscriberInput, SubscriberOutput};
use clock::{Deadlines, Mono, Now};
use sip_message::{Draft, Event, Message, Method, Substate, Uri};
use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

/// See the module. The table needs no bound: only its owner adds subscriptions.
#[derive(Debug)]
pub struct Subscriptions<K> {
    by_key: HashMap<K, Box<Held>>,
    /// The key for our tag of each dialog, also for the dialogs of former subscriptions.
    by_tag: HashMap<LocalTag, K>,
    deadlines: Deadlines<K>,
    /// The subscriptions to which something has happened since their outputs were read.
    touched: VecDeque<K>,
    /// The number of the last SUBSCRIBE of all.
    last_number: u64,
}

/// A SUBSCRIBE under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asking<K> {
    /// The subscription.
    pub key: K,
    /// Whether it is to begin a dialog.
    pub is_first: bool,
    number: u64,
}

/// A first SUBSCRIBE, to be sent now.
#[derive(Debug)]
pub struct FirstSubscribe<K> {
    /// What its dialog begins with.
    pub sent: SentSubscribe,
    /// The Expires to ask for.
    pub expires: u32,
    /// Which one it is.
    pub asking: Asking<K>,
}

/// What is new in a first SUBSCRIBE.
#[derive(Debug)]
pub struct NewDialog {
    /// A Call-ID that nobody can guess.
    pub call_id: Box<str>,
    /// The number for our tag, random too.
    pub tag: u64,
    /// Who subscribes.
    pub local_uri: Uri,
    /// Whose state.
    pub remote_uri: Uri,
}

/// Our tag in a dialog, by which its NOTIFYs are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct LocalTag(u64);

#[derive(Debug)]
struct Held {
    subscriber: Subscriber,
    /// Of the SUBSCRIBE that began it, if there was one.
    tag: Option<LocalTag>,
    /// The number of its latest SUBSCRIBE: answers to earlier ones count no more.
    number: u64,
    /// A first SUBSCRIBE with this Expires that its owner has not sent yet.
    due: Option<u32>,
    /// The subscription that this one takes the place of.
    former: Option<Box<Former>>,
}

/// A subscription that another subscription takes the place of. Its NOTIFYs count until the other subscription is active.
#[derive(Debug)]
struct Former {
    subscriber: Subscriber,
    tag: Option<LocalTag>,
}

impl Held {
    fn new(subscriber: Subscriber) -> Box<Self> {
        Box::new(Self { subscriber, tag: None, number: 0, due: None, former: None })
    }
}

impl<K> Default for Subscriptions<K>
where
    K: Clone + Ord + Hash,
{
    fn default() -> Self {
        Self {
            by_key: HashMap::new(),
            by_tag: HashMap::new(),
            deadlines: Deadlines::new(),
            touched: VecDeque::new(),
            last_number: 0,
        }
    }
}

impl<K: Clone + Ord + Hash> Subscriptions<K> {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_key.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }

    /// Whether there is one under this key: begun, and not over for good.
    #[must_use]
    pub fn contains(&self, key: &K) -> bool {
        self.by_key.contains_key(key)
    }

    /// Whether its first SUBSCRIBE has not been sent yet.
    #[must_use]
    pub fn is_due(&self, key: &K) -> bool {
        self.by_key.get(key).is_some_and(|held| held.due.is_some())
    }

    /// Those with a first SUBSCRIBE to send, in order.
    #[must_use]
    pub fn due(&self) -> Vec<K> {
        let due = self.by_key.iter().filter(|(_, held)| held.due.is_some());
        let mut keys: Vec<K> = due.map(|(key, _)| key.clone()).collect();
        keys.sort();
        keys
    }

    /// Whether any subscription that was begun anew still counts on its former dialog.
    #[must_use]
    pub fn has_former(&self) -> bool {
        self.by_key.values().any(|held| held.former.is_some())
    }

    /// Begins a subscription. An earlier one under this key is forgotten.
    pub fn begin(&mut self, key: K, config: SubscriberConfig, event: Event<'_>) {
        self.remove(&key);
        self.touched.push_back(key.clone());
        self.by_key.insert(key, Held::new(Subscriber::new(config, event)));
    }

    /// Begins a subscription in the place of an earlier subscription whose dialog leads nowhere any more. NOTIFYs of the earlier
    /// subscription count until the new subscription is active. If two earlier subscriptions are left, the older counts: the newer has never
    /// become active.
    pub fn begin_anew(&mut self, key: &K, config: SubscriberConfig, event: Event<'_>) {
        let Some(held) = self.by_key.get_mut(key) else { return };
        let old = std::mem::replace(&mut **held, *Held::new(Subscriber::new(config, event)));
        held.former = old.former;
        match (&held.former, old.tag) {
            (None, tag) => held.former = Some(Box::new(Former { subscriber: old.subscriber, tag })),
            (Some(_), Some(tag)) => drop(self.by_tag.remove(&tag)),
            (Some(_), None) => {}
        }
        self.note_deadline(key);
    }

    /// Forgets a subscription without a word to anybody: a NOTIFY of it gets 481 from now on.
    pub fn remove(&mut self, key: &K) {
        let Some(held) = self.by_key.remove(key) else { return };
        let tags = [held.tag, held.former.and_then(|former| former.tag)];
        for tag in tags.into_iter().flatten() {
            self.by_tag.remove(&tag);
        }
        self.deadlines.cancel(key);
    }

    /// Ends a subscription, by a SUBSCRIBE if there is a dialog.
    pub fn unsubscribe(&mut self, now: Now, key: &K) {
        self.handle(now, key, SubscriberInput::Unsubscribe);
    }

    /// The next thing to do for some subscription. The owner answers [`SubscriberOutput::SubscribeAnew`] with
    /// [`Subscriptions::subscribe`], now or later, and [`SubscriberOutput::SubscribeInDialog`] with [`Subscriptions::resubscribe`]. A
    /// subscription that has ended for good has left the table when its end is read here.
    pub fn poll_output(&mut self) -> Option<(K, SubscriberOutput)> {
        while let Some(key) = self.touched.front() {
            let Some(held) = self.by_key.get_mut(key) else {
                self.touched.pop_front();
                continue;
            };
            let Some(output) = held.subscriber.poll_output() else {
                self.touched.pop_front();
                continue;
            };
            let key = key.clone();
            match output {
                SubscriberOutput::SubscribeAnew(expires) => held.due = Some(expires),
                SubscriberOutput::State(Substate::Active) => self.drop_former(&key),
                SubscriberOutput::Ended(_, Retry::Never) => self.remove(&key),
                SubscriberOutput::Ended(_, Retry::Now | Retry::After(_)) => held.due = None,
                SubscriberOutput::SubscribeInDialog(_) | SubscriberOutput::State(_) => {}
            }
            return Some((key, output));
        }
        // Most of the time there is nothing to read.
        self.touched = VecDeque::new();
        None
    }

    fn drop_former(&mut self, key: &K) {
        let former = self.by_key.get_mut(key).and_then(|held| held.former.take());
        if let Some(tag) = former.and_then(|former| former.tag) {
            self.by_tag.remove(&tag);
        }
    }

    /// The first SUBSCRIBE that waits to be sent: it is sent now.
    pub fn subscribe(&mut self, now: Now, key: &K, new: NewDialog) -> Option<FirstSubscribe<K>> {
        let held = self.by_key.get_mut(key)?;
        let expires = held.due.take()?;
        let NewDialog { call_id, tag, local_uri, remote_uri } = new;
        let local_tag = local_tag::text(tag).into();
        let sent = SentSubscribe { call_id, local_tag, local_uri, remote_uri, cseq: 1 };
        if let Some(earlier) = held.tag.replace(LocalTag(tag)) {
            self.by_tag.remove(&earlier);
        }
        self.by_tag.insert(LocalTag(tag), key.clone());
        let asking = self.ask(key, true)?;
        self.handle(now, key, SubscriberInput::Sent(sent.clone()));
        Some(FirstSubscribe { sent, expires, asking })
    }

    /// The next SUBSCRIBE in the dialog, to be completed with Event, Expires and the like.
    pub fn resubscribe(&mut self, key: &K) -> Option<(Draft, Asking<K>)> {
        let draft = self.by_key.get_mut(key)?.subscriber.dialog_mut()?.request(Method::Subscribe);
        Some((draft, self.ask(key, false)?))
    }

    fn ask(&mut self, key: &K, is_first: bool) -> Option<Asking<K>> {
        let held = self.by_key.get_mut(key)?;
        self.last_number += 1;
        held.number = self.last_number;
        Some(Asking { key: key.clone(), is_first, number: held.number })
    }

    /// A SUBSCRIBE has ended: with this answer, or with `None` because nobody answered or the request could not be sent. Says whether the
    /// answer still counts.
    pub fn on_answer(&mut self, now: Now, asking: &Asking<K>, answer: Option<Answer<'_>>) -> bool {
        let counts = self.by_key.get(&asking.key).is_some_and(|held| held.number == asking.number);
        if counts {
            let input = answer.map_or(SubscriberInput::NoAnswer, SubscriberInput::Answered);
            self.handle(now, &asking.key, input);
        }
        counts
    }

    /// A SUBSCRIBE that was wanted cannot be sent at all.
    pub fn on_not_sent(&mut self, now: Now, key: &K) {
        self.handle(now, key, SubscriberInput::NoAnswer);
    }

    /// Takes a NOTIFY: which subscription it is of.
    ///
    /// # Errors
    /// [`BadNotify`], with what it is to be answered.
    pub fn notify(&mut self, now: Now, notify: &Message) -> Result<K, BadNotify> {
        let tag = notify.to_tag().and_then(local_tag::number).map(LocalTag);
        let known = tag.and_then(|tag| self.by_tag.get(&tag));
        let key = known.ok_or(BadNotify::NoSuchSubscription)?.clone();
        let held = self.by_key.get_mut(&key).ok_or(BadNotify::NoSuchSubscription)?;
        let subscriber = match &mut held.former {
            Some(former) if former.tag == tag => &mut former.subscriber,
            Some(_) | None => &mut held.subscriber,
        };
        let outcome = subscriber.notify(now, notify);
        self.note_deadline(&key);
        outcome.map(|()| key)
    }

    /// When to call [`Subscriptions::on_deadline`] if nothing else happens.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Mono> {
        self.deadlines.next()
    }

    /// The time of [`Subscriptions::poll_timeout`] has come.
    pub fn on_deadline(&mut self, now: Now) {
        while let Some(key) = self.deadlines.pop_due(now.mono) {
            self.handle(now, &key, SubscriberInput::Deadline);
        }
    }

    fn handle(&mut self, now: Now, key: &K, input: SubscriberInput<'_>) {
        if let Some(held) = self.by_key.get_mut(key) {
            held.subscriber.handle(now, input);
            self.note_deadline(key);
        }
    }

    /// Something has happened to it: it may want something, now or later.
    fn note_deadline(&mut self, key: &K) {
        self.touched.push_back(key.clone());
        match self.by_key.get(key).and_then(|held| held.subscriber.poll_timeout()) {
            Some(at) => self.deadlines.set(key.clone(), at),
            None => self.deadlines.cancel(key),
        }
    }
}
