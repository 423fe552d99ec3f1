//! What the HSS told of a user, as it is kept here.

use cx_protocol::{ImplicitRegistrationSet, InitialFilterCriterion, ServiceProfile};
use minicbor::{Decode, Encode};
use std::sync::Arc;

/// Filter criteria, lowest priority number first. Shared: an operator gives most of its users the same.
pub(crate) type Criteria = Arc<[InitialFilterCriterion]>;

/// The profile of one implicit registration set.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Profile {
    #[n(0)]
    pub(crate) identities: ImplicitRegistrationSet,
    #[n(1)]
    #[cbor(with = "kept_criteria")]
    pub(crate) criteria: Criteria,
}

impl From<ServiceProfile> for Profile {
    fn from(ServiceProfile { mut identities, criteria }: ServiceProfile) -> Self {
        identities.identities.shrink_to_fit();
        Self { identities, criteria: criteria.into() }
    }
}

/// In the journal an array of criteria.
mod kept_criteria {
    use super::Criteria;
    use cx_protocol::InitialFilterCriterion;
    use minicbor::decode::{Decoder, Error as DecodeError};
    use minicbor::encode::{Encoder, Error as EncodeError, Write};
    use minicbor::{Decode, Encode};

    pub(super) fn encode<C, W: Write>(
        criteria: &Criteria,
        e: &mut Encoder<W>,
        ctx: &mut C,
    ) -> Result<(), EncodeError<W::Error>> {
        (**criteria).encode(e, ctx)
    }

    pub(super) fn decode<C>(d: &mut Decoder<'_>, ctx: &mut C) -> Result<Criteria, DecodeError> {
        Vec::<InitialFilterCriterion>::decode(d, ctx).map(Into::into)
    }
}
