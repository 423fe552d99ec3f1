//! Requests of a phone at a steady rate, and how long each of them waits for its answer.

use ims_node::digest;
use sip_message::{Challenge, Credentials, DigestAlgorithm, HeaderName, Message};
use std::collections::HashMap;
use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::Duration;
use tokio::time::Instant;

const T1: Duration = Duration::from_millis(500);
const T2: Duration = Duration::from_secs(4);
const TIMER_F: Duration = Duration::from_secs(32);

/// A request that waits for its answer.
struct Open {
    bytes: Vec<u8>,
    begun: Instant,
    again: Instant,
    gap: Duration,
}

/// What became of requests.
#[derive(Debug, Default)]
pub(crate) struct Fates {
    /// Final answers by status.
    pub(crate) statuses: HashMap<u16, usize>,
    /// Requests without one.
    pub(crate) unanswered: usize,
    /// The longest that one was waited for.
    pub(crate) longest: Duration,
}

/// One socket that sends requests.
pub(crate) struct Caller {
    socket: UdpSocket,
    local: SocketAddr,
    sequence: u32,
    open: HashMap<String, Open>,
    /// When what is not answered is looked at again.
    look_again: Instant,
    fates: Fates,
}

impl Caller {
    /// A caller at this address, who calls `node`.
    pub(crate) fn new(host: IpAddr, node: SocketAddr) -> Self {
        let socket = UdpSocket::bind((host, 0)).unwrap();
        socket.connect(node).unwrap();
        let local = socket.local_addr().unwrap();
        Self {
            socket,
            local,
            sequence: 0,
            open: HashMap::new(),
            look_again: Instant::now(),
            fates: Fates::default(),
        }
    }

    /// A request of this caller, in a transaction of its own; `headers` end in line ends.
    fn request(
        &mut self,
        (method, uri, to): (&str, &str, &str),
        headers: &str,
        body: &str,
    ) -> (String, Vec<u8>) {
        self.sequence += 1;
        let (branch, local) = (format!("z9hG4bK{}x{}", self.local.port(), self.sequence), self.local);
        let mut text = format!(
            "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {local};branch={branch};rport\r\nMax-Forwards: 70\r\n\
             From: <sip:alice@home1.test>;tag=caller\r\nTo: <{to}>\r\nCall-ID: {branch}\r\n\
             CSeq: {} {method}\r\n{headers}",
            self.sequence
        );
        write!(text, "Content-Length: {}\r\n\r\n{body}", body.len()).unwrap();
        (branch, text.into_bytes())
    }

    /// Registers alice on this flow.
    pub(crate) fn register(&mut self) {
        assert!(self.try_register(), "alice is not registered");
    }

    /// The same; whether that worked.
    pub(crate) fn try_register(&mut self) -> bool {
        let contact = format!("Contact: <sip:alice@{}>\r\nExpires: 3600\r\n", self.local);
        let target = ("REGISTER", "sip:home1.test", "sip:alice@home1.test");
        let challenged = self.asked(target, &contact);
        let challenge = challenged.value(HeaderName::WwwAuthenticate).and_then(Challenge::parse);
        let Some(challenge) = challenge else { return false };
        let (algorithm, impi) = (DigestAlgorithm::Md5, "alice@home1.test");
        let credentials = Credentials {
            username: impi,
            realm: "home1.test",
            nonce: challenge.nonce,
            uri: "sip:home1.test",
            algorithm: Some(algorithm.as_str()),
            cnonce: Some("load"),
            qop: Some("auth"),
            nc: Some("00000001"),
            ..Credentials::default()
        };
        let ha1 = digest::ha1(algorithm, impi, "home1.test", "alice-secret");
        let response = digest::response(algorithm, &ha1, "REGISTER", &credentials);
        let authorization =
            format!("Authorization: {}\r\n", Credentials { response: &response, ..credentials });
        let answer = self.asked(target, &(contact + &authorization));
        answer.status().is_some_and(|status| status.is_success())
    }

    /// One request and its final answer; the request is sent again as a UE does.
    fn asked(&mut self, target: (&str, &str, &str), headers: &str) -> Message {
        let (branch, bytes) = self.request(target, headers, "");
        self.socket.send(&bytes).unwrap();
        let (mut buffer, mut gap, begun) = (vec![0; 65_535], T1, Instant::now());
        let mut again = begun + gap;
        loop {
            let now = Instant::now();
            assert!(now < begun + TIMER_F, "{} is not answered", target.0);
            if now >= again {
                self.socket.send(&bytes).unwrap();
                gap = (gap * 2).min(T2);
                again = now + gap;
            }
            self.socket.set_read_timeout(Some(again.saturating_duration_since(now).max(T1 / 50))).unwrap();
            let Ok(length) = self.socket.recv(&mut buffer) else { continue };
            let Ok(message) = Message::parse(buffer[..length].to_vec().into()) else { continue };
            if message.branch() == Some(&branch)
                && message.status().is_some_and(|status| !status.is_provisional())
            {
                return message;
            }
        }
    }

    /// Sends this request so many times a second until `end`.
    pub(crate) fn send_until(
        &mut self,
        end: Instant,
        per_second: u32,
        (target, headers, body): ((&str, &str, &str), &str, &str),
    ) {
        let step = Duration::from_secs(1) / per_second;
        let mut next = Instant::now();
        while Instant::now() < end {
            if next > Instant::now() {
                self.listen(next.saturating_duration_since(Instant::now()));
                continue;
            }
            next += step;
            let (branch, bytes) = self.request(target, headers, body);
            let begun = Instant::now();
            // What does not leave now is sent again.
            let _ = self.socket.send(&bytes);
            self.open.insert(branch, Open { bytes, begun, again: begun + T1, gap: T1 });
        }
    }

    /// Waits for the answers that are missing.
    pub(crate) fn finish(mut self) -> Fates {
        while !self.open.is_empty() {
            self.listen(Duration::from_millis(20));
        }
        self.fates
    }

    /// Takes what comes within this time, and sends again what is not answered.
    fn listen(&mut self, time: Duration) {
        self.socket.set_read_timeout(Some(time.max(Duration::from_micros(100)))).unwrap();
        let mut buffer = [0; 8192];
        // All that is there, or a burst of answers would find no room.
        while let Ok(length) = self.socket.recv(&mut buffer) {
            self.hear(&buffer[..length]);
            self.socket.set_nonblocking(true).unwrap();
        }
        self.socket.set_nonblocking(false).unwrap();
        let now = Instant::now();
        if now < self.look_again {
            return;
        }
        self.look_again = now + Duration::from_millis(5);
        for open in self.open.values_mut().filter(|open| open.again <= now) {
            open.gap = (open.gap * 2).min(T2);
            open.again = now + open.gap;
            let _ = self.socket.send(&open.bytes);
        }
        let fates = &mut self.fates;
        self.open.retain(|_, open| {
            let waits = open.begun.elapsed() < TIMER_F;
            fates.unanswered += usize::from(!waits);
            waits
        });
    }

    fn hear(&mut self, bytes: &[u8]) {
        if let Ok(message) = Message::parse(bytes.to_vec().into())
            && let Some(status) = message.status().filter(|status| !status.is_provisional())
            && let Some(open) = message.branch().and_then(|branch| self.open.remove(branch))
        {
            *self.fates.statuses.entry(status.code()).or_default() += 1;
            self.fates.longest = self.fates.longest.max(open.begun.elapsed());
        }
    }

    /// Sends new REGISTERs as fast as it can until `end`; how many.
    pub(crate) fn flood_until(&mut self, end: Instant) -> u64 {
        self.socket.set_nonblocking(true).unwrap();
        let (mut count, mut buffer) = (0, [0; 2048]);
        while Instant::now() < end {
            let target = ("REGISTER", "sip:home1.test", "sip:alice@home1.test");
            let contact = format!("Contact: <sip:alice@{}>\r\n", self.local);
            let (_, bytes) = self.request(target, &contact, "");
            count += u64::from(self.socket.send(&bytes).is_ok());
            while self.socket.recv(&mut buffer).is_ok() {}
        }
        count
    }

    /// Asks `uri` whether it is there, again and again until `end`; the longest that an answer took.
    pub(crate) fn ping_until(&mut self, end: Instant, uri: &str) -> Duration {
        let mut longest = Duration::ZERO;
        while Instant::now() < end {
            let begun = Instant::now();
            self.asked(("OPTIONS", uri, uri), "");
            longest = longest.max(begun.elapsed());
            std::thread::sleep(Duration::from_millis(20));
        }
        longest
    }
}
