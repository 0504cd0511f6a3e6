// SPDX-License-Identifier: MIT

//! What a call reports: an errno, and the sentence that explains it.

use std::ffi::CStr;
use std::os::raw::c_int;
use std::{fmt, io};

use sealmem_sys as sys;

/// An errno of the library, with the sentence that explains it. A program decides by [`errno`](Error::errno).
#[derive(Clone, Copy)]
pub struct Error {
    errno: c_int,
    sentence: &'static CStr,
}

/// What a call of this crate returns.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// The error of an errno of either sign. The sentence is that of the last failure of this thread, so ask at once.
    pub(crate) fn new(errno: c_int) -> Error {
        // SAFETY: the string is static and never NULL.
        let sentence = unsafe { CStr::from_ptr(sys::sealmem_strerror(errno)) };
        Error { errno: errno.saturating_abs(), sentence }
    }

    /// The error that errno has now.
    pub(crate) fn last() -> Error {
        Error::new(io::Error::last_os_error().raw_os_error().unwrap_or(0))
    }

    /// The errno, a positive number such as 22 for EINVAL.
    pub fn errno(&self) -> i32 {
        self.errno
    }

    /// The sentence: `sealmem_strerror()`, asked when the call failed.
    pub fn sentence(&self) -> &'static str {
        self.sentence.to_str().unwrap_or("")
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error({}: {})", self.errno, self.sentence())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.sentence())
    }
}

impl std::error::Error for Error {}

impl From<Error> for io::Error {
    fn from(error: Error) -> io::Error {
        io::Error::from_raw_os_error(error.errno)
    }
}

impl PartialEq for Error {
    fn eq(&self, other: &Error) -> bool {
        self.errno == other.errno
    }
}

impl Eq for Error {}

/// The value of a call that returns a negative errno.
pub(crate) fn check(result: c_int) -> Result<c_int> {
    if result < 0 {
        Err(Error::new(result))
    } else {
        Ok(result)
    }
}
