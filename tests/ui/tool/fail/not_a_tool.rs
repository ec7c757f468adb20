/// Search the catalogue.
#[copilot::tool]
async fn search() {}

fn main() {
    let _ = copilot::Session::builder().with_tools([search]);
    let _ = copilot::Session::builder().with_tools(search::TOOL);
}
