// SPDX-License-Identifier: MIT

package sealmem

/*
#include "shim.h"
*/
import "C"

import (
	"runtime/cgo"
	"syscall"
	"unsafe"
)

// Image is what SealImage may be asked in addition.
type Image uint32

// The flags of SealImage.
const (
	ImageDeep Image = C.SEALMEM_IMAGE_DEEP // replace code and constants as well
	ImageVDSO Image = C.SEALMEM_IMAGE_VDSO // also seal the pages that the kernel maps into every process
	ImageTry  Image = C.SEALMEM_IMAGE_TRY  // where addresses cannot be sealed, give Content all the same
)

// ImagePages is pages of one kind: the guarantees that hold for all of them, and their size in bytes.
type ImagePages struct {
	Guarantees Guarantees
	Size       int
}

// ImageReport says what was sealed: how many objects are, are not, have a part of the GOT that is writable, have pages that
// are left alone, or are marked by the linker to be sealed as a whole; and their pages. Data is what the program writes to,
// in the objects that are marked.
type ImageReport struct {
	Objects, Left, Lazy, Excluding, Marked int
	Text, ReadOnly, Relro, VDSO, Data      ImagePages
}

func reported(function func(ret *C.struct_sealmem_image_report) C.int) (ImageReport, error) {
	var report C.struct_sealmem_image_report
	if err := try(func() C.int { return function(&report) }); err != nil {
		return ImageReport{}, err
	}
	pages := func(of C.struct_sealmem_image_pages) ImagePages {
		return ImagePages{Guarantees(of.guarantees), int(of.size)}
	}
	return ImageReport{
		int(report.objects), int(report.left), int(report.lazy), int(report.excluding),
		int(report.marked),
		pages(report.text), pages(report.read_only), pages(report.relro), pages(report.vdso), pages(report.data),
	}, nil
}

// SealImage seals the program itself: code, constants, and what the loader made read-only.
func SealImage(flags Image) (ImageReport, error) {
	return reported(func(ret *C.struct_sealmem_image_report) C.int { return C.sealmem_seal_image(C.uint(flags), ret) })
}

// SealLoaded does the same for an object that dlopen(3) returned, such as the handle of LoadVerified.
func SealLoaded(handle unsafe.Pointer, flags Image) (ImageReport, error) {
	return reported(func(ret *C.struct_sealmem_image_report) C.int {
		return C.sealmem_seal_loaded(handle, C.uint(flags), ret)
	})
}

// LoadVerified loads a shared object, from exactly the bytes for which verify returns nil; they are there during the call
// only. It returns the handle, for dlsym(3) and dlclose(3), or the error of verify. The flags are those of dlopen(3).
func LoadVerified(file syscall.Conn, verify func(bytes []byte) error, flags int) (handle unsafe.Pointer, err error) {
	c := &calls{verify: verify}
	number := cgo.NewHandle(c)
	defer number.Delete()
	err = withFd(file, func(fd C.int) error {
		return try(func() C.int { return C.sealmem_go_load(&handle, fd, C.uintptr_t(number), C.int(flags)) })
	})
	return handle, c.result(err)
}

// The functions below take whole pages that the caller has mapped, as syscall.Mmap does. Memory of Go is not for them: the
// runtime would go on to store to it and to unmap it.

// SealRange seals private memory that exists already, at its address.
func SealRange(pages []byte, guarantees Guarantees) error {
	return try(func() C.int { return C.sealmem_seal_range(first(pages), C.size_t(len(pages)), C.uint(guarantees)) })
}

// SealRangeNamed is the same with a name for fault reports.
func SealRangeNamed(pages []byte, name string, guarantees Guarantees) error {
	cname, free, err := text(name)
	if err != nil {
		return err
	}
	defer free()
	return try(func() C.int {
		return C.sealmem_seal_range_named(first(pages), C.size_t(len(pages)), cname, C.uint(guarantees))
	})
}

// Mseal seals mappings, their bytes not included: mseal(2).
func Mseal(pages []byte) error {
	return try(func() C.int { return C.sealmem_mseal(first(pages), C.size_t(len(pages)), 0) })
}

// MsealMany is Mseal of several extents, with one filter where it is emulated.
func MsealMany(extents [][]byte) error {
	if len(extents) == 0 {
		return try(func() C.int { return C.sealmem_mseal_many(nil, 0) })
	}
	room := C.calloc(C.size_t(len(extents)), C.sizeof_struct_sealmem_extent)
	if room == nil {
		return errorOf(syscall.ENOMEM)
	}
	defer C.free(room)
	listed := unsafe.Slice((*C.struct_sealmem_extent)(room), len(extents))
	for at, pages := range extents {
		listed[at].addr, listed[at].size = first(pages), C.size_t(len(pages))
	}
	return try(func() C.int { return C.sealmem_mseal_many(&listed[0], C.size_t(len(listed))) })
}

// TryWrite tries to store bytes at the beginning of memory that the caller has mapped, as an ordinary store would, but
// without the fault: EFAULT where a page refuses it.
func TryWrite(memory []byte, bytes []byte) error {
	if len(bytes) > len(memory) {
		return errorOf(syscall.EINVAL)
	}
	return try(func() C.int { return C.sealmem_try_write(first(memory), first(bytes), C.size_t(len(bytes))) })
}
