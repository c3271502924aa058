/* The explicit form: `components`, `meshes` and `links` of the YAML (docs/reference/topology-keys.md). */
#ifndef KB_SPEC_EXPLICIT_H
#define KB_SPEC_EXPLICIT_H

#include "spec/reader.h"
#include "spec/topology.h"

/* Keys of an hbm in the machine that say how it is attached to its cube, and mean nothing elsewhere: the
 * last rows of its table. */
enum { KB_HBM_ATTACHMENT_ROWS = 5 };

/* What a transit component may say, as fields of a kb_node. */
const kb_param_row *kb_explicit_transit_rows(size_t *n_rows);

/* Adds the components, then the routers and links of the meshes.  `root` is the whole text. */
kb_status kb_explicit_nodes(kb_topology *topology, const kb_reader *reader,
                            const kb_place *root) KB_MUST_CHECK;

/* Adds the links; every node is there. */
kb_status kb_explicit_links(kb_topology *topology, const kb_reader *reader,
                            const kb_place *root) KB_MUST_CHECK;

/* Refuses a second link between the same two nodes; the graph is sealed. */
kb_status kb_explicit_check(const kb_topology *topology, const kb_reader *reader,
                            const kb_place *root) KB_MUST_CHECK;

#endif
