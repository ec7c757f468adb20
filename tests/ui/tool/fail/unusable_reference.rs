/// Search the catalogue.
#[copilot::tool]
async fn search(query: &std::ffi::CStr) {
    let _ = query;
}

fn main() {}
