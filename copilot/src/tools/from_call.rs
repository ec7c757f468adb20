//! Values of a tool's parameters that are made from the context of the call rather than from its arguments.
//!
//! A [`FromCall`] type is made while the arguments are decoded. A [`FromCallAsync`] type takes time: the first decoding
//! finds out which values are needed and that the arguments fit, the call makes the values, and a second decoding takes
//! them. So tools without such a parameter do not pay for it, and the functions of such tools need not be asynchronous.

use std::any::Any;
use std::future::Future;

use futures_core::future::BoxFuture;

use crate::contain::UserValue;
use crate::tools::context::ToolContext;
use crate::tools::output::error::ToolError;
use crate::tools::state::Needs;

/// A type whose values are made from the context of a call rather than from its arguments, such as the user on whose
/// behalf the session runs. [`FromCallAsync`] is for values that take time.
///
/// # Examples
///
/// ```
/// use copilot::tools::{FromCall, Needs};
/// use copilot::{OrTell, ToolContext, ToolError};
///
/// struct Users(Vec<String>);
/// struct User(String);
///
/// impl FromCall for User {
///     fn from_call(cx: &ToolContext) -> Result<Self, ToolError> {
///         let users = cx.state::<Users>().or_tell("there are no users")?;
///         Ok(User(users.0[0].clone()))
///     }
///
///     fn needs(needs: &mut Needs) {
///         needs.state::<Users>();
///     }
/// }
///
/// /// Return the name of the current user.
/// #[copilot::tool]
/// async fn who_am_i(user: User) -> String {
///     user.0
/// }
/// ```
pub trait FromCall: Sized + Send + 'static {
    /// Makes the value.
    ///
    /// # Errors
    ///
    /// An error is the result of the call, as if the tool itself had returned it; the function does not run.
    fn from_call(cx: &ToolContext) -> Result<Self, ToolError>;

    /// Declares the states that [`from_call`](Self::from_call) needs, so that a session without them does not start.
    fn needs(needs: &mut Needs) {
        let _ = needs;
    }
}

/// A type whose values are made from the context of a call as those of [`FromCall`], by a future, such as the row of the
/// user in a database. A type implements one of both traits.
///
/// The function of the tool may be synchronous. The values are made when the arguments are valid, one after the other
/// in the order of the parameters, and then the function starts. This is a part of the call: it waits for a permit of
/// `concurrency`, counts towards the timeout, and is repeated with `retries`.
///
/// # Examples
///
/// ```standalone_crate
/// use copilot::tools::{FromCallAsync, Needs};
/// use copilot::{OrTell, ToolContext, ToolError};
///
/// struct Database;
/// # impl Database { async fn user(&self, _: &str) -> std::io::Result<Option<User>> { Ok(Some(User { name: "Ada".into() })) } }
///
/// struct User {
///     name: String,
/// }
///
/// impl FromCallAsync for User {
///     async fn from_call(cx: &ToolContext) -> Result<Self, ToolError> {
///         let database = cx.state::<Database>().or_tell("there is no database")?;
///         database.user(cx.session_id().as_str()).await?.or_tell("the session has no user")
///     }
///
///     fn needs(needs: &mut Needs) {
///         needs.state::<Database>();
///     }
/// }
///
/// /// Return the name of the current user.
/// #[copilot::tool]
/// async fn who_am_i(user: &User) -> String {
///     user.name.clone()
/// }
///
/// # #[cfg(feature = "testing")]
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let call = copilot::testing::call(who_am_i::TOOL, serde_json::json!({}));
/// assert_eq!(call.state(Database).await.text(), "Ada");
/// # }
/// # #[cfg(not(feature = "testing"))] fn main() {}
/// ```
pub trait FromCallAsync: Sized + Send + 'static {
    /// Makes the value.
    ///
    /// # Errors
    ///
    /// An error is the result of the call, as if the tool itself had returned it; the function does not run.
    ///
    /// # Cancel safety
    ///
    /// The future is dropped when the call is cancelled or times out, as that of the tool is.
    fn from_call(cx: &ToolContext) -> impl Future<Output = Result<Self, ToolError>> + Send;

    /// Declares the states that [`from_call`](Self::from_call) needs, so that a session without them does not start.
    fn needs(needs: &mut Needs) {
        let _ = needs;
    }
}

/// A value of a [`FromCallAsync`] type.
pub(crate) type AnyValue = UserValue<Box<dyn Any + Send>>;

/// Makes the value of a [`FromCallAsync`] type.
pub(crate) type Extract = fn(ToolContext) -> BoxFuture<'static, Result<AnyValue, ToolError>>;

/// The [`Extract`] of a type.
pub(crate) fn extract<T: FromCallAsync>(
    context: ToolContext,
) -> BoxFuture<'static, Result<AnyValue, ToolError>> {
    Box::pin(async move {
        let value = T::from_call(&context).await?;
        Ok(UserValue::new(Box::new(value) as Box<dyn Any + Send>))
    })
}

/// The values of the parameters with a [`FromCallAsync`] type, by the index of the parameter.
pub(crate) enum Extraction {
    /// The values that the first decoding asks for.
    Needed(Vec<(usize, Extract)>),
    /// The values that the second decoding takes.
    Made(Vec<(usize, AnyValue)>),
}
