//! The simulator's program; everything it does is in [`leasekv::sim`].

fn main() -> std::process::ExitCode {
    leasekv::sim::cli::main()
}
