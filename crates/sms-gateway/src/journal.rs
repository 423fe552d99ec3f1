//! What survives the process.
//!
//! | key | held |
//! |---|---|
//! | `u`, number | an update that is accepted and not confirmed |
//! | `p`, number of a phone | the publication of a user |
//! | `o`, number | a message that is to be sent |
//! | `s`, number of a phone | its user wants no messages |

use crate::Fx;
use crate::gateway::SmsGateway;
use crate::number::Msisdn;
use crate::outbox::ShortMessage;
use crate::publication::Publication;
use crate::update::Accepted;
use ims_node::{Record, Unreadable};
use minicbor::Encode;

const UPDATE: u8 = b'u';
const PUBLICATION: u8 = b'p';
const MESSAGE: u8 = b'o';
const SILENCE: u8 = b's';

fn numbered(kind: u8, number: u64) -> Vec<u8> {
    [&[kind][..], &number.to_be_bytes()].concat()
}

fn of_phone(kind: u8, phone: Msisdn) -> Vec<u8> {
    numbered(kind, phone.digits())
}

fn encoded(value: &impl Encode<()>) -> Vec<u8> {
    let mut bytes = Vec::new();
    // Writing to memory cannot fail, and none of our values refuses to be written.
    let _ = minicbor::encode(value, &mut bytes);
    bytes
}

pub(crate) fn keep_update(number: u64, update: &Accepted, fx: &mut Fx) {
    fx.persist(numbered(UPDATE, number), encoded(update));
}

pub(crate) fn forget_update(number: u64, fx: &mut Fx) {
    fx.forget(numbered(UPDATE, number));
}

pub(crate) fn keep_publication(phone: Msisdn, publication: &Publication, fx: &mut Fx) {
    fx.persist(of_phone(PUBLICATION, phone), encoded(publication));
}

pub(crate) fn forget_publication(phone: Msisdn, fx: &mut Fx) {
    fx.forget(of_phone(PUBLICATION, phone));
}

pub(crate) fn keep_message(number: u64, message: &ShortMessage, fx: &mut Fx) {
    fx.persist(numbered(MESSAGE, number), encoded(message));
}

pub(crate) fn forget_message(number: u64, fx: &mut Fx) {
    fx.forget(numbered(MESSAGE, number));
}

pub(crate) fn keep_silence(phone: Msisdn, fx: &mut Fx) {
    fx.persist(of_phone(SILENCE, phone), Vec::new());
}

pub(crate) fn forget_silence(phone: Msisdn, fx: &mut Fx) {
    fx.forget(of_phone(SILENCE, phone));
}

impl SmsGateway {
    /// Takes up one record.
    pub(crate) fn take(&mut self, record: &Record) -> Result<(), Unreadable> {
        let (kind, key) = record.key.split_first().ok_or(Unreadable)?;
        let value = record.value.as_deref().ok_or(Unreadable)?;
        let number = || Ok::<_, Unreadable>(u64::from_be_bytes(key.try_into().map_err(|_| Unreadable)?));
        let phone = || Ok::<_, Unreadable>(Msisdn::kept(number()?));
        match *kind {
            UPDATE => self.users.restore_update(number()?, decoded(value)?),
            PUBLICATION => self.users.restore_publication(phone()?, decoded(value)?),
            MESSAGE => self.outbox.restore(number()?, decoded(value)?),
            SILENCE => {
                self.silenced.insert(phone()?);
            }
            _ => return Err(Unreadable),
        }
        Ok(())
    }
}

fn decoded<'b, T: minicbor::Decode<'b, ()>>(value: &'b [u8]) -> Result<T, Unreadable> {
    minicbor::decode(value).map_err(|_| Unreadable)
}
