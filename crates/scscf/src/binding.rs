//! A registered user: profile and bindings, and how a REGISTER changes them (RFC 3261 section 10.3).

use crate::contacts::{ContactUpdate, Contacts};
use crate::profile::Profile;
use clock::Wall;
use cx_protocol::{DefaultHandling, Impi, Impu};
use minicbor::{Decode, Encode};
use std::sync::Arc;
use std::time::Duration;

/// Contacts bound to one user; above it the one registered longest ago is replaced, so that a phone that forgot its
/// old address is not locked out.
pub(crate) const MAX_BINDINGS: usize = 10;

/// One contact.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Binding {
    /// The Contact URI.
    #[n(0)]
    pub(crate) contact: Box<str>,
    /// The `+sip.instance` of the phone, where it has one.
    #[n(1)]
    pub(crate) instance: Option<Box<str>>,
    /// The Path by which it is reached.
    #[n(2)]
    pub(crate) path: Vec<Box<str>>,
    #[n(3)]
    pub(crate) call_id: Box<str>,
    #[n(4)]
    pub(crate) cseq: u32,
    /// Milliseconds since the epoch.
    #[n(5)]
    expires_at: u64,
    /// Preference in thousandths.
    #[n(6)]
    pub(crate) q: u16,
    /// When it was last registered, in milliseconds since the epoch.
    #[n(7)]
    registered_at: u64,
    /// Whether the phone understands GRUUs.
    #[n(8)]
    pub(crate) gruu: bool,
    /// The identity that was registered; the others of its set came with it.
    #[n(9)]
    pub(crate) aor: Option<Impu>,
    /// The display name of the Contact, as it was written.
    #[n(10)]
    pub(crate) display: Option<Box<str>>,
    /// The parameters of the Contact that are not said otherwise here, as they were written.
    #[n(11)]
    pub(crate) params: Option<Box<str>>,
}

impl Binding {
    pub(crate) const fn expires_at(&self) -> Wall {
        Wall::from_unix_millis(self.expires_at)
    }

    /// The higher the sooner it is tried: by q, then the latest registered (RFC 3261 section 16.6).
    pub(crate) const fn preference(&self) -> (u16, u64) {
        (self.q, self.registered_at)
    }

    /// Whole seconds left, never 0 while it lives.
    pub(crate) fn seconds_left(&self, now: Wall) -> u64 {
        self.expires_at().saturating_since(now).as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX)
    }
}

/// A REGISTER came out of order: the same Call-ID with a CSeq that is not higher.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StaleRegister;

/// A user with at least one contact.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Registration {
    #[n(0)]
    pub(crate) impi: Impi,
    /// Shared with the requests that are being served by it.
    #[n(1)]
    #[cbor(with = "shared")]
    pub(crate) profile: Arc<Profile>,
    #[n(2)]
    pub(crate) bindings: Vec<Binding>,
    /// The application servers that know of the registration: those whose criterion a REGISTER of the user met.
    #[n(3)]
    #[cbor(with = "servers", default)]
    pub(crate) servers: Servers,
}

/// An application server that knows of a registration.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Encode, Decode)]
pub(crate) struct Server {
    /// Its URI, as the criterion has it.
    #[n(0)]
    pub(crate) uri: Box<str>,
    /// What is to become of the user when it fails.
    #[n(1)]
    pub(crate) handling: DefaultHandling,
}

/// Shared: most users have the same.
pub(crate) type Servers = Arc<[Server]>;

impl Registration {
    /// The default public identity: what the set is filed under. A set whose identities are all barred has none.
    pub(crate) fn default_impu(&self) -> Option<&Impu> {
        self.profile.identities.default_impu()
    }

    /// When a contact was last registered, in milliseconds since the epoch: tells one state of a registration from the
    /// next.
    pub(crate) fn registered_at(&self) -> u64 {
        self.bindings.iter().map(|binding| binding.registered_at).max().unwrap_or(0)
    }

    pub(crate) fn next_expiry(&self) -> Option<Wall> {
        self.bindings.iter().map(Binding::expires_at).min()
    }

    /// Removes what has expired; whether anything had.
    pub(crate) fn expire(&mut self, now: Wall) -> bool {
        let before = self.bindings.len();
        self.bindings.retain(|binding| binding.expires_at() > now);
        self.bindings.len() < before
    }
}

/// What a REGISTER makes of the bindings of its user.
#[derive(Debug)]
pub(crate) struct Updated {
    /// Those that there are now.
    pub(crate) bindings: Vec<Binding>,
    /// How many went for want of room.
    pub(crate) crowded_out: usize,
}

/// The bindings after a REGISTER: all of its contacts or, out of order, none (rule REG-S-08).
pub(crate) fn updated(
    bindings: &[Binding],
    contacts: &Contacts,
    origin: &Origin<'_>,
    now: Wall,
) -> Result<Updated, StaleRegister> {
    let stale = |binding: &Binding| binding.call_id.as_ref() == origin.call_id && binding.cseq >= origin.cseq;
    let mut kept: Vec<Binding> =
        bindings.iter().filter(|binding| binding.expires_at() > now).cloned().collect();
    match contacts {
        Contacts::Fetch => {}
        Contacts::RemoveAll => {
            if kept.iter().any(stale) {
                return Err(StaleRegister);
            }
            kept.clear();
        }
        Contacts::Update(updates) => {
            // Only what was bound before can be newer than this REGISTER: one that names a contact twice, as some phones do,
            // is no earlier one than itself, and the last naming counts.
            let is_stale = |update: &ContactUpdate| {
                kept.iter().any(|binding| update.replaces(binding) && stale(binding))
            };
            if updates.iter().any(is_stale) {
                return Err(StaleRegister);
            }
            for update in updates {
                kept.retain(|binding| !update.replaces(binding));
                kept.extend(bound(update, origin, now));
            }
        }
    }
    let crowded_out = kept.len().saturating_sub(MAX_BINDINGS);
    for _ in 0..crowded_out {
        let oldest =
            kept.iter().enumerate().min_by_key(|(_, binding)| binding.registered_at).map(|(at, _)| at);
        oldest.map(|at| kept.remove(at));
    }
    Ok(Updated { bindings: kept, crowded_out })
}

/// Where a REGISTER came from and by which way.
pub(crate) struct Origin<'a> {
    pub(crate) aor: Option<Impu>,
    pub(crate) call_id: &'a str,
    pub(crate) cseq: u32,
    pub(crate) path: Vec<Box<str>>,
    pub(crate) gruu: bool,
}

fn bound(update: &ContactUpdate, origin: &Origin<'_>, now: Wall) -> Option<Binding> {
    (update.expires_s > 0).then(|| Binding {
        contact: update.uri.as_str().into(),
        instance: update.instance.clone(),
        path: origin.path.clone(),
        call_id: origin.call_id.into(),
        cseq: origin.cseq,
        expires_at: (now + Duration::from_secs(update.expires_s.into())).unix_millis(),
        q: update.q,
        registered_at: now.unix_millis(),
        gruu: origin.gruu && update.instance.is_some(),
        aor: origin.aor.clone(),
        display: update.display.clone(),
        params: update.params.clone(),
    })
}

/// A shared profile is written as the profile it shares.
mod shared {
    use crate::profile::Profile;
    use minicbor::decode::{Decoder, Error as DecodeError};
    use minicbor::encode::{Encoder, Error as EncodeError, Write};
    use minicbor::{Decode, Encode};
    use std::sync::Arc;

    pub(super) fn encode<Ctx, W: Write>(
        profile: &Arc<Profile>,
        encoder: &mut Encoder<W>,
        context: &mut Ctx,
    ) -> Result<(), EncodeError<W::Error>> {
        (**profile).encode(encoder, context)
    }

    pub(super) fn decode<'b, Ctx>(
        decoder: &mut Decoder<'b>,
        context: &mut Ctx,
    ) -> Result<Arc<Profile>, DecodeError> {
        Profile::decode(decoder, context).map(Arc::new)
    }
}

mod servers {
    use super::{Server, Servers};
    use minicbor::decode::{Decoder, Error as DecodeError};
    use minicbor::encode::{Encoder, Error as EncodeError, Write};
    use minicbor::{Decode, Encode};

    pub(super) fn encode<Ctx, W: Write>(
        servers: &Servers,
        encoder: &mut Encoder<W>,
        context: &mut Ctx,
    ) -> Result<(), EncodeError<W::Error>> {
        (**servers).encode(encoder, context)
    }

    pub(super) fn decode<Ctx>(decoder: &mut Decoder<'_>, context: &mut Ctx) -> Result<Servers, DecodeError> {
        Vec::<Server>::decode(decoder, context).map(Into::into)
    }
}
