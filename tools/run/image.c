/* SPDX-License-Identifier: MIT */

/*
 * `sealmem run --image`. The seal must happen inside the program, after its loader and before its first
 * instruction, so this file has an object preloaded that does it (preload/image.c). A loader that does not
 * preload is silent: a program that is linked statically has no loader, and a program with other
 * privileges than its caller has a loader that ignores the request. Nobody would notice that such a
 * program runs unsealed. So this file checks for each of these cases before the program is executed, and has
 * its loader rehearse the start (tools/launch/rehearsal.c). The object itself ends a program that it cannot
 * seal.
 */

#include "tools/run/image.h"

#include "tools/common/errors.h"
#include "preload/image-words.h"
#include "tools/launch/program.h"
#include "tools/launch/rehearsal.h"
#include "tools/launch/undumpable.h"
#include "include/sealmem.h"
#include "tools/common/text.h"
#include "lib/util.h"

#include <elf.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>

extern char **environ;

#define PRELOAD "LD_PRELOAD"

/* An interpreter can be a script too. The kernel follows as many levels. */
#define MOST_SCRIPTS 5

enum exit_status image_check_words(const char *list)
{
	unsigned set;
	const char *unknown = image_words(list, &set);

	if (unknown == NULL)
		return EXIT_NOT_YET;
	return complain_of_usage("run", EXIT_OURS, "--image does not know '%.*s'",
				 (int)strcspn(unknown, ","), unknown);
}

/* The object is beside the command, in the build directory, or in the directory of an installation. */
static const char *const places[] = { ".", "../preload", ("../" SEALMEM_LIBDIR) };

static void find_own_path(char *ret, size_t size)
{
	const char *original = undumpable_original();
	ssize_t length = original != NULL ? snprintf(ret, size, "%s", original)
					  : readlink("/proc/self/exe", ret, size - 1);

	ret[length > 0 && (size_t)length < size ? length : 0] = '\0';
}

/* Returns the path, or NULL. The caller frees it. */
static char *find_object(const char *file)
{
	char own[1024];

	find_own_path(own, sizeof(own));
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

/* The facts that decide whether the loader preloads our object. */
struct elf {
	Elf64_Ehdr header;
	char loader[256]; /* empty if the program has none */
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
		    segment.p_type == PT_INTERP) {
			/* As for the kernel, the first one counts. */
			if (segment.p_filesz < sizeof(ret->loader))
				(void)read_at(fd, ret->loader, segment.p_filesz, segment.p_offset);
			break;
		}
	return true;
}

/* The linker defines it: the first bytes of this program, in memory. The file may be unreadable. */
extern const Elf64_Ehdr own_header __asm__("__ehdr_start") __attribute__((visibility("hidden")));

/* Sets *ret to the loader of this program, or to NULL if it is linked statically. */
static int find_own_loader(struct dl_phdr_info *program, size_t size, void *ret)
{
	(void)size;
	*(const char **)ret = NULL;
	for (size_t i = 0; i < program->dlpi_phnum; i++)
		if (program->dlpi_phdr[i].p_type == PT_INTERP)
			*(const char **)ret =
				(const char *)(program->dlpi_addr + program->dlpi_phdr[i].p_vaddr);
	return 1;
}

/* Returns why the loader will not preload, or NULL if it will. The program must be built like sealmem itself,
 * because the object is. */
static const char *judge_elf(int fd, struct elf *elf)
{
	const char *loader;

	(void)dl_iterate_phdr(find_own_loader, &loader);
	if (!read_elf(fd, elf))
		return "it is not an ELF program";
	if (elf->header.e_ident[EI_CLASS] != own_header.e_ident[EI_CLASS] ||
	    elf->header.e_machine != own_header.e_machine)
		return "it is built for a different processor than sealmem";
	if (elf->loader[0] == '\0')
		return "it is linked statically";
	/* A sealmem that is linked statically has no loader to compare. */
	if (loader != NULL && strcmp(elf->loader, loader) != 0)
		return "its loader is not that of sealmem";
	return NULL;
}

static const char *judge_privilege(int fd)
{
	struct stat st;

	if (getuid() != geteuid() || getgid() != getegid())
		return "sealmem itself has other privileges than its caller";
	if (prctl(PR_GET_NO_NEW_PRIVS, 0L, 0L, 0L, 0L) == 1)
		return NULL;
	if (fstat(fd, &st) < 0 || program_has_privilege(fd, &st))
		return "it gains privileges by a set-user-ID or set-group-ID bit or by file "
		       "capabilities";
	return NULL;
}

/* Finds the interpreter of a script: the first word after "#!". Like the kernel, it searches nowhere for a name
 * without a slash. Returns false if the file is not a script. */
static bool read_script(int fd, char interpreter[256])
{
	char line[254] = "";
	const char *word;

	if (pread(fd, line, sizeof(line) - 1, 0) < 2 || strncmp(line, "#!", 2) != 0)
		return false;
	word = line + 2 + strspn(line + 2, " \t");
	line[word - line + (ptrdiff_t)strcspn(word, " \t\n")] = '\0';
	(void)stpcpy(stpcpy(interpreter, strchr(word, '/') != NULL ? "" : "./"), word);
	return true;
}

/* A program, and what the kernel executes for it: the interpreter if it is a script. */
struct subject {
	struct program interpreter; /* none if the program is no script */
	struct elf elf;
};

/* Sets *script if the answer depends on the interpreter, whose path is stored. */
static const char *judge_file(struct program *program, struct subject *subject,
			      char interpreter[256], bool *script)
{
	const char *why;

	*script = false;
	if (program_make_readable(program) < 0)
		return "it may be executed, but not read";
	why = judge_privilege(program->file);
	if (why == NULL)
		*script = read_script(program->file, interpreter);
	return why != NULL || *script ? why : judge_elf(program->file, &subject->elf);
}

/* Fails if there is no interpreter. Otherwise sets `why` to the reason why the program cannot be sealed, or to
 * NULL. */
static enum exit_status judge(struct program *program, struct subject *subject, const char **why)
{
	char interpreter[256];
	enum exit_status code = EXIT_NOT_YET;
	bool script;

	*why = judge_file(program, subject, interpreter, &script);
	for (int scripts = 0; script && code == EXIT_NOT_YET; scripts++) {
		if (scripts == MOST_SCRIPTS) {
			*why = "it has too many interpreters that are scripts";
			break;
		}
		program_close(&subject->interpreter);
		code = program_locate(&subject->interpreter, "run", interpreter);
		if (code == EXIT_NOT_YET)
			*why = judge_file(&subject->interpreter, subject, interpreter, &script);
	}
	return code;
}

/* A variable can be in the environment twice. The loader takes the last one, getenv() the first. */
static const char *last_value(const char *name)
{
	size_t length = strlen(name);
	const char *value = NULL;

	for (char **entry = environ; *entry != NULL; entry++)
		if (strncmp(*entry, name, length) == 0 && (*entry)[length] == '=')
			value = *entry + length + 1;
	return value;
}

/* unsetenv() removes all of them. */
static int set_once(const char *name, const char *value)
{
	return unsetenv(name) < 0 ? -1 : setenv(name, value, 1);
}

/* Puts the word before those that the variable has. Both variables have colons between words. */
static int put_first(const char *name, const char *word)
{
	const char *others = last_value(name);
	CLEANUP(free_text) char *value = NULL;

	if (asprintf(&value, "%s%s%s", word, others != NULL && *others != '\0' ? ":" : "",
		     others != NULL ? others : "") < 0)
		return -1;
	return set_once(name, value);
}

/* Our object comes first, so its constructor runs last. */
static enum exit_status preload(const char *object, const char *list)
{
	if (strpbrk(object, " :") != NULL)
		return complain(
			"run", EXIT_OURS,
			"--image: the loader does not accept a path with blanks or colons: '%s'",
			object);
	if (put_first(PRELOAD, object) < 0 || set_once(IMAGE_VARIABLE, list) < 0 ||
	    put_first(IMAGE_ASAN_VARIABLE, IMAGE_ASAN_WORD) < 0)
		return complain("run", EXIT_OURS, "out of memory");
	return EXIT_NOT_YET;
}

static enum exit_status check_kernel(unsigned wanted)
{
	if (wanted & (IMAGE_FILTER | IMAGE_TRY) || sealmem_mseal(NULL, 0, 0) == 0)
		return EXIT_NOT_YET;
	return complain("run", EXIT_OURS,
			"--image: this kernel has no mseal(2), or a sandbox forbids it: use "
			"--image=filter, or --image=try to seal the contents of RELRO alone");
}

/* An object that is something else would be preloaded and seal nothing. */
static bool is_ours(const char *object)
{
	CLEANUP(close_fd_at) int fd = sys_open(object, O_RDONLY);
	void *bytes;
	off_t size;
	bool found;

	if (fd < 0 || sys_file_size(fd, &size) < 0 || size == 0 ||
	    sys_mmap(&bytes, NULL, (size_t)size, PROT_READ, MAP_PRIVATE, fd) < 0)
		return false;
	found = memmem(bytes, (size_t)size, IMAGE_MARK, sizeof(IMAGE_MARK)) != NULL;
	(void)sys_munmap(bytes, (size_t)size);
	return found;
}

/* The program would run unsealed with a loader that does not preload, and nobody would know. */
static enum exit_status check_loader(const struct program *program, struct subject *subject,
				     const char *name, const char *object)
{
	const struct program *executed =
		subject->interpreter.path != NULL ? &subject->interpreter : program;
	struct rehearsal rehearsal = { subject->elf.loader, executed->file, object };
	char reason[256];

	if (!is_ours(object))
		return complain("run", EXIT_OURS,
				"--image: %s is not the object of this version of sealmem", object);
	if (rehearse(&rehearsal, reason, sizeof(reason)))
		return EXIT_NOT_YET;
	return complain("run", EXIT_OURS,
			"--image: '%s' cannot be sealed: its loader does not preload %s: %s", name,
			object, reason);
}

static enum exit_status preload_to(const struct program *program, struct subject *subject,
				   const char *list, const char *name)
{
	CLEANUP(free_text) char *object = NULL;
	enum exit_status code;
	const char *file;
	unsigned wanted;

	(void)image_words(list, &wanted);
	file = wanted & IMAGE_LATER ? "libsealmem-image-later.so" : "libsealmem-image.so";
	object = find_object(file);
	code = check_kernel(wanted);
	if (code == EXIT_NOT_YET && object == NULL)
		return complain(
			"run", EXIT_OURS,
			"--image: %s is not installed: install it, or use sealmem from its build directory",
			file);
	if (code == EXIT_NOT_YET)
		code = preload(object, list);
	return code == EXIT_NOT_YET && !(wanted & IMAGE_TRY)
		       ? check_loader(program, subject, name, object)
		       : code;
}

static void close_subject(struct subject *subject)
{
	program_close(&subject->interpreter);
}

enum exit_status image_prepare(struct program *program, const char *list, const char *name)
{
	CLEANUP(close_subject) struct subject subject = { .interpreter = PROGRAM_NONE };
	enum exit_status code = program_locate(program, "run", name);
	const char *why = NULL;
	unsigned wanted;

	(void)image_words(list, &wanted);
	if (code == EXIT_NOT_YET)
		code = judge(program, &subject, &why);
	if (code == EXIT_NOT_YET && why != NULL && wanted & IMAGE_TRY)
		program_close(program);
	else if (code == EXIT_NOT_YET && why != NULL)
		return complain("run", EXIT_OURS, "--image: '%s' cannot be sealed: %s", name, why);
	else if (code == EXIT_NOT_YET)
		code = preload_to(program, &subject, list, name);
	return code;
}
