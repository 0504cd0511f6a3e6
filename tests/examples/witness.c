/* SPDX-License-Identifier: MIT */

/*
 * Looks for a private key in the memory of a TLS server, from outside, with the kernel's eyes: every
 * readable mapping, by /proc/PID/mem. What a program says of its own copies proves nothing, and what
 * is freed is not gone. So the server runs as our child, any server, and is searched when it waits for
 * a client, when a client lets it wait in the middle of a handshake, and when one stays connected.
 *
 *     witness KEY COMMAND [ARGUMENT]...
 *
 * The command must print a line that ends in ":PORT" when it is ready. For each of the three moments
 * one line is printed: how many pieces of the key are in sealed memory, how many elsewhere; then where
 * those are. A server that holds its key as usual shows that the search finds. Exit status: that of
 * the command; 99, the search failed; 77, the process is too large to search (a sanitizer's).
 */

#include <openssl/core_names.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <arpa/inet.h>
#include <dirent.h>
#include <err.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STATUS_TOO_LARGE = 77, STATUS_BROKEN = 99 };

/* Short, because malloc() leaves only part of a freed block; long enough to be nobody else's. */
#define PIECE 16

#define MAPPING_MAX ((size_t)1 << 30)

#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

struct piece {
	const char *what;
	unsigned char bytes[PIECE];
};

static struct {
	struct piece list[4096];
	size_t count;
	bool begins[UINT16_MAX + 1]; /* by the first two bytes of a piece */
} pieces;

static unsigned first_two(const unsigned char *bytes)
{
	return (unsigned)bytes[0] << 8 | bytes[1];
}

static void add_pieces(const char *what, const unsigned char *bytes, size_t size)
{
	for (; size >= PIECE; bytes += PIECE, size -= PIECE) {
		struct piece *piece = &pieces.list[pieces.count++];

		if (pieces.count == sizeof(pieces.list) / sizeof(*pieces.list))
			errx(STATUS_BROKEN, "the key is too large");
		piece->what = what;
		memcpy(piece->bytes, bytes, PIECE);
		pieces.begins[first_two(bytes)] = true;
	}
}

/* As DER has a number, and as the words of a number on a little-endian machine have it. */
static void add_number(const EVP_PKEY *key, const char *name)
{
	unsigned char bytes[1024];
	BIGNUM *number = NULL;
	int size;

	if (EVP_PKEY_get_bn_param(key, name, &number) != 1)
		return;
	size = BN_num_bytes(number);
	if (size > (int)sizeof(bytes))
		errx(STATUS_BROKEN, "the key is too large");
	(void)BN_bn2binpad(number, bytes, size);
	add_pieces(name, bytes, (size_t)size);
	(void)BN_bn2lebinpad(number, bytes, size);
	add_pieces(name, bytes, (size_t)size);
	BN_clear_free(number);
}

static void add_numbers(const EVP_PKEY *key)
{
	static const char *const names[] = {
		OSSL_PKEY_PARAM_PRIV_KEY,	  OSSL_PKEY_PARAM_RSA_D,
		OSSL_PKEY_PARAM_RSA_FACTOR1,	  OSSL_PKEY_PARAM_RSA_FACTOR2,
		OSSL_PKEY_PARAM_RSA_EXPONENT1,	  OSSL_PKEY_PARAM_RSA_EXPONENT2,
		OSSL_PKEY_PARAM_RSA_COEFFICIENT1,
	};
	unsigned char raw[128];
	size_t size = sizeof(raw);

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		add_number(key, names[i]);
	if (EVP_PKEY_get_raw_private_key(key, raw, &size) == 1)
		add_pieces("raw private key", raw, size);
}

static void read_key(const char *path)
{
	FILE *file = fopen(path, "re");
	char line[128];
	EVP_PKEY *key;

	if (file == NULL)
		err(STATUS_BROKEN, "%s", path);
	while (fgets(line, sizeof(line), file) != NULL)
		if (line[0] != '-')
			add_pieces("text", (const unsigned char *)line, strcspn(line, "\n"));
	rewind(file);
	key = PEM_read_PrivateKey(file, NULL, NULL, NULL);
	if (key == NULL)
		errx(STATUS_BROKEN, "%s: no key", path);
	add_numbers(key);
	EVP_PKEY_free(key);
	fclose(file);
}

struct mapping {
	size_t start, end;
	unsigned long inode;
	char access[8];
	char path[256];
};

struct tally {
	size_t sealed, elsewhere;
};

/* The word of the kernel, not of the name: some descriptor of the process is this file, with seals. */
static bool is_sealed(pid_t pid, const struct mapping *mapping)
{
	char path[300];
	DIR *dir;
	struct dirent *entry;
	bool sealed = false;

	if (strcmp(mapping->access, "r--s") != 0)
		return false;
	(void)snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	dir = opendir(path);
	while (dir != NULL && !sealed && (entry = readdir(dir)) != NULL) {
		struct stat status;
		int fd;

		(void)snprintf(path, sizeof(path), "/proc/%d/fd/%s", pid, entry->d_name);
		if (stat(path, &status) != 0 || status.st_ino != mapping->inode)
			continue;
		fd = open(path, O_RDONLY | O_CLOEXEC);
		sealed = fd >= 0 && (fcntl(fd, F_GET_SEALS) & SEALS) == SEALS;
		close(fd);
	}
	if (dir != NULL)
		closedir(dir);
	return sealed;
}

static void report(const struct mapping *mapping, const struct piece *piece, size_t offset)
{
	printf("  %s at %zx in %s %s\n", piece->what, mapping->start + offset, mapping->access,
	       mapping->path[0] != '\0' ? mapping->path : "anonymous memory");
}

static void search(pid_t pid, const struct mapping *mapping, const unsigned char *bytes,
		   size_t size, struct tally *tally)
{
	bool sealed = is_sealed(pid, mapping);

	for (size_t at = 0; at + PIECE <= size; at++) {
		if (!pieces.begins[first_two(bytes + at)])
			continue;
		for (size_t i = 0; i < pieces.count; i++) {
			if (memcmp(bytes + at, pieces.list[i].bytes, PIECE) != 0)
				continue;
			tally->sealed += sealed;
			tally->elsewhere += !sealed;
			if (!sealed)
				report(mapping, &pieces.list[i], at);
		}
	}
}

/* Ours to read because the process is our child. [vvar] and the like cannot be read by anybody. */
static void search_mapping(pid_t pid, int mem, const struct mapping *mapping, struct tally *tally)
{
	size_t size = mapping->end - mapping->start;
	unsigned char *bytes;
	ssize_t got;

	if (size > MAPPING_MAX)
		errx(STATUS_TOO_LARGE, "a mapping of %zu bytes is too large to search", size);
	bytes = malloc(size);
	if (bytes == NULL)
		err(STATUS_BROKEN, "malloc");
	got = pread(mem, bytes, size, (off_t)mapping->start);
	if (got > 0)
		search(pid, mapping, bytes, (size_t)got, tally);
	if (got != (ssize_t)size && mapping->path[0] != '[')
		err(STATUS_BROKEN, "%zx-%zx %s", mapping->start, mapping->end, mapping->path);
	free(bytes);
}

static FILE *open_proc(pid_t pid, const char *name)
{
	char path[64];
	FILE *file;

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	file = fopen(path, "re");
	if (file == NULL)
		err(STATUS_BROKEN, "%s", path);
	return file;
}

static void search_process(pid_t pid, const char *moment)
{
	FILE *maps = open_proc(pid, "maps"), *mem = open_proc(pid, "mem");
	struct tally tally = { 0 };
	char line[512];

	while (fgets(line, sizeof(line), maps) != NULL) {
		struct mapping mapping = { 0 };

		if (sscanf(line, "%zx-%zx %7s %*x %*x:%*x %lu %255[^\n]", &mapping.start,
			   &mapping.end, mapping.access, &mapping.inode, mapping.path) < 4)
			errx(STATUS_BROKEN, "cannot read: %s", line);
		if (mapping.access[0] == 'r' && strncmp(mapping.path, "[vsyscall]", 10) != 0)
			search_mapping(pid, fileno(mem), &mapping, &tally);
	}
	printf("%s: %zu pieces of the key in sealed memory, %zu elsewhere\n", moment, tally.sealed,
	       tally.elsewhere);
	fclose(maps);
	fclose(mem);
}

/* Until it sleeps, which it does when it has nothing left to do for us. */
static void wait_until_idle(pid_t pid)
{
	for (int calm = 0, tries = 0; calm < 5; tries++) {
		FILE *stat = open_proc(pid, "stat");
		char state = '?';

		if (fscanf(stat, "%*d (%*[^)]) %c", &state) != 1 || tries == 2000)
			errx(STATUS_BROKEN, "the server does not come to rest");
		fclose(stat);
		calm = state == 'S' ? calm + 1 : 0;
		(void)poll(NULL, 0, 5);
	}
}

/* Its standard input stays open: some servers end with it. */
static pid_t start_server(char *const command[], int *input, FILE **output)
{
	int in[2], out[2];
	pid_t pid;

	if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0)
		err(STATUS_BROKEN, "pipe");
	pid = fork();
	if (pid < 0)
		err(STATUS_BROKEN, "fork");
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)dup2(in[0], STDIN_FILENO);
		(void)dup2(out[1], STDOUT_FILENO);
		(void)execvp(command[0], command);
		err(STATUS_BROKEN, "%s", command[0]);
	}
	close(in[0]);
	close(out[1]);
	*input = in[1];
	*output = fdopen(out[0], "r");
	return pid;
}

static in_port_t read_port(FILE *output)
{
	char line[512];

	while (fgets(line, sizeof(line), output) != NULL) {
		const char *colon = strrchr(line, ':');
		unsigned port;

		if (colon != NULL && sscanf(colon, ":%u", &port) == 1)
			return (in_port_t)port;
	}
	errx(STATUS_BROKEN, "the server did not say its port");
}

static int connect_to(in_port_t port)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0)
		err(STATUS_BROKEN, "connect");
	return fd;
}

/* What the client has to say goes to memory first, so that it can be held back. */
static SSL *new_client(void)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	SSL *ssl = context != NULL ? SSL_new(context) : NULL;

	if (ssl == NULL)
		errx(STATUS_BROKEN, "cannot set TLS up");
	SSL_set_bio(ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
	SSL_CTX_free(context);
	return ssl;
}

static void let_speak(SSL *ssl, int fd)
{
	char *said;
	long size = BIO_get_mem_data(SSL_get_wbio(ssl), &said);

	if (send(fd, said, (size_t)size, MSG_NOSIGNAL) != size)
		err(STATUS_BROKEN, "send");
	(void)BIO_reset(SSL_get_wbio(ssl));
}

static void let_hear(SSL *ssl, int fd)
{
	char heard[4096];
	ssize_t size = recv(fd, heard, sizeof(heard), 0);

	if (size <= 0)
		errx(STATUS_BROKEN, "the server hung up");
	(void)BIO_write(SSL_get_rbio(ssl), heard, (int)size);
}

/* The server has signed and said all it has to say; its last word from us is held back. */
static void stall(SSL *ssl, int fd)
{
	if (SSL_connect(ssl) == 1)
		errx(STATUS_BROKEN, "connected to nobody");
	let_speak(ssl, fd);
	while (SSL_connect(ssl) != 1) {
		if (SSL_get_error(ssl, -1) != SSL_ERROR_WANT_READ)
			errx(STATUS_BROKEN, "the handshake failed");
		let_hear(ssl, fd);
	}
}

static int status_of(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		err(STATUS_BROKEN, "waitpid");
	return WIFEXITED(status) ? WEXITSTATUS(status) : STATUS_BROKEN;
}

int main(int argc, char *argv[])
{
	FILE *output;
	SSL *client = new_client();
	int fd, input;
	pid_t pid;

	if (argc < 3)
		errx(STATUS_BROKEN, "usage: witness KEY COMMAND [ARGUMENT]...");
	read_key(argv[1]);
	pid = start_server(argv + 2, &input, &output);
	fd = connect_to(read_port(output));
	wait_until_idle(pid);
	search_process(pid, "waiting");
	stall(client, fd);
	wait_until_idle(pid);
	search_process(pid, "in a handshake");
	let_speak(client, fd);
	wait_until_idle(pid);
	search_process(pid, "connected");
	SSL_free(client);
	close(fd);
	close(input);
	return status_of(pid);
}
