#include "spec/overlay.h"

#include <string.h>

/* A mapping of its own for the merged items; its place is that of `like`. */
static kb_yaml_node *new_map(kb_arena *arena, const kb_yaml_node *like) {
    kb_yaml_node *map = kb_arena_take(arena, 1, sizeof *map);
    if (!map) return NULL;
    *map = *like;
    map->items = map->last = NULL;
    map->n_items = 0;
    map->n_expanded = 1;
    return map;
}

static kb_status append(kb_arena *arena, kb_yaml_node *map, const kb_yaml_node *key,
                        const kb_yaml_node *value, kb_error *err) {
    kb_yaml_item *item = kb_arena_take(arena, 1, sizeof *item);
    if (!item) return kb_error_nomem(err, "override");
    *item = (kb_yaml_item){key, value, NULL};
    if (map->last) map->last->next = item;
    else map->items = item;
    map->last = item;
    map->n_items++;
    map->n_expanded += (key ? 1 : 0) + value->n_expanded;
    return KB_OK;
}

/* A copy of the overlay's tree without positions. */
static kb_status placeless(kb_arena *arena, const kb_yaml_node *node, const kb_yaml_node **copy,
                           kb_error *err) {
    kb_yaml_node *made = new_map(arena, node);
    if (!made) return kb_error_nomem(err, "override");
    made->line = made->column = 0;
    for (const kb_yaml_item *item = node->items; item; item = item->next) {
        const kb_yaml_node *key = NULL, *value;
        if (item->key) KB_TRY(placeless(arena, item->key, &key, err));
        KB_TRY(placeless(arena, item->value, &value, err));
        KB_TRY(append(arena, made, key, value, err));
    }
    *copy = made;
    return KB_OK;
}

kb_status kb_yaml_overlay(kb_arena *arena, const kb_yaml_node *base, const kb_yaml_node *overlay,
                          const kb_yaml_node **merged, kb_error *err) {
    if (base->kind != KB_YAML_MAP || overlay->kind != KB_YAML_MAP)
        return placeless(arena, overlay, merged, err);
    kb_yaml_node *map = new_map(arena, base);
    if (!map) return kb_error_nomem(err, "override");
    for (const kb_yaml_item *item = base->items; item; item = item->next) {
        const kb_yaml_node *over = kb_yaml_get(overlay, item->key->text), *value = item->value;
        if (over) KB_TRY(kb_yaml_overlay(arena, item->value, over, &value, err));
        KB_TRY(append(arena, map, item->key, value, err));
    }
    for (const kb_yaml_item *item = overlay->items; item; item = item->next) {
        const kb_yaml_node *key, *value;
        if (kb_yaml_get(base, item->key->text)) continue;
        KB_TRY(placeless(arena, item->key, &key, err));
        KB_TRY(placeless(arena, item->value, &value, err));
        KB_TRY(append(arena, map, key, value, err));
    }
    *merged = map;
    return KB_OK;
}
