//! A store in memory that fails, delays, loses answers and counts.

use std::fmt;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use async_trait::async_trait;
use futures_core::Stream;
use futures_core::future::BoxFuture;
use futures_core::stream::BoxStream;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use tokio::sync::watch;

/// The fate of a request that writes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Fate {
    Done,
    /// It does not reach the store.
    Refused,
    /// The store cannot do it.
    NotImplemented,
    /// It is done, and its answer is lost.
    AnswerLost,
    /// It is done later, and its answer is lost.
    Late(Duration),
    /// It is done later, and answered then.
    Slow(Duration),
    /// It is done, and the process stops with it.
    Stops,
}

/// The way of one process to a store; those of several processes share the store.
#[derive(Clone)]
pub(super) struct Way {
    store: Arc<InMemory>,
    fates: Arc<Mutex<Vec<Fate>>>,
    paused: Arc<watch::Sender<bool>>,
    /// The bytes that an object transfers in a second; 0 for all.
    rate: Arc<AtomicU64>,
    pub(super) requests: Arc<AtomicUsize>,
}

impl Way {
    pub(super) fn to(store: &Arc<InMemory>) -> Self {
        let (store, paused) = (Arc::clone(store), Arc::new(watch::Sender::new(false)));
        Self { store, fates: Arc::default(), paused, rate: Arc::default(), requests: Arc::default() }
    }

    /// Sets what happens to the next writes of records; those after them are done, as are signs of life.
    pub(super) fn fates(&self, fates: impl IntoIterator<Item = Fate>) {
        let mut fates: Vec<_> = fates.into_iter().collect();
        fates.reverse();
        *self.fates.lock().unwrap() = fates;
    }

    /// Holds back all requests, as those of a process that is stopped.
    pub(super) fn pause(&self, paused: bool) {
        self.paused.send_replace(paused);
    }

    /// Sets the bytes that each object transfers in a second.
    pub(super) fn rate(&self, bytes: u64) {
        self.rate.store(bytes, Ordering::Relaxed);
    }

    async fn transfer(&self, bytes: u64) {
        match self.rate.load(Ordering::Relaxed) {
            0 => {}
            rate => tokio::time::sleep(Duration::from_micros(bytes * 1_000_000 / rate)).await,
        }
    }

    fn pass(&self) -> BoxFuture<'static, ()> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let mut paused = self.paused.subscribe();
        Box::pin(async move {
            let _ = paused.wait_for(|paused| !paused).await;
        })
    }
}

type Start = Box<dyn FnOnce() -> BoxStream<'static, Result<ObjectMeta>> + Send>;

/// A list that begins when its request passes.
enum Listing {
    Waits(BoxFuture<'static, ()>, Option<Start>),
    Runs(BoxStream<'static, Result<ObjectMeta>>),
}

impl Stream for Listing {
    type Item = Result<ObjectMeta>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Self::Waits(pass, start) = &mut *self {
            ready!(pass.as_mut().poll(context));
            let start = start.take().unwrap();
            *self = Self::Runs(start());
        }
        let Self::Runs(objects) = &mut *self else { unreachable!("it has passed") };
        objects.as_mut().poll_next(context)
    }
}

fn lost() -> Error {
    Error::Generic { store: "test", source: "the connection was cut".into() }
}

#[async_trait]
impl ObjectStore for Way {
    async fn put_opts(&self, path: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        self.pass().await;
        self.transfer(payload.content_length() as u64).await;
        let is_record = super::super::journal::number(path).is_some();
        let fate = is_record.then(|| self.fates.lock().unwrap().pop()).flatten().unwrap_or(Fate::Done);
        match fate {
            Fate::Refused => Err(lost()),
            Fate::NotImplemented => {
                Err(Error::NotImplemented { operation: "a condition".into(), implementer: "a test".into() })
            }
            Fate::Done => self.store.put_opts(path, payload, options).await,
            Fate::Stops => {
                self.pause(true);
                self.store.put_opts(path, payload, options).await
            }
            Fate::Slow(delay) => {
                tokio::time::sleep(delay).await;
                self.store.put_opts(path, payload, options).await
            }
            Fate::AnswerLost => {
                // The answer of the store is lost.
                let _ = self.store.put_opts(path, payload, options).await;
                Err(lost())
            }
            Fate::Late(delay) => {
                let (store, path) = (Arc::clone(&self.store), path.clone());
                #[expect(clippy::disallowed_methods, reason = "a request that is under way has no owner")]
                tokio::spawn(async move {
                    tokio::time::sleep(delay).await;
                    let _ = store.put_opts(&path, payload, options).await;
                });
                Err(lost())
            }
        }
    }

    async fn put_multipart_opts(&self, _: &Path, _: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        unreachable!("records are put in one piece")
    }

    async fn get_opts(&self, path: &Path, options: GetOptions) -> Result<GetResult> {
        self.pass().await;
        let is_head = options.head;
        let found = self.store.get_opts(path, options).await?;
        self.transfer(if is_head { 0 } else { found.meta.size }).await;
        Ok(found)
    }

    fn delete_stream(&self, paths: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.store.delete_stream(paths)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let (store, prefix) = (Arc::clone(&self.store), prefix.cloned());
        Box::pin(Listing::Waits(self.pass(), Some(Box::new(move || store.list(prefix.as_ref())))))
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.pass().await;
        self.store.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.pass().await;
        self.store.copy_opts(from, to, options).await
    }
}

impl fmt::Debug for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Way")
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a store of a test")
    }
}
