/* The host's side of the machine: it sends launches and copies at their time, hears their
 * responses, and is the memory that copies go to and come from (without a limit but the host
 * link's).
 *
 *   post ─> at_fs: 1 flit to IO_CPU ─> ... ─> response ─> record in the log, hook, slot given back
 */
#ifndef KB_HW_CONTROL_HOST_H
#define KB_HW_CONTROL_HOST_H

#include "hw/component/copy.h"
#include "hw/component/launch.h"
#include "hw/component/mark.h"
#include "hw/component/parts.h"

typedef struct kb_host kb_host;

kb_status kb_host_create(const kb_parts *parts, uint32_t node, void **host,
                         kb_error *err) KB_MUST_CHECK;
void kb_host_destroy(void *host); /* accepts NULL */

/* Sends the launch, copy or mark to the IO_CPU of its SIP at submitted_fs >= now. */
void kb_host_launch(kb_host *host, const kb_launch *launch);
void kb_host_copy(kb_host *host, const kb_copy *copy);
void kb_host_mark(kb_host *host, const kb_mark *mark);

#endif
