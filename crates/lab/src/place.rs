//! The directory of a lab: rewritten configuration, state, sockets and logs.

use crate::error::LabError;
use crate::overlay;
use crate::subnet::{CONFIGURED, Prefix};
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// How the directories of labs begin, in the system's directory for temporary files.
const PREFIX: &str = "muster-lab-";
/// Locked by the lab that has the directory.
const LOCK: &str = "lock";
/// Which network the lab had, to have it again.
const NETWORK: &str = "network";

/// A directory that no other lab uses. One made for this lab goes with it.
#[derive(Debug)]
pub(crate) struct Place {
    directory: PathBuf,
    /// None where the directory was given and stays.
    passing: Option<TempDir>,
    lock: File,
}

impl Place {
    /// A new directory, or `kept`, which is made if it is not there.
    pub(crate) fn take(kept: Option<&Path>) -> Result<Self, LabError> {
        let passing = match kept {
            Some(_) => None,
            None => {
                sweep(&std::env::temp_dir());
                let made = tempfile::Builder::new().prefix(PREFIX).tempdir();
                Some(made.map_err(LabError::at(&std::env::temp_dir()))?)
            }
        };
        let directory = match (kept, &passing) {
            (Some(kept), _) => kept.to_owned(),
            (None, passing) => passing.as_ref().map(|made| made.path().to_owned()).unwrap_or_default(),
        };
        for part in ["config", "run", "log"] {
            let part = directory.join(part);
            std::fs::create_dir_all(&part).map_err(LabError::at(&part))?;
        }
        let lock = lock(&directory)?;
        Ok(Self { directory, passing, lock })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.directory
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.directory.join("config")
    }

    /// Where what this process says goes.
    pub(crate) fn log(&self, name: &str) -> PathBuf {
        self.directory.join("log").join(format!("{name}.log"))
    }

    /// Through which the node's recording comes.
    pub(crate) fn recording(&self, name: &str) -> PathBuf {
        self.directory.join("run").join(format!("{name}.recording"))
    }

    /// The network that the last lab in this directory had.
    pub(crate) fn last_network(&self) -> Option<Prefix> {
        let text = std::fs::read_to_string(self.directory.join(NETWORK)).ok()?;
        let address: std::net::Ipv4Addr = text.trim().parse().ok()?;
        let [a, b, c, _] = address.octets();
        (a == 127).then_some(Prefix([a, b, c]))
    }

    pub(crate) fn note_network(&self, network: Prefix) -> Result<(), LabError> {
        let path = self.directory.join(NETWORK);
        std::fs::write(&path, network.host(0).to_string()).map_err(LabError::at(&path))
    }

    /// Copies the configuration, its addresses moved to `network`, and puts the overlays over it, one after the other.
    pub(crate) fn fill(&self, from: &Path, network: Prefix, overlays: &[PathBuf]) -> Result<(), LabError> {
        copy(from, &self.config(), network)?;
        overlays.iter().try_for_each(|overlay| overlay::apply(overlay, &self.config(), network))
    }

    /// Removes the directory, unless it was given.
    pub(crate) fn leave(mut self) -> Result<(), LabError> {
        match self.passing.take() {
            Some(passing) => passing.close().map_err(LabError::at(&self.directory)),
            None => Ok(()),
        }
    }
}

impl Drop for Place {
    /// Closing would not do: a child that another thread starts meanwhile holds a copy of the file until it
    /// runs its program, and the lock with it.
    fn drop(&mut self) {
        // A lock that will not go is gone with the process.
        let _ = self.lock.unlock();
    }
}

/// The lock appears locked, so that a directory whose lock is free is nobody's.
fn lock(directory: &Path) -> Result<File, LabError> {
    let path = directory.join(LOCK);
    if let Ok(file) = File::open(&path) {
        return match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => Err(LabError::InUse(directory.to_owned())),
            Err(TryLockError::Error(error)) => Err(LabError::File(path, error)),
        };
    }
    let made = directory.join(format!("{LOCK}.{}", std::process::id()));
    let file = File::create(&made).map_err(LabError::at(&made))?;
    file.lock().map_err(LabError::at(&made))?;
    std::fs::rename(&made, &path).map_err(LabError::at(&path))?;
    Ok(file)
}

/// Removes what labs left that had no time to.
fn sweep(directory: &Path) {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    for left in entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(PREFIX)) {
        let lock = File::open(left.path().join(LOCK));
        if lock.is_ok_and(|lock| lock.try_lock().is_ok()) {
            // Somebody else may be doing the same.
            let _ = std::fs::remove_dir_all(left.path());
        }
    }
}

fn copy(from: &Path, to: &Path, network: Prefix) -> Result<(), LabError> {
    std::fs::create_dir_all(to).map_err(LabError::at(to))?;
    for entry in std::fs::read_dir(from).map_err(LabError::at(from))? {
        let source = entry.map_err(LabError::at(from))?.path();
        let target = to.join(source.file_name().unwrap_or_default());
        if source.is_dir() {
            copy(&source, &target, network)?;
        } else {
            let text = std::fs::read_to_string(&source).map_err(LabError::at(&source))?;
            let moved = network.rewrite(CONFIGURED, &text);
            std::fs::write(&target, moved).map_err(LabError::at(&target))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_goes_with_its_lab_and_a_given_one_stays() {
        let place = Place::take(None).unwrap();
        let path = place.path().to_owned();
        assert!(path.join("config").is_dir());
        place.leave().unwrap();
        assert!(!path.exists());

        let given = tempfile::tempdir().unwrap();
        let place = Place::take(Some(given.path())).unwrap();
        assert!(matches!(Place::take(Some(given.path())), Err(LabError::InUse(_))));
        assert_eq!(place.last_network(), None);
        place.note_network(Prefix([127, 3, 4])).unwrap();
        // As a child has it between its beginning and its program.
        let _copy = place.lock.try_clone().unwrap();
        place.leave().unwrap();
        let again = Place::take(Some(given.path())).unwrap();
        assert_eq!(again.last_network(), Some(Prefix([127, 3, 4])));
    }

    #[test]
    fn what_a_dead_lab_left_is_swept_away_and_a_living_one_s_is_not() {
        let all = tempfile::tempdir().unwrap();
        let (dead, living, foreign) =
            (all.path().join("muster-lab-a"), all.path().join("muster-lab-b"), all.path().join("other"));
        for directory in [&dead, &living, &foreign] {
            std::fs::create_dir(directory).unwrap();
            std::fs::write(directory.join("something"), "x").unwrap();
        }
        drop(lock(&dead).unwrap());
        drop(lock(&foreign).unwrap());
        let _held = lock(&living).unwrap();
        sweep(all.path());
        assert!(!dead.exists() && living.exists() && foreign.exists());
    }

    #[test]
    fn the_configuration_is_copied_with_its_addresses_moved() {
        let from = tempfile::tempdir().unwrap();
        std::fs::create_dir(from.path().join("zones")).unwrap();
        std::fs::write(from.path().join("ps1.toml"), "listen = \"127.0.10.17:5060\"").unwrap();
        std::fs::write(from.path().join("zones/z"), "a A 127.0.10.2\n").unwrap();
        let place = Place::take(None).unwrap();
        place.fill(from.path(), Prefix([127, 1, 9]), &[]).unwrap();
        let read = |name: &str| std::fs::read_to_string(place.config().join(name)).unwrap();
        assert_eq!(read("ps1.toml"), "listen = \"127.1.9.17:5060\"");
        assert_eq!(read("zones/z"), "a A 127.1.9.2\n");
    }
}
