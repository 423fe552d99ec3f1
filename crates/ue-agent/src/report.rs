//! What a user agent tells its user.

use serde::Serialize;

/// One thing that happened. In JSON its name stands under `event`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Report {
    /// Registered, for the first time or again.
    Registered {
        /// The identity that was registered.
        uri: Box<str>,
        /// For how long.
        expires_s: u32,
        /// The public GRUU, where one was given.
        #[serde(skip_serializing_if = "Option::is_none")]
        gruu: Option<Box<str>>,
    },
    /// Not registered any more, as was wished.
    Deregistered {
        /// The identity.
        uri: Box<str>,
    },
    /// The user is registered at another contact, or is so no more.
    Contact {
        /// The identity.
        uri: Box<str>,
        /// Where.
        contact: Box<str>,
        /// `active` or `terminated`.
        state: &'static str,
        /// What brought it there, by the words of RFC 3680; `gone` where that was not said.
        reason: &'static str,
    },
    /// A REGISTER came to nothing.
    RegisterFailed {
        /// The identity.
        uri: Box<str>,
        /// The status, where there was one.
        #[serde(skip_serializing_if = "Option::is_none")]
        status: Option<u16>,
        /// Why.
        reason: Box<str>,
        /// When it is tried again; never unless asked, where it is absent.
        #[serde(skip_serializing_if = "Option::is_none")]
        retry_s: Option<u64>,
    },
    /// A subscription has become something else.
    Subscription {
        /// Who is watched.
        uri: Box<str>,
        /// What it is now.
        state: SubscriptionState,
        /// Why it ended, or what happened to it.
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<Box<str>>,
        /// The status of the refusal, where there was one.
        #[serde(skip_serializing_if = "Option::is_none")]
        status: Option<u16>,
        /// When it is tried again; never, where it is absent.
        #[serde(skip_serializing_if = "Option::is_none")]
        retry_s: Option<u64>,
    },
    /// A NOTIFY told of somebody's presence.
    Presence {
        /// Whose presence the NOTIFY tells of.
        uri: Box<str>,
        /// What the subscription is.
        state: SubscriptionState,
        /// Seconds that the subscription has left, where that was said.
        #[serde(skip_serializing_if = "Option::is_none")]
        expires_s: Option<u32>,
        /// `open` or `closed`; absent where nothing is known.
        #[serde(skip_serializing_if = "Option::is_none")]
        basic: Option<&'static str>,
        /// The first note.
        #[serde(skip_serializing_if = "Option::is_none")]
        note: Option<Box<str>>,
        /// What the person is doing.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        activities: Vec<Box<str>>,
        /// The document itself; shown when asked for.
        #[serde(skip_serializing_if = "Option::is_none")]
        document: Option<Box<str>>,
    },
    /// Our own presence is with the server.
    Published {
        /// The identity of the agent.
        uri: Box<str>,
        /// For how long.
        expires_s: u32,
    },
    /// Our own presence has been taken back.
    Unpublished {
        /// The identity of the agent.
        uri: Box<str>,
    },
    /// Our own presence was refused.
    PublishFailed {
        /// The identity of the agent.
        uri: Box<str>,
        /// The status.
        status: u16,
        /// Why.
        reason: Box<str>,
    },
    /// Somebody sends a text.
    Message {
        /// Who.
        from: Box<str>,
        /// The text.
        text: Box<str>,
    },
    /// A request without further consequences has ended: a text sent, or OPTIONS.
    Answered {
        /// The method.
        method: &'static str,
        /// To whom.
        uri: Box<str>,
        /// The status; absent where no answer came.
        #[serde(skip_serializing_if = "Option::is_none")]
        status: Option<u16>,
        /// Its phrase, or what happened instead of an answer.
        reason: Box<str>,
    },
    /// How things stand.
    Status(Status),
    /// Something else that the user should know.
    Error {
        /// What.
        what: Box<str>,
    },
}

/// How things stand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Status {
    /// The identity.
    pub uri: Box<str>,
    /// Seconds that the registration has left; absent when there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registered_s: Option<u64>,
    /// Who is watched.
    pub watching: Vec<Box<str>>,
    /// Whether presence of ours is with the server.
    pub published: bool,
}

/// What a subscription is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SubscriptionState {
    /// Granted.
    Active,
    /// The decision is open.
    Pending,
    /// Over.
    Ended,
}

impl SubscriptionState {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Pending => "pending",
            Self::Ended => "ended",
        }
    }
}
