/* A turn: the place of a launch, copy or mark in the order of its SIP.
 *
 * Work of one (SIP, stream) runs in order of its arrival at IO_CPU.  Across streams nothing is ordered,
 * but for what `after` names: the turn comes when those, too, have responded at IO_CPU.  Whoever
 * submits sees to it that they were submitted to the same SIP, and not later.
 */
#ifndef KB_HW_COMPONENT_TURN_H
#define KB_HW_COMPONENT_TURN_H

#include <stdint.h>

enum { KB_TURN_AFTER = 8 };

typedef struct kb_turn {
    uint32_t job; /* the submitter's number, under which `after` of others names it */
    uint32_t n_after;
    uint32_t after[KB_TURN_AFTER];
} kb_turn;

#endif
