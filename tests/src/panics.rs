//! Where a check panics.

use std::panic::{AssertUnwindSafe, Location, catch_unwind, set_hook, take_hook};
use std::sync::{Arc, Mutex};

/// Returns the file that the panic of a check is reported in.
///
/// # Panics
///
/// Panics if the check does not panic.
#[track_caller]
pub fn file_of_panic(check: impl FnOnce()) -> String {
    let place = Arc::new(Mutex::new(None));
    let (seen, thread) = (Arc::clone(&place), std::thread::current().id());
    let others = take_hook();
    set_hook(Box::new(move |info| {
        if std::thread::current().id() == thread {
            let file = info.location().map(Location::file).map(str::to_owned);
            *seen.lock().expect("no panic") = file;
        } else {
            others(info);
        }
    }));
    let outcome = catch_unwind(AssertUnwindSafe(check));
    drop(take_hook());
    assert!(outcome.is_err(), "the check passes");
    let file = place.lock().expect("no panic").take();
    file.expect("a panic has a location")
}
