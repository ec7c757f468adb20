//! Rules that remove secrets and personal paths from texts before they reach a file. Pure, without I/O.
//!
//! A secret becomes `<<secret>>` and cannot be restored. A directory becomes a placeholder such as `<<cwd>>`, which a
//! replay replaces with the directory of its machine.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, LazyLock, RwLock};

use regex_lite::Regex;
use serde_json::Value;

use crate::protocol::base64;
use crate::task;

/// The replacement of a secret.
pub(super) const SECRET: &str = "<<secret>>";

/// The minimum length of a credential that is searched in texts, in bytes. Shorter ones, such as the key `none` of a local
/// server, are words of the conversation.
const MIN_SECRET: usize = 12;

/// The minimum length of a user name, in bytes.
const MIN_USER: usize = 3;

/// Names of accounts that are words, or the same on many machines.
const SHARED_USERS: &[&str] =
    &["admin", "app", "build", "docker", "node", "root", "runner", "test", "ubuntu", "user", "vscode"];

/// The shapes of known tokens. None matches a quote or a backslash, so a match is inside of one JSON string.
static TOKENS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    [
        // GitHub.
        r"gh[pousr]_[A-Za-z0-9]{16,}",
        r"github_pat_[A-Za-z0-9_]{16,}",
        r"tid=[0-9a-fA-F]{8,}[^\s\x22\x27\\]*",
        // JSON Web Tokens.
        r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*",
        // AWS, Google, GitLab, npm, Slack, Hugging Face, xAI, Groq.
        r"(AKIA|ASIA)[0-9A-Z]{16}",
        r"AIza[0-9A-Za-z_-]{30,}",
        r"ya29\.[0-9A-Za-z_-]{20,}",
        r"glpat-[0-9A-Za-z_-]{16,}",
        r"npm_[0-9A-Za-z]{24,}",
        r"xox[abeoprs]-[0-9A-Za-z-]{10,}",
        r"hf_[0-9A-Za-z]{24,}",
        r"xai-[0-9A-Za-z]{24,}",
        r"gsk_[0-9A-Za-z]{24,}",
    ]
    .iter()
    .map(|pattern| Regex::new(pattern).expect("the pattern is valid"))
    .collect()
});

/// Patterns whose first and last group stay, with the secret between them.
static SURROUNDED: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    [
        // OpenAI, Anthropic and others. The prefix is also the end of words such as `task-list`.
        r"(^|[^A-Za-z0-9]|\\[nrt])sk-[A-Za-z0-9_-]{16,}()",
        r"([a-zA-Z][a-zA-Z0-9+.-]*://[^\s/:@\x22\x27\\]*:)[^\s/@\x22\x27\\]+(@)",
        r"((?i:bearer|basic)\s+)[A-Za-z0-9._~+/-]{16,}=*()",
        r"(-----BEGIN [A-Z ]*PRIVATE KEY-----)[^-]*(-----END [A-Z ]*PRIVATE KEY-----)",
    ]
    .iter()
    .map(|pattern| Regex::new(pattern).expect("the pattern is valid"))
    .collect()
});

static EMAIL: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+").expect("the pattern is valid")
});

/// A rule of the program.
#[derive(Clone)]
pub(super) enum Rule {
    Literal(String),
    Pattern(Regex),
    Function(Arc<dyn Fn(&str) -> String + Send + Sync>),
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A literal is a secret, and a pattern may be a part of one.
        f.write_str(match self {
            Self::Literal(_) => "Literal",
            Self::Pattern(_) => "Pattern",
            Self::Function(_) => "Function",
        })
    }
}

/// The rules of one cassette.
#[derive(Debug, Default)]
pub(super) struct Scrubber {
    rules: Vec<Rule>,
    emails: bool,
    /// Credentials in all forms in which they are searched, the longest first.
    secrets: RwLock<Secrets>,
    /// Directories in all forms, with their placeholder, the longest first.
    directories: Vec<(String, String)>,
    /// The directories that placeholders stand for.
    meanings: Vec<(String, String)>,
    user: Option<String>,
}

#[derive(Default)]
struct Secrets(Vec<String>);

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{} redacted>", self.0.len())
    }
}

impl Scrubber {
    pub(super) fn new(rules: Vec<Rule>, emails: bool) -> Self {
        let scrubber = Self { emails, ..Self::default() };
        for rule in &rules {
            if let Rule::Literal(text) = rule {
                scrubber.search(text);
            }
        }
        Self { rules, ..scrubber }
    }

    /// Adds a directory; `<<name>>` stands for it. The path of a root is ignored.
    pub(super) fn directory(&mut self, name: &str, path: &Path) {
        let Some(text) = path.to_str() else { return };
        let text = text.trim_end_matches(['/', '\\']);
        if text.len() < 2 {
            return;
        }
        let placeholder = format!("<<{name}>>");
        self.meanings.push((placeholder.clone(), text.to_owned()));
        let forms = BTreeSet::from([
            text.to_owned(),
            text.replace('\\', "/"),
            text.replace('\\', r"\\"),
            // JSON in a string of JSON in a string.
            text.replace('\\', r"\\\\"),
            text.replace('/', r"\/"),
        ]);
        self.directories.extend(forms.into_iter().map(|form| (form, placeholder.clone())));
        // The first of two placeholders for one directory wins.
        self.directories.sort_by_key(|(form, _)| std::cmp::Reverse(form.len()));
    }

    /// Sets the name of the user's account, which becomes `<<user>>`.
    pub(super) fn user(&mut self, name: &str) {
        if name.len() >= MIN_USER && !SHARED_USERS.contains(&name) {
            self.user = Some(name.to_owned());
        }
    }

    /// Adds a credential, unless it is too short to be one.
    pub(super) fn learn(&self, secret: &str) {
        if secret.len() >= MIN_SECRET {
            self.search(secret);
        }
    }

    fn search(&self, secret: &str) {
        let secret = secret.trim();
        if secret.is_empty() {
            return;
        }
        let mut secrets = task::write(&self.secrets);
        if secrets.0.iter().any(|known| known == secret) {
            return;
        }
        secrets.0.extend(forms(secret));
        secrets.0.sort_by_key(|form| std::cmp::Reverse(form.len()));
        secrets.0.dedup();
    }

    /// Returns the text without secrets and personal paths.
    pub(super) fn text(&self, text: &str) -> String {
        let mut text = Cow::Borrowed(text);
        for secret in &task::read(&self.secrets).0 {
            if text.contains(secret.as_str()) {
                text = Cow::Owned(text.replace(secret.as_str(), SECRET));
            }
        }
        for rule in &self.rules {
            match rule {
                Rule::Literal(_) => {}
                Rule::Pattern(pattern) => text = replaced(pattern, text, SECRET),
                Rule::Function(function) => text = Cow::Owned(function(&text)),
            }
        }
        for token in TOKENS.iter() {
            text = replaced(token, text, SECRET);
        }
        for pattern in SURROUNDED.iter() {
            text = replaced(pattern, text, "${1}<<secret>>${2}");
        }
        if self.emails {
            text = replaced(&EMAIL, text, "<<email>>");
        }
        for (form, placeholder) in &self.directories {
            text = replaced_name(text, form, placeholder, false);
        }
        if let Some(user) = &self.user {
            text = replaced_name(text, user, "<<user>>", true);
        }
        text.into_owned()
    }

    /// Scrubs all strings of a value, the names of members included.
    pub(super) fn value(&self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.text(text),
            Value::Array(items) => items.iter_mut().for_each(|item| self.value(item)),
            Value::Object(members) => {
                for (name, mut member) in std::mem::take(members) {
                    self.value(&mut member);
                    members.insert(self.text(&name), member);
                }
            }
            _ => {}
        }
    }

    /// Replaces the placeholders of directories with the directories of this machine.
    pub(super) fn expand(&self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.expanded(text),
            Value::Array(items) => items.iter_mut().for_each(|item| self.expand(item)),
            Value::Object(members) => {
                let kind = members.get("type").and_then(Value::as_str).unwrap_or_default();
                // The type is that of an event with a part of the arguments of a tool call.
                let delta = if kind.contains("arguments") { "delta" } else { "arguments" };
                for (name, member) in members {
                    match member {
                        Value::String(text)
                            if name == "arguments" || name == "partial_json" || name == delta =>
                        {
                            *text = self.expanded_in(text, true);
                        }
                        member => self.expand(member),
                    }
                }
            }
            _ => {}
        }
    }

    pub(super) fn expanded(&self, text: &str) -> String {
        let is_json = text.trim_start().starts_with(['{', '['])
            && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
        self.expanded_in(text, is_json)
    }

    /// In JSON, a backslash of a directory would begin an escape. Windows accepts a slash in its place, at any depth of
    /// strings in strings.
    fn expanded_in(&self, text: &str, is_json: bool) -> String {
        let mut text = Cow::Borrowed(text);
        for (placeholder, directory) in &self.meanings {
            if text.contains(placeholder.as_str()) {
                let slashes = is_json.then(|| directory.replace('\\', "/"));
                text = Cow::Owned(text.replace(placeholder.as_str(), slashes.as_ref().unwrap_or(directory)));
            }
        }
        if let Some(user) = &self.user {
            text = Cow::Owned(text.replace("<<user>>", user));
        }
        text.into_owned()
    }

    /// Returns a line of the file without the secrets that are left in it: a last check behind the scrubbed members.
    pub(super) fn line(&self, line: String) -> String {
        let mut text: Cow<str> = Cow::Owned(line);
        for secret in &task::read(&self.secrets).0 {
            // Its placeholder needs no escape, and a form with a quote is searched in its escaped form only.
            if !secret.contains(['"', '\n']) && text.contains(secret.as_str()) {
                text = Cow::Owned(text.replace(secret.as_str(), SECRET));
            }
        }
        for token in TOKENS.iter() {
            text = replaced(token, text, SECRET);
        }
        text.into_owned()
    }
}

fn replaced<'t>(pattern: &Regex, text: Cow<'t, str>, with: &str) -> Cow<'t, str> {
    match pattern.replace_all(&text, with) {
        Cow::Borrowed(_) => text,
        Cow::Owned(changed) => Cow::Owned(changed),
    }
}

/// Replaces `form` where it is not the beginning of a longer name, and with `whole` not the end of one either.
fn replaced_name<'t>(text: Cow<'t, str>, form: &str, with: &str, whole: bool) -> Cow<'t, str> {
    let is_name = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    let mut out = String::new();
    let mut from = 0;
    for (at, _) in text.match_indices(form) {
        let (before, after) = (&text[..at], &text[at + form.len()..]);
        let ends = after.chars().next().is_none_or(|c| !is_name(c));
        let escape = ["\\n", "\\r", "\\t"].iter().any(|escape| before.ends_with(escape));
        let begins = !whole || escape || before.chars().next_back().is_none_or(|c| !is_name(c));
        if ends && begins {
            out.push_str(&text[from..at]);
            out.push_str(with);
            from = at + form.len();
        }
    }
    if from == 0 {
        return text;
    }
    out.push_str(&text[from..]);
    Cow::Owned(out)
}

/// Returns the forms in which a text can contain a secret: plain, escaped in JSON, percent-encoded, and in base64 at any
/// offset.
fn forms(secret: &str) -> BTreeSet<String> {
    let escaped = Value::from(secret).to_string();
    let mut forms = BTreeSet::from([
        secret.to_owned(),
        escaped[1..escaped.len() - 1].to_owned(),
        percent_encoded(secret),
    ]);
    if secret.len() >= MIN_SECRET {
        for offset in 0..3 {
            let padded = [&vec![0; offset], secret.as_bytes()].concat();
            let encoded = base64::encode(&padded);
            // Of the first and the last letter, some bits belong to the neighbours.
            let (first, last) = ((offset * 8).div_ceil(6), padded.len() * 8 / 6);
            let inner = &encoded[first..last];
            forms.insert(inner.to_owned());
            forms.insert(inner.replace('+', "-").replace('/', "_"));
        }
    }
    forms
}

fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// Distributes a changed text over the pieces of the original: the equal beginning and end stay in their pieces, and the
/// changed middle is in the piece where it begins.
pub(super) fn distribute(pieces: &[&str], changed: &str) -> Vec<String> {
    let original = pieces.concat();
    let same = |(a, b): &(char, char)| a == b;
    let prefix: usize =
        original.chars().zip(changed.chars()).take_while(same).map(|(c, _)| c.len_utf8()).sum();
    let ends = original[prefix..].chars().rev().zip(changed[prefix..].chars().rev());
    let suffix: usize = ends.take_while(same).map(|(c, _)| c.len_utf8()).sum();
    let (tail, middle) = (original.len() - suffix, &changed[prefix..changed.len() - suffix]);
    let mut middle = Some(middle);
    let mut start = 0;
    let count = pieces.len();
    let mut out = Vec::with_capacity(count);
    for (number, piece) in pieces.iter().enumerate() {
        let end = start + piece.len();
        let mut new = original[start.min(prefix)..end.min(prefix)].to_owned();
        if end > prefix || number + 1 == count {
            new.push_str(middle.take().unwrap_or_default());
        }
        new.push_str(&original[start.max(tail)..end.max(tail)]);
        out.push(new);
        start = end;
    }
    out
}
