//! What a REGISTER wants to change (RFC 3261 section 10.3 steps 6 and 7).

use crate::binding::Binding;
use crate::cause::Cause;
use crate::settings::ScscfSettings;
use cx_protocol::Impu;
use ims_node::Refusal;
use presence_document::canonical_uri;
use sip_message::{HeaderName, Message, NameAddr, Params, Scheme, StatusCode, Uri, delta_seconds};

/// Contacts in one REGISTER; more is refused.
const MAX_CONTACTS: usize = 10;

/// Octets of a contact with all its parameters; a longer one is refused. The 200 names all that are bound, and has to
/// fit into a message.
const MAX_CONTACT: usize = 2048;

/// Registration interval when a REGISTER names none.
const DEFAULT_EXPIRES_S: u32 = 3600;

/// The contacts of a REGISTER.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Contacts {
    /// None: the client asks what is bound.
    Fetch,
    /// `*` with Expires 0.
    RemoveAll,
    /// To bind, refresh or (0 seconds) remove.
    Update(Vec<ContactUpdate>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ContactUpdate {
    pub(crate) uri: Uri,
    pub(crate) instance: Option<Box<str>>,
    pub(crate) expires_s: u32,
    pub(crate) q: u16,
    /// As it was written.
    pub(crate) display: Option<Box<str>>,
    /// All parameters but the instance and those that we say ourselves, as they were written.
    pub(crate) params: Option<Box<str>>,
}

/// Parameters of a Contact in the 200 that the registrar writes.
const OURS: [&str; 5] = ["expires", "+sip.instance", "pub-gruu", "temp-gruu", "temp-gruu-cookie"];

impl ContactUpdate {
    /// Whether the binding is of the same contact by the comparison of URIs (section 10.3 step 7).
    pub(crate) fn is_same_contact(&self, binding: &Binding) -> bool {
        Uri::parse(&binding.contact).is_ok_and(|uri| uri.is_equivalent(&self.uri))
    }

    /// A phone that came back with another address replaces its old one (it is known by its instance, RFC 5626 section
    /// 4.2).
    pub(crate) fn replaces(&self, binding: &Binding) -> bool {
        let same_instance =
            |instance: &str| binding.instance.as_deref().is_some_and(|its| is_same_urn(instance, its));
        self.is_same_contact(binding) || self.instance.as_deref().is_some_and(same_instance)
    }
}

impl Contacts {
    /// Reads the contacts, with the intervals they are granted (rule REG-S-04).
    pub(crate) fn read(message: &Message, settings: &ScscfSettings) -> Result<Self, Refusal> {
        let bad = |cause| Refusal::new(StatusCode::BAD_REQUEST, cause);
        let values: Vec<&str> = message.list(HeaderName::Contact).collect();
        if values.is_empty() {
            return Ok(Self::Fetch);
        }
        if values.contains(&"*") {
            // Section 10.2.2: the star stands alone and only with an interval of zero.
            let alone = values.len() == 1 && message.expires() == Some(0);
            return if alone { Ok(Self::RemoveAll) } else { Err(bad(Cause::BadStarContact)) };
        }
        if values.len() > MAX_CONTACTS {
            return Err(bad(Cause::TooManyContacts));
        }
        let updates: Vec<ContactUpdate> =
            values.into_iter().map(|value| update(value, message, settings)).collect::<Result<_, _>>()?;
        check_targets(&updates, message)?;
        Ok(Self::Update(updates))
    }
}

fn update(value: &str, message: &Message, settings: &ScscfSettings) -> Result<ContactUpdate, Refusal> {
    let bad = || Refusal::new(StatusCode::BAD_REQUEST, Cause::ContactNotAddress);
    let address = NameAddr::parse(value).map_err(|_| bad())?;
    let uri = address.uri().map_err(|_| bad())?;
    let instance = address.params().get("+sip.instance");
    if value.len() > MAX_CONTACT {
        return Err(Refusal::new(StatusCode::BAD_REQUEST, Cause::ContactTooLong));
    }
    let wanted = address.params().get("expires").map_or_else(|| message.expires(), delta_seconds);
    let wanted = wanted.unwrap_or(DEFAULT_EXPIRES_S);
    if wanted > 0 && wanted < settings.min_expires_s {
        let refusal = Refusal::new(StatusCode::INTERVAL_TOO_BRIEF, Cause::IntervalTooBrief);
        return Err(refusal.with(HeaderName::MinExpires, settings.min_expires_s));
    }
    Ok(ContactUpdate {
        uri,
        instance: instance.map(Into::into),
        expires_s: wanted.min(settings.max_expires_s),
        q: address.params().get("q").map_or(1000, thousandths),
        display: address.display().map(Into::into),
        params: params(address.params()),
    })
}

/// Whether two values of `+sip.instance` name the same phone.
fn is_same_urn(left: &str, right: &str) -> bool {
    let [left, right] = [left, right].map(|urn| canonical_uri(urn.trim_matches(['<', '>'])));
    left == right
}

/// RFC 3840 section 6: whatever a phone says of its contact it is told again, and so is whoever asks.
fn params(written: Params<'_>) -> Option<Box<str>> {
    let theirs = written.iter().filter(|(name, _)| !OURS.iter().any(|ours| ours.eq_ignore_ascii_case(name)));
    let text = theirs.fold(String::new(), |text, (name, value)| match value {
        Some(value) => text + ";" + name + "=" + value,
        None => text + ";" + name,
    });
    (!text.is_empty()).then(|| text.into())
}

/// RFC 5627 section 5.1: a user bound to itself is a loop, whether or not the phone names its instance, without which RFC
/// 3261 leaves it to the registrar. Where another scheme leads is asked of none but a phone that could have a GRUU. What is
/// taken back leads nowhere.
fn check_targets(updates: &[ContactUpdate], message: &Message) -> Result<(), Refusal> {
    let forbidden = |cause| Err(Refusal::new(StatusCode::FORBIDDEN, cause));
    let Some(aor) = message.to_uri() else { return Ok(()) };
    for update in updates.iter().filter(|update| update.expires_s > 0) {
        if update.uri.is_equivalent(&aor) || is_gruu_of(&update.uri, &aor) {
            return forbidden(Cause::ContactIsUser);
        }
        let is_sip = matches!(update.uri.scheme(), Scheme::Sip | Scheme::Sips);
        if update.instance.is_some() && !is_sip {
            return forbidden(Cause::ContactNotSip);
        }
    }
    Ok(())
}

fn is_gruu_of(contact: &Uri, aor: &Uri) -> bool {
    contact.params().has("gr")
        && Impu::new(contact.as_str()).is_ok_and(|contact| Impu::new(aor.as_str()) == Ok(contact))
}

/// A q value (0 to 1, at most three digits behind the point) in thousandths; anything else means 1.
fn thousandths(text: &str) -> u16 {
    match text.split_once('.') {
        Some(("0", digits)) if !digits.is_empty() && digits.len() <= 3 => {
            format!("{digits:0<3}").parse().unwrap_or(1000)
        }
        None if text == "0" => 0,
        Some(_) | None => 1000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(headers: &str) -> Result<Contacts, u16> {
        let text = format!(
            "REGISTER sip:home1.test SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@home1.test>;tag=1\r\n\
             To: <sip:a@home1.test>\r\nCall-ID: c\r\nCSeq: 1 REGISTER\r\n{headers}Content-Length: 0\r\n\r\n"
        );
        let settings = ScscfSettings::new("scscf1a.home1.test", "home1.test");
        Contacts::read(&Message::parse(text.into()).unwrap(), &settings)
            .map_err(|refusal| refusal.status.code())
    }

    fn intervals(headers: &str) -> Vec<u32> {
        match read(headers) {
            Ok(Contacts::Update(updates)) => updates.iter().map(|update| update.expires_s).collect(),
            other => panic!("{headers}: {other:?}"),
        }
    }

    #[test]
    fn reg_s_04_intervals_granted() {
        for (headers, granted) in [
            ("Contact: <sip:a@h>\r\n", vec![3600]),
            ("Contact: <sip:a@h>\r\nExpires: 120\r\n", vec![120]),
            ("Contact: <sip:a@h>;expires=60, <sip:a@g>;expires=0\r\nExpires: 9\r\n", vec![60, 0]),
            ("Contact: <sip:a@h>\r\nExpires: 600001\r\n", vec![600_000]),
            ("Contact: <sip:a@h>;expires=99999999999\r\n", vec![600_000]),
            ("Contact: sip:a@h;expires=70\r\n", vec![70]),
        ] {
            assert_eq!(intervals(headers), granted, "{headers}");
        }
    }

    #[test]
    fn reg_s_04_what_is_refused() {
        for (headers, status) in [
            ("Contact: <sip:a@h>;expires=59\r\n", 423),
            ("Contact: *\r\n", 400),
            ("Contact: *\r\nExpires: 60\r\n", 400),
            ("Contact: *, <sip:a@h>\r\nExpires: 0\r\n", 400),
            ("Contact: sip:user@example.com?Route=%3Csip:x%3E\r\n", 400),
            ("Contact: <notauri>\r\n", 400),
        ] {
            assert_eq!(read(headers), Err(status), "{headers}");
        }
        let long = |user: usize| format!("Contact: <sip:{}@h>;+sip.instance=\"<i>\"\r\n", "u".repeat(user));
        let most = MAX_CONTACT - "<sip:@h>;+sip.instance=\"<i>\"".len();
        assert_eq!((read(&long(most)).err(), read(&long(most + 1)).err()), (None, Some(400)));
        assert_eq!(read("Contact: *\r\nExpires: 0\r\n"), Ok(Contacts::RemoveAll));
        assert_eq!(read(""), Ok(Contacts::Fetch));
    }

    #[test]
    fn rfc5627_5_1_a_contact_that_leads_back_to_its_user_is_403() {
        const INSTANCE: &str = ";+sip.instance=\"<urn:uuid:1>\"";
        for (contact, status, with_instance) in [
            ("<sip:a@home1.test>", Some(403), Some(403)),
            ("<sip:%61@HOME1.test>", Some(403), Some(403)),
            ("<sip:a@home1.test;gr=urn:uuid:1>", Some(403), Some(403)),
            ("<sip:a@home1.test:5060;gr>", Some(403), Some(403)),
            ("<sip:b@h>, <sip:a@home1.test>", Some(403), Some(403)),
            ("<mailto:a@home1.test>", None, Some(403)),
            ("<tel:+15550001>", None, Some(403)),
            ("<sip:b@home1.test;gr=urn:uuid:1>", None, None),
            ("<sip:a@home1.test:5080>", None, None),
            ("<sips:a@h>", None, None),
        ] {
            let refused = |params: &str| read(&format!("Contact: {contact}{params}\r\n")).err();
            assert_eq!((refused(""), refused(INSTANCE)), (status, with_instance), "{contact}");
            let taken_back = read(&format!("Contact: {contact}{INSTANCE};expires=0\r\nExpires: 0\r\n"));
            assert!(matches!(taken_back, Ok(Contacts::Update(_))), "{contact}");
        }
    }

    #[test]
    fn rfc3261_20_10_preference_in_thousandths() {
        for (text, q) in [("0", 0), ("0.5", 500), ("0.125", 125), ("1", 1000), ("1.0", 1000), ("x", 1000)] {
            assert_eq!(thousandths(text), q, "{text}");
        }
    }
}
