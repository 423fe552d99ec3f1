//! The records of the journal, which survive the process.
//!
//! | key | held |
//! |---|---|
//! | `u`, number | an update that is accepted and not confirmed |
//! | `p`, number of a phone | the publication of a user |
//! | `o`, number | a message that is to be sent |
//! | `s`, number of a phone | its user wants no messages |
//! | `l`, number of a phone, reference, total, number | a part of a long message |

use crate::Fx;
use crate::gateway::SmsGateway;
use crate::number::Msisdn;
use crate::outbox::ShortMessage;
use crate::publication::Publication;
use crate::update::{Accepted, PartOf};
use clock::Now;
use ims_node::{Record, Unreadable};
use minicbor::Encode;

const UPDATE: u8 = b'u';
const PUBLICATION: u8 = b'p';
const MESSAGE: u8 = b'o';
const SILENCE: u8 = b's';
const PART: u8 = b'l';

fn numbered(kind: u8, number: u64) -> Vec<u8> {
    [&[kind][..], &number.to_be_bytes()].concat()
}

fn of_phone(kind: u8, phone: Msisdn) -> Vec<u8> {
    numbered(kind, phone.digits())
}

fn encoded(value: &impl Encode<()>) -> Vec<u8> {
    // Writing to memory cannot fail, and none of our values refuses to be written.
    minicbor::to_vec(value).unwrap_or_default()
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

fn of_part(phone: Msisdn, part: PartOf) -> Vec<u8> {
    let PartOf { reference, total, number } = part;
    [&of_phone(PART, phone)[..], &reference.to_be_bytes(), &[total, number]].concat()
}

pub(crate) fn keep_part(phone: Msisdn, part: PartOf, text: &[u16], fx: &mut Fx) {
    let octets: Vec<u8> = text.iter().flat_map(|unit| unit.to_be_bytes()).collect();
    fx.persist(of_part(phone, part), octets);
}

pub(crate) fn forget_part(phone: Msisdn, part: PartOf, fx: &mut Fx) {
    fx.forget(of_part(phone, part));
}

/// What [`of_part`] has written, without its kind.
fn part(key: &[u8]) -> Result<(Msisdn, PartOf), Unreadable> {
    let (phone, rest) = key.split_first_chunk().ok_or(Unreadable)?;
    let [high, low, total, number] = rest.try_into().map_err(|_| Unreadable)?;
    let reference = u16::from_be_bytes([high, low]);
    Ok((Msisdn::kept(u64::from_be_bytes(*phone)), PartOf { reference, total, number }))
}

impl SmsGateway {
    /// Restores what one record of the journal says.
    pub(crate) fn take(&mut self, now: Now, record: &Record) -> Result<(), Unreadable> {
        let (kind, key) = record.key.split_first().ok_or(Unreadable)?;
        let value = record.value.as_deref().ok_or(Unreadable)?;
        let number = || Ok::<_, Unreadable>(u64::from_be_bytes(key.try_into().map_err(|_| Unreadable)?));
        let phone = || Ok::<_, Unreadable>(Msisdn::kept(number()?));
        match *kind {
            UPDATE => self.users.restore_update(number()?, decoded(value)?),
            PUBLICATION => self.users.restore_publication(phone()?, decoded(value)?),
            MESSAGE => self.outbox.restore(number()?, decoded(value)?),
            PART => {
                let (from, part) = part(key)?;
                let units =
                    value.chunks_exact(2).filter_map(|unit| Some(u16::from_be_bytes(unit.try_into().ok()?)));
                // A message whose last part was kept is acted on in the same turn.
                self.parts.take(now, from, part, units.collect());
            }
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
