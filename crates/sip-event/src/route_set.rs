//! The route set of a dialog (RFC 3261 sections 12.1.1 and 12.1.2).

use sip_message::{HeaderName, Message, NameAddr, Uri, list};

/// Most entries of a route set; a dialog with more is refused. The longest way of this network has five.
pub const MAX_ROUTES: usize = 32;

/// The URIs that every request of a dialog visits on its way, kept as one Route value to be small.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RouteSet<'a>(&'a str);

/// A Record-Route value that is no address, or too many of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BadRouteSet;

/// The Route value of the Record-Route values as they stand: on the side that received the request.
pub(crate) fn in_order(request: &Message) -> Result<String, BadRouteSet> {
    collect(request.list(HeaderName::RecordRoute))
}

/// The Route value of the Record-Route values from the last to the first: on the side that received the response.
pub(crate) fn reversed(response: &Message) -> Result<String, BadRouteSet> {
    let values: Vec<&str> = response.list(HeaderName::RecordRoute).collect();
    collect(values.into_iter().rev())
}

/// A Route value that was written before, checked once more.
pub(crate) fn read(value: &str) -> Result<String, BadRouteSet> {
    if value.is_empty() { Ok(String::new()) } else { collect(list(value)) }
}

fn collect<'a>(values: impl Iterator<Item = &'a str>) -> Result<String, BadRouteSet> {
    let mut text = String::new();
    for (count, value) in values.enumerate() {
        let address = NameAddr::parse(value).map_err(|_| BadRouteSet)?;
        let uri = address.uri().map_err(|_| BadRouteSet)?;
        if count == MAX_ROUTES || !uri.is_sip() {
            return Err(BadRouteSet);
        }
        if count > 0 {
            text.push(',');
        }
        text.push('<');
        text.push_str(uri.as_str());
        text.push('>');
    }
    Ok(text)
}

impl<'a> RouteSet<'a> {
    pub(crate) const fn of(value: &'a str) -> Self {
        Self(value)
    }

    /// The value of a Route header; empty when nothing recorded its route.
    #[must_use]
    pub const fn as_str(self) -> &'a str {
        self.0
    }

    /// Whether nothing recorded its route.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// The entries in the order of travel.
    pub fn iter(self) -> impl Iterator<Item = Uri> + 'a {
        list(self.0).filter_map(|value| NameAddr::parse(value).ok()).filter_map(|address| address.uri().ok())
    }

    /// The entry that a request visits first.
    #[must_use]
    pub fn first(self) -> Option<Uri> {
        self.iter().next()
    }

    /// Everything behind the first entry, as the value of a Route header.
    pub(crate) fn rest(self) -> &'a str {
        // A comma may stand in a user part too, within the brackets.
        let first = list(self.0).next().map_or(0, str::len);
        self.0.get(first + 1..).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_behind_the_first_entry_begins_behind_its_brackets() {
        for (value, rest) in [
            ("<sip:a,b@x;lr>,<sip:y;lr>", "<sip:y;lr>"),
            ("<sip:x;lr>,<sip:c,d@y;lr>,<sip:z;lr>", "<sip:c,d@y;lr>,<sip:z;lr>"),
            ("<sip:a,b@x;lr>", ""),
            ("", ""),
        ] {
            assert_eq!(RouteSet::of(value).rest(), rest, "{value}");
        }
    }
}
