//! SQL functions in place of those of SQLite that take quadratic time, which nothing interrupts.
//!
//! The results are those of SQLite, except for text that is not UTF-8, whose invalid bytes become U+FFFD.

use std::borrow::Cow;
use std::collections::HashSet;

use memchr::memmem;
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, Error, Result, ffi};

/// Adds the functions to a database whose values have at most `longest` bytes.
pub(super) fn add(database: &Connection, longest: usize) -> Result<()> {
    let flags =
        FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_INNOCUOUS;
    database.create_scalar_function("instr", 2, flags, |call| Ok(instr(call.get_raw(0), call.get_raw(1))))?;
    database.create_scalar_function("replace", 3, flags, move |call| replace(call, longest))?;
    for (name, left, right) in [("trim", true, true), ("ltrim", true, false), ("rtrim", false, true)] {
        database.create_scalar_function(name, 2, flags, move |call| Ok(trim(call, left, right)))?;
    }
    Ok(())
}

/// Returns the position of the first occurrence, from 1 on, in characters or, of a blob in a blob, in bytes.
fn instr(value: ValueRef<'_>, part: ValueRef<'_>) -> Value {
    if let (ValueRef::Blob(bytes), ValueRef::Blob(part)) = (value, part) {
        return position(memmem::find(bytes, part));
    }
    let (Some(text), Some(part)) = (text(value), text(part)) else { return Value::Null };
    let at = memmem::find(text.as_bytes(), part.as_bytes());
    position(at.map(|at| text[..at].chars().count()))
}

fn position(at: Option<usize>) -> Value {
    // A value has fewer than 2^31 bytes.
    Value::Integer(at.map_or(0, |at| at as i64 + 1))
}

fn replace(call: &Context<'_>, longest: usize) -> Result<Value> {
    let [value, part, with] = [0, 1, 2].map(|index| text(call.get_raw(index)));
    let (Some(text), Some(part)) = (value, part) else { return Ok(Value::Null) };
    if part.is_empty() || part.starts_with('\0') {
        return Ok(Value::Text(text.into_owned()));
    }
    let Some(with) = with else { return Ok(Value::Null) };
    let found = memmem::find_iter(text.as_bytes(), part.as_bytes()).count();
    let length = text.len() - found * part.len() + found.saturating_mul(with.len());
    if length > longest {
        return Err(Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_TOOBIG), None));
    }
    Ok(Value::Text(text.replace(part.as_ref(), &with)))
}

fn trim(call: &Context<'_>, left: bool, right: bool) -> Value {
    let (Some(text), Some(characters)) = (text(call.get_raw(0)), text(call.get_raw(1))) else {
        return Value::Null;
    };
    let characters: HashSet<char> = characters.chars().collect();
    let mut trimmed = text.as_ref();
    if left {
        trimmed = trimmed.trim_start_matches(|character| characters.contains(&character));
    }
    if right {
        trimmed = trimmed.trim_end_matches(|character| characters.contains(&character));
    }
    Value::Text(trimmed.to_owned())
}

/// Returns a value as text, as `CAST` does; `None` for `NULL`.
fn text(value: ValueRef<'_>) -> Option<Cow<'_, str>> {
    Some(match value {
        ValueRef::Null => return None,
        ValueRef::Integer(number) => number.to_string().into(),
        ValueRef::Real(number) => real(number).into(),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => String::from_utf8_lossy(bytes),
    })
}

fn real(number: f64) -> String {
    if number.is_infinite() {
        return if number > 0.0 { "Inf" } else { "-Inf" }.to_owned();
    }
    let scientific = format!("{number:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let point = |digits: String| if digits.contains('.') { digits } else { format!("{digits}.0") };
    if (-4..=16).contains(&exponent) {
        return point(number.to_string());
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{}e{sign}{:02}", point(digits.to_owned()), exponent.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_results_are_those_of_sqlite() {
        let of_sqlite = Connection::open_in_memory().unwrap();
        let ours = Connection::open_in_memory().unwrap();
        add(&ours, 1_000).unwrap();
        let values = [
            "NULL",
            "''",
            "'a'",
            "'aba'",
            "'bab'",
            "'日本語'",
            "'本'",
            "x'00ff'",
            "x'ff'",
            "x'61'",
            "10",
            "0",
            "1.5",
            "0.1 + 0.2",
            "-2.0",
            "1e15",
            "1e16",
            "123456789012345678.0",
            "1e17",
            "1e18",
            "1e300",
            "1.25e-5",
            "1e-4",
            "9e999",
        ];
        let evaluate = |database: &Connection, call: &str| -> Value {
            database.query_row(&format!("SELECT {call}"), [], |row| row.get(0)).unwrap()
        };
        for a in values {
            for b in values {
                for call in [
                    format!("instr({a}, {b})"),
                    format!("replace({a}, {b}, 'xy')"),
                    format!("replace('1a', {a}, {b})"),
                    format!("trim({a}, {b})"),
                    format!("ltrim({a}, {b})"),
                    format!("rtrim({a}, {b})"),
                ] {
                    // Invalid UTF-8 is replaced.
                    if (a.contains("ff") || b.contains("ff")) && !call.starts_with("instr") {
                        continue;
                    }
                    assert_eq!(evaluate(&ours, &call), evaluate(&of_sqlite, &call), "{call}");
                }
            }
        }
        let long = ours.query_row("SELECT replace('aaaa', 'a', hex(zeroblob(200)))", [], |_| Ok(()));
        assert!(long.unwrap_err().to_string().contains("too big"));
    }
}
