const GROUP: u8 = 1;
const PREFIX: &str = "2 ";

/// Search the catalogue.
#[copilot::tool(group = GROUP, title = 5, tags(GROUP))]
async fn search() {}

/// Look up a page.
#[copilot::tool(group = GROUP)]
async fn look_up() {}

struct Disk;

#[copilot::tools(prefix = PREFIX)]
impl Disk {
    /// Read a file.
    #[tool]
    async fn read(&self) {}
}

fn main() {}
