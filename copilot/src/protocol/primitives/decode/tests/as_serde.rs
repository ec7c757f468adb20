//! Compares the reader with serde's own derive, on values that are made up.

use proptest::prelude::*;
use serde::Deserialize;

use super::*;

/// The same members as those of [`Outer`], by serde's derive.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
struct SerdeOuter {
    content: String,
    note: Option<String>,
    inner: SerdeInner,
    list: Vec<SerdeInner>,
    by_name: std::collections::BTreeMap<String, SerdeInner>,
    number: f64,
    #[serde(flatten)]
    rest: std::collections::BTreeMap<String, Value>,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct SerdeInner {
    text: String,
    flag: bool,
    tags: Vec<String>,
    #[serde(alias = "other_name")]
    long_name: Option<u64>,
}

/// Any value, more often one with the members of the types.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "(?s).{0,40}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 48, 6, |inner| {
        let name = prop::sample::select(vec![
            "content",
            "note",
            "inner",
            "list",
            "by_name",
            "number",
            "text",
            "flag",
            "tags",
            "longName",
            "other_name",
            "é\n",
            "x",
        ]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((name, inner), 0..6).prop_map(|members| members
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect::<Map<_, _>>()
                .into()),
        ]
    })
}

fn inner() -> impl Strategy<Value = Inner> {
    (any::<String>(), any::<bool>(), prop::collection::vec(any::<String>(), 0..3), any::<Option<u64>>())
        .prop_map(|(text, flag, tags, long_name)| Inner { text, flag, tags, long_name })
}

fn outer() -> impl Strategy<Value = Outer> {
    let maps = prop::collection::btree_map(any::<String>(), inner(), 0..3);
    let rest = prop::collection::btree_map("[x-z\"\\\\é]{1,5}", value(), 0..3);
    (
        any::<String>(),
        any::<Option<String>>(),
        inner(),
        prop::collection::vec(inner(), 0..3),
        maps,
        -1e300..1e300_f64,
        rest,
    )
        .prop_map(|(content, note, inner, list, by_name, number, rest)| Outer {
            content,
            note,
            inner,
            list,
            by_name,
            number,
            rest,
        })
}

proptest! {
    #[test]
    fn what_serde_reads_is_read_in_the_same_way(value in value(), pretty: bool) {
        let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) };
        let text = text.unwrap();
        let question = question::<Outer>(&text);
        // serde reads a type from a list too.
        let is_list = matches!(&question, Err(error) if error.to_string().contains("sequence, expected struct"));
        if let Ok(read) = serde_json::from_str::<SerdeOuter>(&text)
            && !is_list
        {
            for mode in ALL {
                let ours: Outer = super::read(&text, mode).unwrap();
                prop_assert_eq!(format!("{ours:?}"), format!("{read:?}").replace("Serde", ""));
            }
        }
        // An answer and an event are read as a question is, where that can be read.
        if let Ok(question) = question {
            prop_assert_eq!(&event::<Outer>(&text).unwrap(), &question);
            prop_assert_eq!(&answer::<Outer>(&text).unwrap(), &question);
        }
    }

    #[test]
    fn what_is_written_is_read_again(outer in outer(), pretty: bool) {
        let text = if pretty { serde_json::to_string_pretty(&outer) } else { serde_json::to_string(&outer) };
        prop_assert_eq!(question::<Outer>(&text.unwrap()).unwrap(), outer);
    }

    #[test]
    fn no_text_is_read_that_is_not_json(outer in outer(), at in any::<prop::sample::Index>(), byte in "[ -~\n\\\\\"]") {
        let text = serde_json::to_string(&outer).unwrap();
        let at = at.index(text.len());
        if text.is_char_boundary(at) && text.is_char_boundary(at + 1) {
            let changed = [&text[..at], &byte, &text[at + 1..]].concat();
            if event::<Outer>(&changed).is_ok() {
                prop_assert!(serde_json::from_str::<serde::de::IgnoredAny>(&changed).is_ok(), "{}", changed);
            }
        }
        let cut = &text[..text.floor_char_boundary(at)];
        prop_assert!(event::<Outer>(cut).is_err());
    }
}
