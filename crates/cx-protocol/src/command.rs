//! The commands, their requests and their answers.

use crate::failure::ProtocolError;
use crate::{Lia, Lir, Maa, Mar, Ppa, Ppr, ResultCode, Rta, Rtr, Saa, Sar, Uaa, Uar, Uda, Udr};
use bytes::Bytes;
use minicbor::{Decode, Encode};

/// A command, which a request and its answer share; the numbers are Diameter's and 3GPP's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u16)]
pub enum Command {
    /// Who are you, and can you prove it?
    Hello = 257,
    /// Are you there?
    Watchdog = 280,
    /// User-Authorization.
    UserAuthorization = 300,
    /// Server-Assignment.
    ServerAssignment = 301,
    /// Location-Info.
    LocationInfo = 302,
    /// Multimedia-Auth.
    MultimediaAuth = 303,
    /// Registration-Termination.
    RegistrationTermination = 304,
    /// Push-Profile.
    PushProfile = 305,
    /// User-Data.
    UserData = 306,
}

impl Command {
    const ALL: [Self; 9] = [
        Self::Hello,
        Self::Watchdog,
        Self::UserAuthorization,
        Self::ServerAssignment,
        Self::LocationInfo,
        Self::MultimediaAuth,
        Self::RegistrationTermination,
        Self::PushProfile,
        Self::UserData,
    ];

    /// Its number on the wire.
    #[must_use]
    pub const fn code(self) -> u16 {
        self as u16
    }

    /// The command of that number.
    #[must_use]
    pub fn from_code(code: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.code() == code)
    }
}

/// A request of either side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// May this user register here?
    Uar(Uar),
    /// I take, or leave, this user.
    Sar(Sar),
    /// Who serves this user?
    Lir(Lir),
    /// How do I authenticate this user?
    Mar(Mar),
    /// From the HSS: drop this user.
    Rtr(Rtr),
    /// From the HSS: here is a new profile.
    Ppr(Ppr),
    /// Which presence server has this user?
    Udr(Udr),
}

/// An answer of either side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// To a [`Request::Uar`].
    Uaa(Uaa),
    /// To a [`Request::Sar`].
    Saa(Saa),
    /// To a [`Request::Lir`].
    Lia(Lia),
    /// To a [`Request::Mar`].
    Maa(Maa),
    /// To a [`Request::Rtr`].
    Rta(Rta),
    /// To a [`Request::Ppr`].
    Ppa(Ppa),
    /// To a [`Request::Udr`].
    Uda(Uda),
}

impl Request {
    /// Its command.
    #[must_use]
    pub const fn command(&self) -> Command {
        match self {
            Self::Uar(_) => Command::UserAuthorization,
            Self::Sar(_) => Command::ServerAssignment,
            Self::Lir(_) => Command::LocationInfo,
            Self::Mar(_) => Command::MultimediaAuth,
            Self::Rtr(_) => Command::RegistrationTermination,
            Self::Ppr(_) => Command::PushProfile,
            Self::Udr(_) => Command::UserData,
        }
    }

    /// The answer to it that is this result and nothing else.
    #[must_use]
    pub const fn answer(&self, result: ResultCode) -> Answer {
        match self {
            Self::Uar(_) => Answer::Uaa(Uaa { result, server_name: None, capabilities: None }),
            Self::Sar(_) => Answer::Saa(Saa { result, impi: None, profile: None }),
            Self::Lir(_) => Answer::Lia(Lia { result, server_name: None, capabilities: None }),
            Self::Mar(_) => Answer::Maa(Maa { result, digest: None }),
            Self::Rtr(_) => Answer::Rta(Rta { result }),
            Self::Ppr(_) => Answer::Ppa(Ppa { result }),
            Self::Udr(_) => Answer::Uda(Uda {
                result,
                server_name: None,
                impus: Vec::new(),
                state: None,
                presence_server: None,
                agents: Vec::new(),
            }),
        }
    }

    /// The body of its frame.
    ///
    /// # Errors
    /// [`ProtocolError::Body`] if it cannot be written.
    pub fn encode(&self) -> Result<Bytes, ProtocolError> {
        match self {
            Self::Uar(uar) => to_body(uar),
            Self::Sar(sar) => to_body(sar),
            Self::Lir(lir) => to_body(lir),
            Self::Mar(mar) => to_body(mar),
            Self::Rtr(rtr) => to_body(rtr),
            Self::Ppr(ppr) => to_body(ppr),
            Self::Udr(udr) => to_body(udr),
        }
    }

    /// Reads the body of a request.
    ///
    /// # Errors
    /// [`ProtocolError::WrongCommand`] for hello and watchdog, which are the connection's own, and
    /// [`ProtocolError::Body`] if the body is not that command's.
    pub fn decode(command: Command, body: &[u8]) -> Result<Self, ProtocolError> {
        match command {
            Command::Hello | Command::Watchdog => Err(ProtocolError::WrongCommand),
            Command::UserAuthorization => from_body(body).map(Self::Uar),
            Command::ServerAssignment => from_body(body).map(Self::Sar),
            Command::LocationInfo => from_body(body).map(Self::Lir),
            Command::MultimediaAuth => from_body(body).map(Self::Mar),
            Command::RegistrationTermination => from_body(body).map(Self::Rtr),
            Command::PushProfile => from_body(body).map(Self::Ppr),
            Command::UserData => from_body(body).map(Self::Udr),
        }
    }
}

impl Answer {
    /// Its command.
    #[must_use]
    pub const fn command(&self) -> Command {
        match self {
            Self::Uaa(_) => Command::UserAuthorization,
            Self::Saa(_) => Command::ServerAssignment,
            Self::Lia(_) => Command::LocationInfo,
            Self::Maa(_) => Command::MultimediaAuth,
            Self::Rta(_) => Command::RegistrationTermination,
            Self::Ppa(_) => Command::PushProfile,
            Self::Uda(_) => Command::UserData,
        }
    }

    /// How the request ended.
    #[must_use]
    pub const fn result(&self) -> ResultCode {
        match self {
            Self::Uaa(uaa) => uaa.result,
            Self::Saa(saa) => saa.result,
            Self::Lia(lia) => lia.result,
            Self::Maa(maa) => maa.result,
            Self::Rta(rta) => rta.result,
            Self::Ppa(ppa) => ppa.result,
            Self::Uda(uda) => uda.result,
        }
    }

    /// The body of its frame.
    ///
    /// # Errors
    /// [`ProtocolError::Body`] if it cannot be written.
    pub fn encode(&self) -> Result<Bytes, ProtocolError> {
        match self {
            Self::Uaa(uaa) => to_body(uaa),
            Self::Saa(saa) => to_body(saa),
            Self::Lia(lia) => to_body(lia),
            Self::Maa(maa) => to_body(maa),
            Self::Rta(rta) => to_body(rta),
            Self::Ppa(ppa) => to_body(ppa),
            Self::Uda(uda) => to_body(uda),
        }
    }

    /// Reads the body of an answer.
    ///
    /// # Errors
    /// As [`Request::decode`].
    pub fn decode(command: Command, body: &[u8]) -> Result<Self, ProtocolError> {
        match command {
            Command::Hello | Command::Watchdog => Err(ProtocolError::WrongCommand),
            Command::UserAuthorization => from_body(body).map(Self::Uaa),
            Command::ServerAssignment => from_body(body).map(Self::Saa),
            Command::LocationInfo => from_body(body).map(Self::Lia),
            Command::MultimediaAuth => from_body(body).map(Self::Maa),
            Command::RegistrationTermination => from_body(body).map(Self::Rta),
            Command::PushProfile => from_body(body).map(Self::Ppa),
            Command::UserData => from_body(body).map(Self::Uda),
        }
    }
}

/// The body of an answer that is a result and nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(crate) struct BareResult {
    #[n(0)]
    pub(crate) result: ResultCode,
}

pub(crate) fn to_body<T: Encode<()>>(value: &T) -> Result<Bytes, ProtocolError> {
    minicbor::to_vec(value).map(Bytes::from).map_err(|_| ProtocolError::Body)
}

pub(crate) fn from_body<'b, T: Decode<'b, ()>>(body: &'b [u8]) -> Result<T, ProtocolError> {
    minicbor::decode(body).map_err(|_| ProtocolError::Body)
}
