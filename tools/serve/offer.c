/* SPDX-License-Identifier: MIT */

/*
 * From a file to bytes that nobody can change. The file is copied, the copy is sealed, and only then its digest is
 * computed, from the copy. So the bytes that were verified are the bytes that are served, whoever writes to the file
 * meanwhile.
 */

#include "tools/serve/offer.h"

#include "tools/common/names.h"
#include "include/sealmem.h"
#include "lib/util.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define DIGEST_OPTION ",sha256="

enum exit_status refuse(struct refusal *why, enum exit_status code, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(why->text, sizeof(why->text), format, arguments);
	va_end(arguments);
	return code;
}

void offer_release(struct offer *offer)
{
	free(offer->name);
	free(offer->path);
}

static const char *last_of(const char *text, const char *part)
{
	const char *found = NULL, *next = text;

	while ((next = strstr(next, part)) != NULL)
		found = next++;
	return found;
}

static enum exit_status parse_file(struct offer *offer, const char *text)
{
	const char *option = last_of(text, DIGEST_OPTION);

	offer->path = need(strndup(text, option != NULL ? (size_t)(option - text) : strlen(text)));
	offer->expects = option != NULL;
	if (*offer->path == '\0')
		return complain_of_usage("serve", EXIT_FAILED, "'%s' has no file", offer->name);
	if (offer->expects && !digest_parse(&offer->expected, option + strlen(DIGEST_OPTION)))
		return complain_of_usage("serve", EXIT_FAILED,
					 "'%s': sha256= takes 64 hexadecimal digits", offer->name);
	return EXIT_NOT_YET;
}

enum exit_status offer_parse(struct offer *ret, const char *text)
{
	CLEANUP(offer_release) struct offer offer = { 0 };
	const char *separator = strchr(text, '='), *fault;
	enum exit_status code;

	if (separator == NULL)
		return complain_of_usage("serve", EXIT_FAILED, "'%s' is not NAME=FILE", text);
	offer.name = need(strndup(text, (size_t)(separator - text)));
	fault = name_fault(offer.name);
	if (fault != NULL)
		return complain_of_usage("serve", EXIT_FAILED, "'%.300s': %s", offer.name, fault);
	code = parse_file(&offer, separator + 1);
	if (code != EXIT_NOT_YET)
		return code;
	*ret = offer;
	offer = (struct offer){ 0 };
	return EXIT_NOT_YET;
}

void version_release(struct version *version)
{
	version->region = sealmem_region_free(version->region);
}

/* A file of another type could block, or have no end. */
static enum exit_status open_file(int *ret, struct stat *file, const char *path, size_t most,
				  struct refusal *why)
{
	CLEANUP(close_fd_at) int fd = sys_open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);

	if (fd < 0 || fstat(fd, file) < 0)
		return refuse(why, EXIT_FAILED, "cannot open '%s': %s", path,
			      error_text(fd < 0 ? fd : -errno));
	if (!S_ISREG(file->st_mode))
		return refuse(why, EXIT_FAILED, "'%s' is not a regular file", path);
	if (file->st_size == 0)
		return refuse(why, EXIT_FAILED, "'%s' is empty", path);
	if ((uint64_t)file->st_size > most)
		return refuse(why, EXIT_FAILED, "'%s' is larger than %zu bytes: raise --max-size",
			      path, most);
	*ret = take_fd(&fd);
	return EXIT_NOT_YET;
}

static bool same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

/* Whether somebody wrote to the file since it was looked at. */
static bool has_changed(int fd, const struct stat *before)
{
	struct stat after;

	return fstat(fd, &after) < 0 || after.st_size != before->st_size ||
	       !same_time(&after.st_mtim, &before->st_mtim) ||
	       !same_time(&after.st_ctim, &before->st_ctim);
}

static int progress(size_t done, size_t total, void *data)
{
	const struct loading *loading = data;

	(void)done;
	(void)total;
	return loading->meanwhile(loading->data);
}

static enum exit_status seal_file(struct version *version, int fd, const struct stat *file,
				  const struct offer *offer, const struct loading *loading,
				  struct refusal *why)
{
	int err = sealmem_region_new_from_file_with(&version->region, offer->name, fd,
						    loading->most, SEALMEM_CONTENT, progress, NULL,
						    (void *)(uintptr_t)loading);

	if (err == -ECANCELED)
		return refuse(why, EXIT_FAILED, "the reading of '%s' was ended", offer->path);

	if (err == -EBUSY || (err == 0 && has_changed(fd, file)))
		return refuse(why, EXIT_FAILED, "'%s' changed while it was read", offer->path);
	if (err == 0)
		return EXIT_NOT_YET;
	return refuse(why, err == -EOPNOTSUPP ? EXIT_LACKING : EXIT_FAILED, "cannot seal '%s': %s",
		      offer->path, sealmem_strerror(err));
}

/* `origin` stands before the path in the refusal. */
static enum exit_status verify_digest(struct version *version, const struct offer *offer,
				      const char *origin, struct refusal *why)
{
	char text[DIGEST_TEXT_SIZE];
	int fd = sealmem_region_fd(version->region);
	int err = fd < 0 ? fd : digest_of(&version->digest, fd);

	if (err < 0)
		return refuse(why, EXIT_FAILED, "cannot compute the digest: %s", digest_fault(err));
	if (!offer->expects || digest_equal(&version->digest, &offer->expected))
		return EXIT_NOT_YET;
	digest_format(text, &version->digest);
	return refuse(why, EXIT_NO, "%s'%s' has a different SHA-256: %s", origin, offer->path,
		      text);
}

enum exit_status version_load(struct version *ret, const struct offer *offer,
			      const struct loading *loading, struct refusal *why)
{
	CLEANUP(version_release) struct version version = { 0 };
	CLEANUP(close_fd_at) int fd = -1;
	struct stat file;
	enum exit_status code = open_file(&fd, &file, offer->path, loading->most, why);

	if (code == EXIT_NOT_YET)
		code = seal_file(&version, fd, &file, offer, loading, why);
	if (code == EXIT_NOT_YET)
		code = verify_digest(&version, offer, "", why);
	if (code != EXIT_NOT_YET)
		return code;
	*ret = version;
	version.region = NULL;
	return EXIT_NOT_YET;
}

/* Whether it is this process that lacks something. */
static bool is_shortage(int err)
{
	return err == -EMFILE || err == -ENFILE || err == -ENOMEM;
}

static enum exit_status accept_stored(struct version *version, int fd, size_t most,
				      struct refusal *why)
{
	int err = sealmem_region_accept_limited(&version->region, fd, most, SEALMEM_CONTENT);

	if (err == 0 && sealmem_region_size(version->region) == 0)
		return refuse(why, EXIT_NO, "what was stored is empty");
	if (err == 0)
		err = sealmem_region_fd(version->region);
	if (err >= 0)
		return EXIT_NOT_YET;
	return refuse(why, is_shortage(err) ? EXIT_FAILED : EXIT_NO,
		      "what was stored cannot be served: %s", sealmem_strerror(err));
}

enum exit_status version_accept(struct version *ret, const struct offer *offer, int fd, size_t most,
				struct refusal *why)
{
	CLEANUP(version_release) struct version version = { 0 };
	enum exit_status code = accept_stored(&version, fd, most, why);

	if (code == EXIT_NOT_YET)
		code = verify_digest(&version, offer, "what was stored for ", why);
	if (code != EXIT_NOT_YET)
		return code;
	*ret = version;
	version.region = NULL;
	return EXIT_NOT_YET;
}
