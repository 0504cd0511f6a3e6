/* SPDX-License-Identifier: MIT */

/*
 * `sealmem run --image`: the seal has to happen inside the program, after its loader and before its first
 * instruction, so an object is preloaded that does it (preload/image.c). The loader says nothing where
 * it does not preload: a program that is linked statically has no loader, one with other privileges
 * than its caller has a loader that ignores us. Nobody would notice that such a program runs unsealed.
 * So each of these is looked for before the program is executed.
 */

#include "tools/run/image.h"

#include "tools/common/errors.h"
#include "preload/image-words.h"
#include "tools/launch/program.h"
#include "sealmem.h"
#include "tools/common/text.h"
#include "lib/util.h"

#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#define PRELOAD "LD_PRELOAD"

/* Programs that are scripts of scripts: the kernel follows as many. */
#define MOST_SCRIPTS 5

int image_check_words(const char *list)
{
	unsigned set;
	const char *unknown = image_words(list, &set);

	if (unknown == NULL)
		return GO_ON;
	return complain("run", EXIT_OURS, "--image does not know '%.*s'",
			(int)strcspn(unknown, ","), unknown);
}

/* Where the object may be: beside the command, where it was built, or where it was installed. */
static const char *const places[] = { ".", "../preload", ("../" SEALMEM_LIBDIR) };

/* Returns the path, which the caller frees, or NULL. */
static char *find_object(const char *file)
{
	char own[1024];
	ssize_t length = readlink("/proc/self/exe", own, sizeof(own) - 1);

	own[length > 0 ? length : 0] = '\0';
	*(strrchr(own, '/') != NULL ? strrchr(own, '/') : own) = '\0';
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		CLEANUP(free_text) char *path = NULL;

		if (asprintf(&path, "%s/%s/%s", own, places[i], file) < 0)
			return NULL;
		if (access(path, R_OK) == 0)
			return realpath(path, NULL);
	}
	return NULL;
}

/* What decides whether the loader preloads an object of ours. */
struct elf {
	Elf64_Ehdr header;
	char loader[256]; /* empty if there is none */
};

static bool read_at(int fd, void *to, size_t size, uint64_t offset)
{
	return pread(fd, to, size, (off_t)offset) == (ssize_t)size;
}

static bool read_elf(int fd, struct elf *ret)
{
	const Elf64_Ehdr *header = &ret->header;
	Elf64_Phdr segment;

	*ret = (struct elf){ 0 };
	if (!read_at(fd, &ret->header, sizeof(ret->header), 0) ||
	    memcmp(header->e_ident, ELFMAG, SELFMAG) != 0)
		return false;
	for (size_t i = 0; header->e_ident[EI_CLASS] == ELFCLASS64 && i < header->e_phnum; i++)
		if (read_at(fd, &segment, sizeof(segment),
			    header->e_phoff + i * header->e_phentsize) &&
		    segment.p_type == PT_INTERP && segment.p_filesz < sizeof(ret->loader))
			(void)read_at(fd, ret->loader, segment.p_filesz, segment.p_offset);
	return true;
}

/* Why the loader will not preload, NULL if it will. The command itself is what would be preloaded to. */
static const char *judge_elf(int fd)
{
	CLEANUP(close_fd_at) int self = sys_open("/proc/self/exe", O_RDONLY);
	struct elf own, elf;

	if (self < 0 || !read_elf(self, &own))
		return "/proc/self/exe cannot be read";
	if (!read_elf(fd, &elf))
		return "it is not an ELF program";
	if (elf.header.e_ident[EI_CLASS] != own.header.e_ident[EI_CLASS] ||
	    elf.header.e_machine != own.header.e_machine)
		return "it is for another kind of processor than sealmem";
	if (elf.loader[0] == '\0')
		return "it is linked statically";
	/* A sealmem that is itself static has none to compare. */
	if (own.loader[0] != '\0' && strcmp(elf.loader, own.loader) != 0)
		return "it has another loader than sealmem";
	return NULL;
}

static const char *judge_privilege(int fd)
{
	struct stat st;

	if (getuid() != geteuid() || getgid() != getegid())
		return "sealmem has other privileges than its caller";
	if (prctl(PR_GET_NO_NEW_PRIVS, 0L, 0L, 0L, 0L) == 1)
		return NULL;
	if (fstat(fd, &st) < 0 || program_has_privilege(fd, &st))
		return "it gains privileges by a set-user-ID or set-group-ID bit or by file "
		       "capabilities";
	return NULL;
}

/* What a script is executed by: the first word behind "#!". Returns false if it is no script. */
static bool read_script(int fd, char interpreter[256])
{
	char line[256] = "";
	size_t skip;

	if (pread(fd, line, sizeof(line) - 1, 0) < 2 || strncmp(line, "#!", 2) != 0)
		return false;
	skip = 2 + strspn(line + 2, " \t");
	line[skip + strcspn(line + skip, " \t\r\n")] = '\0';
	(void)stpcpy(interpreter, line + skip);
	return true;
}

/* An exit code if there is no program, GO_ON and why it will not be sealed, NULL if it will. */
static int judge(const char *name, const char **why)
{
	char interpreter[256];

	for (int scripts = 0; scripts <= MOST_SCRIPTS; scripts++) {
		CLEANUP(program_close) struct program program = PROGRAM_NONE;
		int code = program_find(&program, "run", name);

		if (code != GO_ON)
			return code;
		*why = judge_privilege(program.file);
		if (*why != NULL)
			return GO_ON;
		if (!read_script(program.file, interpreter)) {
			*why = judge_elf(program.file);
			return GO_ON;
		}
		name = interpreter;
	}
	*why = "it is a script of scripts";
	return GO_ON;
}

/* Ours comes first, which is why its constructor runs last. */
static int preload(const char *object, const char *list)
{
	const char *others = getenv(PRELOAD);
	CLEANUP(free_text) char *value = NULL;

	if (strpbrk(object, " :") != NULL)
		return complain("run", EXIT_OURS,
				"--image: the loader takes no path with blanks or colons: '%s'",
				object);
	if (asprintf(&value, "%s%s%s", object, others != NULL && *others != '\0' ? ":" : "",
		     others != NULL ? others : "") < 0 ||
	    setenv(PRELOAD, value, 1) < 0 || setenv(IMAGE_VARIABLE, list, 1) < 0)
		return complain("run", EXIT_OURS, "out of memory");
	return GO_ON;
}

static int check_kernel(unsigned wanted)
{
	if (wanted & (IMAGE_FILTER | IMAGE_TRY) || sealmem_mseal(NULL, 0, 0) == 0)
		return GO_ON;
	return complain("run", EXIT_OURS,
			"--image: this kernel has no mseal(2), or a sandbox forbids it: take "
			"--image=filter, or --image=try for the contents of RELRO alone");
}

int image_prepare(const char *list, const char *name)
{
	CLEANUP(free_text) char *object = NULL;
	const char *file, *why = NULL;
	int code = judge(name, &why);
	unsigned wanted;

	(void)image_words(list, &wanted);
	if (code != GO_ON)
		return code;
	if (why != NULL && wanted & IMAGE_TRY)
		return GO_ON;
	if (why != NULL)
		return complain("run", EXIT_OURS, "--image: '%s' cannot be sealed: %s", name, why);
	file = wanted & IMAGE_LATER ? "libsealmem-image-later.so" : "libsealmem-image.so";
	object = find_object(file);
	code = check_kernel(wanted);
	if (code == GO_ON && object == NULL)
		return complain("run", EXIT_OURS, "--image: %s is not installed", file);
	return code == GO_ON ? preload(object, list) : code;
}
