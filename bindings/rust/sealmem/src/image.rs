// SPDX-License-Identifier: MIT

//! The program itself, and memory that other code owns.

use std::ffi::OsStr;
use std::mem::MaybeUninit;
use std::os::raw::{c_int, c_void};
use std::os::unix::io::{AsFd, AsRawFd};
use std::ptr;

use sealmem_sys as sys;

use crate::call::{slice, text, Panic, Verdict};
use crate::error::check;
use crate::{Guarantees, Image, Result};

/// Pages of one kind: what holds for all of them, and their size in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImagePages {
    /// The guarantees that hold for all of them.
    pub guarantees: Guarantees,
    /// Their size in bytes.
    pub size: usize,
}

/// What was sealed of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageReport {
    /// How many objects are sealed.
    pub objects: u32,
    /// How many are not.
    pub left: u32,
    /// In how many a part of the GOT is writable.
    pub lazy: u32,
    /// In how many pages are left alone, because the objects ask for it.
    pub excluding: u32,
    /// How many of those that are sealed the linker has marked to be sealed as a whole.
    pub marked: u32,
    /// Code.
    pub text: ImagePages,
    /// Constants that have pages of their own.
    pub read_only: ImagePages,
    /// What the loader made read-only.
    pub relro: ImagePages,
    /// The pages of the kernel.
    pub vdso: ImagePages,
    /// What the program writes to, in the objects that are marked.
    pub data: ImagePages,
}

fn pages(of: sys::sealmem_image_pages) -> ImagePages {
    ImagePages { guarantees: Guarantees::from_bits(of.guarantees), size: of.size }
}

/// # Safety
/// `seal` stores a report if it does not return a negative errno.
unsafe fn reported(seal: impl FnOnce(*mut sys::sealmem_image_report) -> c_int) -> Result<ImageReport> {
    let mut report = MaybeUninit::uninit();
    check(seal(report.as_mut_ptr()))?;
    // SAFETY: the caller says so.
    let r = unsafe { report.assume_init() };
    Ok(ImageReport {
        objects: r.objects,
        left: r.left,
        lazy: r.lazy,
        excluding: r.excluding,
        marked: r.marked,
        text: pages(r.text),
        read_only: pages(r.read_only),
        relro: pages(r.relro),
        vdso: pages(r.vdso),
        data: pages(r.data),
    })
}

/// Seal the program itself: code, constants, and what the loader made read-only. Call it at the beginning of `main`.
pub fn seal_image(flags: Image) -> Result<ImageReport> {
    // SAFETY: what is sealed was read-only before, so no code of Rust stores to it; the function stores a report.
    unsafe { reported(|ret| sys::sealmem_seal_image(flags.bits(), ret)) }
}

/// The same for an object that dlopen(3) returned, and for those that it needs.
///
/// # Safety
/// The handle is one of dlopen(3), and is open.
pub unsafe fn seal_loaded(handle: *mut c_void, flags: Image) -> Result<ImageReport> {
    // SAFETY: the caller says so; the function stores a report.
    unsafe { reported(|ret| sys::sealmem_seal_loaded(handle, flags.bits(), ret)) }
}

struct Judge<'a> {
    verify: &'a mut dyn FnMut(&[u8]) -> Verdict,
    panic: Panic,
}

/// # Safety
/// `data` is a Judge, and the bytes do not change.
unsafe extern "C" fn judge(bytes: *const c_void, size: usize, data: *mut c_void) -> c_int {
    // SAFETY: load_verified() passed it, and nobody else uses it now; the bytes are sealed.
    let (Judge { verify, panic }, bytes) = unsafe { (&mut *data.cast::<Judge<'_>>(), slice(bytes, size)) };
    panic.catch(1, || verify(bytes).result())
}

/// Load a shared object, from exactly the bytes that `verify` accepts. Returns the handle, for dlsym(3) and dlclose(3);
/// `flags` are those of dlopen(3). A panic of `verify` goes on after the call.
///
/// # Safety
/// The constructors of the object run: the bytes that `verify` accepts are those of an object whose code is sound here.
pub unsafe fn load_verified(
    fd: impl AsFd,
    mut verify: impl FnMut(&[u8]) -> Verdict,
    flags: c_int,
) -> Result<*mut c_void> {
    let mut judging = Judge { verify: &mut verify, panic: Panic::default() };
    let (data, mut handle): (*mut Judge<'_>, _) = (&mut judging, ptr::null_mut());
    // SAFETY: C gives `data` back during the call only; the caller answers for the object.
    let done = check(unsafe {
        sys::sealmem_load_verified(&mut handle, fd.as_fd().as_raw_fd(), Some(judge), data.cast(), flags)
    });
    judging.panic.resume();
    done.map(|_| handle)
}

/// Seal private memory that exists already, at its address. [`Sealed`](crate::Sealed) does so for a global, without
/// `unsafe`.
///
/// # Safety
/// The pages are the caller's: no other code stores to them, unmaps them or gives them to somebody else, now or later.
/// No reference through which they can be written is used during the call or after it.
pub unsafe fn seal_range(addr: *mut c_void, size: usize, guarantees: Guarantees) -> Result<()> {
    // SAFETY: the caller says so.
    check(unsafe { sys::sealmem_seal_range(addr, size, guarantees.bits()) }).map(drop)
}

/// The same with a name for fault reports.
///
/// # Safety
/// As [`seal_range`].
pub unsafe fn seal_range_named(
    addr: *mut c_void,
    size: usize,
    name: impl AsRef<OsStr>,
    guarantees: Guarantees,
) -> Result<()> {
    let name = text(name)?;
    // SAFETY: the caller says so.
    check(unsafe { sys::sealmem_seal_range_named(addr, size, name.as_ptr(), guarantees.bits()) }).map(drop)
}

/// mseal(2): seal the mappings, their bytes not included.
///
/// # Safety
/// The pages are the caller's: whoever wants to unmap, move or protect them from now on does without.
pub unsafe fn mseal(addr: *mut c_void, size: usize) -> Result<()> {
    // SAFETY: the caller says so.
    check(unsafe { sys::sealmem_mseal(addr, size, 0) }).map(drop)
}

/// [`mseal`] of several extents, an address and a size each, with one filter where it is emulated.
///
/// # Safety
/// As [`mseal`].
pub unsafe fn mseal_many(extents: &[(*mut c_void, usize)]) -> Result<()> {
    let listed: Vec<_> = extents.iter().map(|&(addr, size)| sys::sealmem_extent { addr, size }).collect();
    // SAFETY: the caller says so; the list lives during the call.
    check(unsafe { sys::sealmem_mseal_many(listed.as_ptr(), listed.len()) }).map(drop)
}

/// Try to store bytes, as an ordinary store would, but without the signal: EFAULT where a page refuses it. For a region,
/// [`Region::try_write`](crate::Region::try_write) needs no `unsafe`.
///
/// # Safety
/// The caller may store there, and nobody has a reference to what is there.
pub unsafe fn try_write(addr: *mut c_void, bytes: &[u8]) -> Result<()> {
    // SAFETY: the caller says so.
    check(unsafe { sys::sealmem_try_write(addr, bytes.as_ptr().cast(), bytes.len()) }).map(drop)
}
