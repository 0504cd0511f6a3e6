// SPDX-License-Identifier: MIT

//! Memory on Linux that cannot change once it is sealed: libsealmem in types. sealmem(3) and sealmem(7) say what the
//! library promises, and docs/BINDINGS.md which function of C is which one here.
//!
//! | | |
//! |---|---|
//! | [`Region`] | memory that is open first and sealed later, of a buffer, a file, a socket or another process |
//! | [`Sealed`] | a global that is set once and sealed |
//! | [`Heap`], [`HeapBox`], [`HeapVec`], [`GlobalHeap`] | memory for secrets that come and go |
//! | [`Publisher`], [`Subscription`], [`Generation`] | data that is replaced as a whole, and read by many processes |
//! | [`seal_image`] | the program itself |
//!
//! A caller demands [`Guarantees`], and gets all of them or an [`Error`], which has an errno and a sentence.
//!
//! ```
//! use sealmem::{Guarantees, Region};
//!
//! let policy = Region::from_bytes("policy", b"allow 443", Guarantees::CONTENT)?;
//! assert!(policy.guarantees().contains(Guarantees::CONTENT));
//! assert_eq!(Region::open("r", 0, Guarantees::CONTENT).unwrap_err().errno(), 22);
//! # Ok::<(), sealmem::Error>(())
//! ```

#![deny(missing_docs, unsafe_op_in_unsafe_fn)]
#![warn(rust_2018_idioms)]

/// The examples of README.md are tests.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct ReadMe;

mod call;
mod error;
mod global;
mod guarantees;
mod heap;
mod image;
mod publish;
mod region;
pub mod seqpacket;

use std::ffi::CStr;

use sealmem_sys as sys;

pub use call::Verdict;
pub use error::{Error, Result};
pub use global::Sealed;
pub use guarantees::{Guarantees, Image};
pub use heap::{GlobalHeap, GlobalHeapRef, Heap, HeapBox, HeapVec};
pub use image::{
    load_verified, mseal, mseal_many, seal_image, seal_loaded, seal_range, seal_range_named, try_write, ImagePages,
    ImageReport,
};
pub use publish::{list_published, Generation, Limits, Peer, Published, Publisher, Reader, Subscription};
pub use region::{state, Region, RestoreError, SealError, Unsealed};

/// The longest name, in bytes.
pub const NAME_MAX: usize = sys::SEALMEM_NAME_MAX;
/// The longest label, in bytes.
pub const LABEL_MAX: usize = sys::SEALMEM_LABEL_MAX;
/// The most extents that [`mseal_many`] takes.
pub const EXTENTS_MAX: usize = sys::SEALMEM_EXTENTS_MAX;

/// The version of the library that the program runs with.
pub fn version() -> &'static str {
    // SAFETY: the string is static.
    unsafe { CStr::from_ptr(sys::sealmem_version()) }.to_str().unwrap_or("")
}

/// The size of a page on this machine.
pub fn page_size() -> usize {
    // SAFETY: the function takes nothing.
    unsafe { sys::sealmem_page_size() }
}

/// The guarantees that a region can have in this process.
pub fn supported() -> Guarantees {
    // SAFETY: the function takes nothing.
    Guarantees::from_bits(unsafe { sys::sealmem_supported() })
}

/// Permit a seccomp filter to seal addresses where the kernel cannot, which has a price: sealmem_emulation(3).
pub fn allow_emulation() -> Result<()> {
    // SAFETY: the function takes nothing.
    error::check(unsafe { sys::sealmem_allow_emulation() }).map(drop)
}

/// Have a stray store name the region that it hits.
pub fn report_faults() -> Result<()> {
    // SAFETY: the handler of the library calls the one before it, such as that of Rust for the overflow of a stack.
    error::check(unsafe { sys::sealmem_report_faults() }).map(drop)
}

/// Overwrite with zeroes, in a way that the compiler does not leave out.
pub fn wipe(bytes: &mut [u8]) {
    // SAFETY: the slice is ours alone.
    unsafe { sys::sealmem_wipe(bytes.as_mut_ptr().cast(), bytes.len()) }
}

/// Whether secrets are the same, in a time that depends on their sizes alone.
pub fn equal(a: &[u8], b: &[u8]) -> bool {
    // SAFETY: both slices have this size.
    a.len() == b.len() && unsafe { sys::sealmem_equal(a.as_ptr().cast(), b.as_ptr().cast(), a.len()) } == 1
}
