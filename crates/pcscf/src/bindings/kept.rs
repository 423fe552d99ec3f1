//! How the journal has what knows no CBOR of its own.

/// A flow: listener, whether over TCP, the other end, connection.
pub(crate) mod flow {
    use ims_node::{Flow, ListenerId};
    use minicbor::decode::{Decoder, Error as DecodeError};
    use minicbor::encode::{Encoder, Error as EncodeError, Write};
    use minicbor::{Decode, Encode};
    use sip_message::Transport;
    use std::net::SocketAddr;

    #[derive(Encode, Decode)]
    struct Kept {
        #[n(0)]
        listener: u8,
        #[n(1)]
        over_tcp: bool,
        #[n(2)]
        remote: SocketAddr,
        #[n(3)]
        connection: Option<u64>,
    }

    pub(crate) fn encode<C, W: Write>(
        flow: &Flow,
        e: &mut Encoder<W>,
        ctx: &mut C,
    ) -> Result<(), EncodeError<W::Error>> {
        let Flow { listener, transport, remote, connection } = *flow;
        Kept { listener: listener.0, over_tcp: transport == Transport::Tcp, remote, connection }
            .encode(e, ctx)
    }

    pub(crate) fn decode<C>(d: &mut Decoder<'_>, ctx: &mut C) -> Result<Flow, DecodeError> {
        let Kept { listener, over_tcp, remote, connection } = Kept::decode(d, ctx)?;
        let transport = if over_tcp { Transport::Tcp } else { Transport::Udp };
        Ok(Flow { listener: ListenerId(listener), transport, remote, connection })
    }
}

/// A Service-Route, as an array of its entries.
pub(crate) mod route {
    use crate::bindings::ServiceRoute;
    use minicbor::decode::{Decoder, Error as DecodeError};
    use minicbor::encode::{Encoder, Error as EncodeError, Write};
    use minicbor::{Decode, Encode};

    pub(crate) fn encode<C, W: Write>(
        route: &ServiceRoute,
        e: &mut Encoder<W>,
        ctx: &mut C,
    ) -> Result<(), EncodeError<W::Error>> {
        (**route).encode(e, ctx)
    }

    pub(crate) fn decode<C>(d: &mut Decoder<'_>, ctx: &mut C) -> Result<ServiceRoute, DecodeError> {
        Vec::<Box<str>>::decode(d, ctx).map(Into::into)
    }
}
