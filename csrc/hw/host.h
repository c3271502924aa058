/* The host's side of the machine: it sends launches and copies at their time, hears their responses, and
 * is the memory that copies go to and come from (without a limit but the host link's).
 *
 *   kb_host_launch / kb_host_copy ─> at_fs: 1 flit to IO_CPU ─> ... ─> response ─> hook, record
 */
#ifndef KB_HW_HOST_H
#define KB_HW_HOST_H

#include "hw/launch.h"
#include "hw/m_cpu.h"
#include "hw/registry.h"

typedef struct kb_host kb_host;

kb_status kb_host_create(const kb_parts *parts, uint32_t node, void **host,
                         kb_error *err) KB_MUST_CHECK;
void kb_host_destroy(void *host); /* accepts NULL */

/* Sends the launch, or copy, to the IO_CPU of its SIP at at_fs >= now.  Its done time, record and hook
 * come with the response; it is given back after the hook. */
kb_status kb_host_launch(kb_host *host, kb_launch *launch, int64_t at_fs,
                         kb_error *err) KB_MUST_CHECK;
kb_status kb_host_copy(kb_host *host, kb_copy *copy, int64_t at_fs, kb_error *err) KB_MUST_CHECK;

#endif
