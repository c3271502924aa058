/* PRINT: values are kept when they are known, however late, and no more of them than there is room for. */
#include "replay_rig.h"

static const uint32_t four[1] = {4};

static void print_record(rig *r, kb_operand value) {
    kb_operand number = rig_scalar(KB_INT64, 5);
    kb_operand grid = rig_scalar(KB_INT64, 0);
    grid.bits = 2 | UINT64_C(3) << 32;
    kb_payload payload = {.n_operands = 3, .operand = {value, number, grid}};
    rig_append(r, KB_OP_PRINT, 0, &payload);
}

static int32_t value_of(const kb_prints *prints, size_t item, size_t at) {
    int32_t value;
    memcpy(&value, prints->elements.items + prints->items.items[item].first + at * sizeof value,
           sizeof value);
    return value;
}

/* The tile is made after the print, and by then nobody else reads it. */
static void a_tile_is_printed_when_it_is_made(void) {
    int32_t values[4] = {3, 1, 4, 1};
    rig r;
    rig_init(&r, NULL);
    kb_operand none = {0}, tile = rig_tile(KB_INT32, 1, four, 1);
    print_record(&r, tile);
    print_record(&r, rig_scalar(KB_INT32, 7));
    kb_payload load = {.access = rig_box(KB_INT32, 1, four, rig_tensor(&r, KB_INT32, 4, values))};
    load.result = rig_last(tile);
    rig_append(&r, KB_OP_DMA_READ, 0, &load);
    print_record(&r, none);
    CHECK_EQ(rig_run(&r), KB_OK);
    kb_prints *prints = kb_replay_prints(r.replay);
    CHECK_EQ(prints->items.count, 3);
    CHECK_EQ(prints->awaited.count, 0);
    CHECK_EQ(value_of(prints, 0, 0), 7);
    for (size_t i = 0; i < 4; i++) CHECK_EQ(value_of(prints, 1, i), values[i]);
    CHECK_EQ(prints->items.items[2].count, 0);
    CHECK_EQ(prints->items.items[1].inst, 5);
    CHECK_EQ(prints->items.items[1].grid[1], 3);
    kb_prints_clear(prints);
    CHECK_EQ(prints->items.count, 0);
    rig_free(&r);
}

static void what_is_too_much_is_counted(void) {
    rig r;
    rig_init(&r, NULL);
    static const uint32_t many[1] = {KB_PRINTS_MAX - 1};
    static kb_blockval block;
    block.block = kb_block_arange(KB_INT32, 0, many[0]);
    kb_operand large = rig_operand(KB_OPERAND_BLOCK, KB_INT32, 1, many);
    large.block = &block;
    print_record(&r, large);
    kb_operand none = {0};
    print_record(&r, none);
    large.dims[0] = 4;
    block.block = kb_block_arange(KB_INT32, 0, 4);
    print_record(&r, large);
    CHECK_EQ(rig_run(&r), KB_OK);
    kb_prints *prints = kb_replay_prints(r.replay);
    CHECK_EQ(prints->items.count, 2);
    CHECK_EQ(prints->n_values, KB_PRINTS_MAX);
    CHECK_EQ(prints->n_lost, 4);
    CHECK_EQ(value_of(prints, 0, KB_PRINTS_MAX - 2), KB_PRINTS_MAX - 2);
    kb_prints_clear(prints);
    print_record(&r, large);
    CHECK_EQ(rig_run(&r), KB_OK);
    CHECK_EQ(prints->n_values, 4);
    CHECK_EQ(prints->n_lost, 0);
    rig_free(&r);
}

/* Of a block that is larger than what room is left, its first elements are kept. */
static void the_first_elements_are_kept(void) {
    rig r;
    rig_init(&r, NULL);
    static const uint32_t more[1] = {KB_PRINTS_MAX + 10};
    static kb_blockval block;
    block.block = kb_block_arange(KB_INT32, 0, more[0]);
    kb_operand large = rig_operand(KB_OPERAND_BLOCK, KB_INT32, 1, more);
    large.block = &block;
    print_record(&r, large);
    CHECK_EQ(rig_run(&r), KB_OK);
    kb_prints *prints = kb_replay_prints(r.replay);
    CHECK_EQ(prints->items.items[0].count, KB_PRINTS_MAX);
    CHECK_EQ(prints->n_lost, 10);
    rig_free(&r);
}

/* Timing alone: there are no values. */
static void a_partial_replay_prints_nothing(void) {
    kb_replay_options options = {.threads = 1, .partial = true};
    int32_t values[4] = {1, 2, 3, 4};
    rig r;
    rig_init(&r, &options);
    (void)rig_tensor(&r, KB_INT32, 4, values);
    print_record(&r, rig_scalar(KB_INT32, 7));
    print_record(&r, rig_tile(KB_INT32, 1, four, 1));
    CHECK_EQ(rig_run(&r), KB_OK);
    CHECK_EQ(kb_replay_prints(r.replay)->items.count, 0);
    CHECK_EQ(kb_replay_prints(r.replay)->awaited.count, 0);
    rig_free(&r);
}

int main(void) {
    TAP_RUN(a_tile_is_printed_when_it_is_made);
    TAP_RUN(what_is_too_much_is_counted);
    TAP_RUN(the_first_elements_are_kept);
    TAP_RUN(a_partial_replay_prints_nothing);
    return tap_finish();
}
