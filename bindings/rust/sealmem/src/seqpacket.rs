// SPDX-License-Identifier: MIT

//! Sockets that keep messages apart (SOCK_SEQPACKET), which the standard library does not make. They are close-on-exec.

use std::io;
use std::mem::size_of;
use std::os::raw::{c_char, c_int, c_ushort};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::io::{AsRawFd, FromRawFd, OwnedFd};
use std::path::Path;

const AF_UNIX: c_int = 1;
const SOCK_SEQPACKET: c_int = 5;
const SOCK_CLOEXEC: c_int = 0o2000000;
const BACKLOG: c_int = 128;

#[repr(C)]
struct Address {
    family: c_ushort,
    path: [c_char; 108],
}

extern "C" {
    fn socket(domain: c_int, kind: c_int, protocol: c_int) -> c_int;
    fn bind(fd: c_int, address: *const Address, size: u32) -> c_int;
    fn connect(fd: c_int, address: *const Address, size: u32) -> c_int;
    fn listen(fd: c_int, backlog: c_int) -> c_int;
}

fn done(result: c_int) -> io::Result<c_int> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}

fn address(path: &Path) -> io::Result<Address> {
    let (bytes, mut address) = (path.as_os_str().as_bytes(), Address { family: AF_UNIX as c_ushort, path: [0; 108] });
    if bytes.is_empty() || bytes.len() >= address.path.len() || bytes.contains(&0) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    for (to, from) in address.path.iter_mut().zip(bytes) {
        *to = *from as c_char;
    }
    Ok(address)
}

fn new() -> io::Result<OwnedFd> {
    // SAFETY: the call takes no memory, and the descriptor is ours.
    unsafe { Ok(OwnedFd::from_raw_fd(done(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0))?)) }
}

/// A socket that listens at a path, for a [`Publisher`](crate::Publisher).
pub fn listen_at(path: impl AsRef<Path>) -> io::Result<OwnedFd> {
    let (fd, address) = (new()?, address(path.as_ref())?);
    // SAFETY: the address lives during the call, and has this size.
    done(unsafe { bind(fd.as_raw_fd(), &address, size_of::<Address>() as u32) })?;
    // SAFETY: the call takes no memory.
    done(unsafe { listen(fd.as_raw_fd(), BACKLOG) })?;
    Ok(fd)
}

/// A connection to a publisher, for a [`Subscription`](crate::Subscription) or for
/// [`list_published`](crate::list_published).
pub fn connect_to(path: impl AsRef<Path>) -> io::Result<OwnedFd> {
    let (fd, address) = (new()?, address(path.as_ref())?);
    // SAFETY: the address lives during the call, and has this size.
    done(unsafe { connect(fd.as_raw_fd(), &address, size_of::<Address>() as u32) })?;
    Ok(fd)
}
