//! Tests of trait objects as the state of tools.

use super::*;
use crate::tools::Toolset;

pub(super) trait Greeter: Send + Sync {
    fn greet(&self, name: &str) -> String;
}

pub(super) struct Polite;

impl Greeter for Polite {
    fn greet(&self, name: &str) -> String {
        format!("Good day, {name}.")
    }
}

struct Fake(u32);

impl Greeter for Fake {
    fn greet(&self, name: &str) -> String {
        format!("{name} {}", self.0)
    }
}

/// Greet a person.
#[crate::tool(docs = allow)]
async fn greet(name: &str, greeter: State<dyn Greeter>, by_ref: &State<dyn Greeter>) -> String {
    format!("{} {}", greeter.greet(name), by_ref.greet("you"))
}

pub(super) struct Desk;

#[crate::tools]
impl Desk {
    /// Welcome a guest.
    #[tool(docs = allow)]
    fn welcome(&self, name: &str, greeter: &State<dyn Greeter>, cx: &ToolContext) -> String {
        format!("{} {}", greeter.greet(name), cx.state::<dyn Greeter>().is_some())
    }
}

#[crate::tools(prefix = "greeter_")]
impl dyn Greeter {
    /// Wave at a person.
    #[tool(docs = allow)]
    fn wave(&self, name: &str) -> String {
        format!("{} *waves*", self.greet(name))
    }
}

async fn call_with(tool: &Tool, states: StateMap) -> String {
    let call = Invocation { states: Arc::new(states), ..invocation(&json!({ "name": "Ada" })) };
    tool.invoke(call, None).await.text().to_owned()
}

#[tokio::test]
async fn a_trait_object_is_injected_and_can_be_replaced() {
    let with = |greeter: Arc<dyn Greeter>| {
        let mut states = StateMap::default();
        states.insert_shared(greeter);
        states
    };
    assert_eq!(call_with(&greet::TOOL, with(Arc::new(Polite))).await, "Good day, Ada. Good day, you.");
    assert_eq!(call_with(&greet::TOOL, with(Arc::new(Fake(1)))).await, "Ada 1 you 1");
    let [welcome] = &Desk.into_tools()[..] else { panic!("one tool") };
    assert_eq!(call_with(welcome, with(Arc::new(Fake(2)))).await, "Ada 2 true");
    let [wave] = &<dyn Greeter>::tools()[..] else { panic!("one tool") };
    assert_eq!(
        (wave.name(), call_with(wave, with(Arc::new(Fake(3)))).await),
        ("greeter_wave", "Ada 3 *waves*".into())
    );
}

#[test]
fn a_missing_trait_object_is_named_with_the_way_to_set_it() {
    let resolve = |states: &StateMap| {
        let mut selection = ToolSelection::default();
        selection.add([greet::TOOL]);
        selection.add(<dyn Greeter>::tools());
        selection.resolve(&SelectionContext::of_test(states)).map_err(|error| error.to_string())
    };
    let mut states = StateMap::default();
    // The state of the value's type is another one.
    states.insert_shared(Arc::new(Polite));
    states.insert::<Arc<dyn Greeter>>(Arc::new(Polite));
    let message = resolve(&states).unwrap_err();
    let name = std::any::type_name::<dyn Greeter>();
    assert!(name.starts_with("dyn copilot::"), "{name}");
    assert!(message.contains(&format!("`{name}` is needed by\n    `greet` at ")), "{message}");
    assert!(message.contains("\n    `greeter_wave` at "), "{message}");
    assert!(message.ends_with(&format!("`.shared_state::<{name}>(Arc::new(value))`")), "{message}");
    states.insert_shared::<dyn Greeter>(Arc::new(Polite));
    assert!(resolve(&states).is_ok());
    let message = {
        let mut selection = ToolSelection::default();
        selection.add([price::TOOL]);
        selection.resolve(&SelectionContext::of_test(&states)).unwrap_err().to_string()
    };
    assert!(!message.contains("trait object"), "{message}");
}
