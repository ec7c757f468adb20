use serde::Deserialize;

#[derive(Deserialize, schemars::JsonSchema)]
struct Query<'a> {
    text: &'a str,
}

/// Search the catalogue.
#[copilot::tool]
async fn search(query: Query<'_>) {
    let _ = query.text;
}

fn main() {}
