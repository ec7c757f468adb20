//! Serves a file system: a request is read, waits for those of its session before it, and is answered.
//!
//! A failure is part of the result, in the shape of the method; a result without a place for it is an error of the
//! call.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::protocol::decode::DecodeOwned;
use futures_core::future::BoxFuture;
use serde_json::value::RawValue;

use super::queues::Queues;
use super::{FsError, FsLayout, FsMkdir, FsRange, FsRm, FsStat, FsWrite, SessionFs, SqlError};
use crate::contain::UserValue;
use crate::protocol::SessionId;
use crate::protocol::base64;
use crate::protocol::decode::{self, Decode};
use crate::protocol::session_fs::{
    FsCapabilities, FsFailure, FsKind, FsMkdirParams, FsPathParams, FsRangeParams, FsRenameParams,
    FsResponse, FsRmParams, FsStatResponse, FsTypedEntry, FsWriteParams, SessionFsSetProviderParams,
    SqlFailure, SqlRows, SqlStatement, SqlTransactionParams,
};
use crate::rpc::{INTERNAL_ERROR, INVALID_PARAMS, METHOD_NOT_FOUND, Responder};
use crate::task;

/// The program's file system, with the operations that wait for it.
pub(crate) struct FsService {
    layout: FsLayout,
    has_sqlite: bool,
    fs: Arc<dyn ErasedFs>,
    queues: Queues,
}

#[derive(Decode)]
#[serde(rename_all = "camelCase")]
struct OfSession {
    session_id: SessionId,
}

impl FsService {
    pub(crate) fn new(fs: impl SessionFs) -> Self {
        Self {
            layout: fs.layout(),
            has_sqlite: fs.has_sqlite(),
            fs: Arc::new(UserValue::new(fs)),
            queues: Queues::default(),
        }
    }

    pub(crate) fn params(&self) -> SessionFsSetProviderParams<'_> {
        SessionFsSetProviderParams {
            initial_cwd: &self.layout.initial_cwd,
            session_state_path: &self.layout.state_path,
            conventions: &self.layout.conventions,
            capabilities: FsCapabilities { sqlite: self.has_sqlite, binary: true, read_file_range: true },
        }
    }

    /// A request for `sessionFs.` and this operation.
    pub(crate) fn request(&self, name: &str, params: &RawValue, responder: Responder) {
        let read = decode::question::<OfSession>(params.get())
            .map_err(|error| error.to_string())
            .and_then(|of| Ok((of.session_id, Operation::read(name, params)?)));
        let (session, operation) = match read {
            Ok((session, Some(operation))) => (session, operation),
            Ok((_, None)) => {
                return responder.error(METHOD_NOT_FOUND, &format!("Unhandled method sessionFs.{name}"));
            }
            Err(error) => return responder.error(INVALID_PARAMS, &format!("sessionFs.{name}: {error}")),
        };
        let (fs, of) = (Arc::clone(&self.fs), session.clone());
        let job = Box::pin(async move {
            if responder.is_cancelled() {
                return;
            }
            // From here on the operation runs to its end, so that no file stays half written.
            let outcome = task::catch(fs.perform(&of, &operation)).await.unwrap_or_else(|panic| {
                tracing::error!(%panic, session = %of, ?operation, "the session file system panicked");
                Err(FsError::new(format!("the session file system panicked: {panic}")))
            });
            match outcome.or_else(|error| operation.failed(error)) {
                Ok(response) => responder.ok(&response),
                Err(error) => responder.error(INTERNAL_ERROR, &error.to_string()),
            }
        });
        if self.queues.push(&session, job).is_err() {
            // The responder in the job has said that there is no answer.
            tracing::error!(%session, "too many operations wait for the session file system");
        }
    }
}

/// One operation, as it was asked for.
enum Operation {
    ReadFile(String),
    ReadFileBytes(String),
    ReadFileRange(FsRangeParams),
    WriteFile(Write),
    AppendFile(Write),
    Exists(String),
    Stat(String),
    Mkdir(FsMkdirParams),
    Readdir(String),
    ReaddirWithTypes(String),
    Rm(FsRmParams),
    Rename(FsRenameParams),
    SqliteQuery(SqlStatement),
    SqliteTransaction(Vec<SqlStatement>),
    SqliteExists,
}

struct Write {
    path: String,
    content: Vec<u8>,
    mode: Option<u32>,
}

impl std::fmt::Debug for Operation {
    /// Writes the name and the path, without the content.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (name, path) = match self {
            Self::ReadFile(path) | Self::ReadFileBytes(path) => ("read_file", path.as_str()),
            Self::ReadFileRange(range) => ("read_file_range", range.path.as_str()),
            Self::WriteFile(write) => ("write_file", write.path.as_str()),
            Self::AppendFile(write) => ("append_file", write.path.as_str()),
            Self::Exists(path) => ("exists", path.as_str()),
            Self::Stat(path) => ("stat", path.as_str()),
            Self::Mkdir(mkdir) => ("mkdir", mkdir.path.as_str()),
            Self::Readdir(path) | Self::ReaddirWithTypes(path) => ("readdir", path.as_str()),
            Self::Rm(rm) => ("rm", rm.path.as_str()),
            Self::Rename(rename) => ("rename", rename.src.as_str()),
            Self::SqliteQuery(_) => ("sqlite_query", ""),
            Self::SqliteTransaction(_) => ("sqlite_transaction", ""),
            Self::SqliteExists => ("sqlite_exists", ""),
        };
        write!(f, "{name} {path}")
    }
}

impl Operation {
    /// Reads the parameters; `None` where the method is unknown.
    fn read(name: &str, params: &RawValue) -> Result<Option<Self>, String> {
        fn all<P: DecodeOwned>(params: &RawValue) -> Result<P, String> {
            decode::question(params.get()).map_err(|error| error.to_string())
        }
        let path = || all::<FsPathParams>(params).map(|params| params.path);
        let write = |bytes: bool| {
            let FsWriteParams { path, content, mode } = all(params)?;
            let content = match bytes {
                true => base64::decode(&content).ok_or("`content` is not base64")?,
                false => content.into_bytes(),
            };
            Ok::<_, String>(Write { path, content, mode })
        };
        Ok(Some(match name {
            "readFile" => Self::ReadFile(path()?),
            "readFileBytes" => Self::ReadFileBytes(path()?),
            "readFileRange" => Self::ReadFileRange(all(params)?),
            "writeFile" => Self::WriteFile(write(false)?),
            "writeFileBytes" => Self::WriteFile(write(true)?),
            "appendFile" => Self::AppendFile(write(false)?),
            "exists" => Self::Exists(path()?),
            "stat" => Self::Stat(path()?),
            "mkdir" => Self::Mkdir(all(params)?),
            "readdir" => Self::Readdir(path()?),
            "readdirWithTypes" => Self::ReaddirWithTypes(path()?),
            "rm" => Self::Rm(all(params)?),
            "rename" => Self::Rename(all(params)?),
            "sqliteQuery" => Self::SqliteQuery(all(params)?),
            "sqliteTransaction" => Self::SqliteTransaction(all::<SqlTransactionParams>(params)?.statements),
            "sqliteExists" => Self::SqliteExists,
            _ => return Ok(None),
        }))
    }

    async fn perform(&self, fs: &impl SessionFs, session: &SessionId) -> Result<FsResponse, FsError> {
        let done = FsResponse::Done(None);
        Ok(match self {
            Self::ReadFile(path) => {
                let content = fs.read_file(session, path).await?;
                let content = String::from_utf8(content)
                    .map_err(|_| FsError::new(format!("{path} is not UTF-8 text")))?;
                FsResponse::Content { content, error: None }
            }
            Self::ReadFileBytes(path) => FsResponse::bytes(&fs.read_file(session, path).await?),
            Self::ReadFileRange(FsRangeParams { path, offset, length }) => {
                let range = FsRange { path, offset: *offset, length: *length };
                FsResponse::range(&fs.read_file_range(session, range).await?)
            }
            Self::WriteFile(Write { path, content, mode }) => {
                fs.write_file(session, FsWrite { path, content, mode: *mode }).await?;
                done
            }
            Self::AppendFile(Write { path, content, mode }) => {
                fs.append_file(session, FsWrite { path, content, mode: *mode }).await?;
                done
            }
            Self::Exists(path) => FsResponse::Exists { exists: fs.exists(session, path).await? },
            Self::Stat(path) => {
                FsResponse::Stat { stat: on_the_wire(&fs.stat(session, path).await?), error: None }
            }
            Self::Mkdir(FsMkdirParams { path, recursive, mode }) => {
                let recursive = recursive.unwrap_or_default();
                fs.mkdir(session, FsMkdir { path, recursive, mode: *mode }).await?;
                done
            }
            Self::Readdir(path) => {
                let entries = fs.readdir(session, path).await?;
                FsResponse::Names {
                    entries: entries.into_iter().map(|entry| entry.name).collect(),
                    error: None,
                }
            }
            Self::ReaddirWithTypes(path) => {
                let entries = fs.readdir(session, path).await?.into_iter();
                let entries = entries.map(|entry| FsTypedEntry { name: entry.name, kind: entry.kind });
                FsResponse::Entries { entries: entries.collect(), error: None }
            }
            Self::Rm(FsRmParams { path, recursive, force }) => {
                let (recursive, force) = (recursive.unwrap_or_default(), force.unwrap_or_default());
                fs.rm(session, FsRm { path, recursive, force }).await?;
                done
            }
            Self::Rename(FsRenameParams { src, dest }) => {
                fs.rename(session, src, dest).await?;
                done
            }
            Self::SqliteQuery(statement) => {
                FsResponse::Rows { rows: fs.sqlite_query(session, statement).await?, error: None }
            }
            Self::SqliteTransaction(statements) => match fs.sqlite_transaction(session, statements).await {
                Ok(results) => FsResponse::Transaction { results, error: None },
                Err(error) => transaction_failed(error),
            },
            Self::SqliteExists => FsResponse::Exists { exists: fs.sqlite_exists(session).await? },
        })
    }

    /// The failure, as a part of the result; or itself, where that has no place for it.
    fn failed(&self, error: FsError) -> Result<FsResponse, FsError> {
        let FsError { code, message } = error;
        let error = Some(FsFailure { code: code.clone(), message: message.clone() });
        Ok(match self {
            Self::ReadFile(_) | Self::ReadFileBytes(_) => {
                FsResponse::Content { content: String::new(), error }
            }
            Self::ReadFileRange(_) => FsResponse::Range { content: String::new(), byte_length: 0, error },
            Self::WriteFile(_) | Self::AppendFile(_) | Self::Mkdir(_) | Self::Rm(_) | Self::Rename(_) => {
                FsResponse::Done(error)
            }
            Self::Stat(_) => FsResponse::Stat { stat: FsStatResponse::default(), error },
            Self::Readdir(_) => FsResponse::Names { entries: Vec::new(), error },
            Self::ReaddirWithTypes(_) => FsResponse::Entries { entries: Vec::new(), error },
            Self::SqliteQuery(_) => FsResponse::Rows { rows: SqlRows::default(), error },
            Self::SqliteTransaction(_) => transaction_failed(SqlError::fatal(message)),
            Self::Exists(_) | Self::SqliteExists => return Err(FsError { code, message }),
        })
    }
}

fn transaction_failed(error: SqlError) -> FsResponse {
    let SqlError { class: error_class, message } = error;
    FsResponse::Transaction { results: Vec::new(), error: Some(SqlFailure { error_class, message }) }
}

fn on_the_wire(stat: &FsStat) -> FsStatResponse {
    FsStatResponse {
        is_file: stat.kind == FsKind::File,
        is_directory: stat.kind == FsKind::Directory,
        size: stat.size,
        mtime: milliseconds(stat.modified),
        birthtime: milliseconds(stat.created),
    }
}

fn milliseconds(time: SystemTime) -> i64 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_millis()).map_or(i64::MIN, |count| -count),
    }
}

/// A file system of any type.
trait ErasedFs: Send + Sync {
    fn perform<'a>(
        &'a self,
        session: &'a SessionId,
        operation: &'a Operation,
    ) -> BoxFuture<'a, Result<FsResponse, FsError>>;
}

impl<F: SessionFs> ErasedFs for UserValue<F> {
    fn perform<'a>(
        &'a self,
        session: &'a SessionId,
        operation: &'a Operation,
    ) -> BoxFuture<'a, Result<FsResponse, FsError>> {
        Box::pin(operation.perform(&**self, session))
    }
}
