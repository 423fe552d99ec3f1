//! What a node counts, and how full it is: for the operator's `stats`.

use crate::node::{MAX_HSS_WAITING, Node};
use crate::pressure::Pressure;
use crate::role::Role;
use sip_resolve::MAX_LOOKUPS;
use sip_transaction::{MAX_CLIENTS, MAX_OPEN_BYTES, MAX_SERVERS};

impl<R: Role> Node<R> {
    /// How much there is of what, and how often what has happened, by name: tables, pressure, what was shed, refusals
    /// (`refused_` and the name of the reason) and drops (`dropped_`), and what the role adds.
    #[must_use]
    pub fn metrics(&self) -> Vec<(String, u64)> {
        let load = self.transactions.load();
        let pressure = match self.overload.pressure() {
            Pressure::None => 0,
            Pressure::High => 1,
            Pressure::Extreme => 2,
        };
        let counted = [
            ("client_transactions", load.clients),
            ("server_transactions", load.servers),
            ("transaction_bytes", load.bytes),
            ("finished_transactions", load.finished),
            ("finished_transaction_bytes", load.finished_bytes),
            ("transaction_steps", usize::try_from(self.steps()).unwrap_or(usize::MAX)),
            ("requests_sent", self.under_way.len()),
            ("requests_resolving", self.resolving.len()),
            ("requests_at_hss", self.hss.len()),
            ("pressure", pressure),
            ("work_waits", usize::from(self.work_waits())),
        ];
        let counted = counted.map(|(name, count)| (name.to_owned(), count as u64));
        let named = self.overload.shed().into_iter().chain(self.role.metrics());
        let named = named.map(|(name, count)| (name.to_owned(), count));
        counted.into_iter().chain(named).chain(self.counters.by_name()).collect()
    }

    /// How many deadlines of transactions were looked at since the start: a measure of work that no loaded machine changes.
    #[must_use]
    pub const fn steps(&self) -> u64 {
        self.transactions.steps()
    }

    /// The share of its bound that the fullest table holds, in percent. Tables of what waits for an answer count; what is
    /// finished makes room by itself.
    pub(crate) fn fullness(&self) -> usize {
        let load = self.transactions.load();
        let tables = [
            (load.clients, MAX_CLIENTS),
            (load.servers, MAX_SERVERS),
            (load.bytes, MAX_OPEN_BYTES),
            (self.resolving.len(), MAX_LOOKUPS),
            (self.hss.len(), MAX_HSS_WAITING),
        ];
        tables.into_iter().map(|(held, bound)| held * 100 / bound).max().unwrap_or_default()
    }
}
