// SPDX-License-Identifier: MIT

package sealmem

/*
#include "shim.h"
*/
import "C"

import (
	"runtime"
	"sync"
	"syscall"
	"unsafe"
)

// Heap is memory for secrets that come and go: outside the memory of Go, so that no copy is left where the runtime moves
// things. It is not collected while one of its secrets is in use.
type Heap struct {
	lock sync.RWMutex
	raw  *C.struct_sealmem_heap
	live int
}

// Secret is an object of a heap. Free wipes it.
type Secret struct {
	lock sync.Mutex
	heap *Heap
	at   unsafe.Pointer
}

// NewHeap makes a heap of at most limit bytes. It takes the guarantees except Content.
func NewHeap(name string, limit int, guarantees Guarantees) (*Heap, error) {
	cname, free, err := text(name)
	if err != nil {
		return nil, err
	}
	defer free()
	bytes, err := size(limit)
	if err != nil {
		return nil, err
	}
	h := &Heap{}
	err = try(func() C.int { return C.sealmem_heap_new(&h.raw, cname, bytes, C.uint(guarantees)) })
	if err != nil {
		return nil, err
	}
	runtime.SetFinalizer(h, (*Heap).Close)
	return h, nil
}

// Alloc takes an object of so many bytes, zeroed.
func (h *Heap) Alloc(bytes int) (*Secret, error) {
	count, err := size(bytes)
	if err != nil {
		return nil, err
	}
	h.lock.Lock()
	defer h.lock.Unlock()
	if h.raw == nil {
		return nil, ErrClosed
	}
	at, err := pointer(func() (found unsafe.Pointer, err error) {
		found, err = C.sealmem_heap_alloc(h.raw, count)
		return found, err
	})
	if err != nil {
		return nil, err
	}
	h.live++
	s := &Secret{heap: h, at: at}
	runtime.SetFinalizer(s, (*Secret).Free)
	return s, nil
}

// Check looks at every canary and at every freed byte. The process aborts if one has changed.
func (h *Heap) Check() error {
	h.lock.RLock()
	defer h.lock.RUnlock()
	if h.raw == nil {
		return ErrClosed
	}
	return try(func() C.int { return C.sealmem_heap_check(h.raw) })
}

// Guarantees returns those that are in force now.
func (h *Heap) Guarantees() Guarantees {
	h.lock.RLock()
	defer h.lock.RUnlock()
	if h.raw == nil {
		return 0
	}
	return Guarantees(C.sealmem_heap_guarantees(h.raw))
}

// Close gives the memory of a heap back. EBUSY: it has secrets, which have to be freed first. A heap can be closed more than
// once.
func (h *Heap) Close() error {
	h.lock.Lock()
	defer h.lock.Unlock()
	if h.live > 0 {
		return errorOf(syscall.EBUSY)
	}
	if h.raw != nil {
		h.raw = C.sealmem_heap_free(h.raw)
		runtime.SetFinalizer(h, nil)
	}
	return nil
}

// Bytes returns the memory of the secret, without a copy. The secret lives until Free from now on. It is nil for a freed
// secret.
func (s *Secret) Bytes() []byte {
	s.lock.Lock()
	defer s.lock.Unlock()
	if s.at == nil {
		return nil
	}
	kept.Store(s, true)
	return unsafe.Slice((*byte)(s.at), int(C.sealmem_heap_usable_size(s.heap.raw, s.at)))
}

// Len returns the size in bytes.
func (s *Secret) Len() int {
	s.lock.Lock()
	defer s.lock.Unlock()
	if s.at == nil {
		return 0
	}
	return int(C.sealmem_heap_usable_size(s.heap.raw, s.at))
}

// Resize gives the secret another size. It may move: no slice from before may be used afterwards. What it leaves is wiped.
func (s *Secret) Resize(bytes int) error {
	count, err := size(bytes)
	if err != nil {
		return err
	}
	s.lock.Lock()
	defer s.lock.Unlock()
	if s.at == nil {
		return ErrClosed
	}
	at, err := pointer(func() (found unsafe.Pointer, err error) {
		found, err = C.sealmem_heap_realloc(s.heap.raw, s.at, count)
		return found, err
	})
	if err == nil {
		s.at = at
	}
	return err
}

// Free wipes the secret and gives it back. No slice of it may be used afterwards. A secret can be freed more than once.
func (s *Secret) Free() {
	s.lock.Lock()
	defer s.lock.Unlock()
	if s.at == nil {
		return
	}
	kept.Delete(s)
	runtime.SetFinalizer(s, nil)
	C.sealmem_heap_dealloc(s.heap.raw, s.at)
	s.at = nil
	s.heap.lock.Lock()
	s.heap.live--
	s.heap.lock.Unlock()
}
