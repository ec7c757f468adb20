//! The macros of the feature `testing` in programs without it: each says what to enable.

/// Says that the feature is missing.
#[doc(hidden)]
#[macro_export]
macro_rules! test_tools {
    ($($tools:tt)*) => {
        ::core::compile_error!(
            "`test_tools!` needs the feature `testing` of the crate `copilot-tools`; enable it in `[dev-dependencies]`"
        );
    };
}

/// Says that the feature is missing.
#[doc(hidden)]
#[macro_export]
macro_rules! fuzz_tools {
    ($($tools:tt)*) => {
        ::core::compile_error!(
            "`fuzz_tools!` needs the feature `testing` of the crate `copilot-tools`; enable it in `[dev-dependencies]`"
        );
    };
}
