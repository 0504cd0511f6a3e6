// SPDX-License-Identifier: MIT

package sealmem

/*
#include "shim.h"
*/
import "C"

import (
	"os"
	"runtime"
	"runtime/cgo"
	"sync"
	"syscall"
	"unsafe"
)

// Region is memory that is open first and sealed later. Close frees it.
type Region struct {
	lock   sync.RWMutex // held for writing by what an open region allows to one thread at a time
	raw    *C.struct_sealmem_region
	from   *Subscription // of a generation
	last   unsafe.Pointer
	sealed bool
}

func own(raw *C.struct_sealmem_region, sealed bool, from *Subscription) *Region {
	r := &Region{raw: raw, sealed: sealed, from: from}
	runtime.SetFinalizer(r, (*Region).collect)
	return r
}

func made(sealed bool, function func(ret **C.struct_sealmem_region) C.int) (*Region, error) {
	var raw *C.struct_sealmem_region
	if err := try(func() C.int { return function(&raw) }); err != nil {
		return nil, err
	}
	return own(raw, sealed, nil), nil
}

// Open makes an open region: fill it through Alloc, Put or Bytes, then call Seal.
func Open(name string, capacity int, guarantees Guarantees) (*Region, error) {
	cname, free, err := text(name)
	if err != nil {
		return nil, err
	}
	defer free()
	bytes, err := size(capacity)
	if err != nil {
		return nil, err
	}
	return made(false, func(ret **C.struct_sealmem_region) C.int {
		return C.sealmem_region_new(ret, cname, bytes, C.uint(guarantees))
	})
}

// New makes a sealed region from a copy of these bytes.
func New(name string, bytes []byte, guarantees Guarantees) (*Region, error) {
	cname, free, err := text(name)
	if err != nil {
		return nil, err
	}
	defer free()
	return made(true, func(ret **C.struct_sealmem_region) C.int {
		return C.sealmem_region_new_from(ret, cname, first(bytes), C.size_t(len(bytes)), C.uint(guarantees))
	})
}

// FromFile makes a sealed region from a file, a pipe or a socket, of at most limit bytes.
func FromFile(name string, file syscall.Conn, limit int, guarantees Guarantees) (*Region, error) {
	return fromFile(name, file, limit, func(ret **C.struct_sealmem_region, cname *C.char, fd C.int, bytes C.size_t) C.int {
		return C.sealmem_region_new_from_file(ret, cname, fd, bytes, C.uint(guarantees))
	})
}

type fromFileCall func(ret **C.struct_sealmem_region, name *C.char, fd C.int, limit C.size_t) C.int

func fromFile(name string, file syscall.Conn, limit int, function fromFileCall) (r *Region, err error) {
	cname, free, err := text(name)
	if err != nil {
		return nil, err
	}
	defer free()
	bytes, err := size(limit)
	if err != nil {
		return nil, err
	}
	err = withFd(file, func(fd C.int) (err error) {
		r, err = made(true, func(ret **C.struct_sealmem_region) C.int { return function(ret, cname, fd, bytes) })
		return err
	})
	return r, err
}

// calls is what C calls back, and what came of it: no panic may pass through C.
type calls struct {
	progress func(done, total int) error
	verify   func(bytes []byte) error
	err      error
	panicked any
}

func (c *calls) catch(function func() error) (failed C.int) {
	defer func() {
		if thrown := recover(); thrown != nil {
			c.panicked, failed = thrown, 1
		}
	}()
	if c.err = function(); c.err != nil {
		return 1
	}
	return 0
}

// result goes on with a panic, or returns what a function of the caller has returned.
func (c *calls) result(err error) error {
	if c.panicked != nil {
		panic(c.panicked)
	}
	if c.err != nil {
		return c.err
	}
	return err
}

//export sealmemGoProgress
func sealmemGoProgress(handle C.uintptr_t, done, total C.size_t) C.int {
	c := cgo.Handle(handle).Value().(*calls)
	if c.progress == nil {
		return 0
	}
	return c.catch(func() error { return c.progress(int(done), int(total)) })
}

//export sealmemGoVerify
func sealmemGoVerify(handle C.uintptr_t, bytes unsafe.Pointer, count C.size_t) C.int {
	c := cgo.Handle(handle).Value().(*calls)
	if c.verify == nil {
		return 0
	}
	return c.catch(func() error { return c.verify(unsafe.Slice((*byte)(bytes), int(count))) })
}

// FromFileWith is FromFile, and tells the caller. Progress gets the number of bytes so far and that of all, 0 if it is not
// known. Verify judges the bytes once they are sealed; they are there during the call only. An error of either ends
// FromFileWith, which returns it. Both may be nil.
func FromFileWith(name string, file syscall.Conn, limit int, guarantees Guarantees,
	progress func(done, total int) error, verify func(bytes []byte) error) (*Region, error) {
	c := &calls{progress: progress, verify: verify}
	handle := cgo.NewHandle(c)
	defer handle.Delete()
	r, err := fromFile(name, file, limit, func(ret **C.struct_sealmem_region, cname *C.char, fd C.int, bytes C.size_t) C.int {
		return C.sealmem_go_from_file(ret, cname, fd, bytes, C.uint(guarantees), C.uintptr_t(handle))
	})
	return r, c.result(err)
}

// Accept takes a descriptor from somebody who is not trusted, but only if nobody can change what it holds.
func Accept(file syscall.Conn, limit int, guarantees Guarantees) (r *Region, err error) {
	bytes, err := size(limit)
	if err != nil {
		return nil, err
	}
	err = withFd(file, func(fd C.int) (err error) {
		r, err = made(true, func(ret **C.struct_sealmem_region) C.int {
			return C.sealmem_region_accept_limited(ret, fd, bytes, C.uint(guarantees))
		})
		return err
	})
	return r, err
}

// again reports whether a call on a socket that does not wait has to be made again, once the socket is ready.
func again(err error) bool {
	failed, ok := err.(*Error)
	return ok && failed.Errno == syscall.EAGAIN
}

// isIdle reports whether a socket has nothing to receive, and does not wait. The library says EAGAIN of it, and of a limit.
func isIdle(fd uintptr) bool {
	flags, _, errno := syscall.Syscall(syscall.SYS_FCNTL, fd, syscall.F_GETFL, 0)
	if errno != 0 || flags&syscall.O_NONBLOCK == 0 {
		return false
	}
	_, _, err := syscall.Recvfrom(int(fd), make([]byte, 1), syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
	return err == syscall.EAGAIN
}

// Receive receives a region that Send sent, of at most limit bytes, from a sender who is not trusted. The goroutine waits,
// as long as the deadline of the connection allows.
func Receive(socket syscall.Conn, limit int, guarantees Guarantees) (r *Region, err error) {
	bytes, err := size(limit)
	if err != nil {
		return nil, err
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return nil, err
	}
	waited := raw.Read(func(fd uintptr) bool {
		if isIdle(fd) {
			return false
		}
		r, err = made(true, func(ret **C.struct_sealmem_region) C.int {
			return C.sealmem_receive_limited(C.int(fd), ret, bytes, C.uint(guarantees))
		})
		return true
	})
	if waited != nil {
		return nil, waited
	}
	return r, err
}

// Restore takes back what Store stored, and closes the file. On failure the file is as it was.
func Restore(file *os.File, name string, guarantees Guarantees) (r *Region, err error) {
	cname, free, err := text(name)
	if err != nil {
		return nil, err
	}
	defer free()
	err = withFd(file, func(fd C.int) error {
		other, _, errno := syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), syscall.F_DUPFD_CLOEXEC, 0)
		if errno != 0 {
			return errorOf(errno)
		}
		r, err = made(true, func(ret **C.struct_sealmem_region) C.int {
			return C.sealmem_secret_restore(ret, C.int(other), cname, C.uint(guarantees))
		})
		if err != nil {
			syscall.Close(int(other))
		}
		return err
	})
	if err == nil {
		err = file.Close()
	}
	return r, err
}

// use calls a function with the region, which nobody closes meanwhile.
func (r *Region) use(function func() error) error {
	r.lock.RLock()
	defer r.lock.RUnlock()
	if r.raw == nil {
		return ErrClosed
	}
	return function()
}

// alone is the same for what one goroutine at a time may do.
func (r *Region) alone(function func() error) error {
	r.lock.Lock()
	defer r.lock.Unlock()
	if r.raw == nil {
		return ErrClosed
	}
	return function()
}

func (r *Region) piece(bytes int, function func() (unsafe.Pointer, error)) ([]byte, error) {
	found, err := pointer(function)
	if err != nil {
		return nil, err
	}
	r.last = found
	kept.Store(r, true)
	return unsafe.Slice((*byte)(found), bytes), nil
}

// Alloc takes memory of an open region: so many zeroed bytes at a multiple of align, a power of two or 0. The region has the
// size of what was taken from then on.
func (r *Region) Alloc(bytes, align int) (piece []byte, err error) {
	count, err := size(bytes)
	if err != nil {
		return nil, err
	}
	multiple, err := size(align)
	if err != nil {
		return nil, err
	}
	err = r.alone(func() (err error) {
		piece, err = r.piece(bytes, func() (found unsafe.Pointer, err error) {
			found, err = C.sealmem_region_alloc(r.raw, count, multiple)
			return found, err
		})
		return err
	})
	return piece, err
}

// Realloc gives the last piece another size, where it is.
func (r *Region) Realloc(bytes int) (piece []byte, err error) {
	count, err := size(bytes)
	if err != nil {
		return nil, err
	}
	err = r.alone(func() (err error) {
		piece, err = r.piece(bytes, func() (found unsafe.Pointer, err error) {
			found, err = C.sealmem_region_realloc(r.raw, r.last, count)
			return found, err
		})
		return err
	})
	return piece, err
}

// Put takes memory of an open region for a copy of these bytes, right after the piece before.
func (r *Region) Put(bytes []byte) error {
	piece, err := r.Alloc(len(bytes), 1)
	copy(piece, bytes)
	return err
}

// Trim takes back what lies after the first bytes of an open region.
func (r *Region) Trim(bytes int) error {
	count, err := size(bytes)
	if err != nil {
		return err
	}
	return r.alone(func() error { return try(func() C.int { return C.sealmem_region_trim(r.raw, count) }) })
}

// Seal seals the region at its address. Slices of it stay valid, and a store through them is a fault from now on. No
// goroutine stores to it during the call.
func (r *Region) Seal() error {
	return r.alone(func() error {
		if r.from != nil {
			return nil
		}
		err := try(func() C.int { return C.sealmem_region_seal(r.raw) })
		r.sealed = r.sealed || err == nil
		return err
	})
}

// Bytes returns the memory of the region, without a copy. The region lives until Close from now on. It is nil for a closed
// region.
func (r *Region) Bytes() (view []byte) {
	r.ask(func() {
		kept.Store(r, true)
		view = unsafe.Slice((*byte)(C.sealmem_region_data(r.raw)), int(C.sealmem_region_size(r.raw)))
	})
	return view
}

// ask calls a function with the region, unless it is closed. The library wants one thread at a time in an open one.
func (r *Region) ask(function func()) {
	r.lock.RLock()
	if r.sealed {
		defer r.lock.RUnlock()
	} else {
		r.lock.RUnlock()
		r.lock.Lock()
		defer r.lock.Unlock()
	}
	if r.raw != nil {
		function()
	}
}

// Len returns the size in bytes.
func (r *Region) Len() (bytes int) {
	r.ask(func() { bytes = int(C.sealmem_region_size(r.raw)) })
	return bytes
}

// Name returns the name.
func (r *Region) Name() (name string) {
	r.ask(func() { name = C.GoString(C.sealmem_region_name(r.raw)) })
	return name
}

// Guarantees returns those that are in force now.
func (r *Region) Guarantees() (guarantees Guarantees) {
	r.ask(func() { guarantees = Guarantees(C.sealmem_region_guarantees(r.raw)) })
	return guarantees
}

// TryWrite tries to store bytes, as an ordinary store would, but without the fault: EFAULT where a page refuses it, and
// EINVAL where the region ends before.
func (r *Region) TryWrite(offset int, bytes []byte) error {
	return r.alone(func() error {
		length := int(C.sealmem_region_size(r.raw))
		if offset < 0 || offset > length || len(bytes) > length-offset {
			return errorOf(syscall.EINVAL)
		}
		at := unsafe.Add(C.sealmem_region_data(r.raw), offset)
		return try(func() C.int { return C.sealmem_try_write(at, first(bytes), C.size_t(len(bytes))) })
	})
}

// KeepAvailable has a filter refuse what mseal(2) leaves open: sealmem_keep_available(3).
func (r *Region) KeepAvailable() error {
	return r.use(func() error {
		return try(func() C.int {
			return C.sealmem_keep_available(C.sealmem_region_data(r.raw), C.sealmem_region_size(r.raw))
		})
	})
}

// Send sends a sealed region over a Unix socket: its descriptor and its name. The goroutine waits, as long as the deadline
// of the connection allows.
func (r *Region) Send(socket syscall.Conn) error {
	return r.use(func() (err error) {
		raw, err := socket.SyscallConn()
		if err != nil {
			return err
		}
		waited := raw.Write(func(fd uintptr) bool {
			err = try(func() C.int { return C.sealmem_send(C.int(fd), r.raw) })
			return !again(err)
		})
		if waited != nil {
			return waited
		}
		return err
	})
}

// File returns a duplicate of the descriptor of a sealed region, read-only, for passing on. A secret region has none.
func (r *Region) File() (file *os.File, err error) {
	err = r.use(func() error {
		fd, err := call(func() C.int { return C.sealmem_region_fd(r.raw) })
		if err != nil {
			return err
		}
		other, _, errno := syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), syscall.F_DUPFD_CLOEXEC, 0)
		if errno != 0 {
			return errorOf(errno)
		}
		file = os.NewFile(other, C.GoString(C.sealmem_region_name(r.raw)))
		return nil
	})
	return file, err
}

// Store copies a secret region to secret memory of another file, for a service manager to keep until Restore.
func (r *Region) Store() (file *os.File, err error) {
	err = r.use(func() error {
		fd, err := call(func() C.int { return C.sealmem_secret_store(r.raw) })
		if err == nil {
			file = os.NewFile(uintptr(fd), C.GoString(C.sealmem_region_name(r.raw)))
		}
		return err
	})
	return file, err
}

func (r *Region) collect() {
	r.lock.Lock()
	defer r.lock.Unlock()
	if r.raw == nil {
		return
	}
	if r.from != nil {
		r.from.release(r.raw)
	} else {
		C.sealmem_region_free(r.raw)
	}
	r.raw = nil
}

// Close frees the region. No slice of it may be used afterwards. Memory with Address stays mapped until the process ends. A
// region can be closed more than once.
func (r *Region) Close() error {
	runtime.SetFinalizer(r, nil)
	kept.Delete(r)
	r.collect()
	return nil
}
