//! A memory in a directory, which outlives its process.

use std::io;
use std::path::Path;

use log::{info, warn};
use mio::{Registry, Token, Waker};

use super::arguments::Arguments;
use super::memory::Memory;
use crate::replica::{Options, Replica, Restored};
use crate::stored::{Keeper, opening};

/// What the loop is woken with when the disk has done something.
const DISK: Token = Token(1);

/// A memory in a directory.
#[derive(Debug)]
pub struct InDirectory(Keeper);

/// Opens a replica's directory, or makes a new one. Returns what was in it: nothing, if the replica has promised nothing yet.
///
/// # Errors
///
/// If it is another replica's, another process uses it, it is damaged, or it cannot be used.
pub fn open(
    path: &Path,
    arguments: &Arguments,
    options: &Options,
    registry: &Registry,
) -> io::Result<(InDirectory, Option<Restored>)> {
    let waker = Waker::new(registry, DISK)?;
    let wake = move || {
        if let Err(error) = waker.wake() {
            warn!("the loop cannot be woken: {error}");
        }
    };
    let Arguments { id, peers, .. } = arguments;
    let opened = opening::open(path, *id, peers, options, wake).map_err(io::Error::other)?;
    if let Some(torn) = opened.torn {
        info!("a crash had left something unfinished, which is cut off: {torn}");
    }
    Ok((InDirectory(opened.keeper), opened.restored))
}

impl Memory for InDirectory {
    fn durable(&mut self) -> io::Result<Option<u64>> {
        self.0.durable().map_err(io::Error::other)
    }

    fn store(&mut self, replica: &mut Replica) -> io::Result<()> {
        let InDirectory(keeper) = self;
        if let Some(write) = replica.writes() {
            keeper.write(&write);
        }
        if keeper.has_time()
            && let Some(snapshot) = replica.snapshot_to_store()
        {
            keeper.copy(snapshot);
        }
        keeper.go_on().map_err(io::Error::other)
    }
}
