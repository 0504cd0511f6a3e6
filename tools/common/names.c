/* SPDX-License-Identifier: MIT */

/* The names that programs find things by: as words of a command line, as files, as credentials. */

#include "tools/common/names.h"

#include "include/sealmem.h"

#include <string.h>

#define NAME_CHARACTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.@-"

/* The names that systemd accepts for a credential, without the characters that need quotes somewhere. */
const char *name_fault(const char *name)
{
	if (*name == '\0')
		return "the name is empty";
	if (strlen(name) > SEALMEM_NAME_MAX)
		return "the name is too long";
	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return "the name is that of a directory";
	if (name[strspn(name, NAME_CHARACTERS)] != '\0')
		return "a name consists of letters, digits and the characters _ . @ -";
	return NULL;
}
