//! Tests of the report of values that do not parse, and of the limit of a result.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::num::NonZeroI8;

use super::arguments::call_text;
use super::*;

/// Returns the problems that a failed call reports.
pub(super) async fn problems(tool: &Tool, arguments: &Value) -> Vec<String> {
    let text = call_text(tool, &arguments.to_string()).await;
    assert!(text.starts_with("failure: The arguments of"), "{text}");
    for name in ["u8", "u32", "i64", "f32", "struct", "enum", "serde", "line 1", "std::", "chrono"] {
        assert!(!text.contains(name), "{name}: {text}");
    }
    text.lines().skip(1).map(|line| line.trim_start_matches("- ").to_owned()).collect()
}

#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "deserialized only")]
struct Net {
    a: IpAddr,
    b: IpAddr,
    c: Vec<IpAddr>,
}

/// Scan a net.
#[crate::tool(docs = allow)]
async fn scan(net: Net, deep: Option<Net>) -> &'static str {
    drop((net, deep));
    "scanned"
}

/// Scan a net.
#[crate::tool(docs = allow)]
async fn scan_one(net: Net) {
    drop(net);
}

const IP: &str = "expected an IPv4 or IPv6 address, such as \"192.0.2.1\" or \"2001:db8::1\", got";

#[tokio::test]
async fn all_values_that_do_not_parse_are_reported_with_their_paths() {
    let net = json!({ "a": "x", "b": "y", "c": ["z", "::1", "w"] });
    let dynamic = DynTool::new("scan_one", "Scan a net.").typed(|net: Net, _| async move { drop(net) });
    for tool in [scan_one::TOOL, dynamic] {
        assert_eq!(
            problems(&tool, &net).await,
            [
                format!("`a`: {IP} \"x\""),
                format!("`b`: {IP} \"y\""),
                format!("`c[0]`: {IP} \"z\""),
                format!("`c[2]`: {IP} \"w\""),
            ]
        );
    }
    // A problem of the schema hides no problem of a type, and the other way round.
    let both = json!({ "net": { "a": true, "b": "y", "c": ["z"], "d": 1 }, "deep": { "a": "::1", "b": "q" }, "dep": 1 });
    assert_eq!(
        problems(&scan::TOOL, &both).await,
        [
            "`deep.c` is missing: expected an array".to_owned(),
            "`net.a`: expected an IPv4 or IPv6 address, such as \"192.0.2.1\" or \"2001:db8::1\", got true"
                .to_owned(),
            "`net.d` is not known; known are `a`, `b`, `c`".to_owned(),
            "`dep` is not known; known are `deep`, `net`".to_owned(),
            format!("`net.b`: {IP} \"y\""),
            format!("`net.c[0]`: {IP} \"z\""),
            format!("`deep.b`: {IP} \"q\""),
        ]
    );
}

#[derive(Deserialize, JsonSchema)]
#[serde(try_from = "u32")]
struct Even;

impl TryFrom<u32> for Even {
    type Error = String;

    fn try_from(number: u32) -> std::result::Result<Self, String> {
        if number.is_multiple_of(2) { Ok(Self) } else { Err(format!("{number} is odd")) }
    }
}

#[tokio::test]
async fn errors_of_foreign_types_name_the_format_and_the_value() {
    #[derive(Deserialize, JsonSchema)]
    #[expect(dead_code, reason = "deserialized only")]
    struct Foreign {
        at: chrono::DateTime<chrono::Utc>,
        local: chrono::NaiveDateTime,
        on: Option<chrono::NaiveDate>,
        time: chrono::NaiveTime,
        id: Vec<uuid::Uuid>,
        link: BTreeMap<String, url::Url>,
        v4: std::net::Ipv4Addr,
        v6: std::net::Ipv6Addr,
        socket: std::net::SocketAddr,
        even: Even,
        not_zero: NonZeroI8,
        pair: (u8, IpAddr),
        way: HashMap<Way, u8>,
        numbers: BTreeMap<u8, IpAddr>,
    }

    /// Take all.
    #[crate::tool(docs = allow)]
    async fn foreign(all: Foreign) {
        drop(all);
    }

    #[derive(Deserialize, JsonSchema, PartialEq, Eq, Hash)]
    #[serde(rename_all = "lowercase")]
    enum Way {
        Up,
        Down,
    }

    let long = "x".repeat(100);
    let all = json!({
        "at": "tomorrow", "local": "2026-01-31", "on": long, "time": "noon", "id": ["7"], "link": { "a": "x" },
        "v4": "::1", "v6": "1", "socket": "1.1.1.1", "even": 3, "not_zero": 0, "pair": [1, "x"], "way": { "up": 1 },
        "numbers": { "1": "x", "y": "::1" },
    });
    let found = problems(&foreign::TOOL, &all).await;
    let cut = &format!("\"{long}")[..60];
    for expected in [
        "`at`: expected a date and time with a time zone, such as \"2026-01-31T10:00:00Z\", got \"tomorrow\"",
        "`local`: expected a date and time without a time zone, such as \"2026-01-31T10:00:00\", got \"2026-01-31\"",
        &format!("`on`: expected a date, such as \"2026-01-31\", got {cut}…"),
        "`time`: expected a time, such as \"10:00:00\", got \"noon\"",
        "`id[0]`: expected a UUID, such as \"67e55044-10b1-426f-9247-bb680e5fe0c8\", got \"7\"",
        "`link.a`: expected an absolute URL, such as \"https://example.com/a\", got \"x\"",
        "`v4`: expected an IPv4 address, such as \"192.0.2.1\", got \"::1\"",
        "`v6`: expected an IPv6 address, such as \"2001:db8::1\", got \"1\"",
        "`socket`: invalid socket address syntax, got \"1.1.1.1\"",
        "`even`: 3 is odd, got 3",
        "`not_zero`: expected an integer from -128 to 127 except 0, got 0",
        &format!("`pair[1]`: {IP} \"x\""),
        &format!("`numbers.1`: {IP} \"x\""),
        "`numbers.y` is not a known name; expected a name that matches `^\\d+$`",
    ] {
        assert!(found.iter().any(|problem| problem == expected), "{expected}: {found:#?}");
    }
    assert_eq!(found.len(), 14, "{found:#?}");
}

#[tokio::test]
async fn a_name_that_a_type_rejects_is_reported_as_a_name() {
    #[derive(Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "deserialized only")]
    struct Closed {
        a: u8,
        #[serde(skip)]
        c: u8,
    }

    #[derive(Deserialize, JsonSchema)]
    #[expect(dead_code, reason = "deserialized only")]
    struct Open {
        n: u8,
    }

    /// A text of at most two letters.
    #[derive(Deserialize, JsonSchema, PartialEq, Eq, PartialOrd, Ord)]
    #[serde(try_from = "String")]
    struct Short(String);

    impl TryFrom<String> for Short {
        type Error = String;

        fn try_from(text: String) -> std::result::Result<Self, String> {
            if text.len() > 2 { Err(format!("{text} is too long")) } else { Ok(Self(text)) }
        }
    }

    #[derive(Deserialize, JsonSchema)]
    #[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
    #[expect(dead_code, reason = "deserialized only")]
    enum Tagged {
        One { c: Option<u8> },
        Two { d: u8 },
    }

    /// Take all.
    #[crate::tool(docs = allow)]
    async fn closed(v: Closed, all: BTreeMap<String, Closed>) {
        drop((v, all));
    }

    /// Take all.
    #[crate::tool(docs = allow)]
    async fn keys(numbers: BTreeMap<u8, Open>, signed: HashMap<i64, u8>, short: BTreeMap<Short, Open>) {
        drop((numbers, signed, short));
    }

    /// Take all.
    #[crate::tool(docs = allow)]
    async fn by_tag(v: Tagged) {
        let _ = v;
    }

    let c = "is not known; known are `a`";
    assert_eq!(
        problems(
            &closed::TOOL,
            &json!({ "v": { "a": 1, "c": 2 }, "all": { "x": { "a": 1, "c": { "c": 1 }, "e": 1 } } })
        )
        .await,
        [format!("`all.x.c` {c}"), format!("`all.x.e` {c}"), format!("`v.c` {c}")]
    );
    assert_eq!(
        problems(
            &keys::TOOL,
            &json!({
                "numbers": { "1": { "n": 1 }, "300": { "n": 1 }, "400": { "n": "x" } },
                "signed": { "-1": 1, "9223372036854775808": 1 },
                "short": { "ab": { "n": 1 }, "abc": { "n": 1 } },
            })
        )
        .await,
        [
            "`numbers.400.n`: expected an integer from 0 to 255, got \"x\"",
            "the name of `numbers.300`: expected an integer from 0 to 255",
            "the name of `numbers.400`: expected an integer from 0 to 255",
            "the name of `signed.9223372036854775808`: expected an integer from -9223372036854775808 to \
             9223372036854775807",
            "the name of `short.abc`: abc is too long",
        ]
    );
    assert_eq!(
        problems(&by_tag::TOOL, &json!({ "v": { "kind": "two", "d": 1, "c": 1 } })).await,
        ["`v.c` is not known; known are `d`, `kind`"]
    );
}

#[tokio::test]
async fn the_limit_of_the_output_is_exact_and_includes_the_notice() {
    for limit in [1, 3, 4, 5, 20, 33, 34, 50, 600, 2_000] {
        for text in ["x".repeat(100_000), "é".repeat(1_500), "🦀".repeat(501), "x".repeat(limit)] {
            let length = text.len();
            let tool = DynTool::new("long", "Long.").max_output(limit);
            let tool = tool.run(move |_, _| {
                let text = text.clone();
                async move { text }
            });
            let text = tool.invoke(invocation(&json!({})), None).await.text().to_owned();
            assert!(text.len() <= limit, "{limit}: {}", text.len());
            assert!(text.len() + 12 > limit.min(length), "{limit}: {}", text.len());
            let (before, rest) = text.split_once("\n[.. ").unwrap_or((&text, ""));
            if let Some((left_out, after)) = rest.split_once(" bytes left out here ..]\n") {
                let left_out: usize = left_out.parse().unwrap();
                assert_eq!(before.len() + left_out + after.len(), length, "{limit}");
            } else {
                assert!(limit < 50 || length <= limit, "{limit}: {text}");
            }
        }
    }
}
