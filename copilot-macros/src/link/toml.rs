//! Reads manifests of Cargo. Numbers and dates have no value here.

use std::collections::BTreeMap;

/// A value of TOML.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Text(String),
    Flag(bool),
    List(Vec<Value>),
    Table(Table),
    /// A number or a date.
    Other,
}

pub(super) type Table = BTreeMap<String, Value>;

impl Value {
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn table(&self) -> Option<&Table> {
        match self {
            Self::Table(table) => Some(table),
            _ => None,
        }
    }

    pub(super) fn list(&self) -> &[Self] {
        match self {
            Self::List(items) => items,
            _ => &[],
        }
    }

    pub(super) fn is_true(&self) -> bool {
        *self == Self::Flag(true)
    }
}

/// Parses a document.
pub(super) fn parse(text: &str) -> Result<Table, String> {
    let mut parser = Parser { rest: text.strip_prefix('\u{feff}').unwrap_or(text) };
    let mut root = Table::new();
    let mut place: Vec<String> = Vec::new();
    loop {
        parser.blanks(true);
        if parser.rest.is_empty() {
            return Ok(root);
        }
        if parser.take("[[") {
            place = parser.path()?;
            parser.expect("]]")?;
            let (last, above) = place.split_last().ok_or("a table without a name")?;
            let item = Value::Table(Table::new());
            match table_at(&mut root, above)?.entry(last.clone()).or_insert_with(|| Value::List(Vec::new())) {
                Value::List(items) => items.push(item),
                _ => return Err(format!("`{last}` is defined twice")),
            }
        } else if parser.take("[") {
            place = parser.path()?;
            parser.expect("]")?;
            table_at(&mut root, &place)?;
        } else {
            parser.pair(table_at(&mut root, &place)?)?;
        }
        parser.end_of_line()?;
    }
}

/// Returns the table with this path, and creates those that are missing.
fn table_at<'r>(root: &'r mut Table, path: &[String]) -> Result<&'r mut Table, String> {
    let mut table = root;
    for name in path {
        let mut value = table.entry(name.clone()).or_insert_with(|| Value::Table(Table::new()));
        if let Value::List(items) = value {
            value = items.last_mut().ok_or_else(|| format!("`{name}` is an array"))?;
        }
        table = match value {
            Value::Table(table) => table,
            _ => return Err(format!("`{name}` is not a table")),
        };
    }
    Ok(table)
}

struct Parser<'t> {
    rest: &'t str,
}

impl Parser<'_> {
    /// Skips white space and comments, and line ends too if `lines` is set.
    fn blanks(&mut self, lines: bool) {
        loop {
            self.rest = self
                .rest
                .trim_start_matches(|c| matches!(c, ' ' | '\t') || lines && matches!(c, '\r' | '\n'));
            if !self.rest.starts_with('#') {
                return;
            }
            self.rest = &self.rest[self.rest.find('\n').unwrap_or(self.rest.len())..];
        }
    }

    fn take(&mut self, token: &str) -> bool {
        let rest = self.rest.strip_prefix(token);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn expect(&mut self, token: &str) -> Result<(), String> {
        self.blanks(false);
        if self.take(token) { Ok(()) } else { Err(self.error(&format!("`{token}`"))) }
    }

    fn error(&self, expected: &str) -> String {
        let found: String = self.rest.chars().take_while(|c| *c != '\n').take(40).collect();
        format!("expected {expected}, found `{found}`")
    }

    fn end_of_line(&mut self) -> Result<(), String> {
        self.blanks(false);
        if self.rest.is_empty() || self.take("\n") || self.take("\r\n") {
            return Ok(());
        }
        Err(self.error("the end of the line"))
    }

    /// Parses `key = value` into a table.
    fn pair(&mut self, table: &mut Table) -> Result<(), String> {
        let path = self.path()?;
        self.expect("=")?;
        self.blanks(false);
        let value = self.value()?;
        let (last, above) = path.split_last().ok_or("a value without a name")?;
        match table_at(table, above)?.insert(last.clone(), value) {
            None => Ok(()),
            Some(_) => Err(format!("`{last}` is defined twice")),
        }
    }

    /// Parses a dotted key.
    fn path(&mut self) -> Result<Vec<String>, String> {
        let mut path = Vec::new();
        loop {
            self.blanks(false);
            let part = if self.rest.starts_with(['"', '\'']) {
                self.string()?
            } else {
                let end = self.rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '-');
                let (part, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
                if part.is_empty() {
                    return Err(self.error("a key"));
                }
                self.rest = rest;
                part.to_owned()
            };
            path.push(part);
            self.blanks(false);
            if !self.take(".") {
                return Ok(path);
            }
        }
    }

    fn value(&mut self) -> Result<Value, String> {
        if self.rest.starts_with(['"', '\'']) {
            return self.string().map(Value::Text);
        }
        if self.take("[") {
            let mut items = Vec::new();
            loop {
                self.blanks(true);
                if self.take("]") {
                    return Ok(Value::List(items));
                }
                items.push(self.value()?);
                self.blanks(true);
                if !self.take(",") && !self.rest.starts_with(']') {
                    return Err(self.error("`,` or `]`"));
                }
            }
        }
        if self.take("{") {
            let mut table = Table::new();
            loop {
                self.blanks(true);
                if self.take("}") {
                    return Ok(Value::Table(table));
                }
                self.pair(&mut table)?;
                self.blanks(true);
                if !self.take(",") && !self.rest.starts_with('}') {
                    return Err(self.error("`,` or `}`"));
                }
            }
        }
        let end = self.rest.find([',', ']', '}', '#', '\n', '\r']).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        if word.trim().is_empty() {
            return Err(self.error("a value"));
        }
        self.rest = rest;
        Ok(match word.trim() {
            "true" => Value::Flag(true),
            "false" => Value::Flag(false),
            _ => Value::Other,
        })
    }

    fn string(&mut self) -> Result<String, String> {
        for (quote, long) in [("\"\"\"", true), ("'''", true), ("\"", false), ("'", false)] {
            if !self.take(quote) {
                continue;
            }
            if long && !self.take("\n") {
                self.take("\r\n");
            }
            let mut text = String::new();
            loop {
                if self.rest.starts_with(quote) && !(long && self.rest[1..].starts_with(quote)) {
                    self.rest = &self.rest[quote.len()..];
                    return Ok(text);
                }
                let next = self.rest.chars().next().filter(|next| long || *next != '\n');
                let next = next.ok_or_else(|| format!("a text that does not end: `{text}`"))?;
                self.rest = &self.rest[next.len_utf8()..];
                if next == '\\' && quote.starts_with('"') {
                    self.escape(&mut text)?;
                } else {
                    text.push(next);
                }
            }
        }
        Err(self.error("a text"))
    }

    /// Parses an escape sequence behind its backslash.
    fn escape(&mut self, text: &mut String) -> Result<(), String> {
        let kind = self.rest.chars().next().ok_or("a text that does not end")?;
        if kind.is_whitespace() {
            self.rest = self.rest.trim_start();
            return Ok(());
        }
        self.rest = &self.rest[kind.len_utf8()..];
        let digits = match kind {
            'u' => 4,
            'U' => 8,
            _ => {
                text.push(match kind {
                    'b' => '\u{8}',
                    'e' => '\u{1b}',
                    'f' => '\u{c}',
                    'n' => '\n',
                    'r' => '\r',
                    't' => '\t',
                    '"' | '\\' => kind,
                    _ => return Err(format!("`\\{kind}` is not an escape sequence")),
                });
                return Ok(());
            }
        };
        let code = self.rest.get(..digits).and_then(|code| u32::from_str_radix(code, 16).ok());
        let character = code.and_then(char::from_u32).ok_or_else(|| self.error("the code of a character"))?;
        self.rest = &self.rest[digits..];
        text.push(character);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Value {
        Value::Text(text.to_owned())
    }

    #[test]
    fn a_manifest_is_read() {
        let parsed = parse(
            r#"
# A comment.
[package]
name = "app" # another
version = 1.0
keywords = [
    "a", 'b', # a third
    """c
d""",
]

[dependencies]
one = "1"
two = { path = "../two", optional = true }
three.workspace = true
"four" = { version = '2', features = ["x"],
    package = "a\u00e9\"\\" }

[dependencies.five]
path = '''
..\five'''

[target.'cfg(target_os = "linux")'.dependencies]
six.path = "six"

[[bin]]
name = "x"
[[bin]]
name = "y"
"#,
        )
        .unwrap();
        let at = |path: &str| {
            let mut value = Value::Table(parsed.clone());
            for part in path.split('/') {
                value = value.table().unwrap()[part].clone();
            }
            value
        };
        assert_eq!(at("package/name"), text("app"));
        assert_eq!(at("package/version"), Value::Other);
        assert_eq!(at("package/keywords").list(), [text("a"), text("b"), text("c\nd")]);
        assert_eq!(at("dependencies/two/path"), text("../two"));
        assert!(at("dependencies/two/optional").is_true() && at("dependencies/three/workspace").is_true());
        assert_eq!(at("dependencies/four/package"), text("aé\"\\"));
        assert_eq!(at("dependencies/five/path"), text("..\\five"));
        assert_eq!(at("target/cfg(target_os = \"linux\")/dependencies/six/path"), text("six"));
        assert_eq!(at("bin").list().len(), 2);
    }

    #[test]
    fn a_mistake_is_an_error() {
        for (wrong, reason) in [
            ("[a", "expected `]`, found ``"),
            ("a 1", "expected `=`, found `1`"),
            ("a = ", "expected a value, found ``"),
            ("a = \"x", "a text that does not end: `x`"),
            ("a = [1 2", "expected `,` or `]`, found ``"),
            ("a = 'x' y", "expected the end of the line, found `y`"),
            ("a = 1\na = 2", "`a` is defined twice"),
            ("a = 1\n[a.b]", "`a` is not a table"),
            ("a = \"\\x\"", "`\\x` is not an escape sequence"),
        ] {
            assert_eq!(parse(wrong).unwrap_err(), reason, "{wrong}");
        }
    }
}
