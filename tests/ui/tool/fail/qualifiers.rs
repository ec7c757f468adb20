/// Search the catalogue.
#[copilot::tool]
unsafe fn first() {}

/// Search the catalogue.
#[copilot::tool]
extern "C" fn second() {}

/// Search the catalogue.
#[copilot::tool]
const fn third() {}

fn main() {}
