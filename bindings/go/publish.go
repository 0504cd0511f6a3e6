// SPDX-License-Identifier: MIT

package sealmem

/*
#include "shim.h"
*/
import "C"

import (
	"runtime"
	"runtime/cgo"
	"sync"
	"syscall"
	"unsafe"
)

// Publisher is the side that publishes: regions by name, which many processes read without a copy.
type Publisher struct {
	lock      sync.Mutex
	raw       *C.struct_sealmem_publisher
	listening syscall.Conn
	admission *admission
	handle    cgo.Handle
}

// Peer is a process that made a connection, as the kernel knew it then. PID is 0 if it is not in the PID namespace of this
// one. Socket is the connection, which belongs to the publisher.
type Peer struct {
	PID      int
	UID, GID uint32
	Socket   int
}

// Limits is the most that others can take of a publisher: how many are connected, how many of them have one user id, and
// how many names one of them subscribes to.
type Limits struct {
	Clients, ClientsOfUser, NamesOfClient uint32
}

// NewPublisher makes a publisher for a socket that listens, such as net.ListenUnix("unixpacket", ...). The caller closes the
// socket after the publisher.
func NewPublisher(listening syscall.Conn) (*Publisher, error) {
	p := &Publisher{listening: listening}
	err := withFd(listening, func(fd C.int) error {
		return try(func() C.int { return C.sealmem_publisher_new(&p.raw, fd) })
	})
	if err != nil {
		return nil, err
	}
	runtime.SetFinalizer(p, (*Publisher).Close)
	return p, nil
}

func (p *Publisher) use(function func() C.int) error {
	p.lock.Lock()
	defer p.lock.Unlock()
	if p.raw == nil {
		return ErrClosed
	}
	return try(function)
}

// named is the same with a name and a label.
func (p *Publisher) named(name, label string, function func(name, label *C.char) C.int) error {
	cname, free, err := text(name)
	if err != nil {
		return err
	}
	defer free()
	clabel, free, err := text(label)
	if err != nil {
		return err
	}
	defer free()
	return p.use(func() C.int { return function(cname, clabel) })
}

// Publish publishes a sealed region under its name. The region may be closed at once.
func (p *Publisher) Publish(r *Region) error {
	return r.use(func() error { return p.use(func() C.int { return C.sealmem_publish(p.raw, r.raw) }) })
}

// PublishLabelled is the same with a label, for people who look at ListPublished.
func (p *Publisher) PublishLabelled(r *Region, label string) error {
	return r.use(func() error {
		return p.named("", label, func(_, label *C.char) C.int { return C.sealmem_publish_labelled(p.raw, r.raw, label) })
	})
}

// PublishNamed is the same under another name than that of the region.
func (p *Publisher) PublishNamed(r *Region, name, label string) error {
	return r.use(func() error {
		return p.named(name, label, func(name, label *C.char) C.int {
			return C.sealmem_publish_named(p.raw, r.raw, name, label)
		})
	})
}

// Announce says that a name is going to be published.
func (p *Publisher) Announce(name string) error {
	return p.named(name, "", func(name, _ *C.char) C.int { return C.sealmem_publisher_announce(p.raw, name) })
}

// Continue has all later generations get numbers above this one.
func (p *Publisher) Continue(generation uint64) error {
	return p.use(func() C.int { return C.sealmem_publisher_continue(p.raw, C.uint64_t(generation)) })
}

// Reserve returns the number that the next generation will have.
func (p *Publisher) Reserve() (uint64, error) {
	var number C.uint64_t
	err := p.use(func() C.int { return C.sealmem_publisher_reserve(p.raw, &number) })
	return uint64(number), err
}

// Generation returns the number of the newest generation of a name; 0 if there is none.
func (p *Publisher) Generation(name string) (number uint64) {
	_ = p.named(name, "", func(name, _ *C.char) C.int {
		number = uint64(C.sealmem_publisher_generation(p.raw, name))
		return 0
	})
	return number
}

// GreatestGeneration returns the greatest number that it has given.
func (p *Publisher) GreatestGeneration() (number uint64) {
	_ = p.use(func() C.int {
		number = uint64(C.sealmem_publisher_generation(p.raw, nil))
		return 0
	})
	return number
}

// admission is the function of the caller, and a panic of it. It refers to no publisher, so that one can be collected.
type admission struct {
	admit    func(peer Peer, name string) bool
	panicked any
}

//export sealmemGoAdmit
func sealmemGoAdmit(handle C.uintptr_t, pid C.int, uid, gid C.uint, socket C.int, name *C.char) (refused C.int) {
	a := cgo.Handle(handle).Value().(*admission)
	defer func() {
		if thrown := recover(); thrown != nil {
			a.panicked, refused = thrown, 1
		}
	}()
	of := ""
	if name != nil {
		of = C.GoString(name)
	}
	if a.admit(Peer{int(pid), uint32(uid), uint32(gid), int(socket)}, of) {
		return 0
	}
	return 1
}

// SetAdmission has a function decide who gets what: it admits with true, and gets "" for the name when somebody asks for
// the list. It must return soon, and call no method of the publisher. A panic of it is a refusal, and goes on in Dispatch.
// Nil admits everybody who can connect, as in the beginning.
func (p *Publisher) SetAdmission(admit func(peer Peer, name string) bool) error {
	var handle cgo.Handle
	var decides *admission
	if admit != nil {
		decides = &admission{admit: admit}
		handle = cgo.NewHandle(decides)
	}
	err := p.use(func() C.int {
		result := C.sealmem_go_admission(p.raw, C.uintptr_t(handle))
		if result == 0 {
			p.admission = decides
			p.handle, handle = handle, p.handle
		}
		return result
	})
	if handle != 0 {
		handle.Delete()
	}
	return err
}

// SetLimits limits what others can take of it.
func (p *Publisher) SetLimits(limits Limits) error {
	of := C.struct_sealmem_publisher_limits{
		clients:         C.uint(limits.Clients),
		clients_of_user: C.uint(limits.ClientsOfUser),
		names_of_client: C.uint(limits.NamesOfClient),
	}
	return p.use(func() C.int { return C.sealmem_publisher_set_limits(p.raw, &of) })
}

// Fd returns a descriptor that is readable when Dispatch has something to do. It belongs to the publisher. It is -1 after
// Close.
func (p *Publisher) Fd() int {
	fd := -1
	_ = p.use(func() C.int {
		fd = int(C.sealmem_publisher_fd(p.raw))
		return 0
	})
	return fd
}

// Dispatch accepts connections, receives what clients ask for, and sends them what they lack, without waiting.
func (p *Publisher) Dispatch() error {
	var decided *admission
	err := p.use(func() C.int {
		decided = p.admission
		return C.sealmem_publisher_dispatch(p.raw)
	})
	if decided != nil && decided.panicked != nil {
		thrown := decided.panicked
		decided.panicked = nil
		panic(thrown)
	}
	return err
}

// Close closes all connections. Subscribers keep what they have. A publisher can be closed more than once.
func (p *Publisher) Close() error {
	p.lock.Lock()
	defer p.lock.Unlock()
	runtime.SetFinalizer(p, nil)
	p.raw = C.sealmem_publisher_free(p.raw)
	if p.handle != 0 {
		p.handle.Delete()
		p.handle = 0
	}
	return nil
}

// Published is what a publisher says of one name. Generation is 0 if there is none yet.
type Published struct {
	Name, Label          string
	Generation, Size     uint64
	Subscribers, Holders uint32
}

//export sealmemGoPublished
func sealmemGoPublished(handle C.uintptr_t, one *C.struct_sealmem_published) C.int {
	list := cgo.Handle(handle).Value().(*[]Published)
	*list = append(*list, Published{
		C.GoString(one.name), C.GoString(one.label), uint64(one.generation), uint64(one.size),
		uint32(one.subscribers), uint32(one.holders),
	})
	return 0
}

// waiting calls a function with the descriptor of a connection that waits from now on, because the library waits itself.
func waiting(connection syscall.Conn, function func(fd C.int) C.int) error {
	return withFd(connection, func(fd C.int) error {
		if err := syscall.SetNonblock(int(fd), false); err != nil {
			return err
		}
		return try(func() C.int { return function(fd) })
	})
}

// ListPublished asks a publisher for the list of its names, over a connection that is used for nothing else, such as
// net.DialUnix("unixpacket", ...). SO_RCVTIMEO limits how long it takes.
func ListPublished(connection syscall.Conn) ([]Published, error) {
	list := []Published{}
	handle := cgo.NewHandle(&list)
	defer handle.Delete()
	err := waiting(connection, func(fd C.int) C.int { return C.sealmem_go_list(fd, C.uintptr_t(handle)) })
	if err != nil {
		return nil, err
	}
	return list, nil
}

// Subscription is the side that reads: it has the newest generation of one name.
type Subscription struct {
	change sync.Mutex   // Update and Reconnect: one at a time
	lock   sync.RWMutex // held for writing by Close
	raw    *C.struct_sealmem_subscription
	count  sync.Mutex
	live   int
}

// Subscribe subscribes to a name, and waits for its first generation, as long as SO_RCVTIMEO of the connection allows. The
// connection is used for nothing else, and may be closed afterwards.
func Subscribe(connection syscall.Conn, name string, limit int, guarantees Guarantees) (*Subscription, error) {
	cname, free, err := text(name)
	if err != nil {
		return nil, err
	}
	defer free()
	bytes, err := size(limit)
	if err != nil {
		return nil, err
	}
	s := &Subscription{}
	err = waiting(connection, func(fd C.int) C.int {
		return C.sealmem_subscribe(&s.raw, fd, cname, bytes, C.uint(guarantees))
	})
	if err != nil {
		return nil, err
	}
	runtime.SetFinalizer(s, (*Subscription).Close)
	return s, nil
}

func (s *Subscription) use(function func() error) error {
	s.lock.RLock()
	defer s.lock.RUnlock()
	if s.raw == nil {
		return ErrClosed
	}
	return function()
}

// Fd returns a descriptor that is readable when Update has something to do. It belongs to the subscription, and Reconnect
// changes it. It is -1 after Close.
func (s *Subscription) Fd() int {
	fd := -1
	_ = s.use(func() error {
		fd = int(C.sealmem_subscription_fd(s.raw))
		return nil
	})
	return fd
}

// Update takes the newest generation if it has come, without waiting. It returns whether there is a newer one now.
func (s *Subscription) Update() (newer bool, err error) {
	s.change.Lock()
	defer s.change.Unlock()
	err = s.use(func() error {
		found, err := call(func() C.int { return C.sealmem_subscription_update(s.raw) })
		newer = found > 0
		return err
	})
	return newer, err
}

// Reconnect goes on with another connection.
func (s *Subscription) Reconnect(connection syscall.Conn) error {
	s.change.Lock()
	defer s.change.Unlock()
	return s.use(func() error {
		return waiting(connection, func(fd C.int) C.int { return C.sealmem_subscription_reconnect(s.raw, fd) })
	})
}

// Acquire returns the newest generation: a sealed region, which stays as it is until it is closed. It does not wait.
func (s *Subscription) Acquire() (r *Region, err error) {
	err = s.use(func() error {
		raw := C.sealmem_subscription_acquire(s.raw)
		if raw == nil {
			return errorOf(syscall.ESTALE)
		}
		s.count.Lock()
		s.live++
		s.count.Unlock()
		r = own((*C.struct_sealmem_region)(unsafe.Pointer(raw)), true, s)
		return nil
	})
	return r, err
}

func (s *Subscription) release(raw *C.struct_sealmem_region) {
	C.sealmem_subscription_release(s.raw, raw)
	s.count.Lock()
	s.live--
	s.count.Unlock()
}

// Generation returns the number of the newest generation that it has; 0 after Close.
func (s *Subscription) Generation() (number uint64) {
	_ = s.use(func() error {
		number = uint64(C.sealmem_subscription_generation(s.raw))
		return nil
	})
	return number
}

// Close closes the connection and unmaps all generations. EBUSY: some are in use, and have to be closed first. A
// subscription can be closed more than once.
func (s *Subscription) Close() error {
	s.lock.Lock()
	defer s.lock.Unlock()
	s.count.Lock()
	defer s.count.Unlock()
	if s.live > 0 {
		return errorOf(syscall.EBUSY)
	}
	runtime.SetFinalizer(s, nil)
	s.raw = C.sealmem_subscription_free(s.raw)
	return nil
}
