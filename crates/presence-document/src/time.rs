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

/// Whether this is a date-time as RFC 3863 §4.1.7 has it: whole seconds at least, capital `T` and `Z`, and a day that there is.
pub(crate) fn is_date_time(text: &str) -> bool {
    let shape = |(at, byte): (usize, u8)| match at {
        4 | 7 => byte == b'-',
        10 => byte == b'T',
        13 | 16 => byte == b':',
        0..19 => byte.is_ascii_digit(),
        _ => byte.is_ascii_digit() || matches!(byte, b'.' | b'Z' | b'+' | b'-' | b':'),
    };
    // Schemas know no leap second.
    let is_leap = text.get(17..19) == Some("60");
    !is_leap
        && text.bytes().enumerate().all(shape)
        && text.get(19..).is_some_and(is_offset)
        && text.parse::<Timestamp>().is_ok()
}

/// A fraction of a second, if there is one, and the offset from UTC.
fn is_offset(text: &str) -> bool {
    let offset = match text.strip_prefix('.') {
        Some(fraction) => {
            let rest = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
            if rest.len() == fraction.len() {
                return false;
            }
            rest
        }
        None => text,
    };
    match offset.as_bytes() {
        b"Z" => true,
        [b'+' | b'-', h0, h1, b':', m0, m1] => {
            // Nor an offset of more than fourteen hours.
            let is_far =
                (*h0, *h1) > (b'1', b'4') || (*h0, *h1) == (b'1', b'4') && (*m0, *m1) != (b'0', b'0');
            !is_far && *m0 <= b'5' && [h0, h1, m0, m1].iter().all(|digit| digit.is_ascii_digit())
        }
        _ => false,
    }
}

/// The date-time of a reading in UTC, with capital `T` and `Z` (RFC 3863 §4.1.7); `None` after the year 9999.
pub(crate) fn format(wall: Wall) -> Option<String> {
    let millis = i64::try_from(wall.unix_millis()).ok()?;
    Some(Timestamp::from_millisecond(millis).ok()?.to_string())
}
