//! What wakes a node's task.

use super::sockets::Happened;
use super::source::Inquiry;
use crate::ctl::CtlRequest;
use crate::cx::CxEvent;
use crate::journal::Status;
use crate::signals::Signal;
use sip_resolve::{DnsAnswer, Question};

/// One reason to be awake.
#[derive(Debug)]
pub(super) enum Woken<A, T> {
    Sockets(Happened),
    Dns(Question, DnsAnswer),
    Cx(CxEvent),
    Ctl(CtlRequest),
    Asked(Inquiry<A, T>),
    Signal(Signal),
    Journal(Status),
    Time,
}
