//! One short message as an SMS-C delivers it, or takes it: a whole message, or a part of a long one.

use crate::alphabet::{Alphabet, UnknownAlphabet};
use crate::user_data::{self, Concatenation, TruncatedHeader};
use rusmpp::Pdu;
use rusmpp::pdus::{DataSm, DeliverSm, SubmitSm};
use rusmpp::tlvs::{Tlv, TlvValue};
use rusmpp::values::{DataCoding, EsmClass, GsmFeatures, MessageType, Ton};

/// A short message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Who has sent it, as it is written.
    pub from: String,
    /// What kind of number that is.
    pub from_ton: Ton,
    /// The user's number.
    pub to: String,
    /// Which part it is, if it is one.
    pub concatenation: Option<Concatenation>,
    /// The text, in units of UTF-16.
    pub text: Vec<u16>,
    /// Whether it is no message of a user, but tells what became of one of ours.
    pub is_receipt: bool,
}

/// A PDU holds no text that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotAPart {
    /// The PDU carries no short message.
    OtherPdu,
    /// The header of its text goes on behind its end.
    TruncatedHeader,
    /// The PDU carries binary data, or a text in an alphabet that this crate cannot read; the number is the data coding.
    UnknownAlphabet(u8),
}

impl From<TruncatedHeader> for NotAPart {
    fn from(_: TruncatedHeader) -> Self {
        Self::TruncatedHeader
    }
}

impl From<UnknownAlphabet> for NotAPart {
    fn from(UnknownAlphabet(coding): UnknownAlphabet) -> Self {
        Self::UnknownAlphabet(coding)
    }
}

/// What the PDUs that carry a message have in common.
struct Carried<'a> {
    from: &'a str,
    from_ton: Ton,
    to: &'a str,
    class: EsmClass,
    coding: DataCoding,
    octets: &'a [u8],
    tlvs: &'a [Tlv],
}

impl Part {
    /// The short message that a PDU carries.
    ///
    /// # Errors
    /// [`NotAPart`].
    pub fn of(pdu: &Pdu) -> Result<Self, NotAPart> {
        // SMPP lets a dozen PDUs be answered, bound and asked; three carry a message to be read.
        if let Pdu::DeliverSm(sm) = pdu {
            Self::carried(&Carried::from(sm))
        } else if let Pdu::SubmitSm(sm) = pdu {
            Self::carried(&Carried::from(sm))
        } else if let Pdu::DataSm(sm) = pdu {
            Self::carried(&Carried::from(sm))
        } else {
            Err(NotAPart::OtherPdu)
        }
    }

    fn carried(carried: &Carried<'_>) -> Result<Self, NotAPart> {
        let has_header = matches!(
            carried.class.gsm_features,
            GsmFeatures::UdhiIndicator | GsmFeatures::SetUdhiAndReplyPath
        );
        // Where there is a payload the text is there, and nowhere else (section 5.3.2.32).
        let payload = carried.tlvs.iter().find_map(|tlv| match tlv.value() {
            Some(TlvValue::MessagePayload(payload)) => Some(payload.value.as_ref()),
            _ => None,
        });
        let octets = payload.unwrap_or(carried.octets);
        let (by_header, text) = if has_header { user_data::split(octets)? } else { (None, octets) };
        let is_receipt = carried.class.message_type != MessageType::Default;
        let text = match Alphabet::of(carried.coding) {
            Ok(alphabet) => alphabet.read(text),
            Err(_) if is_receipt => Vec::new(),
            Err(unknown) => return Err(unknown.into()),
        };
        Ok(Self {
            from: carried.from.to_owned(),
            from_ton: carried.from_ton,
            to: carried.to.to_owned(),
            concatenation: by_header.or_else(|| by_options(carried.tlvs)),
            text,
            is_receipt,
        })
    }
}

/// Sections 5.3.2.22 to 5.3.2.24: all three, or none.
#[expect(clippy::wildcard_enum_match_arm, reason = "of SMPP's many options three number a part")]
fn by_options(tlvs: &[Tlv]) -> Option<Concatenation> {
    let values = || tlvs.iter().filter_map(Tlv::value);
    let reference = values().find_map(|value| match value {
        TlvValue::SarMsgRefNum(reference) => Some(*reference),
        _ => None,
    });
    let total = values().find_map(|value| match value {
        TlvValue::SarTotalSegments(total) => Some(*total),
        _ => None,
    });
    let number = values().find_map(|value| match value {
        TlvValue::SarSegmentSeqnum(number) => Some(*number),
        _ => None,
    });
    Concatenation::new(reference?, total?, number?)
}

/// The library has a type for each PDU, with the same names for what they have in common; the octets of the text are where the second
/// argument says.
macro_rules! carried_by {
    ($pdu:ident, $octets:expr) => {
        impl<'a> From<&'a $pdu> for Carried<'a> {
            fn from(sm: &'a $pdu) -> Self {
                let octets: fn(&'a $pdu) -> &'a [u8] = $octets;
                Self {
                    from: sm.source_addr.as_str(),
                    from_ton: sm.source_addr_ton,
                    to: sm.destination_addr.as_str(),
                    class: sm.esm_class,
                    coding: sm.data_coding,
                    octets: octets(sm),
                    tlvs: sm.tlvs(),
                }
            }
        }
    };
}

carried_by!(DeliverSm, |sm| sm.short_message().as_ref());
carried_by!(SubmitSm, |sm| sm.short_message().as_ref());
carried_by!(DataSm, |_| &[]);
