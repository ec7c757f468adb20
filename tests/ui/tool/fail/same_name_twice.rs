mod books {
    /// Search the books.
    #[copilot::tool]
    pub async fn search() {}
}

mod records {
    /// Search the records.
    #[copilot::tool(name = "search")]
    pub async fn find() {}
}

fn main() {
    let _ = [books::search::TOOL, records::find::TOOL];
}
