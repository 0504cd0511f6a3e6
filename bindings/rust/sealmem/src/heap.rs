// SPDX-License-Identifier: MIT

//! Heaps for secrets that come and go.

use std::alloc::{GlobalAlloc, Layout};
use std::ffi::OsStr;
use std::marker::PhantomData;
use std::mem::{needs_drop, size_of};
use std::ops::{Deref, DerefMut};
use std::os::raw::c_void;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicPtr, Ordering};
use std::sync::Arc;
use std::{fmt, slice};

use sealmem_sys as sys;

use crate::call::{text, ENOMEM};
use crate::error::check;
use crate::{Error, Guarantees, Result};

type Raw = *mut sys::sealmem_heap;

/// What the heap gives to every object, and up to which size one is small.
const SUITS: usize = 16;
const SMALL: usize = 2040;

/// The size to ask for, so that an object has this alignment: a large object ends at a page and has the alignment of its
/// size, and a small one that of 16 bytes.
fn asked(size: usize, align: usize) -> Option<usize> {
    let least = if align > SUITS && size <= SMALL { SMALL + 1 } else { size };
    if least <= SMALL || least % align == 0 {
        return Some(least);
    }
    least.checked_add(align - least % align)
}

/// An object for this layout, or NULL with errno.
///
/// # Safety
/// `heap` lives.
unsafe fn allocate(heap: Raw, layout: Layout) -> *mut u8 {
    // SAFETY: the caller says that the heap lives.
    let found = match asked(layout.size(), layout.align()) {
        Some(size) if layout.align() <= crate::page_size() => unsafe { sys::sealmem_heap_alloc(heap, size) },
        _ => ptr::null_mut(),
    };
    found.cast()
}

/// The object with another size and the same alignment, or NULL with errno.
///
/// # Safety
/// `heap` lives, and `object` is one of it for `layout`.
unsafe fn reallocate(heap: Raw, object: *mut u8, layout: Layout, size: usize) -> *mut u8 {
    // SAFETY: the caller says that both are there.
    let found = match asked(size, layout.align()) {
        Some(asked) => unsafe { sys::sealmem_heap_realloc(heap, object.cast(), asked) },
        _ => ptr::null_mut(),
    };
    found.cast()
}

/// The handle of the library. The last owner frees it.
struct Owned(NonNull<sys::sealmem_heap>);

// SAFETY: any thread may use a heap, several at the same time, and free what others have allocated.
unsafe impl Send for Owned {}
// SAFETY: as above.
unsafe impl Sync for Owned {}

impl Drop for Owned {
    fn drop(&mut self) {
        // SAFETY: the last owner has gone, and so has every object.
        unsafe { sys::sealmem_heap_free(self.0.as_ptr()) };
    }
}

/// A heap: memory for secrets that come and go. What it holds is wiped when it is dropped. The objects keep their heap, and
/// a clone is the same heap.
///
/// ```
/// use sealmem::{Guarantees, Heap};
///
/// let heap = Heap::new("keys", 1 << 20, Guarantees::NODUMP)?;
/// let mut key = heap.vec::<u8>();
/// key.extend_from_slice(b"secret")?;
/// assert_eq!(&key[..], b"secret");
/// # Ok::<(), sealmem::Error>(())
/// ```
///
/// A heap is `Send` and `Sync`: threads may use it at the same time. A child of fork(2) does not inherit one with NOFORK, and
/// must not touch what was in it.
#[derive(Clone)]
pub struct Heap(Arc<Owned>);

impl Heap {
    /// Make a heap of at most `limit` bytes: `sealmem_heap_new()`.
    pub fn new(name: impl AsRef<OsStr>, limit: usize, guarantees: Guarantees) -> Result<Heap> {
        let (name, mut raw) = (text(name)?, ptr::null_mut());
        // SAFETY: the function stores a heap, which is ours.
        check(unsafe { sys::sealmem_heap_new(&mut raw, name.as_ptr(), limit, guarantees.bits()) })?;
        NonNull::new(raw).map(|raw| Heap(Arc::new(Owned(raw)))).ok_or_else(|| Error::new(ENOMEM))
    }

    fn raw(&self) -> Raw {
        self.0 .0.as_ptr()
    }

    /// A value in the heap.
    pub fn boxed<T>(&self, value: T) -> Result<HeapBox<T>> {
        // SAFETY: the heap lives as long as self.
        let place = unsafe { allocate(self.raw(), Layout::new::<T>()) }.cast::<T>();
        let place = NonNull::new(place).ok_or_else(Error::last)?;
        // SAFETY: the object is new, and has the size and the alignment of T.
        unsafe { place.as_ptr().write(value) };
        Ok(HeapBox { place, heap: self.clone(), owned: PhantomData })
    }

    /// An empty vector, whose elements will lie in the heap.
    pub fn vec<T>(&self) -> HeapVec<T> {
        HeapVec { place: None, length: 0, heap: self.clone(), owned: PhantomData }
    }

    /// Look at every canary and at every freed byte. The process aborts if one has changed.
    pub fn check(&self) -> Result<()> {
        // SAFETY: the heap lives as long as self.
        check(unsafe { sys::sealmem_heap_check(self.raw()) }).map(drop)
    }

    /// The guarantees in force now.
    pub fn guarantees(&self) -> Guarantees {
        // SAFETY: the heap lives as long as self.
        Guarantees::from_bits(unsafe { sys::sealmem_heap_guarantees(self.raw()) })
    }

    /// Close the heap, so that nobody can load or store what is in it until it is [opened](Heap::open). With protection keys
    /// this is for the calling thread, and with the first call for all others; without them it is for the process.
    ///
    /// # Safety
    /// As long as it is closed, no thread for which it is closed has a reference to anything in it, so no [`HeapBox`] or
    /// [`HeapVec`] is read, written or dropped with a destructor there. Without protection keys no other thread is in a
    /// function of the heap during the first close.
    pub unsafe fn close(&self) -> Result<()> {
        // SAFETY: the caller says that nobody is in it.
        check(unsafe { sys::sealmem_heap_close(self.raw()) }).map(drop)
    }

    /// Undo one [`close`](Heap::close).
    pub fn open(&self) -> Result<()> {
        // SAFETY: the heap lives as long as self.
        check(unsafe { sys::sealmem_heap_open(self.raw()) }).map(drop)
    }
}

impl fmt::Debug for Heap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Heap").field("guarantees", &self.guarantees()).finish()
    }
}

/// A value in a [`Heap`], as `Box` has one. Dropping it runs the destructor and wipes the memory. A move moves the pointer,
/// and copies no secret.
pub struct HeapBox<T> {
    place: NonNull<T>,
    heap: Heap,
    owned: PhantomData<T>,
}

// SAFETY: it owns its value, and a heap may be used by any thread.
unsafe impl<T: Send> Send for HeapBox<T> {}
// SAFETY: `&self` gives nothing but `&T`.
unsafe impl<T: Sync> Sync for HeapBox<T> {}

impl<T> Deref for HeapBox<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: the value lives as long as self.
        unsafe { self.place.as_ref() }
    }
}

impl<T> DerefMut for HeapBox<T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the value lives as long as self, and is ours alone.
        unsafe { self.place.as_mut() }
    }
}

impl<T> Drop for HeapBox<T> {
    fn drop(&mut self) {
        // SAFETY: the value is there until now, and its memory is an object of the heap.
        unsafe {
            ptr::drop_in_place(self.place.as_ptr());
            sys::sealmem_heap_dealloc(self.heap.raw(), self.place.as_ptr().cast());
        }
    }
}

/// It does not print the secret.
impl<T> fmt::Debug for HeapBox<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HeapBox(..)")
    }
}

/// A vector in a [`Heap`]. What it leaves when it grows or shrinks is wiped.
pub struct HeapVec<T> {
    place: Option<NonNull<T>>,
    length: usize,
    heap: Heap,
    owned: PhantomData<T>,
}

// SAFETY: it owns its elements, and a heap may be used by any thread.
unsafe impl<T: Send> Send for HeapVec<T> {}
// SAFETY: `&self` gives nothing but `&[T]`.
unsafe impl<T: Sync> Sync for HeapVec<T> {}

impl<T> HeapVec<T> {
    fn pointer(&self) -> *mut T {
        self.place.map_or_else(|| NonNull::dangling().as_ptr(), NonNull::as_ptr)
    }

    /// For how many elements there is room.
    pub fn capacity(&self) -> usize {
        // SAFETY: the object is one of the heap, or NULL.
        let size = unsafe {
            let object = self.place.map_or(ptr::null(), |place| place.as_ptr() as *const c_void);
            sys::sealmem_heap_usable_size(self.heap.raw(), object)
        };
        size.checked_div(size_of::<T>()).unwrap_or(usize::MAX)
    }

    fn resized(&mut self, count: usize) -> Result<()> {
        let no_room = |_| Error::new(ENOMEM);
        let wanted = Layout::array::<T>(count).map_err(no_room)?;
        let place = match self.place {
            // SAFETY: the heap lives.
            None => unsafe { allocate(self.heap.raw(), wanted) },
            // SAFETY: the object is ours, and moves as bytes.
            Some(old) if wanted.align() <= SUITS => unsafe {
                reallocate(self.heap.raw(), old.as_ptr().cast(), wanted, wanted.size())
            },
            // SAFETY: as above.
            Some(old) => unsafe { self.moved(old, wanted) },
        };
        self.place = Some(NonNull::new(place.cast()).ok_or_else(Error::last)?);
        Ok(())
    }

    /// A new object with these elements, in place of the old one, for an alignment that the heap does not keep.
    ///
    /// # Safety
    /// `old` is the object, and `wanted` has room for the elements.
    unsafe fn moved(&self, old: NonNull<T>, wanted: Layout) -> *mut u8 {
        // SAFETY: the caller says so, and two objects do not overlap.
        unsafe {
            let new = allocate(self.heap.raw(), wanted);
            if !new.is_null() {
                ptr::copy_nonoverlapping(old.as_ptr(), new.cast(), self.length);
                sys::sealmem_heap_dealloc(self.heap.raw(), old.as_ptr().cast());
            }
            new
        }
    }

    /// Make room for `more` elements.
    pub fn reserve(&mut self, more: usize) -> Result<()> {
        let needed = self.length.checked_add(more).ok_or_else(|| Error::new(ENOMEM))?;
        if size_of::<T>() == 0 || needed <= self.capacity() {
            return Ok(());
        }
        self.resized(needed.max(self.length.saturating_mul(2)))
    }

    /// Append an element. An element for which there is no room is dropped.
    pub fn push(&mut self, value: T) -> Result<()> {
        self.reserve(1)?;
        // SAFETY: there is room after the last element.
        unsafe { self.pointer().add(self.length).write(value) };
        self.length += 1;
        Ok(())
    }

    /// Take the last element out. Where it lay is wiped.
    pub fn pop(&mut self) -> Option<T> {
        self.length = self.length.checked_sub(1)?;
        // SAFETY: the element is there, and nobody drops it here any more.
        unsafe {
            let place = self.pointer().add(self.length);
            let value = place.read();
            sys::sealmem_wipe(place.cast(), size_of::<T>());
            Some(value)
        }
    }

    /// Drop the elements after the first `length`. Where they lay is wiped.
    pub fn truncate(&mut self, length: usize) {
        if length >= self.length {
            return;
        }
        let gone = self.length - length;
        self.length = length;
        // SAFETY: the elements are there, and are ours no more: the length says so before their destructors run.
        unsafe {
            let first = self.pointer().add(length);
            ptr::drop_in_place(ptr::slice_from_raw_parts_mut(first, gone));
            sys::sealmem_wipe(first.cast(), gone * size_of::<T>());
        }
    }
}

impl<T: Copy> HeapVec<T> {
    /// Append copies of these elements.
    pub fn extend_from_slice(&mut self, elements: &[T]) -> Result<()> {
        self.reserve(elements.len())?;
        // SAFETY: there is room after the last element, and a slice of our own would need `&mut self`, too.
        unsafe {
            let end = self.pointer().add(self.length);
            ptr::copy_nonoverlapping(elements.as_ptr(), end, elements.len());
        }
        self.length += elements.len();
        Ok(())
    }
}

impl<T> Deref for HeapVec<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        // SAFETY: so many elements are there, as long as self.
        unsafe { slice::from_raw_parts(self.pointer(), self.length) }
    }
}

impl<T> DerefMut for HeapVec<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: so many elements are there, and are ours alone.
        unsafe { slice::from_raw_parts_mut(self.pointer(), self.length) }
    }
}

impl<T> Drop for HeapVec<T> {
    fn drop(&mut self) {
        if needs_drop::<T>() {
            self.truncate(0);
        }
        let object = self.place.map_or(ptr::null_mut(), |place| place.as_ptr().cast());
        // SAFETY: the object is ours, or NULL.
        unsafe { sys::sealmem_heap_dealloc(self.heap.raw(), object) };
    }
}

/// It does not print the secret.
impl<T> fmt::Debug for HeapVec<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HeapVec({} elements)", self.length)
    }
}

/// A heap as the allocator of a whole program: everything that Rust allocates is wiped when it is given back.
///
/// ```
/// use sealmem::{Guarantees, GlobalHeap};
///
/// #[global_allocator]
/// static HEAP: GlobalHeap = GlobalHeap::new(64 << 20, Guarantees::NODUMP);
///
/// let secret = vec![7u8; 100];
/// assert!(HEAP.get()?.guarantees().contains(Guarantees::NODUMP));
/// HEAP.get()?.check()?;
/// # drop(secret);
/// # Ok::<(), sealmem::Error>(())
/// ```
///
/// The heap is made with the first allocation, is called `rust`, and is never freed. Memory that the C library allocates is
/// not in it. With NOFORK, a child of fork(2) has none of it, and can do little but execute a program. An allocation fails as `std::alloc` describes it when the limit is reached, or when a guarantee is unsupported.
pub struct GlobalHeap {
    heap: AtomicPtr<sys::sealmem_heap>,
    limit: usize,
    guarantees: Guarantees,
}

/// The heap of a [`GlobalHeap`], to ask about it.
#[derive(Clone, Copy)]
pub struct GlobalHeapRef(&'static sys::sealmem_heap);

impl GlobalHeap {
    /// One that has no heap yet.
    pub const fn new(limit: usize, guarantees: Guarantees) -> GlobalHeap {
        GlobalHeap { heap: AtomicPtr::new(ptr::null_mut()), limit, guarantees }
    }

    /// The heap, which the first call makes. It allocates nothing of Rust. NULL and errno on failure.
    fn raw(&self) -> std::result::Result<Raw, std::os::raw::c_int> {
        let found = self.heap.load(Ordering::Acquire);
        if !found.is_null() {
            return Ok(found);
        }
        let mut made = ptr::null_mut();
        // SAFETY: the name is a string; the function stores a heap, which is ours.
        let result = unsafe {
            let name = b"rust\0".as_ptr().cast();
            sys::sealmem_heap_new(&mut made, name, self.limit, self.guarantees.bits())
        };
        if result < 0 {
            return Err(result);
        }
        self.heap.compare_exchange(ptr::null_mut(), made, Ordering::AcqRel, Ordering::Acquire).map_or_else(
            |first| {
                // SAFETY: another thread was faster, and nobody has this one.
                unsafe { sys::sealmem_heap_free(made) };
                Ok(first)
            },
            |_| Ok(made),
        )
    }

    /// The heap, to ask about it; why there is none.
    pub fn get(&'static self) -> Result<GlobalHeapRef> {
        // SAFETY: a heap that was made is never freed.
        self.raw().map(|raw| GlobalHeapRef(unsafe { &*raw })).map_err(Error::new)
    }
}

impl GlobalHeapRef {
    /// The guarantees in force now.
    pub fn guarantees(self) -> Guarantees {
        // SAFETY: the heap is never freed.
        Guarantees::from_bits(unsafe { sys::sealmem_heap_guarantees(self.0) })
    }

    /// Look at every canary and at every freed byte. The process aborts if one has changed.
    pub fn check(self) -> Result<()> {
        // SAFETY: the heap is never freed.
        check(unsafe { sys::sealmem_heap_check(self.0) }).map(drop)
    }
}

// SAFETY: an object has the size and the alignment that were asked for, and stays until it is given back. Nothing here
// unwinds, or allocates by this allocator: the library has memory of its own.
unsafe impl GlobalAlloc for GlobalHeap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        match self.raw() {
            // SAFETY: the heap is never freed.
            Ok(heap) => unsafe { allocate(heap, layout) },
            Err(_) => ptr::null_mut(),
        }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's; a heap gives zeroes always.
        unsafe { self.alloc(layout) }
    }

    unsafe fn dealloc(&self, object: *mut u8, _: Layout) {
        // SAFETY: the object is one of this heap, or there is no heap.
        unsafe { sys::sealmem_heap_dealloc(self.heap.load(Ordering::Acquire), object.cast()) };
    }

    unsafe fn realloc(&self, object: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let heap = self.heap.load(Ordering::Acquire);
        if layout.align() <= SUITS {
            // SAFETY: the object is one of this heap, for this layout.
            return unsafe { reallocate(heap, object, layout, size) };
        }
        // SAFETY: the caller says that the layout is valid with the new size; the objects do not overlap.
        unsafe {
            let new = self.alloc(Layout::from_size_align_unchecked(size, layout.align()));
            if !new.is_null() {
                ptr::copy_nonoverlapping(object, new, layout.size().min(size));
                self.dealloc(object, layout);
            }
            new
        }
    }
}
