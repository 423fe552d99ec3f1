//! What the journal keeps.

/// Number of a journal record, rising from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Seq(pub u64);

/// One change to the durable state: the newest value of a key wins, no value removes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// What it is about.
    pub key: Box<[u8]>,
    /// Its state from now on.
    pub value: Option<Box<[u8]>>,
}
