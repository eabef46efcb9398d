//! The simulator's program; everything it does is in [`leasekv::bench`].

fn main() -> std::process::ExitCode {
    leasekv::bench::app::cli::main()
}
