// SPDX-License-Identifier: MIT

//! Published memory: generations by name, read by many processes without a copy.

use std::ffi::{CString, OsStr, OsString};
use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::os::raw::{c_char, c_int, c_void};
use std::os::unix::io::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::ptr::{self, NonNull};
use std::sync::Arc;

use sealmem_sys as sys;

use crate::call::{os_str, os_string, text, Panic, ECANCELED, EINVAL};
use crate::error::check;
use crate::state::Sealed;
use crate::{Error, Guarantees, Region, Result};

/// A process that made a connection, as the kernel knew it then.
#[derive(Debug)]
pub struct Peer<'a> {
    /// 0 if the process is not in the PID namespace of this one.
    pub pid: i32,
    /// Its user id.
    pub uid: u32,
    /// Its group id.
    pub gid: u32,
    /// The connection, which belongs to the publisher.
    pub socket: BorrowedFd<'a>,
}

type Admit = dyn FnMut(&Peer<'_>, Option<&OsStr>) -> bool + Send;

struct Admission {
    admit: Box<Admit>,
    panic: Panic,
}

/// # Safety
/// `data` is an Admission, and `peer` and `name` last for the call.
unsafe extern "C" fn admit(peer: *const sys::sealmem_peer, name: *const c_char, data: *mut c_void) -> c_int {
    // SAFETY: the publisher has it, and is in dispatch(), which reads `panic` after C has returned only.
    let (Admission { admit, panic }, peer) = unsafe { (&mut *data.cast::<Admission>(), &*peer) };
    // SAFETY: the connection is open during the call.
    let socket = unsafe { BorrowedFd::borrow_raw(peer.socket) };
    let peer = Peer { pid: peer.pid, uid: peer.uid, gid: peer.gid, socket };
    // SAFETY: the name lasts for the call.
    let name = if name.is_null() { None } else { Some(unsafe { os_str(name) }) };
    panic.catch(1, || c_int::from(!admit(&peer, name)))
}

/// The most that others can take of a publisher.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many are connected at the same time.
    pub clients: u32,
    /// How many of them have one user id.
    pub clients_of_user: u32,
    /// How many names one of them subscribes to.
    pub names_of_client: u32,
}

/// The side that publishes. One thread at a time uses it, and any may: it is `Send`, and not `Sync`. In a child of fork(2)
/// its functions fail with ESTALE.
///
/// ```
/// use sealmem::{seqpacket, Guarantees, Publisher, Region};
///
/// let path = std::env::temp_dir().join(format!("sealmem-doc-{}", std::process::id()));
/// let mut publisher = Publisher::new(seqpacket::listen_at(&path).unwrap())?;
/// publisher.publish(&Region::from_bytes("policy", b"allow 443", Guarantees::CONTENT)?)?;
/// assert!(publisher.generation("policy") > 0);
/// std::fs::remove_file(&path).unwrap();
/// # Ok::<(), sealmem::Error>(())
/// ```
pub struct Publisher {
    raw: NonNull<sys::sealmem_publisher>,
    admission: Option<NonNull<Admission>>,
    _listening: OwnedFd,
}

// SAFETY: the library has no state of a thread in a publisher, and what decides about admission is Send.
unsafe impl Send for Publisher {}

impl Publisher {
    /// Make a publisher for a socket that listens (SOCK_SEQPACKET): [`seqpacket::listen_at`](crate::seqpacket::listen_at) makes
    /// one, and so does socket activation.
    pub fn new(listening: impl Into<OwnedFd>) -> Result<Publisher> {
        let (listening, mut raw) = (listening.into(), ptr::null_mut());
        // SAFETY: the socket stays open until the publisher is freed; the function stores one, which is ours.
        check(unsafe { sys::sealmem_publisher_new(&mut raw, listening.as_raw_fd()) })?;
        let raw = NonNull::new(raw).ok_or_else(|| Error::new(EINVAL))?;
        Ok(Publisher { raw, admission: None, _listening: listening })
    }

    /// Publish a region under its name. It may be dropped at once.
    pub fn publish(&mut self, region: &Region) -> Result<()> {
        // SAFETY: both live during the call.
        check(unsafe { sys::sealmem_publish(self.raw.as_ptr(), region.as_raw()) }).map(drop)
    }

    /// The same with a label, for people who look at [`list_published`].
    pub fn publish_labelled(&mut self, region: &Region, label: impl AsRef<OsStr>) -> Result<()> {
        let label = text(label)?;
        // SAFETY: all of them live during the call.
        check(unsafe { sys::sealmem_publish_labelled(self.raw.as_ptr(), region.as_raw(), label.as_ptr()) }).map(drop)
    }

    /// The same under another name than its own.
    pub fn publish_named(&mut self, region: &Region, name: impl AsRef<OsStr>, label: impl AsRef<OsStr>) -> Result<()> {
        let (name, label) = (text(name)?, text(label)?);
        // SAFETY: all of them live during the call.
        check(unsafe { sys::sealmem_publish_named(self.raw.as_ptr(), region.as_raw(), name.as_ptr(), label.as_ptr()) })
            .map(drop)
    }

    /// Say that a name is going to be published.
    pub fn announce(&mut self, name: impl AsRef<OsStr>) -> Result<()> {
        let name = text(name)?;
        // SAFETY: both live during the call.
        check(unsafe { sys::sealmem_publisher_announce(self.raw.as_ptr(), name.as_ptr()) }).map(drop)
    }

    /// Have all later generations get numbers above this one.
    pub fn continue_from(&mut self, generation: u64) -> Result<()> {
        // SAFETY: the publisher lives as long as self.
        check(unsafe { sys::sealmem_publisher_continue(self.raw.as_ptr(), generation) }).map(drop)
    }

    /// The number that the next generation will have.
    pub fn reserve(&mut self) -> Result<u64> {
        let mut number = 0;
        // SAFETY: the publisher lives as long as self.
        check(unsafe { sys::sealmem_publisher_reserve(self.raw.as_ptr(), &mut number) }).map(|_| number)
    }

    /// The number of the newest generation of a name; 0 if there is none.
    pub fn generation(&self, name: impl AsRef<OsStr>) -> u64 {
        // SAFETY: both live during the call.
        text(name).map_or(0, |name| unsafe { sys::sealmem_publisher_generation(self.raw.as_ptr(), name.as_ptr()) })
    }

    /// The greatest number that it has given.
    pub fn greatest_generation(&self) -> u64 {
        // SAFETY: NULL stands for all names.
        unsafe { sys::sealmem_publisher_generation(self.raw.as_ptr(), ptr::null()) }
    }

    fn admit_by(&mut self, admission: Option<Box<Admission>>) -> Result<()> {
        let new = admission.and_then(|one| NonNull::new(Box::into_raw(one)));
        let (call, data): (Option<unsafe extern "C" fn(_, _, _) -> _>, _) = match new {
            Some(data) => (Some(admit), data.as_ptr().cast()),
            None => (None, ptr::null_mut()),
        };
        // SAFETY: `data` lives until another one has taken its place, or the publisher is freed.
        let done = check(unsafe { sys::sealmem_publisher_set_admission(self.raw.as_ptr(), call, data) });
        let gone = match done {
            Ok(_) => std::mem::replace(&mut self.admission, new),
            Err(_) => new,
        };
        drop_admission(gone);
        done.map(drop)
    }

    /// Have a function decide who gets what: it admits with `true`, and gets `None` for the list. It must return soon. If it
    /// panics, that is a refusal, and [`dispatch`](Publisher::dispatch) goes on with the panic.
    pub fn set_admission(
        &mut self,
        admit: impl FnMut(&Peer<'_>, Option<&OsStr>) -> bool + Send + 'static,
    ) -> Result<()> {
        self.admit_by(Some(Box::new(Admission { admit: Box::new(admit), panic: Panic::default() })))
    }

    /// Admit everybody who can connect, as in the beginning.
    pub fn admit_everybody(&mut self) -> Result<()> {
        self.admit_by(None)
    }

    /// Limit what others can take of it.
    pub fn set_limits(&mut self, limits: Limits) -> Result<()> {
        let Limits { clients, clients_of_user, names_of_client } = limits;
        let limits = sys::sealmem_publisher_limits { clients, clients_of_user, names_of_client };
        // SAFETY: both live during the call.
        check(unsafe { sys::sealmem_publisher_set_limits(self.raw.as_ptr(), &limits) }).map(drop)
    }

    /// Accept connections, receive what clients ask for, and send them what they lack, without waiting.
    pub fn dispatch(&mut self) -> Result<()> {
        // SAFETY: the publisher lives as long as self.
        let done = check(unsafe { sys::sealmem_publisher_dispatch(self.raw.as_ptr()) });
        if let Some(mut admission) = self.admission {
            // SAFETY: C has returned, and nobody else has it.
            unsafe { admission.as_mut() }.panic.resume();
        }
        done.map(drop)
    }
}

/// It is readable when [`dispatch`](Publisher::dispatch) has something to do.
impl AsFd for Publisher {
    fn as_fd(&self) -> BorrowedFd<'_> {
        // SAFETY: the descriptor belongs to the publisher, and is open as long.
        unsafe { BorrowedFd::borrow_raw(sys::sealmem_publisher_fd(self.raw.as_ptr())) }
    }
}

fn drop_admission(admission: Option<NonNull<Admission>>) {
    if let Some(one) = admission {
        // SAFETY: it is of Box::into_raw(), and C has it no more.
        drop(unsafe { Box::from_raw(one.as_ptr()) });
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        // SAFETY: nobody else has it.
        unsafe { sys::sealmem_publisher_free(self.raw.as_ptr()) };
        drop_admission(self.admission.take());
    }
}

/// What a publisher says of one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// The name.
    pub name: OsString,
    /// The label of the newest generation, or nothing.
    pub label: OsString,
    /// The number of the newest generation; 0 if there is none.
    pub generation: u64,
    /// Its size in bytes.
    pub size: u64,
    /// How many clients have subscribed.
    pub subscribers: u32,
    /// How many of them say that they have the newest generation.
    pub holders: u32,
}

/// # Safety
/// `data` is a list, and `published` and its texts last for the call.
unsafe extern "C" fn list_one(published: *const sys::sealmem_published, data: *mut c_void) -> c_int {
    // SAFETY: list_published() passed the list, and nobody else uses it now.
    let (list, p) = unsafe { (&mut *data.cast::<Vec<Published>>(), &*published) };
    // SAFETY: the texts last for the call.
    let (name, label) = unsafe { (os_string(p.name), os_string(p.label)) };
    let (generation, size, subscribers, holders) = (p.generation, p.size, p.subscribers, p.holders);
    if list.try_reserve(1).is_err() {
        return -ECANCELED;
    }
    list.push(Published { name, label, generation, size, subscribers, holders });
    0
}

/// Ask a publisher for the list of its names, over a connection that is used for nothing else.
pub fn list_published(socket: impl AsFd) -> Result<Vec<Published>> {
    let mut list = Vec::new();
    let data: *mut Vec<Published> = &mut list;
    // SAFETY: C gives `data` back during the call only.
    check(unsafe { sys::sealmem_list_published(socket.as_fd().as_raw_fd(), Some(list_one), data.cast()) })?;
    Ok(list)
}

/// The handle of the library. The last of the subscription, its readers and their generations frees it.
struct Owned(NonNull<sys::sealmem_subscription>);

// SAFETY: any number of threads acquire and release. What one thread at a time may call is behind `&mut Subscription`.
unsafe impl Send for Owned {}
// SAFETY: as above.
unsafe impl Sync for Owned {}

impl Drop for Owned {
    fn drop(&mut self) {
        // SAFETY: nobody has it any more, and every generation was released.
        unsafe { sys::sealmem_subscription_free(self.0.as_ptr()) };
    }
}

/// The side that reads: it takes new generations. Any number of [`Reader`]s read meanwhile, in other threads.
pub struct Subscription(Reader);

impl Subscription {
    /// Subscribe to a name, and wait for its first generation, over a connection
    /// ([`seqpacket::connect_to`](crate::seqpacket::connect_to)) that is used for nothing else and may be closed afterwards.
    pub fn new(
        socket: impl AsFd,
        name: impl AsRef<OsStr>,
        limit: usize,
        guarantees: Guarantees,
    ) -> Result<Subscription> {
        let (name, mut raw): (CString, _) = (text(name)?, ptr::null_mut());
        let fd = socket.as_fd().as_raw_fd();
        // SAFETY: the socket is open during the call; the function stores a subscription, which is ours.
        check(unsafe { sys::sealmem_subscribe(&mut raw, fd, name.as_ptr(), limit, guarantees.bits()) })?;
        let raw = NonNull::new(raw).ok_or_else(|| Error::new(EINVAL))?;
        Ok(Subscription(Reader(Arc::new(Owned(raw)))))
    }

    /// Take the newest generation if it has come, without waiting. Whether there is a newer one now.
    pub fn update(&mut self) -> Result<bool> {
        // SAFETY: `&mut self` says that no other thread is in here; readers may read.
        check(unsafe { sys::sealmem_subscription_update(self.0.raw()) }).map(|newer| newer > 0)
    }

    /// Go on with another connection.
    pub fn reconnect(&mut self, socket: impl AsFd) -> Result<()> {
        // SAFETY: `&mut self` says that no other thread is in here, and that nobody has the descriptor.
        check(unsafe { sys::sealmem_subscription_reconnect(self.0.raw(), socket.as_fd().as_raw_fd()) }).map(drop)
    }

    /// A handle for another thread, which reads only.
    pub fn reader(&self) -> Reader {
        self.0.clone()
    }
}

impl Deref for Subscription {
    type Target = Reader;

    fn deref(&self) -> &Reader {
        &self.0
    }
}

/// It is readable when [`update`](Subscription::update) has something to do.
impl AsFd for Subscription {
    fn as_fd(&self) -> BorrowedFd<'_> {
        // SAFETY: the descriptor belongs to the subscription, and only reconnect() changes it, which takes `&mut self`.
        unsafe { BorrowedFd::borrow_raw(sys::sealmem_subscription_fd(self.0.raw())) }
    }
}

/// Reads what a [`Subscription`] has, from any thread.
#[derive(Clone)]
pub struct Reader(Arc<Owned>);

impl Reader {
    fn raw(&self) -> *mut sys::sealmem_subscription {
        self.0 .0.as_ptr()
    }

    /// The newest generation, which stays as it is until it is dropped. It waits for nothing. `None` in a child of fork(2)
    /// if NOFORK was demanded.
    pub fn acquire(&self) -> Option<Generation> {
        // SAFETY: the subscription lives as long as self.
        let raw = unsafe { sys::sealmem_subscription_acquire(self.raw()) };
        // SAFETY: the region is sealed, stays until it is released, and is never freed here.
        let region = unsafe { Region::from_raw(raw as *mut _, Guarantees::CONTENT) }?;
        Some(Generation { region: ManuallyDrop::new(region), from: self.clone() })
    }

    /// The number of the newest generation that it has.
    pub fn generation(&self) -> u64 {
        // SAFETY: the subscription lives as long as self.
        unsafe { sys::sealmem_subscription_generation(self.raw()) }
    }
}

/// One generation: a sealed region that belongs to a subscription, and keeps it.
pub struct Generation {
    region: ManuallyDrop<Region<Sealed>>,
    from: Reader,
}

impl Deref for Generation {
    type Target = Region<Sealed>;

    fn deref(&self) -> &Region<Sealed> {
        &self.region
    }
}

impl Drop for Generation {
    fn drop(&mut self) {
        // SAFETY: it was acquired there, and `region` is not used any more.
        unsafe { sys::sealmem_subscription_release(self.from.raw(), self.region.as_raw()) };
    }
}
