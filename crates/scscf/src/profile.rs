//! What the HSS told of a user, as it is kept here.

use cx_protocol::{ImplicitRegistrationSet, Impu, InitialFilterCriterion, ServiceProfile};
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

impl Profile {
    /// The SIP identity that a telephone number of this set is another name of (TS 23.228 section 4.3.3.1, ADR 0015): the first
    /// that is not barred. `None` for whatever is no number of this set.
    pub(crate) fn alias(&self, number: &Impu) -> Option<&Impu> {
        let is_number = number.domain().is_none() && self.identities.usable().any(|impu| impu == number);
        self.identities.usable().find(|impu| is_number && impu.domain().is_some())
    }
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
