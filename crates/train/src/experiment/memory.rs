//! The memory of this machine, or of the container that the program runs in.

use sysinfo::{MemoryRefreshKind, System};

/// Memory in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct MachineMemory {
    pub total: u64,
    /// What a program can have without others being swapped out.
    pub available: u64,
}

impl MachineMemory {
    /// `None` where the system does not tell.
    pub fn now() -> Option<Self> {
        let mut system = System::new();
        system.refresh_memory_specifics(MemoryRefreshKind::nothing().with_ram());
        let machine = MachineMemory {
            total: system.total_memory(),
            available: system.available_memory(),
        };
        let memory = match system.cgroup_limits() {
            // What it caches can be taken back.
            Some(limits) => MachineMemory {
                total: machine.total.min(limits.total_memory),
                available: machine
                    .available
                    .min(limits.total_memory.saturating_sub(limits.rss)),
            },
            None => machine,
        };
        (memory.total > 0).then_some(memory)
    }

    /// Whether a program that held so many bytes was near the end of it.
    pub fn is_nearly_filled_by(&self, bytes: f64) -> bool {
        bytes >= 0.8 * self.total as f64
    }
}

/// What this program holds in memory, in bytes; `None` where the system does not tell.
pub fn resident_memory() -> Option<u64> {
    Some(memory_stats::memory_stats()?.physical_mem as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_has_at_least_what_it_has_available() {
        let memory = MachineMemory::now().unwrap();
        assert!(memory.available > 0 && memory.available <= memory.total);
    }

    #[test]
    fn a_program_that_held_most_of_it_nearly_filled_it() {
        let memory = MachineMemory {
            total: 1_000,
            available: 10,
        };
        assert!(memory.is_nearly_filled_by(800.0) && !memory.is_nearly_filled_by(799.0));
        assert!(!memory.is_nearly_filled_by(f64::NAN));
    }
}
