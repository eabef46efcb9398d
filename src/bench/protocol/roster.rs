//! Who takes part in a run: which IDs are replicas, which are clients.
//!
//! Must never know who is alive, who leads or how anybody is reached.

use crate::id::Id;

/// How many clients a run has unless its config says otherwise.
pub const CLIENTS: usize = 8;

/// The gap between the number of replicas and the first client's ID.
const CLIENT_ID_OFFSET: usize = 16;

/// The IDs of a run: replicas count from `0000`, clients from the number of replicas plus 16.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Roster {
    replicas: usize,
    clients: usize,
}

/// Whom an ID names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Party {
    /// The replica with this index.
    Replica(usize),
    /// The client with this index.
    Client(usize),
    /// `FFFF`: every replica but the sender.
    Everybody,
    /// No participant of this run.
    Nobody,
}

impl Roster {
    /// An ID that no participant ever has, in the place of a text that is an ID for the course's program
    /// and yet nobody's.
    pub const STRANGER: Id = Id(0xFFFE);

    /// The roster of a run with that many replicas (3 to 21 in a valid config) and the course's
    /// number of clients.
    pub fn new(replicas: usize) -> Self {
        Roster {
            replicas,
            clients: CLIENTS,
        }
    }

    /// The same with that many clients (1 to 64 in a valid config).
    pub fn with_clients(self, clients: usize) -> Self {
        Roster { clients, ..self }
    }

    /// The number of clients.
    pub fn clients(&self) -> usize {
        self.clients
    }

    /// The number of replicas.
    pub fn replicas(&self) -> usize {
        self.replicas
    }

    /// The ID of the replica with this index.
    pub fn replica(&self, index: usize) -> Id {
        id(index)
    }

    /// The ID of the client with this index.
    pub fn client(&self, index: usize) -> Id {
        id(self.replicas + CLIENT_ID_OFFSET + index)
    }

    /// Whom `id` names.
    pub fn party(&self, id: Id) -> Party {
        let number = usize::from(id.0);
        let first_client = self.replicas + CLIENT_ID_OFFSET;
        if id == Id::BROADCAST {
            Party::Everybody
        } else if number < self.replicas {
            Party::Replica(number)
        } else if (first_client..first_client + self.clients).contains(&number) {
            Party::Client(number - first_client)
        } else {
            Party::Nobody
        }
    }

    /// The index of the replica that `id` names, if it names one.
    pub fn replica_index(&self, id: Id) -> Option<usize> {
        match self.party(id) {
            Party::Replica(index) => Some(index),
            _ => None,
        }
    }
}

/// Saturates at `FFFF`, which no valid config reaches.
fn id(number: usize) -> Id {
    Id(u16::try_from(number).unwrap_or(u16::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_replicas_have_the_clients_0015_to_001c() {
        let roster = Roster::new(5);
        assert_eq!(roster.client(0), Id(0x15));
        assert_eq!(roster.client(CLIENTS - 1), Id(0x1C));
        assert_eq!(roster.party(Id(4)), Party::Replica(4));
        assert_eq!(roster.party(Id(5)), Party::Nobody);
        assert_eq!(roster.party(Id(0x14)), Party::Nobody);
        assert_eq!(roster.party(Id(0x15)), Party::Client(0));
        assert_eq!(roster.party(Id(0x1C)), Party::Client(7));
        assert_eq!(roster.party(Id(0x1D)), Party::Nobody);
        assert_eq!(roster.party(Id(0xFFFF)), Party::Everybody);
    }

    #[test]
    fn more_clients_follow_after_the_eighth() {
        let roster = Roster::new(5).with_clients(64);
        assert_eq!(roster.client(63), Id(0x54));
        assert_eq!(roster.party(Id(0x1D)), Party::Client(8));
        assert_eq!(roster.party(Id(0x54)), Party::Client(63));
        assert_eq!(roster.party(Id(0x55)), Party::Nobody);
        assert_eq!(roster.with_clients(1).party(Id(0x16)), Party::Nobody);
    }
}
