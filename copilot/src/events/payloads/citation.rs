//! Sources of an agent's text.

use serde_json::Value;

payload! {
    /// Which parts of a message rest on which sources.
    pub struct Citations {
        /// The sources that the spans refer to.
        pub sources: Vec<CitationSource>,
        /// The parts of the message.
        pub spans: Vec<CitationSpan>,
    }

    /// A source of a message.
    pub struct CitationSource {
        /// The id that [`CitationReference::source_id`] refers to.
        pub id: String,
        /// The system that found the source: `anthropic`, `openai` or `client`.
        pub provider: String,
        /// The title, for people; `None` for a source without one.
        pub title: Option<String>,
        /// The address, for pages.
        pub url: Option<String>,
        /// The path relative to the workspace, for files.
        pub path: Option<String>,
    }

    /// A part of a message's text.
    pub struct CitationSpan {
        /// Where the part starts in the text, in UTF-16 code units from 0.
        pub start_index: u64,
        /// Where the part ends in the text, in UTF-16 code units; the unit there is not part of it.
        pub end_index: u64,
        /// The sources of the part.
        pub references: Vec<CitationReference>,
    }

    /// A reference to a source.
    pub struct CitationReference {
        /// The id of the source, as in [`CitationSource`].
        pub source_id: String,
        /// The text of the source that supports the part, if the model gave it.
        pub cited_text: Option<String>,
        /// The place in the source, if the provider gave it.
        pub location: Option<CitationLocation>,
        /// The provider's own data about the reference.
        pub provider_metadata: Option<Value>,
    }

    /// Source text that a tool offers to the model for citation.
    pub struct CitableSource {
        /// The id within the tool's result.
        pub id: String,
        /// The title, for people; `None` for a source without one.
        pub title: Option<String>,
        /// The text, as the model reads or writes it.
        pub content: String,
        /// The address, for pages.
        pub url: Option<String>,
        /// The path relative to the workspace, for files.
        pub path: Option<String>,
    }
}

tagged! {
    /// A place in a source, from its start to its end.
    pub enum CitationLocation {
        /// A range of characters.
        Char(CharRange) = "char",
        /// A range of pages.
        Page(PageRange) = "page",
        /// A range of blocks of content.
        Block(BlockRange) = "block",
    }
}

payload! {
    /// A range of characters.
    pub struct CharRange {
        /// The first character, from 0.
        pub start_index: u64,
        /// The position after the last character.
        pub end_index: u64,
    }

    /// A range of pages.
    pub struct PageRange {
        /// The number of the first page.
        pub start_page: u64,
        /// The number after the last page.
        pub end_page: u64,
    }

    /// A range of blocks.
    pub struct BlockRange {
        /// The position of the first block, from 0.
        pub start_block: u64,
        /// The position after the last block.
        pub end_block: u64,
    }
}
