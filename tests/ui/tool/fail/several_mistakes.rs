#[copilot::tool(readonly, timeout = "soon")]
async fn search(#[arg(max_length = 3)] (from, to): (u8, u8), rest: &mut String) {
    let _ = (from, to, rest);
}

fn main() {
    let _ = search::TOOL;
}
