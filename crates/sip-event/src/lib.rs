//! Dialogs, event subscriptions and event state publication (RFC 3261 section 12, RFC 6665, RFC 3903).
//!
//! | concept | at the server | at the client |
//! |---|---|---|
//! | all subscriptions of a node | [`Notifier`], of its [`Package`]s | [`Subscriptions`] |
//! | one subscription | [`Subscription`] | [`Subscriber`] |
//! | publication | [`Publications`], the event state compositor | [`Publisher`] |
//! | dialog | [`Dialog::from_subscribe`] | [`Dialog::from_notify`], [`Dialog::from_response`] |
//!
//! Each machine takes what happened with the time at which it did, and says what to send, what to journal and when it
//! wants to be called again. A subscription does not own its dialog, because an old subscriber may keep several in one
//! (RFC 6665 section 4.5.2): the owner of both hands the dialog in.
//!
//! **CSeq over a restart.** A dialog reserves its CSeq numbers in the journal by the block: a record is written before
//! the first number of a block is used and none for the others. [`Dialog`]'s encoding holds the end of the block, so
//! that a restored dialog continues above every number used; the gap is legal (RFC 3261 section 12.2.2).
//!
//! **NOTIFYs over a restart.** A record says which version of the document its watcher has confirmed since its last
//! SUBSCRIBE. [`Subscription::restore`] sends a NOTIFY only where that is not the newest, or where the SUBSCRIBE was
//! answered and its NOTIFY not confirmed.
//!
//! Not here: bodies and what they mean, authorisation rules, transactions, digest authentication, the way to the next hop.

mod answer;
mod dialog;
mod dialog_id;
mod dialog_record;
mod dialog_text;
mod expires;
pub mod local_tag;
mod notifier;
mod notify;
mod notify_answer;
mod package;
mod publication;
mod publications;
mod publish_request;
mod publisher;
mod reason;
mod resubscribe;
mod route_set;
mod schedule;
mod sent_subscribe;
mod sequence;
mod short_hash;
mod subscribe_check;
mod subscriber;
mod subscription;
mod subscription_record;
mod subscriptions;
mod usage;

pub use answer::Answer;
pub use dialog::{BadDialog, Dialog, DialogError};
pub use dialog_id::DialogId;
pub use dialog_text::MAX_DIALOG_TEXT;
pub use expires::{Granted, Limits, TooBrief, grant, grant_publication};
pub use notifier::journal::{KeptDialog, KeptUsage, UnreadableRecord};
pub use notifier::request_fingerprint::{RequestFingerprint, is_recent};
pub use notifier::subscribe::{Accepted, InitialSubscribe, Refused};
pub use notifier::watcher_dialog::{Notified, WatcherDialogId};
pub use notifier::{Notifier, NotifierBounds, NotifierSettings, Output, Subscribed};
pub use notify::{
    AcceptedSubscribe, Authorisation, Cause, NotifierEnd, NotifierInput, NotifierOutput, Notify,
    NotifyContext, NotifyPolicy, Updates, Way,
};
pub use package::{Body, Package, Ruling, Seen, Source, UnknownBody};
pub use publication::{Publication, PublicationRecord};
pub use publications::{Change, Publications, PublishError, PublishLimits, Published};
pub use publish_request::{IfMatch, PublishBody, PublishRequest};
pub use publisher::{Publish, Publisher, PublisherInput, PublisherOutput};
pub use reason::Reason;
pub use resubscribe::Retry;
pub use route_set::{MAX_ROUTES, RouteSet};
pub use schedule::Schedule;
pub use sent_subscribe::SentSubscribe;
pub use sequence::Reservation;
pub use short_hash::short_hash;
pub use subscribe_check::{BadEvent, MAX_EVENT_ID, NotAcceptable, check_accept, check_event};
pub use subscriber::Subscriber;
pub use subscriber::io::{BadNotify, SubscriberConfig, SubscriberEnd, SubscriberInput, SubscriberOutput};
pub use subscription::Subscription;
pub use subscription_record::{Standing, SubscriptionRecord};
pub use subscriptions::{Asking, FirstSubscribe, NewDialog, Subscriptions};
