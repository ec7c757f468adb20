async fn search() {}

fn main() {
    let _ = copilot::toolset![search];
}
