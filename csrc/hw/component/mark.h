/* A mark in a stream: IO_CPU stamps it when its turn comes.  It is what cuda.Event.record submits.
 *
 *   submitted ─> IO_CPU, in turn: stamped ─> host: done
 *
 * Its messages (KB_MSG_MARK, down and up) are one flit; their tag is the mark's slot.
 */
#ifndef KB_HW_COMPONENT_MARK_H
#define KB_HW_COMPONENT_MARK_H

#include "base/alloc.h"
#include "base/error.h"
#include "hw/component/turn.h"

typedef struct kb_mark {
    uint32_t slot; /* the messages' tag; reused */
    uint32_t sip, stream;
    kb_turn turn;
    int64_t submitted_fs, stamped_fs, done_fs;
} kb_mark;

typedef struct kb_marks kb_marks;

kb_status kb_marks_create(kb_alloc *alloc, kb_marks **marks, kb_error *err) KB_MUST_CHECK;
void kb_marks_destroy(kb_marks *marks); /* accepts NULL */

/* A blank mark with its slot; the pointer stays valid until kb_marks_give. */
kb_status kb_marks_take(kb_marks *marks, kb_mark **mark, kb_error *err) KB_MUST_CHECK;
void kb_marks_give(kb_marks *marks, const kb_mark *mark);
kb_mark *kb_marks_at(const kb_marks *marks, uint32_t slot);
uint32_t kb_marks_count(const kb_marks *marks); /* taken and not given back */

#endif
