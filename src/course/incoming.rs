//! What a datagram to a replica can say.

use crate::id::Id;
use crate::kv::Request;
use crate::replica::Letter;

/// What a datagram to a replica says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Incoming {
    /// A client asks.
    Request {
        /// To whom.
        to: Id,
        /// What.
        request: Request,
    },
    /// Another replica speaks.
    Letter {
        /// Who.
        from: Id,
        /// To whom; [`Id::BROADCAST`] for all.
        to: Id,
        /// What.
        letter: Letter,
    },
}
