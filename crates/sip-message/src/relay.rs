//! Edits to a message on its way through: what is not named here goes on byte for byte.

use crate::draft::{Draft, put_line};
use crate::header_name::HeaderName;
use crate::lines::Line;
use crate::message::Message;
use crate::uri::Uri;
use bytes::Bytes;
use smallvec::SmallVec;
use std::fmt::Display;

/// Bytes of lines put on top, and at the bottom, that need no allocation: most fit.
const ROOM: usize = 256;

/// Changes to be made to one message; made all at once by [`Relay::request`] or [`Relay::response`].
#[derive(Debug)]
pub struct Relay<'a> {
    message: &'a Message,
    request_uri: Option<Uri>,
    /// Values taken off the front of these list headers; the rest of the line stays.
    popped: SmallVec<[(HeaderName, usize); 2]>,
    /// Lines of these names are not copied as they are: a bit for each name.
    edited: u64,
    removed: u64,
    top: SmallVec<[u8; ROOM]>,
    bottom: SmallVec<[u8; ROOM]>,
}

impl<'a> Relay<'a> {
    /// No change yet.
    #[must_use]
    pub fn of(message: &'a Message) -> Self {
        Self {
            message,
            request_uri: None,
            popped: SmallVec::new(),
            edited: 0,
            removed: 0,
            top: SmallVec::new(),
            bottom: SmallVec::new(),
        }
    }

    /// Another Request-URI.
    pub fn set_request_uri(&mut self, uri: Uri) {
        self.request_uri = Some(uri);
    }

    /// Takes `count` values off the front of a list header (Route, Via).
    pub fn pop(&mut self, name: HeaderName, count: usize) {
        if count > 0 {
            self.edited |= name.bit();
            self.popped.push((name, count));
        }
    }

    /// Takes every line of this name away.
    pub fn remove(&mut self, name: HeaderName) {
        self.edited |= name.bit();
        self.removed |= name.bit();
    }

    /// Puts a line before all others; of several, the last one pushed stands first.
    pub fn push(&mut self, name: HeaderName, value: impl Display) {
        let below = self.top.len();
        put_line(&mut self.top, name.as_str(), value);
        self.top.rotate_left(below);
    }

    /// Puts a line behind all others.
    pub fn append(&mut self, name: HeaderName, value: impl Display) {
        put_line(&mut self.bottom, name.as_str(), value);
    }

    /// Takes every line of this name away and writes one with this value.
    pub fn set(&mut self, name: HeaderName, value: impl Display) {
        self.remove(name);
        self.append(name, value);
    }

    /// The edited request, without the Via that its sender will put on top. `None` for a response.
    #[must_use]
    pub fn request(mut self) -> Option<Draft> {
        let method = self.message.method()?.clone();
        let uri = self.request_uri.take().or_else(|| self.message.request_uri().cloned())?;
        let body = self.message.body();
        let lines = self.lines(Draft::room(&method, &uri, &body), body.len());
        Some(Draft::relayed(method, uri, lines, body))
    }

    /// The edited response. `None` for a request.
    #[must_use]
    pub fn response(mut self) -> Option<Bytes> {
        let status = self.message.status()?;
        let body = self.message.body();
        let lines = self.lines(0, body.len());
        let reason = self.message.reason();
        let mut out = Vec::with_capacity(16 + reason.len() + lines.len() + 2 + body.len());
        put_status_line(&mut out, status.code(), reason);
        out.extend_from_slice(&lines);
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(&body);
        Some(out.into())
    }

    /// The edited lines, with so much room behind them.
    fn lines(&mut self, behind: usize, body: usize) -> Vec<u8> {
        let source = self.message;
        let room = source.head().len() + self.top.len() + self.bottom.len() + 64 + behind;
        let mut out = Vec::with_capacity(room);
        out.extend_from_slice(&self.top);
        let mut stamped = source.stamped_via.as_deref();
        if stamped.is_some() {
            self.edited |= HeaderName::Via.bit();
        }
        // Neighbouring lines that stay as they are go over in one piece.
        let mut kept = 0..0;
        for line in source.lines().all() {
            let place = line.place();
            if self.edited & line.name.bit() == 0 && kept.end == place.start {
                kept.end = place.end;
                continue;
            }
            out.extend_from_slice(source.bytes().get(kept).unwrap_or_default());
            kept = place.clone();
            if self.edited & line.name.bit() != 0 {
                kept.start = kept.end;
                self.put_edited(&mut out, line, &mut stamped);
            }
        }
        out.extend_from_slice(source.bytes().get(kept).unwrap_or_default());
        // RFC 3261 section 18.3: on a stream the length must be there; a datagram may have come without.
        if source.value(HeaderName::ContentLength).is_none() {
            put_line(&mut out, HeaderName::ContentLength.as_str(), body);
        }
        out.extend_from_slice(&self.bottom);
        out
    }

    /// `stamped` is what stands in place of the topmost Via until that has been passed.
    fn put_edited(&mut self, out: &mut Vec<u8>, line: &Line, stamped: &mut Option<&str>) {
        let stamped = if line.name == HeaderName::Via { stamped.take() } else { None };
        if self.removed & line.name.bit() != 0 {
            return;
        }
        let popped = self.popped.iter_mut().find(|(name, count)| *name == line.name && *count > 0);
        match (popped, stamped) {
            (Some((_, count)), _) => put_popped(self.message, out, line, count),
            (None, Some(stamped)) => put_stamped(self.message, out, line, stamped),
            (None, None) => out.extend_from_slice(self.message.line_bytes(line)),
        }
    }
}

fn put_popped(message: &Message, out: &mut Vec<u8>, line: &Line, count: &mut usize) {
    let value = message.str(line.value()).unwrap_or_default();
    let mut kept = crate::text::list(value).skip_while(|_| {
        let pop = *count > 0;
        *count -= usize::from(pop);
        pop
    });
    if let Some(first) = kept.next() {
        let rest = kept.flat_map(|value| [", ", value]);
        put_line(out, line.name.as_str(), std::iter::once(first).chain(rest).collect::<String>());
    }
}

fn put_stamped(message: &Message, out: &mut Vec<u8>, line: &Line, stamped: &str) {
    let value = message.str(line.value()).unwrap_or_default();
    let rest: String = crate::text::list(value).skip(1).flat_map(|value| [", ", value]).collect();
    put_line(out, line.name.as_str(), format_args!("{stamped}{rest}"));
}

pub(crate) fn put_status_line(out: &mut Vec<u8>, code: u16, reason: &[u8]) {
    out.extend_from_slice(b"SIP/2.0 ");
    out.extend_from_slice(code.to_string().as_bytes());
    out.push(b' ');
    out.extend_from_slice(reason);
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUEST: &str = "NOTIFY sip:ue SIP/2.0\r\nv: SIP/2.0/UDP ue.test;branch=z9hG4bK1, SIP/2.0/UDP b;branch=z9hG4bK2\r\n\
        Route: <sip:a;lr>, <sip:b;lr>\r\nX-Odd:  Kept\r\n  as is\r\nFrom: <sip:f@x>;tag=1\r\nTo: <sip:t@x>\r\nCall-ID: c\r\n\
        Route: <sip:c;lr>\r\nCSeq: 7 NOTIFY\r\nP-Preferred-Identity: <sip:f@x>\r\n\r\nbody";

    fn message() -> Message {
        Message::parse(REQUEST.into()).unwrap()
    }

    fn read(relay: Relay<'_>) -> Message {
        Message::parse(relay.request().unwrap().to_bytes("SIP/2.0/TCP us;branch=z9hG4bK0")).unwrap()
    }

    #[test]
    fn what_is_not_edited_goes_on_byte_for_byte() {
        let message = message();
        let out = read(Relay::of(&message));
        let text = std::str::from_utf8(out.bytes()).unwrap();
        assert!(text.contains("X-Odd:  Kept\r\n  as is\r\n"));
        assert!(text.contains("Content-Length: 4\r\n"));
        assert_eq!(out.body(), "body");
        assert_eq!(out.list(HeaderName::Via).count(), 3);
    }

    #[test]
    fn values_are_popped_over_lines_and_pushed_on_top() {
        let message = message();
        let mut relay = Relay::of(&message);
        relay.pop(HeaderName::Route, 1);
        relay.push(HeaderName::Route, "<sip:y;lr>");
        relay.push(HeaderName::Route, "<sip:x;lr>");
        let routes: Vec<String> = read(relay).list(HeaderName::Route).map(str::to_owned).collect();
        assert_eq!(routes, ["<sip:x;lr>", "<sip:y;lr>", "<sip:b;lr>", "<sip:c;lr>"]);

        let mut relay = Relay::of(&message);
        relay.pop(HeaderName::Route, 3);
        assert_eq!(read(relay).list(HeaderName::Route).count(), 0);
    }

    #[test]
    fn headers_are_removed_and_set() {
        let message = message();
        let mut relay = Relay::of(&message);
        relay.remove(HeaderName::PPreferredIdentity);
        relay.set(HeaderName::MaxForwards, 69);
        let out = read(relay);
        assert_eq!(out.value(HeaderName::PPreferredIdentity), None);
        assert_eq!(out.max_forwards(), Some(69));
    }

    #[test]
    fn rfc3581_the_stamped_source_travels_on() {
        let mut message = message();
        message.stamp_source("192.0.2.9:4000".parse().unwrap());
        let out = read(Relay::of(&message));
        let vias: Vec<&str> = out.list(HeaderName::Via).collect();
        assert_eq!(vias[1], "SIP/2.0/UDP ue.test;branch=z9hG4bK1;received=192.0.2.9");
        assert_eq!(vias[2], "SIP/2.0/UDP b;branch=z9hG4bK2");
    }

    #[test]
    fn rfc3261_16_7_a_response_loses_its_topmost_via() {
        let text = "SIP/2.0 200 Gr\u{fc}n\r\nVia: SIP/2.0/UDP us;branch=z9hG4bK0\r\nVia: SIP/2.0/UDP ue;branch=z9hG4bK1\r\n\
            From: <sip:f@x>;tag=1\r\nTo: <sip:t@x>;tag=2\r\nCall-ID: c\r\nCSeq: 7 NOTIFY\r\nContent-Length: 0\r\n\r\n";
        let message = Message::parse(text.into()).unwrap();
        let mut relay = Relay::of(&message);
        relay.pop(HeaderName::Via, 1);
        let out = Message::parse(relay.response().unwrap()).unwrap();
        assert_eq!(out.branch(), Some("z9hG4bK1"));
        assert_eq!(out.reason(), "Gr\u{fc}n".as_bytes());
    }
}
