#include "spec/yaml_tree.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <yaml.h>

typedef struct anchor {
    const char *name;
    const kb_yaml_node *node;
} anchor;

typedef struct parser {
    kb_arena *arena;
    const char *name;
    kb_error *err;
    yaml_parser_t yaml;
    size_t n_nodes;
    anchor *anchors;
    size_t n_anchors;
    kb_yaml_node *open[KB_YAML_MAX_DEPTH];      /* lists and mappings whose end has not come */
    const kb_yaml_node *key[KB_YAML_MAX_DEPTH]; /* of open[i]: waits for its value */
    size_t depth;
} parser;

static kb_status fail_at(const parser *p, size_t line, size_t column, const char *format, ...)
    KB_PRINTF(4, 5);

static kb_status fail_at(const parser *p, size_t line, size_t column, const char *format, ...) {
    char text[KB_ERROR_CAPACITY / 2];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return kb_error_set(p->err, KB_TOPOLOGY, "%s:%zu:%zu: %s", p->name, line, column, text);
}

#define FAIL_MARK(p, mark, ...) fail_at((p), (mark).line + 1, (mark).column + 1, __VA_ARGS__)

/* libyaml's reader tells a byte offset only. */
static kb_status fail_offset(const parser *p, const char *text, size_t length,
                             const char *problem) {
    size_t line = 1, column = 1, offset = p->yaml.problem_offset;
    for (size_t i = 0; i < offset && i < length; i++) {
        if (text[i] == '\n') line++, column = 1;
        else if (((unsigned char)text[i] & 0xC0) != 0x80) column++;
    }
    return fail_at(p, line, column,
                   "expected UTF-8 text, got a bad byte (%s); save the file as UTF-8", problem);
}

static kb_status fail_yaml(const parser *p, const char *text, size_t length) {
    const yaml_parser_t *yaml = &p->yaml;
    const char *problem = yaml->problem ? yaml->problem : "the text cannot be read";
    if (yaml->error == YAML_MEMORY_ERROR) return kb_error_nomem(p->err, "the YAML parser");
    if (yaml->error == YAML_READER_ERROR) return fail_offset(p, text, length, problem);
    yaml_mark_t at = yaml->problem_mark;
    if (at.index < length && text[at.index] == '\t' && yaml->error == YAML_SCANNER_ERROR)
        return FAIL_MARK(p, at, "expected spaces, got a tab; YAML is indented with spaces only");
    if (!yaml->context) return FAIL_MARK(p, at, "expected YAML, got an error: %s", problem);
    return FAIL_MARK(p, at, "expected YAML, got an error: %s, %s (begun at line %zu, column %zu)",
                     yaml->context, problem, yaml->context_mark.line + 1,
                     yaml->context_mark.column + 1);
}

static kb_status count_expanded(const parser *p, kb_yaml_node *node, const kb_yaml_node *value,
                                yaml_mark_t mark) {
    node->n_expanded += value->n_expanded;
    if (node->n_expanded <= KB_YAML_MAX_NODES) return KB_OK;
    return FAIL_MARK(p, mark, "expected at most %d values with aliases expanded, got more",
                     (int)KB_YAML_MAX_NODES);
}

static kb_status check_key(const parser *p, const kb_yaml_node *map, const kb_yaml_node *key,
                           yaml_mark_t mark) {
    char shown[KB_YAML_SHOWN];
    if (key->kind != KB_YAML_SCALAR)
        return FAIL_MARK(p, mark, "expected a key, got a %s",
                         key->kind == KB_YAML_LIST ? "list" : "mapping");
    for (size_t i = 0; i < key->length || key->length == 0; i++)
        if (i == KB_YAML_MAX_KEY || (unsigned char)key->text[i] < 0x20)
            return FAIL_MARK(p, mark, "expected a key of 1 to %d printable bytes, got %s",
                             (int)KB_YAML_MAX_KEY, kb_yaml_show(key, shown));
    if (map->n_items >= KB_YAML_MAX_KEYS)
        return FAIL_MARK(p, mark, "expected at most %d keys in a mapping, got more",
                         (int)KB_YAML_MAX_KEYS);
    for (const kb_yaml_item *item = map->items; item; item = item->next)
        if (strcmp(item->key->text, key->text) == 0)
            return FAIL_MARK(p, mark, "duplicate key: %s stands at line %u already; remove one",
                             kb_yaml_show(key, shown), item->key->line);
    return KB_OK;
}

/* Gives a finished scalar, an alias's node, or a just opened list or mapping its place. */
static kb_status add_value(parser *p, const kb_yaml_node *value, const kb_yaml_node **root,
                           yaml_mark_t mark) {
    if (p->depth == 0) {
        *root = value;
        return KB_OK;
    }
    kb_yaml_node *node = p->open[p->depth - 1];
    const kb_yaml_node **key = &p->key[p->depth - 1];
    if (node->kind == KB_YAML_MAP && !*key) {
        KB_TRY(check_key(p, node, value, mark));
        *key = value;
        return KB_OK;
    }
    kb_yaml_item *item = kb_arena_take(p->arena, 1, sizeof *item);
    if (!item) return kb_error_nomem(p->err, "the YAML tree");
    item->key = *key;
    item->value = value;
    *key = NULL;
    if (node->last) node->last->next = item;
    else node->items = item;
    node->last = item;
    node->n_items++;
    return KB_OK;
}

static kb_status new_node(parser *p, kb_yaml_kind kind, yaml_mark_t mark, kb_yaml_node **node) {
    if (++p->n_nodes > KB_YAML_MAX_NODES)
        return FAIL_MARK(p, mark, "expected at most %d values, got more", (int)KB_YAML_MAX_NODES);
    *node = kb_arena_take(p->arena, 1, sizeof **node);
    if (!*node) return kb_error_nomem(p->err, "the YAML tree");
    (*node)->kind = kind;
    (*node)->line = (uint32_t)mark.line + 1;
    (*node)->column = (uint32_t)mark.column + 1;
    (*node)->n_expanded = 1;
    return KB_OK;
}

static kb_status add_anchor(parser *p, const yaml_char_t *name, const kb_yaml_node *node,
                            yaml_mark_t mark) {
    if (!name) return KB_OK;
    if (!p->anchors) p->anchors = kb_arena_take(p->arena, KB_YAML_MAX_ANCHORS, sizeof *p->anchors);
    const char *text = (const char *)name;
    const char *copy = kb_arena_copy_text(p->arena, text, strlen(text));
    if (!p->anchors || !copy) return kb_error_nomem(p->err, "the YAML anchors");
    if (p->n_anchors == KB_YAML_MAX_ANCHORS)
        return FAIL_MARK(p, mark, "expected at most %d anchors, got more",
                         (int)KB_YAML_MAX_ANCHORS);
    p->anchors[p->n_anchors++] = (anchor){copy, node};
    return KB_OK;
}

static kb_status add_alias(parser *p, const yaml_event_t *event, const kb_yaml_node **root) {
    const char *name = (const char *)event->data.alias.anchor;
    const kb_yaml_node *node = NULL;
    for (size_t i = p->n_anchors; i > 0 && !node; i--) /* the latest of that name */
        if (strcmp(p->anchors[i - 1].name, name) == 0) node = p->anchors[i - 1].node;
    if (!node)
        return FAIL_MARK(p, event->start_mark, "unknown anchor: *%.64s names no &anchor", name);
    if (node->open)
        return FAIL_MARK(p, event->start_mark,
                         "cyclic alias: *%.64s stands inside of what it names (line %u)", name,
                         node->line);
    KB_TRY(add_value(p, node, root, event->start_mark));
    return p->depth ? count_expanded(p, p->open[p->depth - 1], node, event->start_mark) : KB_OK;
}

static kb_status check_tag(const parser *p, const yaml_char_t *tag, yaml_mark_t mark) {
    if (!tag) return KB_OK;
    return FAIL_MARK(p, mark, "expected a value without a tag, got %.64s; remove the tag",
                     (const char *)tag);
}

static kb_status add_scalar(parser *p, const yaml_event_t *event, const kb_yaml_node **root) {
    yaml_mark_t mark = event->start_mark;
    const char *text = (const char *)event->data.scalar.value;
    size_t length = event->data.scalar.length;
    KB_TRY(check_tag(p, event->data.scalar.tag, mark));
    if (length > KB_YAML_MAX_SCALAR)
        return FAIL_MARK(p, mark, "expected a text of at most %d bytes, got %zu",
                         (int)KB_YAML_MAX_SCALAR, length);
    if (memchr(text, '\0', length))
        return FAIL_MARK(p, mark, "expected a text without NUL characters, got one");
    kb_yaml_node *node;
    KB_TRY(new_node(p, KB_YAML_SCALAR, mark, &node));
    node->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    node->text = kb_arena_copy_text(p->arena, text, length);
    node->length = length;
    if (!node->text) return kb_error_nomem(p->err, "the YAML tree");
    KB_TRY(add_anchor(p, event->data.scalar.anchor, node, mark));
    KB_TRY(add_value(p, node, root, mark));
    return p->depth ? count_expanded(p, p->open[p->depth - 1], node, mark) : KB_OK;
}

static kb_status open_node(parser *p, kb_yaml_kind kind, const yaml_char_t *tag,
                           const yaml_char_t *name, yaml_mark_t mark, const kb_yaml_node **root) {
    KB_TRY(check_tag(p, tag, mark));
    if (p->depth == KB_YAML_MAX_DEPTH)
        return FAIL_MARK(p, mark, "expected at most %d levels of nesting, got more",
                         (int)KB_YAML_MAX_DEPTH);
    kb_yaml_node *node;
    KB_TRY(new_node(p, kind, mark, &node));
    node->open = true;
    KB_TRY(add_anchor(p, name, node, mark));
    KB_TRY(add_value(p, node, root, mark));
    p->key[p->depth] = NULL;
    p->open[p->depth++] = node;
    return KB_OK;
}

static kb_status close_node(parser *p, yaml_mark_t mark) {
    kb_yaml_node *node = p->open[--p->depth];
    node->open = false;
    return p->depth ? count_expanded(p, p->open[p->depth - 1], node, mark) : KB_OK;
}

static kb_status handle(parser *p, const yaml_event_t *event, const kb_yaml_node **root) {
    yaml_mark_t mark = event->start_mark;
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        if (!*root) return KB_OK;
        return FAIL_MARK(p, mark, "expected one document, got a second one; remove the line ---");
    case YAML_ALIAS_EVENT: return add_alias(p, event, root);
    case YAML_SCALAR_EVENT: return add_scalar(p, event, root);
    case YAML_SEQUENCE_START_EVENT:
        return open_node(p, KB_YAML_LIST, event->data.sequence_start.tag,
                         event->data.sequence_start.anchor, mark, root);
    case YAML_MAPPING_START_EVENT:
        return open_node(p, KB_YAML_MAP, event->data.mapping_start.tag,
                         event->data.mapping_start.anchor, mark, root);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT: return close_node(p, mark);
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_STREAM_END_EVENT:
    case YAML_DOCUMENT_END_EVENT: return KB_OK;
    }
    return KB_OK;
}

static kb_status parse_events(parser *p, const char *text, size_t length,
                              const kb_yaml_node **root) {
    for (;;) {
        yaml_event_t event;
        if (!yaml_parser_parse(&p->yaml, &event)) return fail_yaml(p, text, length);
        bool end = event.type == YAML_STREAM_END_EVENT;
        kb_status status = handle(p, &event, root);
        yaml_event_delete(&event);
        if (status != KB_OK || end) return status;
    }
}

/* libyaml compares each %TAG with all before it, before anyone sees an event: half a million of them would
 * take minutes.  A directive begins a line; besides \r and \n, YAML ends lines with U+0085, U+2028 and
 * U+2029, whose last bytes are here, and a byte order mark may stand first. */
static kb_status check_directives(const parser *p, const char *text, size_t length) {
    static const char ends[] = "\n\r\x85\xA8\xA9\xBF";
    size_t line = 1;
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '\n') line++;
        if (text[i] != '%' || length - i < 4 || memcmp(text + i, "%TAG", 4) != 0) continue;
        if (i == 0 || strchr(ends, text[i - 1]))
            return fail_at(p, line, 1, "expected no %%TAG directives, got one; remove the line");
    }
    return KB_OK;
}

kb_status kb_yaml_parse(kb_arena *arena, const char *text, size_t length, const char *name,
                        const kb_yaml_node **root, kb_error *err) {
    parser p = {.arena = arena, .name = name, .err = err};
    if (length > KB_YAML_MAX_TEXT)
        return fail_at(&p, 1, 1, "expected at most %d bytes of YAML, got %zu",
                       (int)KB_YAML_MAX_TEXT, length);
    KB_TRY(check_directives(&p, text, length));
    if (!yaml_parser_initialize(&p.yaml)) return kb_error_nomem(err, "the YAML parser");
    yaml_parser_set_encoding(&p.yaml, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&p.yaml, (const unsigned char *)text, length);
    const kb_yaml_node *top = NULL;
    kb_status status = parse_events(&p, text, length, &top);
    yaml_parser_delete(&p.yaml);
    if (status != KB_OK) return status;
    if (!top)
        return fail_at(&p, 1, 1,
                       "expected a mapping that begins with \"kernbench: 1\", got an empty text");
    *root = top;
    return KB_OK;
}

const kb_yaml_node *kb_yaml_get(const kb_yaml_node *map, const char *key) {
    if (map->kind != KB_YAML_MAP) return NULL;
    for (const kb_yaml_item *item = map->items; item; item = item->next)
        if (strcmp(item->key->text, key) == 0) return item->value;
    return NULL;
}

bool kb_yaml_is_null(const kb_yaml_node *node) {
    return node->kind == KB_YAML_SCALAR && node->plain &&
           (node->length == 0 || strcmp(node->text, "~") == 0 || strcmp(node->text, "null") == 0);
}

const char *kb_yaml_show(const kb_yaml_node *node, char shown[KB_YAML_SHOWN]) {
    enum { ROOM = KB_YAML_SHOWN - 32 };
    if (node->kind != KB_YAML_SCALAR) {
        const char *what = node->kind == KB_YAML_LIST ? "a list of" : "a mapping of";
        (void)snprintf(shown, KB_YAML_SHOWN, "%s %zu %s%s", what, node->n_items,
                       node->kind == KB_YAML_LIST ? "item" : "key", node->n_items == 1 ? "" : "s");
        return shown;
    }
    if (node->plain && node->length == 0) return "nothing";
    size_t kept = node->length < ROOM ? node->length : ROOM;
    while (kept < node->length && ((unsigned char)node->text[kept] & 0xC0) == 0x80) kept--;
    size_t n = 0;
    shown[n++] = '"';
    for (size_t i = 0; i < kept; i++) {
        unsigned char c = (unsigned char)node->text[i];
        shown[n++] = c < 0x20 || c == 0x7F ? '?' : (char)c;
    }
    (void)snprintf(shown + n, KB_YAML_SHOWN - n, "\"%s", kept < node->length ? "..." : "");
    return shown;
}
