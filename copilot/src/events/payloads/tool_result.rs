//! The result of a tool call, as `tool.execution_complete` reports it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::attachment::OmittedReason;
use super::citation::CitableSource;

payload! {
    /// The result of a tool call.
    pub struct ToolExecutionResult {
        /// The text that the model reads.
        pub content: String,
        /// The text for people, where it differs.
        pub detailed_content: Option<String>,
        /// The result in the parts that the tool gave.
        pub contents: Vec<ToolContent>,
        /// Images and other bytes that the model receives.
        pub binary_results_for_llm: Vec<BinaryResult>,
        /// Data of an MCP tool, by the schema of the tool.
        pub structured_content: Option<Value>,
        /// Sources that the model may cite.
        pub citable_sources: Vec<CitableSource>,
        /// A user interface for the result, as MCP defines it.
        pub ui_resource: Option<Value>,
        /// Labels of the result for the control of information flow.
        pub mcp_meta: Option<Value>,
    }

    /// Bytes of a result.
    pub struct BinaryResult {
        /// The kind: `image` or `resource`.
        #[serde(rename = "type")]
        pub kind: String,
        /// The media type, such as `image/png`.
        pub mime_type: String,
        /// The bytes in Base64; `None` if they are kept elsewhere or left out.
        pub data: Option<String>,
        /// The id of the bytes, as in [`BinaryAsset::asset_id`](crate::events::BinaryAsset::asset_id).
        pub asset_id: Option<String>,
        /// The number of bytes; `None` where `data` has them.
        pub byte_length: Option<u64>,
        /// Why the bytes are not in the history; `None` if they are.
        pub omitted_reason: Option<OmittedReason>,
        /// A description for people.
        pub description: Option<String>,
        /// More about the bytes, from the tool that made them.
        pub metadata: BTreeMap<String, Value>,
    }

    /// Text of a tool's result.
    pub struct TextContent {
        /// The text as a whole.
        pub text: String,
    }

    /// Output of a terminal.
    pub struct TerminalContent {
        /// The output of the command.
        pub text: String,
        /// The exit code; `None` while the command runs.
        pub exit_code: Option<i64>,
        /// The directory of the command.
        pub cwd: Option<String>,
    }

    /// The end of a shell.
    pub struct ShellExitContent {
        /// The id of the shell, unique in the session.
        pub shell_id: String,
        /// The exit code of the command.
        pub exit_code: i64,
        /// The directory of the command.
        pub cwd: Option<String>,
        /// The beginning of the output.
        pub output_preview: Option<String>,
        /// Whether there is more output than that.
        pub output_truncated: Option<bool>,
        /// The file with the whole output.
        pub output_file_path: Option<String>,
    }

    /// An image or sound of a tool's result.
    pub struct MediaContent {
        /// The bytes in Base64.
        pub data: String,
        /// The media type, such as `image/png`.
        pub mime_type: String,
    }

    /// A link to a resource of an MCP server.
    pub struct ResourceLinkContent {
        /// The address of the resource.
        pub uri: String,
        /// The name of the resource.
        pub name: String,
        /// The resource's name for people.
        pub title: Option<String>,
        /// The description of the resource; `None` without one.
        pub description: Option<String>,
        /// The media type, such as `image/png`; `None` if it is unknown.
        pub mime_type: Option<String>,
        /// The number of bytes.
        pub size: Option<u64>,
        /// Pictures for the resource.
        pub icons: Vec<ResourceIcon>,
    }

    /// A picture for a resource.
    pub struct ResourceIcon {
        /// The address of the icon.
        pub src: String,
        /// The media type, such as `image/png`; `None` if it is unknown.
        pub mime_type: Option<String>,
        /// The sizes, such as `48x48`.
        pub sizes: Vec<String>,
        /// `light` or `dark`; `None` for both.
        pub theme: Option<String>,
    }

    /// A resource of an MCP server.
    pub struct ResourceContent {
        /// The resource, with its content.
        pub resource: EmbeddedResource,
    }

    /// The content of a resource: text or bytes.
    pub struct EmbeddedResource {
        /// The address of the resource.
        pub uri: String,
        /// The media type, such as `image/png`; `None` if it is unknown.
        pub mime_type: Option<String>,
        /// The text; `None` for bytes.
        pub text: Option<String>,
        /// The bytes in Base64; `None` for text.
        pub blob: Option<String>,
    }
}

tagged! {
    /// A part of a tool's result.
    pub enum ToolContent {
        /// A piece of text.
        Text(TextContent) = "text",
        /// Output of a terminal.
        Terminal(TerminalContent) = "terminal",
        /// The end of a shell.
        ShellExit(ShellExitContent) = "shell_exit",
        /// An image, as bytes.
        Image(MediaContent) = "image",
        /// Sound, as bytes.
        Audio(MediaContent) = "audio",
        /// A link to a resource of an MCP server.
        ResourceLink(ResourceLinkContent) = "resource_link",
        /// A resource of an MCP server.
        Resource(ResourceContent) = "resource",
    }
}
