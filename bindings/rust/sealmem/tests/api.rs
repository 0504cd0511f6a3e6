// SPDX-License-Identifier: MIT

//! The whole interface, as a program uses it.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::ops::ControlFlow;
use std::os::unix::io::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{mpsc, Arc, Mutex};
use std::thread;

use sealmem::state::{Open, Stuck};
use sealmem::*;

const CONTENT: Guarantees = Guarantees::CONTENT;
const EPERM: i32 = 1;
const ENOENT: i32 = 2;
const EAGAIN: i32 = 11;
const EACCES: i32 = 13;
const EFAULT: i32 = 14;
const EINVAL: i32 = 22;
const EFBIG: i32 = 27;
const ENODEV: i32 = 19;
const EUSERS: i32 = 87;
const EOPNOTSUPP: i32 = 95;
const ECONNRESET: i32 = 104;
const ECANCELED: i32 = 125;
const EKEYREJECTED: i32 = 129;

/// What some machines do not give, or give too little of.
fn has(wanted: Guarantees) -> bool {
    let there = supported().contains(wanted);
    if !there {
        println!("# skip {:?}: this machine does not support it, or RLIMIT_MEMLOCK is used up", wanted);
    }
    there
}

fn refused<T>(errno: i32, result: Result<T>) {
    match result {
        Ok(_) => panic!("it succeeded, and errno {} is due", errno),
        Err(error) => {
            assert_eq!(error.errno(), errno, "{}", error);
            assert!(error.sentence().ends_with('.'), "{}", error);
        }
    }
}

fn abc() -> Region {
    Region::from_bytes("abc", b"abc", CONTENT).unwrap()
}

/// A file of these bytes that has no name any more.
fn file(bytes: &[u8]) -> File {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let path = place(&format!("file-{}", NUMBER.fetch_add(1, Ordering::Relaxed)));
    let mut file = File::options().read(true).write(true).create_new(true).open(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    file.write_all(bytes).unwrap();
    file.seek(SeekFrom::Start(0)).unwrap();
    file
}

fn place(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("sealmem-rust-{}-{}", std::process::id(), name))
}

#[test]
fn an_open_region_becomes_a_sealed_one() {
    let mut open: Region<Open> = Region::open("policy", 1 << 20, CONTENT).unwrap();
    assert_eq!(open.len(), 1 << 20);
    let first = open.put(b"allow ").unwrap();
    let last = open.put(b"443").unwrap();
    assert_eq!((first, last.clone()), (0..6, 6..9));
    let last = open.realloc(last, 4).unwrap();
    open[last][3] = b'!';
    let before = open.as_ptr();
    let sealed = open.seal().unwrap();
    assert_eq!(&sealed[..], b"allow 443!");
    assert_eq!(sealed.as_ptr(), before);
    assert_eq!(sealed.name(), "policy");
    assert_eq!(sealed.guarantees(), CONTENT);
    assert_eq!(format!("{:?}", sealed), "Region { name: \"policy\", size: 10, guarantees: Guarantees(CONTENT) }");
}

#[test]
fn a_store_is_refused_after_the_seal_and_not_before() {
    let mut open = Region::open("r", 3, CONTENT).unwrap();
    open.try_write(0, b"abc").unwrap();
    assert_eq!(&open[..], b"abc");
    refused(EINVAL, open.try_write(1, b"abc"));
    refused(EINVAL, open.try_write(usize::MAX, b"abc"));
    let mut sealed = open.seal().unwrap();
    refused(EFAULT, sealed.try_write(0, b"A"));
    assert_eq!(&sealed[..], b"abc");
    assert!(sealed.as_mut_bytes().is_none());
}

#[test]
fn pieces_are_zeroed_and_aligned_and_taken_back() {
    let mut open = Region::open("r", 1 << 16, CONTENT).unwrap();
    assert_eq!(open.alloc(1, 1).unwrap(), 0..1);
    let piece = open.alloc(64, 64).unwrap();
    assert_eq!(piece, 64..128);
    assert!(open[piece.clone()].iter().all(|byte| *byte == 0));
    refused(EINVAL, open.alloc(0, 1));
    refused(EINVAL, open.alloc(1, 3));
    refused(12, open.alloc(1 << 20, 1));
    refused(EINVAL, open.realloc(0..1, 2));
    refused(EINVAL, open.realloc(usize::MAX..usize::MAX, 2));
    open.trim(1).unwrap();
    assert_eq!(open.len(), 1);
    refused(EINVAL, open.trim(2));
    open.trim(0).unwrap();
    assert!(open.seal().unwrap().is_empty());
}

#[test]
fn a_seal_that_fails_gives_the_region_back() {
    extern "C" {
        fn mmap(at: *mut u8, size: usize, prot: i32, flags: i32, fd: i32, offset: i64) -> *mut u8;
        fn munmap(at: *mut u8, size: usize) -> i32;
    }
    let mut open = Region::open("r", 100, CONTENT).unwrap();
    open[0] = 7;
    // Whoever maps the file writable keeps the seal away: the same file, as /proc has it.
    let name = std::fs::read_dir("/proc/self/fd").unwrap().find_map(|entry| {
        let path = entry.unwrap().path();
        let target = std::fs::read_link(&path).ok()?;
        let one = File::options().read(true).write(true).open(&path);
        if target.to_string_lossy().starts_with("/memfd:sealmem:r") {
            one.ok()
        } else {
            None
        }
    });
    let file = match name {
        Some(file) => file,
        None => return println!("# skip: no descriptor of the region can be opened for writing here"),
    };
    // SAFETY: a new mapping, where the kernel likes.
    let writable = unsafe { mmap(std::ptr::null_mut(), 100, 3, 1, file.as_raw_fd(), 0) };
    let failed = open.seal().unwrap_err();
    assert_eq!(failed.error.errno(), 16, "{}", failed);
    let mut open = match failed.region {
        Unsealed::Open(open) => open,
        Unsealed::Stuck(_) => panic!("it is read-only"),
    };
    open[1] = 8;
    // SAFETY: the mapping is ours.
    assert_eq!(unsafe { munmap(writable, 100) }, 0);
    drop(file);
    assert_eq!(&open.seal().unwrap()[..2], &[7, 8]);
}

#[test]
fn a_demand_that_cannot_be_met_is_an_errno_and_a_sentence() {
    refused(EINVAL, Region::open("r", 0, CONTENT));
    refused(EINVAL, Region::open("r", 1, Guarantees::NONE));
    refused(EINVAL, Region::open("r", 1, Guarantees::from_bits(0x80) | CONTENT));
    refused(EINVAL, Region::open("a\nb", 1, CONTENT));
    refused(EINVAL, Region::open("a\0b", 1, CONTENT));
    refused(36, Region::open("n".repeat(NAME_MAX + 1), 1, CONTENT));
    let error = Region::open("r", 0, CONTENT).unwrap_err();
    assert_eq!(std::io::Error::from(error).raw_os_error(), Some(EINVAL));
    assert!(format!("{:?}", error).contains("22"));
}

#[test]
fn a_secret_without_content_stays_writable() {
    if !has(Guarantees::SECRECY) {
        return;
    }
    let mut open = Region::open("key", 6, Guarantees::SECRECY).unwrap();
    open.copy_from_slice(b"secret");
    let mut sealed = open.seal().unwrap();
    sealed.as_mut_bytes().unwrap()[0] = b'S';
    assert_eq!(&sealed[..], b"Secret");
    refused(EOPNOTSUPP, sealed.fd());
    let stored: OwnedFd = match sealed.store() {
        Err(error) if error.errno() == EAGAIN => return println!("# skip: {}", error),
        stored => stored.unwrap(),
    };
    refused(ENODEV, Region::restore(file(b"x").into(), "key", Guarantees::SECRECY).map_err(Error::from));
    let failed = Region::restore(stored, "key", CONTENT).unwrap_err();
    assert_eq!(failed.error.errno(), EINVAL);
    match Region::restore(failed.fd, "back", Guarantees::SECRECY) {
        Err(RestoreError { error, .. }) if error.errno() == EAGAIN => println!("# skip: {}", error),
        back => assert_eq!(&back.unwrap()[..], b"Secret"),
    }
}

#[test]
fn other_guarantees_are_in_force_from_the_beginning() {
    for one in [Guarantees::NODUMP, Guarantees::NOFORK, Guarantees::GUARDS, Guarantees::NOSWAP, Guarantees::ADDRESS] {
        if has(one) {
            let sealed = Region::from_bytes("r", b"abc", CONTENT | one).unwrap();
            assert!(sealed.guarantees().contains(CONTENT | one), "{:?}", sealed);
        }
    }
}

#[test]
fn a_file_becomes_a_region_and_is_verified() {
    let source = file(b"allow 443");
    assert_eq!(&Region::from_file("f", &source, 100, CONTENT).unwrap()[..], b"allow 443");
    refused(EFBIG, Region::from_file("f", &source, 8, CONTENT));
    let go = |_, _| ControlFlow::Continue(());
    let (mut seen, mut judged) = (vec![], vec![]);
    let count = |done, total| {
        seen.push((done, total));
        ControlFlow::Continue(())
    };
    let judge = |bytes: &[u8]| {
        judged.extend_from_slice(bytes);
        Verdict::Accept
    };
    Region::from_file_with("f", &source, 100, CONTENT, count, judge).unwrap();
    assert_eq!((seen.last(), &judged[..]), (Some(&(9, 9)), &b"allow 443"[..]));
    refused(EKEYREJECTED, Region::from_file_with("f", &source, 100, CONTENT, go, |_| Verdict::Refuse));
    refused(EACCES, Region::from_file_with("f", &source, 100, CONTENT, go, |_| Verdict::RefuseWith(EACCES)));
    refused(
        ECANCELED,
        Region::from_file_with("f", &source, 100, CONTENT, |_, _| ControlFlow::Break(()), |_| Verdict::Accept),
    );
    let thrown = catch_unwind(AssertUnwindSafe(|| {
        Region::from_file_with("f", &source, 100, CONTENT, go, |_| panic!("from verify"))
    }));
    assert_eq!(*thrown.unwrap_err().downcast_ref::<&str>().unwrap(), "from verify");
}

#[test]
fn a_region_goes_over_a_socket_and_is_accepted() {
    let (here, there) = UnixStream::pair().unwrap();
    let region = abc();
    region.send(&here).unwrap();
    let received = Region::receive(&there, 100, CONTENT).unwrap();
    assert_eq!((&received[..], received.name()), (&b"abc"[..], "abc".as_ref()));
    region.send(&here).unwrap();
    refused(EFBIG, Region::receive(&there, 2, CONTENT));
    let accepted = Region::accept(region.fd().unwrap(), 100, CONTENT).unwrap();
    assert_eq!((&accepted[..], accepted.name()), (&b"abc"[..], "accepted".as_ref()));
    refused(ENODEV, Region::accept(file(b"abc"), 100, CONTENT));
    let mut copy = vec![];
    File::from(region.fd().unwrap().as_fd().try_clone_to_owned().unwrap()).read_to_end(&mut copy).unwrap();
    assert_eq!(copy, b"abc");
}

#[test]
fn threads_share_a_sealed_region_and_pass_an_open_one_on() {
    let mut open = Region::open("r", 3, CONTENT).unwrap();
    let open = thread::spawn(move || {
        open.copy_from_slice(b"abc");
        open
    })
    .join()
    .unwrap();
    let shared = Arc::new(open.seal().unwrap());
    let readers: Vec<_> = (0..4)
        .map(|_| {
            let shared = shared.clone();
            thread::spawn(move || shared.iter().map(|byte| *byte as u32).sum::<u32>())
        })
        .collect();
    assert!(readers.into_iter().all(|reader| reader.join().unwrap() == 294));
}

#[test]
fn types_cross_threads_where_that_is_true() {
    fn send<T: Send>() {}
    fn sync<T: Sync>() {}
    send::<Region<Open>>();
    send::<Region<Stuck>>();
    send::<Region>();
    sync::<Region>();
    send::<Heap>();
    sync::<Heap>();
    send::<HeapBox<String>>();
    sync::<HeapVec<u8>>();
    send::<Publisher>();
    send::<Subscription>();
    sync::<Reader>();
    send::<Generation>();
    sync::<Generation>();
    sync::<Sealed<u32>>();
}

#[test]
fn a_global_is_set_once() {
    #[derive(Clone, Copy, Debug, PartialEq)]
    struct Config {
        port: u16,
        root: [u8; 3],
    }
    static CONFIG: Sealed<Config> = Sealed::new();
    let config = Config { port: 443, root: *b"srv" };
    assert!(CONFIG.get().is_none());
    assert!(catch_unwind(|| CONFIG.port).is_err());
    refused(EINVAL, CONFIG.set("config", config, Guarantees::GUARDS));
    assert!(CONFIG.get().is_none());
    CONFIG.set("config", config, CONTENT).unwrap();
    assert_eq!(*CONFIG, config);
    refused(EPERM, CONFIG.set("config", config, CONTENT));
    let value: *const Config = &*CONFIG;
    // SAFETY: the page refuses the store, so nothing changes.
    refused(EFAULT, unsafe { try_write(value as *mut _, b"AA") });
    assert_eq!(CONFIG.port, 443);
}

#[test]
fn a_heap_holds_values_and_vectors() {
    let heap = Heap::new("keys", 1 << 18, Guarantees::NODUMP).unwrap();
    assert!(heap.guarantees().contains(Guarantees::NODUMP));
    let mut value = heap.boxed([1u64; 4]).unwrap();
    value[0] = 2;
    assert_eq!(*value, [2, 1, 1, 1]);
    assert_eq!(format!("{:?}", value), "HeapBox(..)");
    let mut bytes = heap.vec::<u8>();
    for round in 0..5000u32 {
        bytes.push(round as u8).unwrap();
    }
    assert!(bytes.iter().enumerate().all(|(at, byte)| *byte == at as u8));
    assert!(bytes.capacity() >= 5000);
    assert_eq!(bytes.pop(), Some(4999u32 as u8));
    bytes.truncate(3);
    bytes.extend_from_slice(b"abc").unwrap();
    assert_eq!(&bytes[..], b"\x00\x01\x02abc");
    refused(12, bytes.reserve(2 << 20));
    refused(12, bytes.reserve(usize::MAX));
    refused(12, heap.boxed([0u8; 300_000]));
    heap.check().unwrap();
    let clone = heap.clone();
    drop(heap);
    drop(bytes);
    assert_eq!(*value, [2, 1, 1, 1]);
    clone.check().unwrap();
}

#[test]
fn a_heap_keeps_the_alignment_of_a_type() {
    #[repr(align(256))]
    #[derive(Clone, Copy)]
    struct Wide([u8; 300]);
    #[repr(align(64))]
    struct Large([u8; 3000]);
    let heap = Heap::new("h", 1 << 22, Guarantees::NONE).unwrap();
    let mut wides = heap.vec::<Wide>();
    for round in 0..20 {
        wides.push(Wide([round; 300])).unwrap();
    }
    assert!(wides.iter().enumerate().all(|(at, one)| one as *const _ as usize % 256 == 0 && one.0 == [at as u8; 300]));
    let boxes: Vec<_> = (0..20).map(|_| heap.boxed(Wide([0; 300])).unwrap()).collect();
    assert!(boxes.iter().all(|one| &**one as *const _ as usize % 256 == 0));
    let large = heap.boxed(Large([7; 3000])).unwrap();
    assert_eq!((&*large as *const _ as usize % 64, large.0), (0, [7; 3000]));
    let mut nothing = heap.vec::<()>();
    for _ in 0..1000 {
        nothing.push(()).unwrap();
    }
    assert_eq!((nothing.len(), nothing.pop()), (1000, Some(())));
    assert!(heap.boxed([0u8; 2050]).is_ok());
    heap.check().unwrap();
}

#[test]
fn values_in_a_heap_are_dropped_once() {
    struct Counts(Arc<AtomicUsize>);
    impl Drop for Counts {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    let (heap, gone) = (Heap::new("h", 1 << 20, Guarantees::NONE).unwrap(), Arc::new(AtomicUsize::new(0)));
    drop(heap.boxed(Counts(gone.clone())).unwrap());
    let mut many = heap.vec();
    for _ in 0..100 {
        many.push(Counts(gone.clone())).unwrap();
    }
    assert_eq!(gone.load(Ordering::Relaxed), 1);
    drop(many.pop());
    many.truncate(50);
    assert_eq!(gone.load(Ordering::Relaxed), 51);
    drop(many);
    assert_eq!(gone.load(Ordering::Relaxed), 101);
    assert_eq!(Arc::strong_count(&gone), 1);
}

#[test]
fn a_closed_heap_refuses_a_store_until_it_is_opened() {
    let heap = Heap::new("h", 1 << 16, Guarantees::NONE).unwrap();
    let mut key = heap.boxed([7u8; 32]).unwrap();
    let place: *mut [u8; 32] = &mut *key;
    // SAFETY: nobody reads `key` before the heap is open again, and the kernel stores for us.
    unsafe {
        heap.close().unwrap();
        refused(EFAULT, try_write(place.cast(), b"A"));
        heap.open().unwrap();
        try_write(place.cast(), b"A").unwrap();
    }
    assert_eq!(key[..2], [b'A', 7]);
}

fn served() -> (Publisher, PathBuf) {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let path = place(&format!("socket-{}", NUMBER.fetch_add(1, Ordering::Relaxed)));
    let _ = std::fs::remove_file(&path);
    (Publisher::new(seqpacket::listen_at(&path).unwrap()).unwrap(), path)
}

/// Serves in another thread until the sender is dropped; returns the publisher then.
fn serve(mut publisher: Publisher) -> (mpsc::Sender<()>, thread::JoinHandle<Publisher>) {
    let (stop, stopped) = mpsc::channel();
    let thread = thread::spawn(move || {
        while stopped.recv_timeout(std::time::Duration::from_millis(1)) == Err(mpsc::RecvTimeoutError::Timeout) {
            publisher.dispatch().unwrap();
        }
        publisher
    });
    (stop, thread)
}

fn subscribe(path: &PathBuf, name: &str, limit: usize) -> Result<Subscription> {
    Subscription::new(seqpacket::connect_to(path).unwrap(), name, limit, CONTENT)
}

#[test]
fn generations_are_published_and_read() {
    let (mut publisher, path) = served();
    publisher.announce("later").unwrap();
    assert_eq!(publisher.generation("abc"), 0);
    publisher.publish(&abc()).unwrap();
    let first = publisher.generation("abc");
    assert!(first > 0 && publisher.greatest_generation() == first && publisher.as_fd().as_raw_fd() >= 0);
    publisher.continue_from(first + 1000).unwrap();
    let next = publisher.reserve().unwrap();
    assert!(next > first + 1000);
    let (stop, thread) = serve(publisher);
    let mut subscription = subscribe(&path, "abc", 100).unwrap();
    refused(ENOENT, subscribe(&path, "nonesuch", 100));
    refused(EFBIG, subscribe(&path, "abc", 2));
    let old = subscription.acquire().unwrap();
    assert_eq!((&old[..], subscription.generation()), (&b"abc"[..], first));
    drop(stop);
    let mut publisher = thread.join().unwrap();
    publisher.publish_named(&Region::from_bytes("other", b"new", CONTENT).unwrap(), "abc", "label").unwrap();
    assert_eq!(publisher.generation("abc"), next);
    publisher.publish_labelled(&old, "again").unwrap();
    let newest = publisher.generation("abc");
    let (stop, thread) = serve(publisher);
    let reader = subscription.reader();
    while reader.generation() != newest {
        subscription.update().unwrap();
        thread::yield_now();
    }
    assert!(!subscription.update().unwrap() && subscription.as_fd().as_raw_fd() >= 0);
    let list = list_published(seqpacket::connect_to(&path).unwrap()).unwrap();
    let of = |name: &str| list.iter().find(|one| one.name == name).unwrap();
    assert_eq!((of("abc").generation, of("abc").size, of("abc").label.as_os_str()), (newest, 3, "again".as_ref()));
    assert_eq!((of("later").generation, list.len()), (0, 2));
    drop(stop);
    drop(thread.join().unwrap());
    let lost = loop {
        if let Err(error) = subscription.update() {
            break error;
        }
    };
    assert_eq!(lost.errno(), ECONNRESET);
    std::fs::remove_file(&path).unwrap();
    drop(subscription);
    assert_eq!((&old[..], &reader.acquire().unwrap()[..]), (&b"abc"[..], &b"abc"[..]));
}

#[test]
fn a_subscription_goes_on_with_another_publisher() {
    let (mut publisher, path) = served();
    publisher.publish(&abc()).unwrap();
    let before = publisher.generation("abc");
    let (stop, thread) = serve(publisher);
    let mut subscription = subscribe(&path, "abc", 100).unwrap();
    drop(stop);
    drop(thread.join().unwrap());
    std::fs::remove_file(&path).unwrap();
    let mut publisher = Publisher::new(seqpacket::listen_at(&path).unwrap()).unwrap();
    publisher.continue_from(before).unwrap();
    publisher.publish(&Region::from_bytes("abc", b"def", CONTENT).unwrap()).unwrap();
    let newest = publisher.generation("abc");
    let (stop, thread) = serve(publisher);
    subscription.reconnect(seqpacket::connect_to(&path).unwrap()).unwrap();
    while subscription.generation() != newest {
        subscription.update().unwrap();
    }
    assert_eq!(&subscription.acquire().unwrap()[..], b"def");
    drop(stop);
    thread.join().unwrap();
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn a_function_decides_who_gets_what() {
    let (mut publisher, path) = served();
    publisher.publish(&abc()).unwrap();
    let seen = Arc::new(Mutex::new(vec![]));
    let seeing = seen.clone();
    publisher
        .set_admission(move |peer, name| {
            assert!(peer.socket.as_raw_fd() >= 0);
            seeing.lock().unwrap().push((peer.pid, name.map(|name| name.to_owned())));
            name.is_some()
        })
        .unwrap();
    let (stop, thread) = serve(publisher);
    assert!(subscribe(&path, "abc", 100).is_ok());
    refused(EACCES, list_published(seqpacket::connect_to(&path).unwrap()));
    drop(stop);
    let mut publisher = thread.join().unwrap();
    let own = std::process::id() as i32;
    assert_eq!(*seen.lock().unwrap(), [(own, Some("abc".into())), (own, None)]);
    publisher.admit_everybody().unwrap();
    assert_eq!(Arc::strong_count(&seen), 1);
    publisher.set_limits(Limits { clients: 1, clients_of_user: 1, names_of_client: 1 }).unwrap();
    refused(EINVAL, publisher.set_limits(Limits { clients: 0, clients_of_user: 1, names_of_client: 1 }));
    let (stop, thread) = serve(publisher);
    let one = loop {
        // The connections from before go when the publisher notices that they are closed.
        match subscribe(&path, "abc", 100) {
            Err(error) if error.errno() == EUSERS => thread::yield_now(),
            other => break other.unwrap(),
        }
    };
    refused(EUSERS, subscribe(&path, "abc", 100));
    drop(one);
    drop(stop);
    thread.join().unwrap();
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn a_panic_of_admission_comes_out_of_dispatch() {
    let (mut publisher, path) = served();
    publisher.publish(&abc()).unwrap();
    publisher.set_admission(|_, _| panic!("from admission")).unwrap();
    let to = path.clone();
    let client = thread::spawn(move || subscribe(&to, "abc", 100).err());
    let thrown = loop {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| publisher.dispatch().unwrap())) {
            break panic;
        }
    };
    assert_eq!(*thrown.downcast_ref::<&str>().unwrap(), "from admission");
    while !client.is_finished() {
        publisher.dispatch().unwrap();
    }
    assert_eq!(client.join().unwrap().unwrap().errno(), EACCES);
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn a_socket_that_is_none_is_refused() {
    refused(88, Publisher::new(file(b"")));
    refused(88, Subscription::new(file(b""), "n", 1, CONTENT));
    refused(88, list_published(file(b"")));
    refused(88, abc().send(file(b"")));
    assert!(seqpacket::listen_at("x".repeat(200)).is_err() && seqpacket::connect_to("").is_err());
    assert_eq!(seqpacket::connect_to("/nonexistent/socket").unwrap_err().raw_os_error(), Some(ENOENT));
}

#[test]
fn memory_of_the_caller_is_sealed_at_its_address() {
    extern "C" {
        fn mmap(at: *mut u8, size: usize, prot: i32, flags: i32, fd: i32, offset: i64) -> *mut u8;
    }
    // SAFETY: new private memory, which nobody else has.
    unsafe {
        let size = 2 * page_size();
        let place: *mut std::os::raw::c_void = mmap(std::ptr::null_mut(), size, 3, 0x22, -1, 0).cast();
        try_write(place, b"abc").unwrap();
        refused(EINVAL, seal_range(place, 1, CONTENT));
        seal_range(place, page_size(), CONTENT).unwrap();
        let second = (place as *mut u8).add(page_size()).cast();
        seal_range_named(second, page_size(), "second", CONTENT).unwrap();
        refused(EFAULT, try_write(place, b"A"));
        assert_eq!(std::slice::from_raw_parts(place as *const u8, 3), b"abc");
        if has(Guarantees::ADDRESS) {
            mseal(place, page_size()).unwrap();
            mseal_many(&[(place, page_size()), (second, page_size())]).unwrap();
        } else {
            refused(EOPNOTSUPP, mseal(place, page_size()));
        }
        refused(EINVAL, mseal_many(&vec![(place, page_size()); EXTENTS_MAX + 1]));
    }
}

#[test]
fn a_shared_object_is_loaded_from_the_bytes_that_were_verified() {
    // SAFETY: a file that is no object is not loaded.
    unsafe {
        refused(EKEYREJECTED, load_verified(file(b"text"), |_| Verdict::Refuse, 2));
        refused(EPERM, load_verified(file(b"text"), |_| Verdict::RefuseWith(EPERM), 2));
        let mut seen = vec![];
        let see = |bytes: &[u8]| {
            seen.extend_from_slice(bytes);
            Verdict::Accept
        };
        refused(8, load_verified(file(b"text"), see, 2));
        assert_eq!(seen, b"text");
        refused(EINVAL, seal_loaded(std::ptr::null_mut(), Image::PLAIN));
    }
    let directory = File::open("/").unwrap();
    refused(21, Region::from_file("d", directory, 1, CONTENT));
}

#[test]
fn what_stands_alone_answers() {
    assert_eq!(version(), env!("CARGO_PKG_VERSION"));
    assert!(page_size().is_power_of_two() && supported().contains(CONTENT));
    assert_eq!((Guarantees::GUARDS.name(), Guarantees::ALL.name()), (Some("GUARDS"), None));
    assert_eq!((CONTENT | Guarantees::NODUMP).to_string(), "CONTENT|NODUMP");
    assert_eq!(Guarantees::from_bits(0x81).to_string(), "CONTENT|0x80");
    assert!(equal(b"secret", b"secret") && !equal(b"secret", b"secreT") && !equal(b"secret", b"secret+"));
    let mut secret = *b"secret";
    wipe(&mut secret);
    assert_eq!(secret, [0; 6]);
    refused(EOPNOTSUPP, abc().keep_available());
    report_faults().unwrap();
    assert_eq!(LABEL_MAX, 95);
}
