// SPDX-License-Identifier: MIT

//! What lies between this language and C: names, and functions that C calls.

use std::any::Any;
use std::ffi::{CStr, CString, OsStr, OsString};
use std::os::raw::{c_int, c_void};
use std::os::unix::ffi::OsStrExt;
use std::panic::{catch_unwind, resume_unwind, AssertUnwindSafe};

use crate::{Error, Result};

pub(crate) const EPERM: c_int = 1;
pub(crate) const ENOMEM: c_int = 12;
pub(crate) const EBUSY: c_int = 16;
pub(crate) const EINVAL: c_int = 22;
pub(crate) const ECANCELED: c_int = 125;
pub(crate) const EKEYREJECTED: c_int = 129;
pub(crate) const ENOTRECOVERABLE: c_int = 131;

/// A name for C. A zero byte is a control character: EINVAL, as of the others.
pub(crate) fn text(name: impl AsRef<OsStr>) -> Result<CString> {
    CString::new(name.as_ref().as_bytes()).map_err(|_| Error::new(EINVAL))
}

/// A string of C, or nothing for NULL.
///
/// # Safety
/// `text` is NULL, or a string that lives for 'a.
pub(crate) unsafe fn os_str<'a>(text: *const std::os::raw::c_char) -> &'a OsStr {
    if text.is_null() {
        return OsStr::new("");
    }
    // SAFETY: the caller says so.
    OsStr::from_bytes(unsafe { CStr::from_ptr(text) }.to_bytes())
}

/// The same as a copy.
///
/// # Safety
/// `text` is NULL or a string.
pub(crate) unsafe fn os_string(text: *const std::os::raw::c_char) -> OsString {
    // SAFETY: the caller says so.
    unsafe { os_str(text) }.to_owned()
}

/// The bytes of a buffer that C names.
///
/// # Safety
/// There are `size` bytes at `bytes` that nobody changes for 'a.
pub(crate) unsafe fn slice<'a>(bytes: *const c_void, size: usize) -> &'a [u8] {
    if size == 0 {
        return &[];
    }
    // SAFETY: the caller says so.
    unsafe { std::slice::from_raw_parts(bytes.cast(), size) }
}

/// What a function that verifies bytes says of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The bytes are right.
    Accept,
    /// They are not: the call fails with EKEYREJECTED.
    Refuse,
    /// They are not: the call fails with this errno, a positive number.
    RefuseWith(i32),
}

impl Verdict {
    pub(crate) fn result(self) -> c_int {
        match self {
            Verdict::Accept => 0,
            Verdict::RefuseWith(errno) if errno > 0 => -errno,
            _ => EKEYREJECTED,
        }
    }
}

/// A panic may not pass through C. It is kept here until C has returned.
#[derive(Default)]
pub(crate) struct Panic(Option<Box<dyn Any + Send>>);

impl Panic {
    pub(crate) fn catch<T>(&mut self, otherwise: T, call: impl FnOnce() -> T) -> T {
        match catch_unwind(AssertUnwindSafe(call)) {
            Ok(value) => value,
            Err(panic) => {
                self.0.get_or_insert(panic);
                otherwise
            }
        }
    }

    pub(crate) fn resume(&mut self) {
        if let Some(panic) = self.0.take() {
            resume_unwind(panic);
        }
    }
}
