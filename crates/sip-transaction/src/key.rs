//! What matches a message to its transaction (RFC 3261 sections 17.1.3 and 17.2.3).

use clock::room_after_burst;
use hashbrown::HashTable;
use sip_message::{HeaderName, Message};
use std::hash::BuildHasher;

/// Finds ids by key. The keys themselves stay with the transactions, so that each is held once.
#[derive(Debug)]
pub(crate) struct Keys<I> {
    ids: HashTable<Hashed<I>>,
    /// Keyed per process: strangers choose the keys.
    hasher: foldhash::fast::RandomState,
}

/// An id, and the hash of its key.
#[derive(Debug)]
struct Hashed<I> {
    hash: u64,
    id: I,
}

impl<I> Default for Keys<I> {
    fn default() -> Self {
        Self { ids: HashTable::new(), hasher: foldhash::fast::RandomState::default() }
    }
}

impl<I: Copy + PartialEq> Keys<I> {
    /// The id of this key; `key_of` gives the key of an id.
    pub(crate) fn get<'a>(&self, key: &str, key_of: impl Fn(I) -> Option<&'a str>) -> Option<I> {
        let hash = self.hasher.hash_one(key);
        let found = self.ids.find(hash, |hashed| hashed.hash == hash && key_of(hashed.id) == Some(key));
        found.map(|hashed| hashed.id)
    }

    /// Adds a key that is not there.
    pub(crate) fn insert(&mut self, key: &str, id: I) {
        let hash = self.hasher.hash_one(key);
        self.ids.insert_unique(hash, Hashed { hash, id }, |hashed| hashed.hash);
    }

    pub(crate) fn remove(&mut self, key: &str, id: I) {
        let hash = self.hasher.hash_one(key);
        if let Ok(entry) = self.ids.find_entry(hash, |hashed| hashed.id == id) {
            entry.remove();
        }
        // What a burst needed is given back.
        if let Some(room) = room_after_burst(self.ids.len(), self.ids.capacity()) {
            self.ids.shrink_to(room, |hashed| hashed.hash);
        }
    }
}

/// Section 17.1.3: branch and method.
pub(crate) fn client_key(branch: &str, method: &str) -> Box<str> {
    joined([branch, method])
}

/// Section 17.2.3: branch, sent-by and method; for an RFC 2543 element, which has no branch, everything that makes its
/// request what it is.
pub(crate) fn server_key(request: &Message) -> Box<str> {
    server_key_of(request, request.cseq_method())
}

/// The key of the transaction that this request would be in if it had that method.
pub(crate) fn server_key_of(request: &Message, method: &str) -> Box<str> {
    match request.branch() {
        Some(branch) => {
            let mut key = joined([branch, method, request.sent_by()]);
            if let Some(sent_by) = key.get_mut(branch.len() + method.len() + 2..) {
                sent_by.make_ascii_lowercase();
            }
            key
        }
        None => {
            let cseq = request.cseq().to_string();
            let from = request.value(HeaderName::From).unwrap_or_default();
            let to = request.value(HeaderName::To).unwrap_or_default();
            let via = request.top_via().unwrap_or_default();
            joined([request.request_uri_text(), from, to, request.call_id(), &cseq, method, via])
        }
    }
}

/// The parts with blanks between them, in one allocation.
fn joined<const N: usize>(parts: [&str; N]) -> Box<str> {
    let length = parts.iter().map(|part| part.len() + 1).sum();
    let mut key = String::with_capacity(length);
    for part in parts {
        key.push_str(part);
        key.push(' ');
    }
    key.into_boxed_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(via: &str, cseq: &str) -> Message {
        let text = format!(
            "OPTIONS sip:x SIP/2.0\r\nVia: {via}\r\nFrom: <sip:a@x>;tag=1\r\nTo: <sip:x>\r\nCall-ID: c\r\nCSeq: {cseq} OPTIONS\r\n\r\n"
        );
        Message::parse(text.into()).unwrap()
    }

    fn same(a: (&str, &str), b: (&str, &str)) -> bool {
        server_key(&request(a.0, a.1)) == server_key(&request(b.0, b.1))
    }

    #[test]
    fn rfc3261_17_2_3_branch_and_sent_by_make_the_key() {
        let via = "SIP/2.0/UDP ue.test:5062;branch=z9hG4bKx";
        assert!(same((via, "1"), ("SIP/2.0/TCP UE.test:5062;branch=z9hG4bKx;rport", "2")));
        assert!(!same((via, "1"), ("SIP/2.0/UDP ue.test:5063;branch=z9hG4bKx", "1")));
        assert!(!same((via, "1"), ("SIP/2.0/UDP ue.test:5062;branch=z9hG4bKX", "1")));
    }

    #[test]
    fn rfc3261_17_2_3_without_a_branch_the_whole_request_is_the_key() {
        let via = "SIP/2.0/UDP ue.test:5062;branch=1";
        assert!(same((via, "1"), (via, "1")));
        assert!(!same((via, "1"), (via, "2")));
        assert!(!same((via, "1"), ("SIP/2.0/UDP ue.test:5062;branch=2", "1")));
    }

    #[test]
    fn an_id_is_found_by_its_key_until_it_is_removed() {
        let held = ["a", "b"];
        let key_of = |id: usize| held.get(id).copied();
        let mut keys = Keys::default();
        keys.insert("a", 0);
        keys.insert("b", 1);
        assert_eq!((keys.get("b", key_of), keys.get("c", key_of)), (Some(1), None));
        keys.remove("b", 1);
        assert_eq!((keys.get("a", key_of), keys.get("b", key_of)), (Some(0), None));
    }
}
