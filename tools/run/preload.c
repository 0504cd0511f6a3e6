/* SPDX-License-Identifier: MIT */

/*
 * Preloads an object into a program that was not built for it. A loader that does not preload is silent: a program that
 * is linked statically has no loader, and a program with other privileges than its caller has a loader that ignores the
 * request. Nobody would notice. So this file checks for each of these cases before the program is executed, and has
 * its loader rehearse the start (tools/launch/rehearsal.c).
 */

#include "tools/run/preload.h"

#include "lib/util.h"
#include "preload/image-words.h"
#include "tools/common/text.h"
#include "tools/launch/undumpable.h"

#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>

extern char **environ;

#define PRELOAD "LD_PRELOAD"

/* A program of another word size loads no object of this one. */
#define OWN_CLASS (sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32)

/* An interpreter can be a script too. The kernel follows as many levels. */
#define MOST_SCRIPTS 5

/* The object is beside the command, in the build directory, or where an installation puts it. */
static const char *const places[] = { ".", "../preload", ("../" SEALMEM_PRELOAD_DIR) };

static void find_own_path(char *ret, size_t size)
{
	const char *original = undumpable_original();
	ssize_t length = original != NULL ? snprintf(ret, size, "%s", original)
					  : readlink("/proc/self/exe", ret, size - 1);

	ret[length > 0 && (size_t)length < size ? length : 0] = '\0';
}

char *preload_find_object(const char *file)
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

static bool read_at(int fd, void *to, size_t size, uint64_t offset)
{
	return pread(fd, to, size, (off_t)offset) == (ssize_t)size;
}

static bool needs_any(int fd, const ElfW(Phdr) * dynamic)
{
	ElfW(Dyn) entry = { .d_tag = DT_NULL };

	for (uint64_t at = 0; at < dynamic->p_filesz; at += sizeof(entry))
		if (!read_at(fd, &entry, sizeof(entry), dynamic->p_offset + at) ||
		    entry.d_tag == DT_NULL || entry.d_tag == DT_NEEDED)
			break;
	return entry.d_tag == DT_NEEDED;
}

/* As for the kernel, the first loader counts. */
static void take_segment(int fd, struct preload_elf *ret, const ElfW(Phdr) * segment)
{
	if (segment->p_type == PT_DYNAMIC)
		ret->needs_any = needs_any(fd, segment);
	if (segment->p_type != PT_INTERP || ret->has_loader)
		return;
	ret->has_loader = true;
	if (segment->p_filesz < sizeof(ret->loader))
		(void)read_at(fd, ret->loader, segment->p_filesz, segment->p_offset);
}

static bool read_elf(int fd, struct preload_elf *ret)
{
	const ElfW(Ehdr) *header = &ret->header;
	ElfW(Phdr) segment;

	*ret = (struct preload_elf){ 0 };
	if (!read_at(fd, &ret->header, sizeof(ret->header), 0) ||
	    memcmp(header->e_ident, ELFMAG, SELFMAG) != 0)
		return false;
	for (size_t i = 0; header->e_ident[EI_CLASS] == OWN_CLASS && i < header->e_phnum; i++)
		if (read_at(fd, &segment, sizeof(segment),
			    header->e_phoff + i * header->e_phentsize))
			take_segment(fd, ret, &segment);
	return true;
}

/* The linker defines it: the first bytes of this program, in memory. The file may be unreadable. */
extern const ElfW(Ehdr) own_header __asm__("__ehdr_start") __attribute__((visibility("hidden")));

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

/* Why nothing can be preloaded. */
struct reason {
	enum preload_obstacle obstacle;
	const char *text;
};

static const struct reason no_elf = { PRELOAD_IS_IMPOSSIBLE, "it is not an ELF program" };
static const struct reason other_processor = {
	PRELOAD_IS_IMPOSSIBLE, "it is built for a different processor than sealmem"
};
static const struct reason is_static = { PRELOAD_NEEDS_LOADER, "it is linked statically" };
static const struct reason other_loader = { PRELOAD_NEEDS_LOADER,
					    "its loader is not that of sealmem" };
static const struct reason needs_nothing = {
	PRELOAD_NEEDS_LOADER,
	"it needs no shared object, and then the loader does not say what it would preload"
};
static const struct reason own_privilege = {
	PRELOAD_IS_IMPOSSIBLE, "sealmem itself has other privileges than its caller"
};
static const struct reason gains_privilege = {
	PRELOAD_GAINS_PRIVILEGE,
	"it gains privileges by a set-user-ID or set-group-ID bit or by file capabilities"
};
static const struct reason is_unreadable = { PRELOAD_IS_IMPOSSIBLE,
					     "it may be executed, but not read" };
static const struct reason many_scripts = { PRELOAD_IS_IMPOSSIBLE,
					    "it has too many interpreters that are scripts" };

/* Returns why the loader will not preload, or NULL if it will. The program must be built like sealmem itself,
 * because the object is. */
static const struct reason *judge_elf(int fd, struct preload_elf *elf)
{
	const char *loader;

	(void)dl_iterate_phdr(find_own_loader, &loader);
	if (!read_elf(fd, elf))
		return &no_elf;
	if (elf->header.e_ident[EI_CLASS] != own_header.e_ident[EI_CLASS] ||
	    elf->header.e_machine != own_header.e_machine)
		return &other_processor;
	if (elf->loader[0] == '\0')
		return &is_static;
	/* A sealmem that is linked statically has no loader to compare. */
	if (loader != NULL && strcmp(elf->loader, loader) != 0)
		return &other_loader;
	if (!elf->needs_any)
		return &needs_nothing;
	return NULL;
}

static const struct reason *judge_privilege(int fd)
{
	struct stat st;

	if (getuid() != geteuid() || getgid() != getegid())
		return &own_privilege;
	if (prctl(PR_GET_NO_NEW_PRIVS, 0L, 0L, 0L, 0L) == 1)
		return NULL;
	if (fstat(fd, &st) < 0 || program_has_privilege(fd, &st))
		return &gains_privilege;
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

/* Sets *script if the answer depends on the interpreter, whose path is stored. */
static const struct reason *judge_file(struct preload_subject *subject, struct program *file,
				       char interpreter[256], bool *script)
{
	const struct reason *why;

	*script = false;
	if (program_make_readable(file) < 0)
		return &is_unreadable;
	why = judge_privilege(file->file);
	if (why == NULL)
		*script = read_script(file->file, interpreter);
	return why != NULL || *script ? why : judge_elf(file->file, &subject->elf);
}

static enum exit_status judge(struct preload_subject *subject)
{
	char interpreter[256];
	enum exit_status code = EXIT_NOT_YET;
	const struct reason *why;
	bool script;

	why = judge_file(subject, &subject->program, interpreter, &script);
	for (int scripts = 0; script && code == EXIT_NOT_YET; scripts++) {
		if (scripts == MOST_SCRIPTS) {
			why = &many_scripts;
			break;
		}
		program_close(&subject->interpreter);
		code = program_locate(&subject->interpreter, "run", interpreter);
		if (code == EXIT_NOT_YET)
			why = judge_file(subject, &subject->interpreter, interpreter, &script);
	}
	if (why != NULL) {
		subject->why = why->text;
		subject->obstacle = why->obstacle;
	}
	return code;
}

enum exit_status preload_find_subject(struct preload_subject *subject, const char *name)
{
	enum exit_status code = program_locate(&subject->program, "run", name);

	subject->name = name;
	return code == EXIT_NOT_YET ? judge(subject) : code;
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
int preload_set_once(const char *name, const char *value)
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
	return preload_set_once(name, value);
}

/* The object comes before those that the caller preloads, so its constructor runs after theirs. */
enum exit_status preload_put_first(const char *option, const char *object)
{
	if (strpbrk(object, " :") != NULL)
		return complain("run", EXIT_OURS,
				"%s: the loader does not accept a path with blanks or colons: '%s'",
				option, object);
	if (put_first(PRELOAD, object) < 0)
		return complain("run", EXIT_OURS, "out of memory");
	return EXIT_NOT_YET;
}

/* Our object comes before the runtime, which would refuse it. */
enum exit_status preload_allow_with_asan(void)
{
	const char *options = last_value(IMAGE_ASAN_VARIABLE);

	if (options != NULL && strncmp(options, IMAGE_ASAN_WORD, strlen(IMAGE_ASAN_WORD)) == 0)
		return EXIT_NOT_YET;
	if (put_first(IMAGE_ASAN_VARIABLE, IMAGE_ASAN_WORD) < 0)
		return complain("run", EXIT_OURS, "out of memory");
	return EXIT_NOT_YET;
}

bool preload_has_mark(const char *object, const char *mark)
{
	CLEANUP(close_fd_at) int fd = sys_open(object, O_RDONLY);
	void *bytes;
	off_t size;
	bool found;

	if (fd < 0 || sys_file_size(fd, &size) < 0 || size == 0 ||
	    sys_mmap(&bytes, NULL, (size_t)size, PROT_READ, MAP_PRIVATE, fd) < 0)
		return false;
	found = memmem(bytes, (size_t)size, mark, strlen(mark) + 1) != NULL;
	(void)sys_munmap(bytes, (size_t)size);
	return found;
}

void preload_subject_close(struct preload_subject *subject)
{
	program_close(&subject->program);
	program_close(&subject->interpreter);
}

struct rehearsal preload_rehearsal(const struct preload_subject *subject, const char *object)
{
	const struct program *executed =
		subject->interpreter.path != NULL ? &subject->interpreter : &subject->program;

	return (struct rehearsal){ subject->elf.loader, executed->file, object };
}
