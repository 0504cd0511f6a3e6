// SPDX-License-Identifier: MIT

//! A value of the program that is set once and sealed.

use std::cell::UnsafeCell;
use std::ffi::OsStr;
use std::mem::{size_of, MaybeUninit};
use std::ops::Deref;
use std::sync::atomic::{AtomicU8, Ordering};

use sealmem_sys as sys;

use crate::call::{text, EBUSY, ENOTRECOVERABLE, EPERM};
use crate::error::check;
use crate::{Error, Guarantees, Result};

/// Whole pages of its own: `SEALMEM_PAGE_MAX`.
#[cfg_attr(any(target_arch = "x86_64", target_arch = "x86"), repr(C, align(4096)))]
#[cfg_attr(not(any(target_arch = "x86_64", target_arch = "x86")), repr(C, align(65536)))]
struct Pages<T>(UnsafeCell<MaybeUninit<T>>);

const EMPTY: u8 = 0;
const BUSY: u8 = 1;
const SET: u8 = 2;
const STUCK: u8 = 3;

/// A global that is set once, and sealed with that:
///
/// ```
/// use sealmem::{Guarantees, Sealed};
///
/// #[derive(Clone, Copy)]
/// struct Config { port: u16 }
///
/// static CONFIG: Sealed<Config> = Sealed::new();
///
/// CONFIG.set("config", Config { port: 443 }, Guarantees::CONTENT)?;
/// assert_eq!(CONFIG.port, 443);
/// assert_eq!(CONFIG.set("config", Config { port: 80 }, Guarantees::CONTENT).unwrap_err().errno(), 1);
/// # Ok::<(), sealmem::Error>(())
/// ```
///
/// It seals the value itself, and nothing that it points to. The type is `Copy`, because such a type has no destructor and
/// no interior mutability: either would store to memory that is sealed. The value lives as long as the program, so that no
/// other code gets its pages.
#[repr(C)]
pub struct Sealed<T: Copy> {
    pages: Pages<T>,
    state: AtomicU8,
}

// SAFETY: one thread sets the value before the others can see it, and nobody changes it afterwards.
unsafe impl<T: Copy + Send + Sync> Sync for Sealed<T> {}

impl<T: Copy> Sealed<T> {
    /// One without a value.
    pub const fn new() -> Sealed<T> {
        Sealed { pages: Pages(UnsafeCell::new(MaybeUninit::uninit())), state: AtomicU8::new(EMPTY) }
    }

    /// Set the value and seal it: `sealmem_seal_range_named()`. On failure it has no value, and can be set again, unless the
    /// errno is ENOTRECOVERABLE. EPERM: it has a value. EBUSY: another thread sets it.
    pub fn set(&'static self, name: impl AsRef<OsStr>, value: T, guarantees: Guarantees) -> Result<()> {
        let name = text(name)?;
        self.state.compare_exchange(EMPTY, BUSY, Ordering::Acquire, Ordering::Relaxed).map_err(|found| {
            Error::new(match found {
                BUSY => EBUSY,
                SET => EPERM,
                _ => ENOTRECOVERABLE,
            })
        })?;
        // SAFETY: BUSY keeps everybody else away. The pages hold nothing else, and are private memory that lives as long
        // as the program.
        let sealed = check(unsafe {
            (*self.pages.0.get()).write(value);
            let place = self.pages.0.get().cast();
            sys::sealmem_seal_range_named(place, size_of::<Pages<T>>(), name.as_ptr(), guarantees.bits())
        });
        let now = match &sealed {
            Ok(_) => SET,
            Err(error) if error.errno() == ENOTRECOVERABLE => STUCK,
            Err(_) => EMPTY,
        };
        self.state.store(now, Ordering::Release);
        sealed.map(drop)
    }

    /// The value, once it is set.
    pub fn get(&self) -> Option<&T> {
        if self.state.load(Ordering::Acquire) != SET {
            return None;
        }
        // SAFETY: SET says that the value is there, and that nobody changes it.
        Some(unsafe { (*self.pages.0.get()).assume_init_ref() })
    }
}

impl<T: Copy> Default for Sealed<T> {
    fn default() -> Sealed<T> {
        Sealed::new()
    }
}

/// The value. Panics if it is not set: [`get`](Sealed::get) does not.
impl<T: Copy> Deref for Sealed<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.get().expect("the value is set and sealed before it is read")
    }
}
