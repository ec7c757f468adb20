//! The program asks the user, through whatever shows forms in the session.

use std::pin::Pin;

use serde::Serialize;
use serde_json::Value;

use crate::error::{Error, ErrorKind, Result};
use crate::protocol::elicitation::{
    BooleanField, ElicitationAction, ElicitationParams, ElicitationResponse, OneField, Property, SelectField,
    TextField,
};
use crate::session::Session;

pub use crate::protocol::elicitation::TextFormat;

/// Asks the user, through whatever shows forms in the session: a handler of this program's
/// ([`SessionBuilder::on_elicitation`](crate::SessionBuilder::on_elicitation)), or another client of the CLI. Made by
/// [`Session::ui`].
///
/// # Examples
///
/// ```no_run
/// # async fn example(session: &copilot::Session) -> copilot::Result<()> {
/// let ui = session.ui();
/// if ui.is_available() && ui.confirm("Deploy to production?").await? {
///     let reason = ui.input("Why?").max_length(80).await?;
///     println!("deploying: {}", reason.unwrap_or_default());
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Ui<'a>(&'a Session);

impl Session {
    /// Asks the user, through whatever shows forms in this session.
    pub fn ui(&self) -> Ui<'_> {
        Ui(self)
    }
}

impl<'a> Ui<'a> {
    /// Whether anything shows forms in this session.
    pub fn is_available(&self) -> bool {
        self.0.capabilities().ui.elicitation == Some(true)
    }

    /// Asks for a yes or a no. Looking away is a no.
    ///
    /// # Errors
    ///
    /// When nothing shows forms in this session, the connection is lost or the CLI refuses.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future forgets the question. The form stays with whoever shows it, and what is filled in reaches
    /// nobody.
    ///
    /// Wire: `session.ui.elicitation`, to the CLI.
    pub async fn confirm(&self, question: &str) -> Result<bool> {
        let form = OneField::new(Property::Confirmed(BooleanField { kind: "boolean", default: true }));
        let filled = self.one(question, &form, "confirmed").await?;
        Ok(filled.and_then(|value| value.as_bool()).unwrap_or(false))
    }

    /// Asks for one of these; `None` when the user refused or looked away.
    ///
    /// # Errors
    ///
    /// When nothing shows forms in this session, the connection is lost or the CLI refuses.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future forgets the question. The form stays with whoever shows it, and what is filled in reaches
    /// nobody.
    ///
    /// Wire: `session.ui.elicitation`, to the CLI.
    pub async fn select(
        &self,
        question: &str,
        options: impl IntoIterator<Item = impl Into<String>>,
    ) -> Result<Option<String>> {
        let options: Vec<String> = options.into_iter().map(Into::into).collect();
        let form = OneField::new(Property::Selection(SelectField { kind: "string", options: &options }));
        Ok(self.one(question, &form, "selection").await?.and_then(text))
    }

    /// Asks for a text; await it for the text.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future forgets the question. The form stays with whoever shows it, and what is filled in reaches
    /// nobody.
    ///
    /// Wire: `session.ui.elicitation`, to the CLI.
    pub fn input(self, question: impl Into<String>) -> InputRequest<'a> {
        InputRequest {
            ui: self,
            question: question.into(),
            field: TextField { kind: "string", ..TextField::default() },
        }
    }

    /// Asks the user to fill in a form. `schema` is the JSON schema of an object whose properties are the fields:
    /// texts, numbers, booleans and choices.
    ///
    /// # Errors
    ///
    /// When nothing shows forms in this session, the connection is lost or the CLI refuses.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future forgets the question. The form stays with whoever shows it, and what is filled in reaches
    /// nobody.
    ///
    /// Wire: `session.ui.elicitation`, to the CLI.
    pub async fn elicit(&self, message: &str, schema: impl Serialize) -> Result<ElicitationResponse> {
        let session = self.0;
        if !self.is_available() {
            // Without this the CLI would wait for ever.
            let message = format!(
                "nothing shows forms in this session (CLI {}): give it an `on_elicitation` handler",
                session.cli()
            );
            return Err(Error::new(ErrorKind::Unsupported, message));
        }
        let params = ElicitationParams { session_id: session.id(), message, requested_schema: &schema };
        session.peer().await?.request("session.ui.elicitation", &params).decoded().await
    }

    /// What was filled in as the only field of a form.
    async fn one(&self, question: &str, form: &OneField<'_>, field: &str) -> Result<Option<Value>> {
        let elicited = self.elicit(question, form).await?;
        if elicited.action != ElicitationAction::Accept {
            return Ok(None);
        }
        Ok(elicited.content.and_then(|mut content| content.get_mut(field).map(Value::take)))
    }
}

fn text(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        _ => None,
    }
}

/// Asks the user for a text; await it for the text, or `None` when the user refused or looked away. Made by
/// [`Ui::input`].
///
/// # Cancel safety
///
/// As [`Ui::input`].
#[derive(Debug)]
#[must_use = "a request does nothing until it is awaited"]
pub struct InputRequest<'a> {
    ui: Ui<'a>,
    question: String,
    field: TextField,
}

impl InputRequest<'_> {
    /// The name of the field.
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.field.title = Some(title.into());
        self
    }

    /// What belongs into the field.
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.field.description = Some(description.into());
        self
    }

    /// The fewest characters that will do.
    pub fn min_length(mut self, characters: u32) -> Self {
        self.field.min_length = Some(characters);
        self
    }

    /// The most characters.
    pub fn max_length(mut self, characters: u32) -> Self {
        self.field.max_length = Some(characters);
        self
    }

    /// What the text must be.
    pub fn format(mut self, format: TextFormat) -> Self {
        self.field.format = Some(format);
        self
    }

    /// The text that stands in the field at first.
    pub fn default_text(mut self, text: impl Into<String>) -> Self {
        self.field.default = Some(text.into());
        self
    }
}

impl<'a> IntoFuture for InputRequest<'a> {
    type Output = Result<Option<String>>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let form = OneField::new(Property::Value(&self.field));
            Ok(self.ui.one(&self.question, &form, "value").await?.and_then(text))
        })
    }
}
