//! `sessionFs.*`: the program keeps the files of the CLI's sessions.

use serde::{Serialize, Serializer};

use crate::protocol::base64;
use crate::protocol::decode::{Decode, Reader};
use crate::protocol::vocabulary::vocabulary;

vocabulary! {
    /// The form of paths.
    FsConventions {
        /// Paths with slashes, from `/` on.
        Posix = "posix",
        /// Paths with backslashes, from a drive on.
        Windows = "windows",
    }
}

vocabulary! {
    /// The kind of failure of an operation on a file.
    FsErrorCode {
        /// The path does not exist.
        NotFound = "ENOENT",
        /// A failure of any other kind.
        Unknown = "UNKNOWN",
    }
}

vocabulary! {
    /// The kind of a directory's entry.
    FsKind {
        /// A file with contents.
        File = "file",
        /// A directory with entries.
        Directory = "directory",
    }
}

vocabulary! {
    /// The kind of result of an SQL statement.
    SqlKind {
        /// The statement returns nothing: it defines something, or is several statements.
        Exec = "exec",
        /// The rows that it selects.
        Query = "query",
        /// The number of rows that it changed.
        Run = "run",
    }
}

vocabulary! {
    /// The kind of failure of a transaction.
    SqlErrorClass {
        /// The database was busy or locked; nothing was changed, and the transaction may be repeated.
        BusyOrLocked = "busyOrLocked",
        /// The transaction failed; nothing was changed, and a repetition fails too.
        Fatal = "fatal",
        /// It is unknown whether the transaction was committed, so it must not be repeated.
        PostCommitAmbiguous = "postCommitAmbiguous",
    }
}

/// The parameters of `sessionFs.setProvider`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SessionFsSetProviderParams<'a> {
    pub(crate) initial_cwd: &'a str,
    pub(crate) session_state_path: &'a str,
    pub(crate) conventions: &'a FsConventions,
    pub(crate) capabilities: FsCapabilities,
}

/// The provider's abilities beyond text files.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FsCapabilities {
    pub(crate) sqlite: bool,
    pub(crate) binary: bool,
    pub(crate) read_file_range: bool,
}

/// The result of both `setProvider` methods.
#[derive(Debug, Decode)]
pub(crate) struct SetProviderResponse {
    #[serde(default)]
    pub(crate) success: bool,
}

/// A request of the CLI whose parameters are a path.
#[derive(Debug, Decode)]
pub(crate) struct FsPathParams {
    pub(crate) path: String,
}

/// `sessionFs.writeFile`, `appendFile` and `writeFileBytes`, whose content is base64.
#[derive(Debug, Decode)]
pub(crate) struct FsWriteParams {
    pub(crate) path: String,
    pub(crate) content: String,
    #[serde(default)]
    pub(crate) mode: Option<u32>,
}

/// The parameters of `sessionFs.mkdir`.
#[derive(Debug, Decode)]
pub(crate) struct FsMkdirParams {
    pub(crate) path: String,
    #[serde(default)]
    pub(crate) recursive: Option<bool>,
    #[serde(default)]
    pub(crate) mode: Option<u32>,
}

/// The parameters of `sessionFs.rm`.
#[derive(Debug, Decode)]
pub(crate) struct FsRmParams {
    pub(crate) path: String,
    #[serde(default)]
    pub(crate) recursive: Option<bool>,
    #[serde(default)]
    pub(crate) force: Option<bool>,
}

/// The parameters of `sessionFs.rename`.
#[derive(Debug, Decode)]
pub(crate) struct FsRenameParams {
    pub(crate) src: String,
    pub(crate) dest: String,
}

/// The parameters of `sessionFs.readFileRange`.
#[derive(Debug, Decode)]
pub(crate) struct FsRangeParams {
    pub(crate) path: String,
    #[serde(default)]
    #[decode(with = Reader::by_serde)]
    pub(crate) offset: u64,
    #[serde(default)]
    #[decode(with = Reader::by_serde)]
    pub(crate) length: Option<u64>,
}

/// One SQL statement for the database of a session.
#[derive(Clone, Debug, PartialEq, Decode)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct SqlStatement {
    /// The text of the statement, in SQLite's dialect.
    pub query: String,
    /// The kind of result that the CLI expects.
    #[serde(rename = "queryType")]
    pub kind: SqlKind,
    /// The parameters of the statement, by their name in it.
    #[serde(default)]
    pub params: serde_json::Map<String, serde_json::Value>,
}

/// The parameters of `sessionFs.sqliteTransaction`.
#[derive(Debug, Decode)]
pub(crate) struct SqlTransactionParams {
    pub(crate) statements: Vec<SqlStatement>,
}

/// The result of an SQL statement.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SqlRows {
    /// The rows of a query, as objects.
    pub rows: Vec<serde_json::Map<String, serde_json::Value>>,
    /// The names of the columns of a query.
    pub columns: Vec<String>,
    /// The number of rows that the statement changed.
    pub rows_affected: u64,
    /// The id of the row that was inserted last; `None` where there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_insert_rowid: Option<i64>,
}

/// A failure, as a part of a result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct FsFailure {
    pub(crate) code: FsErrorCode,
    pub(crate) message: String,
}

/// A failed transaction, as a part of its result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SqlFailure {
    pub(crate) error_class: SqlErrorClass,
    pub(crate) message: String,
}

/// The response to `stat`. Times are in milliseconds since 1970, and are written as text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FsStatResponse {
    pub(crate) is_file: bool,
    pub(crate) is_directory: bool,
    pub(crate) size: u64,
    #[serde(serialize_with = "date_time")]
    pub(crate) mtime: i64,
    #[serde(serialize_with = "date_time")]
    pub(crate) birthtime: i64,
}

/// One entry of `readdirWithTypes`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct FsTypedEntry {
    pub(crate) name: String,
    #[serde(rename = "type")]
    pub(crate) kind: FsKind,
}

/// The result of an operation: its value, in the shape of its method, or the failure.
#[derive(Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub(crate) enum FsResponse {
    /// Of methods that only do something: nothing, or the failure itself.
    Done(Option<FsFailure>),
    Exists {
        exists: bool,
    },
    Content {
        content: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<FsFailure>,
    },
    #[serde(rename_all = "camelCase")]
    Range {
        content: String,
        byte_length: usize,
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<FsFailure>,
    },
    Stat {
        #[serde(flatten)]
        stat: FsStatResponse,
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<FsFailure>,
    },
    Names {
        entries: Vec<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<FsFailure>,
    },
    Entries {
        entries: Vec<FsTypedEntry>,
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<FsFailure>,
    },
    Rows {
        #[serde(flatten)]
        rows: SqlRows,
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<FsFailure>,
    },
    Transaction {
        results: Vec<SqlRows>,
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<SqlFailure>,
    },
}

impl FsResponse {
    pub(crate) fn bytes(bytes: &[u8]) -> Self {
        Self::Content { content: base64::encode(bytes), error: None }
    }

    pub(crate) fn range(bytes: &[u8]) -> Self {
        Self::Range { content: base64::encode(bytes), byte_length: bytes.len(), error: None }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature is serde's")]
fn date_time<S: Serializer>(milliseconds: &i64, serializer: S) -> Result<S::Ok, S::Error> {
    let (days, of_day) = (milliseconds.div_euclid(86_400_000), milliseconds.rem_euclid(86_400_000));
    let (year, month, day) = date(days);
    let (hour, minute) = (of_day / 3_600_000, of_day / 60_000 % 60);
    let (second, milli) = (of_day / 1000 % 60, of_day % 1000);
    serializer.collect_str(&format_args!(
        "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z"
    ))
}

/// The Gregorian date so many days after 1970-01-01. The year is taken to begin in March, so that the leap day is its
/// last, and time is counted in the 146,097 days of 400 years, which repeat.
fn date(days: i64) -> (i64, i64, i64) {
    let from_march_of_year_0 = days + 719_468;
    let cycle = from_march_of_year_0.div_euclid(146_097);
    let day = from_march_of_year_0.rem_euclid(146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (cycle * 400 + year + next, month, day)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::protocol::decode;

    #[test]
    fn the_provider_is_set_as_1_0_102_takes_it() {
        let params = SessionFsSetProviderParams {
            initial_cwd: "/workspace",
            session_state_path: "/session-state",
            conventions: &FsConventions::Posix,
            capabilities: FsCapabilities { sqlite: false, binary: true, read_file_range: true },
        };
        assert_eq!(
            serde_json::to_value(&params).unwrap(),
            json!({"initialCwd": "/workspace", "sessionStatePath": "/session-state", "conventions": "posix",
                   "capabilities": {"sqlite": false, "binary": true, "readFileRange": true}})
        );
    }

    #[test]
    fn operations_of_1_0_102_are_read() {
        let write =
            r#"{"sessionId": "s", "path": "/w/new.txt", "content": "hi\n", "mode": null, "later": 1}"#;
        let write: FsWriteParams = decode::answer(write).unwrap();
        assert_eq!((write.path.as_str(), write.content.as_str(), write.mode), ("/w/new.txt", "hi\n", None));
        let mkdir: FsMkdirParams =
            decode::answer(r#"{"path": "/s", "recursive": true, "mode": 448}"#).unwrap();
        assert_eq!((mkdir.recursive, mkdir.mode), (Some(true), Some(0o700)));
        let sql: SqlStatement =
            serde_json::from_str(r#"{"query": "SELECT 1", "queryType": "query", "params": null}"#).unwrap();
        assert_eq!((sql.kind, sql.params.len()), (SqlKind::Query, 0));
    }

    #[test]
    fn results_have_the_shape_of_their_method() {
        let missing = || FsFailure { code: FsErrorCode::NotFound, message: "no".into() };
        let error = json!({"code": "ENOENT", "message": "no"});
        for (result, wire) in [
            (FsResponse::Done(None), json!(null)),
            (FsResponse::Done(Some(missing())), error.clone()),
            (FsResponse::bytes(b"foo"), json!({"content": "Zm9v"})),
            (FsResponse::range(b"foo"), json!({"content": "Zm9v", "byteLength": 3})),
            (
                FsResponse::Stat {
                    stat: FsStatResponse {
                        is_file: true,
                        size: 3,
                        mtime: 1_767_225_600_123,
                        ..Default::default()
                    },
                    error: None,
                },
                json!({"isFile": true, "isDirectory": false, "size": 3, "mtime": "2026-01-01T00:00:00.123Z",
                       "birthtime": "1970-01-01T00:00:00.000Z"}),
            ),
            (
                FsResponse::Names { entries: Vec::new(), error: Some(missing()) },
                json!({"entries": [], "error": error}),
            ),
            (
                FsResponse::Entries {
                    entries: vec![FsTypedEntry { name: "a".into(), kind: FsKind::Directory }],
                    error: None,
                },
                json!({"entries": [{"name": "a", "type": "directory"}]}),
            ),
            (
                FsResponse::Rows { rows: SqlRows::default(), error: None },
                json!({"rows": [], "columns": [], "rowsAffected": 0}),
            ),
        ] {
            assert_eq!(serde_json::to_value(&result).unwrap(), wire, "{result:?}");
        }
    }

    #[test]
    fn days_are_dates() {
        for (days, expected) in [
            (0, (1970, 1, 1)),
            (-1, (1969, 12, 31)),
            (11_016, (2000, 2, 29)),
            (11_017, (2000, 3, 1)),
            (20_454, (2026, 1, 1)),
            (-25_509, (1900, 2, 28)),
            (-25_508, (1900, 3, 1)),
        ] {
            assert_eq!(date(days), expected, "{days}");
        }
    }
}
