//! The databases of sessions in memory.
//!
//! The statements are the agent's, so a database reaches no file: nothing can be attached, extensions are off, and a
//! `PRAGMA` may set only what [`SETTABLE`] lists. A statement has a limited time and the database a limited size.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::limits::Limit;
use rusqlite::types::{Value as SqlValue, ValueRef};
use rusqlite::{Connection, ErrorCode, Row, Statement};
use serde_json::{Map, Value};

use super::{FsError, SqlError, SqlErrorClass, SqlKind, SqlRows, SqlStatement};
use crate::protocol::SessionId;
use crate::protocol::base64;
use crate::task::lock;

/// The longest time of a request.
const TIME: Duration = Duration::from_secs(30);

/// The number of steps of the database between two looks at the clock. A step may call a function on long values.
const STEPS: i32 = 1_000;

/// The largest number of pages of a database, of 4 KiB each: 256 MiB.
const PAGES: i64 = 65_536;

/// The same for the temporary tables of a session, in memory too: 64 MiB.
const TEMP_PAGES: i64 = 16_384;

/// The longest value, row and statement, in bytes: 1 MiB. The clock is not looked at while a function runs, nor between
/// the functions of one row.
const VALUE: i32 = 1 << 20;

/// The longest pattern of `LIKE` and `GLOB`, in bytes. The time of a comparison is that of its product with the value.
const PATTERN: i32 = 1_000;

/// The largest result of a statement, in bytes: 64 MiB.
const RESULT: usize = 64 << 20;

/// Each `PRAGMA` that may have a value: the questions about the schema, and the settings that concern only the database
/// of the session. Others lift the limits of the database, name files, or apply to the whole process.
const SETTABLE: &[&str] = &[
    "analysis_limit",
    "application_id",
    "auto_vacuum",
    "busy_timeout",
    "case_sensitive_like",
    "defer_foreign_keys",
    "encoding",
    "foreign_key_check",
    "foreign_key_list",
    "foreign_keys",
    "ignore_check_constraints",
    "incremental_vacuum",
    "index_info",
    "index_list",
    "index_xinfo",
    "integrity_check",
    "journal_mode",
    "optimize",
    "quick_check",
    "recursive_triggers",
    "synchronous",
    "table_info",
    "table_list",
    "table_xinfo",
    "user_version",
];

/// The databases, by session. A database is created by the first statement.
#[derive(Clone, Default)]
pub(super) struct Databases(Arc<Mutex<HashMap<SessionId, Database>>>);

type Database = Arc<Mutex<Connection>>;

impl fmt::Debug for Databases {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Databases")
    }
}

impl Databases {
    /// Runs a statement.
    pub(super) async fn query(
        &self,
        session: &SessionId,
        statement: &SqlStatement,
    ) -> Result<SqlRows, FsError> {
        let statement = statement.clone();
        self.run(session, move |database| perform(database, &statement))
            .await
            .and_then(|outcome| outcome)
            .map_err(|error| FsError::new(message(&error)))
    }

    /// Runs several statements, all of them or none.
    pub(super) async fn transaction(
        &self,
        session: &SessionId,
        statements: &[SqlStatement],
    ) -> Result<Vec<SqlRows>, SqlError> {
        let statements = statements.to_vec();
        let outcome = self.run(session, move |database| {
            // Rolled back when it is dropped before its end.
            let transaction = database.unchecked_transaction()?;
            let rows = statements
                .iter()
                .map(|statement| perform(&transaction, statement))
                .collect::<Result<_, _>>()?;
            transaction.commit()?;
            Ok(rows)
        });
        outcome
            .await
            .and_then(|outcome| outcome)
            .map_err(|error| SqlError::new(class(&error), message(&error)))
    }

    pub(super) fn exists(&self, session: &SessionId) -> bool {
        lock(&self.0).contains_key(session)
    }

    pub(super) fn remove(&self, session: &SessionId) {
        drop(lock(&self.0).remove(session));
    }

    /// Runs blocking code on a session's database, away from the threads of the runtime.
    async fn run<T: Send + 'static>(
        &self,
        session: &SessionId,
        act: impl FnOnce(&Connection) -> T + Send + 'static,
    ) -> Result<T, rusqlite::Error> {
        let database = self.of(session)?;
        let work = move || {
            let database = lock(&database);
            let begun = Instant::now();
            database.progress_handler(STEPS, Some(move || begun.elapsed() > TIME))?;
            Ok(act(&database))
        };
        tokio::task::spawn_blocking(work).await.unwrap_or_else(|failed| match failed.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime is gone, and with it the caller.
            Err(_) => Err(rusqlite::Error::SqliteFailure(
                rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_INTERRUPT),
                Some("the runtime is shutting down".to_owned()),
            )),
        })
    }

    fn of(&self, session: &SessionId) -> Result<Database, rusqlite::Error> {
        let mut databases = lock(&self.0);
        if let Some(database) = databases.get(session) {
            return Ok(Arc::clone(database));
        }
        let database = Arc::new(Mutex::new(open()?));
        databases.insert(session.clone(), Arc::clone(&database));
        Ok(database)
    }
}

/// Opens an empty database.
fn open() -> Result<Connection, rusqlite::Error> {
    let database = Connection::open_in_memory()?;
    database.pragma_update(None, "temp_store", "MEMORY")?;
    database.pragma_update(Some("main"), "max_page_count", PAGES)?;
    database.pragma_update(Some("temp"), "max_page_count", TEMP_PAGES)?;
    database.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
    database.set_limit(Limit::SQLITE_LIMIT_LENGTH, VALUE)?;
    database.set_limit(Limit::SQLITE_LIMIT_SQL_LENGTH, VALUE)?;
    database.set_limit(Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, PATTERN)?;
    // The schema cannot be written as a table, and `journal_mode` not be `OFF`.
    database.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    super::sql_functions::add(&database, VALUE as usize)?;
    database.authorizer(Some(authorize))?;
    Ok(database)
}

/// Decides about a part of a statement before the statement runs.
fn authorize(context: AuthContext<'_>) -> Authorization {
    match context.action {
        AuthAction::Pragma { pragma_name, pragma_value: Some(_) }
            if !SETTABLE.iter().any(|name| pragma_name.eq_ignore_ascii_case(name)) =>
        {
            Authorization::Deny
        }
        // Take quadratic time.
        AuthAction::Function { function_name: "unhex" | "json_patch" | "jsonb_patch" } => Authorization::Deny,
        _ => Authorization::Allow,
    }
}

fn perform(database: &Connection, statement: &SqlStatement) -> Result<SqlRows, rusqlite::Error> {
    if statement.kind == SqlKind::Exec {
        database.execute_batch(&statement.query)?;
        return Ok(SqlRows::default());
    }
    let before = database.total_changes();
    let mut prepared = database.prepare(&statement.query)?;
    bind(&mut prepared, &statement.params)?;
    let columns: Vec<String> = prepared.column_names().into_iter().map(str::to_owned).collect();
    let mut found = prepared.raw_query();
    let (mut rows, mut size) = (Vec::new(), 0);
    while let Some(row) = found.next()? {
        let row = object(row, &columns)?;
        size += row.iter().map(|(name, value)| name.len() + size_of_value(value)).sum::<usize>();
        if size > RESULT {
            return Err(too_large());
        }
        rows.push(row);
    }
    drop(found);
    let rows_affected = database.total_changes() - before;
    let last_insert_rowid = (rows_affected > 0).then(|| database.last_insert_rowid());
    Ok(SqlRows { rows, columns, rows_affected, last_insert_rowid })
}

/// Returns the approximate size of a value in memory.
fn size_of_value(value: &Value) -> usize {
    size_of::<Value>() + value.as_str().map_or(0, str::len)
}

fn too_large() -> rusqlite::Error {
    let message = format!("the result has more than {RESULT} bytes; select fewer rows, as with LIMIT");
    rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_TOOBIG), Some(message))
}

/// Sets the parameters. A name stands in the statement after `:`, `@` or `$`, which the CLI may leave out.
fn bind(statement: &mut Statement<'_>, params: &Map<String, Value>) -> Result<(), rusqlite::Error> {
    for (name, value) in params {
        let forms = [name.clone(), format!(":{name}"), format!("@{name}"), format!("${name}")];
        let mut index = None;
        for form in forms {
            index = index.or(statement.parameter_index(&form)?);
        }
        let index = index.ok_or_else(|| rusqlite::Error::InvalidParameterName(name.clone()))?;
        statement.raw_bind_parameter(index, sql_value(value))?;
    }
    Ok(())
}

fn sql_value(value: &Value) -> SqlValue {
    match value {
        Value::Null => SqlValue::Null,
        Value::Bool(on) => SqlValue::Integer((*on).into()),
        Value::Number(number) => match number.as_i64() {
            Some(integer) => SqlValue::Integer(integer),
            None => number.as_f64().map_or(SqlValue::Null, SqlValue::Real),
        },
        Value::String(text) => SqlValue::Text(text.clone()),
        Value::Array(_) | Value::Object(_) => SqlValue::Text(value.to_string()),
    }
}

fn object(row: &Row<'_>, columns: &[String]) -> Result<Map<String, Value>, rusqlite::Error> {
    let member = |(index, name): (usize, &String)| {
        let value = match row.get_ref(index)? {
            ValueRef::Null => Value::Null,
            ValueRef::Integer(integer) => integer.into(),
            ValueRef::Real(real) => real.into(),
            ValueRef::Text(text) => String::from_utf8_lossy(text).into(),
            ValueRef::Blob(bytes) => base64::encode(bytes).into(),
        };
        Ok((name.clone(), value))
    };
    columns.iter().enumerate().map(member).collect()
}

fn message(error: &rusqlite::Error) -> String {
    match error.sqlite_error_code() {
        Some(ErrorCode::AuthorizationForStatementDenied) if !error.to_string().contains("function") => {
            format!("{error}: of PRAGMA, only these may have a value: {}", SETTABLE.join(", "))
        }
        _ => error.to_string(),
    }
}

fn class(error: &rusqlite::Error) -> SqlErrorClass {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => SqlErrorClass::BusyOrLocked,
        _ => SqlErrorClass::Fatal,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn statement(kind: SqlKind, query: &str, params: Value) -> SqlStatement {
        let Value::Object(params) = params else { panic!("{params}") };
        SqlStatement { query: query.to_owned(), kind, params }
    }

    #[tokio::test]
    async fn statements_run_in_the_database_of_their_session() {
        let databases = Databases::default();
        let (one, two) = (SessionId::from("one"), SessionId::from("two"));
        assert!(!databases.exists(&one));
        let create = statement(
            SqlKind::Exec,
            "CREATE TABLE t (a INTEGER, b); INSERT INTO t VALUES (1, NULL)",
            json!({}),
        );
        assert_eq!(databases.query(&one, &create).await.unwrap(), SqlRows::default());
        let insert = statement(
            SqlKind::Run,
            "INSERT INTO t VALUES (:a, $b), (2, x'00ff')",
            json!({"a": 7, "$b": "text"}),
        );
        let inserted = databases.query(&one, &insert).await.unwrap();
        assert_eq!((inserted.rows_affected, inserted.last_insert_rowid), (2, Some(3)));
        let select = statement(SqlKind::Query, "SELECT a, b, a / 2.0 AS c FROM t ORDER BY rowid", json!({}));
        let found = databases.query(&one, &select).await.unwrap();
        assert_eq!((found.columns.join(" "), found.rows_affected), ("a b c".to_owned(), 0));
        assert_eq!(
            json!(found.rows),
            json!([{"a": 1, "b": null, "c": 0.5}, {"a": 7, "b": "text", "c": 3.5},
                   {"a": 2, "b": "AP8=", "c": 1.0}])
        );
        let missing = databases.query(&two, &select).await.unwrap_err();
        assert!(missing.to_string().contains("no such table"), "{missing}");
        let unknown = statement(SqlKind::Query, "SELECT :a", json!({"b": 1}));
        assert!(databases.query(&one, &unknown).await.unwrap_err().to_string().contains('b'));
        databases.remove(&one);
        assert!(databases.query(&one, &select).await.is_err());
    }

    #[tokio::test]
    async fn a_transaction_runs_whole_or_not_at_all() {
        let databases = Databases::default();
        let session = SessionId::from("s");
        let run = |query: &str| statement(SqlKind::Run, query, json!({}));
        let (create, insert) = (run("CREATE TABLE t (a UNIQUE)"), run("INSERT INTO t VALUES (1)"));
        let rows = databases.transaction(&session, &[create, insert.clone()]).await.unwrap();
        assert_eq!(rows[1].rows_affected, 1);
        let failed = databases.transaction(&session, &[run("INSERT INTO t VALUES (2)"), insert]).await;
        assert_eq!(failed.unwrap_err().class(), &SqlErrorClass::Fatal);
        let count = statement(SqlKind::Query, "SELECT count(*) AS n FROM t", json!({}));
        assert_eq!(json!(databases.query(&session, &count).await.unwrap().rows), json!([{"n": 1}]));
    }

    #[tokio::test]
    async fn no_statement_reaches_a_file_or_fills_the_memory() {
        let databases = Databases::default();
        let (session, other) = (SessionId::from("s"), SessionId::from("t"));
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("made.db");
        let (path, directory_path) = (path.display(), directory.path().display());
        for query in [
            format!("ATTACH DATABASE '{path}' AS other"),
            format!("VACUUM INTO '{path}'"),
            format!("SELECT load_extension('{path}')"),
            "PRAGMA temp_store = FILE".to_owned(),
            format!("PRAGMA temp_store_directory = '{directory_path}'"),
            "PRAGMA hard_heap_limit = 1000000".to_owned(),
            "PRAGMA soft_heap_limit(1000000)".to_owned(),
            "pragma Main.Max_Page_Count = 1000000".to_owned(),
            "PRAGMA temp.max_page_count = 1000000".to_owned(),
            "PRAGMA page_size = 65536".to_owned(),
            "PRAGMA writable_schema = ON".to_owned(),
        ] {
            let run = statement(SqlKind::Run, &query, json!({}));
            assert!(databases.query(&session, &run).await.is_err(), "{query}");
        }
        let heap = statement(SqlKind::Exec, "SELECT 1; PRAGMA hard_heap_limit = 1000000", json!({}));
        let denied = databases.query(&session, &heap).await.unwrap_err();
        assert!(denied.to_string().contains("only these may have a value: "), "{denied}");
        let many = |value: &str| {
            format!(
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400) \
                 SELECT {value} FROM n"
            )
        };
        let blobs = many("zeroblob(1000000)");
        for table in ["TABLE", "TEMP TABLE"] {
            let large = statement(SqlKind::Run, &format!("CREATE {table} t AS {blobs}"), json!({}));
            let full = databases.query(&session, &large).await.unwrap_err();
            assert!(full.to_string().contains("full"), "{full}");
        }
        let rows = statement(SqlKind::Query, &many("hex(zeroblob(500000))"), json!({}));
        let many = databases.query(&session, &rows).await.unwrap_err();
        assert!(many.to_string().contains("LIMIT"), "{many}");
        let long = statement(SqlKind::Query, "SELECT zeroblob(100000000)", json!({}));
        assert!(databases.query(&session, &long).await.unwrap_err().to_string().contains("too big"));
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);

        let fill = "CREATE TABLE t AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9) \
                    SELECT zeroblob(1000000) AS b FROM n";
        databases.query(&other, &statement(SqlKind::Run, fill, json!({}))).await.unwrap();
        let sum = statement(SqlKind::Query, "SELECT sum(length(b)) AS n FROM t", json!({}));
        assert_eq!(json!(databases.query(&other, &sum).await.unwrap().rows), json!([{"n": 9_000_000}]));
    }

    #[tokio::test]
    async fn the_usual_settings_and_the_schema_are_in_reach() {
        let databases = Databases::default();
        let session = SessionId::from("s");
        let setup = "PRAGMA journal_mode = WAL; PRAGMA foreign_keys = ON; PRAGMA user_version = 7;
                     CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT);
                     ALTER TABLE t ADD COLUMN c INTEGER CHECK (c > 0);
                     CREATE VIRTUAL TABLE words USING fts5(text); INSERT INTO words VALUES ('one two');
                     PRAGMA integrity_check; PRAGMA optimize";
        databases.query(&session, &statement(SqlKind::Exec, setup, json!({}))).await.unwrap();
        for (query, rows) in [
            ("PRAGMA user_version", json!([{"user_version": 7}])),
            ("PRAGMA page_size", json!([{"page_size": 4096}])),
            ("SELECT name FROM pragma_table_info('t')", json!([{"name": "a"}, {"name": "b"}, {"name": "c"}])),
            ("SELECT text FROM words WHERE words MATCH 'two'", json!([{"text": "one two"}])),
        ] {
            let found = databases.query(&session, &statement(SqlKind::Query, query, json!({}))).await;
            assert_eq!(json!(found.unwrap().rows), rows, "{query}");
        }
    }

    #[tokio::test]
    async fn a_function_on_long_values_does_not_run_for_hours() {
        let databases = Databases::default();
        let begun = Instant::now();
        let query = async |query: &str| {
            let statement = statement(SqlKind::Query, query, json!({}));
            databases.query(&SessionId::from("s"), &statement).await
        };
        let refused = query(
            "SELECT instr(replace(hex(zeroblob(800000)), '0', 'a'), replace(hex(zeroblob(400000)), '0', 'a') || 'b')",
        );
        assert!(refused.await.unwrap_err().to_string().contains("too big"));
        let longest = "WITH v(a, b) AS (SELECT hex(zeroblob(500000)), hex(zeroblob(250000)) || 'b')";
        for call in
            ["instr(a, b)", "length(replace(a, b, 'c'))", "length(trim(a, replace(b, '0', 'b') || '0'))"]
        {
            query(&format!("{longest} SELECT {call} FROM v")).await.unwrap();
        }
        assert!(query(&format!("{longest} SELECT a LIKE '%' || b FROM v")).await.is_err());
        for denied in ["unhex('61', ' ')", "json_patch('{}', '{}')", "jsonb_patch('{}', '{}')"] {
            let error = query(&format!("SELECT {denied}")).await.unwrap_err().to_string();
            assert!(error.contains("not authorized to use function") && !error.contains("PRAGMA"), "{error}");
        }
        assert!(begun.elapsed() < Duration::from_secs(5));
    }

    #[test]
    fn a_statement_without_an_end_is_interrupted() {
        let database = open().unwrap();
        let begun = Instant::now();
        database.progress_handler(STEPS, Some(move || begun.elapsed() > Duration::from_millis(20))).unwrap();
        let endless =
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
        let stopped = perform(&database, &statement(SqlKind::Query, endless, json!({}))).unwrap_err();
        assert_eq!(stopped.sqlite_error_code(), Some(ErrorCode::OperationInterrupted));
        assert_eq!(class(&stopped), SqlErrorClass::Fatal);
    }
}
