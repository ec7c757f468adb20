//! An allocator that counts, for programs that measure: of the whole process, and of each thread alone.
//!
//! A program that wants the figures declares it: `#[global_allocator] static ALLOCATOR: Counting = Counting;`. Without
//! that all figures are zero. Counting itself never allocates.

#![expect(unsafe_code, reason = "a global allocator cannot be written without")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ops::Sub;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};

/// The system's allocator, counted.
#[derive(Debug)]
pub struct Counting;

/// Allocations up to a moment; subtract an earlier one for what was allocated in between.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Allocated {
    /// Allocations, growing one included.
    pub count: u64,
    /// Bytes asked for; of growing, the bytes that were added.
    pub bytes: u64,
    /// Bytes in use. Of one thread it may be negative, because another one may have allocated what it has freed.
    pub live: i64,
}

static COUNT: AtomicU64 = AtomicU64::new(0);
static BYTES: AtomicU64 = AtomicU64::new(0);
static LIVE: AtomicI64 = AtomicI64::new(0);
static PEAK: AtomicI64 = AtomicI64::new(0);

thread_local! {
    static MINE: Cell<Allocated> = const { Cell::new(Allocated { count: 0, bytes: 0, live: 0 }) };
    static MY_PEAK: Cell<i64> = const { Cell::new(0) };
}

/// Returns the allocations of the whole process.
pub fn of_process() -> Allocated {
    Allocated { count: COUNT.load(Relaxed), bytes: BYTES.load(Relaxed), live: LIVE.load(Relaxed) }
}

/// Returns the allocations of this thread.
pub fn of_thread() -> Allocated {
    MINE.get()
}

/// The most bytes that the process had in use since [`reset_peak`].
pub fn peak() -> i64 {
    PEAK.load(Relaxed)
}

/// The most bytes that this thread had in use since [`reset_peak`].
pub fn peak_of_thread() -> i64 {
    MY_PEAK.get()
}

/// Resets the peaks, that of the process and that of this thread.
pub fn reset_peak() {
    PEAK.store(LIVE.load(Relaxed), Relaxed);
    MY_PEAK.set(MINE.get().live);
}

impl Sub for Allocated {
    type Output = Self;

    fn sub(self, earlier: Self) -> Self {
        Self {
            count: self.count - earlier.count,
            bytes: self.bytes - earlier.bytes,
            live: self.live - earlier.live,
        }
    }
}

/// Takes note of an allocation of `added` bytes that keeps `live` more bytes in use.
fn grew(added: usize, live: i64) {
    COUNT.fetch_add(1, Relaxed);
    BYTES.fetch_add(added as u64, Relaxed);
    let now = LIVE.fetch_add(live, Relaxed) + live;
    PEAK.fetch_max(now, Relaxed);
    // A thread that ends allocates still when its variables are gone; its figures are no longer read.
    let _ = MINE.try_with(|mine| {
        let Allocated { count, bytes, live: before } = mine.get();
        mine.set(Allocated { count: count + 1, bytes: bytes + added as u64, live: before + live });
        let _ = MY_PEAK.try_with(|peak| peak.set(peak.get().max(before + live)));
    });
}

fn freed(bytes: usize) {
    LIVE.fetch_sub(bytes as i64, Relaxed);
    let _ = MINE.try_with(|mine| {
        let before = mine.get();
        mine.set(Allocated { live: before.live - bytes as i64, ..before });
    });
}

// SAFETY: every call is passed on to `System` unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        grew(layout.size(), layout.size() as i64);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        grew(layout.size(), layout.size() as i64);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        grew(size.saturating_sub(layout.size()), size as i64 - layout.size() as i64);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.realloc(ptr, layout, size) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        freed(layout.size());
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(ptr, layout) }
    }
}
