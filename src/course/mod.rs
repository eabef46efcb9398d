//! The course's replica: a replica behind one UDP socket, driven by mio, that speaks JSON datagrams.
//!
//! Here are the clock, the socket, the command line and the wire format. It must never decide anything that the
//! protocol decides.
//!
//! | file | what it is about |
//! | --- | --- |
//! | [`arguments`] | the course's command line |
//! | [`event_loop`] | wait, receive, step the replica, carry out what it wants |
//! | `mailbox` | the socket: full buffers, and noticing that the simulator is gone |
//! | [`memory`], `directory` | what outlives the process, if anything does |
//! | [`decode`], [`encode`] | datagrams to inputs, outputs to datagrams |
//! | `incoming` | what a datagram can say |
//! | `quick` | reads datagrams whose keys are in the order in which this replica writes them, which is faster |
//! | `wire` | how entries, log IDs and receipts are read |
//! | [`state`], `teller` | tells of the replica's state on stderr, if it is asked to |
//!
//! Every datagram is one JSON object with `src`, `dst`, `leader` and `type`. Towards clients the course's simulator fixes
//! the rest; between replicas it is ours:
//!
//! | `type` | further keys |
//! | --- | --- |
//! | all of these | `term`, `life` (the sender's incarnation), and what the service tells: `applied`, `settled`, and after a restart `forgotten` |
//! | `append` | `previous` (`[index, term]`), `entries`, `commit`, `response` (wanted or not), `sent_ns`; if so: `deferred`, `in_doubt`, `route`, `receipts` |
//! | `append_response` | `receipts`, `commit`, `sent_ns`; without receipts: the append was outdated |
//! | `snapshot` | `last` (`[index, term]`), `start`, `end`, `sent_ns`, `text`; with the last part `whole` (`[index, term]` of each term's first entry); if so: `in_doubt` |
//! | `snapshot_response` | `last`, `have`, `sent_ns` |
//! | `pre_vote`, `vote` | `last` (`[index, term]`), `suspicion` |
//! | `pre_vote_response`, `vote_response` | `granted`, `last` |
//!
//! An entry is `[term, "noop"]`, or `[term, command]` with a command `{"put": {…}}` or `{"take_over": {…}}`. A receipt is
//! `[follower, life, {"matched": index}]` or `[follower, life, {"refused": {"previous": index, "hint": [index, term]}}]`.

pub mod arguments;
pub mod decode;
#[cfg(feature = "disk")]
pub mod directory;
pub mod encode;
pub mod event_loop;
mod incoming;
mod mailbox;
pub mod memory;
mod quick;
pub mod state;
mod teller;
mod wire;

/// The largest datagram in bytes that UDP over IPv4 carries.
pub const MAX_DATAGRAM_BYTES: usize = 65_507;

/// The largest number that may stand for a term or an index: every JSON reader keeps it exactly.
pub const MAX_NUMBER: u64 = (1 << 53) - 1;

/// The longest name in bytes that a client may give an attempt (the course's have 16): an answer
/// repeats it beside a value of any length that is stored.
pub const MAX_MID_BYTES: usize = 256;
