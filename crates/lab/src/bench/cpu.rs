//! What a process has used, as the system counts it.

use crate::error::LabError;
use nix::time::ClockId;
use nix::unistd::Pid;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// CPU time of a process, user and system, of all its threads since it began.
pub(crate) fn cpu(pid: u32) -> Result<Duration, LabError> {
    let pid_t = i32::try_from(pid).unwrap_or(i32::MAX);
    let used = ClockId::pid_cpu_clock_id(Pid::from_raw(pid_t)).and_then(ClockId::now);
    used.map(Duration::from).map_err(|error| LabError::File(place(pid), error.into()))
}

/// Memory of a process that is resident, in kibibytes.
pub(crate) fn resident_kib(pid: u32) -> Result<u64, LabError> {
    let path = place(pid).join("status");
    let text = std::fs::read_to_string(&path).map_err(LabError::at(&path))?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_ascii_whitespace().next()?.parse().ok());
    number.ok_or_else(|| LabError::File(path, std::io::ErrorKind::InvalidData.into()))
}

/// What a run is measured on, so that runs on different machines are told apart.
pub(crate) fn machine(directory: &Path) -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    let model = model.map_or("unknown processor", |(_, name)| name.trim());
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("{model}, {cores} cores, Linux {}, journals on {}", kernel.trim(), file_system(directory))
}

/// The type of the file system that holds a directory: `ext4`, `tmpfs`.
fn file_system(directory: &Path) -> Box<str> {
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let mounts = mounts.lines().filter_map(|line| {
        let mut words = line.split(' ').skip(1);
        Some((words.next()?, words.next()?))
    });
    let holding = mounts.filter(|(point, _)| directory.starts_with(point));
    // Of two mounts on one point the later one counts.
    holding.max_by_key(|(point, _)| point.len()).map_or("unknown", |(_, kind)| kind).into()
}

fn place(pid: u32) -> PathBuf {
    PathBuf::from(format!("/proc/{pid}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Linux gives no process this number.
    const NOBODY: u32 = 1 << 22;

    #[test]
    fn a_process_has_used_something_and_one_that_is_not_there_nothing() {
        let pid = std::process::id();
        assert!(cpu(pid).unwrap() > Duration::ZERO);
        assert!(resident_kib(pid).unwrap() > 0);
        assert!(cpu(NOBODY).is_err() && resident_kib(NOBODY).is_err());
        assert_eq!(&*file_system(Path::new("/proc/self")), "proc");
        assert!(machine(Path::new("/proc/self")).ends_with("journals on proc"));
    }
}
