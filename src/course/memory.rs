//! What keeps a replica's memory beside its process, as the loop sees it.

use std::io;

use crate::replica::Replica;

/// What keeps a replica's memory.
pub trait Memory {
    /// The number of the last write that is durable, if that is news.
    ///
    /// # Errors
    ///
    /// If something could not be made durable. Nothing will be any more, so the replica has to end.
    fn durable(&mut self) -> io::Result<Option<u64>>;

    /// Takes what the replica wants stored. Called after each of its steps, and must not wait for a disk.
    ///
    /// # Errors
    ///
    /// As [`durable`](Self::durable).
    fn store(&mut self, replica: &mut Replica) -> io::Result<()>;
}

/// A memory that ends with its process: nothing is stored.
#[derive(Debug)]
pub struct InProcess;

impl Memory for InProcess {
    fn durable(&mut self) -> io::Result<Option<u64>> {
        Ok(None)
    }

    fn store(&mut self, _: &mut Replica) -> io::Result<()> {
        Ok(())
    }
}
