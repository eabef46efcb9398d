//! A replica's memory on a disk: what a replica wants stored, written into its directory, and read back when it starts.
//!
//! It stands between [`crate::replica`], which never touches a disk, and [`crate::disk`], which does not know what it keeps.
//! It must never decide what has to be durable before what: that is consensus' business.
//!
//! | file | what it does |
//! | --- | --- |
//! | [`codec`] | entries and the rest as bytes |
//! | [`jobs`] | a write as what the disk is to do, in its order |
//! | [`opening`] | a directory as a replica's memory |
//! | [`keeper`] | jobs and snapshots, handed to the thread that writes |

pub mod codec;
pub mod jobs;
pub mod keeper;
pub mod opening;

pub use keeper::Keeper;
