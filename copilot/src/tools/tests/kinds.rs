//! Tests of injected values of user types, dynamic tools, methods and schema profiles.

use super::*;
use crate::{Content, Image, OrTell};

struct Caller(String);

impl FromCall for Caller {
    fn from_call(cx: &ToolContext) -> Result<Self, ToolError> {
        let prices = cx.state::<Prices>().or_tell("no prices")?;
        match cx.agent_id() {
            Some(_) => Err(ToolError::refused("agents may not")),
            None => Ok(Self(format!("{} {}", cx.session_id(), prices.base))),
        }
    }

    fn needs(needs: &mut Needs) {
        needs.state::<Prices>();
    }
}

/// Returns the caller.
#[crate::tool]
async fn who(caller: Caller, by_ref: &Caller) -> Vec<Content> {
    vec![caller.0.into(), Image::png(by_ref.0.as_bytes()).into()]
}

#[tokio::test]
async fn values_made_from_the_call_are_injected() {
    let result = who::TOOL.invoke(invocation(&json!({})), None).await;
    assert_eq!(result.text(), "s1 10");
    let by_agent = Invocation { agent_id: Some("a".into()), ..invocation(&json!({})) };
    assert_eq!(who::TOOL.invoke(by_agent, None).await, ToolResult::denied("agents may not"));
    let mut selection = ToolSelection::default();
    selection.add([who::TOOL]);
    assert!(selection.resolve(&SelectionContext::of_test(&StateMap::default())).is_err());
    assert_eq!(schema(&who::TOOL), Value::Null);
}

fn echo(name: &str) -> DynTool {
    let schema = json!({
        "type": "object", "properties": { "n": { "type": "integer", "maximum": 5 } }, "required": ["n"],
    });
    DynTool::new(name, "Say it again.").schema(schema).unwrap()
}

#[tokio::test]
async fn the_arguments_of_dynamic_tools_are_validated() {
    let tool = echo("echo").read_only().group("toys").run(|arguments, cx| async move {
        if arguments["n"] == 0 {
            return Err(ToolError::tell("not nothing"));
        }
        Ok(format!("{} {}", cx.tool(), arguments["n"]))
    });
    assert_eq!(call(&tool, json!({ "n": "3" })).await, "success: echo 3");
    assert_eq!(call(&tool, json!({ "n": 0 })).await, "failure: not nothing");
    assert!(call(&tool, json!({ "n": 6 })).await.ends_with("`n`: expected an integer of at most 5, got 6"));
    let none = DynTool::new("none", "Nothing.").run(|_, _| async {});
    assert_eq!(call(&none, json!({})).await, "success: Done.");

    let mut selection = ToolSelection::default();
    selection.add([tool.clone(), tool, none, echo("declared").declare()]);
    let set = selection.resolve(&SelectionContext::of_test(&states())).unwrap();
    assert_eq!(set.iter().map(Tool::name).collect::<Vec<_>>(), ["declared", "echo", "none"]);
    assert!(set.get("declared").is_none() && set.get("echo").is_some());
    let wire = serde_json::to_value(&set).unwrap();
    assert_eq!(wire[1]["namespace"], json!({ "name": "toys" }));
    assert_eq!(wire[2], json!({ "name": "none", "description": "Nothing." }));
}

#[test]
fn invalid_dynamic_tools_are_rejected() {
    let refused = |schema: Value| DynTool::new("x", "X.").schema(schema).unwrap_err().to_string();
    assert!(refused(json!({ "properties": {} })).contains("does not have"));
    assert!(refused(json!({ "type": "object", "anyOf": [] })).contains("`anyOf`"));
    for (name, expected) in
        [("a b", "is not a valid tool name"), ("bash", "built-in tool"), ("price", "several tools")]
    {
        let mut selection = ToolSelection::default();
        selection.add([echo(name).declare(), price::TOOL]);
        let message = selection.resolve(&SelectionContext::of_test(&states())).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn the_names_of_dynamic_tools_are_checked() {
    let resolve = |tool: Tool| {
        let mut selection = ToolSelection::default();
        selection.add([tool]);
        selection.resolve(&SelectionContext::of_test(&states())).map_err(|error| error.to_string())
    };
    let longest = "x".repeat(64);
    for name in ["a", "A-b_9", &longest] {
        assert!(resolve(echo(name).declare()).is_ok(), "{name}");
    }
    let longer = "x".repeat(65);
    for name in ["", "a b", "a.b", "\u{e9}", &longer] {
        assert!(resolve(echo(name).declare()).unwrap_err().contains("is not a valid tool name"), "{name}");
    }
    assert!(resolve(echo("bash").declare()).unwrap_err().contains("built-in tool `bash`"));
    assert!(resolve(echo("bash").overrides_builtin().declare()).is_ok());
}

pub(super) struct Shop {
    pub(super) name: String,
}

#[crate::tools(group = "shop", prefix = "shop_")]
impl Shop {
    const DISCOUNT: u8 = 10;

    /// Return the name of the shop.
    #[tool(read_only)]
    async fn title(&self) -> String {
        tokio::task::yield_now().await;
        self.name.clone()
    }

    /// Return the prices.
    #[tool(inline)]
    fn costs(
        &self,
        #[arg(default = Self::DISCOUNT, description = "Off.")] off: u8,
        cx: &ToolContext,
    ) -> String {
        format!("{} {} {off}", cx.tool(), self.name.len())
    }

    /// Return the opening hour.
    #[tool(name = "opening")]
    async fn opens() -> &'static str {
        "at eight"
    }

    fn not_a_tool(&self) -> usize {
        self.name.len()
    }
}

struct Shelf<T> {
    items: Vec<T>,
}

#[crate::tools]
impl<T> Shelf<T>
where
    T: std::fmt::Debug + Send + Sync + 'static,
{
    /// List the items.
    #[tool]
    async fn shelf(&self) -> String {
        format!("{:?}", self.items)
    }

    /// Return the number of the items and the price of each.
    #[tool]
    async fn priced(&self, prices: State<Prices>) -> String {
        format!("{} for {}", self.items.len(), prices.base)
    }
}

#[tokio::test]
async fn methods_use_the_state_of_the_session_or_a_bound_value() {
    let shop = || Shop { name: "Corner".into() };
    assert_eq!(shop().not_a_tool(), 6);
    let [title, costs, opens] = &shop().into_tools()[..] else { panic!("three tools") };
    assert_eq!((title.name(), title.group(), title.is_read_only()), ("shop_title", Some("shop"), true));
    assert_eq!(call(title, json!({})).await, "success: Corner");
    assert_eq!(call(costs, json!({})).await, "success: shop_costs 6 10");
    assert_eq!(call(opens, json!({})).await, "success: at eight");
    assert_eq!(schema(costs)["properties"]["off"]["default"], 10);

    let mut selection = ToolSelection::default();
    selection.add(shop().into_tools());
    assert!(selection.resolve(&SelectionContext::of_test(&StateMap::default())).is_ok());
    let mut selection = ToolSelection::default();
    selection.add(Shop::tools());
    assert!(selection.resolve(&SelectionContext::of_test(&StateMap::default())).is_err());
    let with_state = Invocation {
        states: Arc::new({
            let mut states = StateMap::default();
            states.insert(shop());
            states
        }),
        ..invocation(&json!({}))
    };
    assert_eq!(Shop::tools()[0].invoke(with_state, None).await, ToolResult::success("Corner"));

    let numbers = Shelf { items: vec![1, 2] }.into_tools();
    let words = Shelf { items: vec!["a"] }.into_tools();
    assert_eq!(call(&numbers[0], json!({})).await, "success: [1, 2]");
    assert_eq!(call(&words[0], json!({})).await, "success: [\"a\"]");
    assert_eq!(call(&numbers[1], json!({})).await, "success: 2 for 10");
}

#[test]
fn methods_of_one_value_may_be_selected_twice_and_those_of_two_values_may_not() {
    let resolve = |tools: Vec<Tool>| {
        let mut selection = ToolSelection::default();
        selection.add(tools);
        selection.resolve(&SelectionContext::of_test(&StateMap::default()))
    };
    let corner = Shop { name: "Corner".into() }.into_tools();
    let names = |set: ToolSet| set.iter().map(|tool| tool.name().to_owned()).collect::<Vec<_>>();
    let all = ["opening", "shop_costs", "shop_title"];
    assert_eq!(names(resolve([corner.clone(), corner.clone()].concat()).unwrap()), all);
    let other = Shop { name: "Other".into() }.into_tools();
    let message = resolve([corner, other].concat()).unwrap_err().to_string();
    assert!(message.contains("several tools") && message.contains("`shop_title`"), "{message}");
}

#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "described only")]
struct Stop {
    name: String,
    #[serde(default)]
    minutes: u8,
}

/// Plan a trip.
#[crate::tool(docs = allow)]
async fn plan_trip(
    /// Where to.
    #[arg(min_len = 2)]
    to: &str,
    /// How many days.
    #[arg(default = 3, max = 14)]
    days: u8,
    after: Option<u8>,
    #[arg(default)] stops: Vec<Stop>,
    #[arg(default = Some(7))] seats: Option<u8>,
) -> String {
    let minutes: Vec<u8> = stops.iter().map(|stop| stop.minutes).collect();
    format!("{to} {days} {after:?} {minutes:?} {seats:?}")
}

/// Count tags with any names.
#[crate::tool(docs = allow)]
async fn tagged(tags: std::collections::HashMap<String, String>) -> usize {
    tags.len()
}

fn parameters(tool: &Tool, profile: SchemaProfile) -> String {
    let wire: Value = serde_json::from_str(tool.wire(profile).unwrap().get()).unwrap();
    let text = tool.wire(profile).unwrap().get();
    assert!(wire["parameters"].is_object());
    text.split_once("\"parameters\":").unwrap().1.to_owned()
}

#[tokio::test]
async fn profiles_change_the_sent_schema_and_not_the_validation() {
    let strict = parameters(&plan_trip::TOOL, SchemaProfile::OpenAiStrict);
    assert!(
        strict.starts_with(
            r#"{"type":"object","properties":{"to":{"description":"Where to.","type":"string"},"days":{"description":"How many days.\n`null` stands for 3.","maximum":14,"minimum":0,"type":["integer","null"]},"after":{"#
        ),
        "{strict}"
    );
    assert!(
        strict
            .ends_with(r#""required":["to","days","after","stops","seats"],"additionalProperties":false}}"#),
        "{strict}"
    );
    let verbatim = parameters(&plan_trip::TOOL, SchemaProfile::Verbatim);
    assert!(verbatim.contains(r#""format":"uint8""#), "{verbatim}");
    assert!(!parameters(&plan_trip::TOOL, SchemaProfile::Portable).contains("uint8"));
    // Computed once.
    let again = |profile| plan_trip::TOOL.wire(profile).unwrap().get().as_ptr();
    assert_eq!(again(SchemaProfile::OpenAiStrict), again(SchemaProfile::OpenAiStrict));

    let nulls = json!({
        "to": "Oslo", "days": null, "after": null, "stops": [{ "name": "a", "minutes": null }], "seats": null,
    });
    assert_eq!(call(&plan_trip::TOOL, nulls).await, "success: Oslo 3 None [0] Some(7)");
    let dropped = call(&plan_trip::TOOL, json!({ "to": "x", "days": null })).await;
    assert!(dropped.contains("`to`: expected a string of at least 2 characters"), "{dropped}");

    let refused = tagged::TOOL.wire(SchemaProfile::OpenAiStrict).unwrap_err().to_string();
    assert!(
        refused.starts_with("the arguments of tool `tagged` at ")
            && refused.contains("OpenAiStrict: `tags` is a map"),
        "{refused}"
    );
}

/// How to go.
#[derive(Debug, Deserialize, JsonSchema, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "lowercase")]
enum Way {
    /// By train.
    Fast,
    Plain,
    /// On foot.
    Slow,
}

/// A recursive type.
#[derive(Deserialize, JsonSchema)]
struct Nest(Vec<Nest>);

/// Count the nests.
#[crate::tool(docs = allow)]
async fn nests(nest: Nest) -> usize {
    nest.0.len()
}

/// Go there.
#[crate::tool(docs = allow)]
async fn go(way: Way, or: Option<Way>, all: std::collections::BTreeSet<Way>) -> String {
    format!("{way:?} {or:?} {all:?}")
}

#[tokio::test]
async fn variants_keep_their_order_and_sets_take_each_item_once() {
    let schema = schema(&go::TOOL);
    let properties = &schema["properties"];
    let order = json!(["fast", "plain", "slow"]);
    assert_eq!(properties["way"]["enum"], order, "{schema}");
    assert_eq!(
        (&properties["or"]["enum"], &properties["all"]["items"]["enum"]),
        (&order, &order),
        "{schema}"
    );
    assert_eq!(
        call(&go::TOOL, json!({ "way": "slow", "all": ["slow", "fast"] })).await,
        "success: Slow None {Fast, Slow}"
    );
    assert_eq!(call(&nests::TOOL, json!({ "nest": [[], []] })).await, "success: 2");
    let text = call(&go::TOOL, json!({ "way": "slow", "all": ["slow", "fast", "SLOW"] })).await;
    assert!(text.ends_with("- `all`: expected each item once, got \"slow\" twice"), "{text}");
}
