//! Empty: the cases are programs of their own, which `macro_ui.rs` compiles.
