/* SPDX-License-Identifier: MIT */

/*
 * A TLS server whose private key and certificate chain cannot change. An attacker who can store into the
 * memory of a server can exchange its key or its chain. Here both files are read straight into a region,
 * which is sealed, locked in memory, and kept out of core dumps and children. OpenSSL reads them there
 * whenever it needs them.
 *
 * The region holds the PEM text of the key and of the chain, and OpenSSL uses it in place, without a copy
 * (BIO_new_mem_buf). OpenSSL computes with numbers, so it decodes the text to objects on its heap. These
 * objects cannot be sealed, because using a key writes into it (reference counts, locks, values that RSA
 * keeps for the next time). Therefore they do not last. The call of SSL_accept() that signs creates them,
 * and they are dropped when it returns, whether or not the handshake is complete. This program wipes all
 * memory that OpenSSL frees, because OpenSSL does not: version 3.0 leaves the number of an elliptic curve
 * key in memory. So while it waits for a connection, for a slow client, or for the end of a long
 * connection, this server has one copy of its key in memory, the sealed one. The price is to decode the
 * text for each handshake; the program prints the time that this takes.
 *
 * During that one call the numbers are on the ordinary heap, where other servers have them all the time.
 * The seal prevents change only: a process that may read the memory of this one can still read the key.
 *
 *     openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out chain.pem -subj /CN=localhost
 *     tls --ca chain.pem key.pem chain.pem                  one handshake with a client of its own
 *     tls --listen 4433 key.pem chain.pem                   one connection, from any client:
 *     openssl s_client -connect localhost:4433 -CAfile chain.pem
 *
 * Exit status: 0, the handshake is complete and the client verified the chain; 2, an error.
 * Build: cc tls.c -Wl,-z,now $(pkg-config --cflags --libs sealmem openssl), OpenSSL 3.0 or later.
 * Symbols are bound at start-up, because binding later, in the middle of the work, saves the vector
 * registers on the stack, and a piece of the key may be in them.
 */

#include <sealmem.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Room for a chain of about seven certificates. Two of these, and both again during the seal, fit into the
 * 64 KiB that kernels before 5.16 let everybody lock. */
#define TEXT_MAX ((size_t)15 << 10)

#define PATIENCE_MS 10000
#define GREETING    "This key cannot change.\n"

#define CLEANUP(how) __attribute__((cleanup(how)))

enum { STATUS_FAILED = 2 };

/* The sealed data. It includes the sizes, because a changed size could cut the chain short. */
struct credentials {
	size_t key_size;
	size_t chain_size;
	char key[TEXT_MAX];
	char chain[TEXT_MAX];
};

struct server {
	const struct credentials *sealed;
	const char *key_path;
	const char *chain_path;
	long decoding_us; /* of the last time */
};

struct settings {
	const char *ca;
	const char *name;
	int port; /* -1: start a client here */
};

#define FREE_AT(name, type, release)                                                               \
 static void name(type **at)                                                                       \
 {                                                                                                 \
  release(*at);                                                                                    \
 }

FREE_AT(free_region, struct sealmem_region, (void)sealmem_region_free)
FREE_AT(free_bio, BIO, (void)BIO_free)
FREE_AT(free_key, EVP_PKEY, EVP_PKEY_free)
FREE_AT(free_certificate, X509, X509_free)
FREE_AT(free_context, SSL_CTX, SSL_CTX_free)
FREE_AT(free_ssl, SSL, SSL_free)

static void close_fd(const int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
}

__attribute__((format(printf, 1, 2))) static int complain(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	(void)fputs("tls: ", stderr);
	(void)vfprintf(stderr, format, arguments);
	(void)fputc('\n', stderr);
	va_end(arguments);
	return STATUS_FAILED;
}

/* The innermost of OpenSSL's reasons; the outer ones say where, not why. */
static const char *reason(void)
{
	unsigned long error = ERR_get_error();
	const char *text = ERR_SYSTEM_ERROR(error) ? strerror(ERR_GET_REASON(error))
						   : ERR_reason_error_string(error);

	ERR_clear_error();
	return text != NULL ? text : "no reason given";
}

/* With the two functions below, an allocator for OpenSSL that wipes memory when it is freed. */
static void *allocate(size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return malloc(size);
}

static void wipe_and_free(void *memory, const char *file, int line)
{
	(void)file;
	(void)line;
	if (memory != NULL)
		explicit_bzero(memory, malloc_usable_size(memory));
	free(memory);
}

static void *reallocate(void *memory, size_t size, const char *file, int line)
{
	size_t had = memory != NULL ? malloc_usable_size(memory) : 0;
	void *moved = malloc(size);

	if (moved == NULL)
		return NULL;
	if (had > 0)
		memcpy(moved, memory, had < size ? had : size);
	wipe_and_free(memory, file, line);
	return moved;
}

/* Uses read(2) and not stdio, whose buffer would keep a copy. */
static int read_text(const char *path, char text[TEXT_MAX], size_t *ret)
{
	CLEANUP(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t size = 0;

	if (fd < 0)
		return complain("%s: %s", path, strerror(errno));
	while (size < TEXT_MAX) {
		ssize_t got = read(fd, text + size, TEXT_MAX - size);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return complain("%s: %s", path, strerror(errno));
		if (got == 0 && size == 0)
			return complain("%s: empty", path);
		if (got == 0) {
			*ret = size;
			return 0;
		}
		size += (size_t)got;
	}
	return complain("%s: too long, a PEM file here has less than %zu bytes", path, TEXT_MAX);
}

static void print_guarantees(FILE *stream, const char *label, unsigned guarantees)
{
	(void)fputs(label, stream);
	for (unsigned bit = 1; bit <= SEALMEM_GUARANTEES; bit <<= 1)
		if (guarantees & bit)
			(void)fprintf(stream, " %s", sealmem_guarantee_name(bit));
	(void)fputc('\n', stream);
}

static int complain_of_region(const char *what, unsigned demand, int err)
{
	switch (err) {
	case -EAGAIN:
		return complain("cannot %s: RLIMIT_MEMLOCK (ulimit -l) is too low to keep it out "
				"of swap",
				what);
	case -EOPNOTSUPP:
		print_guarantees(stderr, "tls: this system does not give",
				 demand & ~sealmem_supported());
		return STATUS_FAILED;
	default:
		return complain("cannot %s: %s", what, strerror(-err));
	}
}

static int fill_and_seal(struct sealmem_region *region, unsigned demand,
			 const struct server *server)
{
	struct credentials *open = sealmem_region_alloc(region, sizeof(*open), 0);
	int err;

	if (open == NULL)
		return complain("no memory for the credentials: %s", strerror(errno));
	if (read_text(server->key_path, open->key, &open->key_size) != 0)
		return STATUS_FAILED;
	if (read_text(server->chain_path, open->chain, &open->chain_size) != 0)
		return STATUS_FAILED;
	err = sealmem_region_seal(region);
	return err < 0 ? complain_of_region("seal the key", demand, err) : 0;
}

static int seal_credentials(struct sealmem_region **ret, struct server *server)
{
	CLEANUP(free_region) struct sealmem_region *region = NULL;
	unsigned demand = SEALMEM_CONTENT | SEALMEM_NOSWAP | SEALMEM_NODUMP | SEALMEM_NOFORK |
			  SEALMEM_GUARDS | (sealmem_supported() & SEALMEM_ADDRESS);
	int err = sealmem_region_new(&region, "tls", sizeof(struct credentials), demand);

	if (err < 0)
		return complain_of_region("make a region for the key", demand, err);
	if (fill_and_seal(region, demand, server) != 0)
		return STATUS_FAILED;
	server->sealed = sealmem_region_data(region);
	print_guarantees(stdout, "server: demanded", demand);
	print_guarantees(stdout, "server: in force", sealmem_region_guarantees(region));
	*ret = region;
	region = NULL;
	return 0;
}

/* Tries to change one byte of the key, as a stray store would. */
static int prove(const struct sealmem_region *region)
{
	struct credentials *sealed = sealmem_region_data(region);
	char first = sealed->key[0], other = (char)~first;
	int err = sealmem_try_write(sealed->key, &other, 1);

	if (err != -EFAULT || sealed->key[0] != first)
		return complain("a store to the sealed key: %s", strerror(-err));
	(void)printf("server: a store to the sealed key at %p: %s\n", (void *)sealed->key,
		     strerror(-err));
	return 0;
}

/* Without this callback OpenSSL would ask on the terminal. */
static int refuse_password(char *buffer, int size, int writing, void *encrypted)
{
	(void)buffer;
	(void)size;
	(void)writing;
	*(bool *)encrypted = true;
	return -1;
}

/* The decoder gives one reason for everything, "unsupported". If the text is damaged, the PEM reader
 * knows how. */
static const char *what_is_wrong_with(BIO *text)
{
	const char *unsupported = reason();
	unsigned char *der;
	long size;

	(void)BIO_reset(text);
	if (PEM_bytes_read_bio(&der, &size, NULL, PEM_STRING_EVP_PKEY, text, NULL, NULL) != 1)
		return reason();
	OPENSSL_free(der);
	return unsupported;
}

static int use_key(SSL *ssl, const struct server *server)
{
	const struct credentials *sealed = server->sealed;
	CLEANUP(free_bio) BIO *text = BIO_new_mem_buf(sealed->key, (int)sealed->key_size);
	CLEANUP(free_key) EVP_PKEY *key = NULL;
	bool encrypted = false;

	key = PEM_read_bio_PrivateKey(text, NULL, refuse_password, &encrypted);
	if (encrypted)
		return complain("%s: the key is encrypted", server->key_path);
	if (key == NULL)
		return complain("%s: not a private key that OpenSSL can read: %s", server->key_path,
				what_is_wrong_with(text));
	if (X509_check_private_key(SSL_get_certificate(ssl), key) != 1 ||
	    SSL_use_PrivateKey(ssl, key) != 1)
		return complain("%s is not the key of the first certificate in %s: %s",
				server->key_path, server->chain_path, reason());
	return 0;
}

static bool use_certificate(SSL *ssl, X509 *certificate, int position)
{
	return position == 1 ? SSL_use_certificate(ssl, certificate) == 1
			     : SSL_add1_chain_cert(ssl, certificate) == 1;
}

/* The chain ends where no further certificate begins. A certificate that begins must be whole. */
static int use_chain(SSL *ssl, const struct server *server)
{
	const struct credentials *sealed = server->sealed;
	CLEANUP(free_bio) BIO *text = BIO_new_mem_buf(sealed->chain, (int)sealed->chain_size);
	unsigned long error;

	for (int position = 1;; position++) {
		CLEANUP(free_certificate) X509 *next = PEM_read_bio_X509(text, NULL, NULL, NULL);

		if (next != NULL && use_certificate(ssl, next, position))
			continue;
		error = ERR_peek_last_error();
		if (next == NULL && position > 1 && ERR_GET_REASON(error) == PEM_R_NO_START_LINE)
			break;
		return complain("%s: certificate %d cannot be used: %s", server->chain_path,
				position, reason());
	}
	ERR_clear_error();
	return 0;
}

static long now_us(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* OpenSSL calls this function when it has read the greeting of a client and needs a certificate. */
static int decode_credentials(SSL *ssl, void *argument)
{
	struct server *server = argument;
	long start = now_us();

	if (use_chain(ssl, server) != 0 || use_key(ssl, server) != 0)
		return 0;
	server->decoding_us = now_us() - start;
	return 1;
}

/*
 * TLS 1.3 only, because there the key signs once, before the server has to wait for the client. No
 * tickets, because they are for a later connection, which never comes.
 */
static SSL_CTX *new_server_context(struct server *server)
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());

	if (context == NULL || SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) != 1 ||
	    SSL_CTX_set_num_tickets(context, 0) != 1) {
		(void)complain("cannot set TLS up: %s", reason());
		SSL_CTX_free(context);
		return NULL;
	}
	SSL_CTX_set_cert_cb(context, decode_credentials, server);
	return context;
}

/* Finds faults in the files before the first client comes. */
static int check_credentials(SSL_CTX *context, struct server *server)
{
	CLEANUP(free_ssl) SSL *ssl = SSL_new(context);
	EVP_PKEY *key;

	if (ssl == NULL)
		return complain("cannot set TLS up: %s", reason());
	if (decode_credentials(ssl, server) != 1)
		return STATUS_FAILED;
	key = SSL_get_privatekey(ssl);
	(void)printf("server: key %s, %d bits\n", EVP_PKEY_get0_type_name(key),
		     EVP_PKEY_get_bits(key));
	return 0;
}

static int wait_for(int fd, short events, int patience_ms)
{
	struct pollfd poll_fd = { .fd = fd, .events = events };
	int ready;

	do
		ready = poll(&poll_fd, 1, patience_ms);
	while (ready < 0 && errno == EINTR);
	if (ready < 0)
		return complain("poll: %s", strerror(errno));
	return ready > 0 ? 0 : complain("the client was silent for %d ms", patience_ms);
}

/*
 * Drops the key after every step, before the wait, so that a client that is slow on purpose cannot keep it
 * in memory. If the handshake needs the key again, OpenSSL calls decode_credentials() again. The exception
 * is a flight of the server that the socket takes only in part. accept_client() makes room for it; without
 * that room the handshake would fail, and not continue with another key.
 */
static int shake_hands(SSL *ssl)
{
	for (;;) {
		int result = SSL_accept(ssl);
		int wish = SSL_get_error(ssl, result);

		SSL_certs_clear(ssl);
		if (result == 1)
			return 0;
		if (wish != SSL_ERROR_WANT_READ && wish != SSL_ERROR_WANT_WRITE)
			return complain("server: handshake: %s", reason());
		if (wait_for(SSL_get_fd(ssl), wish == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT,
			     PATIENCE_MS) != 0)
			return STATUS_FAILED;
	}
}

/* Ignores the words of the client, and waits for their end. */
static int wait_for_end(SSL *ssl)
{
	char ignored[256];
	int result, err = 0;

	do {
		result = SSL_read(ssl, ignored, sizeof(ignored));
		if (result <= 0 && SSL_get_error(ssl, result) != SSL_ERROR_WANT_READ)
			break;
		if (result <= 0)
			err = wait_for(SSL_get_fd(ssl), POLLIN, -1);
	} while (err == 0);
	ERR_clear_error();
	return err;
}

static int serve(SSL_CTX *context, const struct server *server, int fd)
{
	CLEANUP(free_ssl) SSL *ssl = SSL_new(context);

	if (ssl == NULL || SSL_set_fd(ssl, fd) != 1)
		return complain("cannot set TLS up: %s", reason());
	if (shake_hands(ssl) != 0)
		return STATUS_FAILED;
	(void)printf("server: %s, %s, key and chain decoded in %ld us\n", SSL_get_version(ssl),
		     SSL_get_cipher_name(ssl), server->decoding_us);
	if (SSL_write(ssl, GREETING, sizeof(GREETING) - 1) <= 0)
		return complain("cannot write to the client: %s", reason());
	if (wait_for_end(ssl) != 0)
		return STATUS_FAILED;
	(void)SSL_shutdown(ssl);
	return 0;
}

static int listen_on(int *ret, in_port_t *port)
{
	CLEANUP(close_fd) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(*port) };
	socklen_t size = sizeof(address);
	int yes = 1;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) != 0 ||
	    bind(fd, (const struct sockaddr *)&address, size) != 0 || listen(fd, 1) != 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &size) != 0)
		return complain("cannot listen on port %u: %s", *port, strerror(errno));
	*port = ntohs(address.sin_port);
	(void)printf("server: listening on 127.0.0.1:%u\n", *port);
	*ret = fd;
	fd = -1;
	return 0;
}

/* Room for everything that the server sends before it waits; shake_hands() relies on it. */
static int accept_client(int listener, int patience_ms)
{
	int room = 4 * TEXT_MAX, fd;

	if (wait_for(listener, POLLIN, patience_ms) != 0)
		return -1;
	fd = accept(listener, NULL, NULL);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room)) != 0 ||
	    fcntl(fd, F_SETFL, O_NONBLOCK) != 0)
		(void)complain("cannot accept a client: %s", strerror(errno));
	return fd;
}

static SSL_CTX *new_client_context(const char *ca)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());

	if (context != NULL && (ca != NULL ? SSL_CTX_load_verify_file(context, ca)
					   : SSL_CTX_set_default_verify_paths(context)) == 1) {
		SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
		return context;
	}
	(void)complain("%s: no certificates to trust: %s", ca != NULL ? ca : "system", reason());
	SSL_CTX_free(context);
	return NULL;
}

static int connect_to(in_port_t port)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0)
		(void)complain("client: cannot connect: %s", strerror(errno));
	return fd;
}

static int visit(SSL_CTX *context, const char *name, in_port_t port)
{
	CLEANUP(close_fd) int fd = connect_to(port);
	CLEANUP(free_ssl) SSL *ssl = SSL_new(context);
	char said[sizeof(GREETING)] = "";

	if (ssl == NULL || SSL_set_fd(ssl, fd) != 1 || SSL_set1_host(ssl, name) != 1)
		return complain("client: cannot set TLS up: %s", reason());
	if (SSL_connect(ssl) != 1 && SSL_get_verify_result(ssl) != X509_V_OK)
		return complain("client: the chain cannot be trusted: %s",
				X509_verify_cert_error_string(SSL_get_verify_result(ssl)));
	if (SSL_read(ssl, said, sizeof(said) - 1) <= 0)
		return complain("client: %s", reason());
	(void)printf("client: verified %s, which said: %s", name, said);
	(void)SSL_shutdown(ssl);
	return 0;
}

/* Not exit(), because exit handlers of the parent must run in the parent only. */
static pid_t start_client(SSL_CTX *context, const char *name, in_port_t port)
{
	pid_t pid = fork();

	if (pid < 0)
		(void)complain("cannot start the client: %s", strerror(errno));
	if (pid == 0) {
		int status = visit(context, name, port);

		(void)fflush(stdout);
		_exit(status);
	}
	return pid;
}

static int end_client(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return complain("cannot wait for the client: %s", strerror(errno));
	return WIFEXITED(status) ? WEXITSTATUS(status)
				 : complain("the client died of signal %d", WTERMSIG(status));
}

static int serve_one(SSL_CTX *context, const struct server *server, int listener, int patience_ms)
{
	CLEANUP(close_fd) int fd = accept_client(listener, patience_ms);

	return fd < 0 ? STATUS_FAILED : serve(context, server, fd);
}

static int meet(SSL_CTX *context, const struct server *server, const struct settings *settings)
{
	CLEANUP(free_context) SSL_CTX *client = new_client_context(settings->ca);
	CLEANUP(close_fd) int listener = -1;
	in_port_t port = 0;
	pid_t pid;
	int err;

	if (client == NULL || listen_on(&listener, &port) != 0)
		return STATUS_FAILED;
	pid = start_client(client, settings->name, port);
	if (pid < 0)
		return STATUS_FAILED;
	err = serve_one(context, server, listener, PATIENCE_MS);
	return end_client(pid) | err;
}

static int await(SSL_CTX *context, const struct server *server, const struct settings *settings)
{
	CLEANUP(close_fd) int listener = -1;
	in_port_t port = (in_port_t)settings->port;

	if (listen_on(&listener, &port) != 0)
		return STATUS_FAILED;
	return serve_one(context, server, listener, -1);
}

static int run(struct server *server, const struct settings *settings)
{
	CLEANUP(free_region) struct sealmem_region *region = NULL;
	CLEANUP(free_context) SSL_CTX *context = new_server_context(server);

	if (context == NULL || seal_credentials(&region, server) != 0 || prove(region) != 0)
		return STATUS_FAILED;
	if (check_credentials(context, server) != 0)
		return STATUS_FAILED;
	return settings->port < 0 ? meet(context, server, settings)
				  : await(context, server, settings);
}

static int read_port(const char *text)
{
	char *end;
	unsigned long port = strtoul(text, &end, 10);

	return isdigit((unsigned char)*text) && *end == '\0' && port <= 65535 ? (int)port : -1;
}

static void print_usage(void)
{
	(void)puts("Usage: tls [OPTION]... KEY CHAIN\n"
		   "Serves one TLS connection with a key and certificate chain (PEM) in sealed\n"
		   "memory, on the loopback interface, to a client of its own by default.\n"
		   "\n"
		   "  --ca FILE      the certificates that client trusts, not the system's\n"
		   "  --name NAME    the name it expects in the certificate, not localhost\n"
		   "  --listen PORT  wait for another client; 0 is any free port\n"
		   "  --help");
}

static const struct option options[] = {
	{ "ca", required_argument, NULL, 'c' },
	{ "name", required_argument, NULL, 'n' },
	{ "listen", required_argument, NULL, 'l' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

int main(int argc, char *argv[])
{
	struct settings settings = { .name = "localhost", .port = -1 };
	struct server server = { 0 };
	int option;

	opterr = 0;
	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		switch (option) {
		case 'c':
			settings.ca = optarg;
			break;
		case 'n':
			settings.name = optarg;
			break;
		case 'l':
			settings.port = read_port(optarg);
			if (settings.port < 0)
				return complain("--listen takes a port, not \"%s\"", optarg);
			break;
		case 'h':
			print_usage();
			return 0;
		default:
			return complain("%s: see tls --help", argv[optind - 1]);
		}
	}
	if (argc - optind != 2)
		return complain("KEY and CHAIN are needed: see tls --help");
	server.key_path = argv[optind];
	server.chain_path = argv[optind + 1];
	/* Before OpenSSL allocates anything. */
	if (CRYPTO_set_mem_functions(allocate, reallocate, wipe_and_free) != 1)
		return complain("cannot have OpenSSL wipe what it frees");
	/* Two processes write, so each writes whole lines. */
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	(void)setvbuf(stderr, NULL, _IOLBF, 0);
	(void)signal(SIGPIPE, SIG_IGN);
	return run(&server, &settings);
}
