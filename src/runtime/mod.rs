//! The real replica: the protocol core behind one UDP socket, driven by mio.
//!
//! Here are the clock, the socket and the command line, and nothing of the protocol.
//!
//! | file | what it is about |
//! | --- | --- |
//! | [`arguments`] | the course's command line |
//! | [`event_loop`] | wait, receive, step the core, carry out what it wants |
//! | `mailbox` | the socket: full buffers, and noticing that the simulator is gone |
//! | `teller` | tells of its state on stderr, if it is asked to |

pub mod arguments;
pub mod event_loop;
mod mailbox;
mod teller;
