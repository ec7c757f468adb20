//! Parameters that a session injects: trait objects, and values that futures make from the context of the call.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use copilot::tools::{FromCallAsync, Needs};
use copilot::{OrTell, State, ToolContext, ToolError};
use copilot_tests::fake::{Fake, settle};
use serde_json::json;
use tokio::sync::Notify;

/// A database that a test can replace.
trait Database: Send + Sync {
    /// Returns the user of a session.
    fn user(&self, session: &str) -> Option<String>;
    /// Returns a signal that holds every query until it is given.
    fn held(&self) -> Option<&Notify> {
        None
    }
}

struct Loaded(String);

impl FromCallAsync for Loaded {
    async fn from_call(cx: &ToolContext) -> Result<Self, ToolError> {
        let database = cx.state::<dyn Database>().or_tell("there is no database")?;
        let _query = cx.state::<Queries>().map(Query::begin);
        if let Some(signal) = database.held() {
            signal.notified().await;
        }
        database.user(cx.session_id().as_str()).map(Self).or_tell("the session has no user")
    }

    fn needs(needs: &mut Needs) {
        needs.state::<dyn Database>();
    }
}

/// Counts begun and ended queries.
#[derive(Default)]
struct Queries {
    begun: AtomicUsize,
    ended: AtomicUsize,
}

struct Query(State<Queries>);

impl Query {
    fn begin(queries: State<Queries>) -> Self {
        queries.begun.fetch_add(1, Ordering::Relaxed);
        Self(queries)
    }
}

impl Drop for Query {
    fn drop(&mut self) {
        self.0.ended.fetch_add(1, Ordering::Relaxed);
    }
}

/// Greet the user.
#[copilot::tool]
fn greet(
    /// The word of greeting.
    word: &str,
    user: Loaded,
    database: State<dyn Database>,
) -> String {
    format!("{word}, {}! {}", user.0, database.held().is_some())
}

struct Single(&'static str);

impl Database for Single {
    fn user(&self, session: &str) -> Option<String> {
        (!session.is_empty() && !self.0.is_empty()).then(|| self.0.to_owned())
    }
}

#[tokio::test]
async fn a_session_injects_a_trait_object_and_a_loaded_value() {
    let fake = Fake::start().await;
    for (database, expected) in [("Ada", "Hello, Ada! false"), ("", "the session has no user")] {
        let session = fake
            .session()
            .with_tools([greet::TOOL])
            .shared_state::<dyn Database>(Arc::new(Single(database)))
            .start()
            .await
            .unwrap();
        let result = fake.cli.call_tool(session.id(), "greet", json!({ "word": "Hello" })).await;
        assert_eq!(result["textResultForLlm"], expected);
    }
}

#[tokio::test]
async fn a_session_without_a_trait_object_does_not_start() {
    let fake = Fake::start().await;
    let error = fake.session().with_tools([greet::TOOL]).state(Single("Ada")).start().await.unwrap_err();
    let message = error.to_string();
    let name = std::any::type_name::<dyn Database>();
    assert!(message.contains(&format!("`{name}` is needed by\n    `greet` at ")), "{message}");
    assert!(message.contains(&format!(".shared_state::<{name}>(Arc::new(value))")), "{message}");
}

struct Held(Notify);

impl Database for Held {
    fn user(&self, _: &str) -> Option<String> {
        Some("Ada".to_owned())
    }

    fn held(&self) -> Option<&Notify> {
        Some(&self.0)
    }
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_session_drops_the_future_that_makes_a_value() {
    let fake = Fake::start().await;
    let queries = Arc::new(Queries::default());
    let held: Arc<dyn Database> = Arc::new(Held(Notify::new()));
    let session = fake
        .session()
        .with_tools([greet::TOOL])
        .shared_state(held)
        .shared_state(Arc::clone(&queries))
        .start()
        .await
        .unwrap();
    let call = fake.cli.call_tool(session.id(), "greet", json!({ "word": "Hello" })).start();
    settle().await;
    let counts = || (queries.begun.load(Ordering::Relaxed), queries.ended.load(Ordering::Relaxed));
    assert_eq!((call.is_answered(), counts()), (false, (1, 0)));
    session.close().await.unwrap();
    settle().await;
    assert_eq!(counts(), (1, 1));
}
