//! Numbers by which an answer finds what it is the answer to.

/// A request to the HSS whose answer is awaited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HssToken(pub u64);

/// Something that a role was asked and whose answer is awaited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AskId(pub u64);

/// A request of the HSS whose answer is awaited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct HssRequestId(pub u64);
