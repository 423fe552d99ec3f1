//! A disk that keeps only what was synced.

use ims_node::{Record, Seq};
use std::collections::{BTreeMap, VecDeque};

/// The journal of one node: it outlives the node's processes.
#[derive(Debug, Default)]
pub(crate) struct Disk {
    live: BTreeMap<Box<[u8]>, Record>,
    unsynced: VecDeque<(Seq, Record)>,
    synced: Seq,
    syncing: bool,
}

impl Disk {
    /// Takes a record; whether a sync must be begun for it (one at a time, for all that gathered before it).
    pub(crate) fn append(&mut self, seq: Seq, record: Record) -> bool {
        self.unsynced.push_back((seq, record));
        !self.syncing
    }

    /// Begins a sync of everything appended so far; the number it will have reached.
    pub(crate) fn begin_sync(&mut self) -> Option<Seq> {
        let (last, _) = self.unsynced.back()?;
        self.syncing = true;
        Some(*last)
    }

    /// The sync that was begun has ended.
    pub(crate) fn end_sync(&mut self, reached: Seq) {
        self.syncing = false;
        self.synced = self.synced.max(reached);
        let kept = self.unsynced.iter().take_while(|(seq, _)| *seq <= reached).count();
        for (_, record) in self.unsynced.drain(..kept) {
            match record.value {
                Some(_) => drop(self.live.insert(record.key.clone(), record)),
                None => drop(self.live.remove(&record.key)),
            }
        }
    }

    /// The process died: what was not synced is gone. How many records that were.
    pub(crate) fn lose_unsynced(&mut self) -> usize {
        self.syncing = false;
        let lost = self.unsynced.len();
        self.unsynced.clear();
        lost
    }

    pub(crate) const fn synced(&self) -> Seq {
        self.synced
    }

    pub(crate) fn is_clean(&self) -> bool {
        self.unsynced.is_empty()
    }

    /// The newest value of each key, in order of the keys.
    pub(crate) fn live(&self) -> Vec<Record> {
        self.live.values().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(key: &str, value: Option<&str>) -> Record {
        Record { key: key.as_bytes().into(), value: value.map(|text| text.as_bytes().into()) }
    }

    #[test]
    fn only_what_a_sync_began_after_is_kept() {
        let mut disk = Disk::default();
        assert!(disk.append(Seq(1), record("a", Some("1"))));
        assert_eq!(disk.begin_sync(), Some(Seq(1)));
        assert!(!disk.append(Seq(2), record("a", Some("2"))));
        disk.end_sync(Seq(1));
        assert_eq!(disk.lose_unsynced(), 1);
        assert_eq!((disk.live(), disk.synced()), (vec![record("a", Some("1"))], Seq(1)));
        assert!(disk.append(Seq(2), record("a", None)));
        assert_eq!(disk.begin_sync(), Some(Seq(2)));
        disk.end_sync(Seq(2));
        assert_eq!((disk.live(), disk.is_clean()), (vec![], true));
    }
}
