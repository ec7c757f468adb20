//! The handle to a tool: of the attribute, bound to a value, or defined at run time.

use std::any::{Any, TypeId};
use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::contain::UserValue;
use crate::error::{Error, ErrorKind, Result};
use crate::tools::arguments::decode::Visitor;
use crate::tools::compiled::{self, Compiled, Labels, Wires};
use crate::tools::context::{CalledTool, ToolContext};
use crate::tools::def::{Location, Started, ToolDef};
use crate::tools::schema::{self, SchemaProfile};
use crate::tools::selection_context::SelectionContext;
use crate::tools::state::Need;

/// A function that the model may call.
///
/// `#[copilot::tool]` defines one beside the function, as `name::TOOL`. Clones are cheap.
#[derive(Clone)]
pub struct Tool(Repr);

#[derive(Clone)]
enum Repr {
    Defined(Definition),
    Renamed(Arc<Renamed>),
}

#[derive(Clone)]
enum Definition {
    Static(&'static ToolDef),
    Dynamic(Arc<Dynamic>),
    Bound(Arc<Bound>),
}

/// A tool under another name than that of its definition.
struct Renamed {
    definition: Definition,
    name: Box<str>,
    wires: Wires,
}

/// A tool defined at run time.
pub(crate) struct Dynamic {
    pub(crate) name: Box<str>,
    pub(crate) description: Box<str>,
    pub(crate) title: Option<Box<str>>,
    pub(crate) group: Option<Box<str>>,
    pub(crate) tags: Vec<Box<str>>,
    pub(crate) meta: Map<String, Value>,
    pub(crate) serial_by: Option<Box<str>>,
    /// The schema given by the program; `None` for a tool without arguments, or with typed ones.
    pub(crate) schema: Option<Value>,
    /// The options that are not text.
    pub(crate) options: ToolDef,
    pub(crate) needs_approval: Option<Box<DynApproval>>,
    pub(crate) enabled: Option<Box<DynEnabled>>,
    pub(crate) handler: Handler,
    pub(crate) compiled: OnceLock<Result<Compiled>>,
}

/// Decides on the arguments object as JSON whether a call needs approval; `None` for arguments that do not fit.
pub(crate) type DynApproval = dyn Fn(&str) -> Option<bool> + Send + Sync;

/// Decides whether a session has the tool.
pub(crate) type DynEnabled = dyn Fn(&SelectionContext<'_>) -> bool + Send + Sync;

/// Decodes the arguments of a call and starts it; `None` where they are invalid.
pub(crate) type DynStart = dyn Fn(&mut Visitor<'_>) -> Option<Started> + Send + Sync;

/// The handler of a tool defined at run time.
pub(crate) enum Handler {
    /// Another client of the session answers the calls.
    Declared,
    /// Takes the validated arguments as JSON.
    Json(Box<dyn Fn(Value, ToolContext) -> Started + Send + Sync>),
    /// Takes decoded arguments, as the expansion of the attribute does.
    Typed(Box<DynStart>),
}

/// A tool bound to a value.
pub(crate) struct Bound {
    pub(crate) def: &'static ToolDef,
    pub(crate) type_id: TypeId,
    /// The `Arc` of the value.
    pub(crate) value: UserValue<Arc<dyn Any + Send + Sync>>,
}

/// A tool collected by the linker.
#[derive(Debug)]
pub struct Registered(pub Tool);

inventory::collect!(Registered);

impl Tool {
    /// Used by the macros.
    #[doc(hidden)]
    pub const fn new(def: &'static ToolDef) -> Self {
        Self(Repr::Defined(Definition::Static(def)))
    }

    /// Returns the name that the model uses.
    pub fn name(&self) -> &str {
        match &self.0 {
            Repr::Renamed(renamed) => &renamed.name,
            Repr::Defined(_) => self.defined_name(),
        }
    }

    /// Returns the tool under another name: for a program whose crates have two tools of one name, and for two values
    /// of one [`Toolset`](crate::Toolset).
    ///
    /// The schema, permission requests, rules, hooks, events and results have the new name. A session checks it when it
    /// starts: the error about an invalid name, or about one that is taken, has both names. A renamed tool replaces no
    /// built-in tool. The limit of [`concurrency`](crate::DynTool::concurrency) is shared by all names of a tool.
    ///
    /// # Examples
    ///
    /// ```standalone_crate
    /// # mod acme {
    /// /// Search the catalogue of Acme.
    /// #[copilot::tool(read_only)]
    /// pub async fn search(
    ///     /// The words to find.
    ///     words: &str,
    /// ) -> String {
    ///     words.to_owned()
    /// }
    /// # }
    /// let builder = copilot::Session::builder()
    ///     .with_all_tools()
    ///     .with_tools([acme::search::TOOL.renamed("search_catalogue")]);
    /// # drop(builder);
    /// ```
    pub fn renamed(self, name: impl Into<String>) -> Self {
        let (name, definition) = (name.into(), self.into_definition());
        let defined = Self(Repr::Defined(definition.clone()));
        if defined.name() == name {
            return defined;
        }
        Self(Repr::Renamed(Arc::new(Renamed { definition, name: name.into(), wires: Wires::default() })))
    }

    /// Returns the tool with a prefix before its name; otherwise as [`renamed`](Self::renamed).
    ///
    /// # Examples
    ///
    /// ```
    /// /// Search the catalogue.
    /// #[copilot::tool(read_only)]
    /// async fn search() {}
    ///
    /// let [tool] = copilot::toolset![search].map(|tool| tool.prefixed("acme_"));
    /// assert_eq!(tool.name(), "acme_search");
    /// ```
    pub fn prefixed(self, prefix: impl AsRef<str>) -> Self {
        let name = format!("{}{}", prefix.as_ref(), self.name());
        self.renamed(name)
    }

    /// Returns the description, which the model reads to decide when to call the tool.
    pub fn description(&self) -> &str {
        match self.definition() {
            Definition::Static(def) => def.description,
            Definition::Bound(bound) => bound.def.description,
            Definition::Dynamic(tool) => &tool.description,
        }
    }

    /// Returns the source location of the definition.
    pub fn location(&self) -> Location {
        self.def().location
    }

    /// Returns whether the tool has no side effects.
    pub fn is_read_only(&self) -> bool {
        self.def().read_only
    }

    /// Returns whether the tool may destroy data, so that a call needs a permission.
    pub fn is_destructive(&self) -> bool {
        self.def().destructive
    }

    /// Returns the title that user interfaces show instead of the name, if set.
    pub fn title(&self) -> Option<&str> {
        match self.definition() {
            Definition::Static(def) => def.title,
            Definition::Bound(bound) => bound.def.title,
            Definition::Dynamic(tool) => tool.title.as_deref(),
        }
    }

    /// Returns the group that selections refer to, if set.
    pub fn group(&self) -> Option<&str> {
        match self.definition() {
            Definition::Static(def) => def.group,
            Definition::Bound(bound) => bound.def.group,
            Definition::Dynamic(tool) => tool.group.as_deref(),
        }
    }

    /// Returns the tags that selections refer to; empty without any.
    pub fn tags(&self) -> impl Iterator<Item = &str> {
        let (constant, dynamic) = match self.definition() {
            Definition::Static(def) => (def.tags, &[][..]),
            Definition::Bound(bound) => (bound.def.tags, &[][..]),
            Definition::Dynamic(tool) => (&[][..], &tool.tags[..]),
        };
        constant.iter().copied().chain(dynamic.iter().map(|tag| &**tag))
    }

    /// Returns whether a second call with the same arguments has no further effect. Read-only tools are idempotent.
    pub fn is_idempotent(&self) -> bool {
        self.def().idempotent || self.def().read_only
    }

    /// Returns the timeout of a call; `None` for a tool that does not set one, whose timeout is that of its group or of
    /// the session ([`ToolOptions`](crate::tool_filter::ToolOptions::timeout)).
    pub fn timeout(&self) -> Option<Duration> {
        self.def().timeout_ms.map(Duration::from_millis)
    }

    /// Returns the JSON schema of the arguments; `None` for a tool without arguments.
    ///
    /// # Errors
    ///
    /// Returns an error if the schema of a parameter cannot be sent to a model. The message names the tool, the
    /// parameter and the reason.
    pub fn schema(&self) -> Result<Option<&RawValue>> {
        Ok(self.compiled()?.arguments.parameters.as_deref())
    }

    /// Returns the JSON schema of the results; `None` for a tool that does not return a [`Json`](crate::Json) of a type
    /// with a schema, and for a tool with `max_output`, which may cut the JSON.
    ///
    /// It describes the value as serde writes it. MCP clients validate results with it. A session does not use it.
    ///
    /// # Examples
    ///
    /// ```standalone_crate
    /// use copilot::Json;
    ///
    /// #[derive(serde::Serialize, schemars::JsonSchema)]
    /// struct Forecast {
    ///     celsius: f32,
    /// }
    ///
    /// /// Return the weather of tomorrow.
    /// #[copilot::tool(read_only)]
    /// async fn forecast() -> Json<Forecast> {
    ///     Json(Forecast { celsius: 4.5 })
    /// }
    ///
    /// let schema = forecast::TOOL.output_schema().unwrap();
    /// assert_eq!(schema["properties"]["celsius"]["type"], "number");
    /// ```
    pub fn output_schema(&self) -> Option<Value> {
        let def = self.def();
        if def.max_output.is_some() {
            return None;
        }
        def.output.map(|describe| describe())
    }

    /// Returns the name during constant evaluation; empty for a tool created at run time.
    pub(crate) const fn const_name(&self) -> &'static str {
        match &self.0 {
            Repr::Defined(Definition::Static(def)) => def.name,
            Repr::Defined(Definition::Dynamic(_) | Definition::Bound(_)) | Repr::Renamed(_) => "",
        }
    }

    /// Returns the name of the constant of `#[copilot::tool]`; `None` for a tool of a value or of run time.
    #[cfg(feature = "testing")]
    pub(crate) fn const_handle_name(&self) -> Option<&'static str> {
        match self.definition() {
            Definition::Static(def) => Some(def.name),
            Definition::Bound(_) | Definition::Dynamic(_) => None,
        }
    }

    fn definition(&self) -> &Definition {
        match &self.0 {
            Repr::Defined(definition) => definition,
            Repr::Renamed(renamed) => &renamed.definition,
        }
    }

    fn into_definition(self) -> Definition {
        match self.0 {
            Repr::Defined(definition) => definition,
            Repr::Renamed(renamed) => renamed.definition.clone(),
        }
    }

    /// Returns the name of the definition, whatever the tool was renamed to.
    pub(crate) fn defined_name(&self) -> &str {
        match self.definition() {
            Definition::Static(def) => def.name,
            Definition::Bound(bound) => bound.def.name,
            Definition::Dynamic(tool) => &tool.name,
        }
    }

    /// Returns whether the tool has another name than its definition.
    pub(crate) fn is_renamed(&self) -> bool {
        matches!(self.0, Repr::Renamed(_))
    }

    pub(crate) fn from_dynamic(tool: Arc<Dynamic>) -> Self {
        Self(Repr::Defined(Definition::Dynamic(tool)))
    }

    /// Returns the options of the tool. The texts of a dynamic tool are not in it.
    pub(crate) fn def(&self) -> &ToolDef {
        match self.definition() {
            Definition::Static(def) => def,
            Definition::Bound(bound) => bound.def,
            Definition::Dynamic(tool) => &tool.options,
        }
    }

    pub(crate) fn bound(tool: Arc<Bound>) -> Self {
        Self(Repr::Defined(Definition::Bound(tool)))
    }

    pub(crate) fn dynamic(&self) -> Option<&Dynamic> {
        match self.definition() {
            Definition::Static(_) | Definition::Bound(_) => None,
            Definition::Dynamic(tool) => Some(tool),
        }
    }

    /// Returns whether the tool has no handler, so that another client answers its calls.
    pub(crate) fn is_declared_only(&self) -> bool {
        self.dynamic().is_some_and(|tool| matches!(tool.handler, Handler::Declared))
    }

    /// Returns whether `needs_approval` is set.
    pub(crate) fn decides_approval(&self) -> bool {
        self.def().needs_approval.is_some()
            || self.dynamic().is_some_and(|tool| tool.needs_approval.is_some())
    }

    /// Returns whether `serial_by` is set.
    pub(crate) fn is_serial(&self) -> bool {
        self.def().serial_by.is_some() || self.dynamic().is_some_and(|tool| tool.serial_by.is_some())
    }

    /// Returns whether a session has the tool, as decided by the option `enabled`. Default: `true`.
    pub(crate) fn is_enabled(&self, context: &SelectionContext<'_>) -> bool {
        match self.dynamic() {
            Some(tool) => tool.enabled.as_ref().is_none_or(|enabled| enabled(context)),
            None => self.def().enabled.is_none_or(|enabled| enabled(context)),
        }
    }

    /// Visits the parameters and starts the tool if all have their values.
    pub(crate) fn visit(&self, visitor: &mut Visitor<'_>) -> Option<Started> {
        match self.dynamic() {
            None => (self.def().shim)(visitor),
            Some(Dynamic { handler: Handler::Typed(handler), .. }) => handler(visitor),
            Some(_) => None,
        }
    }

    /// Returns whether both handles are of the same definition and have the same name.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.name() == other.name() && self.has_definition_of(other)
    }

    /// Returns whether both handles are made from one function, whatever they are named or bound to.
    pub(crate) fn is_from(&self, other: &Self) -> bool {
        self.location() == other.location() && self.defined_name() == other.defined_name()
    }

    fn has_definition_of(&self, other: &Self) -> bool {
        match (self.definition(), other.definition()) {
            // A crate that is linked twice, such as the library of a unit test, has two copies of each definition.
            (Definition::Static(a), Definition::Static(b)) => a.name == b.name && a.location == b.location,
            (Definition::Dynamic(a), Definition::Dynamic(b)) => Arc::ptr_eq(a, b),
            (Definition::Bound(a), Definition::Bound(b)) => {
                Arc::ptr_eq(&a.value, &b.value) && a.def.name == b.def.name
            }
            _ => false,
        }
    }

    /// Returns the parts that are computed once: the schema, the wire form and the needed states.
    pub(crate) fn compiled(&self) -> Result<&Compiled> {
        match self.definition() {
            Definition::Static(def) => compiled::of(def),
            Definition::Bound(bound) => compiled::of(bound.def),
            Definition::Dynamic(tool) => {
                tool.compiled.get_or_init(|| tool.compile()).as_ref().map_err(Clone::clone)
            }
        }
    }

    /// Returns the wire form of the tool in a profile.
    pub(crate) fn wire(&self, profile: SchemaProfile) -> Result<&RawValue> {
        let compiled = self.compiled()?;
        let wires = match &self.0 {
            Repr::Defined(_) => &compiled.wires,
            Repr::Renamed(renamed) => &renamed.wires,
        };
        wires.get(profile, || self.wire_of(compiled, profile))
    }

    /// Returns the schema of the arguments as their types describe it; `None` for a tool whose schema is given as JSON, and
    /// for one without arguments.
    pub(crate) fn type_schema(&self) -> Option<Value> {
        let schema = self.has_types().then(|| self.verbatim().ok()).flatten()??;
        serde_json::from_str(schema.get()).ok()
    }

    /// Returns whether the arguments are described by types, and not by a schema as JSON.
    fn has_types(&self) -> bool {
        self.dynamic().is_none_or(|tool| tool.schema.is_none())
    }

    fn verbatim(&self) -> std::result::Result<Option<Box<RawValue>>, String> {
        let description = Visitor::describe(schema::generator(), |visitor| self.visit(visitor));
        schema::verbatim(self.def().params, description)
    }

    fn wire_of(&self, compiled: &Compiled, profile: SchemaProfile) -> Result<Box<RawValue>> {
        let refuse = |reason: String| {
            let (name, location) = (self.name(), self.location());
            Error::new(
                ErrorKind::Tools,
                format!(
                    "the arguments of tool `{name}` at {location} cannot be described in the schema profile \
                     {profile:?}: {reason}"
                ),
            )
        };
        let arguments = &compiled.arguments;
        let parameters = match (profile, &arguments.parameters) {
            (_, None) => None,
            (SchemaProfile::OpenAiStrict, Some(parameters)) => {
                let sent =
                    serde_json::from_str(parameters.get()).map_err(|error| refuse(error.to_string()))?;
                let strict = schema::openai_strict(&sent).map_err(refuse)?;
                let ordered = schema::ordered(&strict, &arguments.layout.names);
                Some(ordered.map_err(|error| refuse(error.to_string()))?)
            }
            (SchemaProfile::Verbatim, Some(_)) if self.has_types() => self.verbatim().map_err(refuse)?,
            (_, Some(parameters)) => Some(parameters.clone()),
        };
        let mut labels = self.dynamic().map_or_else(|| Labels::of(self.def()), Dynamic::labels);
        if self.is_renamed() {
            labels = Labels { name: self.name(), overrides_builtin: false, ..labels };
        }
        compiled::wire(labels, self.def(), parameters.as_deref())
    }
}

impl Dynamic {
    fn compile(&self) -> Result<Compiled> {
        match (&self.handler, &self.schema) {
            (Handler::Typed(_), Some(_)) => Err(Error::new(
                ErrorKind::Tools,
                format!(
                    "the tool `{}` at {} has `schema` and `typed`, whose type has a schema; remove `schema`",
                    self.name, self.options.location
                ),
            )),
            (Handler::Typed(handler), None) => {
                compiled::of_params(self.labels(), &self.options, |visitor| handler(visitor))
            }
            (_, schema) => compiled::of_schema(self.labels(), &self.options, schema.as_ref()),
        }
    }

    fn labels(&self) -> Labels<'_> {
        Labels {
            name: &self.name,
            description: &self.description,
            group: self.group.as_deref(),
            meta: self.meta.clone(),
            overrides_builtin: self.options.overrides_builtin,
            serial_by: self.serial_by.as_deref(),
        }
    }
}

impl CalledTool for Tool {
    fn name(&self) -> &str {
        self.name()
    }

    fn group(&self) -> Option<&str> {
        self.group()
    }

    fn bound_value(&self, type_id: TypeId) -> Option<&Arc<dyn Any + Send + Sync>> {
        match self.definition() {
            Definition::Bound(bound) if bound.type_id == type_id => Some(&bound.value),
            _ => None,
        }
    }

    fn needs(&self) -> &[Need] {
        self.compiled().map_or(&[], |compiled| &compiled.arguments.needs)
    }
}

impl fmt::Debug for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tool")
            .field("name", &self.name())
            .field("location", &self.location())
            .finish_non_exhaustive()
    }
}
