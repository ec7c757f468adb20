//! Texts of options that are constants.

mod names {
    pub const GROUP: &str = "files";
    pub const PREFIX: &str = "disk_";
    pub const ISSUE: &str = "[A-Z]+-[0-9]+";
}
use names::GROUP;

const NAME: &str = "look_up";

/// Look up an issue.
#[copilot::tool(name = NAME, group = GROUP, title = names::ISSUE, tags("cheap", names::GROUP))]
async fn lookup(
    /// The issue.
    #[arg(pattern = names::ISSUE)]
    id: String,
) {
    drop(id);
}

struct Disk;

#[copilot::tools(group = names::GROUP, prefix = names::PREFIX)]
impl Disk {
    /// Read a file.
    #[tool]
    async fn read(&self) {}

    /// Write a file.
    #[tool(group = "writes", name = "save")]
    async fn write(&self) {}
}

struct Drive<T>(T);

#[copilot::tools(group = GROUP, prefix = names::PREFIX)]
impl<T: Send + Sync + 'static> Drive<T> {
    /// Read a drive.
    #[tool]
    async fn read(&self) {}
}

#[test]
fn options_take_constants() {
    let tool = lookup::TOOL;
    assert_eq!((tool.name(), tool.group(), tool.title()), ("look_up", Some("files"), Some("[A-Z]+-[0-9]+")));
    assert_eq!(tool.tags().collect::<Vec<_>>(), ["cheap", "files"]);
    let schema = tool.schema().unwrap().unwrap().get().to_owned();
    assert!(schema.contains("[A-Z]+-[0-9]+"), "{schema}");
    let tools = copilot::Toolset::into_tools(Disk);
    let names: Vec<_> = tools.iter().map(|tool| (tool.name(), tool.group())).collect();
    assert_eq!(names, [("disk_read", Some("files")), ("save", Some("writes"))]);
    assert_eq!(copilot::Toolset::into_tools(Drive(1))[0].name(), "disk_read");
}
