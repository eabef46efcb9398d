//! What a panic said, without its noise on stderr.
//!
//! The process has one hook for panics. Ours is put in place once, at the first use, and stays; it only
//! acts on threads that are in [`catch`], and hands every other panic to the hook that was there before.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

thread_local! {
    /// What the last panic of this thread said; nothing outside of [`catch`].
    static SAID: RefCell<Option<String>> = const { RefCell::new(None) };
}

static IN_PLACE: Once = Once::new();

/// Does something. If it panics, the error is what the panic said and where, and nothing is printed.
pub fn catch<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    IN_PLACE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let is_caught = SAID.with_borrow_mut(|said| {
                let is_caught = said.is_some();
                if is_caught {
                    *said = Some(panic.to_string());
                }
                is_caught
            });
            if !is_caught {
                before(panic);
            }
        }));
    });
    SAID.set(Some(String::new()));
    let done = catch_unwind(AssertUnwindSafe(work));
    let said = SAID.take().unwrap_or_default();
    done.map_err(|_| said)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caught_panic_says_what_and_where_and_others_are_none_of_ours() {
        let said = catch(|| -> u32 { panic!("no {}", "way") }).expect_err("it panics");
        assert!(
            said.contains("panics.rs") && said.contains("no way"),
            "{said}"
        );
        assert_eq!(catch(|| 7), Ok(7));
        // Outside, and on another thread, it is a panic like any.
        let inside = catch(|| {
            let other = std::thread::spawn(|| panic!("elsewhere"));
            other.join().is_err()
        });
        assert_eq!(inside, Ok(true));
        assert_eq!(SAID.take(), None);
    }
}
