//! The arguments of a call, from the options of the command line.

use std::io::{self, Read as _};

use clap::ArgMatches;
use serde_json::{Map, Value};

use super::flags::{Flag, Kind};

/// The id of the positional argument with the whole object.
pub(super) const OBJECT: &str = "object";

/// Returns the id of the option for an argument, which clashes with no other id.
pub(super) fn id(flag: &Flag) -> String {
    format!("argument:{}", flag.name())
}

/// Returns the text of an option; `None` also where the command does not have it.
pub(super) fn text<'m>(matches: &'m ArgMatches, id: &str) -> Option<&'m str> {
    matches.try_get_one::<String>(id).ok().flatten().map(String::as_str)
}

/// Returns whether a switch is set; `false` where the command does not have it.
pub(super) fn is_set(matches: &ArgMatches, id: &str) -> bool {
    matches.try_get_one::<bool>(id).ok().flatten().copied().unwrap_or(false)
}

/// Returns the arguments object: the one that is given as a whole, with the values of the options in it. The error is a
/// text for the person.
pub(super) fn object(flags: &[Flag], matches: &ArgMatches) -> Result<Value, String> {
    let mut object = match matches.get_one::<String>(OBJECT).map(String::as_str) {
        None => Map::new(),
        Some("-") => {
            let mut text = String::new();
            io::stdin()
                .read_to_string(&mut text)
                .map_err(|error| format!("stdin cannot be read: {error}"))?;
            parsed(&text, "stdin")?
        }
        Some(text) => parsed(text, "the argument")?,
    };
    for flag in flags {
        let Some(texts) = matches.get_many::<String>(&id(flag)) else { continue };
        let mut values: Vec<Value> = texts.map(|text| flag.kind.value(text)).collect();
        let value = match flag.kind {
            Kind::List(_) => Some(Value::Array(values)),
            _ => values.pop(),
        };
        if let Some(value) = value {
            set(&mut object, &flag.path, value)?;
        }
    }
    Ok(Value::Object(object))
}

fn parsed(text: &str, place: &str) -> Result<Map<String, Value>, String> {
    match serde_json::from_str(text) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(format!("{place} is not a JSON object, which has the arguments by their names")),
        Err(error) => Err(format!("{place} is not JSON: {error}")),
    }
}

/// Sets a value at a path, and creates the objects on it.
fn set(object: &mut Map<String, Value>, path: &[String], value: Value) -> Result<(), String> {
    match path {
        [] => Ok(()),
        [name] => {
            object.insert(name.clone(), value);
            Ok(())
        }
        [name, rest @ ..] => match object.entry(name.clone()).or_insert_with(|| Value::Object(Map::new())) {
            Value::Object(inner) => set(inner, rest, value),
            _ => Err(format!(
                "`{name}` of the JSON object is not an object, but `--{}` is a member of it",
                path.join(".")
            )),
        },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn options_are_put_into_the_object() {
        let mut object = parsed(r#"{"a": {"b": 1, "c": 2}}"#, "stdin").unwrap();
        set(&mut object, &["a".to_owned(), "b".to_owned()], json!(3)).unwrap();
        set(&mut object, &["x".to_owned(), "y".to_owned()], json!(4)).unwrap();
        assert_eq!(Value::Object(object.clone()), json!({"a": {"b": 3, "c": 2}, "x": {"y": 4}}));
        let path = ["a".to_owned(), "b".to_owned(), "z".to_owned()];
        assert!(set(&mut object, &path, json!(1)).unwrap_err().contains("`b` of the JSON object"));
        assert!(parsed("[1]", "stdin").unwrap_err().contains("not a JSON object"));
    }
}
