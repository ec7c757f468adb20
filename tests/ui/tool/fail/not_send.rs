use std::rc::Rc;

/// Search the catalogue.
#[copilot::tool]
async fn search() -> usize {
    let shared = Rc::new(1);
    std::future::ready(()).await;
    *shared
}

fn main() {}
