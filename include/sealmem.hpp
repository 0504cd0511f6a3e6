/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_HPP
#define SEALMEM_HPP

/*
 * sealmem for C++17: owners, errors and allocators over sealmem.h, which says what each function does and when it
 * fails. Everything here is inline, and costs no more than the C functions.
 *
 * A function that can fail has two forms. One throws sealmem::error. The other takes a std::error_code as its last
 * argument, which it sets or clears, and throws nothing. Without exceptions (-fno-exceptions) only the second one exists.
 * A value that an owner has not is what the C function gives for NULL, so that an empty owner is not undefined behaviour.
 *
 * Ask for the text of an error at once: the sentence of sealmem_strerror() depends on the last failure of the thread. The
 * exception has asked already.
 *
 * Since 0.1.
 */

#include <sealmem.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <memory_resource>
#include <new>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>

#if __has_include(<version>)
# include <version>
#endif
#ifdef __cpp_lib_span
# include <span>
#endif
#ifdef __cpp_exceptions
# include <exception>
#endif

namespace sealmem
{

/* The guarantees: sets of bits, as in C. */
inline constexpr unsigned content = SEALMEM_CONTENT;
inline constexpr unsigned address = SEALMEM_ADDRESS;
inline constexpr unsigned secrecy = SEALMEM_SECRECY;
inline constexpr unsigned noswap = SEALMEM_NOSWAP;
inline constexpr unsigned nodump = SEALMEM_NODUMP;
inline constexpr unsigned nofork = SEALMEM_NOFORK;
inline constexpr unsigned guards = SEALMEM_GUARDS;

/* Bytes in a row that belong to somebody else: std::span where there is one, which is from C++20 on. The type of C++17 has
 * what both have in common, and converts to every container view that takes a pointer and a size. */
#ifdef __cpp_lib_span
template <class T> using span = std::span<T>;
#else
template <class T> class span
{
      public:
	using element_type = T;
	using value_type = std::remove_cv_t<T>;
	using iterator = T *;

	constexpr span() noexcept = default;
	constexpr span(T *data, std::size_t size) noexcept : data_(data), size_(size)
	{
	}
	template <std::size_t N> constexpr span(T (&array)[N]) noexcept : span(array, N)
	{
	}
	/* From a span of mutable elements, a string, a vector: whatever has data() and size(). */
	template <class From, class Data = decltype(std::declval<From &>().data()),
		  class = decltype(std::declval<From &>().size()),
		  class = std::enable_if_t<
			  std::is_convertible_v<std::remove_pointer_t<Data> (*)[], T (*)[]>>>
	constexpr span(From &&from) noexcept : span(from.data(), from.size())
	{
	}
	constexpr T *data() const noexcept
	{
		return data_;
	}
	constexpr std::size_t size() const noexcept
	{
		return size_;
	}
	constexpr std::size_t size_bytes() const noexcept
	{
		return size_ * sizeof(T);
	}
	constexpr bool empty() const noexcept
	{
		return size_ == 0;
	}
	constexpr T *begin() const noexcept
	{
		return data_;
	}
	constexpr T *end() const noexcept
	{
		return data_ + size_;
	}
	constexpr T &operator[](std::size_t i) const noexcept
	{
		return data_[i];
	}

      private:
	T *data_ = nullptr;
	std::size_t size_ = 0;
};
#endif

/* The errors: their values are positive errnos, their texts those of sealmem_strerror(). An error compares equal to the
 * std::errc of its errno. */
class category_type final : public std::error_category
{
      public:
	const char *name() const noexcept override
	{
		return "sealmem";
	}
	std::string message(int value) const override
	{
		return sealmem_strerror(value);
	}
	std::error_condition default_error_condition(int value) const noexcept override
	{
		return { value, std::generic_category() };
	}
};

inline const std::error_category &category() noexcept
{
	static const category_type one;

	return one;
}

/* What a C function returned, as a std::error_code. */
inline std::error_code to_error_code(int result) noexcept
{
	return result < 0 ? std::error_code(-result, category()) : std::error_code();
}

#ifdef __cpp_exceptions
class error : public std::system_error
{
      public:
	error(int result, const char *what)
	    : std::system_error(std::error_code(-result, category()), what)
	{
	}
};
#endif

namespace detail
{

/* How a function reports its failure: one type for each of the two forms, so that each function is written once. */
class into_code
{
      public:
	explicit into_code(std::error_code &code) noexcept : code_(code)
	{
	}
	int operator()(int result, const char *) const noexcept
	{
		code_ = to_error_code(result);
		return result;
	}

      private:
	std::error_code &code_;
};

#ifdef __cpp_exceptions
class into_exception
{
      public:
	int operator()(int result, const char *what) const
	{
		if (result < 0)
			throw error(result, what);
		return result;
	}
};
#endif

/* A last argument that may be missing: a std::error_code, or nothing, which throws. */
template <class... Code>
using codes =
	std::enable_if_t<(sizeof...(Code) <= 1) && (std::is_same_v<Code, std::error_code> && ...)>;
template <class... Code> inline constexpr bool quiet = sizeof...(Code) == 1;

inline into_code report(std::error_code &code) noexcept
{
	return into_code(code);
}
#ifdef __cpp_exceptions
inline into_exception report() noexcept
{
	return into_exception();
}
#endif

/* A standard allocator that is out of memory. Without exceptions it ends the program, as the standard library does. */
[[noreturn]] inline void out_of_memory()
{
#ifdef __cpp_exceptions
	throw std::bad_alloc();
#else
	std::abort();
#endif
}

/* A pointer that the library owns, and the function that takes it back. */
template <class T, T *(*Free)(T *)> class owner
{
      public:
	owner() noexcept = default;
	explicit owner(T *pointer) noexcept : pointer_(pointer)
	{
	}
	owner(owner &&other) noexcept : pointer_(std::exchange(other.pointer_, nullptr))
	{
	}
	owner &operator=(owner &&other) noexcept
	{
		reset(std::exchange(other.pointer_, nullptr));
		return *this;
	}
	~owner()
	{
		Free(pointer_);
	}
	/* The pointer for the functions of sealmem.h. It stays with its owner. */
	T *get() const noexcept
	{
		return pointer_;
	}
	/* The pointer, which the caller frees from now on. */
	T *release() noexcept
	{
		return std::exchange(pointer_, nullptr);
	}
	void reset(T *pointer = nullptr) noexcept
	{
		T *old = std::exchange(pointer_, pointer);

		if (old != pointer)
			Free(old);
	}
	explicit operator bool() const noexcept
	{
		return pointer_ != nullptr;
	}

      private:
	T *pointer_ = nullptr;
};

/* The result of a C function that returns its object by a parameter. */
template <class Owner, class Report, class Make>
Owner made(const Report &report, const char *what, Make make)
{
	decltype(Owner().get()) object = nullptr;

	report(make(&object), what);
	return Owner(object);
}

/* The result of a C function that returns NULL and sets errno. */
template <class Report> void *pointer(const Report &report, void *found)
{
	report(found ? 0 : -errno, "allocate");
	return found;
}

/* A callable of the caller's, called from C, through which no exception may pass: it is kept until C has returned. */
template <class Call> class called
{
      public:
	explicit called(Call &call) noexcept : call_(call)
	{
	}
	template <class... Arguments> int operator()(Arguments... arguments) noexcept
	{
#ifdef __cpp_exceptions
		try {
			return call_(arguments...);
		} catch (...) {
			thrown_ = std::current_exception();
			return -ECANCELED;
		}
#else
		return call_(arguments...);
#endif
	}
	void rethrow()
	{
#ifdef __cpp_exceptions
		if (thrown_)
			std::rethrow_exception(std::exchange(thrown_, nullptr));
#endif
	}

      private:
	Call &call_;
#ifdef __cpp_exceptions
	std::exception_ptr thrown_;
#endif
};

} // namespace detail

/* A region, which goes with its owner. Its memory is writable until seal(). */
class region : public detail::owner<sealmem_region, sealmem_region_free>
{
      public:
	using owner::owner;

	/* Make an open region: sealmem_region_new(). */
	template <class... Code, class = detail::codes<Code...>>
	static region open(const char *name, std::size_t capacity, unsigned guarantees,
			   Code &...code) noexcept(detail::quiet<Code...>)
	{
		return detail::made<region>(
			detail::report(code...), "open", [=](sealmem_region **ret) {
				return sealmem_region_new(ret, name, capacity, guarantees);
			});
	}
	/* Make a sealed region from a buffer: sealmem_region_new_from(). */
	template <class... Code, class = detail::codes<Code...>>
	static region from(const char *name, const void *bytes, std::size_t size,
			   unsigned guarantees, Code &...code) noexcept(detail::quiet<Code...>)
	{
		return detail::made<region>(
			detail::report(code...), "from", [=](sealmem_region **ret) {
				return sealmem_region_new_from(ret, name, bytes, size, guarantees);
			});
	}
	/* Make a sealed region from a file, a pipe or a socket: sealmem_region_new_from_file(). */
	template <class... Code, class = detail::codes<Code...>>
	static region from_file(const char *name, int fd, std::size_t limit, unsigned guarantees,
				Code &...code) noexcept(detail::quiet<Code...>)
	{
		return detail::made<region>(detail::report(code...), "from_file",
					    [=](sealmem_region **ret) {
						    return sealmem_region_new_from_file(
							    ret, name, fd, limit, guarantees);
					    });
	}
	/*
	 * The same with `int progress(size_t done, size_t total)` and `int verify(span<const std::byte>)`:
	 * sealmem_region_new_from_file_with(). What they throw ends the call and comes out of it.
	 */
	template <class Progress, class Verify, class... Code, class = detail::codes<Code...>>
	static region from_file(const char *name, int fd, std::size_t limit, unsigned guarantees,
				Progress &&progress, Verify &&verify, Code &...code)
	{
		struct both {
			detail::called<std::remove_reference_t<Progress>> progress;
			detail::called<std::remove_reference_t<Verify>> verify;
		} calls = { decltype(both::progress)(progress), decltype(both::verify)(verify) };
		sealmem_region *made = nullptr;
		int result = sealmem_region_new_from_file_with(
			&made, name, fd, limit, guarantees,
			[](std::size_t done, std::size_t total, void *data) {
				return static_cast<both *>(data)->progress(done, total);
			},
			[](const void *bytes, std::size_t size, void *data) {
				return static_cast<both *>(data)->verify(span<const std::byte>(
					static_cast<const std::byte *>(bytes), size));
			},
			&calls);
		region owned(made);

		calls.progress.rethrow();
		calls.verify.rethrow();
		detail::report(code...)(result, "from_file");
		return owned;
	}
	/* Take a descriptor from somebody who is not trusted: sealmem_region_accept_limited(). */
	template <class... Code, class = detail::codes<Code...>>
	static region accept(int fd, unsigned guarantees,
			     Code &...code) noexcept(detail::quiet<Code...>)
	{
		return detail::made<region>(
			detail::report(code...), "accept", [=](sealmem_region **ret) {
				return sealmem_region_accept_limited(ret, fd, SIZE_MAX, guarantees);
			});
	}
	template <class... Code, class = detail::codes<Code...>>
	static region accept(int fd, std::size_t limit, unsigned guarantees,
			     Code &...code) noexcept(detail::quiet<Code...>)
	{
		return detail::made<region>(
			detail::report(code...), "accept", [=](sealmem_region **ret) {
				return sealmem_region_accept_limited(ret, fd, limit, guarantees);
			});
	}
	/* Receive what send() sent: sealmem_receive_limited(). */
	template <class... Code, class = detail::codes<Code...>>
	static region receive(int socket, unsigned guarantees,
			      Code &...code) noexcept(detail::quiet<Code...>)
	{
		return detail::made<region>(
			detail::report(code...), "receive", [=](sealmem_region **ret) {
				return sealmem_receive_limited(socket, ret, SIZE_MAX, guarantees);
			});
	}
	template <class... Code, class = detail::codes<Code...>>
	static region receive(int socket, std::size_t limit, unsigned guarantees,
			      Code &...code) noexcept(detail::quiet<Code...>)
	{
		return detail::made<region>(
			detail::report(code...), "receive", [=](sealmem_region **ret) {
				return sealmem_receive_limited(socket, ret, limit, guarantees);
			});
	}
	/* Take back what store() stored: sealmem_secret_restore(). */
	template <class... Code, class = detail::codes<Code...>>
	static region restore(int fd, const char *name, unsigned guarantees,
			      Code &...code) noexcept(detail::quiet<Code...>)
	{
		return detail::made<region>(
			detail::report(code...), "restore", [=](sealmem_region **ret) {
				return sealmem_secret_restore(ret, fd, name, guarantees);
			});
	}

	/* sealmem_region_alloc(), _realloc() and _trim(). */
	template <class... Code, class = detail::codes<Code...>>
	void *allocate(std::size_t size, std::size_t align,
		       Code &...code) noexcept(detail::quiet<Code...>)
	{
		return detail::pointer(detail::report(code...),
				       sealmem_region_alloc(get(), size, align));
	}
	template <class... Code, class = detail::codes<Code...>>
	void *reallocate(void *last, std::size_t size,
			 Code &...code) noexcept(detail::quiet<Code...>)
	{
		return detail::pointer(detail::report(code...),
				       sealmem_region_realloc(get(), last, size));
	}
	template <class... Code, class = detail::codes<Code...>>
	void trim(std::size_t size, Code &...code) noexcept(detail::quiet<Code...>)
	{
		detail::report(code...)(sealmem_region_trim(get(), size), "trim");
	}
	/* Seal in place: sealmem_region_seal(). After it, nothing may be stored here; pointers stay valid. */
	template <class... Code, class = detail::codes<Code...>>
	void seal(Code &...code) noexcept(detail::quiet<Code...>)
	{
		detail::report(code...)(sealmem_region_seal(get()), "seal");
	}
	/* sealmem_send(), sealmem_region_fd() and sealmem_secret_store(). The descriptor of store() is the caller's. */
	template <class... Code, class = detail::codes<Code...>>
	void send(int socket, Code &...code) const noexcept(detail::quiet<Code...>)
	{
		detail::report(code...)(sealmem_send(socket, get()), "send");
	}
	template <class... Code, class = detail::codes<Code...>>
	int fd(Code &...code) const noexcept(detail::quiet<Code...>)
	{
		return detail::report(code...)(sealmem_region_fd(get()), "fd");
	}
	template <class... Code, class = detail::codes<Code...>>
	int store(Code &...code) const noexcept(detail::quiet<Code...>)
	{
		return detail::report(code...)(sealmem_secret_store(get()), "store");
	}

	/* The bytes: for reading, and while the region is open for writing. */
	span<const std::byte> bytes() const noexcept
	{
		return { static_cast<const std::byte *>(address()), size() };
	}
	span<std::byte> writable() noexcept
	{
		return { static_cast<std::byte *>(sealmem_region_data(get())), size() };
	}
	const void *address() const noexcept
	{
		return sealmem_region_data(get());
	}
	std::size_t size() const noexcept
	{
		return sealmem_region_size(get());
	}
	/* Empty for an empty owner. */
	std::string_view name() const noexcept
	{
		const char *text = sealmem_region_name(get());

		return text ? text : std::string_view();
	}
	unsigned guarantees() const noexcept
	{
		return sealmem_region_guarantees(get());
	}
};

/*
 * Memory of an open region for containers of std::pmr. Build a container in place, seal the region, and read the
 * container through const from then on:
 *
 *     auto r = sealmem::region::open("routes", 1 << 20, sealmem::content);
 *     sealmem::region_resource memory(r);
 *     auto *building = memory.construct<std::pmr::map<int, std::pmr::string>>();
 *     building->emplace(443, "allow");
 *     r.seal();
 *     const auto &routes = *building;
 *
 * Nothing destroys what construct() made, and nothing may: a destructor stores to it. So it should own nothing but memory of
 * the region. What is deallocated stays taken until the region is freed. A container has no memory of a region that is sealed:
 * std::bad_alloc.
 */
class region_resource final : public std::pmr::memory_resource
{
      public:
	explicit region_resource(region &r) noexcept : region_(r.get())
	{
	}
	template <class T, class... Arguments> T *construct(Arguments &&...arguments)
	{
		std::pmr::polymorphic_allocator<T> allocator(this);
		T *object = allocator.allocate(1);

		allocator.construct(object, std::forward<Arguments>(arguments)...);
		return object;
	}

      private:
	void *do_allocate(std::size_t size, std::size_t align) override
	{
		void *piece = sealmem_region_alloc(region_, size == 0 ? 1 : size, align);

		if (!piece)
			detail::out_of_memory();
		return piece;
	}
	void do_deallocate(void *, std::size_t, std::size_t) noexcept override
	{
	}
	bool do_is_equal(const std::pmr::memory_resource &other) const noexcept override
	{
		return this == &other;
	}
	sealmem_region *region_;
};

/* A heap for secrets, which goes with its owner: free what it allocated first, or do not use it any more. */
class heap : public detail::owner<sealmem_heap, sealmem_heap_free>
{
      public:
	using owner::owner;

	/* sealmem_heap_new() */
	template <class... Code, class = detail::codes<Code...>>
	static heap create(const char *name, std::size_t limit, unsigned guarantees,
			   Code &...code) noexcept(detail::quiet<Code...>)
	{
		return detail::made<heap>(
			detail::report(code...), "create", [=](sealmem_heap **ret) {
				return sealmem_heap_new(ret, name, limit, guarantees);
			});
	}
	/* sealmem_heap_alloc() and _realloc() */
	template <class... Code, class = detail::codes<Code...>>
	void *allocate(std::size_t size, Code &...code) noexcept(detail::quiet<Code...>)
	{
		return detail::pointer(detail::report(code...), sealmem_heap_alloc(get(), size));
	}
	template <class... Code, class = detail::codes<Code...>>
	void *reallocate(void *object, std::size_t size,
			 Code &...code) noexcept(detail::quiet<Code...>)
	{
		return detail::pointer(detail::report(code...),
				       sealmem_heap_realloc(get(), object, size));
	}
	/* sealmem_heap_check(), _close() and _open() */
	template <class... Code, class = detail::codes<Code...>>
	void check(Code &...code) const noexcept(detail::quiet<Code...>)
	{
		detail::report(code...)(sealmem_heap_check(get()), "check");
	}
	template <class... Code, class = detail::codes<Code...>>
	void close(Code &...code) noexcept(detail::quiet<Code...>)
	{
		detail::report(code...)(sealmem_heap_close(get()), "close");
	}
	template <class... Code, class = detail::codes<Code...>>
	void open(Code &...code) noexcept(detail::quiet<Code...>)
	{
		detail::report(code...)(sealmem_heap_open(get()), "open");
	}

	/* Wipe an object and give it back: sealmem_heap_dealloc(). */
	void deallocate(void *object) noexcept
	{
		sealmem_heap_dealloc(get(), object);
	}
	std::size_t usable_size(const void *object) const noexcept
	{
		return sealmem_heap_usable_size(get(), object);
	}
	unsigned guarantees() const noexcept
	{
		return sealmem_heap_guarantees(get());
	}
};

namespace detail
{

/* An object of a heap that has this alignment. A heap aligns small objects to 16 bytes, and large ones as their size is. */
inline void *heap_aligned(sealmem_heap *h, std::size_t size, std::size_t align)
{
	constexpr std::size_t small = 2040, suits = 16;
	std::size_t asked = align > suits && size <= small ? small + 1 : size;
	std::size_t over = asked % align;
	void *object = nullptr;

	if (asked > small && over != 0)
		asked = asked > SIZE_MAX - align ? SIZE_MAX : asked + align - over;
	if (align <= sealmem_page_size())
		object = sealmem_heap_alloc(h, asked);
	if (!object)
		out_of_memory();
	return object;
}

} // namespace detail

/* An allocator for the containers of std: what they hold lies in a heap, and is wiped when they give it back. The heap stays
 * its owner's, and must live longer. */
template <class T> class heap_allocator
{
      public:
	using value_type = T;

	explicit heap_allocator(heap &h) noexcept : heap_(h.get())
	{
	}
	template <class Other>
	heap_allocator(const heap_allocator<Other> &other) noexcept : heap_(other.native())
	{
	}
	T *allocate(std::size_t count)
	{
		if (count > SIZE_MAX / sizeof(T))
			detail::out_of_memory();
		return static_cast<T *>(detail::heap_aligned(heap_, count * sizeof(T), alignof(T)));
	}
	void deallocate(T *object, std::size_t) noexcept
	{
		sealmem_heap_dealloc(heap_, object);
	}
	sealmem_heap *native() const noexcept
	{
		return heap_;
	}
	template <class Other> bool operator==(const heap_allocator<Other> &other) const noexcept
	{
		return heap_ == other.native();
	}
	template <class Other> bool operator!=(const heap_allocator<Other> &other) const noexcept
	{
		return heap_ != other.native();
	}

      private:
	sealmem_heap *heap_;
};

/* The same for std::pmr. */
class heap_resource final : public std::pmr::memory_resource
{
      public:
	explicit heap_resource(heap &h) noexcept : heap_(h.get())
	{
	}

      private:
	void *do_allocate(std::size_t size, std::size_t align) override
	{
		return detail::heap_aligned(heap_, size, align);
	}
	void do_deallocate(void *object, std::size_t, std::size_t) noexcept override
	{
		sealmem_heap_dealloc(heap_, object);
	}
	bool do_is_equal(const std::pmr::memory_resource &other) const noexcept override
	{
		auto *same = dynamic_cast_(other);

		return same && same->heap_ == heap_;
	}
	/* Without run-time types (-fno-rtti), equal is the same object. */
	const heap_resource *dynamic_cast_(const std::pmr::memory_resource &other) const noexcept
	{
#ifdef __cpp_rtti
		return dynamic_cast<const heap_resource *>(&other);
#else
		return this == &other ? this : nullptr;
#endif
	}
	sealmem_heap *heap_;
};

/*
 * For a global that is set up once and sealed. It has whole pages of its own:
 *
 *     static sealmem::sealed<config> settings;
 *     settings.edit().port = 443;
 *     settings.seal(sealmem::content);
 *     use(settings->port);
 *
 * After the seal a store to edit() raises SIGSEGV. It seals the object itself, and nothing that it points to. The object is
 * never destroyed, so its type has nothing to do there.
 */
template <class T> class alignas(SEALMEM_PAGE_MAX) sealed
{
	static_assert(std::is_trivially_destructible_v<T>,
		      "sealmem::sealed: a destructor would store to memory that is sealed");

      public:
	template <class... Arguments>
	constexpr explicit sealed(Arguments &&...arguments)
	    : value_{ std::forward<Arguments>(arguments)... }
	{
	}
	sealed(const sealed &) = delete;
	sealed &operator=(const sealed &) = delete;

	T &edit() noexcept
	{
		return value_;
	}
	const T &operator*() const noexcept
	{
		return value_;
	}
	const T *operator->() const noexcept
	{
		return &value_;
	}
	/* sealmem_seal_range(), and with a name sealmem_seal_range_named() */
	template <class... Code, class = detail::codes<Code...>>
	void seal(unsigned guarantees, Code &...code) noexcept(detail::quiet<Code...>)
	{
		detail::report(code...)(sealmem_seal_range(this, sizeof(*this), guarantees),
					"seal");
	}
	template <class... Code, class = detail::codes<Code...>>
	void seal(const char *name, unsigned guarantees,
		  Code &...code) noexcept(detail::quiet<Code...>)
	{
		detail::report(code...)(
			sealmem_seal_range_named(this, sizeof(*this), name, guarantees), "seal");
	}

      private:
	T value_;
};

/* Published memory, the side that publishes. */
class publisher : public detail::owner<sealmem_publisher, sealmem_publisher_free>
{
      public:
	using owner::owner;

	/* sealmem_publisher_new() */
	template <class... Code, class = detail::codes<Code...>>
	static publisher create(int listening_socket,
				Code &...code) noexcept(detail::quiet<Code...>)
	{
		return detail::made<publisher>(
			detail::report(code...), "create", [=](sealmem_publisher **ret) {
				return sealmem_publisher_new(ret, listening_socket);
			});
	}
	/* sealmem_publish(), _labelled() and _named() */
	template <class... Code, class = detail::codes<Code...>>
	void publish(const region &r, Code &...code) noexcept(detail::quiet<Code...>)
	{
		detail::report(code...)(sealmem_publish(get(), r.get()), "publish");
	}
	template <class... Code, class = detail::codes<Code...>>
	void publish_labelled(const region &r, const char *label,
			      Code &...code) noexcept(detail::quiet<Code...>)
	{
		detail::report(code...)(sealmem_publish_labelled(get(), r.get(), label), "publish");
	}
	template <class... Code, class = detail::codes<Code...>>
	void publish_named(const region &r, const char *name, const char *label,
			   Code &...code) noexcept(detail::quiet<Code...>)
	{
		detail::report(code...)(sealmem_publish_named(get(), r.get(), name, label),
					"publish");
	}
	/* sealmem_publisher_announce(), _continue(), _dispatch() and _set_limits() */
	template <class... Code, class = detail::codes<Code...>>
	void announce(const char *name, Code &...code) noexcept(detail::quiet<Code...>)
	{
		detail::report(code...)(sealmem_publisher_announce(get(), name), "announce");
	}
	template <class... Code, class = detail::codes<Code...>>
	void continue_from(std::uint64_t generation, Code &...code) noexcept(detail::quiet<Code...>)
	{
		detail::report(code...)(sealmem_publisher_continue(get(), generation),
					"continue_from");
	}
	/* sealmem_publisher_reserve(); 0 if it failed */
	template <class... Code, class = detail::codes<Code...>>
	std::uint64_t reserve(Code &...code) noexcept(detail::quiet<Code...>)
	{
		std::uint64_t number = 0;

		detail::report(code...)(sealmem_publisher_reserve(get(), &number), "reserve");
		return number;
	}
	template <class... Code, class = detail::codes<Code...>>
	void dispatch(Code &...code) noexcept(detail::quiet<Code...>)
	{
		detail::report(code...)(sealmem_publisher_dispatch(get()), "dispatch");
	}
	template <class... Code, class = detail::codes<Code...>>
	void set_limits(const sealmem_publisher_limits &limits,
			Code &...code) noexcept(detail::quiet<Code...>)
	{
		detail::report(code...)(sealmem_publisher_set_limits(get(), &limits), "set_limits");
	}
	/* `int decide(const sealmem_peer &, const char *name)`, which lives as long as the publisher and throws nothing:
	 * sealmem_publisher_set_admission(). */
	template <class Decide, class... Code, class = detail::codes<Code...>>
	void set_admission(Decide &decide, Code &...code) noexcept(detail::quiet<Code...>)
	{
		static_assert(std::is_nothrow_invocable_r_v<int, Decide &, const sealmem_peer &,
							    const char *>,
			      "sealmem::publisher: what decides is noexcept");
		detail::report(code...)(
			sealmem_publisher_set_admission(get(), admit_<Decide>, &decide),
			"set_admission");
	}
	template <class... Code, class = detail::codes<Code...>>
	void admit_everybody(Code &...code) noexcept(detail::quiet<Code...>)
	{
		detail::report(code...)(sealmem_publisher_set_admission(get(), nullptr, nullptr),
					"admit_everybody");
	}

	/* sealmem_publisher_generation(), of a name or of all, and _fd() */
	std::uint64_t generation(const char *name = nullptr) const noexcept
	{
		return sealmem_publisher_generation(get(), name);
	}
	int fd() const noexcept
	{
		return sealmem_publisher_fd(get());
	}

      private:
	template <class Decide>
	static int admit_(const sealmem_peer *peer, const char *name, void *decide)
	{
		return (*static_cast<Decide *>(decide))(*peer, name);
	}
};

/* The list of a publisher, by `void each(const sealmem_published &)`: sealmem_list_published(). What it throws ends the list. */
template <class Each, class... Code, class = detail::codes<Code...>>
void list_published(int socket, Each &&each, Code &...code)
{
	auto call = [&each](const sealmem_published *published) {
		each(*published);
		return 0;
	};
	detail::called<decltype(call)> calls(call);
	int result = sealmem_list_published(
		socket,
		[](const sealmem_published *published, void *data) {
			return (*static_cast<detail::called<decltype(call)> *>(data))(published);
		},
		&calls);

	calls.rethrow();
	detail::report(code...)(result, "list_published");
}

/* One generation of published memory, which stays as it is for as long as this object lives. The subscription lives
 * longer. */
class generation
{
      public:
	generation() noexcept = default;
	generation(sealmem_subscription *from, const sealmem_region *r) noexcept
	    : from_(from), region_(r)
	{
	}
	generation(generation &&other) noexcept
	    : from_(other.from_), region_(std::exchange(other.region_, nullptr))
	{
	}
	generation &operator=(generation &&other) noexcept
	{
		std::swap(from_, other.from_);
		std::swap(region_, other.region_);
		return *this;
	}
	~generation()
	{
		sealmem_subscription_release(from_, region_);
	}
	const sealmem_region *get() const noexcept
	{
		return region_;
	}
	explicit operator bool() const noexcept
	{
		return region_ != nullptr;
	}
	span<const std::byte> bytes() const noexcept
	{
		return { static_cast<const std::byte *>(sealmem_region_data(region_)),
			 sealmem_region_size(region_) };
	}

      private:
	sealmem_subscription *from_ = nullptr;
	const sealmem_region *region_ = nullptr;
};

/* Published memory, the side that reads. */
class subscription : public detail::owner<sealmem_subscription, sealmem_subscription_free>
{
      public:
	using owner::owner;

	/* sealmem_subscribe() */
	template <class... Code, class = detail::codes<Code...>>
	static subscription subscribe(int socket, const char *name, std::size_t limit,
				      unsigned guarantees,
				      Code &...code) noexcept(detail::quiet<Code...>)
	{
		return detail::made<subscription>(
			detail::report(code...), "subscribe", [=](sealmem_subscription **ret) {
				return sealmem_subscribe(ret, socket, name, limit, guarantees);
			});
	}
	/* Whether there is a newer generation now: sealmem_subscription_update(). */
	template <class... Code, class = detail::codes<Code...>>
	bool update(Code &...code) noexcept(detail::quiet<Code...>)
	{
		return detail::report(code...)(sealmem_subscription_update(get()), "update") > 0;
	}
	/* sealmem_subscription_reconnect() */
	template <class... Code, class = detail::codes<Code...>>
	void reconnect(int socket, Code &...code) noexcept(detail::quiet<Code...>)
	{
		detail::report(code...)(sealmem_subscription_reconnect(get(), socket), "reconnect");
	}

	/* The newest generation: sealmem_subscription_acquire(). Its end is sealmem_subscription_release(). */
	generation acquire() noexcept
	{
		return { get(), sealmem_subscription_acquire(get()) };
	}
	std::uint64_t number() const noexcept
	{
		return sealmem_subscription_generation(get());
	}
	int fd() const noexcept
	{
		return sealmem_subscription_fd(get());
	}
};

/* Functions that stand alone. */

inline const char *version() noexcept
{
	return sealmem_version();
}
inline std::size_t page_size() noexcept
{
	return sealmem_page_size();
}
inline unsigned supported() noexcept
{
	return sealmem_supported();
}
/* NULL for anything that is not exactly one guarantee. */
inline const char *guarantee_name(unsigned guarantee) noexcept
{
	return sealmem_guarantee_name(guarantee);
}
template <class... Code, class = detail::codes<Code...>>
inline void allow_emulation(Code &...code) noexcept(detail::quiet<Code...>)
{
	detail::report(code...)(sealmem_allow_emulation(), "allow_emulation");
}
template <class... Code, class = detail::codes<Code...>>
inline void mseal(void *addr, std::size_t size, Code &...code) noexcept(detail::quiet<Code...>)
{
	detail::report(code...)(sealmem_mseal(addr, size, 0), "mseal");
}
template <class... Code, class = detail::codes<Code...>>
inline void mseal(span<const sealmem_extent> extents,
		  Code &...code) noexcept(detail::quiet<Code...>)
{
	detail::report(code...)(sealmem_mseal_many(extents.data(), extents.size()), "mseal");
}
template <class... Code, class = detail::codes<Code...>>
inline void keep_available(void *addr, std::size_t size,
			   Code &...code) noexcept(detail::quiet<Code...>)
{
	detail::report(code...)(sealmem_keep_available(addr, size), "keep_available");
}
template <class... Code, class = detail::codes<Code...>>
inline sealmem_image_report seal_image(unsigned flags,
				       Code &...code) noexcept(detail::quiet<Code...>)
{
	sealmem_image_report report = {};

	detail::report(code...)(sealmem_seal_image(flags, &report), "seal_image");
	return report;
}
template <class... Code, class = detail::codes<Code...>>
inline sealmem_image_report seal_loaded(void *handle, unsigned flags,
					Code &...code) noexcept(detail::quiet<Code...>)
{
	sealmem_image_report report = {};

	detail::report(code...)(sealmem_seal_loaded(handle, flags, &report), "seal_loaded");
	return report;
}
template <class... Code, class = detail::codes<Code...>>
inline void report_faults(Code &...code) noexcept(detail::quiet<Code...>)
{
	detail::report(code...)(sealmem_report_faults(), "report_faults");
}
template <class... Code, class = detail::codes<Code...>>
inline void try_write(void *addr, span<const std::byte> bytes,
		      Code &...code) noexcept(detail::quiet<Code...>)
{
	detail::report(code...)(sealmem_try_write(addr, bytes.data(), bytes.size()), "try_write");
}
inline void wipe(span<std::byte> bytes) noexcept
{
	sealmem_wipe(bytes.data(), bytes.size());
}
/* Bytes of different sizes are not equal, which takes no time to find out. */
inline bool equal(span<const std::byte> a, span<const std::byte> b) noexcept
{
	return a.size() == b.size() && sealmem_equal(a.data(), b.data(), a.size()) == 1;
}

/* Load a shared object whose bytes `int verify(span<const std::byte>)` accepts: sealmem_load_verified(). Returns the handle
 * of dlopen(3), or NULL. What verify throws comes out of the call. */
template <class Verify, class... Code, class = detail::codes<Code...>>
void *load_verified(int fd, Verify &&verify, int flags, Code &...code)
{
	using call_type = detail::called<std::remove_reference_t<Verify>>;
	call_type call(verify);
	void *handle = nullptr;
	int result = sealmem_load_verified(
		&handle, fd,
		[](const void *bytes, std::size_t size, void *data) {
			return (*static_cast<call_type *>(data))(
				span<const std::byte>(static_cast<const std::byte *>(bytes), size));
		},
		&call, flags);

	call.rethrow();
	detail::report(code...)(result, "load_verified");
	return handle;
}

} // namespace sealmem

#endif
