//! Tests of tools defined at run time: each option has the effect of the attribute's option.

use super::*;

#[derive(Deserialize, JsonSchema)]
struct Trip {
    /// The city.
    to: String,
    /// How many days.
    #[serde(default)]
    days: u8,
    stops: Option<Vec<Item>>,
}

impl Trip {
    fn text(&self) -> String {
        let stops = self.stops.iter().flatten();
        let stops: Vec<String> = stops.map(|stop| format!("{} {}", stop.name, stop.count)).collect();
        format!("{} {} {stops:?}", self.to, self.days)
    }
}

fn is_long(trip: &Trip) -> bool {
    trip.days > 7
}

fn in_session(session: &SelectionContext<'_>) -> bool {
    session.session_id().as_str() == "s1" && session.state::<Prices>().is_some()
}

/// Plan a trip.
#[crate::tool(
    name = "book_trip", title = "Trip", group = "trips", tags("a", "b"), idempotent, open_world, terminal,
    needs_approval = is_long, enabled = in_session, defer = never, meta("x.y:n" = 1, "x.y:s" = "t"), timeout = "3s",
    retries = 2, max_output = 600, concurrency = 4, budget = 3, errors = visible, coerce = off
)]
async fn planned(trip: Trip, cx: &ToolContext) -> Result<String, std::fmt::Error> {
    if trip.to == "nowhere" { Err(std::fmt::Error) } else { Ok(format!("{} {}", trip.text(), cx.call_id())) }
}

fn typed() -> Tool {
    DynTool::new("book_trip", "Plan a trip.")
        .title("Trip")
        .group("trips")
        .tags(["a", "b"])
        .idempotent()
        .open_world()
        .terminal()
        .needs_approval(is_long)
        .enabled(in_session)
        .defer(Defer::Never)
        .meta("x.y:n", 1)
        .meta("x.y:s", "t")
        .timeout(Duration::from_secs(3))
        .retries(2)
        .max_output(600)
        .concurrency(4)
        .budget(3)
        .errors(ToolErrors::Visible)
        .coerce(false)
        .typed(|trip: Trip, cx| async move {
            if trip.to == "nowhere" {
                Err(std::fmt::Error)
            } else {
                Ok(format!("{} {}", trip.text(), cx.call_id()))
            }
        })
}

/// Remove a file.
#[crate::tool(name = "view", read_only, skip_permission, overrides_builtin, docs = allow)]
async fn viewed(trip: Trip) -> String {
    trip.text()
}

/// Remove a file.
#[crate::tool(name = "erase", destructive, defer = auto, docs = allow)]
async fn erased(trip: Trip) -> String {
    trip.text()
}

/// The attributed tools, each with its counterpart.
fn pairs() -> [(Tool, Tool); 3] {
    let view = DynTool::new("view", "Remove a file.").read_only().skip_permission().overrides_builtin();
    let erase = DynTool::new("erase", "Remove a file.").destructive().defer(Defer::Auto);
    [
        (planned::TOOL, typed()),
        (viewed::TOOL, view.typed(|trip: Trip, _| async move { trip.text() })),
        (erased::TOOL, erase.typed(|trip: Trip, _| async move { trip.text() })),
    ]
}

/// The options that are not on the wire.
fn options(tool: &Tool) -> impl PartialEq + std::fmt::Debug {
    let def = tool.def();
    (
        (tool.title().map(str::to_owned), tool.tags().map(str::to_owned).collect::<Vec<_>>()),
        (tool.is_read_only(), tool.is_destructive(), tool.is_idempotent(), def.open_world),
        (
            tool.timeout(),
            def.retries,
            def.max_output,
            (def.concurrency, def.budget),
            def.coerce,
            def.errors_visible,
        ),
        (
            tool.decides_approval(),
            tool.group().map(str::to_owned),
            def.skip_permission,
            def.overrides_builtin,
        ),
        tool.compiled().unwrap().permits.as_ref().map(|permits| permits.available_permits()),
    )
}

#[test]
fn typed_and_attributed_tools_have_the_same_definition() {
    for (attributed, typed) in pairs() {
        for profile in [SchemaProfile::Portable, SchemaProfile::OpenAiStrict, SchemaProfile::Verbatim] {
            let [attributed, typed] = [&attributed, &typed].map(|tool| tool.wire(profile).unwrap().get());
            assert_eq!(attributed, typed, "{profile:?}");
        }
        assert_eq!(options(&attributed), options(&typed));
        for days in [3, 8] {
            let arguments = json!({ "to": "Oslo", "days": days });
            assert_eq!(
                attributed.needs_approval(&arguments),
                typed.needs_approval(&arguments),
                "{} {arguments}",
                typed.name()
            );
        }
        for states in [states(), StateMap::default()] {
            let context = SelectionContext::of_test(&states);
            assert_eq!(attributed.is_enabled(&context), typed.is_enabled(&context), "{}", typed.name());
        }
    }
    assert!(typed().needs_approval(&json!({ "to": "Oslo", "days": 8 })));
    assert!(!typed().needs_approval(&json!({ "to": "Oslo", "days": 7 })));
    assert!(typed().needs_approval(&json!({ "days": 7 })), "arguments that do not fit need approval");
    assert!(!typed().is_enabled(&SelectionContext::of_test(&StateMap::default())));
}

#[tokio::test]
async fn typed_and_attributed_tools_have_the_same_results() {
    let all = [
        json!({ "to": "Oslo", "days": 2, "stops": [{ "name": "a", "count": 1 }] }),
        json!({ "to": "nowhere" }),
        json!({ "to": "Oslo", "days": "2" }),
        json!({ "to": "Oslo", "days": null, "stops": null }),
        json!({ "too": 1, "days": 256, "stops": [{ "nam": "a", "count": -1 }], "Days": 3 }),
        json!({}),
        json!([]),
        json!({ "to": "x".repeat(700) }),
    ];
    for (attributed, typed) in pairs() {
        for arguments in &all {
            let [attributed, typed] = [&attributed, &typed].map(|tool| call(tool, arguments.clone()));
            let (attributed, typed) = (attributed.await, typed.await);
            if !attributed.contains("under reference") {
                assert_eq!(attributed, typed, "{arguments}");
            }
        }
    }
    assert_eq!(call(&typed(), all[0].clone()).await, "success: Oslo 2 [\"a 1\"] c1");
    let wrong = call(&typed(), all[4].clone()).await;
    for problem in ["- `days`: expected", "- `stops[0].count`: expected"] {
        assert!(wrong.contains(problem), "{wrong}");
    }
}

#[tokio::test]
async fn a_type_without_fields_has_no_arguments_and_a_map_has_any() {
    #[derive(Deserialize, JsonSchema)]
    struct Nothing {}

    let none = DynTool::new("none", "None.").typed(|_: Nothing, _| async {});
    assert_eq!(schema(&none), Value::Null);
    assert_eq!(call(&none, json!({})).await, "success: Done.");
    assert!(call(&none, json!({ "x": 1 })).await.contains("`x` is not known; nothing is expected here"));

    let map = DynTool::new("map", "Map.")
        .typed(|map: std::collections::BTreeMap<String, u8>, _| async move { map.len() });
    assert_eq!(call(&map, json!({ "a": 1, "b": 2 })).await, "success: 2");
    assert!(call(&map, json!({ "a": "x" })).await.contains("`a`: expected an integer from 0 to 255"));
}

fn refused(tool: Tool) -> String {
    let mut selection = ToolSelection::default();
    selection.add([tool]);
    let states = states();
    selection.resolve(&SelectionContext::of_test(&states)).unwrap_err().to_string()
}

#[test]
fn contradicting_options_are_an_error_when_the_session_starts() {
    let new = |name: &str| DynTool::new(name, "Do it.");
    for (tool, expected) in [
        (new("x").read_only().destructive(), "`destructive` contradicts `read_only`"),
        (new("x").skip_permission().destructive(), "`destructive` contradicts `skip_permission`"),
        (
            new("x").skip_permission().needs_approval(|_: &Value| true),
            "`needs_approval` contradicts `skip_permission`",
        ),
        (new("x").retries(1), "`retries` requires `read_only` or `idempotent`"),
        (new("x").overrides_builtin(), "the CLI has no built-in tool of this name"),
        (new("x").timeout(Duration::ZERO), "`timeout` must be at least one millisecond"),
        (new("x").max_output(0), "`max_output` must be above 0"),
        (new("x").concurrency(0), "`concurrency` must be above 0"),
        (new("x").budget(0), "`budget` must be above 0"),
        (DynTool::new("x", " "), "it has no description"),
    ] {
        let message = refused(tool.run(|_, _| async {}));
        assert!(message.starts_with("the tool `x` at ") && message.contains(expected), "{message}");
    }
    let all = refused(new("x").read_only().destructive().max_output(0).run(|_, _| async {}));
    assert_eq!(all.lines().count(), 2, "{all}");
}

#[test]
fn arguments_that_are_not_an_object_are_an_error_when_the_session_starts() {
    let number = refused(DynTool::new("x", "Do it.").typed(|_: u8, _| async {}));
    assert!(number.contains("use a struct with named fields"), "{number}");
    let twice = DynTool::new("x", "Do it.").schema(json!({ "type": "object" })).unwrap();
    let twice = refused(twice.typed(|_: Trip, _| async {}));
    assert!(twice.contains("remove `schema`"), "{twice}");
    let mut selection = ToolSelection::default();
    selection.add(["x", "y"].map(|name| DynTool::new(name, "Do it.").typed(|_: u8, _| async {})));
    let both = selection.resolve(&SelectionContext::of_test(&StateMap::default())).unwrap_err().to_string();
    assert!(both.contains("`x`") && both.contains("`y`"), "{both}");
}

#[tokio::test]
async fn a_schema_that_cannot_be_checked_is_refused_and_all_others_are_checked() {
    let refused = |part: Value| {
        let schema = json!({ "type": "object", "properties": { "a": part } });
        DynTool::new("x", "Do it.").schema(schema).unwrap_err().to_string()
    };
    assert_eq!(
        refused(json!({ "if": { "const": 1 }, "items": [{}] })),
        "the schema of tool `x` cannot be used: arguments are validated against the schema before the function runs, and \
         this part of it cannot be validated; remove it, and check the rule in the function:\n  `if` at `/properties/a` \
         is not checked\n  `items` at `/properties/a` is a list, as in draft 7; write `prefixItems`"
    );
    assert!(refused(json!({ "pattern": "^(?!a)" })).contains("`pattern` at `/properties/a`"));
    assert!(refused(json!({ "$ref": "https://example.com/a" })).contains("`$ref` at `/properties/a`"));

    let schema = json!({
        "type": "object",
        "properties": {
            "even": { "$ref": "#/definitions/Number", "multipleOf": 2 },
            "one": { "oneOf": [{ "minimum": 1 }, { "maximum": 3 }] },
            "never": false,
            "map": { "type": "object", "propertyNames": { "maxLength": 2 }, "patternProperties": { "^n": { "type": "integer" } } },
            "list": { "type": "array", "prefixItems": [{ "type": "string" }], "items": false },
            "tree": { "$ref": "#/definitions/Tree" },
        },
        "definitions": {
            "Number": { "type": "integer", "minimum": 0 },
            "Tree": { "anyOf": [{ "type": "null" }, { "type": "object", "properties": { "t": { "$ref": "#/definitions/Tree" } },
                      "additionalProperties": false }] },
        },
    });
    let tool = DynTool::new("x", "Do it.").schema(schema).unwrap().run(|_, _| async {});
    let deep = |depth: usize, inner: Value| (0..depth).fold(inner, |tree, _| json!({ "t": tree }));
    for fits in [
        json!({ "even": 4, "one": 0, "map": { "n1": 1, "x": "y" }, "list": ["a"], "tree": deep(100, Value::Null) }),
        json!({ "even": "2.0", "one": 4, "list": [], "other": 1 }),
    ] {
        assert_eq!(call(&tool, fits.clone()).await, "success: Done.", "{fits}");
    }
    for (wrong, problem) in [
        (json!({ "even": 3 }), "`even`: expected a number that is a multiple of 2, got 3"),
        (json!({ "even": -2 }), "`even`: expected an integer of at least 0, got -2"),
        (json!({ "one": 2 }), "`one`: expected a value that fits one alternative instead of 2, got 2"),
        (json!({ "never": 1 }), "`never`: expected no value here, got 1"),
        (json!({ "map": { "abc": 1 } }), "the name of `map.abc`: expected a string of at most 2 characters"),
        (json!({ "map": { "n": "x" } }), "`map.n`: expected an integer, got \"x\""),
        (json!({ "list": ["a", 1] }), "`list[1]`: expected no value here, got 1"),
        (json!({ "tree": deep(90, json!(7)) }), "expected null or an object, got 7"),
    ] {
        let text = call(&tool, wrong.clone()).await;
        assert!(text.starts_with("failure") && text.contains(problem), "{wrong} {text}");
    }
}
