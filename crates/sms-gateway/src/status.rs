//! What the gateway's answers are in SMPP, and an SMS-C's to the gateway (SMPP 3.4 section 5.1.3).

use ims_runtime::node::NoAnswer;
use rusmpp::{CommandId, CommandStatus};
use smpp::NotAPart;
use sms_gateway::{Delivery, NotTaken, Told};

/// The status of the answer to a message: what can be tried again is told from what cannot.
pub(crate) const fn of(told: &Result<Told, NoAnswer>) -> CommandStatus {
    match told {
        Ok(Told::NotTaken(NotTaken::NotANumber)) => CommandStatus::EsmeRinvsrcadr,
        Ok(Told::NotTaken(NotTaken::TooFast)) => CommandStatus::EsmeRthrottled,
        Ok(Told::NotTaken(NotTaken::Full)) => CommandStatus::EsmeRmsgqful,
        Ok(Told::NotTaken(NotTaken::NotNow)) | Err(NoAnswer) => CommandStatus::EsmeRxTAppn,
        Ok(Told::Taken | Told::ToSend(_) | Told::Listed { .. }) => CommandStatus::EsmeRok,
    }
}

/// The status of the answer to a message that cannot be read, now or ever.
pub(crate) const fn of_unreadable(why: NotAPart) -> CommandStatus {
    match why {
        NotAPart::OtherPdu => CommandStatus::EsmeRinvcmdlen,
        NotAPart::TruncatedHeader => CommandStatus::EsmeRinvmsglen,
        NotAPart::UnknownAlphabet(_) => CommandStatus::EsmeRxPAppn,
    }
}

/// What an SMS-C's answer to our bind says (section 5.1.3).
#[expect(clippy::wildcard_enum_match_arm, reason = "each of the others means that it will not have us")]
pub(crate) const fn bound(id: CommandId, status: CommandStatus) -> Result<(), &'static str> {
    match status {
        CommandStatus::EsmeRok if matches!(id, CommandId::BindTransceiverResp) => Ok(()),
        CommandStatus::EsmeRinvpaswd => Err("wrong password"),
        CommandStatus::EsmeRinvsysid => Err("unknown system_id"),
        CommandStatus::EsmeRalybnd => Err("already bound"),
        _ => Err("refused"),
    }
}

/// What an SMS-C's answer says of a message of ours.
#[expect(clippy::wildcard_enum_match_arm, reason = "whatever else it says, it says of this message")]
pub(crate) const fn delivery(status: CommandStatus) -> Delivery {
    match status {
        CommandStatus::EsmeRok => Delivery::Accepted,
        CommandStatus::EsmeRthrottled
        | CommandStatus::EsmeRmsgqful
        | CommandStatus::EsmeRsyserr
        | CommandStatus::EsmeRxTAppn
        | CommandStatus::EsmeRsubmitfail => Delivery::Later,
        _ => Delivery::Refused,
    }
}
