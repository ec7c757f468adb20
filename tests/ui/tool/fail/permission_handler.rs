fn main() {
    let _ = copilot::Session::builder().on_permission(|_| async { true });
}
