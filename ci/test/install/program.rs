// program.rs: Ashlar as the global allocator of a Rust program, through libashlar_prefixed.a. The C
// library's malloc stays what it is, so only what Rust allocates through the trait can be counted here.
// `--cfg control` leaves the allocator out: then nothing may be counted.

use std::alloc::{GlobalAlloc, Layout};
use std::collections::HashMap;
use std::ffi::c_void;

#[repr(C)]
#[derive(Default)]
struct Stats {
    allocated_bytes: usize,
    cached_bytes: usize,
    active_bytes: usize,
    dirty_bytes: usize,
    resident_bytes: usize,
    mapped_bytes: usize,
    metadata_bytes: usize,
    mallocs: u64,
    frees: u64,
    narenas: u32,
    nthreads: u32,
}

extern "C" {
    fn ashlar_aligned_alloc(alignment: usize, size: usize) -> *mut c_void;
    fn ashlar_calloc(count: usize, size: usize) -> *mut c_void;
    fn ashlar_check() -> bool;
    fn ashlar_free(ptr: *mut c_void);
    fn ashlar_malloc(size: usize) -> *mut c_void;
    fn ashlar_posix_memalign(out: *mut *mut c_void, alignment: usize, size: usize) -> i32;
    fn ashlar_realloc(ptr: *mut c_void, size: usize) -> *mut c_void;
    fn ashlar_stats_get(out: *mut Stats);
}

/// What malloc aligns every block to.
const QUANTUM: usize = 16;

struct Ashlar;

unsafe impl GlobalAlloc for Ashlar {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.align() <= QUANTUM {
            return ashlar_malloc(layout.size()) as *mut u8;
        }
        let mut block = std::ptr::null_mut();
        if ashlar_posix_memalign(&mut block, layout.align(), layout.size()) != 0 {
            return std::ptr::null_mut();
        }
        block as *mut u8
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if layout.align() <= QUANTUM {
            return ashlar_calloc(1, layout.size()) as *mut u8;
        }
        let block = ashlar_aligned_alloc(layout.align(), layout.size()) as *mut u8;
        if !block.is_null() {
            std::ptr::write_bytes(block, 0, layout.size());
        }
        block
    }

    unsafe fn dealloc(&self, block: *mut u8, _layout: Layout) {
        ashlar_free(block as *mut c_void)
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if layout.align() <= QUANTUM {
            return ashlar_realloc(block as *mut c_void, size) as *mut u8;
        }
        let fresh = self.alloc(Layout::from_size_align_unchecked(size, layout.align()));
        if !fresh.is_null() {
            std::ptr::copy_nonoverlapping(block, fresh, layout.size().min(size));
            self.dealloc(block, layout);
        }
        fresh
    }
}

#[cfg(not(control))]
#[global_allocator]
static GLOBAL: Ashlar = Ashlar;

fn stats() -> Stats {
    let mut stats = Stats::default();
    unsafe { ashlar_stats_get(&mut stats) };
    stats
}

#[repr(align(4096))]
struct Page([u8; 4096]);

fn boxes(factor: u64) -> Vec<Box<u64>> {
    (0..1000).map(|i| Box::new(i * factor)).collect()
}

/// Grows, shares, aligns and drops. Returns whether all came out right.
fn work() -> bool {
    let mut numbers = Vec::new();
    for i in 0..1_000_000u64 {
        numbers.push(i);
    }
    let texts: HashMap<u32, String> = (0..2000).map(|i| (i, format!("text {}", i))).collect();
    let pages: Vec<Box<Page>> = (0..50).map(|i| Box::new(Page([i; 4096]))).collect();
    let threads: Vec<_> = (0..4u64)
        .map(|t| std::thread::spawn(move || boxes(t).iter().map(|b| **b).sum::<u64>()))
        .collect();
    let sums: Vec<u64> = threads.into_iter().map(|t| t.join().unwrap()).collect();
    let zeroed = vec![0u8; 3 << 20];
    numbers.iter().sum::<u64>() == 499_999_500_000
        && (0..2000).all(|i| texts[&i] == format!("text {}", i))
        && pages.iter().all(|p| &**p as *const Page as usize % 4096 == 0)
        && pages.iter().enumerate().all(|(i, p)| p.0.iter().all(|&byte| byte == i as u8))
        && sums == [0, 499_500, 999_000, 1_498_500]
        && zeroed.iter().all(|&byte| byte == 0)
}

fn main() {
    let before = stats();
    let kept = vec![7u8; 10 << 20];
    let held = stats();
    let right = work();
    let after = stats();
    println!(
        "{}, {} allocations, 10 MiB {}, {}, heap {}",
        if right { "right" } else { "wrong" },
        if after.mallocs - before.mallocs >= 7000 { "thousands of" } else { "no" },
        if held.allocated_bytes >= before.allocated_bytes + kept.len() { "seen" } else { "not seen" },
        if after.frees - before.frees >= 7000 { "freed" } else { "not freed" },
        if unsafe { ashlar_check() } { "holds" } else { "broken" },
    );
}
