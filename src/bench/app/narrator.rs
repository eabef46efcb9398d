//! `RUST_LOG` in virtual time: what embedded cores log is shown as what processes print is, with the time of
//! the run and the replica's name.

use std::io::{self, Write};

use env_logger::{Builder, Env, Target};

use crate::bench::drivers::virtual_time::speaker::speaker;
use crate::bench::show::terminal::Lines;

/// Shows from now on what cores log, as far as `RUST_LOG` asks for it.
pub fn start(lines: Lines) {
    let mut builder = Builder::from_env(Env::default().default_filter_or("off"));
    builder
        .format(|to, record| {
            let (level, what) = (record.level(), record.args());
            match speaker() {
                Some((time, id)) => {
                    let time = time.as_secs_f64();
                    writeln!(to, "[{time:.4}  Replica {id}]: [{level:<5}] {what}")
                }
                None => writeln!(to, "[{level:<5}] {what}"),
            }
        })
        .target(Target::Pipe(Box::new(Shown(lines))));
    // A process has one logger; in tests somebody else may have one already.
    let _ = builder.try_init();
}

/// Hands lines to the terminal. The logger writes whole ones.
struct Shown(Lines);

impl Write for Shown {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        self.0.send(text.trim_end_matches('\n').to_owned());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
