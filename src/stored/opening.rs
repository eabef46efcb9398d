//! What is found in a directory, as a replica's memory.

use std::path::Path;

use super::codec;
use super::jobs::{OTHERS, SETTLED};
use super::keeper::Keeper;
use crate::consensus::snapshot::Snapshot;
use crate::consensus::{self, Entry, HardState, Incarnation, Index, LogId, Term};
use crate::disk::{Directory, Recovered, Settings, TornTail, Whose, Writer};
use crate::id::Id;
use crate::kv::store::Store;
use crate::replica::{Options, Restored};

/// A replica's directory, open.
#[derive(Debug)]
pub struct Opened {
    /// Keeps what comes.
    pub keeper: Keeper,
    /// What was there; nothing, if the replica has promised nothing yet.
    pub restored: Option<Restored>,
    /// What a crash had left unfinished, and was cut off.
    pub torn: Option<TornTail>,
}

/// Opens a replica's directory, or makes a new one. From then on a thread writes into it, and calls `wake` whenever it has done
/// something.
///
/// # Errors
///
/// A sentence: it is another replica's, another process uses it, it is damaged, or the file system refuses something.
pub fn open(
    path: &Path,
    id: Id,
    peers: &[Id],
    options: &Options,
    wake: impl Fn() + Send + 'static,
) -> Result<Opened, String> {
    let opened = Directory::open(path, whose(id, peers), Settings::default());
    let (directory, recovered) = opened.map_err(|error| error.to_string())?;
    let restored = restored(&recovered, options);
    let restored = restored.map_err(|problem| format!("{}: {problem}", path.display()))?;
    Ok(Opened {
        keeper: Keeper::new(Writer::start(directory, wake)),
        restored,
        torn: recovered.torn,
    })
}

/// Whose the directory of a replica is. Replicas with the same peers are of one cluster.
pub fn whose(id: Id, peers: &[Id]) -> Whose {
    const START: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    let mut members: Vec<Id> = peers.iter().copied().chain([id]).collect();
    members.sort_unstable();
    // FNV-1a: it must be the same whoever builds this.
    let bytes = members.iter().flat_map(|member| member.0.to_be_bytes());
    let cluster = bytes.fold(START, |hash, byte| {
        (hash ^ u128::from(byte)).wrapping_mul(PRIME)
    });
    Whose {
        cluster,
        replica: id,
    }
}

/// The memory of a replica that was here before. None if it has never promised anything to anybody.
///
/// # Errors
///
/// What no replica can have left, and where.
pub fn restored(recovered: &Recovered, options: &Options) -> Result<Option<Restored>, String> {
    let Some(state) = recovered.hard_state else {
        return Ok(None);
    };
    let others = recovered.kept.get(&OTHERS);
    let others = others.ok_or("the stored hard state lacks the peers' lives")?;
    let (is_newcomer, known) = codec::read_others(others)
        .map_err(|problem| format!("the stored lives of the peers: {problem}"))?;
    let settled = match recovered.kept.get(&SETTLED) {
        Some(bytes) => codec::read_index(bytes).map_err(|problem| {
            format!("the stored index through which puts are settled: {problem}")
        })?,
        None => Index::ZERO,
    };
    let (snapshot, store) = match &recovered.snapshot {
        Some(found) => {
            let last = LogId {
                term: Term(found.about.term),
                index: Index(found.about.index),
            };
            let wrong = |problem| format!("the stored snapshot through {last}: {problem}");
            let spans = codec::read_spans(&found.about.extra, last).map_err(wrong)?;
            let store = store(found.pieces(), options).map_err(wrong)?;
            let state = store.state();
            let snapshot = Snapshot { last, spans, state };
            (Some(snapshot), store)
        }
        None => (None, Store::new(options.kv.limits.max_remembered_puts)),
    };
    let mut entries = Vec::with_capacity(recovered.entries.len());
    for entry in recovered.entries.iter() {
        let payload = codec::read_payload(entry.bytes)
            .map_err(|problem| format!("the stored entry {}: {problem}", entry.index))?;
        let term = Term(entry.term);
        entries.push(Entry { term, payload });
    }
    let consensus = consensus::Restored {
        hard_state: HardState {
            term: Term(state.term),
            voted_for: state.vote.map(Id),
            incarnation: Incarnation(state.incarnation),
            is_newcomer,
            known,
        },
        snapshot,
        entries,
    };
    Ok(Some(Restored {
        consensus,
        store,
        settled,
    }))
}

/// The store that pieces make. Each piece was handed over whole, and has whole items.
fn store<'a>(pieces: impl Iterator<Item = &'a [u8]>, options: &Options) -> Result<Store, String> {
    let mut store = Store::new(options.kv.limits.max_remembered_puts);
    for piece in pieces {
        let text = str::from_utf8(piece).map_err(|error| format!("no text: {error}"))?;
        store.take_in(text)?;
    }
    Ok(store)
}
