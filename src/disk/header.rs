//! The header: whose directory this is, and how it is written.
//!
//! A line of text with the format's version, so that every later program and every person can read it, and a frame
//! with the cluster and the replica.

use super::access::Access;
use super::errors::{Damage, OpenError};
use super::files::Files;
use super::frame::{self, Owner};
use super::item::{Item, Items};
use super::names;
use crate::id::Id;

/// The version of the format that this program writes and reads.
pub const FORMAT: u32 = 1;

const TITLE: &str = "leasekv directory, format ";
/// The only frame.
const NUMBER: u64 = 1;

/// Whose directory it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Whose {
    /// The cluster's ID.
    pub cluster: u128,
    /// The replica's ID in it.
    pub replica: Id,
}

/// Writes the header of a new directory. It is there wholly or not at all.
pub(super) fn write<F: Files>(access: &mut Access<F>, whose: Whose) -> Result<(), OpenError> {
    let mut text = format!("{TITLE}{FORMAT}\n").into_bytes();
    let mut frame = Vec::new();
    frame::begin(&mut frame);
    let item = Item::Owner {
        cluster: whose.cluster,
        replica: whose.replica.0,
    };
    item.write(&mut frame);
    frame::seal(&mut frame, Owner::Header, text.len() as u64, NUMBER);
    text.append(&mut frame);
    let temporary = names::temporary(names::HEADER);
    let mut file = access.create(&temporary)?;
    access.write(&mut file, 0, &text)?;
    access.sync(&mut file)?;
    access.rename(&temporary, names::HEADER)?;
    Ok(())
}

/// Reads the header.
///
/// # Errors
///
/// If it cannot be read, is damaged or of another format.
pub(super) fn read<F: Files>(access: &Access<F>) -> Result<Whose, OpenError> {
    let place = access.place(names::HEADER);
    let bytes = access.read(names::HEADER)?;
    let title = format!("{TITLE}{FORMAT}\n").into_bytes();
    if !bytes.starts_with(&title) {
        return Err(no_title(place, &bytes));
    }
    let damage = |offset: usize, found: String| {
        OpenError::Damaged(Damage {
            place: place.clone(),
            offset: offset as u64,
            found,
        })
    };
    let start = title.len();
    let frame = match frame::read(&bytes, Owner::Header, start, Some(NUMBER)) {
        Ok(Some(frame)) => frame,
        Ok(None) => return Err(damage(start, "the file ends here".to_owned())),
        Err(fault) => return Err(damage(start, fault.found)),
    };
    let mut items = Items::of(&bytes[frame.body.clone()]);
    match (items.next(), items.next()) {
        (Ok(Some(Item::Owner { cluster, replica })), Ok(None)) if frame.end() == bytes.len() => {
            let replica = Id(replica);
            Ok(Whose { cluster, replica })
        }
        _ => Err(damage(start, "something besides a header".to_owned())),
    }
}

/// Why a file without our title is no header.
fn no_title(place: String, bytes: &[u8]) -> OpenError {
    let line = bytes.split(|&byte| byte == b'\n').next();
    let line = line.and_then(|line| std::str::from_utf8(line).ok());
    let version = line.and_then(|line| line.strip_prefix(TITLE)?.parse::<u32>().ok());
    match version {
        Some(version) if version != FORMAT => OpenError::Foreign {
            place,
            what: "format",
            found: version.to_string(),
            expected: FORMAT.to_string(),
        },
        _ => OpenError::Damaged(Damage {
            place,
            offset: 0,
            found: format!("the file does not begin with {TITLE:?} and a number"),
        }),
    }
}
