/* A path that was asked for lately: its links, and what all messages of one size over it share.
 *
 * The topology's own look-up is safe among threads, and slower.  A message that is like the last one over its path
 * costs a comparison.  There is room for many more than there are nodes: of several that have one place, all but
 * the first are a few places behind; where these are taken, too, it is looked up every time.  Places are numbers:
 * the paths themselves lie in the order in which they were first asked for, so few pages of memory are touched
 * where few are in use.
 */
#ifndef KB_HW_FABRIC_FABRIC_PATH_H
#define KB_HW_FABRIC_FABRIC_PATH_H

#include "hw/fabric/fabric.h"

typedef struct kb_path {
    const uint32_t *links; /* of the topology */
    uint32_t n_links;
    uint32_t n_by_flit; /* links up to the last whose port is a server's */
    uint32_t src, dst;
    int32_t slice;
    bool is_noted;      /* the audit has it in its list, */
    uint64_t n_due;     /* for these flits */
    int64_t n_flits;    /* the size; 0: no path */
    int64_t latency_fs; /* its least, law L1; 0 when it is out of range */
    int64_t
        latest_fs; /* if they start later, the last may leave its port out of the range of time */
} kb_path;

_Static_assert(sizeof(kb_path) == KB_LINE_NBYTES, "a line of the cache");

/* The places of the paths that were foreseen last. */
typedef struct kb_foresight {
    uint32_t places[KB_FORESEEN];
    uint32_t n;
} kb_foresight;

kb_status kb_fabric_paths_init_(kb_fabric *fabric, kb_error *err) KB_MUST_CHECK;
void kb_fabric_paths_deinit_(kb_fabric *fabric);

/* The path of a message, sized for it.  It stays so until the next call. */
kb_status kb_fabric_locate_path_(kb_fabric *fabric, const kb_send *send, kb_path **path,
                                 kb_error *err) KB_MUST_CHECK;

/* The same, of one that may start at start_fs: else it fails. */
kb_status kb_fabric_find_path_(kb_fabric *fabric, const kb_send *send, int64_t start_fs,
                               kb_path **path, kb_error *err) KB_MUST_CHECK;

#endif
