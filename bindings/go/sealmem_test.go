// SPDX-License-Identifier: MIT

package sealmem_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"sealmem"
)

const content = sealmem.Content

// What some machines do not give, or give too little of.
func needs(t *testing.T, guarantees sealmem.Guarantees) {
	t.Helper()
	if sealmem.Supported()&guarantees != guarantees {
		t.Skipf("this machine does not support %s, or RLIMIT_MEMLOCK is used up", guarantees)
	}
}

func must[T any](t *testing.T) func(T, error) T {
	return func(value T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

func done(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func refused(t *testing.T, errno syscall.Errno, err error) {
	t.Helper()
	var is *sealmem.Error
	if !errors.As(err, &is) || !errors.Is(err, errno) || !strings.HasSuffix(err.Error(), ".") {
		t.Fatalf("%v, and %d (%s) is due", err, int(errno), errno)
	}
}

func same(t *testing.T, found, wanted any) {
	t.Helper()
	if !reflect.DeepEqual(found, wanted) {
		t.Fatalf("%v, and %v is due", found, wanted)
	}
}

func abc(t *testing.T) *sealmem.Region {
	t.Helper()
	return must[*sealmem.Region](t)(sealmem.New("abc", []byte("abc"), content))
}

func file(t *testing.T, text string) *os.File {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	done(t, os.WriteFile(path, []byte(text), 0o600))
	f := must[*os.File](t)(os.Open(path))
	t.Cleanup(func() { f.Close() })
	return f
}

func TestARegionIsFilledSealedAndRead(t *testing.T) {
	r := must[*sealmem.Region](t)(sealmem.Open("policy", 1<<20, content))
	defer r.Close()
	same(t, r.Len(), 1<<20)
	done(t, r.Put([]byte("allow ")))
	piece := must[[]byte](t)(r.Alloc(3, 1))
	copy(piece, "443")
	piece = must[[]byte](t)(r.Realloc(4))
	piece[3] = '!'
	view := r.Bytes()
	done(t, r.Seal())
	done(t, r.Seal())
	same(t, string(view), "allow 443!")
	same(t, []any{r.Name(), r.Guarantees(), r.Len()}, []any{"policy", content, 10})
	refused(t, syscall.EPERM, r.Trim(1))
	_, err := r.Alloc(1, 1)
	refused(t, syscall.EPERM, err)
}

func TestAStoreIsRefusedAfterTheSealAndNotBefore(t *testing.T) {
	r := must[*sealmem.Region](t)(sealmem.Open("r", 3, content))
	defer r.Close()
	done(t, r.TryWrite(0, []byte("abc")))
	refused(t, syscall.EINVAL, r.TryWrite(1, []byte("abc")))
	refused(t, syscall.EINVAL, r.TryWrite(-1, nil))
	done(t, r.Seal())
	refused(t, syscall.EFAULT, r.TryWrite(0, []byte("A")))
	same(t, string(r.Bytes()), "abc")
}

func TestAStrayStoreIsAPanicIfTheGoroutineAsksForThat(t *testing.T) {
	r := must[*sealmem.Region](t)(sealmem.Open("r", 3, content))
	defer r.Close()
	view := r.Bytes()
	view[0] = 'a'
	done(t, r.Seal())
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	fault := func() (fault any) {
		defer func() { fault = recover() }()
		view[0] = 'A'
		return nil
	}()
	if _, ok := fault.(runtime.Error); !ok {
		t.Fatalf("no fault: %v", fault)
	}
	same(t, view[0], byte('a'))
}

func TestPiecesAreAlignedAndTakenBack(t *testing.T) {
	r := must[*sealmem.Region](t)(sealmem.Open("r", 1<<16, content))
	defer r.Close()
	done(t, r.Put([]byte("x")))
	same(t, must[[]byte](t)(r.Alloc(64, 64)), make([]byte, 64))
	same(t, r.Len(), 128)
	for _, wrong := range [][2]int{{0, 1}, {1, 3}, {-1, 1}, {1, -1}} {
		_, err := r.Alloc(wrong[0], wrong[1])
		refused(t, syscall.EINVAL, err)
	}
	_, err := r.Alloc(1<<20, 1)
	refused(t, syscall.ENOMEM, err)
	_, err = r.Realloc(-1)
	refused(t, syscall.EINVAL, err)
	done(t, r.Trim(1))
	refused(t, syscall.EINVAL, r.Trim(2))
	refused(t, syscall.EINVAL, r.Trim(-1))
	same(t, r.Len(), 1)
}

func TestADemandThatCannotBeMetIsAnErrno(t *testing.T) {
	for _, one := range []struct {
		name       string
		capacity   int
		guarantees sealmem.Guarantees
		errno      syscall.Errno
	}{
		{"r", 0, content, syscall.EINVAL},
		{"r", -1, content, syscall.EINVAL},
		{"r", 1, 0, syscall.EINVAL},
		{"r", 1, content | 0x80, syscall.EINVAL},
		{"a\nb", 1, content, syscall.EINVAL},
		{"a\x00b", 1, content, syscall.EINVAL},
		{strings.Repeat("n", sealmem.NameMax+1), 1, content, syscall.ENAMETOOLONG},
	} {
		_, err := sealmem.Open(one.name, one.capacity, one.guarantees)
		refused(t, one.errno, err)
	}
}

func TestEachGuaranteeIsInForce(t *testing.T) {
	for _, one := range []sealmem.Guarantees{sealmem.NoDump, sealmem.NoFork, sealmem.Guards, sealmem.NoSwap, sealmem.Address} {
		t.Run(one.String(), func(t *testing.T) {
			needs(t, one)
			r := must[*sealmem.Region](t)(sealmem.New("r", []byte("abc"), content|one))
			defer r.Close()
			same(t, r.Guarantees()&(content|one), content|one)
		})
	}
}

func TestASecretWithoutContentStaysWritable(t *testing.T) {
	needs(t, sealmem.Secrecy)
	r := must[*sealmem.Region](t)(sealmem.Open("key", 6, sealmem.Secrecy))
	defer r.Close()
	copy(r.Bytes(), "secret")
	done(t, r.Seal())
	r.Bytes()[0] = 'S'
	_, err := r.File()
	refused(t, syscall.EOPNOTSUPP, err)
	stored, err := r.Store()
	if errors.Is(err, syscall.EAGAIN) {
		t.Skip(err)
	}
	done(t, err)
	_, err = sealmem.Restore(stored, "key", content)
	refused(t, syscall.EINVAL, err)
	back, err := sealmem.Restore(stored, "back", sealmem.Secrecy)
	if errors.Is(err, syscall.EAGAIN) {
		t.Skip(err)
	}
	done(t, err)
	defer back.Close()
	same(t, []string{string(back.Bytes()), back.Name()}, []string{"Secret", "back"})
	if stored.Close() == nil {
		t.Fatal("the descriptor is open")
	}
	_, err = abc(t).Store()
	refused(t, syscall.EINVAL, err)
}

func TestAFileBecomesARegionAndIsVerified(t *testing.T) {
	source := file(t, "allow 443")
	r := must[*sealmem.Region](t)(sealmem.FromFile("f", source, 100, content))
	same(t, string(r.Bytes()), "allow 443")
	done(t, r.Close())
	_, err := sealmem.FromFile("f", source, 8, content)
	refused(t, syscall.EFBIG, err)
	var seen, judged string
	r = must[*sealmem.Region](t)(sealmem.FromFileWith("f", source, 100, content, func(done, total int) error {
		seen = fmt.Sprint(done, total)
		return nil
	}, func(bytes []byte) error {
		judged = string(bytes)
		return nil
	}))
	same(t, []string{seen, judged, string(r.Bytes())}, []string{"9 9", "allow 443", "allow 443"})
	done(t, r.Close())
	mine := errors.New("mine")
	_, err = sealmem.FromFileWith("f", source, 100, content, func(_, _ int) error { return mine }, nil)
	same(t, err, mine)
	_, err = sealmem.FromFileWith("f", source, 100, content, nil, func([]byte) error { return mine })
	same(t, err, mine)
	defer func() { same(t, recover(), "from verify") }()
	_, _ = sealmem.FromFileWith("f", source, 100, content, nil, func([]byte) error { panic("from verify") })
	t.Fatal("no panic")
}

func pair(t *testing.T, kind int) (*net.UnixConn, *net.UnixConn) {
	t.Helper()
	fds := must[[2]int](t)(syscall.Socketpair(syscall.AF_UNIX, kind|syscall.SOCK_CLOEXEC, 0))
	var ends [2]*net.UnixConn
	for at, fd := range fds {
		f := os.NewFile(uintptr(fd), "socket")
		ends[at] = must[net.Conn](t)(net.FileConn(f)).(*net.UnixConn)
		f.Close()
		t.Cleanup(func() { ends[at].Close() })
	}
	return ends[0], ends[1]
}

func TestARegionGoesOverASocket(t *testing.T) {
	for _, kind := range []int{syscall.SOCK_STREAM, syscall.SOCK_SEQPACKET} {
		here, there := pair(t, kind)
		r := abc(t)
		received := make(chan *sealmem.Region)
		go func() {
			one, err := sealmem.Receive(there, 100, content)
			if err != nil {
				t.Error(err)
			}
			received <- one
		}()
		time.Sleep(10 * time.Millisecond) // Receive most likely waits: either way it has to succeed
		done(t, r.Send(here))
		one := <-received
		same(t, []string{string(one.Bytes()), one.Name()}, []string{"abc", "abc"})
		done(t, one.Close())
		done(t, r.Send(here))
		_, err := sealmem.Receive(there, 2, content)
		refused(t, syscall.EFBIG, err)
		done(t, there.SetReadDeadline(time.Now().Add(10*time.Millisecond)))
		_, err = sealmem.Receive(there, 2, content)
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatal(err)
		}
		done(t, there.SetReadDeadline(time.Time{}))
		done(t, here.Close())
		_, err = sealmem.Receive(there, 2, content)
		refused(t, syscall.ECONNRESET, err)
		done(t, r.Close())
	}
}

func TestADescriptorIsAccepted(t *testing.T) {
	r := abc(t)
	defer r.Close()
	f := must[*os.File](t)(r.File())
	defer f.Close()
	accepted := must[*sealmem.Region](t)(sealmem.Accept(f, 100, content))
	same(t, []string{string(accepted.Bytes()), accepted.Name()}, []string{"abc", "accepted"})
	done(t, accepted.Close())
	_, err := sealmem.Accept(f, 2, content)
	refused(t, syscall.EFBIG, err)
	_, err = sealmem.Accept(file(t, "abc"), 100, content)
	refused(t, syscall.ENODEV, err)
	same(t, string(must[[]byte](t)(io.ReadAll(io.NewSectionReader(f, 0, 10)))), "abc")
	open := must[*sealmem.Region](t)(sealmem.Open("o", 1, content))
	defer open.Close()
	_, err = open.File()
	refused(t, syscall.EPERM, err)
}

func TestGoroutinesShareARegion(t *testing.T) {
	r := abc(t)
	var all sync.WaitGroup
	for range [8]int{} {
		all.Add(1)
		go func() {
			defer all.Done()
			if view := r.Bytes(); !bytes.Equal(view, []byte("abc")) || r.Len() != 3 || r.Name() != "abc" {
				t.Error(view)
			}
		}()
	}
	all.Wait()
	done(t, r.Close())
}

func collected() {
	for range [5]int{} {
		runtime.GC()
		time.Sleep(time.Millisecond)
	}
}

func TestASliceKeepsItsRegion(t *testing.T) {
	view := abc(t).Bytes()
	key := must[*sealmem.Secret](t)(must[*sealmem.Heap](t)(sealmem.NewHeap("h", 1<<16, 0)).Alloc(3)).Bytes()
	copy(key, "key")
	collected()
	same(t, string(view)+string(key), "abckey")
}

func TestAClosedRegionSaysSo(t *testing.T) {
	r := abc(t)
	done(t, r.Close())
	done(t, r.Close())
	same(t, []any{r.Bytes(), r.Len(), r.Name(), r.Guarantees()}, []any{[]byte(nil), 0, "", sealmem.Guarantees(0)})
	_, first := r.Alloc(1, 1)
	_, second := r.File()
	_, third := r.Store()
	for _, err := range []error{first, second, third, r.Seal(), r.Trim(0), r.TryWrite(0, nil), r.KeepAvailable()} {
		if !errors.Is(err, sealmem.ErrClosed) {
			t.Fatal(err)
		}
	}
}

func TestAHeapHoldsSecrets(t *testing.T) {
	h := must[*sealmem.Heap](t)(sealmem.NewHeap("keys", 1<<18, sealmem.NoDump))
	same(t, h.Guarantees()&sealmem.NoDump, sealmem.NoDump)
	s := must[*sealmem.Secret](t)(h.Alloc(6))
	copy(s.Bytes(), "secret")
	done(t, s.Resize(5000))
	same(t, []any{string(s.Bytes()[:6]), s.Bytes()[6], s.Len()}, []any{"secret", byte(0), 5000})
	refused(t, syscall.ENOMEM, s.Resize(1<<20))
	refused(t, syscall.EINVAL, s.Resize(-1))
	_, err := h.Alloc(1 << 20)
	refused(t, syscall.ENOMEM, err)
	_, err = h.Alloc(-1)
	refused(t, syscall.EINVAL, err)
	done(t, h.Check())
	refused(t, syscall.EBUSY, h.Close())
	s.Free()
	s.Free()
	same(t, []any{s.Bytes(), s.Len(), s.Resize(1)}, []any{[]byte(nil), 0, sealmem.ErrClosed})
	done(t, h.Close())
	done(t, h.Close())
	same(t, []any{h.Check(), h.Guarantees()}, []any{sealmem.ErrClosed, sealmem.Guarantees(0)})
	_, err = h.Alloc(1)
	same(t, err, sealmem.ErrClosed)
	_, err = sealmem.NewHeap("h", 1<<16, content)
	refused(t, syscall.EINVAL, err)
}

// served is a publisher that other goroutines reach, and what stops and starts its dispatch.
type served struct {
	*sealmem.Publisher
	path     string
	listener *net.UnixListener
	stop     chan bool
	stopped  chan error
}

func serve(t *testing.T) *served {
	t.Helper()
	directory := must[string](t)(os.MkdirTemp("", "s"))
	t.Cleanup(func() { os.RemoveAll(directory) })
	return serveAt(t, filepath.Join(directory, "s"))
}

func serveAt(t *testing.T, path string) *served {
	t.Helper()
	l := must[*net.UnixListener](t)(net.ListenUnix("unixpacket", &net.UnixAddr{Name: path, Net: "unixpacket"}))
	s := &served{must[*sealmem.Publisher](t)(sealmem.NewPublisher(l)), path, l, nil, nil}
	t.Cleanup(func() {
		s.halt(t)
		s.Close()
		l.Close()
	})
	return s
}

func (s *served) start() {
	s.stop, s.stopped = make(chan bool), make(chan error)
	go func(stop chan bool, stopped chan error) {
		for {
			select {
			case <-stop:
				stopped <- nil
				return
			case <-time.After(time.Millisecond):
				if err := s.Dispatch(); err != nil {
					<-stop
					stopped <- err
					return
				}
			}
		}
	}(s.stop, s.stopped)
}

func (s *served) halt(t *testing.T) {
	t.Helper()
	if s.stop != nil {
		s.stop <- true
		done(t, <-s.stopped)
		s.stop = nil
	}
}

func (s *served) dial(t *testing.T) *net.UnixConn {
	t.Helper()
	c := must[*net.UnixConn](t)(net.DialUnix("unixpacket", nil, &net.UnixAddr{Name: s.path, Net: "unixpacket"}))
	t.Cleanup(func() { c.Close() })
	return c
}

func (s *served) subscribe(t *testing.T, name string, limit int) (*sealmem.Subscription, error) {
	t.Helper()
	c := s.dial(t)
	defer c.Close()
	return sealmem.Subscribe(c, name, limit, content)
}

func TestGenerationsArePublishedAndRead(t *testing.T) {
	p := serve(t)
	done(t, p.Announce("later"))
	same(t, p.Generation("abc"), uint64(0))
	done(t, p.Publish(abc(t)))
	first := p.Generation("abc")
	if first == 0 || p.GreatestGeneration() != first || p.Fd() < 0 {
		t.Fatal(first)
	}
	done(t, p.Continue(first+1000))
	next := must[uint64](t)(p.Reserve())
	p.start()
	s := must[*sealmem.Subscription](t)(p.subscribe(t, "abc", 100))
	_, err := p.subscribe(t, "nonesuch", 100)
	refused(t, syscall.ENOENT, err)
	_, err = p.subscribe(t, "abc", 2)
	refused(t, syscall.EFBIG, err)
	old := must[*sealmem.Region](t)(s.Acquire())
	same(t, []any{string(old.Bytes()), s.Generation()}, []any{"abc", first})
	p.halt(t)
	done(t, p.PublishNamed(must[*sealmem.Region](t)(sealmem.New("other", []byte("new"), content)), "abc", "label"))
	same(t, p.Generation("abc"), next)
	done(t, p.PublishLabelled(old, "again"))
	newest := p.Generation("abc")
	p.start()
	for s.Generation() != newest {
		_ = must[bool](t)(s.Update())
	}
	same(t, []any{must[bool](t)(s.Update()), s.Fd() >= 0}, []any{false, true})
	list := must[[]sealmem.Published](t)(sealmem.ListPublished(p.dial(t)))
	same(t, len(list), 2)
	for _, one := range list {
		if one.Name == "abc" {
			same(t, []any{one.Generation, one.Size, one.Label}, []any{newest, uint64(3), "again"})
		}
	}
	p.halt(t)
	done(t, p.Close())
	for err == nil || !errors.Is(err, syscall.ECONNRESET) {
		_, err = s.Update()
	}
	refused(t, syscall.EBUSY, s.Close())
	same(t, string(old.Bytes()), "abc")
	done(t, old.Close())
	done(t, s.Close())
	done(t, s.Close())
	_, err = s.Update()
	_, other := s.Acquire()
	same(t, []any{err, other, s.Generation(), s.Fd()}, []any{sealmem.ErrClosed, sealmem.ErrClosed, uint64(0), -1})
	same(t, []any{p.Dispatch(), p.Fd(), p.Publish(abc(t))}, []any{sealmem.ErrClosed, -1, sealmem.ErrClosed})
}

func TestASubscriptionGoesOnWithAnotherPublisher(t *testing.T) {
	p := serve(t)
	done(t, p.Publish(abc(t)))
	p.start()
	s := must[*sealmem.Subscription](t)(p.subscribe(t, "abc", 100))
	p.halt(t)
	done(t, p.Close())
	done(t, p.listener.Close())
	second := serveAt(t, p.path)
	done(t, second.Continue(s.Generation()))
	done(t, second.Publish(must[*sealmem.Region](t)(sealmem.New("abc", []byte("def"), content))))
	newest := second.Generation("abc")
	second.start()
	done(t, s.Reconnect(second.dial(t)))
	for s.Generation() != newest {
		_ = must[bool](t)(s.Update())
	}
	r := must[*sealmem.Region](t)(s.Acquire())
	same(t, string(r.Bytes()), "def")
	done(t, r.Seal())
	done(t, r.Close())
	done(t, s.Close())
}

func TestAFunctionDecidesWhoGetsWhat(t *testing.T) {
	p := serve(t)
	done(t, p.Publish(abc(t)))
	var seen []string
	done(t, p.SetAdmission(func(peer sealmem.Peer, name string) bool {
		seen = append(seen, fmt.Sprintf("%t %t %t %q", peer.PID == os.Getpid(), peer.UID == uint32(os.Getuid()), peer.Socket > 2, name))
		return name != ""
	}))
	p.start()
	s := must[*sealmem.Subscription](t)(p.subscribe(t, "abc", 100))
	done(t, s.Close())
	connection := p.dial(t)
	_, err := sealmem.ListPublished(connection)
	refused(t, syscall.EACCES, err)
	done(t, connection.Close())
	p.halt(t)
	same(t, seen, []string{`true true true "abc"`, `true true true ""`})
	done(t, p.SetAdmission(nil))
	refused(t, syscall.EINVAL, p.SetLimits(sealmem.Limits{}))
	done(t, p.SetLimits(sealmem.Limits{Clients: 1, ClientsOfUser: 1, NamesOfClient: 1}))
	p.start()
	for {
		// The connections from before go when the publisher notices that they are closed.
		if s, err = p.subscribe(t, "abc", 100); !errors.Is(err, syscall.EUSERS) {
			break
		}
	}
	done(t, err)
	_, err = p.subscribe(t, "abc", 100)
	refused(t, syscall.EUSERS, err)
	done(t, s.Close())
}

func TestAPanicOfAdmissionComesOutOfDispatch(t *testing.T) {
	p := serve(t)
	done(t, p.Publish(abc(t)))
	done(t, p.SetAdmission(func(sealmem.Peer, string) bool { panic("from admission") }))
	failed := make(chan error, 1)
	go func() {
		_, err := p.subscribe(t, "abc", 100)
		failed <- err
	}()
	dispatch := func() (thrown any) {
		defer func() { thrown = recover() }()
		done(t, p.Dispatch())
		return nil
	}
	thrown := dispatch()
	for thrown == nil {
		thrown = dispatch()
	}
	same(t, thrown, "from admission")
	for {
		select {
		case err := <-failed:
			refused(t, syscall.EACCES, err)
			return
		default:
			done(t, p.Dispatch())
		}
	}
}

func TestWhatIsNoSocketIsRefused(t *testing.T) {
	_, err := sealmem.NewPublisher(file(t, ""))
	refused(t, syscall.ENOTSOCK, err)
	_, err = sealmem.Subscribe(file(t, ""), "n", 1, content)
	refused(t, syscall.ENOTSOCK, err)
	_, err = sealmem.ListPublished(file(t, ""))
	refused(t, syscall.ENOTSOCK, err)
	refused(t, syscall.ENOTSOCK, abc(t).Send(file(t, "")))
}

func TestMappedMemoryIsSealedAtItsAddress(t *testing.T) {
	page := sealmem.PageSize()
	memory := must[[]byte](t)(syscall.Mmap(-1, 0, 2*page, syscall.PROT_READ|syscall.PROT_WRITE,
		syscall.MAP_PRIVATE|syscall.MAP_ANON))
	done(t, sealmem.TryWrite(memory, []byte("abc")))
	refused(t, syscall.EINVAL, sealmem.TryWrite(memory[:2], []byte("abc")))
	refused(t, syscall.EINVAL, sealmem.SealRange(memory[:1], content))
	done(t, sealmem.SealRange(memory[:page], content))
	done(t, sealmem.SealRangeNamed(memory[page:], "second", content))
	refused(t, syscall.EFAULT, sealmem.TryWrite(memory, []byte("A")))
	refused(t, syscall.EFAULT, sealmem.TryWrite(memory[page:], []byte("A")))
	same(t, string(memory[:3]), "abc")
	refused(t, syscall.EINVAL, sealmem.MsealMany(make([][]byte, sealmem.ExtentsMax+1)))
	needs(t, sealmem.Address)
	done(t, sealmem.Mseal(memory))
	done(t, sealmem.MsealMany([][]byte{memory[:page], memory[page:]}))
	refused(t, syscall.ENOMEM, sealmem.Mseal(must[[]byte](t)(hole(page))))
}

// hole is a page that is mapped no more.
func hole(page int) ([]byte, error) {
	memory, err := syscall.Mmap(-1, 0, page, syscall.PROT_READ, syscall.MAP_PRIVATE|syscall.MAP_ANON)
	if err == nil {
		err = syscall.Munmap(memory)
	}
	return memory, err
}

func TestASharedObjectIsVerified(t *testing.T) {
	mine := errors.New("mine")
	_, err := sealmem.LoadVerified(file(t, "text"), func([]byte) error { return mine }, 2)
	same(t, err, mine)
	seen := ""
	_, err = sealmem.LoadVerified(file(t, "text"), func(bytes []byte) error {
		seen = string(bytes)
		return nil
	}, 2)
	refused(t, syscall.ENOEXEC, err)
	same(t, seen, "text")
	_, err = sealmem.SealLoaded(nil, 0)
	refused(t, syscall.EINVAL, err)
}

func TestWhatStandsAloneAnswers(t *testing.T) {
	same(t, []any{sealmem.PageSize(), sealmem.Supported() & content}, []any{os.Getpagesize(), content})
	same(t, (content | sealmem.NoDump | 0x80).String(), "CONTENT|NODUMP|0x80")
	same(t, []bool{sealmem.Equal([]byte("a"), []byte("a")), sealmem.Equal([]byte("a"), []byte("b")),
		sealmem.Equal([]byte("a"), []byte("ab")), sealmem.Equal(nil, nil)}, []bool{true, false, false, true})
	secret := []byte("secret")
	sealmem.Wipe(secret)
	sealmem.Wipe(nil)
	same(t, secret, make([]byte, 6))
	refused(t, syscall.EOPNOTSUPP, abc(t).KeepAvailable())
}

func TestTheNumbersAreThoseOfTheLibrary(t *testing.T) {
	have := map[string]uint64{
		"CONTENT": uint64(sealmem.Content), "ADDRESS": uint64(sealmem.Address), "SECRECY": uint64(sealmem.Secrecy),
		"NOSWAP": uint64(sealmem.NoSwap), "NODUMP": uint64(sealmem.NoDump), "NOFORK": uint64(sealmem.NoFork),
		"GUARDS": uint64(sealmem.Guards), "GUARANTEES": uint64(sealmem.All), "NAME_MAX": sealmem.NameMax,
		"LABEL_MAX": sealmem.LabelMax, "EXTENTS_MAX": sealmem.ExtentsMax, "IMAGE_DEEP": uint64(sealmem.ImageDeep),
		"IMAGE_VDSO": uint64(sealmem.ImageVDSO), "IMAGE_TRY": uint64(sealmem.ImageTry),
	}
	version := ""
	for name, value := range sealmem.Constants() {
		if strings.HasPrefix(name, "VERSION_") || name == "PAGE_MAX" {
			continue
		}
		same(t, []any{name, have[name]}, []any{name, value})
		delete(have, name)
	}
	same(t, len(have), 0)
	for _, part := range []string{"MAJOR", "MINOR", "MICRO"} {
		version += "." + strconv.FormatUint(sealmem.Constants()["VERSION_"+part], 10)
	}
	same(t, "."+sealmem.Version(), version)
}

// TestMain is the program of the tests that need a process of their own, too.
func TestMain(m *testing.M) {
	switch os.Getenv("SEALMEM_GO_CHILD") {
	case "image":
		report, err := sealmem.SealImage(sealmem.ImageTry)
		if err != nil {
			fmt.Println(err)
			os.Exit(77)
		}
		ended := make(chan int)
		go func() { ended <- len(make([]byte, 1<<20)) }()
		runtime.GC()
		fmt.Println(report.Objects > 0, report.Relro.Guarantees&content == content, <-ended)
	case "fault":
		r, err := sealmem.New("policy", []byte("abc"), content)
		if err == nil {
			err = sealmem.ReportFaults()
		}
		if err != nil {
			fmt.Println(err)
		}
		r.Bytes()[1] = 'B'
	default:
		os.Exit(m.Run())
	}
}

func child(t *testing.T, which string) (string, int) {
	t.Helper()
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), "SEALMEM_GO_CHILD="+which)
	said, _ := command.CombinedOutput()
	return string(said), command.ProcessState.ExitCode()
}

func TestAProgramThatSealsItselfGoesOn(t *testing.T) {
	said, status := child(t, "image")
	if status == 77 {
		t.Skip(said)
	}
	same(t, []any{said, status}, []any{"true true 1048576\n", 0})
}

func TestAStrayStoreNamesTheRegionAndEndsTheProgram(t *testing.T) {
	said, status := child(t, "fault")
	if !strings.Contains(said, `sealmem: stray store to sealed region "policy" at offset 1`) || status == 0 {
		t.Fatal(said, status)
	}
}

// held is how many descriptors and mappings this process has, and its memory in KiB.
func held(t *testing.T) (descriptors, mappings, memory int) {
	t.Helper()
	collected()
	maps := string(must[[]byte](t)(os.ReadFile("/proc/self/maps")))
	status := string(must[[]byte](t)(os.ReadFile("/proc/self/status")))
	_, after, _ := strings.Cut(status, "RssAnon:")
	memory = must[int](t)(strconv.Atoi(strings.Fields(after)[0]))
	return len(must[[]os.DirEntry](t)(os.ReadDir("/proc/self/fd"))), strings.Count(maps, "sealmem"), memory
}

func makeRegions(t *testing.T, count int) {
	for number := 0; number < count; number++ {
		r := abc(t)
		if number%3 == 0 && r.Bytes()[2] != 'c' {
			t.Fatal(number)
		}
		if number%3 == 0 || number%3 == 1 {
			r.Close()
		}
		// The collector frees the others. It does not know how many descriptors they take.
		if number%300 == 299 {
			runtime.GC()
		}
	}
}

func Test100000RegionsLeaveNothing(t *testing.T) {
	scale := 100
	if text := os.Getenv("SEALMEM_TEST_SCALE"); text != "" {
		scale = must[int](t)(strconv.Atoi(text))
	}
	makeRegions(t, 2000)
	descriptors, mappings, memory := held(t)
	makeRegions(t, 100_000*scale/100)
	for attempt := 0; ; attempt++ {
		d, m, kib := held(t)
		if d <= descriptors && m <= mappings && kib < memory+16*1024 {
			t.Logf("%d regions: %d descriptors, %d mappings and %d KiB before; %d, %d and %d after",
				100_000*scale/100, descriptors, mappings, memory, d, m, kib)
			return
		}
		if attempt == 100 {
			t.Fatal(descriptors, mappings, memory, d, m, kib)
		}
	}
}
