//! Numbers of phones without SIP. SMS-Cs write them in many ways: `+15550101`, `0015550101`, `(0555) 0101`; all of them are one
//! number here, as the HSS has it.

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize, Serializer};
use std::fmt;

/// Digits of a number in its international form (ITU-T E.164).
const MAX_DIGITS: usize = 15;
/// Fewer are a short code, which names no subscriber.
const MIN_DIGITS: usize = 7;

/// A number in its international form: its digits, which never begin with 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct Msisdn(#[n(0)] u64);

/// What an SMS-C says of the form of a number (SMPP 3.4 section 5.2.5, type of number).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NumberForm {
    /// With its country code.
    International,
    /// Without it.
    National,
    /// Nothing is said.
    Unknown,
    /// It is none: a name, or a short code, which anybody may have chosen.
    None,
}

/// How numbers are written in the network of the SMS-C.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NumberPlan {
    /// What stands before national numbers abroad: `1`, `49`.
    pub country_code: Box<str>,
    /// What is dialled before a country code: `00`, `011`.
    pub international_prefix: Box<str>,
    /// What is dialled before a national number, and is no part of it: `0`; empty where there is none.
    #[serde(default)]
    pub national_prefix: Box<str>,
}

/// The text is no number of a subscriber.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotANumber;

impl Msisdn {
    /// The number that an SMS-C has written so.
    ///
    /// # Errors
    /// [`NotANumber`]: a name, a short code, or more digits than a number has.
    pub fn read(text: &str, form: NumberForm, plan: &NumberPlan) -> Result<Self, NotANumber> {
        let dialled: String =
            telephone::without_separators(text).chars().filter(|c| !c.is_whitespace()).collect();
        let national = |digits: &str| {
            let significant = digits.strip_prefix(&*plan.national_prefix).unwrap_or(digits);
            // A short code is of no country.
            let is_number = significant.len() >= MIN_DIGITS;
            if is_number { format!("{}{significant}", plan.country_code) } else { String::new() }
        };
        let digits = match (dialled.strip_prefix('+'), form) {
            (_, NumberForm::None) => return Err(NotANumber),
            (Some(digits), _) => digits.to_owned(),
            (None, NumberForm::International) => {
                dialled.strip_prefix(&*plan.international_prefix).unwrap_or(&dialled).to_owned()
            }
            (None, NumberForm::National) => national(&dialled),
            (None, NumberForm::Unknown) => match dialled.strip_prefix(&*plan.international_prefix) {
                Some(digits) => digits.to_owned(),
                None => national(&dialled),
            },
        };
        let is_valid = (MIN_DIGITS..=MAX_DIGITS).contains(&digits.len())
            && digits.bytes().all(|digit| digit.is_ascii_digit())
            && !digits.starts_with('0');
        digits.parse().ok().filter(|_| is_valid).map(Self).ok_or(NotANumber)
    }

    /// As it is kept.
    pub(crate) const fn digits(self) -> u64 {
        self.0
    }

    /// A number that was kept so.
    pub(crate) const fn kept(digits: u64) -> Self {
        Self(digits)
    }
}

/// With `+`.
impl Serialize for Msisdn {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Display for Msisdn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "+{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use NumberForm::{International, National, Unknown};

    fn plan() -> NumberPlan {
        NumberPlan {
            country_code: "49".into(),
            international_prefix: "00".into(),
            national_prefix: "0".into(),
        }
    }

    #[test]
    fn gw_06_all_spellings_of_a_number_are_one() {
        let one = Ok(Msisdn(49_305_550_101));
        for (text, form) in [
            ("+49305550101", Unknown),
            ("+49 (30) 555-0101", National),
            ("49305550101", International),
            ("0049305550101", International),
            ("0049305550101", Unknown),
            ("0305550101", National),
            ("305550101", National),
            ("030/5550101".trim_matches('/').replace('/', "-").as_str(), Unknown),
            ("030.555.0101", Unknown),
        ] {
            assert_eq!(Msisdn::read(text, form, &plan()), one, "{text} {form:?}");
        }
    }

    #[test]
    fn names_short_codes_and_endless_numbers_are_no_subscribers() {
        assert_eq!(Msisdn::read("+49305550101", NumberForm::None, &plan()), Err(NotANumber));
        assert_eq!(Msisdn::read("773712", Unknown, &plan()), Err(NotANumber));
        for text in [
            "",
            "+",
            "MyBank",
            "+12",
            "4711".trim_start_matches('4'),
            "+1234567890123456",
            "+0123456",
            "١٢٣٤٥٦",
        ] {
            assert_eq!(Msisdn::read(text, International, &plan()), Err(NotANumber), "{text}");
        }
    }
}
