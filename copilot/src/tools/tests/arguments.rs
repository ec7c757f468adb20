//! Tests of the correction of values, which is exact. Each holds for functions with the attribute and for tools defined
//! at run time.

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroU64;

use super::*;

/// Calls a tool with arguments as text, which a `Value` could not hold.
pub(super) async fn call_text(tool: &Tool, arguments: &str) -> String {
    let arguments = Some(RawValue::from_string(arguments.to_owned()).unwrap());
    let result = tool.invoke(Invocation { arguments, ..invocation(&Value::Null) }, None).await;
    format!("{}: {}", result.result_type(), result.text())
}

#[derive(Deserialize, JsonSchema, Debug)]
#[expect(dead_code, reason = "printed")]
struct Deep {
    n: i64,
}

#[derive(Deserialize, JsonSchema, Debug)]
#[serde(rename_all = "snake_case")]
#[expect(dead_code, reason = "printed")]
pub(super) enum Counted {
    Single(u16),
    Pair(u8, i32),
    Named { n: u64 },
}

#[derive(Deserialize, JsonSchema, Debug)]
#[expect(dead_code, reason = "printed")]
struct Integers {
    i8: i8,
    i16: i16,
    i32: i32,
    i64: i64,
    i128: i128,
    isize: isize,
    u8: u8,
    u16: u16,
    u32: u32,
    u64: u64,
    u128: u128,
    usize: usize,
    non_zero: NonZeroU64,
    list: Vec<u32>,
    maybe: Option<u32>,
    tuple: (u8, String, i64),
    array: [i8; 2],
    map: BTreeMap<String, u32>,
    deep: Deep,
    list_deep: Vec<Deep>,
    variant: Counted,
    pair: Counted,
    named: Counted,
}

/// Show integers.
#[crate::tool(docs = allow)]
async fn integers(numbers: Integers) -> String {
    format!("{numbers:?}")
}

fn integers_at_run_time() -> Tool {
    DynTool::new("integers", "Show integers.")
        .typed(|numbers: Integers, _| async move { format!("{numbers:?}") })
}

/// All integers, each written as `write` writes it.
fn all_integers(write: fn(&str) -> String) -> String {
    let names = [
        "i8", "i16", "i32", "i64", "i128", "isize", "u8", "u16", "u32", "u64", "u128", "usize", "non_zero",
        "maybe",
    ];
    let members: Vec<String> = names.iter().map(|name| format!("{name:?}:{}", write("3"))).collect();
    let [one, two] = [write("1"), write("2")];
    format!(
        "{{{},\"list\":[{one},{two}],\"tuple\":[{one},\"x\",{two}],\"array\":[{one},{two}],\"map\":{{\"a\":{one}}},\
         \"deep\":{{\"n\":{one}}},\"list_deep\":[{{\"n\":{one}}}],\"variant\":{{\"single\":{one}}},\
         \"pair\":{{\"pair\":[{one},{two}]}},\"named\":{{\"named\":{{\"n\":{one}}}}}}}",
        members.join(",")
    )
}

#[tokio::test]
async fn a_whole_float_is_an_integer_of_every_type_at_every_depth() {
    for tool in [&integers::TOOL, &integers_at_run_time()] {
        let expected = call_text(tool, &all_integers(str::to_owned)).await;
        assert!(expected.starts_with("success: Integers { i8: 3,"), "{expected}");
        for write in [
            |n: &str| format!("{n}.0"),
            |n: &str| format!("{n}.000"),
            |n: &str| format!("{n}e0"),
            |n: &str| format!("{n}0e-1"),
            |n: &str| format!("\"{n}\""),
            |n: &str| format!("\"{n}.0\""),
        ] {
            let text = all_integers(write);
            assert_eq!(call_text(tool, &text).await, expected, "{text}");
        }
    }
}

#[tokio::test]
async fn integers_are_exact_up_to_the_bounds_of_their_types() {
    /// Show numbers.
    #[crate::tool(docs = allow, coerce = off)]
    async fn show(
        a: Option<u128>,
        b: Option<i128>,
        c: Option<u64>,
        d: Option<i64>,
        #[arg(min = 0)] e: Option<f32>,
    ) -> String {
        format!("{a:?} {b:?} {c:?} {d:?} {e:?}")
    }

    for (arguments, shown) in [
        (r#"{"a":340282366920938463463374607431768211455}"#, "Some(340282366920938463463374607431768211455)"),
        (r#"{"a":18446744073709551616.0}"#, "Some(18446744073709551616)"),
        (
            r#"{"b":-170141183460469231731687303715884105728}"#,
            "Some(-170141183460469231731687303715884105728)",
        ),
        (r#"{"c":18446744073709551615.0}"#, "Some(18446744073709551615)"),
        (r#"{"c":1e19}"#, "Some(10000000000000000000)"),
        (r#"{"d":-9223372036854775808.0}"#, "Some(-9223372036854775808)"),
        (r#"{"d":9007199254740993.0}"#, "Some(9007199254740993)"),
        (r#"{"e":3.4e38}"#, "Some(3.4e38)"),
    ] {
        let text = call_text(&show::TOOL, arguments).await;
        assert!(text.starts_with("success") && text.contains(shown), "{arguments}: {text}");
    }
    for (arguments, problem) in [
        (
            r#"{"a":340282366920938463463374607431768211456}"#,
            "`a`: expected an integer of at least 0, got 340282366920938463463374607431768211456",
        ),
        (
            r#"{"c":18446744073709551616}"#,
            "`c`: expected an integer from 0 to 18446744073709551615, got 18446744073709551616",
        ),
        (
            r#"{"d":9223372036854775808.0}"#,
            "`d`: expected an integer from -9223372036854775808 to 9223372036854775807, got 9223372036854775808",
        ),
        (r#"{"d":3.5}"#, "`d`: expected an integer, got 3.5"),
        (r#"{"d":3.00000000000000000001}"#, "`d`: expected an integer, got 3.00000000000000000001"),
        (r#"{"e":1e39}"#, "`e`: expected a number from -3.4e38 to 3.4e38, got 1e39"),
        (r#"{"e":1e999}"#, "`e`: expected a number from -3.4e38 to 3.4e38, got 1e999"),
    ] {
        let text = call_text(&show::TOOL, arguments).await;
        assert!(text.ends_with(problem), "{arguments}: {text}");
    }
}

#[tokio::test]
async fn a_bound_that_is_a_constant_is_exact() {
    const MOST: f64 = 99.5;
    const PART: f32 = 0.1;
    const LEAST: i8 = -14;

    /// Show numbers.
    #[crate::tool(docs = allow, coerce = off)]
    async fn show_bounded(
        #[arg(min = -MOST, max = MOST)] a: Option<f64>,
        #[arg(max = 0.5 + 0.4)] b: Option<f64>,
        #[arg(min = PART)] c: Option<f32>,
        #[arg(min = LEAST)] d: Option<i64>,
        #[arg(min = 10, max = u64::MAX)] e: Option<u64>,
        #[arg(min = f64::MIN, max = f64::MAX)] f: Option<f64>,
    ) -> String {
        format!("{a:?} {b:?} {c:?} {d:?} {e:?} {f:?}")
    }

    for arguments in [
        r#"{"a":99.2}"#,
        r#"{"a":-99.5}"#,
        r#"{"b":0.9}"#,
        r#"{"c":0.1}"#,
        r#"{"d":-14}"#,
        r#"{"e":18446744073709551615}"#,
        r#"{"f":-1e300}"#,
    ] {
        let text = call_text(&show_bounded::TOOL, arguments).await;
        assert!(text.starts_with("success"), "{arguments}: {text}");
    }
    for (arguments, problem) in [
        (r#"{"a":99.6}"#, "`a`: expected a number from -99.5 to 99.5, got 99.6"),
        (r#"{"a":-99.6}"#, "`a`: expected a number from -99.5 to 99.5, got -99.6"),
        (r#"{"b":0.91}"#, "`b`: expected a number of at most 0.9, got 0.91"),
        (r#"{"c":0.09}"#, "`c`: expected a number of at least 0.1, got 0.09"),
        (r#"{"d":-15}"#, "`d`: expected an integer of at least -14, got -15"),
        (r#"{"e":9}"#, "`e`: expected an integer from 10 to 18446744073709551615, got 9"),
    ] {
        let text = call_text(&show_bounded::TOOL, arguments).await;
        assert!(text.ends_with(problem), "{arguments}: {text}");
    }
}

#[tokio::test]
async fn a_number_beyond_the_range_of_a_float_is_refused_at_every_depth() {
    #[derive(Deserialize, JsonSchema)]
    struct Sizes {
        one: f32,
        all: Vec<f32>,
        wide: f64,
    }

    /// Measure.
    #[crate::tool(docs = allow)]
    async fn measure(sizes: Sizes) -> String {
        format!("{} {:?} {}", sizes.one, sizes.all, sizes.wide)
    }

    let dynamic = DynTool::new("measure", "Measure.")
        .typed(|sizes: Sizes, _| async move { format!("{} {:?} {}", sizes.one, sizes.all, sizes.wide) });
    for tool in [measure::TOOL, dynamic] {
        let fits = r#"{"one":3,"all":[1e38,"2.5"],"wide":1e39}"#;
        assert!(call_text(&tool, fits).await.starts_with("success: 3 [1e38, 2.5] 1000000"));
        let text = call_text(&tool, r#"{"one":-1e39,"all":[1.5,1e39],"wide":1e400}"#).await;
        let lines: Vec<&str> = text.lines().skip(1).collect();
        assert_eq!(
            lines,
            [
                "- `all[1]`: expected a number from -3.4e38 to 3.4e38, got 1e39",
                "- `one`: expected a number from -3.4e38 to 3.4e38, got -1e39",
                "- `wide`: expected a number from -1.7e308 to 1.7e308, got 1e400",
            ]
        );
    }
}

#[tokio::test]
async fn whole_floats_are_integers_for_a_json_schema() {
    let schema = json!({
        "type": "object",
        "properties": {
            "n": { "type": "integer" },
            "deep": { "type": "object", "properties": { "all": { "type": "array", "items": { "type": "integer" } } } },
            "x": { "type": "number" },
            "maybe": { "type": ["integer", "null"] },
            "any": {},
        },
    });
    let tool = DynTool::new("echo", "Echo.").schema(schema).unwrap();
    let tool = tool.run(|arguments, _| async move { arguments.to_string() });
    assert_eq!(
        call_text(&tool, r#"{"n":3.0,"deep":{"all":[1e2,"4.0"]},"x":3.0,"maybe":-1.0,"any":[2.0]}"#).await,
        r#"success: {"any":[2.0],"deep":{"all":[100,4]},"maybe":-1,"n":3,"x":3.0}"#
    );
    let text = call_text(&tool, r#"{"n":18446744073709551616}"#).await;
    assert!(
        text.ends_with(
            "`n`: expected an integer from -9223372036854775808 to 18446744073709551615, got 18446744073709551616"
        ),
        "{text}"
    );
}

#[tokio::test]
async fn a_number_is_the_text_that_the_model_sent_where_text_is_expected() {
    #[derive(Deserialize, JsonSchema, Debug)]
    #[expect(dead_code, reason = "printed")]
    struct Ids {
        id: String,
        version: Option<String>,
        all: Vec<String>,
        map: HashMap<String, String>,
        pair: (String, u8),
        letter: char,
    }

    /// Show.
    #[crate::tool(docs = allow)]
    async fn show_ids(ids: Ids) -> String {
        format!("{ids:?}")
    }

    let text = r#"{"id":42,"version":1.10,"all":[12345678901234567890123,"a",-1],"map":{"a":1e5},"pair":[1,2],"letter":7}"#;
    assert_eq!(
        call_text(&show_ids::TOOL, text).await,
        "success: Ids { id: \"42\", version: Some(\"1.10\"), all: [\"12345678901234567890123\", \"a\", \"-1\"], map: \
         {\"a\": \"1e5\"}, pair: (\"1\", 2), letter: '7' }"
    );
    let dynamic = DynTool::new("show", "Show.")
        .schema(json!({ "type": "object", "properties": { "id": { "type": "string" } } }))
        .unwrap()
        .run(|arguments, _| async move { arguments.to_string() });
    assert_eq!(call_text(&dynamic, r#"{"id":4.20}"#).await, r#"success: {"id":"4.20"}"#);
}
