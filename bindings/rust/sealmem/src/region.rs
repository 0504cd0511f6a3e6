// SPDX-License-Identifier: MIT

//! Regions: memory that is open first and sealed later.

use std::ffi::OsStr;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ops::{ControlFlow, Deref, DerefMut, Range};
use std::os::raw::{c_int, c_void};
use std::os::unix::io::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::{fmt, ptr};

use sealmem_sys as sys;

use crate::call::{os_str, slice, text, Panic, Verdict, EINVAL, ENOTRECOVERABLE};
use crate::error::check;
use crate::{Error, Guarantees, Result};

/// What a region can be. The types have no values.
pub mod state {
    /// Its bytes can be written.
    pub enum Open {}
    /// It is sealed.
    pub enum Sealed {}
    /// A seal failed, and so did the roll-back: it can only be read, sealed again, or freed.
    pub enum Stuck {}

    /// One of the three.
    pub trait State: private::State {}
    impl<T: private::State> State for T {}

    mod private {
        pub trait State {}
        impl State for super::Open {}
        impl State for super::Sealed {}
        impl State for super::Stuck {}
    }
}

use state::{Open, Sealed, State, Stuck};

/// A region. Its bytes are those of its slice: `Region<Open>` can be written, and [`seal`](Region::seal) makes it a
/// `Region<Sealed>`, which is what `Region` alone means. It is freed when it is dropped; memory with ADDRESS stays mapped
/// until the process ends.
///
/// ```
/// use sealmem::{Guarantees, Region};
///
/// let mut policy = Region::open("policy", 1 << 20, Guarantees::CONTENT)?;
/// policy.put(b"allow 443")?;
/// let policy = policy.seal()?;
/// assert_eq!(&policy[..], b"allow 443");
/// # Ok::<(), sealmem::Error>(())
/// ```
///
/// A sealed region cannot be written:
///
/// ```compile_fail
/// # use sealmem::{Guarantees, Region};
/// let mut policy = Region::from_bytes("policy", b"allow 443", Guarantees::CONTENT)?;
/// policy[0] = b'A';
/// # Ok::<(), sealmem::Error>(())
/// ```
///
/// # Threads
///
/// Every region is `Send`: the library asks for one thread at a time. A sealed region is `Sync` as well: no function
/// changes it, and all threads may use it at once. An open region is not, because the library wants no second thread in
/// it, not even one that asks for its size:
///
/// ```compile_fail
/// # use sealmem::{Guarantees, Region};
/// fn shared<T: Sync>(_: T) {}
/// shared(Region::open("r", 1, Guarantees::CONTENT)?);
/// # Ok::<(), sealmem::Error>(())
/// ```
///
/// # Children
///
/// A child of fork(2), which takes `unsafe` to make, has no open region, and no region with NOFORK. A load there ends it,
/// and what the child maps can come to lie in the same place: it must not touch such a region.
pub struct Region<S: State = Sealed> {
    raw: ptr::NonNull<sys::sealmem_region>,
    demand: Guarantees,
    state: PhantomData<(S, *mut u8)>,
}

// SAFETY: the library has no state of a thread in a region; one thread at a time may be any.
unsafe impl<S: State> Send for Region<S> {}
// SAFETY: all threads may use a sealed region at once (sealmem.h), and what `&self` reaches does not write to its bytes.
unsafe impl Sync for Region<Sealed> {}

/// A seal that failed: why, and the region.
pub struct SealError {
    /// Why.
    pub error: Error,
    /// The region, with the same bytes.
    pub region: Unsealed,
}

/// A region that a seal left as it was, or read-only.
pub enum Unsealed {
    /// As before.
    Open(Region<Open>),
    /// Read-only, because the roll-back failed, too (ENOTRECOVERABLE).
    Stuck(Region<Stuck>),
}

impl fmt::Debug for SealError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.error, f)
    }
}

impl fmt::Display for SealError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.error, f)
    }
}

impl std::error::Error for SealError {}

/// The region is freed.
impl From<SealError> for Error {
    fn from(failed: SealError) -> Error {
        failed.error
    }
}

/// A restore that failed: why, and the descriptor, which is as it was.
#[derive(Debug)]
pub struct RestoreError {
    /// Why.
    pub error: Error,
    /// What holds the secret still.
    pub fd: OwnedFd,
}

/// The descriptor is closed, and the secret lost unless another one is open.
impl From<RestoreError> for Error {
    fn from(failed: RestoreError) -> Error {
        failed.error
    }
}

type Made = *mut *mut sys::sealmem_region;

impl<S: State> Region<S> {
    /// # Safety
    /// `raw` is a region in this state that nobody else frees.
    pub(crate) unsafe fn from_raw(raw: *mut sys::sealmem_region, demand: Guarantees) -> Option<Region<S>> {
        ptr::NonNull::new(raw).map(|raw| Region { raw, demand, state: PhantomData })
    }

    /// # Safety
    /// `make` returns a negative errno, or stores a region in this state that nobody else frees.
    unsafe fn made(demand: Guarantees, make: impl FnOnce(Made) -> c_int) -> Result<Region<S>> {
        let mut raw = ptr::null_mut();
        check(make(&mut raw))?;
        // SAFETY: the caller says so.
        unsafe { Region::from_raw(raw, demand) }.ok_or_else(|| Error::new(EINVAL))
    }

    pub(crate) fn as_raw(&self) -> *mut sys::sealmem_region {
        self.raw.as_ptr()
    }

    fn into_state<T: State>(self) -> Region<T> {
        let old = ManuallyDrop::new(self);
        Region { raw: old.raw, demand: old.demand, state: PhantomData }
    }

    /// The address of the first byte.
    pub fn as_ptr(&self) -> *const u8 {
        // SAFETY: the region lives as long as self.
        unsafe { sys::sealmem_region_data(self.as_raw()) as *const u8 }
    }

    /// The size in bytes.
    pub fn len(&self) -> usize {
        // SAFETY: the region lives as long as self.
        unsafe { sys::sealmem_region_size(self.as_raw()) }
    }

    /// Whether it has no byte.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The name.
    pub fn name(&self) -> &OsStr {
        // SAFETY: the string lives as long as the region, which no call renames.
        unsafe { os_str(sys::sealmem_region_name(self.as_raw())) }
    }

    /// The guarantees in force now.
    pub fn guarantees(&self) -> Guarantees {
        // SAFETY: the region lives as long as self.
        Guarantees::from_bits(unsafe { sys::sealmem_region_guarantees(self.as_raw()) })
    }

    fn written(&mut self, offset: usize, bytes: &[u8]) -> Result<()> {
        let end = offset.checked_add(bytes.len()).filter(|end| *end <= self.len());
        end.ok_or_else(|| Error::new(EINVAL))?;
        // SAFETY: the kernel stores within the region, of which `&mut self` says that nobody reads it meanwhile.
        check(unsafe {
            let place = sys::sealmem_region_data(self.as_raw()) as *mut u8;
            sys::sealmem_try_write(place.add(offset).cast(), bytes.as_ptr().cast(), bytes.len())
        })
        .map(drop)
    }

    /// Store bytes as an ordinary store would, but without the signal: EFAULT where a page refuses it. EINVAL where the
    /// region ends before.
    ///
    /// ```
    /// use sealmem::{Guarantees, Region};
    ///
    /// let mut policy = Region::from_bytes("policy", b"allow 443", Guarantees::CONTENT)?;
    /// assert_eq!(policy.try_write(0, b"A").unwrap_err().errno(), 14);
    /// assert_eq!(&policy[..], b"allow 443");
    /// # Ok::<(), sealmem::Error>(())
    /// ```
    pub fn try_write(&mut self, offset: usize, bytes: &[u8]) -> Result<()> {
        self.written(offset, bytes)
    }
}

impl Region<Open> {
    /// Make an open region: `sealmem_region_new()`.
    pub fn open(name: impl AsRef<OsStr>, capacity: usize, guarantees: Guarantees) -> Result<Region<Open>> {
        let name = text(name)?;
        // SAFETY: the function stores an open region, which is ours.
        unsafe {
            Region::made(guarantees, |ret| sys::sealmem_region_new(ret, name.as_ptr(), capacity, guarantees.bits()))
        }
    }

    fn piece(&self, found: *mut c_void, size: usize) -> Result<Range<usize>> {
        if found.is_null() {
            return Err(Error::last());
        }
        let start = found as usize - self.as_ptr() as usize;
        Ok(start..start + size)
    }

    /// Take memory: `size` zeroed bytes at a multiple of `align`, and where they are in the region. From the first call on
    /// the region has the size of what was taken, and before that its whole capacity.
    pub fn alloc(&mut self, size: usize, align: usize) -> Result<Range<usize>> {
        // SAFETY: the region is open, and ours alone.
        let found = unsafe { sys::sealmem_region_alloc(self.as_raw(), size, align) };
        self.piece(found, size)
    }

    /// Give the last piece another size, where it is.
    pub fn realloc(&mut self, last: Range<usize>, size: usize) -> Result<Range<usize>> {
        let place = (self.as_ptr() as usize).checked_add(last.start).ok_or_else(|| Error::new(EINVAL))?;
        // SAFETY: the function compares the address with that of the last piece, and does not follow it.
        let found = unsafe { sys::sealmem_region_realloc(self.as_raw(), place as *mut c_void, size) };
        self.piece(found, size)
    }

    /// Take memory for a copy of these bytes, right after the piece before.
    pub fn put(&mut self, bytes: &[u8]) -> Result<Range<usize>> {
        let piece = self.alloc(bytes.len(), 1)?;
        self[piece.clone()].copy_from_slice(bytes);
        Ok(piece)
    }

    /// Take back what lies after the first `size` bytes.
    pub fn trim(&mut self, size: usize) -> Result<()> {
        // SAFETY: the region is open, and ours alone: no slice of it is in use.
        check(unsafe { sys::sealmem_region_trim(self.as_raw(), size) }).map(drop)
    }

    /// Seal it, at its address. If that fails, the error has the region.
    pub fn seal(self) -> std::result::Result<Region<Sealed>, SealError> {
        sealed(self).map_err(|(error, region)| {
            let region = match error.errno() {
                ENOTRECOVERABLE => Unsealed::Stuck(region.into_state()),
                _ => Unsealed::Open(region),
            };
            SealError { error, region }
        })
    }
}

impl Region<Stuck> {
    /// Seal it now.
    pub fn seal(self) -> std::result::Result<Region<Sealed>, SealError> {
        sealed(self).map_err(|(error, region)| SealError { error, region: Unsealed::Stuck(region) })
    }
}

fn sealed<S: State>(region: Region<S>) -> std::result::Result<Region<Sealed>, (Error, Region<S>)> {
    // SAFETY: the region is ours alone, so nobody writes to it meanwhile.
    match check(unsafe { sys::sealmem_region_seal(region.as_raw()) }) {
        Ok(_) => Ok(region.into_state()),
        Err(error) => Err((error, region)),
    }
}

/// The two functions that read a source calls.
struct Reading<'a> {
    progress: &'a mut dyn FnMut(usize, usize) -> ControlFlow<()>,
    verify: &'a mut dyn FnMut(&[u8]) -> Verdict,
    panic: Panic,
}

/// # Safety
/// `data` is a Reading.
unsafe extern "C" fn progress(done: usize, total: usize, data: *mut c_void) -> c_int {
    // SAFETY: from_file_with() passed it, and nobody else uses it now.
    let Reading { progress, panic, .. } = unsafe { &mut *data.cast::<Reading<'_>>() };
    panic.catch(1, || progress(done, total).is_break().into())
}

/// # Safety
/// `data` is a Reading, and the bytes do not change.
unsafe extern "C" fn verify(bytes: *const c_void, size: usize, data: *mut c_void) -> c_int {
    // SAFETY: from_file_with() passed it, and nobody else uses it now.
    let Reading { verify, panic, .. } = unsafe { &mut *data.cast::<Reading<'_>>() };
    // SAFETY: the bytes are sealed, or no other code has their address yet.
    let bytes = unsafe { slice(bytes, size) };
    panic.catch(1, || verify(bytes).result())
}

impl Region<Sealed> {
    /// Make a sealed region from a buffer: `sealmem_region_new_from()`.
    pub fn from_bytes(name: impl AsRef<OsStr>, bytes: &[u8], guarantees: Guarantees) -> Result<Region> {
        let (name, at, size) = (text(name)?, bytes.as_ptr().cast(), bytes.len());
        // SAFETY: the slice is readable; the region is ours.
        unsafe {
            Region::made(guarantees, |ret| {
                sys::sealmem_region_new_from(ret, name.as_ptr(), at, size, guarantees.bits())
            })
        }
    }

    /// Make a sealed region from a file, a pipe or a socket, of at most `limit` bytes.
    ///
    /// ```
    /// let file = std::fs::File::open("/etc/passwd").unwrap();
    /// let users = sealmem::Region::from_file("users", &file, 1 << 20, sealmem::Guarantees::CONTENT)?;
    /// assert_eq!(users.len() as u64, file.metadata().unwrap().len());
    /// # Ok::<(), sealmem::Error>(())
    /// ```
    pub fn from_file(name: impl AsRef<OsStr>, fd: impl AsFd, limit: usize, guarantees: Guarantees) -> Result<Region> {
        let (name, fd) = (text(name)?, fd.as_fd());
        // SAFETY: the descriptor is open during the call; the region is ours.
        unsafe {
            Region::made(guarantees, |ret| {
                let (name, fd) = (name.as_ptr(), fd.as_raw_fd());
                sys::sealmem_region_new_from_file(ret, name, fd, limit, guarantees.bits())
            })
        }
    }

    /// The same, and tell the caller: `progress` gets the number of bytes so far and that of all (0 if unknown) and can end
    /// the call, `verify` judges the bytes once they are sealed. A panic of either ends the call and goes on after it.
    pub fn from_file_with(
        name: impl AsRef<OsStr>,
        fd: impl AsFd,
        limit: usize,
        guarantees: Guarantees,
        mut progress_made: impl FnMut(usize, usize) -> ControlFlow<()>,
        mut verify_bytes: impl FnMut(&[u8]) -> Verdict,
    ) -> Result<Region> {
        let (name, fd) = (text(name)?, fd.as_fd());
        let mut reading = Reading { progress: &mut progress_made, verify: &mut verify_bytes, panic: Panic::default() };
        let data: *mut Reading<'_> = &mut reading;
        // SAFETY: C gives `data` back during the call only; the region is ours.
        let made = unsafe {
            Region::made(guarantees, |ret| {
                sys::sealmem_region_new_from_file_with(
                    ret,
                    name.as_ptr(),
                    fd.as_raw_fd(),
                    limit,
                    guarantees.bits(),
                    Some(progress),
                    Some(verify),
                    data.cast(),
                )
            })
        };
        reading.panic.resume();
        made
    }

    /// Take a descriptor from somebody who is not trusted, but only if nobody can change what it holds.
    pub fn accept(fd: impl AsFd, limit: usize, guarantees: Guarantees) -> Result<Region> {
        let fd = fd.as_fd();
        // SAFETY: the descriptor is open during the call; the region is ours.
        unsafe {
            Region::made(guarantees, |ret| {
                sys::sealmem_region_accept_limited(ret, fd.as_raw_fd(), limit, guarantees.bits())
            })
        }
    }

    /// Receive what [`send`](Region::send) sent, of at most `limit` bytes, from a sender who is not trusted.
    pub fn receive(socket: impl AsFd, limit: usize, guarantees: Guarantees) -> Result<Region> {
        let socket = socket.as_fd();
        // SAFETY: the socket is open during the call; the region is ours.
        unsafe {
            Region::made(guarantees, |ret| {
                sys::sealmem_receive_limited(socket.as_raw_fd(), ret, limit, guarantees.bits())
            })
        }
    }

    /// Take back what [`store`](Region::store) stored. Success closes the descriptor and wipes what it held; an error has
    /// it as it was.
    pub fn restore(
        fd: OwnedFd,
        name: impl AsRef<OsStr>,
        guarantees: Guarantees,
    ) -> std::result::Result<Region, RestoreError> {
        let fd = ManuallyDrop::new(fd);
        let restored = text(name).and_then(|name| {
            // SAFETY: the function closes the descriptor if it succeeds, and then nobody else does; the region is ours.
            unsafe {
                Region::made(guarantees, |ret| {
                    sys::sealmem_secret_restore(ret, fd.as_raw_fd(), name.as_ptr(), guarantees.bits())
                })
            }
        });
        restored.map_err(|error| RestoreError { error, fd: ManuallyDrop::into_inner(fd) })
    }

    /// Copy a secret region to secret memory of another file, and return its descriptor, for a service manager to keep.
    pub fn store(&self) -> Result<OwnedFd> {
        // SAFETY: the region lives as long as self.
        let fd = check(unsafe { sys::sealmem_secret_store(self.as_raw()) })?;
        // SAFETY: the descriptor is the caller's.
        Ok(unsafe { OwnedFd::from_raw_fd(fd) })
    }

    /// Send it over a Unix socket: its descriptor and its name.
    pub fn send(&self, socket: impl AsFd) -> Result<()> {
        // SAFETY: both are open during the call.
        check(unsafe { sys::sealmem_send(socket.as_fd().as_raw_fd(), self.as_raw()) }).map(drop)
    }

    /// Its descriptor, read-only, for passing on. It is no [`AsFd`] because a secret region has none (EOPNOTSUPP); what it
    /// returns is one.
    pub fn fd(&self) -> Result<BorrowedFd<'_>> {
        // SAFETY: the region lives as long as self.
        let fd = check(unsafe { sys::sealmem_region_fd(self.as_raw()) })?;
        // SAFETY: the descriptor belongs to the region, and is open as long.
        Ok(unsafe { BorrowedFd::borrow_raw(fd) })
    }

    /// The bytes of a SECRECY region without CONTENT, which stay writable. `None` for every other region.
    pub fn as_mut_bytes(&mut self) -> Option<&mut [u8]> {
        if self.demand.contains(Guarantees::CONTENT) || !self.demand.contains(Guarantees::SECRECY) {
            return None;
        }
        let (size, place) = (self.len(), self.as_ptr() as *mut u8);
        // SAFETY: no seal makes such memory read-only, and `&mut self` says that nobody reads it meanwhile.
        Some(unsafe { std::slice::from_raw_parts_mut(place, size) })
    }

    /// Have a filter refuse what mseal(2) leaves open: `sealmem_keep_available()`.
    pub fn keep_available(&self) -> Result<()> {
        // SAFETY: the filter refuses calls about this memory, and changes none of it.
        check(unsafe { sys::sealmem_keep_available(self.as_ptr() as *mut c_void, self.len()) }).map(drop)
    }
}

impl<S: State> Deref for Region<S> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: the memory is mapped as long as the region lives. Of a sealed one nobody changes the bytes. Those of an
        // open one are of a file that is not passed on, and whoever writes them here needs `&mut self`.
        unsafe { slice(self.as_ptr().cast(), self.len()) }
    }
}

impl DerefMut for Region<Open> {
    fn deref_mut(&mut self) -> &mut [u8] {
        let (size, place) = (self.len(), self.as_ptr() as *mut u8);
        // SAFETY: an open region is writable, and `&mut self` says that nobody reads it meanwhile.
        unsafe { std::slice::from_raw_parts_mut(place, size) }
    }
}

impl<S: State> AsRef<[u8]> for Region<S> {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl<S: State> fmt::Debug for Region<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Region")
            .field("name", &self.name())
            .field("size", &self.len())
            .field("guarantees", &self.guarantees())
            .finish()
    }
}

impl<S: State> Drop for Region<S> {
    fn drop(&mut self) {
        // SAFETY: nobody else has it.
        unsafe { sys::sealmem_region_free(self.as_raw()) };
    }
}
