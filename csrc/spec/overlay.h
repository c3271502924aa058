/* Laying one YAML tree over another: `--set system.sips=4` over a file.
 *
 * Mappings are merged key by key, anything else of the overlay replaces what is below it.  Nodes of the
 * overlay have line 0 from then on, so that messages say "override" and not a place in the file.
 */
#ifndef KB_SPEC_OVERLAY_H
#define KB_SPEC_OVERLAY_H

#include "spec/yaml_tree.h"

/* `merged` shares nodes with both trees and lives in the arena that both live in. */
kb_status kb_yaml_overlay(kb_arena *arena, const kb_yaml_node *base, const kb_yaml_node *overlay,
                          const kb_yaml_node **merged, kb_error *err) KB_MUST_CHECK;

#endif
