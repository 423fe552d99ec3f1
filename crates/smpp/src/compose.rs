//! A text becomes short messages: one, or the parts of a long one (3GPP TS 23.040 section 9.2.3.24.1).

use crate::alphabet::Alphabet;
use crate::gsm7;
use rusmpp::pdus::{DeliverSm, SubmitSm};
use rusmpp::types::{COctetString, OctetString};
use rusmpp::values::{DataCoding, EsmClass, Npi, Ton};

/// Octets of a message that is alone: 160 characters of 7 bits, or 70 of UCS-2.
const ALONE: [usize; 2] = [160, 140];
/// Octets of a part beside its header of 6 octets: 153 characters, or 67.
const PART: [usize; 2] = [153, 134];
/// Parts of one message.
pub const MAX_PARTS: usize = 10;

/// The text needs more than [`MAX_PARTS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLong;

/// The sender and the recipient of a short message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addresses {
    /// The sender: a number, a short code or a name.
    pub from: COctetString<1, 21>,
    /// What kind of address that is.
    pub from_ton: Ton,
    /// The recipient.
    pub to: COctetString<1, 21>,
    /// What kind of address that is.
    pub to_ton: Ton,
}

/// What a short message of a text has beside its addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Composed {
    coding: DataCoding,
    class: EsmClass,
    text: OctetString<0, 255>,
}

/// The short messages of a text; `reference` tells the parts of one from those of another.
///
/// # Errors
/// [`TooLong`].
pub fn compose(text: &str, reference: u8) -> Result<Vec<Composed>, TooLong> {
    let alphabet = Alphabet::for_text(text);
    let is_wide = usize::from(alphabet == Alphabet::Ucs2);
    let characters: Vec<Vec<u8>> = text.chars().map(|character| octets(alphabet, character)).collect();
    let coding = alphabet.coding();
    let whole = characters.concat();
    let composed = |octets: Vec<u8>, class| {
        let text = OctetString::from_vec(octets).map_err(|_| TooLong)?;
        Ok(Composed { coding, class, text })
    };
    if ALONE.get(is_wide).is_some_and(|most| whole.len() <= *most) {
        return Ok(vec![composed(whole, EsmClass::default())?]);
    }
    let most = PART.get(is_wide).copied().unwrap_or_default();
    let mut parts: Vec<Vec<u8>> = vec![Vec::new()];
    for character in characters {
        // No character is cut in two.
        match parts.last_mut() {
            Some(part) if part.len() + character.len() <= most => part.extend(character),
            _ => parts.push(character),
        }
    }
    let total =
        u8::try_from(parts.len()).ok().filter(|total| usize::from(*total) <= MAX_PARTS).ok_or(TooLong)?;
    let numbered = parts.into_iter().zip(1_u8..);
    let with_header = numbered.map(|(part, number)| {
        let header = [5, 0, 3, reference, total, number];
        composed([&header[..], &part].concat(), EsmClass::default().with_udhi_indicator())
    });
    with_header.collect()
}

fn octets(alphabet: Alphabet, character: char) -> Vec<u8> {
    match (alphabet, gsm7::encode(character)) {
        (Alphabet::Gsm7, Some((octets, length))) => octets.into_iter().take(length).collect(),
        _ => character.encode_utf16(&mut [0; 2]).iter().flat_map(|unit| unit.to_be_bytes()).collect(),
    }
}

/// A PDU of the library with this text; [`SubmitSm`] and [`DeliverSm`] have the same builder, each with a type of its own.
macro_rules! pdu {
    ($pdu:ident, $composed:expr, $addresses:expr) => {{
        let (Composed { coding, class, text }, Addresses { from, from_ton, to, to_ton }) =
            ($composed, $addresses.clone());
        $pdu::builder()
            .source_addr_ton(from_ton)
            .source_addr_npi(npi(from_ton))
            .source_addr(from)
            .dest_addr_ton(to_ton)
            .dest_addr_npi(npi(to_ton))
            .destination_addr(to)
            .esm_class(class)
            .data_coding(coding)
            .short_message(text)
            .build()
    }};
}

impl Composed {
    /// The PDU by which an ESME submits this short message to an SMS-C.
    #[must_use]
    pub fn submit(self, addresses: &Addresses) -> SubmitSm {
        pdu!(SubmitSm, self, addresses)
    }

    /// The PDU by which an SMS-C delivers this short message to an ESME.
    #[must_use]
    pub fn deliver(self, addresses: &Addresses) -> DeliverSm {
        pdu!(DeliverSm, self, addresses)
    }
}

/// Numbers are of the telephone network; names and short codes are not.
const fn npi(ton: Ton) -> Npi {
    match ton {
        Ton::International | Ton::National | Ton::SubscriberNumber => Npi::Isdn,
        Ton::Unknown | Ton::NetworkSpecific | Ton::Alphanumeric | Ton::Abbreviated | Ton::Other(_) => {
            Npi::Unknown
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Part;

    fn addresses() -> Addresses {
        Addresses {
            from: COctetString::from_slice(b"15550105\0").unwrap(),
            from_ton: Ton::International,
            to: COctetString::from_slice(b"7737\0").unwrap(),
            to_ton: Ton::Unknown,
        }
    }

    /// The text again, and in how many parts it came.
    fn again(text: &str) -> (String, usize) {
        let parts: Vec<Part> = compose(text, 42)
            .unwrap()
            .into_iter()
            .map(|part| Part::of(&part.deliver(&addresses()).into()).unwrap())
            .collect();
        for (number, part) in (1_u8..).zip(&parts).filter(|_| parts.len() > 1) {
            let of = part.concatenation.unwrap();
            assert_eq!((of.reference, usize::from(of.total), of.number), (42, parts.len(), number));
        }
        let units: Vec<u16> = parts.iter().flat_map(|part| part.text.clone()).collect();
        (String::from_utf16_lossy(&units), parts.len())
    }

    #[test]
    fn ts_23_040_9_2_3_24_1_a_text_is_cut_into_as_few_parts_as_it_needs() {
        let table = [
            (String::new(), 1),
            ("busy 2h in a meeting [ü€]".into(), 1),
            ("a".repeat(160), 1),
            ("a".repeat(161), 2),
            ("€".repeat(80), 1),
            // 152 characters and half an escape do not fit.
            (format!("{}€{}", "a".repeat(152), "b".repeat(10)), 2),
            ("Ж".repeat(70), 1),
            ("Ж".repeat(71), 2),
            ("😀".repeat(35), 1),
            ("😀".repeat(36), 2),
            ("a".repeat(1530), 10),
        ];
        for (text, parts) in table {
            assert_eq!(again(&text), (text, parts));
        }
        assert_eq!(compose(&"a".repeat(1531), 1), Err(TooLong));
    }
}
