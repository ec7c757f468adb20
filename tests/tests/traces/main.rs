//! The spans and measurements of the library.
//!
//! A separate binary: it installs one subscriber for all of its tests, because a function on the pool for blocking work
//! does not see the subscriber of a thread.

mod capture;
mod content;
mod denials;
mod ends;
mod metrics;
mod tools;
mod turns;
