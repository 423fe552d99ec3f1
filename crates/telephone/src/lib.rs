//! Telephone numbers as identities. A number is written in many ways: `tel:+15550123`, `tel:+1-(555)-0123`,
//! `sip:+15550123@home1.test;user=phone`. Each of them is brought into one form here, which is compared octet by octet.
//!
//! In the form: the number without visual separators, letters in lower case, and of the parameters `phone-context` alone, without
//! which a local number means nothing (RFC 3966 sections 4 and 5).

/// The text is no telephone number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotANumber;

/// The one form of a number as it stands behind `tel:`, parameters and all. A local number without `phone-context`, which RFC
/// 3966 section 5.1.5 does not allow, is one of the network that is asked.
///
/// # Errors
/// [`NotANumber`] if there are no digits, or characters that no number has.
pub fn number(text: &str) -> Result<String, NotANumber> {
    let (dialled, parameters) = text.split_once(';').unwrap_or((text, ""));
    let mut number = without_separators(dialled);
    let is_valid = match number.strip_prefix('+') {
        Some(digits) => !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit()),
        None => {
            number.bytes().any(|digit| digit.is_ascii_hexdigit() || matches!(digit, b'*' | b'#'))
                && number.bytes().all(|digit| digit.is_ascii_hexdigit() || matches!(digit, b'*' | b'#'))
        }
    };
    if !is_valid {
        return Err(NotANumber);
    }
    number.make_ascii_lowercase();
    match context(parameters).filter(|_| !number.starts_with('+')) {
        Some(context) => Ok(format!("{number};phone-context={context}")),
        None => Ok(number),
    }
}

/// The one form of the number in the user part of a SIP URI that says `user=phone` (RFC 3261 section 19.1.6). `None` if it is a
/// name like any other: many a phone says `user=phone` of `1001`, which without a `phone-context` is a number of nowhere.
#[must_use]
pub fn number_of_user(user: &str) -> Option<String> {
    let user = unescaped(user.split(':').next()?)?;
    let number = number(&user).ok()?;
    (number.starts_with('+') || number.contains(';')).then_some(number)
}

/// Whether these parameters of a SIP URI, with semicolons between them, say that its user is a telephone number.
#[must_use]
pub fn is_phone(parameters: &str) -> bool {
    parameters.split(';').any(|parameter| parameter.trim().eq_ignore_ascii_case("user=phone"))
}

/// RFC 3966 section 3: the visual separators of a number do not count.
#[must_use]
pub fn without_separators(number: &str) -> String {
    number.chars().filter(|c| !matches!(c, '-' | '.' | '(' | ')')).collect()
}

/// Where a local number means something: a domain, or the beginning of a global number.
fn context(parameters: &str) -> Option<String> {
    let mut named = parameters.split(';').filter_map(|parameter| parameter.split_once('='));
    let (_, context) = named.find(|(name, _)| name.trim().eq_ignore_ascii_case("phone-context"))?;
    let context = context.trim();
    let one =
        if context.starts_with('+') { without_separators(context) } else { context.to_ascii_lowercase() };
    Some(one.strip_suffix('.').unwrap_or(&one).to_owned())
        .filter(|one| !one.is_empty() && !one.contains(['@', '?']))
}

/// The characters that the escapes stand for; `None` for an escape that is none or is no printable character.
fn unescaped(text: &str) -> Option<String> {
    let mut pieces = text.split('%');
    let mut plain = pieces.next()?.to_owned();
    for piece in pieces {
        let (digits, rest) = piece.split_at_checked(2)?;
        let is_hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        let octet = u8::from_str_radix(digits, 16).ok().filter(|octet| is_hex && octet.is_ascii_graphic())?;
        plain.push(char::from(octet));
        plain.push_str(rest);
    }
    Some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc3966_4_every_spelling_of_a_number_has_one_form() {
        for (text, form) in [
            ("+15550123", Ok("+15550123")),
            ("+1-(555)-01.23", Ok("+15550123")),
            ("+15550123;ext=7;phone-context=home1.test", Ok("+15550123")),
            ("0123;phone-context=HOME1.test.", Ok("0123;phone-context=home1.test")),
            ("0123;isub=1;Phone-Context=+1-555", Ok("0123;phone-context=+1555")),
            ("*A#", Ok("*a#")),
            ("0123;phone-context=", Ok("0123")),
            ("", Err(NotANumber)),
            ("+", Err(NotANumber)),
            ("-()", Err(NotANumber)),
            ("+1555a", Err(NotANumber)),
            ("bob", Err(NotANumber)),
        ] {
            assert_eq!(number(text).as_deref(), form.as_ref().map(|form| *form), "{text}");
        }
    }

    #[test]
    fn rfc3261_19_1_6_a_user_may_be_a_number() {
        for (user, form) in [
            ("+15550123", Some("+15550123")),
            ("%2B1(555)%30123:secret", Some("+15550123")),
            ("0123;phone-context=home1.test", Some("0123;phone-context=home1.test")),
            ("0123%3Bphone-context=home1.test", Some("0123;phone-context=home1.test")),
            ("1001", None),
            ("alice", None),
            ("+1555%0a", None),
            ("+1555%+3", None),
            ("", None),
        ] {
            assert_eq!(number_of_user(user).as_deref(), form, "{user}");
        }
    }

    #[test]
    fn rfc3261_19_1_6_it_is_one_where_the_uri_says_so() {
        for (parameters, is) in [
            (";user=phone", true),
            (";transport=tcp;USER=Phone", true),
            (";user=ip", false),
            (";user", false),
            ("", false),
        ] {
            assert_eq!(is_phone(parameters), is, "{parameters}");
        }
    }

    #[test]
    fn a_form_is_its_own_form() {
        for text in ["+1-555", "0123;phone-context=+1-5", "*9;phone-context=a.b"] {
            let form = number(text).unwrap();
            assert_eq!(number(&form).as_ref(), Ok(&form), "{text}");
        }
    }
}
