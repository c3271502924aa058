/* YAML text -> a tree of nodes that know their line and column.
 *
 * Built from libyaml's events in the caller's arena.  An alias is a second pointer to the anchored
 * node, so no text can unfold into more memory than its own length; `n_expanded` counts the nodes as if
 * it had, and is limited too, for those who walk the tree.
 *
 * What is refused, with a position: text that is not YAML or not UTF-8, a second document, tags,
 * duplicate keys, keys that are not scalars, an alias of a node that is still open (a cycle) or of an
 * anchor that does not exist, and whatever passes a limit below.
 */
#ifndef KB_SPEC_YAML_TREE_H
#define KB_SPEC_YAML_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"

enum {
    KB_YAML_MAX_TEXT = 16 << 20, /* bytes */
    KB_YAML_MAX_DEPTH = 64,
    KB_YAML_MAX_NODES = 1 << 20, /* with aliases expanded */
    KB_YAML_MAX_SCALAR = 4096,   /* bytes */
    KB_YAML_MAX_KEY = 64,        /* bytes of a key */
    KB_YAML_MAX_KEYS = 64,       /* of one mapping */
    KB_YAML_MAX_ANCHORS = 256
};

typedef enum kb_yaml_kind { KB_YAML_SCALAR, KB_YAML_LIST, KB_YAML_MAP } kb_yaml_kind;

typedef struct kb_yaml_node kb_yaml_node;
typedef struct kb_yaml_item kb_yaml_item;

struct kb_yaml_item {
    const kb_yaml_node *key; /* a scalar; NULL in lists */
    const kb_yaml_node *value;
    kb_yaml_item *next;
};

struct kb_yaml_node {
    kb_yaml_kind kind;
    uint32_t line, column; /* from 1; columns count characters */
    bool plain;            /* scalars: written without quotes */
    bool open;             /* while parsing: its end has not come */
    const char *text;      /* scalars: terminated, valid UTF-8, may hold any character but NUL */
    size_t length;
    kb_yaml_item *items; /* lists and mappings, in order of the text */
    kb_yaml_item *last;
    size_t n_items;
    size_t n_expanded; /* nodes of this subtree, itself included, aliases counted in full */
};

/* Parses one document.  `name` is what messages call the text.  The tree lives as long as the arena and
 * does not point into `text`.  Errors are KB_TOPOLOGY ("name:line:column: ...") or KB_NOMEM. */
kb_status kb_yaml_parse(kb_arena *arena, const char *text, size_t length, const char *name,
                        const kb_yaml_node **root, kb_error *err) KB_MUST_CHECK;

/* The value of a key of a mapping; NULL when it has none. */
const kb_yaml_node *kb_yaml_get(const kb_yaml_node *map, const char *key);

/* True for what stands after a key without a value, "~" and "null". */
bool kb_yaml_is_null(const kb_yaml_node *node);

enum { KB_YAML_SHOWN = 96 };

/* A node for a message: `the text "x"`, `a list of 3 items`; long texts are cut at a whole character,
 * control characters become '?'. */
const char *kb_yaml_show(const kb_yaml_node *node, char shown[KB_YAML_SHOWN]);

#endif
