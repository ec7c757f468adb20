copilot::fuzz_tools!();

fn main() {}
