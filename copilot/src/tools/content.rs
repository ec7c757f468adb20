//! What a tool returns besides text: images, audio, resources.

use std::fmt;

use serde::Serialize;
use serde::ser::{SerializeStruct, Serializer};

use crate::protocol::base64;

/// One piece of what a tool returns; return `Vec<Content>` to mix them.
///
/// The model reads text where it stands, joined by line breaks, and the rest beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Content {
    /// Text.
    Text(String),
    /// A picture.
    Image(Image),
    /// A sound.
    Audio(Audio),
    /// Something that has a URI.
    Resource(Resource),
}

/// A picture that a tool returns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image(Binary);

/// A sound that a tool returns. The CLI hands it on as a binary resource of its media type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audio(Binary);

/// Something with a URI that a tool returns, as text or as bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource(Body);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Body {
    Text { uri: String, text: String },
    Bytes(Binary),
}

/// Bytes beside the text, as the wire has them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Binary {
    is_image: bool,
    media_type: String,
    /// In base 64.
    data: String,
    description: Option<String>,
}

impl Binary {
    /// About how many bytes it takes on the wire.
    pub(super) fn size(&self) -> usize {
        self.data.len() + self.description.as_ref().map_or(0, String::len)
    }
}

impl Image {
    /// A picture of some media type, such as `image/webp`.
    pub fn new(media_type: impl Into<String>, bytes: impl AsRef<[u8]>) -> Self {
        Self(Binary::new(true, media_type.into(), bytes.as_ref()))
    }

    /// A PNG picture.
    pub fn png(bytes: impl AsRef<[u8]>) -> Self {
        Self::new("image/png", bytes)
    }

    /// A JPEG picture.
    pub fn jpeg(bytes: impl AsRef<[u8]>) -> Self {
        Self::new("image/jpeg", bytes)
    }

    /// Says what is in it, for models that cannot look.
    #[must_use]
    pub fn description(mut self, text: impl Into<String>) -> Self {
        self.0.description = Some(text.into());
        self
    }
}

impl Audio {
    /// A sound of some media type, such as `audio/ogg`.
    pub fn new(media_type: impl Into<String>, bytes: impl AsRef<[u8]>) -> Self {
        Self(Binary::new(false, media_type.into(), bytes.as_ref()))
    }

    /// A WAV sound.
    pub fn wav(bytes: impl AsRef<[u8]>) -> Self {
        Self::new("audio/wav", bytes)
    }

    /// An MP3 sound.
    pub fn mp3(bytes: impl AsRef<[u8]>) -> Self {
        Self::new("audio/mpeg", bytes)
    }

    /// Says what is in it, for models that cannot listen.
    #[must_use]
    pub fn description(mut self, text: impl Into<String>) -> Self {
        self.0.description = Some(text.into());
        self
    }
}

impl Resource {
    /// Text with a URI.
    pub fn text(uri: impl Into<String>, text: impl Into<String>) -> Self {
        Self(Body::Text { uri: uri.into(), text: text.into() })
    }

    /// Bytes with a URI.
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
    /// Takes it apart into what is text and what is not.
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

/// What stands for it where it cannot be seen.
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
