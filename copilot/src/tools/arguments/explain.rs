//! The report of values that the schema accepts and the types reject. Pure.

use serde_json::{Map, Value};

use crate::tools::arguments::expected::{alternatives, cut, expected, shortened};
use crate::tools::arguments::fault::Fault;
use crate::tools::arguments::format;
use crate::tools::arguments::node::{Node, Step};
use crate::tools::arguments::report::{Problem, ProblemKind};
use crate::tools::arguments::suggest::suggest;
use crate::tools::arguments::trial::Mistakes;
use crate::tools::arguments::validate::resolve;

/// Adds the mistakes that the types of the arguments find to the problems that the schema finds.
///
/// `mistakes` has one item for each argument that was tried, with the path of the argument.
pub(crate) fn explain(
    schema: &Value,
    arguments: &Node,
    problems: &mut Vec<Problem>,
    mistakes: Vec<(Vec<Step>, Mistakes)>,
) {
    for (base, Mistakes { found, fields }) in mistakes {
        let absolute = |path: &[Step]| [&base, path].concat();
        for (path, fields) in &fields {
            accept_aliases(problems, &absolute(path), fields);
        }
        for (path, fault) in found {
            let problem = problem(schema, arguments, absolute(&path), fault);
            let is_reported = match problem.kind {
                ProblemKind::InvalidName { .. } => {
                    problems.iter().any(|known| is_of_name_of(known, &problem))
                }
                // The whole is rejected because of a part that is already reported.
                _ => problems.iter().any(|known| known.path.starts_with(&problem.path)),
            };
            if !is_reported && !is_missing_of_invalid(&problem, problems) {
                problems.push(problem);
            }
        }
    }
}

/// Returns whether a mistake is one of the same name as another.
fn is_of_name_of(known: &Problem, problem: &Problem) -> bool {
    known.path == problem.path
        && matches!(known.kind, ProblemKind::UnknownName { .. } | ProblemKind::InvalidName { .. })
}

/// Returns whether a value is missing only because the value around it is of another type, which is already reported.
fn is_missing_of_invalid(problem: &Problem, problems: &[Problem]) -> bool {
    let (ProblemKind::Missing { .. }, Some((_, around))) = (&problem.kind, problem.path.split_last()) else {
        return false;
    };
    problems.iter().any(|known| known.path == around && matches!(known.kind, ProblemKind::Invalid { .. }))
}

/// Removes the problems of names that the schema does not have and the type has, such as those of `#[serde(alias)]`.
fn accept_aliases(problems: &mut Vec<Problem>, path: &[Step], fields: &[&str]) {
    let name_in = |problem: &Problem| match problem.path.split_last() {
        Some((Step::Name(name), parent)) if parent == path => Some(name.clone()),
        _ => None,
    };
    let is_alias = |problem: &Problem| {
        matches!(problem.kind, ProblemKind::UnknownName { .. })
            && name_in(problem).is_some_and(|name| fields.contains(&name.as_str()))
    };
    if problems.iter().any(is_alias) {
        // The type knows whether a field is missing.
        let is_missing = |problem: &Problem| {
            matches!(problem.kind, ProblemKind::Missing { .. }) && name_in(problem).is_some()
        };
        problems.retain(|problem| !is_alias(problem) && !is_missing(problem));
    }
}

fn problem(schema: &Value, arguments: &Node, mut path: Vec<Step>, fault: Fault) -> Problem {
    if let Fault::Name(fault) = fault {
        return Problem { path, kind: of_name(*fault) };
    }
    let part = part(schema, &path);
    let node = arguments.at(&path);
    let got = node.map(shortened).unwrap_or_default();
    let words = part.map(expected);
    // A known format says more than the type, whose error often names a position only.
    let format = part.and_then(|part| part.get("format")).and_then(Value::as_str).and_then(format::in_words);
    if let (Some(format), Some(Node::Text(_))) = (format, node) {
        return Problem { path, kind: ProblemKind::Invalid { expected: format.to_owned(), got } };
    }
    let kind = match fault {
        Fault::Own(text) => match (names_a_rust_type(&text), words) {
            (true, Some(expected)) => ProblemKind::Invalid { expected, got },
            (true, None) => ProblemKind::Other(format!("does not fit, got {got}")),
            (false, _) => ProblemKind::Other(format!("{}, got {got}", cut_message(text))),
        },
        Fault::Expected(of_type) => {
            let expected = plain(&of_type).or(words).unwrap_or_else(|| "another value".to_owned());
            ProblemKind::Invalid { expected, got }
        }
        Fault::Variant { got: given, allowed } => ProblemKind::Invalid {
            expected: alternatives(allowed.iter().map(|name| format!("{name:?}"))),
            got: cut(format!("{given:?}")),
        },
        Fault::Field { got: given, known } => {
            path.push(Step::Name(given.clone()));
            unknown_name(&given, known)
        }
        Fault::Name(fault) => of_name(*fault),
        Fault::Missing(name) => {
            path.push(Step::Name(name.to_owned()));
            let part = self::part(schema, &path);
            let description = part.and_then(|part| part.get("description")).and_then(Value::as_str);
            ProblemKind::Missing {
                expected: part.map_or_else(|| "a value".to_owned(), expected),
                description: description.unwrap_or_default().to_owned(),
            }
        }
    };
    Problem { path, kind }
}

/// Returns the mistake of a name that a type rejects.
fn of_name(fault: Fault) -> ProblemKind {
    let reason = match fault {
        Fault::Field { got, known } => return unknown_name(&got, known),
        Fault::Own(text) if !names_a_rust_type(&text) => cut_message(text),
        Fault::Expected(of_type) if plain(&of_type).is_some() => {
            format!("expected {}", plain(&of_type).unwrap_or_default())
        }
        Fault::Variant { allowed, .. } => {
            format!("expected {}", alternatives(allowed.iter().map(|name| format!("{name:?}"))))
        }
        Fault::Name(fault) => return of_name(*fault),
        Fault::Own(_) | Fault::Expected(_) | Fault::Missing(_) => "expected another name".to_owned(),
    };
    ProblemKind::InvalidName { reason }
}

fn unknown_name(given: &str, known: &[&str]) -> ProblemKind {
    let suggestion = suggest(given, known.iter().copied()).map(str::to_owned);
    let known = known.iter().map(|name| (*name).to_owned()).collect();
    ProblemKind::UnknownName { suggestion, known, pattern: None }
}

/// Returns the schema of a part of the arguments; `None` if the schema does not describe it.
fn part<'s>(root: &'s Value, path: &[Step]) -> Option<&'s Map<String, Value>> {
    fn below<'s>(
        root: &'s Value,
        part: &'s Map<String, Value>,
        step: &Step,
    ) -> Option<&'s Map<String, Value>> {
        let own = match step {
            Step::Name(name) => {
                let property = part.get("properties").and_then(|properties| properties.get(name));
                let others = part.get("additionalProperties").filter(|others| others.is_object());
                property.or(others).or_else(|| part.get("patternProperties")?.as_object()?.values().next())
            }
            Step::Index(index) => {
                let first = part.get("prefixItems").and_then(|items| items.get(*index));
                first.or_else(|| part.get("items"))
            }
        };
        own.and_then(|own| resolve(root, own)).or_else(|| {
            let branches =
                ["anyOf", "oneOf", "allOf"].iter().filter_map(|keyword| part.get(*keyword)?.as_array());
            branches
                .flatten()
                .filter_map(|branch| resolve(root, branch))
                .find_map(|branch| below(root, branch, step))
        })
    }
    path.iter().try_fold(resolve(root, root)?, |part, step| below(root, part, step))
}

/// Returns the words of serde for the values that a type accepts, without Rust's names; `None` if only the schema can
/// describe them.
fn plain(of_type: &str) -> Option<String> {
    let words = match of_type {
        "bool" | "a boolean" => "true or false".to_owned(),
        "f32" | "f64" => "a number".to_owned(),
        "str" | "a borrowed string" => "a string".to_owned(),
        "path string" => "a path".to_owned(),
        "unit" => "null".to_owned(),
        _ => {
            let integer = of_type.rsplit(' ').next().and_then(|last| {
                // As in `u8`, `i64` and `a nonzero i8`.
                let (signed, bits) = last.split_at_checked(1)?;
                let sign = match signed {
                    "u" => "u",
                    "i" => "",
                    _ => return None,
                };
                let bits = if bits == "size" { "" } else { bits };
                format::integer_range(&format!("{sign}int{bits}"))
            });
            match integer {
                Some((least, greatest)) if of_type.contains("nonzero") => {
                    format!("an integer from {least} to {greatest} except 0")
                }
                Some((least, greatest)) => format!("an integer from {least} to {greatest}"),
                None if names_a_rust_type(of_type) => return None,
                None => of_type.to_owned(),
            }
        }
    };
    Some(words)
}

/// Returns whether a text is one of serde's about a type, with the name of the type.
fn names_a_rust_type(text: &str) -> bool {
    ["struct ", "enum ", "tuple ", "variant "].iter().any(|word| text.contains(word))
}

/// Truncates the text of an error, which may hold the value.
fn cut_message(text: String) -> String {
    const LONGEST: usize = 300;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
