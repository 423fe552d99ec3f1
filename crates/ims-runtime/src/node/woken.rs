//! What wakes a node's task.

use super::sockets::Happened;
use crate::ctl::CtlRequest;
use crate::cx::CxEvent;
use crate::journal::Status;
use crate::signals::Signal;
use sip_resolve::{DnsAnswer, Question};

/// One reason to be awake.
#[derive(Debug)]
pub(super) enum Woken {
    Sockets(Happened),
    Dns(Question, DnsAnswer),
    Cx(CxEvent),
    Ctl(CtlRequest),
    Signal(Signal),
    Journal(Status),
    Time,
}
