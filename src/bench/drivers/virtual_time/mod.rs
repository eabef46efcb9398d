//! The driver for this project's replicas, embedded in the bench and played in virtual time: thousands of
//! runs in the time of one, the same every time, with every step checked. An embedded replica is called a *core*
//! here.
//!
//! | file | what it is about |
//! | --- | --- |
//! | [`order`] | what to run |
//! | [`run`] | one run, from its order to what became of it |
//! | `driver` | cores instead of processes, a queue of events instead of sockets |
//! | `clocked` | a core with a clock of its own |
//! | `translate` | between the cores' messages and the world's |
//! | `queue` | what is under way to replicas |
//! | `inboxes` | what replicas have sent |
//! | [`speaker`] | who speaks when a core logs something |
//! | `waits` | how late the simulator wakes up |
//! | `transcript` | everything that happens in a run, as text |
//! | `recorder` | what a trace needs of a run |
//!
//! This room knows both sides: the world, which knows nothing of Raft, and the cores, which know nothing of
//! the bench. It must never read a clock. All chance comes from the run's seed, so a seed repeats a run byte for
//! byte.

mod clocked;
mod disk;
mod driver;
mod ending;
mod inboxes;
pub mod order;
mod queue;
mod recorder;
mod restarting;
pub mod run;
pub mod speaker;
mod transcript;
mod translate;
mod waits;
