//! What a replica's process does between fork and exec, so that it cannot be orphaned.
//!
//! The only unsafe code of the simulator, and it must stay this small: between fork and exec a
//! process may make system calls, but must not allocate or lock.

#![allow(unsafe_code)]

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::Arc;

use rustix::process::{getpid, getppid};

use super::watchdog::{Word, record};

/// Makes the command's process lead a group of its own, announce it to the watchdog, and (on Linux)
/// die with the thread that spawns it. Spawn from a thread that lives as long as the simulator.
pub fn guard(command: &mut Command, watchdog: Option<Arc<OwnedFd>>) {
    command.process_group(0);
    let simulator = getpid();
    let prepare = move || -> io::Result<()> {
        #[cfg(target_os = "linux")]
        rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
        // A simulator that died before the line above sends no signal any more.
        if getppid() != Some(simulator) {
            return Err(io::Error::from_raw_os_error(
                rustix::io::Errno::SRCH.raw_os_error(),
            ));
        }
        let group = getpid().as_raw_nonzero().get();
        if let Some(watchdog) = &watchdog {
            rustix::io::write(watchdog, &record(Word::Watch, group))?;
        }
        Ok(())
    };
    // SAFETY: `prepare` makes four system calls and touches only memory that was set up before the
    // fork; it neither allocates nor locks, and an `io::Error` of an OS error owns nothing.
    unsafe {
        command.pre_exec(prepare);
    }
}
