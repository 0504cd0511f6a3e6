/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_TOOLS_COMMON_XML_H
#define SEALMEM_TOOLS_COMMON_XML_H

#include <stdio.h>

/* Prints any bytes as the text of an element or of an attribute in double quotes. Bytes that no XML may have become
 * escapes, as in put_visible(): the locale has to be one of UTF-8. */
void xml_print(FILE *out, const char *text);

#endif
