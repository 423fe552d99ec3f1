//! How a request ended, in Diameter's and 3GPP's numbers.

use minicbor::decode::{Decoder, Error as DecodeError};
use minicbor::encode::{Error as EncodeError, Write};
use minicbor::{Decode, Encode, Encoder};

/// The result of a request (RFC 6733 §7.1, TS 29.229 §6.2). A number outside this list fails the answer that has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u16)]
pub enum ResultCode {
    /// Done. In a UAA: a first registration, an S-CSCF is to be chosen.
    Success = 2001,
    /// UAA only: an S-CSCF is stored for this user, and named in the answer.
    SubsequentRegistration = 2002,
    /// LIA only: nobody is registered, but there are services for unregistered users; an S-CSCF is to be chosen.
    UnregisteredService = 2003,
    /// This side does not know the command.
    CommandUnsupported = 3001,
    /// This side has too much to do at the moment.
    TooBusy = 3004,
    /// There is no such user.
    UserUnknown = 5001,
    /// The private and the public identity are not of one subscription.
    IdentitiesDontMatch = 5002,
    /// The identity is known, but not registered, and nothing serves it unregistered.
    IdentityNotRegistered = 5003,
    /// The user may not register through the network that it visits.
    RoamingNotAllowed = 5004,
    /// Another S-CSCF holds this user's registration.
    IdentityAlreadyRegistered = 5005,
    /// The user cannot be authenticated by this scheme.
    AuthSchemeNotSupported = 5006,
    /// The assignment type makes no sense in this state.
    InAssignmentType = 5007,
    /// This side does not speak that version.
    UnsupportedVersion = 5011,
    /// The request cannot be carried out, for a reason that has no number of its own.
    UnableToComply = 5012,
}

impl ResultCode {
    /// Every result there is.
    pub const ALL: [Self; 14] = [
        Self::Success,
        Self::SubsequentRegistration,
        Self::UnregisteredService,
        Self::CommandUnsupported,
        Self::TooBusy,
        Self::UserUnknown,
        Self::IdentitiesDontMatch,
        Self::IdentityNotRegistered,
        Self::RoamingNotAllowed,
        Self::IdentityAlreadyRegistered,
        Self::AuthSchemeNotSupported,
        Self::InAssignmentType,
        Self::UnsupportedVersion,
        Self::UnableToComply,
    ];

    /// Its number on the wire.
    #[must_use]
    pub const fn code(self) -> u16 {
        self as u16
    }

    /// The result of that number.
    #[must_use]
    pub fn from_code(code: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.code() == code)
    }

    /// Whether the request was carried out (2xxx).
    #[must_use]
    pub const fn is_success(self) -> bool {
        self.code() / 1000 == 2
    }
}

impl<C> Encode<C> for ResultCode {
    fn encode<W: Write>(&self, e: &mut Encoder<W>, _: &mut C) -> Result<(), EncodeError<W::Error>> {
        e.u16(self.code())?.ok()
    }
}

impl<'b, C> Decode<'b, C> for ResultCode {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, DecodeError> {
        Self::from_code(d.u16()?).ok_or_else(|| DecodeError::message("an unknown result"))
    }
}
