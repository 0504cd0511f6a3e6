// SPDX-License-Identifier: MIT

// What sealmem.h declares. tests/bindings/rust/declarations.py prints this file, and a test compares them.

use std::os::raw::{c_char, c_int, c_uint, c_ulong, c_void};

#[repr(C)]
pub struct sealmem_heap {
    _hidden: [u8; 0],
    _marker: core::marker::PhantomData<(*mut u8, core::marker::PhantomPinned)>,
}

#[repr(C)]
pub struct sealmem_publisher {
    _hidden: [u8; 0],
    _marker: core::marker::PhantomData<(*mut u8, core::marker::PhantomPinned)>,
}

#[repr(C)]
pub struct sealmem_region {
    _hidden: [u8; 0],
    _marker: core::marker::PhantomData<(*mut u8, core::marker::PhantomPinned)>,
}

#[repr(C)]
pub struct sealmem_subscription {
    _hidden: [u8; 0],
    _marker: core::marker::PhantomData<(*mut u8, core::marker::PhantomPinned)>,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct sealmem_constant {
    pub name: *const c_char,
    pub value: c_ulong,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct sealmem_image_pages {
    pub guarantees: c_uint,
    pub size: usize,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct sealmem_image_report {
    pub objects: c_uint,
    pub left: c_uint,
    pub lazy: c_uint,
    pub excluding: c_uint,
    pub marked: c_uint,
    pub text: sealmem_image_pages,
    pub read_only: sealmem_image_pages,
    pub relro: sealmem_image_pages,
    pub vdso: sealmem_image_pages,
    pub data: sealmem_image_pages,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct sealmem_extent {
    pub addr: *mut c_void,
    pub size: usize,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct sealmem_peer {
    pub pid: c_int,
    pub uid: c_uint,
    pub gid: c_uint,
    pub socket: c_int,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct sealmem_publisher_limits {
    pub clients: c_uint,
    pub clients_of_user: c_uint,
    pub names_of_client: c_uint,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct sealmem_published {
    pub name: *const c_char,
    pub label: *const c_char,
    pub generation: u64,
    pub size: u64,
    pub subscribers: c_uint,
    pub holders: c_uint,
}

extern "C" {
    pub fn sealmem_allow_emulation() -> c_int;
    pub fn sealmem_constants() -> *const sealmem_constant;
    pub fn sealmem_equal(a: *const c_void, b: *const c_void, size: usize) -> c_int;
    pub fn sealmem_guarantee_name(guarantee: c_uint) -> *const c_char;
    pub fn sealmem_heap_alloc(h: *mut sealmem_heap, size: usize) -> *mut c_void;
    pub fn sealmem_heap_check(h: *const sealmem_heap) -> c_int;
    pub fn sealmem_heap_close(h: *mut sealmem_heap) -> c_int;
    pub fn sealmem_heap_dealloc(h: *mut sealmem_heap, p: *mut c_void);
    pub fn sealmem_heap_free(h: *mut sealmem_heap) -> *mut sealmem_heap;
    pub fn sealmem_heap_guarantees(h: *const sealmem_heap) -> c_uint;
    pub fn sealmem_heap_new(ret: *mut *mut sealmem_heap, name: *const c_char, limit: usize, guarantees: c_uint) -> c_int;
    pub fn sealmem_heap_open(h: *mut sealmem_heap) -> c_int;
    pub fn sealmem_heap_realloc(h: *mut sealmem_heap, p: *mut c_void, size: usize) -> *mut c_void;
    pub fn sealmem_heap_usable_size(h: *const sealmem_heap, p: *const c_void) -> usize;
    pub fn sealmem_keep_available(addr: *mut c_void, size: usize) -> c_int;
    pub fn sealmem_list_published(socket: c_int, each: Option<unsafe extern "C" fn(published: *const sealmem_published, data: *mut c_void) -> c_int>, data: *mut c_void) -> c_int;
    pub fn sealmem_load_verified(ret: *mut *mut c_void, fd: c_int, verify: Option<unsafe extern "C" fn(bytes: *const c_void, size: usize, data: *mut c_void) -> c_int>, data: *mut c_void, flags: c_int) -> c_int;
    pub fn sealmem_mseal(addr: *mut c_void, size: usize, flags: c_ulong) -> c_int;
    pub fn sealmem_mseal_many(extents: *const sealmem_extent, count: usize) -> c_int;
    pub fn sealmem_page_size() -> usize;
    pub fn sealmem_publish(p: *mut sealmem_publisher, r: *const sealmem_region) -> c_int;
    pub fn sealmem_publish_labelled(p: *mut sealmem_publisher, r: *const sealmem_region, label: *const c_char) -> c_int;
    pub fn sealmem_publish_named(p: *mut sealmem_publisher, r: *const sealmem_region, name: *const c_char, label: *const c_char) -> c_int;
    pub fn sealmem_publisher_announce(p: *mut sealmem_publisher, name: *const c_char) -> c_int;
    pub fn sealmem_publisher_continue(p: *mut sealmem_publisher, generation: u64) -> c_int;
    pub fn sealmem_publisher_dispatch(p: *mut sealmem_publisher) -> c_int;
    pub fn sealmem_publisher_fd(p: *const sealmem_publisher) -> c_int;
    pub fn sealmem_publisher_free(p: *mut sealmem_publisher) -> *mut sealmem_publisher;
    pub fn sealmem_publisher_generation(p: *const sealmem_publisher, name: *const c_char) -> u64;
    pub fn sealmem_publisher_new(ret: *mut *mut sealmem_publisher, listening_socket: c_int) -> c_int;
    pub fn sealmem_publisher_reserve(p: *mut sealmem_publisher, ret: *mut u64) -> c_int;
    pub fn sealmem_publisher_set_admission(p: *mut sealmem_publisher, admit: Option<unsafe extern "C" fn(peer: *const sealmem_peer, name: *const c_char, data: *mut c_void) -> c_int>, data: *mut c_void) -> c_int;
    pub fn sealmem_publisher_set_limits(p: *mut sealmem_publisher, limits: *const sealmem_publisher_limits) -> c_int;
    pub fn sealmem_receive(socket: c_int, ret: *mut *mut sealmem_region, guarantees: c_uint) -> c_int;
    pub fn sealmem_receive_limited(socket: c_int, ret: *mut *mut sealmem_region, limit: usize, guarantees: c_uint) -> c_int;
    pub fn sealmem_region_accept(ret: *mut *mut sealmem_region, fd: c_int, guarantees: c_uint) -> c_int;
    pub fn sealmem_region_accept_limited(ret: *mut *mut sealmem_region, fd: c_int, limit: usize, guarantees: c_uint) -> c_int;
    pub fn sealmem_region_alloc(r: *mut sealmem_region, size: usize, align: usize) -> *mut c_void;
    pub fn sealmem_region_data(r: *const sealmem_region) -> *mut c_void;
    pub fn sealmem_region_fd(r: *const sealmem_region) -> c_int;
    pub fn sealmem_region_free(r: *mut sealmem_region) -> *mut sealmem_region;
    pub fn sealmem_region_guarantees(r: *const sealmem_region) -> c_uint;
    pub fn sealmem_region_name(r: *const sealmem_region) -> *const c_char;
    pub fn sealmem_region_new(ret: *mut *mut sealmem_region, name: *const c_char, capacity: usize, guarantees: c_uint) -> c_int;
    pub fn sealmem_region_new_from(ret: *mut *mut sealmem_region, name: *const c_char, bytes: *const c_void, size: usize, guarantees: c_uint) -> c_int;
    pub fn sealmem_region_new_from_file(ret: *mut *mut sealmem_region, name: *const c_char, fd: c_int, limit: usize, guarantees: c_uint) -> c_int;
    pub fn sealmem_region_new_from_file_with(ret: *mut *mut sealmem_region, name: *const c_char, fd: c_int, limit: usize, guarantees: c_uint, progress: Option<unsafe extern "C" fn(done: usize, total: usize, data: *mut c_void) -> c_int>, verify: Option<unsafe extern "C" fn(bytes: *const c_void, size: usize, data: *mut c_void) -> c_int>, data: *mut c_void) -> c_int;
    pub fn sealmem_region_realloc(r: *mut sealmem_region, p: *mut c_void, size: usize) -> *mut c_void;
    pub fn sealmem_region_seal(r: *mut sealmem_region) -> c_int;
    pub fn sealmem_region_size(r: *const sealmem_region) -> usize;
    pub fn sealmem_region_trim(r: *mut sealmem_region, size: usize) -> c_int;
    pub fn sealmem_report_faults() -> c_int;
    pub fn sealmem_seal_image(flags: c_uint, ret: *mut sealmem_image_report) -> c_int;
    pub fn sealmem_seal_loaded(handle: *mut c_void, flags: c_uint, ret: *mut sealmem_image_report) -> c_int;
    pub fn sealmem_seal_range(addr: *mut c_void, size: usize, guarantees: c_uint) -> c_int;
    pub fn sealmem_seal_range_named(addr: *mut c_void, size: usize, name: *const c_char, guarantees: c_uint) -> c_int;
    pub fn sealmem_secret_restore(ret: *mut *mut sealmem_region, fd: c_int, name: *const c_char, guarantees: c_uint) -> c_int;
    pub fn sealmem_secret_store(r: *const sealmem_region) -> c_int;
    pub fn sealmem_send(socket: c_int, r: *const sealmem_region) -> c_int;
    pub fn sealmem_strerror(err: c_int) -> *const c_char;
    pub fn sealmem_subscribe(ret: *mut *mut sealmem_subscription, socket: c_int, name: *const c_char, limit: usize, guarantees: c_uint) -> c_int;
    pub fn sealmem_subscription_acquire(s: *mut sealmem_subscription) -> *const sealmem_region;
    pub fn sealmem_subscription_fd(s: *const sealmem_subscription) -> c_int;
    pub fn sealmem_subscription_free(s: *mut sealmem_subscription) -> *mut sealmem_subscription;
    pub fn sealmem_subscription_generation(s: *const sealmem_subscription) -> u64;
    pub fn sealmem_subscription_reconnect(s: *mut sealmem_subscription, socket: c_int) -> c_int;
    pub fn sealmem_subscription_release(s: *mut sealmem_subscription, r: *const sealmem_region);
    pub fn sealmem_subscription_update(s: *mut sealmem_subscription) -> c_int;
    pub fn sealmem_supported() -> c_uint;
    pub fn sealmem_try_write(addr: *mut c_void, bytes: *const c_void, size: usize) -> c_int;
    pub fn sealmem_version() -> *const c_char;
    pub fn sealmem_wipe(addr: *mut c_void, size: usize);
}
