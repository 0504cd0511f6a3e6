// SPDX-License-Identifier: MIT

// Package sealmem has memory on Linux that cannot change once it is sealed: libsealmem in the manner of Go. sealmem(3) and
// sealmem(7) say what the library promises.
//
// A caller demands [Guarantees], and gets all of them or an *Error, which unwraps to a syscall.Errno:
//
//	region, err := sealmem.New("policy", []byte("allow 443"), sealmem.Content)
//	if errors.Is(err, syscall.EOPNOTSUPP) { ... }
//
// # Views
//
// Bytes of a region or of a secret returns its memory without a copy. The garbage collector does not know that memory, so
// whatever Bytes was called of is not collected: it lives until Close. Whatever Bytes was not called of is freed when
// nothing refers to it any more. After Close no slice of it may be used: Close says that nobody does.
//
// A store to sealed memory is a fault, which ends the program. After debug.SetPanicOnFault(true) it is a panic of the
// goroutine. Region.TryWrite tries a store without either.
//
// # Goroutines
//
// All methods may be called from several goroutines. Those of a sealed region run at the same time.
package sealmem

/*
#cgo pkg-config: sealmem
#include "shim.h"
*/
import "C"

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"unsafe"
)

// Guarantees is a set of guarantees: what a caller demands, or what is in force.
type Guarantees uint32

// The guarantees, which sealmem(7) describes.
const (
	Content Guarantees = C.SEALMEM_CONTENT // nobody can change the bytes or the size
	Address Guarantees = C.SEALMEM_ADDRESS // the mapping stays where it is
	Secrecy Guarantees = C.SEALMEM_SECRECY // only loads and stores of this process reach it
	NoSwap  Guarantees = C.SEALMEM_NOSWAP  // it is never written to swap
	NoDump  Guarantees = C.SEALMEM_NODUMP  // it is in no core dump
	NoFork  Guarantees = C.SEALMEM_NOFORK  // a child does not inherit it
	Guards  Guarantees = C.SEALMEM_GUARDS  // it has an inaccessible page on either side
	All     Guarantees = C.SEALMEM_GUARANTEES
)

// Limits of the library.
const (
	NameMax    = C.SEALMEM_NAME_MAX    // the longest name, in bytes
	LabelMax   = C.SEALMEM_LABEL_MAX   // the longest label, in bytes
	ExtentsMax = C.SEALMEM_EXTENTS_MAX // the most extents that MsealMany takes
)

// String returns the names, as in "CONTENT|ADDRESS".
func (g Guarantees) String() string {
	var names []string
	for bit := Guarantees(1); bit != 0; bit <<= 1 {
		if g&bit == 0 {
			continue
		}
		if name := C.sealmem_guarantee_name(C.uint(bit)); name != nil {
			names = append(names, C.GoString(name))
		} else {
			names = append(names, fmt.Sprintf("%#x", uint32(bit)))
		}
	}
	return strings.Join(names, "|")
}

// Error is an errno of the library, with the sentence that explains it. errors.Is finds the errno.
type Error struct {
	Errno    syscall.Errno
	Sentence string
}

// Error returns the sentence.
func (e *Error) Error() string {
	return "sealmem: " + e.Sentence
}

// Unwrap returns the errno.
func (e *Error) Unwrap() error {
	return e.Errno
}

func errorOf(errno syscall.Errno) *Error {
	return &Error{errno, C.GoString(C.sealmem_strerror(C.int(errno)))}
}

// The library keeps the cause of a failure for its thread, so nothing else may run there before it is asked.
func call(function func() C.int) (int, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	result := function()
	if result < 0 {
		return 0, errorOf(syscall.Errno(-result))
	}
	return int(result), nil
}

func try(function func() C.int) error {
	_, err := call(function)
	return err
}

// The same for a function that returns a pointer, or NULL and errno.
func pointer(function func() (unsafe.Pointer, error)) (unsafe.Pointer, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	found, err := function()
	if found != nil {
		return found, nil
	}
	errno, _ := err.(syscall.Errno)
	return nil, errorOf(errno)
}

// text is a name for C, and what frees it. A zero byte is a control character, as the library would say.
func text(name string) (*C.char, func(), error) {
	if strings.IndexByte(name, 0) >= 0 {
		return nil, nil, errorOf(syscall.EINVAL)
	}
	made := C.CString(name)
	return made, func() { C.free(unsafe.Pointer(made)) }, nil
}

// size is a number of bytes for C.
func size(bytes int) (C.size_t, error) {
	if bytes < 0 {
		return 0, errorOf(syscall.EINVAL)
	}
	return C.size_t(bytes), nil
}

// first is the address of a slice, which is NULL if it has no byte.
func first(bytes []byte) unsafe.Pointer {
	if len(bytes) == 0 {
		return nil
	}
	return unsafe.Pointer(&bytes[0])
}

// withFd calls a function with the descriptor of a file or a socket, which stays open meanwhile.
func withFd(of syscall.Conn, function func(fd C.int) error) error {
	raw, err := of.SyscallConn()
	if err != nil {
		return err
	}
	var inner error
	if err := raw.Control(func(fd uintptr) { inner = function(C.int(fd)) }); err != nil {
		return err
	}
	return inner
}

// What the garbage collector must leave alone, because somebody may have a slice of it.
var kept sync.Map

// ErrClosed is what a method returns after Close.
var ErrClosed = os.ErrClosed

// Version returns the version of the library that the program runs with.
func Version() string {
	return C.GoString(C.sealmem_version())
}

// PageSize returns the size of a page on this machine.
func PageSize() int {
	return int(C.sealmem_page_size())
}

// Supported returns the guarantees that a region can have in this process.
func Supported() Guarantees {
	return Guarantees(C.sealmem_supported())
}

// Constants returns the numbers of the header that the library was built with, by their names without "SEALMEM_".
func Constants() map[string]uint64 {
	found := map[string]uint64{}
	for one := C.sealmem_constants(); one.name != nil; {
		found[C.GoString(one.name)] = uint64(one.value)
		one = (*C.struct_sealmem_constant)(unsafe.Add(unsafe.Pointer(one), unsafe.Sizeof(*one)))
	}
	return found
}

// AllowEmulation permits a seccomp filter to seal addresses where the kernel cannot. It has a price: sealmem_emulation(3).
// Call it in an init function, while the program has no other goroutine.
func AllowEmulation() error {
	return try(func() C.int { return C.sealmem_allow_emulation() })
}

// ReportFaults has a stray store name the region that it hits. The handler of Go goes on afterwards.
func ReportFaults() error {
	return try(func() C.int { return C.sealmem_report_faults() })
}

// Wipe overwrites bytes with zeroes. It cannot reach copies that the runtime of Go has made: keep secrets in a Heap.
func Wipe(bytes []byte) {
	if len(bytes) > 0 {
		C.sealmem_wipe(first(bytes), C.size_t(len(bytes)))
	}
}

// Equal reports whether secrets are the same, in a time that depends on their sizes alone.
func Equal(a, b []byte) bool {
	return len(a) == len(b) && (len(a) == 0 || C.sealmem_equal(first(a), first(b), C.size_t(len(a))) == 1)
}
