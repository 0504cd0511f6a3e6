/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TESTS_SUPPORT_MEMORY_SEAL_H
#define SEALMEM_TESTS_SUPPORT_MEMORY_SEAL_H

/*
 * For objects of tests: the mark that a linker makes for `-z memory-seal`. A linker that does not know this property drops it
 * from .note.gnu.property, and warns of it in any other note of this vendor. So it is in a section of its own, and mark.py
 * writes the name of the vendor. Sections of notes are in one segment, where every reader looks.
 */

#if __SIZEOF_POINTER__ == 8
# define MEMORY_SEAL_ALIGN "8"
#else
# define MEMORY_SEAL_ALIGN "4"
#endif

/* The sizes of name and contents, NT_GNU_PROPERTY_TYPE_0, a name; GNU_PROPERTY_MEMORY_SEAL, and its size. */
#define MARK_FOR_MEMORY_SEAL                                                                       \
 __asm__(".pushsection .note.memory-seal, \"a\", %note\n"                                          \
	 ".balign " MEMORY_SEAL_ALIGN "\n"                                                         \
	 ".4byte 4, 8, 5\n"                                                                        \
	 ".asciz \"...\"\n"                                                                        \
	 ".4byte 3, 0\n"                                                                           \
	 ".popsection\n")

/* mark.py makes a segment of it. */
#define IN_MUTABLE_SECTION __attribute__((section(".gnu.mutable")))

#endif
