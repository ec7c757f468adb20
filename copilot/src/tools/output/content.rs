//! Content that a tool returns besides text: images, audio, resources.

use std::fmt;

use serde::Serialize;
use serde::ser::{SerializeStruct, Serializer};

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

#[derive(Clone, Debug, PartialEq, Eq)]
enum Body {
    Text { uri: String, text: String },
    Bytes(Binary),
}

/// Binary content, as it is on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Binary {
    is_image: bool,
    media_type: String,
    /// The bytes in base64.
    data: String,
    description: Option<String>,
}

impl Binary {
    /// Returns the approximate size on the wire, in bytes.
    pub(super) fn size(&self) -> usize {
        self.data.len() + self.description.as_ref().map_or(0, String::len)
    }
}

impl Image {
    /// Creates an image of a media type such as `image/webp`.
    pub fn new(media_type: impl Into<String>, bytes: impl AsRef<[u8]>) -> Self {
        Self(Binary::new(true, media_type.into(), bytes.as_ref()))
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
        Self(Binary::new(false, media_type.into(), bytes.as_ref()))
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
        let mut binary = Binary::new(false, media_type.into(), bytes.as_ref());
        binary.description = Some(uri.into());
        Self(Body::Bytes(binary))
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

from! { String => Text, &str => Text, Image => Image, Audio => Audio, Resource => Resource }

impl Content {
    /// Returns the text, or the binary content as `Err`.
    pub(crate) fn split(self) -> Result<String, Binary> {
        match self {
            Self::Text(text) => Ok(text),
            Self::Resource(Resource(Body::Text { uri, text })) => Ok(format!("{uri}\n{text}")),
            Self::Image(Image(binary))
            | Self::Audio(Audio(binary))
            | Self::Resource(Resource(Body::Bytes(binary))) => Err(binary),
        }
    }
}

impl Binary {
    fn new(is_image: bool, media_type: String, bytes: &[u8]) -> Self {
        Self { is_image, media_type, data: base64::encode(bytes), description: None }
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
        object.serialize_field("type", if self.is_image { "image" } else { "resource" })?;
        object.serialize_field("data", &self.data)?;
        object.serialize_field("mimeType", &self.media_type)?;
        if let Some(description) = &self.description {
            object.serialize_field("description", description)?;
        }
        object.end()
    }
}
