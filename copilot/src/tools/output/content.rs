//! Content that a tool returns besides text: images, audio, resources.

use std::ops::Range;
use std::{fmt, io};

use serde::Serialize;
use serde::ser::{SerializeStruct, Serializer};
use serde_json::{Map, Value};

use crate::protocol::base64;

/// One part of a tool's result. Return `Vec<Content>` to combine several.
///
/// Text parts are joined by line breaks; other parts are sent beside the text.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Content {
    /// Text, which the model reads.
    Text(String),
    /// An image in base64.
    Image(Image),
    /// Audio in base64, sent as a binary resource.
    Audio(Audio),
    /// A resource with a URI, as text or bytes.
    Resource(Resource),
    /// A link to a resource, which the model reads as text.
    Link(ResourceLink),
}

/// An image that a tool returns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image(Binary);

/// Audio that a tool returns. The CLI passes it to the model as a binary resource of its media type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audio(Binary);

/// A resource with a URI that a tool returns, as text or as bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource(Body);

/// A link to a resource that a tool returns: the model reads the name, the URI and the description, and not the content.
///
/// # Examples
///
/// ```
/// use copilot::ToolResult;
/// use copilot::tools::ResourceLink;
///
/// let link = ResourceLink::new("file:///report.csv", "report.csv").media_type("text/csv").size(5_120);
/// let result = ToolResult::success("The report is written.").content(link);
/// assert_eq!(
///     result.text(),
///     "The report is written.\nreport.csv: file:///report.csv (text/csv, 5120 bytes)",
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceLink {
    pub(super) uri: String,
    pub(super) name: String,
    pub(super) title: Option<String>,
    pub(super) description: Option<String>,
    pub(super) media_type: Option<String>,
    pub(super) size: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Body {
    Text { uri: String, text: String },
    Bytes(Binary),
}

/// Binary content, as it is on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Binary {
    pub(super) kind: BinaryKind,
    pub(super) media_type: String,
    /// The bytes in base64.
    pub(super) data: String,
    /// The description of an image and of audio, or the URI of a resource.
    pub(super) description: Option<String>,
}

/// The kinds of binary content. The CLI has no word for audio: it is a resource on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BinaryKind {
    Image,
    Audio,
    Resource,
}

/// A part of a result that consists of more than one text.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Part {
    pub(super) kind: PartKind,
    /// The members of an MCP content block that the library does not use, such as `annotations` and `_meta`.
    pub(super) others: Map<String, Value>,
    /// The same for the resource in the block.
    pub(super) resource_others: Map<String, Value>,
}

/// The kinds of parts. A text is a range of the result's text.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum PartKind {
    Text(Range<usize>),
    Resource {
        uri: String,
        text: Range<usize>,
    },
    Link(ResourceLink),
    Binary(Binary),
    /// An MCP content block of an unknown type, whose members are the `others` of the part.
    Unknown,
}

impl Part {
    /// Returns the size as JSON of the members that are neither text nor binary, in bytes; 0 for an unknown block, whose
    /// JSON is in the text.
    pub(super) fn size_of_others(&self) -> usize {
        let of = |others: &Map<String, Value>| if others.is_empty() { 0 } else { length(others) };
        let hidden = match &self.kind {
            PartKind::Unknown => return 0,
            // The model reads the title instead.
            PartKind::Link(ResourceLink { name, title: Some(_), .. }) => name.len(),
            _ => 0,
        };
        of(&self.others) + of(&self.resource_others) + hidden
    }
}

/// Returns the length of a value as JSON, in bytes.
pub(super) fn length(value: &impl Serialize) -> usize {
    struct Count(usize);

    impl io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    let mut count = Count(0);
    // JSON values are JSON, and the count takes every byte.
    serde_json::to_writer(&mut count, value).expect("a JSON value can be written");
    count.0
}

impl From<PartKind> for Part {
    fn from(kind: PartKind) -> Self {
        Self { kind, others: Map::new(), resource_others: Map::new() }
    }
}

impl Image {
    /// Creates an image of a media type such as `image/webp`.
    pub fn new(media_type: impl Into<String>, bytes: impl AsRef<[u8]>) -> Self {
        Self(Binary::new(BinaryKind::Image, media_type.into(), bytes.as_ref()))
    }

    /// Creates a PNG image, of media type `image/png`.
    pub fn png(bytes: impl AsRef<[u8]>) -> Self {
        Self::new("image/png", bytes)
    }

    /// Creates a JPEG image, of media type `image/jpeg`.
    pub fn jpeg(bytes: impl AsRef<[u8]>) -> Self {
        Self::new("image/jpeg", bytes)
    }

    /// Sets the description, for models without image input.
    #[must_use]
    pub fn description(mut self, text: impl Into<String>) -> Self {
        self.0.description = Some(text.into());
        self
    }
}

impl Audio {
    /// Creates audio of a media type such as `audio/ogg`.
    pub fn new(media_type: impl Into<String>, bytes: impl AsRef<[u8]>) -> Self {
        Self(Binary::new(BinaryKind::Audio, media_type.into(), bytes.as_ref()))
    }

    /// Creates WAV audio, of media type `audio/wav`.
    pub fn wav(bytes: impl AsRef<[u8]>) -> Self {
        Self::new("audio/wav", bytes)
    }

    /// Creates MP3 audio, of media type `audio/mpeg`.
    pub fn mp3(bytes: impl AsRef<[u8]>) -> Self {
        Self::new("audio/mpeg", bytes)
    }

    /// Sets the description, for models without audio input.
    #[must_use]
    pub fn description(mut self, text: impl Into<String>) -> Self {
        self.0.description = Some(text.into());
        self
    }
}

impl Resource {
    /// Creates a text resource. The model reads the URI and the text.
    pub fn text(uri: impl Into<String>, text: impl Into<String>) -> Self {
        Self(Body::Text { uri: uri.into(), text: text.into() })
    }

    /// Creates a binary resource of a media type.
    pub fn bytes(uri: impl Into<String>, media_type: impl Into<String>, bytes: impl AsRef<[u8]>) -> Self {
        let mut binary = Binary::new(BinaryKind::Resource, media_type.into(), bytes.as_ref());
        binary.description = Some(uri.into());
        Self(Body::Bytes(binary))
    }
}

impl ResourceLink {
    /// Creates a link to a URI. The name is that of the resource, such as its file name.
    pub fn new(uri: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            uri: uri.into(),
            name: name.into(),
            title: None,
            description: None,
            media_type: None,
            size: None,
        }
    }

    /// Sets the title, which the model reads instead of the name.
    #[must_use]
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = Some(title.into());
        self
    }

    /// Sets the description, which the model reads below the URI.
    #[must_use]
    pub fn description(mut self, text: impl Into<String>) -> Self {
        self.description = Some(text.into());
        self
    }

    /// Sets the media type, such as `text/csv`.
    #[must_use]
    pub fn media_type(mut self, media_type: impl Into<String>) -> Self {
        self.media_type = Some(media_type.into());
        self
    }

    /// Sets the size of the resource in bytes.
    #[must_use]
    pub fn size(mut self, bytes: u64) -> Self {
        self.size = Some(bytes);
        self
    }
}

/// The text that the model reads.
impl fmt::Display for ResourceLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.title.as_ref().unwrap_or(&self.name), self.uri)?;
        match (&self.media_type, self.size) {
            (Some(media_type), Some(size)) => write!(f, " ({media_type}, {size} bytes)")?,
            (Some(media_type), None) => write!(f, " ({media_type})")?,
            (None, Some(size)) => write!(f, " ({size} bytes)")?,
            (None, None) => {}
        }
        match &self.description {
            Some(description) => write!(f, "\n{description}"),
            None => Ok(()),
        }
    }
}

macro_rules! from {
    ($($type:ty => $variant:ident),*) => {$(
        impl From<$type> for Content {
            fn from(content: $type) -> Self {
                Self::$variant(content.into())
            }
        }
    )*};
}

from! { String => Text, &str => Text, Image => Image, Audio => Audio, Resource => Resource, ResourceLink => Link }

impl Content {
    /// Returns the part of a result, and appends its text to that of the result.
    pub(super) fn into_part(self, text: &mut String) -> PartKind {
        match self {
            Self::Text(added) => PartKind::Text(append(text, &added)),
            Self::Resource(Resource(Body::Text { uri, text: added })) => {
                append(text, &uri);
                PartKind::Resource { uri, text: append(text, &added) }
            }
            Self::Link(link) => {
                append(text, &link.to_string());
                PartKind::Link(link)
            }
            Self::Image(Image(binary))
            | Self::Audio(Audio(binary))
            | Self::Resource(Resource(Body::Bytes(binary))) => PartKind::Binary(binary),
        }
    }
}

/// Appends text on a new line, and returns its range.
pub(super) fn append(text: &mut String, added: &str) -> Range<usize> {
    if !text.is_empty() {
        text.push('\n');
    }
    let start = text.len();
    text.push_str(added);
    start..text.len()
}

impl Binary {
    fn new(kind: BinaryKind, media_type: String, bytes: &[u8]) -> Self {
        Self { kind, media_type, data: base64::encode(bytes), description: None }
    }

    /// Returns the approximate size on the wire, in bytes.
    pub(super) fn size(&self) -> usize {
        self.data.len() + self.media_type.len() + self.description.as_ref().map_or(0, String::len)
    }
}

/// The placeholder for a model that does not support the media type.
impl fmt::Display for Binary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.description {
            Some(description) => write!(f, "[{}: {description}]", self.media_type),
            None => write!(f, "[{}]", self.media_type),
        }
    }
}

impl Serialize for Binary {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object =
            serializer.serialize_struct("Binary", 3 + usize::from(self.description.is_some()))?;
        object.serialize_field("type", if self.kind == BinaryKind::Image { "image" } else { "resource" })?;
        object.serialize_field("data", &self.data)?;
        object.serialize_field("mimeType", &self.media_type)?;
        if let Some(description) = &self.description {
            object.serialize_field("description", description)?;
        }
        object.end()
    }
}
