//! Tests of names in arguments: unknown ones, other case styles, and tags of enums.

use std::collections::{BTreeMap, HashMap};

use super::arguments::Counted;
use super::reports::problems;
use super::*;

#[derive(Deserialize, JsonSchema, Debug)]
#[expect(dead_code, reason = "printed")]
struct Filter {
    max_results: Option<u32>,
    inner: Option<Box<Filter>>,
}

/// Find.
#[crate::tool(docs = allow)]
async fn find(
    filter: Option<Filter>,
    all: Option<Vec<Filter>>,
    map: Option<HashMap<String, Filter>>,
    pair: Option<(u8, Filter)>,
    include_archived: Option<bool>,
) -> String {
    format!("{filter:?} {all:?} {map:?} {pair:?} {include_archived:?}")
}

#[tokio::test]
async fn unknown_names_are_reported_at_every_depth() {
    assert_eq!(
        problems(&find::TOOL, &json!({ "filter": { "max_result": 5 } })).await,
        ["`filter.max_result` is not known; did you mean `max_results`?"]
    );
    let everywhere = json!({
        "filter": { "inner": { "inner": { "results": 1 } } },
        "all": [{}, { "weather": 1 }],
        "map": { "any": { "max_result": 1 } },
        "pair": [1, { "max_resulst": 1 }],
        "include_archive": true,
    });
    assert_eq!(
        problems(&find::TOOL, &everywhere).await,
        [
            "`all[1].weather` is not known; known are `inner`, `max_results`",
            "`filter.inner.inner.results` is not known; did you mean `max_results`?",
            "`map.any.max_result` is not known; did you mean `max_results`?",
            "`pair[1].max_resulst` is not known; did you mean `max_results`?",
            "`include_archive` is not known; did you mean `include_archived`?",
        ]
    );
    let schema = schema(&find::TOOL);
    let closed = json!(false);
    assert_eq!(
        schema["properties"]["map"]["additionalProperties"]["additionalProperties"], closed,
        "{schema}"
    );
    assert_eq!(schema["properties"]["pair"]["prefixItems"][1]["additionalProperties"], closed, "{schema}");
    // The name of a property elsewhere is not known here.
    assert_eq!(
        problems(&find::TOOL, &json!({ "filter": { "pair": 1 } })).await,
        ["`filter.pair` is not known; known are `inner`, `max_results`"]
    );
}

#[tokio::test]
async fn open_types_take_other_names_and_aliases_are_known() {
    #[derive(Deserialize, JsonSchema, Debug)]
    #[expect(dead_code, reason = "printed")]
    struct Open {
        #[serde(alias = "ident")]
        id: u8,
        #[serde(flatten)]
        rest: BTreeMap<String, Value>,
    }

    #[derive(Deserialize, JsonSchema, Debug)]
    #[expect(dead_code, reason = "printed")]
    struct Aliased {
        #[serde(alias = "n")]
        count: u8,
        #[serde(default)]
        any: Value,
        #[serde(flatten)]
        shape: Flat,
    }

    #[derive(Deserialize, JsonSchema, Debug)]
    struct Named {
        #[serde(alias = "n")]
        count: u8,
        next: Option<Box<Named>>,
    }

    #[derive(Deserialize, JsonSchema, Debug)]
    #[serde(tag = "kind", rename_all = "snake_case")]
    #[expect(dead_code, reason = "printed")]
    enum Flat {
        RoundThing { r: f64 },
        Square { side: f64 },
    }

    /// Take.
    #[crate::tool(docs = allow)]
    async fn take(open: Option<Open>, aliased: Option<Aliased>, named: Option<Named>) -> String {
        format!(
            "{open:?} {aliased:?} {:?}",
            named.map(|named| (named.count, named.next.map(|next| next.count)))
        )
    }

    /// Take one.
    #[crate::tool(docs = allow)]
    async fn take_one(named: Named) -> u8 {
        named.count
    }

    for (arguments, shown) in [
        (json!({ "open": { "id": 1, "x": [1], "Y": null } }), r#"rest: {"Y": Null, "x": Array [Number(1)]}"#),
        (json!({ "named": { "n": 1, "next": { "n": 2 } } }), "Some((1, Some(2)))"),
        (
            json!({ "aliased": { "count": 1, "any": { "x": 1 }, "kind": "square", "side": 1 } }),
            r#"any: Object {"x": Number(1)}, shape: Square { side: 1.0 }"#,
        ),
        (
            json!({ "aliased": { "count": "1", "kind": "RoundThing", "r": "2" } }),
            "count: 1, any: Null, shape: RoundThing { r: 2.0 }",
        ),
    ] {
        let text = call(&take::TOOL, arguments.clone()).await;
        assert!(text.starts_with("success") && text.contains(shown), "{arguments} {text}");
    }
    assert_eq!(call(&take_one::TOOL, json!({ "n": 7 })).await, "success: 7");
    assert_eq!(
        problems(&take_one::TOOL, &json!({ "m": 7 })).await,
        [
            "`m` is not known; known are `count`, `next`",
            "`count` is missing: expected an integer from 0 to 255"
        ]
    );
    assert_eq!(
        problems(&take::TOOL, &json!({ "aliased": { "count": 1, "kind": "square", "side": 1, "sides": 2 } }))
            .await,
        ["`aliased.sides` is not known; known are `any`, `count`, `kind`, `r`, `side`"]
    );
}

#[derive(Deserialize, JsonSchema, Debug)]
#[serde(rename_all = "snake_case")]
enum Level {
    HighLevel,
    Low,
}

#[derive(Deserialize, JsonSchema, Debug)]
#[serde(tag = "shape_kind", rename_all = "snake_case")]
#[expect(dead_code, reason = "printed")]
enum Shape {
    RoundOne { outer_radius: f64 },
    Square { side: f64, level: Level },
    Point,
}

#[derive(Deserialize, JsonSchema, Debug)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "printed")]
struct Query {
    sort_order: Level,
    shape: Option<Shape>,
    #[serde(rename = "with-dash")]
    with_dash: Option<u8>,
    deep: Option<Vec<Query>>,
    variant: Option<Counted>,
}

/// Query.
#[crate::tool(docs = allow)]
async fn query(query: Query, maximum_results: u8) -> String {
    format!("{query:?} {maximum_results}")
}

/// Query.
#[crate::tool(docs = allow, coerce = off)]
async fn exact_query(query: Query, maximum_results: u8) {
    drop((query, maximum_results));
}

#[tokio::test]
async fn names_and_values_in_another_case_style_are_corrected_at_every_depth() {
    let styles = [
        json!({
            "maximumResults": 1,
            "query": { "sort_order": "HighLevel", "WITH_DASH": 2, "deep": [{ "SortOrder": "HIGH_LEVEL" }] },
        }),
        json!({
            "MAXIMUM_RESULTS": 1,
            "Query": { "sort-order": "high-level", "withDash": 2, "Deep": [{ "SORT_ORDER": "highLevel" }] },
        }),
        json!({
            "maximum-results": "1",
            "QUERY": { "SortOrder": "High Level", "with_dash": "2", "DEEP": [{ "sortorder": "high_level" }] },
        }),
    ];
    for arguments in styles {
        assert_eq!(
            call(&query::TOOL, arguments.clone()).await,
            "success: Query { sort_order: HighLevel, shape: None, with_dash: Some(2), deep: Some([Query { sort_order: \
             HighLevel, shape: None, with_dash: None, deep: None, variant: None }]), variant: None } 1",
            "{arguments}"
        );
    }
    let variants = json!({
        "maximum_results": 1,
        "query": {
            "sortOrder": "LOW", "shape": { "ShapeKind": "RoundOne", "outerRadius": 2 },
            "variant": { "Named": { "N": 4.0 } },
        },
    });
    let text = call(&query::TOOL, variants).await;
    assert!(text.contains("shape: Some(RoundOne { outer_radius: 2.0 })"), "{text}");
    assert!(text.contains("variant: Some(Named { n: 4 })"), "{text}");
    // Two names for one property are not corrected.
    let twice = json!({ "maximumResults": 1, "MAXIMUM_RESULTS": 2, "query": { "sortOrder": "low" } });
    assert_eq!(problems(&query::TOOL, &twice).await.len(), 3);
    assert_eq!(
        problems(&exact_query::TOOL, &json!({ "maximumResults": 1, "query": { "sortOrder": "Low" } })).await,
        [
            "`query.sortOrder`: expected \"high_level\" or \"low\", got \"Low\"",
            "`maximumResults` is not known; did you mean `maximum_results`?",
            "`maximum_results` is missing: expected an integer from 0 to 255",
        ]
    );
}

#[tokio::test]
async fn a_wrong_tag_is_reported_with_the_allowed_tags() {
    #[derive(Deserialize, JsonSchema)]
    #[serde(tag = "t", content = "c")]
    #[expect(dead_code, reason = "deserialized only")]
    enum Adjacent {
        Circle(u8),
        Square { side: u8 },
        Dot,
    }

    /// Draw.
    #[crate::tool(docs = allow)]
    async fn draw(
        shape: Option<Shape>,
        all: Option<Vec<Shape>>,
        adjacent: Option<Adjacent>,
        variant: Option<Counted>,
    ) {
        drop((shape, all, adjacent, variant));
    }

    for (arguments, expected) in [
        (
            json!({ "shape": { "shape_kind": "triangle", "side": 1 } }),
            vec!["`shape.shape_kind`: expected \"round_one\", \"square\" or \"point\", got \"triangle\""],
        ),
        (
            json!({ "all": [{ "shape_kind": "point" }, { "side": 1 }] }),
            vec!["`all[1].shape_kind` is missing: expected \"round_one\", \"square\" or \"point\""],
        ),
        (
            json!({ "shape": { "shape_kind": "square", "sides": 1, "level": "x" } }),
            vec![
                "`shape.level`: expected \"high_level\" or \"low\", got \"x\"",
                "`shape.sides` is not known; did you mean `side`?",
                "`shape.side` is missing: expected a number",
            ],
        ),
        (
            json!({ "adjacent": { "t": "Triangle" } }),
            vec!["`adjacent.t`: expected \"Circle\", \"Square\" or \"Dot\", got \"Triangle\""],
        ),
        (json!({ "variant": { "paar": [1, 2] } }), vec!["`variant.paar` is not known; did you mean `pair`?"]),
        (
            json!({ "variant": { "pair": [1, "x"] } }),
            vec!["`variant.pair[1]`: expected an integer from -2147483648 to 2147483647, got \"x\""],
        ),
    ] {
        assert_eq!(problems(&draw::TOOL, &arguments).await, expected, "{arguments}");
    }
}

#[tokio::test]
async fn alternatives_that_nest_cost_a_limited_time() {
    #[derive(Deserialize, JsonSchema)]
    #[serde(untagged)]
    enum Tree {
        Named { x: Box<Tree>, name: String },
        Plain { x: Box<Tree> },
        Leaf(u8),
    }

    impl Tree {
        fn depth(&self) -> u32 {
            match self {
                Self::Named { x, name } => 1 + x.depth() + name.len() as u32,
                Self::Plain { x } => 1 + x.depth(),
                Self::Leaf(leaf) => u32::from(*leaf),
            }
        }
    }

    /// Measure the tree.
    #[crate::tool(docs = allow)]
    async fn measure_tree(tree: Tree) -> u32 {
        tree.depth()
    }

    fn nested(depth: usize, leaf: Value) -> Value {
        (0..depth).fold(leaf, |x, _| json!({ "x": x }))
    }

    let tree = |depth: usize| json!({ "tree": nested(depth, json!(0)) });
    assert_eq!(call(&measure_tree::TOOL, tree(6)).await, "success: 6");
    let refused = problems(&measure_tree::TOOL, &tree(40)).await;
    assert_eq!(refused, ["`tree`: its alternatives nest too deeply to be checked; nest them less"]);
    let wide = json!({ "tree": { "x": 0, "name": "n" } });
    assert_eq!(call(&measure_tree::TOOL, wide).await, "success: 2");
}

#[tokio::test]
async fn an_approval_is_decided_on_the_corrected_arguments() {
    #[derive(Deserialize, JsonSchema)]
    struct Removal {
        file_path: Option<String>,
        force_it: Option<bool>,
    }

    fn on_value(arguments: &Value) -> bool {
        arguments["file_path"] == "/etc" || arguments["force_it"] == true
    }

    fn on_type(arguments: &Removal) -> bool {
        arguments.file_path.as_deref() == Some("/etc") || arguments.force_it == Some(true)
    }

    /// Remove.
    #[crate::tool(docs = allow, needs_approval = on_value)]
    async fn remove_value(removal: Removal) {
        drop(removal);
    }

    /// Remove.
    #[crate::tool(docs = allow, needs_approval = on_type)]
    async fn remove_typed(removal: Removal) {
        drop(removal);
    }

    /// Remove.
    #[crate::tool(docs = allow, needs_approval = |file_path, force_it| file_path == Some("/etc") || force_it == Some(true))]
    async fn remove_each(file_path: Option<&str>, force_it: Option<bool>) {
        let _ = (file_path, force_it);
    }

    let schema = json!({
        "type": "object", "additionalProperties": false,
        "properties": { "file_path": { "type": "string" }, "force_it": { "type": "boolean" } },
    });
    let dynamic = DynTool::new("remove", "Remove.").schema(schema).unwrap().needs_approval(on_type);
    let typed = DynTool::new("remove", "Remove.").needs_approval(on_value);
    let tools = [
        remove_value::TOOL,
        remove_typed::TOOL,
        remove_each::TOOL,
        dynamic.run(|_, _| async {}),
        typed.typed(|_: Removal, _| async {}),
    ];
    for tool in &tools {
        for asks in [
            json!({ "file_path": "/etc" }),
            json!({ "filePath": "/etc" }),
            json!({ "FILE_PATH": "/etc" }),
            json!({ "forceIt": true }),
            json!({ "ForceIt": "true" }),
            json!({ "force_it": "true" }),
            json!({ "file_pat": "/tmp" }),
        ] {
            assert!(tool.needs_approval(&asks), "{} {asks}", tool.name());
        }
        for free in [json!({ "filePath": "/tmp", "forceIt": false }), json!({})] {
            assert!(!tool.needs_approval(&free), "{} {free}", tool.name());
        }
    }
}
