//! Attachments of messages, as [`UserMessage`](crate::events::UserMessage) reports them.

use serde_json::Value;

use crate::protocol::attachments::{
    GithubFileVersion, GithubReferenceKind, GithubRepo, GithubRevision, Position,
};
use crate::protocol::timestamp::Timestamp;
use crate::protocol::vocabulary::vocabulary;

vocabulary! {
    /// Why the bytes of an attachment are not in the history.
    OmittedReason {
        /// They are too many.
        TooLarge = "too_large",
        /// The file that they were kept in is missing.
        AssetUnavailable = "asset_unavailable",
    }
}

tagged! {
    /// Something that came with a message; [`Attachment`](crate::Attachment) is what a program sends.
    pub enum MessageAttachment {
        /// A file of the user's machine.
        File(FileAttachment) = "file",
        /// A directory of the user's machine.
        Directory(DirectoryAttachment) = "directory",
        /// A piece of a file.
        Selection(SelectionAttachment) = "selection",
        /// Bytes, such as an image.
        Blob(BlobAttachment) = "blob",
        /// An issue, a pull request or a discussion on GitHub.
        GithubReference(GithubReferenceAttachment) = "github_reference",
        /// A commit on GitHub.
        GithubCommit(GithubCommitAttachment) = "github_commit",
        /// A release on GitHub.
        GithubRelease(GithubReleaseAttachment) = "github_release",
        /// A job of a workflow run on GitHub.
        GithubActionsJob(GithubActionsJobAttachment) = "github_actions_job",
        /// A repository on GitHub.
        GithubRepository(GithubRepositoryAttachment) = "github_repository",
        /// A file on GitHub.
        GithubFile(GithubFileAttachment) = "github_file",
        /// A piece of a file on GitHub.
        GithubSnippet(GithubSnippetAttachment) = "github_snippet",
        /// A page of GitHub.
        GithubUrl(GithubUrlAttachment) = "github_url",
        /// The difference between two versions of a file on GitHub.
        GithubFileDiff(GithubFileDiffAttachment) = "github_file_diff",
        /// The difference between two revisions on GitHub.
        GithubTreeComparison(GithubComparisonAttachment) = "github_tree_comparison",
        /// Something that an extension of the CLI showed.
        ExtensionContext(ExtensionContextAttachment) = "extension_context",
    }
}

payload! {
    /// An attached file of the user's machine.
    pub struct FileAttachment {
        /// The path, as the sender wrote it.
        pub path: String,
        /// The name that people see.
        pub display_name: String,
        /// The lines that are meant; `None` for all.
        pub line_range: Option<LineRange>,
        /// The media type, for files that the model receives as bytes.
        pub mime_type: Option<String>,
        /// The id of the bytes, as in [`BinaryAsset::asset_id`](crate::events::BinaryAsset::asset_id).
        pub asset_id: Option<String>,
        /// The number of bytes.
        pub byte_length: Option<u64>,
        /// Why the bytes are not in the history; `None` if they are.
        pub omitted_reason: Option<OmittedReason>,
        /// The text that the model read in place of the bytes.
        pub tagged_files_entry: Option<String>,
    }

    /// An attached directory of the user's machine.
    pub struct DirectoryAttachment {
        /// The path, as the sender wrote it.
        pub path: String,
        /// The name that people see.
        pub display_name: String,
        /// The text that the model read about the directory.
        pub tagged_files_entry: Option<String>,
    }

    /// A piece of a file.
    pub struct SelectionAttachment {
        /// The path of the file that holds the text.
        pub file_path: String,
        /// The name that people see.
        pub display_name: String,
        /// The text as a whole.
        pub text: String,
        /// The place of the text in the file.
        pub selection: SelectionRange,
    }

    /// A place in a file.
    pub struct SelectionRange {
        /// The position of the first character.
        pub start: Position,
        /// The position after the last character.
        pub end: Position,
    }

    /// Lines of a file.
    pub struct LineRange {
        /// The number of the first line, from 1.
        pub start: u64,
        /// The number of the last line, which is included.
        pub end: u64,
    }

    /// Bytes, such as an image.
    pub struct BlobAttachment {
        /// The bytes in Base64; `None` if they are kept elsewhere or left out.
        pub data: Option<String>,
        /// The media type, such as `image/png`.
        pub mime_type: String,
        /// The name that people see.
        pub display_name: Option<String>,
        /// The id of the bytes, as in [`BinaryAsset::asset_id`](crate::events::BinaryAsset::asset_id).
        pub asset_id: Option<String>,
        /// The number of bytes.
        pub byte_length: Option<u64>,
        /// Why the bytes are not in the history; `None` if they are.
        pub omitted_reason: Option<OmittedReason>,
    }

    /// An issue, a pull request or a discussion on GitHub.
    pub struct GithubReferenceAttachment {
        /// The number of the issue, pull request or discussion.
        pub number: u64,
        /// The title, for people.
        pub title: String,
        /// The kind of thing that has the number.
        pub reference_type: GithubReferenceKind,
        /// The state, such as `open`.
        pub state: String,
        /// The address of the page on GitHub.
        pub url: String,
    }

    /// A commit on GitHub.
    pub struct GithubCommitAttachment {
        /// The repository that holds it.
        pub repo: GithubRepo,
        /// The hash of the commit.
        pub oid: String,
        /// The message of the commit.
        pub message: String,
        /// The address of the page on GitHub.
        pub url: String,
    }

    /// A release on GitHub.
    pub struct GithubReleaseAttachment {
        /// The repository that holds it.
        pub repo: GithubRepo,
        /// The tag that the release is made from.
        pub tag_name: String,
        /// The name of the release, for people.
        pub name: String,
        /// The address of the page on GitHub.
        pub url: String,
    }

    /// A job of a workflow run on GitHub.
    pub struct GithubActionsJobAttachment {
        /// The repository that holds it.
        pub repo: GithubRepo,
        /// The id of the job on GitHub.
        pub job_id: u64,
        /// The name of the job, for people.
        pub job_name: String,
        /// The name of the workflow that the job belongs to.
        pub workflow_name: String,
        /// The address of the page on GitHub.
        pub url: String,
        /// The outcome, such as `failure`; `None` while the job runs.
        pub conclusion: Option<String>,
    }

    /// A repository on GitHub.
    pub struct GithubRepositoryAttachment {
        /// The repository that holds it.
        pub repo: GithubRepo,
        /// The address of the page on GitHub.
        pub url: String,
        /// The description of the repository; `None` for one without.
        pub description: Option<String>,
        /// The branch, tag or commit that is meant; `None` for the default branch.
        pub r#ref: Option<String>,
    }

    /// A file on GitHub.
    pub struct GithubFileAttachment {
        /// The repository that holds it.
        pub repo: GithubRepo,
        /// The branch, tag or commit.
        pub r#ref: String,
        /// The path in the repository.
        pub path: String,
        /// The address of the page on GitHub.
        pub url: String,
    }

    /// A piece of a file on GitHub.
    pub struct GithubSnippetAttachment {
        /// The repository that holds it.
        pub repo: GithubRepo,
        /// The branch, tag or commit.
        pub r#ref: String,
        /// The path in the repository.
        pub path: String,
        /// The address of the page on GitHub.
        pub url: String,
        /// The lines that are attached.
        pub line_range: LineRange,
    }

    /// A page of GitHub.
    pub struct GithubUrlAttachment {
        /// The address of the page on GitHub.
        pub url: String,
    }

    /// The difference between two versions of a file on GitHub.
    pub struct GithubFileDiffAttachment {
        /// The address of the page on GitHub.
        pub url: String,
        /// The file before; `None` if it is new.
        pub base: Option<GithubFileVersion>,
        /// The file after; `None` if it was deleted.
        pub head: Option<GithubFileVersion>,
    }

    /// The difference between two revisions on GitHub.
    pub struct GithubComparisonAttachment {
        /// The address of the page on GitHub.
        pub url: String,
        /// The revision that the comparison starts from.
        pub base: GithubRevision,
        /// The revision that the comparison ends with.
        pub head: GithubRevision,
    }

    /// Something that an extension of the CLI showed.
    pub struct ExtensionContextAttachment {
        /// The id of the extension.
        pub extension_id: String,
        /// The canvas that showed it, if one did.
        pub canvas_id: Option<String>,
        /// The open canvas that showed it, if one did.
        pub instance_id: Option<String>,
        /// The title, for people.
        pub title: String,
        /// The content, as the extension wrote it.
        pub payload: Value,
        /// When it was shown.
        pub captured_at: Option<Timestamp>,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attachments_are_read_by_their_type_and_unknown_ones_are_kept() {
        let text = r#"[{"type":"file","path":"/a","displayName":"a","lineRange":{"start":1,"end":2.0}},
            {"type":"github_snippet","repo":{"owner":"o","name":"n","id":7},"ref":"main","path":"p","url":"u",
             "lineRange":{"start":3,"end":4}},
            {"type":"hologram","depth":3}]"#;
        let read: Vec<MessageAttachment> = serde_json::from_str(text).unwrap();
        let [MessageAttachment::File(file), MessageAttachment::GithubSnippet(snippet), other] = &read[..]
        else {
            panic!("{read:?}");
        };
        assert_eq!((file.path.as_str(), file.line_range.as_ref().map(|lines| lines.end)), ("/a", Some(2)));
        assert_eq!((snippet.repo.owner(), snippet.repo.name(), snippet.repo.id()), ("o", "n", Some(7)));
        let unknown = serde_json::json!({"type": "hologram", "depth": 3});
        assert_eq!(*other, MessageAttachment::Other(unknown));
    }
}
