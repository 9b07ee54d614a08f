//! Counts the heap memory of the current thread, so that "holds no buffer" is measured, not read.
#![expect(
    unsafe_code,
    reason = "an allocator cannot be written otherwise; this one only counts"
)]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
};

thread_local! {
    static LIVE: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

#[global_allocator]
static COUNTING: Counting = Counting;

struct Counting;

/// Bytes that this thread has allocated and not freed. Only differences mean anything.
pub(crate) fn live() -> isize {
    LIVE.get()
}

/// The most that `action` held at once, beyond what was held before it.
pub(crate) fn peak<T>(action: impl FnOnce() -> T) -> (T, isize) {
    let before = live();
    PEAK.set(before);
    let outcome = action();
    (outcome, PEAK.get() - before)
}

fn count(bytes: isize) {
    // A thread that ends frees memory after its counters are gone.
    let live = LIVE.try_with(|live| {
        live.set(live.get() + bytes);
        live.get()
    });
    if let Ok(live) = live {
        PEAK.try_with(|peak| peak.set(peak.get().max(live))).ok();
    }
}

// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size().cast_signed());
        // SAFETY: as the caller promised us.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-layout.size().cast_signed());
        // SAFETY: as the caller promised us.
        unsafe { System.dealloc(pointer, layout) }
    }
}
