//! A disk in memory that does what a real one may do when the power goes: forget what was not synced, any part of it,
//! and tear a write in the middle.

use crate::journal::storage::{Directory, File};
use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

/// Every handle is to the same disk.
#[derive(Debug, Clone, Default)]
pub(crate) struct Forgetful(Arc<Mutex<Disk>>);

#[derive(Debug, Default)]
struct Disk {
    files: Vec<Content>,
    /// Names as the process sees them, and as a crash would find them.
    names: HashMap<String, usize>,
    durable_names: HashMap<String, usize>,
    /// Syncs return and do nothing.
    lies: bool,
    /// Syncs fail.
    broken: bool,
    /// Bytes that all files together may have.
    capacity: Option<usize>,
}

#[derive(Debug, Clone, Default)]
struct Content {
    seen: Vec<u8>,
    durable: Vec<u8>,
    /// Writes since the last sync.
    writes: Vec<(usize, Vec<u8>)>,
}

/// An open file of it.
#[derive(Debug)]
pub(crate) struct Handle(Forgetful, usize);

impl Forgetful {
    fn disk(&self) -> MutexGuard<'_, Disk> {
        self.0.lock().unwrap()
    }

    /// From here on syncs return without having done anything.
    pub(crate) fn lie(&self) {
        self.disk().lies = true;
    }

    /// Nothing comes to its end on this disk while the value lives.
    pub(crate) fn stop(&self) -> impl Drop + use<'_> {
        self.disk()
    }

    /// From here on syncs fail.
    pub(crate) fn break_down(&self) {
        self.disk().broken = true;
    }

    pub(crate) fn set_capacity(&self, bytes: Option<usize>) {
        self.disk().capacity = bytes;
    }

    /// The power goes. `fate` gives the number of bytes of an unsynced write that arrived all the same.
    pub(crate) fn crash(&self, mut fate: impl FnMut(usize) -> usize) -> Self {
        let disk = self.disk();
        let files = disk.files.iter().map(|content| {
            let mut durable = content.durable.clone();
            for (offset, bytes) in &content.writes {
                write(&mut durable, *offset, &bytes[..fate(bytes.len())]);
            }
            Content { seen: durable.clone(), durable, writes: Vec::new() }
        });
        let names = disk.durable_names.clone();
        let after = Disk { files: files.collect(), durable_names: names.clone(), names, ..Disk::default() };
        Self(Arc::new(Mutex::new(after)))
    }

    /// Changes a byte, as a bad disk does.
    pub(crate) fn damage(&self, name: &str, offset: usize) {
        let mut disk = self.disk();
        let index = disk.names[name];
        disk.files[index].seen[offset] ^= 0x40;
    }

    pub(crate) fn bytes(&self, name: &str) -> Vec<u8> {
        let disk = self.disk();
        disk.files[disk.names[name]].seen.clone()
    }
}

fn write(bytes: &mut Vec<u8>, offset: usize, new: &[u8]) {
    if new.is_empty() {
        return;
    }
    bytes.resize(bytes.len().max(offset + new.len()), 0);
    bytes[offset..offset + new.len()].copy_from_slice(new);
}

impl Directory for Forgetful {
    type File = Handle;

    fn open(&self, name: &str) -> io::Result<Option<Handle>> {
        Ok(self.disk().names.get(name).map(|index| Handle(self.clone(), *index)))
    }

    fn create(&self, name: &str) -> io::Result<Handle> {
        let mut disk = self.disk();
        disk.files.push(Content::default());
        let index = disk.files.len() - 1;
        disk.names.insert(name.to_owned(), index);
        Ok(Handle(self.clone(), index))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut disk = self.disk();
        let index = disk.names.remove(from).ok_or(io::ErrorKind::NotFound)?;
        disk.names.insert(to.to_owned(), index);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut disk = self.disk();
        disk.durable_names = disk.names.clone();
        Ok(())
    }
}

impl File for Handle {
    fn length(&self) -> io::Result<u64> {
        Ok(self.0.disk().files[self.1].seen.len() as u64)
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let disk = self.0.disk();
        let start = usize::try_from(offset).unwrap();
        let bytes = disk.files[self.1].seen.get(start..start + buffer.len());
        buffer.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut disk = self.0.disk();
        let start = usize::try_from(offset).unwrap();
        let others: usize =
            (0..disk.files.len()).filter(|at| *at != self.1).map(|at| disk.files[at].seen.len()).sum();
        if disk.capacity.is_some_and(|capacity| others + start + bytes.len() > capacity) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let content = &mut disk.files[self.1];
        write(&mut content.seen, start, bytes);
        content.writes.push((start, bytes.to_vec()));
        Ok(())
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        let mut disk = self.0.disk();
        disk.files[self.1].seen.truncate(usize::try_from(length).unwrap());
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut disk = self.0.disk();
        if disk.broken {
            return Err(io::ErrorKind::Other.into());
        }
        if !disk.lies {
            let content = &mut disk.files[self.1];
            content.durable = content.seen.clone();
            content.writes.clear();
        }
        Ok(())
    }
}
