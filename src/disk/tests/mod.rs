//! Crashes, faults and damage on a simulated disk, held against a model.

mod cuts;
mod flips;
mod lives;
mod model;
mod seeds;
mod writing;
