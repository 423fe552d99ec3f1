//! When two URIs are the same one.

/// A URI in the form in which it is compared: two that mean the same by the rules of their scheme are equal in this form, for
/// `urn` (RFC 8141 §3, and RFC 9562 §4 for UUIDs), `sip` and `sips` (RFC 3261 §19.1.4, but for parameters that stand in one of
/// them alone), `tel` (RFC 3966 §4) and whatever has an authority (RFC 3986 §6.2.2). What is no URI is compared as it is.
#[must_use]
pub fn canonical_uri(uri: &str) -> String {
    let uri = uri.trim();
    let Some((scheme, rest)) = uri.split_once(':').filter(|(scheme, _)| is_scheme(scheme)) else {
        return uri.to_owned();
    };
    let scheme = scheme.to_ascii_lowercase();
    let rest = match scheme.as_str() {
        "urn" => urn(rest),
        "sip" | "sips" => sip(rest),
        "tel" => tel(rest),
        _ => generic(rest),
    };
    scheme + ":" + &rest
}

pub(crate) fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
}

/// The namespace ignores case, the name in it does not but for its escapes; what follows the name is no part of it.
fn urn(rest: &str) -> String {
    let name = rest.split('#').next().unwrap_or_default();
    let end = ["?+", "?="].iter().filter_map(|mark| name.find(mark)).min();
    let name = end.and_then(|end| name.get(..end)).unwrap_or(name);
    let Some((namespace, name)) = name.split_once(':') else { return name.to_ascii_lowercase() };
    let namespace = namespace.to_ascii_lowercase();
    // Both write hexadecimal digits in either case (RFC 7254 §4 for IMEIs).
    let ignores_case = namespace == "uuid" || (namespace == "gsma" && starts_with(name, "imei:"));
    let name = if ignores_case { name.to_ascii_lowercase() } else { with_upper_escapes(name) };
    namespace + ":" + &name
}

fn sip(rest: &str) -> String {
    let (user, rest) = rest.rsplit_once('@').map_or((None, rest), |(user, rest)| (Some(user), rest));
    let (rest, headers) = rest.split_once('?').map_or((rest, None), |(rest, headers)| (rest, Some(headers)));
    let mut parts = rest.split(';').map(str::to_ascii_lowercase);
    let host = parts.next().unwrap_or_default();
    let mut parameters: Vec<String> = parts.collect();
    parameters.sort_unstable();
    let user = user.map(|user| unescaped(user).unwrap_or_else(|| user.to_owned()) + "@");
    let mut text = user.unwrap_or_default() + &host;
    for parameter in parameters {
        text = text + ";" + &parameter;
    }
    headers.into_iter().fold(text, |text, headers| text + "?" + headers)
}

fn tel(rest: &str) -> String {
    let (number, parameters) = rest.split_once(';').map_or((rest, None), |(n, p)| (n, Some(p)));
    let digits = telephone::without_separators(number);
    parameters.into_iter().fold(digits, |text, rest| text + ";" + rest).to_ascii_lowercase()
}

fn generic(rest: &str) -> String {
    let rest = unescaped_but(rest, b"-._~").unwrap_or_else(|| rest.to_owned());
    let (start, path) = rest.strip_prefix("//").map_or(("", &*rest), |rest| ("//", rest));
    let end = path.find(['/', '?', '#', ',', ';']).unwrap_or(path.len());
    let (authority, path) = path.split_at(end);
    match (start, authority.rsplit_once('@')) {
        (_, Some((user, host))) => format!("{start}{user}@{}{path}", host.to_ascii_lowercase()),
        ("//", None) => format!("//{}{path}", authority.to_ascii_lowercase()),
        (_, None) => rest,
    }
}

fn starts_with(text: &str, prefix: &str) -> bool {
    text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

/// RFC 8141 §3.1: an escape is not what it stands for, but its digits ignore case.
fn with_upper_escapes(text: &str) -> String {
    let mut left = 0;
    let upper = |c: char| {
        let is_digit = left > 0;
        left = if c == '%' { 2_u8 } else { left.saturating_sub(1) };
        if is_digit { c.to_ascii_uppercase() } else { c }
    };
    text.chars().map(upper).collect()
}

/// A user part in which every character that RFC 3261 §25.1 lets stand unescaped is unescaped; `None` where a `%` begins no
/// escape. A reserved character is not the same as its escape, so its escape stays.
pub(crate) fn unescaped(user: &str) -> Option<String> {
    unescaped_but(user, b"-_.!~*'()")
}

/// The text in which every letter, digit and character of `marks` is unescaped.
fn unescaped_but(text: &str, marks: &[u8]) -> Option<String> {
    let mut pieces = text.split('%');
    let mut plain = pieces.next()?.to_owned();
    for piece in pieces {
        let (hex, rest) = piece.split_at_checked(2)?;
        if !hex.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        let byte = u8::from_str_radix(hex, 16).ok()?;
        if byte.is_ascii_alphanumeric() || marks.contains(&byte) {
            plain.push(char::from(byte));
        } else {
            plain.push('%');
            plain.push_str(&hex.to_ascii_uppercase());
        }
        plain.push_str(rest);
    }
    Some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prs_10_uris_are_compared_by_the_rules_of_their_scheme() {
        let rows = [
            (
                "urn:uuid:F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6",
                "URN:UUID:f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
                true,
            ),
            ("urn:gsma:imei:90420156-025763-0", "urn:GSMA:IMEI:90420156-025763-0", true),
            ("urn:example:a123%2cz456", "URN:EXAMPLE:a123%2Cz456?+abc#top", true),
            ("urn:example:a123%2Cz456", "urn:example:a123,z456", false),
            ("urn:example:a", "urn:example:A", false),
            ("urn:example:a", "urn:other:a", false),
            ("mac:AB", "MAC:AB", true),
            ("mac:AB", "mac:ab", false),
            ("sip:%61lice@Home1.TEST;b=1;A=2", "SIP:alice@home1.test;a=2;b=1", true),
            ("sip:alice@home1.test", "sip:Alice@home1.test", false),
            ("sip:alice@home1.test", "sips:alice@home1.test", false),
            ("tel:+1-201-555-0123;EXT=1", "tel:+12015550123;ext=1", true),
            ("http://User@Example.COM/%7ea/B", "http://User@example.com/~a/B", true),
            ("http://example.com/a", "http://example.com/A", false),
            ("mailto:A@Example.com", "mailto:A@example.com", true),
            ("mailto:a@b?subject=Foo", "mailto:a@B?subject=Foo", true),
            ("mailto:a@b?subject=Foo", "mailto:a@b?subject=foo", false),
            ("tag:a@b,2005:Foo", "tag:a@b,2005:foo", false),
            ("http://x/%28", "http://x/(", false),
            ("no uri", " no uri ", true),
            ("no uri", "NO URI", false),
        ];
        for (left, right, same) in rows {
            assert_eq!(canonical_uri(left) == canonical_uri(right), same, "{left} {right}");
            assert_eq!(canonical_uri(&canonical_uri(left)), canonical_uri(left), "{left}");
        }
    }
}
