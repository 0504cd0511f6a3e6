/* SPDX-License-Identifier: MIT */
/* The header of C++, with and without exceptions: behaviour.py compiles it in each supported way and runs it. */

#include <sealmem.hpp>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <functional>
#include <map>
#include <poll.h>
#include <fstream>
#include <string>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace
{

/* One test fails once: what is wrong is printed, and the next test goes on. */
const char *fault;

#define EXPECT(condition)                                                                          \
 do {                                                                                              \
  if (!(condition)) {                                                                              \
   fault = #condition;                                                                             \
   return;                                                                                         \
  }                                                                                                \
 } while (0)

int descriptors()
{
	int count = 0;

	for (int fd = 0; fd < 256; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

/* The signal that a child dies of when it does this, 0 if none. */
template <class Act> int signal_of(Act act)
{
	pid_t child = fork();
	int status = 0;

	if (child == 0) {
		act();
		_exit(0);
	}
	if (child < 0 || waitpid(child, &status, 0) != child)
		return -1;
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

std::string text_of(sealmem::span<const std::byte> bytes)
{
	return { reinterpret_cast<const char *>(bytes.data()), bytes.size() };
}

sealmem::region abc(std::error_code &code)
{
	return sealmem::region::from("abc", "abc", 3, sealmem::content, code);
}

void a_region_is_written_sealed_and_read()
{
	std::error_code code;
	auto r = sealmem::region::open("greeting", 64, sealmem::content, code);
	EXPECT(!code && r);
	auto *piece = static_cast<char *>(r.allocate(6, 0, code));
	EXPECT(!code && piece);
	std::memcpy(piece, "hello", 6);
	r.seal(code);
	EXPECT(!code && std::strcmp(piece, "hello") == 0);
	EXPECT(r.size() == 6 && r.name() == "greeting" && r.guarantees() == sealmem::content);
	EXPECT(signal_of([piece] { *static_cast<volatile char *>(piece) = 'j'; }) == SIGSEGV);
	std::error_code refused;
	sealmem::try_write(piece, { reinterpret_cast<const std::byte *>("j"), 1 }, refused);
	EXPECT(refused == std::errc::bad_address && std::strcmp(piece, "hello") == 0);
}

void a_store_to_an_open_region_succeeds()
{
	std::error_code code;
	auto r = sealmem::region::open("open", 64, sealmem::content, code);
	EXPECT(!code);
	sealmem::try_write(r.writable().data(), { reinterpret_cast<const std::byte *>("j"), 1 },
			   code);
	EXPECT(!code && text_of(r.bytes())[0] == 'j');
}

void an_error_has_its_errno_and_its_sentence()
{
	std::error_code code;
	auto r = sealmem::region::open("bad\n", 64, sealmem::content, code);
	EXPECT(!r && code.value() == EINVAL && &code.category() == &sealmem::category());
	EXPECT(code.message() == sealmem_strerror(-EINVAL));
	EXPECT(code == std::errc::invalid_argument &&
	       code.category().name() == std::string("sealmem"));
	r = abc(code);
	EXPECT(r && !code);
}

void the_last_piece_grows_and_the_end_is_trimmed()
{
	std::error_code code;
	auto r = sealmem::region::open("grow", 4096, sealmem::content, code);
	void *piece = r.allocate(10, 0, code);
	EXPECT(!code && r.reallocate(piece, 20, code) == piece && r.size() == 20);
	r.trim(5, code);
	EXPECT(!code && r.size() == 5);
	r.trim(6, code);
	EXPECT(code == std::errc::invalid_argument && r.size() == 5);
}

void an_owner_moves_and_frees_once()
{
	std::error_code code;
	int before = descriptors();
	{
		auto a = abc(code);
		auto b = std::move(a);
		EXPECT(!a && b && a.size() == 0 && a.name().empty() && a.bytes().empty());
		auto &same = b;
		b = std::move(same);
		a = std::move(b);
		EXPECT(a && text_of(a.bytes()) == "abc");
		a = abc(code);
		sealmem_region *raw = a.release();
		EXPECT(!a && raw);
		sealmem::region again(raw);
	}
	EXPECT(descriptors() == before);
}

void an_empty_owner_gives_errors()
{
	std::error_code code;
	sealmem::region none;
	none.seal(code);
	EXPECT(code == std::errc::invalid_argument);
	EXPECT(none.allocate(1, 0, code) == nullptr && code == std::errc::invalid_argument);
	EXPECT(none.fd(code) < 0 && code == std::errc::invalid_argument);
	sealmem::subscription nobody;
	EXPECT(!nobody.acquire() && !nobody.update(code) && code == std::errc::invalid_argument);
}

void a_file_is_verified_as_it_is_sealed()
{
	std::error_code code;
	int fd = memfd_create("file", 0);
	EXPECT(fd >= 0 && write(fd, "content", 7) == 7);
	std::size_t told = 0;
	std::string seen;
	auto r = sealmem::region::from_file(
		"file", fd, 100, sealmem::content,
		[&](std::size_t done, std::size_t) {
			told = done;
			return 0;
		},
		[&](sealmem::span<const std::byte> bytes) {
			seen = text_of(bytes);
			return 0;
		},
		code);
	EXPECT(!code && r && told == 7 && seen == "content");
	auto refuse = [](sealmem::span<const std::byte>) { return 1; };
	r = sealmem::region::from_file(
		"file", fd, 100, sealmem::content, [](std::size_t, std::size_t) { return 0; },
		refuse, code);
	EXPECT(!r && code.value() == EKEYREJECTED);
	r = sealmem::region::from_file("file", fd, 6, sealmem::content, code);
	EXPECT(!r && code == std::errc::file_too_large);
	close(fd);
}

void a_region_is_sent_and_received()
{
	std::error_code code;
	int ends[2];
	EXPECT(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) == 0);
	auto r = abc(code);
	r.send(ends[0], code);
	EXPECT(!code);
	auto got = sealmem::region::receive(ends[1], 100, sealmem::content, code);
	EXPECT(!code && got.name() == "abc" && text_of(got.bytes()) == "abc");
	r.send(ends[0], code);
	got = sealmem::region::receive(ends[1], 2, sealmem::content, code);
	EXPECT(!got && code == std::errc::file_too_large);
	got = sealmem::region::accept(r.fd(code), sealmem::content, code);
	EXPECT(!code && text_of(got.bytes()) == "abc");
	int open_file = memfd_create("open", MFD_ALLOW_SEALING);
	got = sealmem::region::accept(open_file, sealmem::content, code);
	EXPECT(!got && code == std::errc::operation_not_permitted);
	close(open_file);
	close(ends[0]);
	close(ends[1]);
}

void a_map_is_built_in_place_sealed_and_read()
{
	using table = std::pmr::map<int, std::pmr::string>;
	std::error_code code;
	auto r = sealmem::region::open("routes", 1 << 20, sealmem::content, code);
	sealmem::region_resource memory(r);
	auto *building = memory.construct<table>();
	for (int port = 0; port < 100; port++)
		building->emplace(port, "a rule that is too long for the string itself");
	r.seal(code);
	EXPECT(!code);
	const table &routes = *building;
	EXPECT(routes.size() == 100 && routes.at(42).size() == 45);
	const auto bytes = r.bytes();
	const auto *rule = reinterpret_cast<const std::byte *>(routes.at(42).data());
	EXPECT(rule >= bytes.data() && rule < bytes.data() + bytes.size());
	EXPECT(signal_of([building] { building->at(42)[0] = 'b'; }) == SIGSEGV);
	EXPECT(routes.at(42)[0] == 'a');
}

void a_vector_lies_in_the_heap_and_is_wiped()
{
	std::error_code code;
	auto h = sealmem::heap::create("keys", 1 << 20, sealmem::guards, code);
	EXPECT(!code && h.guarantees() == sealmem::guards);
	const unsigned char *was;
	{
		std::vector<unsigned char, sealmem::heap_allocator<unsigned char>> key(
			32, 0x5a, sealmem::heap_allocator<unsigned char>(h));
		was = key.data();
		EXPECT(h.usable_size(was) == 32 && was[31] == 0x5a);
	}
	EXPECT(was[0] == 0 && was[31] == 0);
	sealmem::heap_resource resource(h), other(h);
	std::pmr::vector<int> numbers(1000, 7, &resource);
	EXPECT(numbers[999] == 7 && resource.is_equal(other));
	h.check(code);
	EXPECT(!code);
}

struct alignas(64) line {
	unsigned char bytes[64];
};

void an_allocator_keeps_any_alignment()
{
	std::error_code code;
	auto h = sealmem::heap::create("lines", 1 << 20, sealmem::guards, code);
	sealmem::heap_allocator<line> allocator(h);
	for (std::size_t count = 1; count < 100; count += 7) {
		line *at = allocator.allocate(count);
		EXPECT(reinterpret_cast<std::uintptr_t>(at) % alignof(line) == 0);
		std::memset(at, 1, count * sizeof(line));
		allocator.deallocate(at, count);
	}
	sealmem::heap_resource resource(h);
	for (std::size_t align = 1; align <= sealmem::page_size(); align *= 2) {
		std::vector<void *> kept;

		for (std::size_t size = 1; size < 5000; size += 333) {
			for (int twice = 0; twice < 2; twice++) {
				kept.push_back(resource.allocate(size, align));
				EXPECT(reinterpret_cast<std::uintptr_t>(kept.back()) % align == 0);
			}
		}
		for (void *at : kept)
			resource.deallocate(at, 1, align);
	}
	h.check(code);
	EXPECT(!code);
}

void a_heap_closes_and_opens()
{
	std::error_code code;
	auto h = sealmem::heap::create("shut", 1 << 20, sealmem::guards, code);
	auto *secret = static_cast<volatile char *>(h.allocate(8, code));
	h.close(code);
	EXPECT(!code);
	EXPECT(signal_of([secret] { (void)*secret; }) == SIGSEGV);
	h.open(code);
	EXPECT(!code && signal_of([secret] { (void)*secret; }) == 0);
	EXPECT(h.reallocate(const_cast<char *>(secret), 16, code) && !code);
}

struct config {
	int port;
	char root[20];
};
sealmem::sealed<config> settings;

void a_global_is_sealed_where_it_is()
{
	std::error_code code;
	static_assert(sizeof(settings) % SEALMEM_PAGE_MAX == 0, "whole pages");
	settings.edit().port = 80;
	settings.edit().port = 443;
	settings.seal("settings", sealmem::content, code);
	EXPECT(!code && settings->port == 443 && (*settings).port == 443);
	EXPECT(signal_of([] { settings.edit().port = 80; }) == SIGSEGV);
	EXPECT(settings->port == 443);
}

int listening(const char *path)
{
	sockaddr_un address = {};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);

	address.sun_family = AF_UNIX;
	std::strncpy(address.sun_path + 1, path, sizeof(address.sun_path) - 2);
	if (bind(fd, reinterpret_cast<sockaddr *>(&address), sizeof(address)) < 0 ||
	    listen(fd, 8) < 0)
		return -1;
	return fd;
}

int connected(const char *path)
{
	sockaddr_un address = {};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);

	address.sun_family = AF_UNIX;
	std::strncpy(address.sun_path + 1, path, sizeof(address.sun_path) - 2);
	return connect(fd, reinterpret_cast<sockaddr *>(&address), sizeof(address)) < 0 ? -1 : fd;
}

/* How many mappings show memory of the library. */
int mappings()
{
	std::ifstream maps("/proc/self/maps");
	std::string line;
	int count = 0;

	while (std::getline(maps, line))
		count += line.find("memfd:sealmem") != std::string::npos;
	return count;
}

volatile std::sig_atomic_t told;

/* Serves in a child, and publishes again when it is told to. */
template <class Prepare> pid_t serve(int socket, Prepare prepare)
{
	pid_t child = fork();

	if (child != 0)
		return child;
	std::error_code code;
	auto p = sealmem::publisher::create(socket, code);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	std::signal(SIGUSR1, [](int) { told = 1; });
	prepare(p);
	for (;;) {
		pollfd ready = { p.fd(), POLLIN, 0 };

		poll(&ready, 1, 100);
		p.dispatch(code);
		if (std::exchange(told, 0))
			prepare(p);
	}
}

void a_publication_is_listed_subscribed_and_read()
{
	std::error_code code;
	std::string path = "sealmem-cpp-" + std::to_string(getpid());
	int socket = listening(path.c_str());
	pid_t child = serve(socket, [](sealmem::publisher &p) {
		std::error_code ignored;
		auto r = abc(ignored);
		static auto decide = [](const sealmem_peer &peer, const char *name) noexcept {
			return peer.uid == geteuid() && (!name || *name == 'n') ? 0 : 1;
		};

		p.set_admission(decide, ignored);
		p.set_limits({ 8, 8, 8 }, ignored);
		p.announce("next", ignored);
		p.continue_from(1, ignored);
		std::uint64_t number = p.reserve(ignored);
		p.publish_named(r, "next", "first", ignored);
		if (p.generation("next") != number)
			return;
		p.publish(r, ignored);
	});
	int fd = connected(path.c_str());
	auto s = sealmem::subscription::subscribe(fd, "next", 100, sealmem::content, code);
	EXPECT(!code && s && s.number() > 1 && s.fd() >= 0);
	{
		auto g = s.acquire();
		auto second = s.acquire();
		EXPECT(g && text_of(g.bytes()) == "abc" && g.get() == second.get());
		second = std::move(g);
	}
	EXPECT(!s.update(code) && !code);
	close(fd);
	int before = mappings();
	{
		auto older = s.acquire();
		kill(child, SIGUSR1);
		while (!s.update(code) && !code) {
			pollfd ready = { s.fd(), POLLIN, 0 };

			poll(&ready, 1, -1);
		}
		EXPECT(!code && mappings() == before + 1 && text_of(older.bytes()) == "abc");
	}
	EXPECT(mappings() == before);
	fd = connected(path.c_str());
	std::string listed;
	sealmem::list_published(
		fd,
		[&](const sealmem_published &one) {
			listed += std::string(one.name) + "=" + one.label + ";";
		},
		code);
	EXPECT(!code && listed.find("next=first;") != std::string::npos);
	close(fd);
	fd = connected(path.c_str());
	auto refused = sealmem::subscription::subscribe(fd, "abc", 100, sealmem::content, code);
	EXPECT(!refused && code == std::errc::permission_denied);
	close(fd);
	kill(child, SIGKILL);
	waitpid(child, nullptr, 0);
	s.update(code);
	EXPECT(code == std::errc::connection_reset && s.acquire());
	close(socket);
}

void what_stands_alone_answers()
{
	std::error_code code;
	EXPECT(sealmem::version() == std::string(SEALMEM_VERSION));
	EXPECT(sealmem::page_size() == static_cast<std::size_t>(sysconf(_SC_PAGESIZE)));
	EXPECT(sealmem::supported() & sealmem::content);
	EXPECT(sealmem::guarantee_name(sealmem::nofork) == std::string("NOFORK"));
	std::array<std::byte, 4> a = {}, b = {};
	a[0] = std::byte(1);
	EXPECT(!sealmem::equal(a, b));
	sealmem::wipe(a);
	EXPECT(sealmem::equal(a, b) && !sealmem::equal(a, { b.data(), 3 }));
	sealmem::mseal(&code, 1, code);
	EXPECT(code);
	sealmem::mseal({}, code);
	sealmem::keep_available(nullptr, 1, code);
	EXPECT(code);
	EXPECT(sealmem::load_verified(
		       -1, [](sealmem::span<const std::byte>) { return 0; }, 0, code) == nullptr);
	EXPECT(code == std::errc::bad_file_descriptor);
	sealmem::seal_image(~0u, code);
	EXPECT(code == std::errc::invalid_argument);
	sealmem::seal_loaded(nullptr, ~0u, code);
	EXPECT(code == std::errc::invalid_argument);
}

void a_secret_is_stored_and_restored()
{
	std::error_code code;
	if (!(sealmem::supported() & sealmem::secrecy))
		return;
	auto r = sealmem::region::from("key", "key", 3, sealmem::secrecy, code);
	EXPECT(!code);
	int fd = r.store(code);
	EXPECT(!code && fd >= 0);
	auto again = sealmem::region::restore(fd, "key", sealmem::secrecy, code);
	EXPECT(!code && text_of(again.bytes()) == "key");
	r.fd(code);
	EXPECT(code == std::errc::operation_not_supported);
}

#ifdef __cpp_exceptions
template <class Act> int errno_of(Act act)
{
	try {
		act();
	} catch (const sealmem::error &error) {
		return error.code().value();
	} catch (...) {
		return -1;
	}
	return 0;
}

void the_short_form_throws_what_the_other_reports()
{
	EXPECT(errno_of([] { sealmem::region::open("x", 0, sealmem::content); }) == EINVAL);
	EXPECT(errno_of([] { sealmem::region().seal(); }) == EINVAL);
	EXPECT(errno_of([] { sealmem::region().allocate(1, 0); }) == EINVAL);
	EXPECT(errno_of([] { sealmem::heap::create("x", 0, 0); }) == EINVAL);
	EXPECT(errno_of([] { sealmem::publisher::create(-1); }) == EBADF);
	EXPECT(errno_of([] { sealmem::seal_image(~0u); }) == EINVAL);
	EXPECT(errno_of([] { sealmem::list_published(-1, [](const auto &) {}); }) == EBADF);
	try {
		sealmem::region::open("bad\n", 64, sealmem::content);
	} catch (const std::system_error &error) {
		EXPECT(std::strstr(error.what(), "control character"));
		return;
	}
	bool something_was_thrown = false;
	EXPECT(something_was_thrown);
}

void an_exception_passes_through_a_callback()
{
	int fd = memfd_create("file", 0), before = descriptors();
	EXPECT(write(fd, "content", 7) == 7);
	bool caught = false;
	try {
		sealmem::region::from_file(
			"file", fd, 100, sealmem::content,
			[](std::size_t, std::size_t) { return 0; },
			[](sealmem::span<const std::byte>) -> int { throw 42; });
	} catch (int thrown) {
		caught = thrown == 42;
	}
	EXPECT(caught && descriptors() == before);
	close(fd);
}

void a_container_without_memory_gets_bad_alloc()
{
	auto r = sealmem::region::open("small", 100, sealmem::content);
	sealmem::region_resource memory(r);
	bool caught = false;
	try {
		std::pmr::vector<int> numbers(1000, &memory);
	} catch (const std::bad_alloc &) {
		caught = true;
	}
	EXPECT(caught);
	auto h = sealmem::heap::create("small", 1 << 16, sealmem::guards);
	sealmem::heap_allocator<line> allocator(h);
	caught = false;
	try {
		allocator.allocate(SIZE_MAX / 2);
	} catch (const std::bad_alloc &) {
		caught = true;
	}
	EXPECT(caught);
}
#endif

struct {
	const char *name;
	void (*run)();
} const tests[] = {
#define TEST(name)                                                                                 \
 {                                                                                                 \
#  name, name                                                                                      \
 }
	TEST(a_region_is_written_sealed_and_read),
	TEST(a_store_to_an_open_region_succeeds),
	TEST(an_error_has_its_errno_and_its_sentence),
	TEST(the_last_piece_grows_and_the_end_is_trimmed),
	TEST(an_owner_moves_and_frees_once),
	TEST(an_empty_owner_gives_errors),
	TEST(a_file_is_verified_as_it_is_sealed),
	TEST(a_region_is_sent_and_received),
	TEST(a_map_is_built_in_place_sealed_and_read),
	TEST(a_vector_lies_in_the_heap_and_is_wiped),
	TEST(an_allocator_keeps_any_alignment),
	TEST(a_heap_closes_and_opens),
	TEST(a_global_is_sealed_where_it_is),
	TEST(a_publication_is_listed_subscribed_and_read),
	TEST(what_stands_alone_answers),
	TEST(a_secret_is_stored_and_restored),
#ifdef __cpp_exceptions
	TEST(the_short_form_throws_what_the_other_reports),
	TEST(an_exception_passes_through_a_callback),
	TEST(a_container_without_memory_gets_bad_alloc),
#endif
};

} // namespace

/* One line for each test that failed: behaviour.py names the others. */
int main()
{
	int failed = 0;

	for (const auto &test : tests) {
		fault = nullptr;
		test.run();
		failed += fault != nullptr;
		if (fault)
			std::printf("%s: not so: %s\n", test.name, fault);
	}
	std::printf("%zu passed\n",
		    sizeof(tests) / sizeof(*tests) - static_cast<std::size_t>(failed));
	return failed != 0;
}
