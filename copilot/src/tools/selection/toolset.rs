//! Types whose methods are tools, and the methods bound to a value.

use std::any::{Any, TypeId};
use std::sync::Arc;

use crate::contain::UserValue;
use crate::tools::def::ToolDef;
use crate::tools::tool::{Bound, Tool};

/// A type whose methods are tools. `#[copilot::tools]` on an `impl` block implements it.
///
/// # Examples
///
/// ```
/// use copilot::Toolset;
///
/// struct Greeter {
///     word: String,
/// }
///
/// #[copilot::tools(prefix = "greeter_")]
/// impl Greeter {
///     /// Greet a person.
///     #[tool(read_only)]
///     async fn greet(
///         &self,
///         /// The person's name.
///         name: &str,
///     ) -> String {
///         format!("{}, {name}!", self.word)
///     }
/// }
///
/// let tools = Greeter { word: "Hello".to_owned() }.into_tools();
/// assert_eq!(tools[0].name(), "greeter_greet");
/// ```
#[diagnostic::on_unimplemented(
    message = "the methods of `{Self}` are not tools",
    label = "no `impl` block of this type has `#[copilot::tools]`",
    note = "write `#[copilot::tools]` on one `impl` block of the type, and `#[tool]` on each method that is a tool"
)]
pub trait Toolset: ToolsInOneImplBlock {
    /// Returns the tools. The session's state provides the value.
    fn tools() -> Vec<Tool> {
        Self::DEFS.iter().copied().map(Tool::new).collect()
    }

    /// Returns the tools bound to this value, which is not read from the session's state.
    fn into_tools(self) -> Vec<Tool>
    where
        Self: Send + Sync + Sized,
    {
        let value: Arc<dyn Any + Send + Sync> = Arc::new(Arc::new(self));
        let bind = |def| {
            let value = UserValue::new(Arc::clone(&value));
            Tool::bound(Arc::new(Bound { def, type_id: TypeId::of::<Self>(), value }))
        };
        Self::DEFS.iter().copied().map(bind).collect()
    }
}

/// The list of a type's tools. `#[copilot::tools]` implements it, on one `impl` block of the type: a second block is an
/// error that names this trait.
pub trait ToolsInOneImplBlock: 'static {
    /// Used by the macros.
    #[doc(hidden)]
    const DEFS: &'static [&'static ToolDef];
}

#[diagnostic::do_not_recommend]
impl<T: ToolsInOneImplBlock + ?Sized> Toolset for T {}
