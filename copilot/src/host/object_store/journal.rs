//! The log of one session in a store: numbered records, each created once and never replaced.
//!
//! The number is the fence. A process that holds the session writes the next number; one that has taken the
//! session over has written that number already, and every store creates an object only where there is none.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_core::Stream;
use futures_core::stream::BoxStream;
use object_store::path::Path;
use object_store::{Error as StoreError, GetOptions, ObjectMeta, ObjectStore, PutMode, PutOptions};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::error::BucketError;
use super::record::Record;

/// How many records are read concurrently.
const READS: usize = 16;

/// The bytes that a store transfers in a second, at least.
const RATE: u64 = 1024 * 1024;

/// Returns the time that is granted to the transfer of this many bytes.
pub(super) fn transfer(bytes: u64) -> Duration {
    Duration::from_micros(bytes.saturating_mul(1_000_000) / RATE)
}

/// The outcome of the creation of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Created {
    /// The record stands, whatever the first answer was.
    Ours,
    /// Another record has this number.
    Taken,
}

/// The objects of one session.
#[derive(Clone, Debug)]
pub(super) struct Journal {
    store: Arc<dyn ObjectStore>,
    root: Path,
    patience: Duration,
}

impl Journal {
    /// `root` is the session's folder; a request that takes longer than `patience` and the
    /// [transfer](transfer()) of its object fails.
    pub(super) fn new(store: Arc<dyn ObjectStore>, root: Path, patience: Duration) -> Self {
        Self { store, root, patience }
    }

    fn log(&self) -> Path {
        self.root.clone().join("log")
    }

    fn path(&self, number: u64) -> Path {
        self.log().join(format!("{number:016}"))
    }

    fn beat_path(&self) -> Path {
        self.root.clone().join("beat")
    }

    /// Waits for a request without an object, or with a small one.
    async fn within<T>(
        &self,
        request: impl Future<Output = object_store::Result<T>>,
    ) -> Result<T, StoreError> {
        self.within_for(0, request).await
    }

    /// Waits for a request that transfers this many bytes.
    async fn within_for<T>(
        &self,
        bytes: u64,
        request: impl Future<Output = object_store::Result<T>>,
    ) -> Result<T, StoreError> {
        let patience = self.patience.saturating_add(transfer(bytes));
        timeout(patience, request).await.unwrap_or_else(|_| {
            let source = format!("no answer within {patience:?}").into();
            Err(StoreError::Generic { store: "object store", source })
        })
    }

    /// Returns the numbers of the log, with the sizes of their objects.
    pub(super) async fn list(&self) -> Result<BTreeMap<u64, u64>, BucketError> {
        let mut listed = BTreeMap::new();
        let mut objects = self.store.list(Some(&self.log()));
        while let Some(object) = self.within(next(&mut objects)).await? {
            if let Some(number) = number(&object.location) {
                listed.insert(number, object.size);
            }
        }
        Ok(listed)
    }

    /// Reads an object, in the time of this many bytes.
    async fn get(&self, path: &Path, bytes: u64) -> Result<Option<Bytes>, StoreError> {
        let object = async { self.store.get_opts(path, GetOptions::default()).await?.bytes().await };
        match self.within_for(bytes, object).await {
            Ok(object) => Ok(Some(object)),
            Err(StoreError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Returns a record; `None` where there is none of this number. It is read in the time of this many
    /// bytes.
    pub(super) async fn read(&self, number: u64, bytes: u64) -> Result<Option<Record>, BucketError> {
        let path = self.path(number);
        let Some(object) = self.get(&path, bytes).await? else { return Ok(None) };
        Record::decode(&object).map(Some).map_err(|reason| BucketError::corrupt(&path, &reason))
    }

    /// The error of a record that does not fit to those before it.
    pub(super) fn corrupt(&self, number: u64, reason: &str) -> BucketError {
        BucketError::corrupt(&self.path(number), reason)
    }

    /// Returns the records of these numbers, in order. A missing one is an error. Each is read in the time of
    /// `bytes`, the length of all of them, which share the way to the store.
    pub(super) async fn read_all(
        &self,
        mut numbers: impl Iterator<Item = u64>,
        bytes: u64,
    ) -> Result<Vec<Record>, BucketError> {
        let (mut reads, mut records) = (JoinSet::new(), BTreeMap::new());
        loop {
            while reads.len() < READS
                && let Some(number) = numbers.next()
            {
                let this = self.clone();
                reads.spawn(async move { (number, this.read(number, bytes).await) });
            }
            let Some(read) = reads.join_next().await else { break };
            let (number, record) = read.map_err(|failed| BucketError::store_message(failed.to_string()))?;
            let missing = || self.corrupt(number, "it is missing");
            records.insert(number, record?.ok_or_else(missing)?);
        }
        Ok(records.into_values().collect())
    }

    /// Whether there is a record of this number.
    pub(super) async fn exists(&self, number: u64) -> Result<bool, BucketError> {
        let path = self.path(number);
        match self.within(self.store.get_opts(&path, GetOptions::new().with_head(true))).await {
            Ok(_) => Ok(true),
            Err(StoreError::NotFound { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Creates a record, with repetitions for this time. Whatever the store answers, the record is read back
    /// before it counts as not written: the answer may be lost, or belong to a repetition. An error means
    /// that the outcome is unknown; only the same object may be created then.
    pub(super) async fn create(
        &self,
        number: u64,
        object: &Bytes,
        time: Duration,
    ) -> Result<Created, BucketError> {
        let (started, mut pause) = (Instant::now(), Duration::from_millis(50));
        loop {
            match self.try_create(number, object).await {
                Err(error) if started.elapsed() + pause < time && !is_final(&error) => {
                    tracing::debug!(%error, log = %self.root, number, "a record is written again");
                    sleep(pause).await;
                    pause = (pause * 2).min(Duration::from_secs(2));
                }
                outcome => return Ok(outcome?),
            }
        }
    }

    async fn try_create(&self, number: u64, object: &Bytes) -> Result<Created, StoreError> {
        let (path, bytes) = (self.path(number), object.len() as u64);
        let put = self.store.put_opts(&path, object.clone().into(), PutMode::Create.into());
        let Err(error) = self.within_for(bytes, put).await else { return Ok(Created::Ours) };
        match self.get(&path, bytes).await {
            Ok(Some(found)) if found == *object => Ok(Created::Ours),
            Ok(Some(_)) => Ok(Created::Taken),
            Ok(None) | Err(_) => Err(error),
        }
    }

    /// Shows that the holder lives, by an object that is replaced. It is a sign only; nothing relies on it to
    /// be true.
    pub(super) async fn beat(&self, sign: String) -> Result<(), BucketError> {
        let path = self.beat_path();
        self.within(self.store.put_opts(&path, sign.into(), PutOptions::default())).await?;
        Ok(())
    }

    /// Returns the last sign of life.
    pub(super) async fn last_beat(&self) -> Result<Option<Bytes>, BucketError> {
        Ok(self.get(&self.beat_path(), 0).await?)
    }

    /// Removes records; one that is not there is not an error.
    pub(super) async fn remove(&self, numbers: Vec<u64>) -> Result<(), BucketError> {
        let paths: Vec<_> = numbers.into_iter().map(|number| self.path(number)).collect();
        self.remove_paths(paths).await
    }

    /// Removes the sign of life.
    pub(super) async fn remove_beat(&self) -> Result<(), BucketError> {
        self.remove_paths(vec![self.beat_path()]).await
    }

    async fn remove_paths(&self, paths: Vec<Path>) -> Result<(), BucketError> {
        let mut removed = self.store.delete_stream(Box::pin(Each(paths.into_iter())));
        let mut failed = None;
        loop {
            match self.within(next(&mut removed)).await {
                Ok(Some(_)) | Err(StoreError::NotFound { .. }) => {}
                Ok(None) => break,
                Err(error) => {
                    failed = Some(error);
                    break;
                }
            }
        }
        failed.map_or(Ok(()), |error| Err(error.into()))
    }
}

/// Whether a repetition of the request would not help.
fn is_final(error: &StoreError) -> bool {
    matches!(
        error,
        StoreError::NotImplemented { .. }
            | StoreError::NotSupported { .. }
            | StoreError::PermissionDenied { .. }
            | StoreError::Unauthenticated { .. }
    )
}

/// The number of a record, from its path.
pub(super) fn number(path: &Path) -> Option<u64> {
    path.filename()?.parse().ok()
}

/// The next item of a stream of results.
pub(super) async fn next<T>(
    stream: &mut BoxStream<'_, object_store::Result<T>>,
) -> object_store::Result<Option<T>> {
    poll_fn(|context| stream.as_mut().poll_next(context)).await.transpose()
}

/// Everything below a path, as the store lists it.
pub(super) fn below(
    store: &dyn ObjectStore,
    path: &Path,
) -> BoxStream<'static, object_store::Result<ObjectMeta>> {
    store.list(Some(path))
}

/// A stream of the items of a list.
struct Each(std::vec::IntoIter<Path>);

impl Stream for Each {
    type Item = object_store::Result<Path>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(self.0.next().map(Ok))
    }
}
