/* Memory in huge pages, for a machine whose thousands of parts have their turns one after the other.
 *
 *     block up to 32 KiB  ─> the next bytes of a chunk of 2 MiB, or a freed block of the same size
 *     larger block        ─> malloc; what lies in whole huge pages of it is asked for as such
 *
 * Each part that has its turn is a few hundred bytes here and there.  In pages of 4 KiB most of them are
 * behind an address translation that is in no cache; in huge pages none is, and what was made together lies
 * together.  A system without huge pages serves the same blocks from small ones.  So does the first chunk: an
 * engine that needs no more is made in a fraction of the time in which the system zeroes 2 MiB.
 */
#ifndef KB_BASE_PAGES_H
#define KB_BASE_PAGES_H

#include "base/alloc.h"

typedef struct kb_pages kb_pages;

kb_pages *kb_pages_create(void); /* NULL: no memory */

/* Frees all small blocks; large ones must have been freed.  Accepts NULL. */
void kb_pages_destroy(kb_pages *pages);

/* An allocator over these pages, which it borrows. */
kb_alloc kb_alloc_paged(kb_pages *pages);

#endif
