/* SPDX-License-Identifier: MIT */
#ifndef SEALMEM_PROBE_H
#define SEALMEM_PROBE_H

/* Tries one guarantee, together with CONTENT, which every region has. Returns 0, or the errno that a
 * demand for it would meet. */
int probe_guarantee(unsigned guarantee);

#endif
