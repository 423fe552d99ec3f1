//! A dialog in the journal.

use crate::dialog::Dialog;
use crate::dialog_text::{DialogText, Parts};
use crate::route_set;
use crate::sequence::Sequence;
use minicbor::decode::{Decoder, Error as DecodeError};
use minicbor::encode::{Error as EncodeError, Write};
use minicbor::{Decode, Encode, Encoder};
use sip_message::Uri;

#[derive(Encode, Decode)]
struct KeptId<'a> {
    #[b(0)]
    call_id: &'a str,
    #[b(1)]
    local_tag: &'a str,
    #[b(2)]
    remote_tag: &'a str,
}

#[derive(Encode, Decode)]
struct KeptDialog<'a> {
    #[b(0)]
    id: KeptId<'a>,
    #[b(1)]
    local_uri: &'a str,
    #[b(2)]
    remote_uri: &'a str,
    #[b(3)]
    remote_target: &'a str,
    #[b(4)]
    route_set: &'a str,
    #[n(5)]
    sequence: Sequence,
    #[n(6)]
    remote_cseq: Option<u32>,
}

impl<C> Encode<C> for Dialog {
    fn encode<W: Write>(&self, e: &mut Encoder<W>, ctx: &mut C) -> Result<(), EncodeError<W::Error>> {
        let Parts { call_id, local_tag, remote_tag, local_uri, remote_uri, remote_target, route_set } =
            self.text.parts();
        let id = KeptId { call_id, local_tag, remote_tag };
        let (sequence, remote_cseq) = (self.sequence, self.remote_cseq);
        KeptDialog { id, local_uri, remote_uri, remote_target, route_set, sequence, remote_cseq }
            .encode(e, ctx)
    }
}

impl<'b, C> Decode<'b, C> for Dialog {
    fn decode(d: &mut Decoder<'b>, ctx: &mut C) -> Result<Self, DecodeError> {
        let KeptDialog { id, local_uri, remote_uri, remote_target, route_set, sequence, remote_cseq } =
            KeptDialog::decode(d, ctx)?;
        let KeptId { call_id, local_tag, remote_tag } = id;
        Uri::parse(remote_target).map_err(|_| DecodeError::message("a target that is no URI"))?;
        let route_set =
            &*route_set::read(route_set).map_err(|_| DecodeError::message("a route set that is none"))?;
        let parts = Parts { call_id, local_tag, remote_tag, local_uri, remote_uri, remote_target, route_set };
        let text =
            DialogText::new(&parts).map_err(|_| DecodeError::message("a dialog with too much text"))?;
        Ok(Self { text, sequence, remote_cseq })
    }
}
