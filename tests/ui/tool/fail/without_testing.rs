copilot::test_tools!();

copilot::fuzz_tools!(copilot::Session::builder());

fn main() {}
