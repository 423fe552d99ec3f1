//! Whether we can serve a SUBSCRIBE at all: its Event and its Accept (RFC 6665 section 4.2.1.1, RFC 3261 section 20.1).

use sip_message::{Event, HeaderName, Params, RawMessage, StatusCode};

/// Longest `id` of an Event, in octets; it is kept with the subscription. A longer one is [`BadEvent`].
pub const MAX_EVENT_ID: usize = 64;

/// No Event, or a package that is not ours: 489 with Allow-Events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadEvent;

/// Accept names no type that we can send: 406.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAcceptable;

impl BadEvent {
    /// The status that tells the sender.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        StatusCode::BAD_EVENT
    }
}

impl NotAcceptable {
    /// The status that tells the sender.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        StatusCode::NOT_ACCEPTABLE
    }
}

/// The Event of a SUBSCRIBE or PUBLISH, when it is one of `packages`. Packages compare octet by octet (section 8.2.1):
/// `presence` is not `presence.winfo`.
///
/// # Errors
/// [`BadEvent`] when there is none, or another.
pub fn check_event<'a>(request: &'a RawMessage, packages: &[&str]) -> Result<Event<'a>, BadEvent> {
    let event = request.value(HeaderName::Event).and_then(Event::parse).ok_or(BadEvent)?;
    let known = packages.contains(&event.package);
    if known && event.id.is_none_or(|id| id.len() <= MAX_EVENT_ID) { Ok(event) } else { Err(BadEvent) }
}

/// The body type for the NOTIFYs: of `types`, the one that Accept gives the highest `q`, the earlier one on a tie. The
/// first of `types` is the one that the package makes mandatory; it is taken when there is no Accept.
///
/// # Errors
/// [`NotAcceptable`] when Accept is there and takes none of `types`; an empty Accept takes nothing.
pub fn check_accept<'t>(request: &RawMessage, types: &[&'t str]) -> Result<&'t str, NotAcceptable> {
    if request.value(HeaderName::Accept).is_none() {
        return types.first().copied().ok_or(NotAcceptable);
    }
    let mut best = None;
    for &ours in types {
        let quality = quality(request, ours);
        if quality > best.map_or(0, |(_, quality)| quality) {
            best = Some((ours, quality));
        }
    }
    best.map(|(ours, _)| ours).ok_or(NotAcceptable)
}

/// The `q` of the most specific range that covers `ours`, in thousandths.
fn quality(request: &RawMessage, ours: &str) -> u16 {
    let family = ours.split('/').next().unwrap_or_default();
    let mut most_specific = (0, 0);
    for value in request.list(HeaderName::Accept) {
        let (range, params) = value.split_at(value.find(';').unwrap_or(value.len()));
        let range = range.trim();
        let specific = if range.eq_ignore_ascii_case(ours) {
            3
        } else if range.strip_suffix("/*").is_some_and(|top_level| top_level.eq_ignore_ascii_case(family)) {
            2
        } else {
            u8::from(range == "*/*")
        };
        if specific > most_specific.0 {
            most_specific = (specific, Params::new(params).get("q").map_or(1000, thousandths));
        }
    }
    most_specific.1
}

/// A qvalue (RFC 3261 section 25.1): 0 to 1 with up to three decimals; what is none counts as 1.
fn thousandths(text: &str) -> u16 {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    if whole != "0" || decimals.len() > 3 || !decimals.bytes().all(|b| b.is_ascii_digit()) {
        return 1000;
    }
    format!("{decimals:0<3}").parse().unwrap_or(1000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sip_message::Message;

    fn subscribe(lines: &str) -> Message {
        let text = format!(
            "SUBSCRIBE sip:b@x SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:f@x>;tag=1\r\n\
             To: <sip:b@x>\r\nCall-ID: c\r\nCSeq: 1 SUBSCRIBE\r\n{lines}Content-Length: 0\r\n\r\n"
        );
        Message::parse(text.into()).unwrap()
    }

    #[test]
    fn sub_n_02_the_package_must_be_ours() {
        let long_id = format!("Event: presence;id={}\r\n", "x".repeat(MAX_EVENT_ID + 1));
        let rows = [
            ("Event: presence\r\n", Ok(("presence", None))),
            ("o: presence;id=7\r\n", Ok(("presence", Some("7")))),
            ("Event: presence.winfo\r\n", Ok(("presence.winfo", None))),
            ("Event: presence.winfo.winfo\r\n", Err(BadEvent)),
            ("Event: Presence\r\n", Err(BadEvent)),
            ("Event: dialog\r\n", Err(BadEvent)),
            ("Event: ;id=7\r\n", Err(BadEvent)),
            ("", Err(BadEvent)),
            (long_id.as_str(), Err(BadEvent)),
        ];
        for (line, expected) in rows {
            let request = subscribe(line);
            let event = check_event(&request, &["presence", "presence.winfo"]);
            assert_eq!(event.map(|event| (event.package, event.id)), expected, "{line}");
        }
        assert_eq!(BadEvent.status().code(), 489);
    }

    #[test]
    fn sub_n_05_a_body_type_that_both_can() {
        const PIDF: &str = "application/pidf+xml";
        const DIFF: &str = "application/pidf-diff+xml";
        let rows = [
            ("", Ok(PIDF)),
            ("Accept: application/pidf+xml\r\n", Ok(PIDF)),
            ("Accept: Application/PIDF+XML\r\n", Ok(PIDF)),
            ("Accept: text/html, application/pidf-diff+xml\r\n", Ok(DIFF)),
            ("Accept: application/pidf+xml;q=0.3, application/pidf-diff+xml;q=1\r\n", Ok(DIFF)),
            ("Accept: application/pidf+xml;q=0.35\r\nAccept: application/pidf-diff+xml;q=0.4\r\n", Ok(DIFF)),
            ("Accept: */*\r\n", Ok(PIDF)),
            ("Accept: application/*;q=0.5, application/pidf+xml;q=0\r\n", Ok(DIFF)),
            ("Accept: application/pidf+xml;q=0\r\n", Err(NotAcceptable)),
            ("Accept: application/pidf+xml;q=0.000\r\n", Err(NotAcceptable)),
            ("Accept: text/*\r\n", Err(NotAcceptable)),
            ("Accept: application/sdp\r\n", Err(NotAcceptable)),
            ("Accept:\r\n", Err(NotAcceptable)),
        ];
        for (line, expected) in rows {
            assert_eq!(check_accept(&subscribe(line), &[PIDF, DIFF]), expected, "{line}");
        }
        assert_eq!(NotAcceptable.status().code(), 406);
    }
}
