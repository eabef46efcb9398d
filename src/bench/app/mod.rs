//! What a user asks for: the only room that sees all.

pub mod check;
