//! RFC 3339 date-times and wall clock readings.

use clock::Wall;
use jiff::Timestamp;

/// The reading a date-time stands for; `None` when it is not one or names no offset from UTC.
///
/// A time before 1970 is the epoch: nothing here is that old, and it stays older than all else.
pub(crate) fn parse(text: &str) -> Option<Wall> {
    let timestamp: Timestamp = text.trim().parse().ok()?;
    Some(Wall::from_unix_millis(u64::try_from(timestamp.as_millisecond()).unwrap_or(0)))
}

/// The date-time of a reading in UTC, with capital `T` and `Z` (RFC 3863 §4.1.7); `None` after the year 9999.
pub(crate) fn format(wall: Wall) -> Option<String> {
    let millis = i64::try_from(wall.unix_millis()).ok()?;
    Some(Timestamp::from_millisecond(millis).ok()?.to_string())
}
