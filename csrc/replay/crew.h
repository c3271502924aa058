/* A crew of threads that share one piece of work at a time.
 *
 *     kb_crew_run(crew, n_parts, work, argument)   calls work(argument, part) once for each part
 *
 * The caller is one of the crew and returns when all parts are done.  Parts are taken in any order
 * by any thread, so they must not depend on each other; how work is cut into parts must not change
 * a result.
 */
#ifndef KB_REPLAY_CREW_H
#define KB_REPLAY_CREW_H

#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"
#include "base/error.h"

typedef struct kb_crew kb_crew;

/* `n_threads` >= 1, the caller's included: 1 starts none.  KB_RESOURCES when there are no
 * more. */
kb_status kb_crew_create(kb_alloc *alloc, int32_t n_threads, kb_crew **crew,
                         kb_error *err) KB_MUST_CHECK;
void kb_crew_destroy(kb_crew *crew); /* accepts NULL */

int32_t kb_crew_size(const kb_crew *crew);

void kb_crew_run(kb_crew *crew, size_t n_parts, void (*work)(void *argument, size_t part),
                 void *argument);

#endif
