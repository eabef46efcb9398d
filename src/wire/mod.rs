//! The wire format: one datagram, one JSON object, both ways.
//!
//! Between datagrams and the core's messages nothing is interpreted here: what a message means is
//! the core's business, and where a datagram goes is the runtime's. Decoding takes any bytes
//! whatever and never panics.
//!
//! Every object carries `src`, `dst`, `leader` and `type`. Towards clients the course's simulator
//! fixes the rest; between replicas it is ours:
//!
//! | `type` | further keys |
//! | --- | --- |
//! | `append` | `term`, `previous` (`[index, term]`), `entries`, `commit`, `answer`, `sent_ns` |
//! | `appended` | `term`, and one of `matched` (index) with `sent_ns`, `refused` (index) with `hint` (`[index, term]`), or neither: the append was outdated |
//! | `prevote`, `vote` | `term`, `last` (`[index, term]`), `suspicion` |
//! | `prevoted`, `voted` | `term`, `granted`, `last`, `commit` |
//!
//! An entry is `[term, command]`, a command `"renew"`, `{"lead": {…}}` or `{"put": {…}}`.

mod decode;
mod encode;
mod entry;
pub mod state;

pub use decode::{Incoming, Unreadable, decode};
pub use encode::{encode_answer, encode_hello, encode_message};

/// The largest datagram in bytes that UDP over IPv4 carries.
pub const MAX_DATAGRAM_BYTES: usize = 65_507;

/// The largest number that may stand for a term or an index: every JSON reader keeps it exactly.
pub const MAX_NUMBER: u64 = (1 << 53) - 1;

/// The longest name in bytes that a client may give an attempt (the course's have 16): an answer
/// repeats it beside a value of any length that is stored.
pub const MAX_MID_BYTES: usize = 256;
