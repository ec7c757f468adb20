//! Generates values from a schema: values that fit, and changes of them that do not.

use fastrand::Rng;
use serde_json::{Map, Number, Value};

use super::shape::{Flat, Shapes};
use super::text;

/// The level below which values are as small as the schema allows.
const DEEP: usize = 6;

/// The number of values after which the rest of a value is as small as the schema allows.
const LARGE: usize = 150;

/// Makes values for one schema.
pub(super) struct Generator<'s> {
    root: &'s Value,
    shapes: Shapes<'s>,
    pub(super) rng: Rng,
    /// The number of values that the current one may still have.
    left: usize,
}

impl<'s> Generator<'s> {
    pub(super) fn new(root: &'s Value, rng: Rng) -> Self {
        Self { root, shapes: Shapes::new(root), rng, left: 0 }
    }

    /// Makes a value that fits the schema, except for rules that contradict each other and rare patterns.
    pub(super) fn fitting(&mut self) -> Value {
        self.left = LARGE;
        self.value(self.root, 0)
    }

    fn chance(&mut self, one_in: u8) -> bool {
        self.rng.u8(..one_in) == 0
    }

    fn pick<'v, T>(&mut self, all: &'v [T]) -> &'v T {
        &all[self.rng.usize(..all.len())]
    }

    fn is_small(&self, depth: usize) -> bool {
        depth >= DEEP || self.left == 0
    }

    fn value(&mut self, schema: &Value, depth: usize) -> Value {
        self.left = self.left.saturating_sub(1);
        let mut all = self.shapes.alternatives(schema);
        if self.is_small(depth) {
            let heights: Vec<usize> = all.iter().map(|flat| self.shapes.height_of(flat)).collect();
            let least = heights.iter().min().copied();
            let mut heights = heights.into_iter();
            all.retain(|_| heights.next() == least);
        }
        if all.is_empty() {
            return Value::Null;
        }
        let index = self.rng.usize(..all.len());
        let flat = all.swap_remove(index);
        self.of_flat(&flat, depth)
    }

    fn of_flat(&mut self, flat: &Flat, depth: usize) -> Value {
        if let Some(value) = flat.get("const") {
            return value.clone();
        }
        if let Some(values) = flat.get("enum").and_then(Value::as_array).filter(|values| !values.is_empty()) {
            return self.pick(values).clone();
        }
        let examples = flat.get("examples").and_then(Value::as_array).into_iter().flatten();
        let known: Vec<&Value> = flat.get("default").into_iter().chain(examples).collect();
        if !known.is_empty() && self.chance(8) {
            return (*self.pick(&known)).clone();
        }
        let types = types(flat);
        let Some(kind) = types.get(self.rng.usize(..types.len().max(1))) else {
            return self.any(depth);
        };
        match *kind {
            "null" => Value::Null,
            "boolean" => self.rng.bool().into(),
            "integer" => self.integer(flat),
            "number" => self.number(flat),
            "string" => self.string(flat).into(),
            "array" => self.array(flat, depth),
            "object" => self.object(flat, depth),
            _ => self.any(depth),
        }
    }

    /// Makes any value.
    pub(super) fn any(&mut self, depth: usize) -> Value {
        self.left = self.left.saturating_sub(1);
        let kinds = if self.is_small(depth) { 5 } else { 8 };
        match self.rng.u8(..kinds) {
            0 => Value::Null,
            1 => self.rng.bool().into(),
            2 => self.integer(&Flat::new()),
            3 => self.number(&Flat::new()),
            4 => text::any(&mut self.rng, 0, None).into(),
            5 => (0..self.rng.usize(..4)).map(|_| self.any(depth + 1)).collect(),
            6 => {
                let mut members = Map::new();
                for _ in 0..self.rng.usize(..4) {
                    members.insert(text::any(&mut self.rng, 0, Some(12)), self.any(depth + 1));
                }
                members.into()
            }
            _ => nested(self.rng.usize(1..60)),
        }
    }

    fn integer(&mut self, flat: &Flat) -> Value {
        let (low, high) = integer_limits(flat);
        if low > high {
            return Value::Null;
        }
        let number = match self.rng.u8(..10) {
            0..=3 => self.rng.i128(low.max(-10)..=high.min(100).max(low.max(-10))),
            4..=7 => {
                let edges = [0, 1, -1, 255, 256, i32::MAX.into(), i32::MIN.into(), 1 << 53, (1 << 53) + 1];
                let edges =
                    edges.into_iter().chain([low, low.saturating_add(1), high.saturating_sub(1), high]);
                let edges: Vec<i128> = edges.filter(|edge| (low..=high).contains(edge)).collect();
                *self.pick(&edges)
            }
            _ => self.rng.i128(low..=high),
        };
        let step = flat.get("multipleOf").and_then(Value::as_i64).map_or(1, i128::from).max(1);
        let down = number - number.rem_euclid(step);
        let number = if down >= low { down } else { down + step };
        if self.chance(16) && number.abs() < 1 << 53 {
            #[expect(clippy::cast_precision_loss, reason = "the number is below 2^53")]
            return Number::from_f64(number as f64).map_or(Value::Null, Value::Number);
        }
        integer_value(number)
    }

    fn number(&mut self, flat: &Flat) -> Value {
        let of_type = if flat.get("format").is_some_and(|format| format == "float") {
            f32::MAX.into()
        } else {
            f64::MAX
        };
        let limit =
            |keywords: [&str; 2]| keywords.iter().filter_map(|keyword| flat.get(*keyword)?.as_f64()).next();
        let low = limit(["minimum", "exclusiveMinimum"]).unwrap_or(-of_type);
        let high = limit(["maximum", "exclusiveMaximum"]).unwrap_or(of_type);
        let edges = [0.0, -0.0, 1.0, -1.0, 0.1, 1e-9, f64::MIN_POSITIVE, 1e15, -1e15, 0.5];
        let mut edges: Vec<f64> =
            edges.into_iter().chain([low, high]).filter(|edge| (low..=high).contains(edge)).collect();
        if flat.contains_key("exclusiveMinimum") || flat.contains_key("exclusiveMaximum") {
            edges.retain(|edge| *edge != low && *edge != high);
        }
        let number = match self.rng.u8(..4) {
            0 if !edges.is_empty() => *self.pick(&edges),
            1 => (low.max(-1e6) + self.rng.f64() * (high.min(1e6) - low.max(-1e6))).round().clamp(low, high),
            2 => low.max(-100.0) + self.rng.f64() * (high.min(100.0) - low.max(-100.0)),
            _ => low / 2.0 + self.rng.f64() * (high / 2.0 - low / 2.0),
        };
        let number = match flat.get("multipleOf").and_then(Value::as_f64) {
            Some(step) => (number / step).round() * step,
            None => number,
        };
        Number::from_f64(number).map_or(Value::Null, Value::Number)
    }

    fn string(&mut self, flat: &Flat) -> String {
        let samples = flat.get("format").and_then(Value::as_str).map(text::samples).unwrap_or_default();
        if !samples.is_empty() {
            return (*self.pick(&samples)).to_owned();
        }
        if let Some(pattern) = flat.get("pattern").and_then(Value::as_str)
            && let Some(text) = text::matching(&mut self.rng, pattern)
        {
            return text;
        }
        text::any(&mut self.rng, size(flat, "minLength").unwrap_or(0), size(flat, "maxLength"))
    }

    fn array(&mut self, flat: &Flat, depth: usize) -> Value {
        let first = flat.get("prefixItems").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let rest = flat.get("items").unwrap_or(&Value::Bool(true));
        let least = size(flat, "minItems").unwrap_or(0);
        let most = if *rest == Value::Bool(false) { Some(first.len()) } else { size(flat, "maxItems") };
        let most = most.unwrap_or(usize::MAX).max(least);
        let count = if self.is_small(depth) {
            least
        } else if self.chance(24) {
            most.min(least.max(100))
        } else {
            self.rng.usize(least..=most.min(least.max(first.len()) + 4))
        };
        let unique = flat.get("uniqueItems") == Some(&Value::Bool(true));
        let mut items: Vec<Value> = Vec::new();
        for index in 0..count {
            let mut item = self.value(first.get(index).unwrap_or(rest), depth + 1);
            for _ in 0..8 {
                if !unique || !items.contains(&item) {
                    break;
                }
                item = self.value(first.get(index).unwrap_or(rest), depth + 1);
            }
            if !(unique && items.contains(&item)) {
                items.push(item);
            }
        }
        items.into()
    }

    fn object(&mut self, flat: &Flat, depth: usize) -> Value {
        let nothing = Map::new();
        let properties = flat.get("properties").and_then(Value::as_object).unwrap_or(&nothing);
        let required: Vec<&str> = flat
            .get("required")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let most = size(flat, "maxProperties").unwrap_or(usize::MAX);
        let least = size(flat, "minProperties").unwrap_or(0);
        let mut members = Map::new();
        for name in &required {
            let value = match properties.get(*name) {
                Some(schema) => self.value(schema, depth + 1),
                None => self.any(depth + 1),
            };
            members.insert((*name).to_owned(), value);
        }
        let one_in = *self.pick(&[1, 2, 2, 4]);
        let mut optional: Vec<(&String, &Value)> =
            properties.iter().filter(|(name, _)| !required.contains(&name.as_str())).collect();
        self.rng.shuffle(&mut optional);
        for (name, schema) in optional {
            let wanted = !self.is_small(depth) && self.chance(one_in);
            if members.len() < most && (wanted || members.len() < least) {
                members.insert(name.clone(), self.value(schema, depth + 1));
            }
        }
        self.add_entries(flat, properties, depth, least..most, &mut members);
        members.into()
    }

    /// Adds members that the schema does not name.
    fn add_entries(
        &mut self,
        flat: &Flat,
        properties: &Map<String, Value>,
        depth: usize,
        limits: std::ops::Range<usize>,
        members: &mut Map<String, Value>,
    ) {
        let anything = Value::Bool(true);
        let by_pattern = flat.get("patternProperties").and_then(Value::as_object);
        let names = flat.get("propertyNames");
        let additional = flat.get("additionalProperties").unwrap_or(&anything);
        let closed = *additional == Value::Bool(false)
            || flat.get("unevaluatedProperties") == Some(&Value::Bool(false));
        let is_map = additional.is_object() || by_pattern.is_some() || properties.is_empty();
        let wanted = match () {
            () if self.is_small(depth) => 0,
            () if !is_map => usize::from(self.chance(4)),
            () if self.chance(24) => 100,
            () => self.rng.usize(..4),
        };
        let wanted = wanted.max(limits.start.saturating_sub(members.len()));
        for _ in 0..wanted {
            if members.len() >= limits.end {
                break;
            }
            let entry = match by_pattern.filter(|by_pattern| !by_pattern.is_empty()) {
                Some(by_pattern) => {
                    let entries: Vec<(&String, &Value)> = by_pattern.iter().collect();
                    let (pattern, schema) = *self.pick(&entries);
                    text::matching(&mut self.rng, pattern).map(|name| (name, schema))
                }
                None if closed => None,
                None => {
                    let name = match names {
                        Some(names) => self.value(names, DEEP).as_str().unwrap_or_default().to_owned(),
                        None if is_map => text::any(&mut self.rng, 0, Some(20)),
                        None => format!("extra_{}", self.rng.u8(..)),
                    };
                    Some((name, additional))
                }
            };
            if let Some((name, schema)) = entry
                && !properties.contains_key(&name)
            {
                members.insert(name, self.value(schema, depth + 1));
            }
        }
    }
}

/// Returns an object nested in itself.
pub(super) fn nested(levels: usize) -> Value {
    (0..levels).fold(Value::Null, |inner, _| Value::from_iter([("a".to_owned(), inner)]))
}

/// The types of a schema, or those that its rules apply to; none for any type.
fn types(flat: &Flat) -> Vec<&str> {
    match flat.get("type") {
        Some(Value::String(kind)) => vec![kind],
        Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => {
            let has = |keywords: &[&str]| keywords.iter().any(|keyword| flat.contains_key(*keyword));
            let by_rules = [
                (
                    "object",
                    has(&[
                        "properties",
                        "required",
                        "patternProperties",
                        "additionalProperties",
                        "minProperties",
                    ]),
                ),
                ("array", has(&["items", "prefixItems", "minItems", "maxItems"])),
                ("string", has(&["pattern", "minLength", "maxLength"])),
                (
                    "number",
                    has(&["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"]),
                ),
            ];
            by_rules.iter().filter(|(_, applies)| *applies).map(|(kind, _)| *kind).collect()
        }
    }
}

fn size(flat: &Flat, keyword: &str) -> Option<usize> {
    usize::try_from(flat.get(keyword)?.as_u64()?).ok()
}

/// The least and the greatest integer of a schema that JSON of this program can hold.
fn integer_limits(flat: &Flat) -> (i128, i128) {
    let (mut low, mut high) = (i128::from(i64::MIN), i128::from(u64::MAX));
    let format = flat.get("format").and_then(Value::as_str).and_then(crate::tools::checked::integer_range);
    if let Some((least, most)) = format {
        low = low.max(least.parse().unwrap_or(low));
        high = high.min(most.parse().unwrap_or(high));
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a limit beyond an integer is the limit of the integer"
    )]
    let limit = |keyword: &str, round: fn(f64) -> f64| {
        let value = flat.get(keyword)?;
        let exact = value.as_i64().map(i128::from).or_else(|| value.as_u64().map(i128::from));
        exact.or_else(|| Some(round(value.as_f64()?) as i128))
    };
    let lower = [limit("minimum", f64::ceil), limit("exclusiveMinimum", f64::floor).map(|least| least + 1)];
    let upper = [limit("maximum", f64::floor), limit("exclusiveMaximum", f64::ceil).map(|most| most - 1)];
    low = lower.into_iter().flatten().fold(low, i128::max);
    high = upper.into_iter().flatten().fold(high, i128::min);
    (low, high)
}

/// Converts an integer to JSON. Integers beyond 64 bits become `null`.
pub(super) fn integer_value(number: i128) -> Value {
    match (i64::try_from(number), u64::try_from(number)) {
        (Ok(number), _) => number.into(),
        (_, Ok(number)) => number.into(),
        _ => Value::Null,
    }
}
