//! Questions of the program to the user, in forms of the session.

use std::pin::Pin;

use serde::Serialize;
use serde_json::Value;
use serde_json::value::to_raw_value;

use crate::error::{Error, ErrorKind, Result};
use crate::protocol::elicitation::{
    BooleanField, ElicitationAction, ElicitationParams, ElicitationResponse, OneField, Property, SelectField,
    TextField,
};
use crate::session::Session;

pub use crate::protocol::elicitation::TextFormat;

/// Questions to the user, in forms of the session. A handler of this program
/// ([`SessionBuilder::on_elicitation`](crate::SessionBuilder::on_elicitation)) or another client of the CLI shows them.
/// Returned by [`Session::ui`].
///
/// # Errors
///
/// Every question fails when no handler and no client shows forms in the session, the connection is lost or the CLI
/// refuses.
///
/// # Cancel safety
///
/// Dropping the future of a question discards its answer. The form stays open where it is shown.
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
    /// Returns the view with which the program asks the user.
    pub fn ui(&self) -> Ui<'_> {
        Ui(self)
    }
}

impl<'a> Ui<'a> {
    /// Returns whether a handler or another client shows forms in this session.
    pub fn is_available(&self) -> bool {
        self.0.capabilities().ui.elicitation == Some(true)
    }

    /// Asks the user for a yes or a no. Dismissing the form is a no.
    ///
    /// # Errors
    ///
    /// As every question of [`Ui`].
    ///
    /// # Cancel safety
    ///
    /// As every question of [`Ui`].
    ///
    /// Wire: `session.ui.elicitation`, to the CLI.
    pub async fn confirm(&self, question: &str) -> Result<bool> {
        let form = OneField::new(Property::Confirmed(BooleanField { kind: "boolean", default: true }));
        let filled = self.one(question, &form, "confirmed").await?;
        Ok(filled.and_then(|value| value.as_bool()).unwrap_or(false))
    }

    /// Asks the user for one of `options`. Returns `None` if the user declined or dismissed the form.
    ///
    /// # Errors
    ///
    /// As every question of [`Ui`].
    ///
    /// # Cancel safety
    ///
    /// As every question of [`Ui`].
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

    /// Asks the user for a text; await the returned request to send it.
    ///
    /// # Cancel safety
    ///
    /// As every question of [`Ui`].
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
    /// As every question of [`Ui`].
    ///
    /// # Cancel safety
    ///
    /// As every question of [`Ui`].
    ///
    /// Wire: `session.ui.elicitation`, to the CLI.
    pub async fn elicit(&self, message: &str, schema: impl Serialize) -> Result<ElicitationResponse> {
        let session = self.0;
        if !self.is_available() {
            // Without this check the CLI would wait without a limit.
            let message = format!(
                "no handler and no client shows forms in this session (CLI {}); set `on_elicitation`",
                session.cli()
            );
            return Err(Error::new(ErrorKind::Unsupported, message));
        }
        const METHOD: &str = "session.ui.elicitation";
        let schema = to_raw_value(&schema).map_err(|source| {
            Error::with_source(ErrorKind::InvalidInput, format!("{METHOD}: the schema is not JSON"), source)
        })?;
        let params = ElicitationParams { session_id: session.id(), message, requested_schema: &schema };
        session.peer().await?.request(METHOD, &params).decoded().await
    }

    /// Returns the value of the only field of a form; `None` if the user declined or dismissed it.
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

/// A request for a text of the user. Awaiting it returns `None` if the user declined or dismissed the form. Returned
/// by [`Ui::input`].
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
    /// Sets the title of the field. Default: none.
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.field.title = Some(title.into());
        self
    }

    /// Sets the description of the field. Default: none.
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.field.description = Some(description.into());
        self
    }

    /// Sets the minimum number of characters. Default: none.
    pub fn min_length(mut self, characters: u32) -> Self {
        self.field.min_length = Some(characters);
        self
    }

    /// Sets the maximum number of characters. Default: none.
    pub fn max_length(mut self, characters: u32) -> Self {
        self.field.max_length = Some(characters);
        self
    }

    /// Sets the format of the text, such as an e-mail address. Default: any.
    pub fn format(mut self, format: TextFormat) -> Self {
        self.field.format = Some(format);
        self
    }

    /// Sets the initial text of the field. Default: empty.
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
