//! From a key to its place in the text, and back.

use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Offset of the key with the path `key` (`a.b[1].c`); of the nearest section around it if it is absent.
pub(super) fn offset_of(text: &str, key: &str) -> usize {
    let Ok(document) = DeTable::parse(text) else { return 0 };
    let root = DeValue::Table(document.into_inner());
    let mut offset = 0;
    let mut within = &root;
    for step in key.split(['.', '[']).map(|step| step.trim_end_matches(']')) {
        let Some((start, value)) = child(within, step) else { break };
        offset = start;
        within = value;
    }
    offset
}

fn child<'a, 'i>(within: &'a DeValue<'i>, step: &str) -> Option<(usize, &'a DeValue<'i>)> {
    if let Some(table) = within.as_table() {
        let (key, value) = table.get_key_value(step)?;
        return Some((key.span().start, value.get_ref()));
    }
    let item = within.as_array()?.get(step.parse::<usize>().ok()?)?;
    Some((item.span().start, item.get_ref()))
}

/// Path of the innermost key that stands at `span` or whose value contains it.
pub(super) fn key_at(text: &str, span: &Range<usize>) -> Option<String> {
    let document = DeTable::parse(text).ok()?;
    in_table(document.get_ref(), span)
}

fn in_table(table: &DeTable<'_>, span: &Range<usize>) -> Option<String> {
    table.iter().find_map(|(key, value)| {
        let name = key.get_ref();
        // A section's span is its header, so the sections inside it are looked at whatever it spans.
        match in_value(value, span) {
            Some(rest) if rest.starts_with('[') => Some(format!("{name}{rest}")),
            Some(rest) => Some(format!("{name}.{rest}")),
            None if covers(&key.span(), span) || covers(&value.span(), span) => Some(name.to_string()),
            None => None,
        }
    })
}

fn in_value(value: &Spanned<DeValue<'_>>, span: &Range<usize>) -> Option<String> {
    if let Some(table) = value.get_ref().as_table() {
        return in_table(table, span);
    }
    let items = value.get_ref().as_array()?;
    items.iter().enumerate().find_map(|(index, item)| match in_value(item, span) {
        Some(rest) if rest.starts_with('[') => Some(format!("[{index}]{rest}")),
        Some(rest) => Some(format!("[{index}].{rest}")),
        None if covers(&item.span(), span) => Some(format!("[{index}]")),
        None => None,
    })
}

fn covers(outer: &Range<usize>, inner: &Range<usize>) -> bool {
    outer.start <= inner.start && inner.end <= outer.end
}
