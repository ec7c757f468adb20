//! The content of spans: prompts, answers, arguments and results, which are recorded only where the program enables it.

use std::fmt;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::contain;

/// A function of the program that redacts a text.
pub(super) type Redact = Arc<dyn Fn(&str) -> String + Send + Sync>;

/// The largest text in a field, in bytes.
const MAX_TEXT: usize = 32 << 10;

/// Stands for a secret.
const REDACTED: &str = "<redacted>";

/// The shortest secret that is looked for, in bytes. Shorter values are flags and words.
const MIN_SECRET: usize = 8;

/// Prepares content for the fields of spans.
#[derive(Clone, Default)]
pub(crate) struct Content {
    pub(super) redact: Option<Redact>,
    /// The secrets that the program has given to the library.
    pub(super) secrets: Vec<String>,
}

impl Content {
    /// Returns the same with further secrets.
    pub(crate) fn with_secrets(&self, secrets: impl IntoIterator<Item = String>) -> Self {
        let mut content = self.clone();
        content.secrets.extend(secrets.into_iter().filter(|secret| secret.len() >= MIN_SECRET));
        content.sort();
        content
    }

    fn sort(&mut self) {
        // A secret may be a part of another one.
        self.secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    }

    /// Returns a text without secrets, redacted by the program and cut to the limit. A text whose redaction panics is left
    /// out.
    pub(crate) fn text(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in &self.secrets {
            if text.contains(secret.as_str()) {
                text = text.replace(secret.as_str(), REDACTED);
            }
        }
        if let Some(redact) = &self.redact {
            text = match contain::run(|| redact(&text)) {
                Ok(text) => text,
                Err(panic) => {
                    tracing::error!(panic, "the redaction of content panicked; the content is left out");
                    REDACTED.to_owned()
                }
            };
        }
        if text.len() > MAX_TEXT {
            let end = (0..=MAX_TEXT).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
            text.truncate(end);
            text.push_str(" [..]");
        }
        text
    }

    /// Returns a text as the messages of the conventions: a list with one message of one part.
    pub(crate) fn message(&self, role: &str, text: &str, finish_reason: Option<&str>) -> String {
        let parts = json!([{"type": "text", "content": self.text(text)}]);
        let mut message = json!({"role": role, "parts": parts});
        if let (Some(reason), Some(message)) = (finish_reason, message.as_object_mut()) {
            message.insert("finish_reason".to_owned(), reason.into());
        }
        Value::Array(vec![message]).to_string()
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Content").field("redacts", &self.redact.is_some()).finish_non_exhaustive()
    }
}

/// Returns the secrets in the settings of a session: the values of members whose names say that they are secret.
pub(crate) fn secrets_of(settings: &Value) -> Vec<String> {
    fn collect(value: &Value, is_secret: bool, found: &mut Vec<String>) {
        match value {
            Value::String(text) if is_secret => found.push(text.clone()),
            Value::Array(values) => values.iter().for_each(|value| collect(value, is_secret, found)),
            Value::Object(members) => {
                for (name, value) in members {
                    collect(value, is_secret || names_a_secret(name), found);
                }
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    collect(settings, false, &mut found);
    found
}

/// Whether the value of a member with this name may be secret.
fn names_a_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["apikey", "token", "secret", "password", "authorization"].iter().any(|word| name.contains(word))
        || ["headers", "env"].contains(&name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_found_by_the_names_of_their_members() {
        let settings = json!({
            "provider": {"apiKey": "key-of-the-provider", "baseUrl": "http://h", "headers": {"X": "header-value"}},
            "mcpServers": {"s": {"env": {"A": "variable"}, "args": ["argument"]}},
            "gitHubToken": "gho_1234567", "model": "gpt-5", "short": {"token": "1"},
        });
        let mut found = secrets_of(&settings);
        found.sort();
        assert_eq!(found, ["1", "gho_1234567", "header-value", "key-of-the-provider", "variable"]);
        let content = Content::default().with_secrets(found);
        let text = content.text("1 key-of-the-provider and gho_1234567, gpt-5");
        assert_eq!(text, "1 <redacted> and <redacted>, gpt-5");
    }

    #[test]
    fn a_secret_inside_another_one_leaves_no_rest() {
        let secrets = ["12345678".to_owned(), "0123456789".to_owned()];
        assert_eq!(Content::default().with_secrets(secrets).text("=0123456789="), "=<redacted>=");
    }

    #[test]
    fn the_program_redacts_what_is_left_and_its_panic_leaves_nothing() {
        let of = |redact: Redact| Content { redact: Some(redact), secrets: Vec::new() };
        let upper = of(Arc::new(str::to_uppercase));
        assert_eq!(
            upper.message("user", "a \"b\"", Some("stop")),
            r#"[{"finish_reason":"stop","parts":[{"content":"A \"B\"","type":"text"}],"role":"user"}]"#
        );
        assert_eq!(of(Arc::new(|_| panic!("no"))).text("secret"), REDACTED);
    }

    #[test]
    fn a_long_text_is_cut_at_a_character() {
        let text = Content::default().text(&"é".repeat(MAX_TEXT));
        assert!(text.len() <= MAX_TEXT + 5 && text.ends_with("é [..]"), "{}", text.len());
        let odd = Content::default().text(&format!("a{}", "é".repeat(MAX_TEXT)));
        assert!(odd.ends_with("é [..]"));
    }
}
