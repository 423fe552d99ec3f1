//! What the gateway's answers are in SMPP, and an SMS-C's to the gateway (SMPP 3.4 section 5.1.3).

use ims_runtime::node::NoAnswer;
use rusmpp::CommandStatus;
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

/// What an SMS-C's answer says of a message of ours.
pub(crate) const fn delivery(status: CommandStatus) -> Delivery {
    match status {
        CommandStatus::EsmeRok => Delivery::Accepted,
        CommandStatus::EsmeRthrottled
        | CommandStatus::EsmeRmsgqful
        | CommandStatus::EsmeRsyserr
        | CommandStatus::EsmeRxTAppn
        | CommandStatus::EsmeRsubmitfail => Delivery::Later,
        // Whatever else it says, it says of this message.
        _ => Delivery::Refused,
    }
}
