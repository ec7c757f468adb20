//! Attachments of a message.

use serde::Serialize;
use serde_json::Value;

use crate::protocol::base64;
use crate::protocol::decode::Decode;
use crate::protocol::secret::Url;
use crate::protocol::vocabulary::vocabulary;

/// The kind of entry that must be at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PathKind {
    File,
    Directory,
    /// No entry, because the text is part of the attachment.
    Text,
}

/// A place in a text, counted from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Decode)]
#[serde(default)]
pub struct Position {
    /// The line, counted from 0.
    pub line: u32,
    /// The character in the line, counted from 0.
    pub character: u32,
}

#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Range {
    pub(crate) start: Position,
    pub(crate) end: Position,
}

/// The first and the last line of a range.
#[derive(Clone, Copy, Debug, Serialize)]
struct Lines {
    start: u32,
    end: u32,
}

/// Content that accompanies a message. Wire: `session.send`, `attachments`.
///
/// # Examples
///
/// ```no_run
/// use copilot::{Attachment, Message};
///
/// # fn main() -> std::io::Result<()> {
/// let message = Message::new("What is wrong with this picture?")
///     .attach(Attachment::blob(std::fs::read("screen.png")?, "image/png"))
///     .attach(Attachment::file("src/window.rs").lines(10..=40));
/// # drop(message);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub struct Attachment(AttachmentKind);

#[derive(Clone, Debug, Serialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
enum AttachmentKind {
    File {
        path: String,
        display_name: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        line_range: Option<Lines>,
    },
    Directory {
        path: String,
        display_name: String,
    },
    Selection {
        file_path: String,
        display_name: String,
        text: String,
        selection: Range,
    },
    Blob {
        data: Base64,
        mime_type: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        display_name: Option<String>,
    },
    #[serde(rename = "github_reference")]
    GithubReference {
        number: u64,
        title: String,
        reference_type: GithubReferenceKind,
        state: String,
        url: Url,
    },
    #[serde(rename = "github_commit")]
    GithubCommit {
        repo: GithubRepo,
        oid: String,
        message: String,
        url: Url,
    },
    #[serde(rename = "github_release")]
    GithubRelease {
        repo: GithubRepo,
        tag_name: String,
        name: String,
        url: Url,
    },
    #[serde(rename = "github_actions_job")]
    GithubActionsJob {
        repo: GithubRepo,
        job_id: u64,
        job_name: String,
        workflow_name: String,
        url: Url,
    },
    #[serde(rename = "github_repository")]
    GithubRepository {
        repo: GithubRepo,
        url: Url,
    },
    #[serde(rename = "github_file")]
    GithubFile {
        repo: GithubRepo,
        r#ref: String,
        path: String,
        url: Url,
    },
    #[serde(rename = "github_snippet")]
    GithubSnippet {
        repo: GithubRepo,
        r#ref: String,
        path: String,
        url: Url,
        line_range: Lines,
    },
    #[serde(rename = "github_url")]
    GithubUrl {
        url: Url,
    },
    #[serde(rename = "github_file_diff")]
    GithubFileDiff {
        url: Url,
        #[serde(skip_serializing_if = "Option::is_none")]
        base: Option<GithubFileVersion>,
        #[serde(skip_serializing_if = "Option::is_none")]
        head: Option<GithubFileVersion>,
    },
    #[serde(rename = "github_tree_comparison")]
    GithubTreeComparison {
        url: Url,
        base: GithubRevision,
        head: GithubRevision,
    },
    #[serde(rename = "extension_context")]
    ExtensionContext {
        extension_id: String,
        title: String,
        payload: Value,
        captured_at: String,
    },
}

vocabulary! {
    /// The kind of object that a number on GitHub identifies.
    GithubReferenceKind {
        /// The number of an issue.
        Issue = "issue",
        /// The number of a pull request.
        PullRequest = "pr",
        /// The number of a discussion.
        Discussion = "discussion",
    }
}

/// A repository on GitHub.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Decode)]
#[serde(default)]
pub struct GithubRepo {
    owner: String,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<u64>,
}

impl GithubRepo {
    /// Creates the repository of this owner with this name.
    pub fn new(owner: impl Into<String>, name: impl Into<String>) -> Self {
        Self { owner: owner.into(), name: name.into(), id: None }
    }

    /// Returns the owner: a user or an organization.
    pub fn owner(&self) -> &str {
        &self.owner
    }

    /// Returns the name, without the owner.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns GitHub's number of the repository, where the CLI reported it.
    pub fn id(&self) -> Option<u64> {
        self.id
    }

    fn url(&self, rest: &str) -> String {
        format!("https://github.com/{}/{}{rest}", self.owner, self.name)
    }
}

/// A file on GitHub, as it is on a branch, at a tag or in a commit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Decode)]
#[serde(default)]
pub struct GithubFileVersion {
    repo: GithubRepo,
    r#ref: String,
    path: String,
}

impl GithubFileVersion {
    /// Creates the version of the file at this path.
    pub fn new(repo: GithubRepo, reference: impl Into<String>, path: impl Into<String>) -> Self {
        Self { repo, r#ref: reference.into(), path: path.into() }
    }

    /// Returns the repository that holds the file.
    pub fn repo(&self) -> &GithubRepo {
        &self.repo
    }

    /// Returns the branch, tag or commit.
    pub fn reference(&self) -> &str {
        &self.r#ref
    }

    /// Returns the path in the repository.
    pub fn path(&self) -> &str {
        &self.path
    }
}

/// A repository on GitHub as it is on a branch, at a tag or in a commit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Decode)]
#[serde(default)]
pub struct GithubRevision {
    repo: GithubRepo,
    revision: String,
}

impl GithubRevision {
    /// Creates the revision of this repository.
    pub fn new(repo: GithubRepo, revision: impl Into<String>) -> Self {
        Self { repo, revision: revision.into() }
    }

    /// Returns the repository that holds the revision.
    pub fn repo(&self) -> &GithubRepo {
        &self.repo
    }

    /// Returns the branch, tag or commit.
    pub fn revision(&self) -> &str {
        &self.revision
    }
}

impl Attachment {
    /// A file, by its path. A relative one starts from the session's
    /// [`working_directory`](crate::SessionBuilder::working_directory), else from the client's
    /// [`cwd`](crate::ClientBuilder::cwd), else from the directory that was this program's
    /// when the client was configured; sending fails when there is
    /// no such file. With [`cli_url`](crate::ClientBuilder::cli_url) or a `session_fs` the path must be absolute, and
    /// is not looked for.
    pub fn file(path: impl Into<String>) -> Self {
        let path = path.into();
        Self(AttachmentKind::File { display_name: file_name(&path), path, line_range: None })
    }

    /// Whether it is a file or a directory by its path, which every CLI knows.
    pub(crate) fn is_path(&self) -> bool {
        matches!(self.0, AttachmentKind::File { .. } | AttachmentKind::Directory { .. })
    }

    /// The path on the CLI's side, and what must be there.
    pub(crate) fn path(&self) -> Option<(PathKind, &str)> {
        match &self.0 {
            AttachmentKind::File { path, .. } => Some((PathKind::File, path)),
            AttachmentKind::Directory { path, .. } => Some((PathKind::Directory, path)),
            AttachmentKind::Selection { file_path, .. } => Some((PathKind::Text, file_path)),
            _ => None,
        }
    }

    /// Replaces the path; the name that is shown stays.
    pub(crate) fn set_path(&mut self, new: String) {
        if let AttachmentKind::File { path, .. }
        | AttachmentKind::Directory { path, .. }
        | AttachmentKind::Selection { file_path: path, .. } = &mut self.0
        {
            *path = new;
        }
    }

    /// Attaches a directory, by its path, as for [`file`](Self::file).
    pub fn directory(path: impl Into<String>) -> Self {
        let path = path.into();
        Self(AttachmentKind::Directory { display_name: file_name(&path), path })
    }

    /// Attaches a part of a file, with its text and its position. The path is as for [`file`](Self::file), but the file
    /// need not exist.
    pub fn selection(
        path: impl Into<String>,
        text: impl Into<String>,
        start: Position,
        end: Position,
    ) -> Self {
        let (file_path, text) = (path.into(), text.into());
        let display_name = file_name(&file_path);
        Self(AttachmentKind::Selection { file_path, display_name, text, selection: Range { start, end } })
    }

    /// Attaches bytes of this media type, such as an image.
    ///
    /// Version 1.0.102 leaves out an image that it cannot decode, and stores that in a way that it cannot read again:
    /// the session works, but can never be resumed.
    pub fn blob(bytes: impl AsRef<[u8]>, mime_type: impl Into<String>) -> Self {
        let data = Base64::of(bytes.as_ref());
        Self(AttachmentKind::Blob { data, mime_type: mime_type.into(), display_name: None })
    }

    /// Attaches an issue, a pull request or a discussion on GitHub. The agent gets the title and the state; it reads
    /// the rest itself.
    pub fn github(
        kind: GithubReferenceKind,
        repo: &GithubRepo,
        number: u64,
        title: impl Into<String>,
        state: impl Into<String>,
    ) -> Self {
        let folder = match kind {
            GithubReferenceKind::PullRequest => "pull",
            GithubReferenceKind::Discussion => "discussions",
            _ => "issues",
        };
        Self(AttachmentKind::GithubReference {
            number,
            title: title.into(),
            reference_type: kind,
            state: state.into(),
            url: repo.url(&format!("/{folder}/{number}")).into(),
        })
    }

    /// Attaches a commit on GitHub.
    pub fn github_commit(repo: GithubRepo, oid: impl Into<String>, message: impl Into<String>) -> Self {
        let oid = oid.into();
        let url = repo.url(&format!("/commit/{oid}"));
        Self(AttachmentKind::GithubCommit { repo, oid, message: message.into(), url: url.into() })
    }

    /// Attaches a release on GitHub.
    pub fn github_release(repo: GithubRepo, tag: impl Into<String>, name: impl Into<String>) -> Self {
        let tag_name = tag.into();
        let url = repo.url(&format!("/releases/tag/{tag_name}"));
        Self(AttachmentKind::GithubRelease { repo, tag_name, name: name.into(), url: url.into() })
    }

    /// Attaches a job of a workflow run on GitHub, with the URL that GitHub shows for it.
    pub fn github_actions_job(
        repo: GithubRepo,
        id: u64,
        job: impl Into<String>,
        workflow: impl Into<String>,
        url: impl Into<String>,
    ) -> Self {
        let (job_name, workflow_name, url) = (job.into(), workflow.into(), Url::from(url));
        Self(AttachmentKind::GithubActionsJob { repo, job_id: id, job_name, workflow_name, url })
    }

    /// Attaches a repository on GitHub.
    pub fn github_repository(repo: GithubRepo) -> Self {
        let url = repo.url("");
        Self(AttachmentKind::GithubRepository { repo, url: url.into() })
    }

    /// Attaches a file on GitHub, as it is on a branch, at a tag or in a commit.
    pub fn github_file(repo: GithubRepo, reference: impl Into<String>, path: impl Into<String>) -> Self {
        let (reference, path) = (reference.into(), path.into());
        let url = repo.url(&format!("/blob/{reference}/{path}"));
        Self(AttachmentKind::GithubFile { repo, r#ref: reference, path, url: url.into() })
    }

    /// Attaches the difference of a file on GitHub, with the URL that GitHub shows for it. A file that is new has no
    /// `base`, and one that is removed has no `head`.
    pub fn github_file_diff(
        base: impl Into<Option<GithubFileVersion>>,
        head: impl Into<Option<GithubFileVersion>>,
        url: impl Into<String>,
    ) -> Self {
        Self(AttachmentKind::GithubFileDiff { url: Url::from(url), base: base.into(), head: head.into() })
    }

    /// Attaches the difference between two revisions on GitHub.
    pub fn github_comparison(base: GithubRevision, head: GithubRevision) -> Self {
        let of = if base.repo == head.repo { String::new() } else { format!("{}:", head.repo.owner) };
        let url = base.repo.url(&format!("/compare/{}...{of}{}", base.revision, head.revision));
        Self(AttachmentKind::GithubTreeComparison { url: url.into(), base, head })
    }

    /// Attaches the content that an extension of the CLI shows, as of this time, which is RFC 3339.
    pub fn extension_context(
        extension_id: impl Into<String>,
        title: impl Into<String>,
        payload: impl Into<Value>,
        captured_at: impl Into<String>,
    ) -> Self {
        Self(AttachmentKind::ExtensionContext {
            extension_id: extension_id.into(),
            title: title.into(),
            payload: payload.into(),
            captured_at: captured_at.into(),
        })
    }

    /// Attaches any page on GitHub by its URL.
    pub fn github_url(url: impl Into<String>) -> Self {
        Self(AttachmentKind::GithubUrl { url: Url::from(url) })
    }

    /// Limits a file to these lines, counted from 1. Other attachments stay whole.
    pub fn lines(mut self, lines: std::ops::RangeInclusive<u32>) -> Self {
        let range = Lines { start: *lines.start(), end: *lines.end() };
        self.0 = match self.0 {
            AttachmentKind::File { path, display_name, .. } => {
                AttachmentKind::File { path, display_name, line_range: Some(range) }
            }
            AttachmentKind::GithubFile { repo, r#ref, path, url }
            | AttachmentKind::GithubSnippet { repo, r#ref, path, url, .. } => {
                AttachmentKind::GithubSnippet { repo, r#ref, path, url, line_range: range }
            }
            other => other,
        };
        self
    }

    /// Sets the name that is shown for the attachment. Default: the name of the file.
    pub fn display_name(mut self, name: impl Into<String>) -> Self {
        match &mut self.0 {
            AttachmentKind::File { display_name, .. }
            | AttachmentKind::Directory { display_name, .. }
            | AttachmentKind::Selection { display_name, .. } => *display_name = name.into(),
            AttachmentKind::Blob { display_name, .. } => *display_name = Some(name.into()),
            // GitHub's own titles stay.
            _ => {}
        }
        self
    }
}

/// The CLI wants a name for each attachment; without one the stored session can never be resumed.
fn file_name(path: &str) -> String {
    let name = path.trim_end_matches(['/', '\\']).rsplit(['/', '\\']).next().unwrap_or_default();
    if name.is_empty() { path.to_owned() } else { name.to_owned() }
}

/// Bytes as the wire has them. `Debug` shows how many there are.
#[derive(Clone, Serialize)]
#[serde(transparent)]
struct Base64(String);

impl Base64 {
    fn of(bytes: &[u8]) -> Self {
        Self(base64::encode(bytes))
    }
}

impl std::fmt::Debug for Base64 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} characters of base64", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn check(attachment: Attachment, wire: &Value) {
        assert_eq!(serde_json::to_value(attachment).unwrap(), *wire);
    }

    #[test]
    fn attachments_always_have_a_name() {
        check(
            Attachment::file("/a/b.rs"),
            &json!({"type": "file", "path": "/a/b.rs", "displayName": "b.rs"}),
        );
        check(
            Attachment::directory("/a/b/"),
            &json!({"type": "directory", "path": "/a/b/", "displayName": "b"}),
        );
        check(
            Attachment::directory("/").display_name("root"),
            &json!({"type": "directory", "path": "/", "displayName": "root"}),
        );
        assert_eq!(file_name("/"), "/");
        let (start, end) = (Position { line: 1, character: 2 }, Position { line: 3, character: 4 });
        check(
            Attachment::selection(r"C:\a\b.rs", "x", start, end),
            &json!({"type": "selection", "filePath": r"C:\a\b.rs", "displayName": "b.rs", "text": "x",
                    "selection": {"start": {"line": 1, "character": 2}, "end": {"line": 3, "character": 4}}}),
        );
    }

    #[test]
    fn lines_and_bytes_reach_the_wire() {
        check(
            Attachment::file("/a/b.rs").lines(3..=5),
            &json!({"type": "file", "path": "/a/b.rs", "displayName": "b.rs", "lineRange": {"start": 3, "end": 5}}),
        );
        check(
            Attachment::blob(b"hello", "text/plain").display_name("greeting"),
            &json!({"type": "blob", "data": "aGVsbG8=", "mimeType": "text/plain", "displayName": "greeting"}),
        );
        check(Attachment::blob([], "a/b"), &json!({"type": "blob", "data": "", "mimeType": "a/b"}));
    }

    #[test]
    fn references_to_github_reach_the_wire() {
        let repo = || GithubRepo::new("octo", "cat");
        let repo_wire = json!({"owner": "octo", "name": "cat"});
        check(
            Attachment::github(GithubReferenceKind::PullRequest, &repo(), 7, "Fix it", "open"),
            &json!({"type": "github_reference", "number": 7, "title": "Fix it", "referenceType": "pr",
                    "state": "open", "url": "https://github.com/octo/cat/pull/7"}),
        );
        check(
            Attachment::github_commit(repo(), "abc", "Fix"),
            &json!({"type": "github_commit", "repo": repo_wire, "oid": "abc", "message": "Fix",
                    "url": "https://github.com/octo/cat/commit/abc"}),
        );
        check(
            Attachment::github_release(repo(), "v1", "One"),
            &json!({"type": "github_release", "repo": repo_wire, "tagName": "v1", "name": "One",
                    "url": "https://github.com/octo/cat/releases/tag/v1"}),
        );
        check(
            Attachment::github_file(repo(), "main", "a.rs").lines(1..=2),
            &json!({"type": "github_snippet", "repo": repo_wire, "ref": "main", "path": "a.rs",
                    "url": "https://github.com/octo/cat/blob/main/a.rs", "lineRange": {"start": 1, "end": 2}}),
        );
        check(
            Attachment::github_actions_job(repo(), 1, "test", "CI", "https://u"),
            &json!({"type": "github_actions_job", "repo": repo_wire, "jobId": 1, "jobName": "test",
                    "workflowName": "CI", "url": "https://u"}),
        );
        check(
            Attachment::github_repository(repo()),
            &json!({"type": "github_repository", "repo": repo_wire, "url": "https://github.com/octo/cat"}),
        );
        let file = |reference| GithubFileVersion::new(repo(), reference, "a.rs");
        check(
            Attachment::github_file_diff(file("main"), file("fix"), "https://u"),
            &json!({"type": "github_file_diff", "url": "https://u",
                    "base": {"repo": repo_wire, "ref": "main", "path": "a.rs"},
                    "head": {"repo": repo_wire, "ref": "fix", "path": "a.rs"}}),
        );
        let fork = GithubRevision::new(GithubRepo::new("fork", "cat"), "fix");
        check(
            Attachment::github_comparison(GithubRevision::new(repo(), "main"), fork),
            &json!({"type": "github_tree_comparison",
                    "url": "https://github.com/octo/cat/compare/main...fork:fix",
                    "base": {"repo": repo_wire, "revision": "main"},
                    "head": {"repo": {"owner": "fork", "name": "cat"}, "revision": "fix"}}),
        );
        check(
            Attachment::extension_context("e", "t", json!({"a": 1}), "2026-01-01T00:00:00Z"),
            &json!({"type": "extension_context", "extensionId": "e", "title": "t", "payload": {"a": 1},
                    "capturedAt": "2026-01-01T00:00:00Z"}),
        );
        check(Attachment::github_url("https://u"), &json!({"type": "github_url", "url": "https://u"}));
    }
}
