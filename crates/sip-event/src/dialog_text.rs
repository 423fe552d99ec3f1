//! The texts of a dialog in one piece.

/// Most octets of a dialog's text (Call-ID, tags, URIs, route set); more is refused as [`crate::BadDialog::TooLarge`].
pub const MAX_DIALOG_TEXT: usize = 4096;

/// What a dialog holds in words.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parts<'a> {
    pub(crate) call_id: &'a str,
    pub(crate) local_tag: &'a str,
    pub(crate) remote_tag: &'a str,
    pub(crate) local_uri: &'a str,
    pub(crate) remote_uri: &'a str,
    /// A SIP URI, which was checked.
    pub(crate) remote_target: &'a str,
    /// A Route value, which was checked.
    pub(crate) route_set: &'a str,
}

/// More than [`MAX_DIALOG_TEXT`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooLarge;

/// All parts, one behind the other: a node keeps very many dialogs, and seven blocks of memory cost more than one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DialogText {
    text: Box<str>,
    /// Where each part but the last ends.
    ends: [u16; 6],
}

impl DialogText {
    pub(crate) fn new(parts: &Parts<'_>) -> Result<Self, TooLarge> {
        let Parts { call_id, local_tag, remote_tag, local_uri, remote_uri, remote_target, route_set } = parts;
        let text =
            [*call_id, local_tag, remote_tag, local_uri, remote_uri, remote_target, route_set].concat();
        if text.len() > MAX_DIALOG_TEXT {
            return Err(TooLarge);
        }
        let mut end = 0_u16;
        let ends = [call_id, local_tag, remote_tag, local_uri, remote_uri, remote_target].map(|part| {
            // All of them together are no longer than the bound above.
            end = end.saturating_add(u16::try_from(part.len()).unwrap_or(u16::MAX));
            end
        });
        Ok(Self { text: text.into(), ends })
    }

    pub(crate) fn parts(&self) -> Parts<'_> {
        let mut rest = &*self.text;
        let mut before = 0;
        let mut next = |end: u16| {
            let (part, behind) = rest.split_at_checked(usize::from(end - before)).unwrap_or((rest, ""));
            (rest, before) = (behind, end);
            part
        };
        let [call_id, local_tag, remote_tag, local_uri, remote_uri, remote_target] = self.ends.map(&mut next);
        Parts { call_id, local_tag, remote_tag, local_uri, remote_uri, remote_target, route_set: rest }
    }

    pub(crate) fn len(&self) -> usize {
        self.text.len()
    }
}
