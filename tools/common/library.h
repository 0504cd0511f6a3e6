/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TOOLS_COMMON_LIBRARY_H
#define SEALMEM_TOOLS_COMMON_LIBRARY_H

/*
 * Libraries that only some subcommands need. `sealmem run` precedes every start of a program, and the loader takes its
 * time for each library that the command is linked with (bench/measure/run-overhead).
 */

#include <stdbool.h>

struct library {
	const char *name;
	void *handle; /* once it is loaded */
};

/* Stores the function in *ret, a pointer of its type. False if there is no such library, or no such function in it. */
bool library_find(struct library *library, const char *function, void *ret);

/* The same, but ends the command with a line that says what is missing. */
void library_need(struct library *library, const char *function, void *ret);

#ifndef SEALMEM_ONE_FILE
/* Defines a function that the header of a library declares, as a call of the one in the library. */
# define LATE_VOID(library, name, parameters, arguments)                                           \
  void name parameters                                                                             \
  {                                                                                                \
   static __typeof__(name) *found;                                                                 \
   if (found == NULL)                                                                              \
    library_need(library, #name, &found);                                                          \
   found arguments;                                                                                \
  }
# define LATE(library, type, name, parameters, arguments)                                          \
  type name parameters                                                                             \
  {                                                                                                \
   static __typeof__(name) *found;                                                                 \
   if (found == NULL)                                                                              \
    library_need(library, #name, &found);                                                          \
   return found arguments;                                                                         \
  }
#endif

#endif
