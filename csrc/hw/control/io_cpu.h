/* IO_CPU of a SIP: fans launches and copies out to the cubes, gathers their responses, stamps marks.
 *
 *   arrived ─> decoded ─> fanned out ─> responded ─> merged ─> response to the host
 *              serial     when its turn has come
 *
 * A job's turn comes when the job before it in its stream has responded, and those have that its turn
 * names (hw/component/turn.h).  A mark is stamped when its turn comes; its answer
 * follows the responses that are being merged, so the host hears of a stream's work in order.
 *
 * A launch is stamped with target_start = now + D + margin when its fan-out starts; then one
 * message is issued to each cube, issue_ns apart (the first one issue_ns after the stamp).  A job's
 * fan-out starts when it is decoded, its turn has come and no other fan-out is under way.
 * Merging a cube's response takes merge_ns, one after another; the stream's next job does not wait
 * for that.  Copies need no decoding here and go to the cubes that hold part of them.
 */
#ifndef KB_HW_CONTROL_IO_CPU_H
#define KB_HW_CONTROL_IO_CPU_H

#include "hw/component/parts.h"

kb_status kb_io_cpu_create(const kb_parts *parts, uint32_t node, void **io_cpu,
                           kb_error *err) KB_MUST_CHECK;
void kb_io_cpu_destroy(void *io_cpu); /* accepts NULL */

#endif
