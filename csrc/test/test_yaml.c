#include "base/arena.h"
#include "spec/decimal.h"
#include "spec/nearest.h"
#include "spec/yaml_tree.h"

#include <stdlib.h>

#include "test/tap.h"

/* --- decimals --------------------------------------------------------------------------------- */

static kb_decimal decimal(const char *text) {
    kb_decimal value = {-1, 0};
    CHECK_EQ(kb_decimal_parse(text, strlen(text), &value), KB_DECIMAL_OK);
    return value;
}

static void reads_exact_decimals(void) {
    static const struct {
        const char *text;
        int64_t digits;
        int32_t exponent;
    } cases[] = {{"0", 0, 0},
                 {"-0", 0, 0},
                 {"0.000", 0, 0},
                 {"1", 1, 0},
                 {"2.5", 25, -1},
                 {"1e3", 1, 3},
                 {".5", 5, -1},
                 {"819.2", 8192, -1},
                 {"007", 7, 0},
                 {"+4.", 4, 0},
                 {"1000", 1, 3},
                 {"10.010", 1001, -2},
                 {"1.5E-2", 15, -3},
                 {"1e+2", 1, 2},
                 {"0.1e1", 1, 0},
                 {"123456789012345678", 123456789012345678, 0},
                 {"100000000000000000000", 1, 20},
                 {"0.00000000000000000000001", 1, -23}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        kb_decimal value = decimal(cases[i].text);
        CHECK_EQ(value.digits, cases[i].digits);
        CHECK_EQ(value.exponent, cases[i].exponent);
    }
}

static void refuses_what_is_no_decimal(void) {
    static const char *const bad[] = {"",     ".",     "e5",  "1e",    "1e+",  "nan", "inf", ".inf",
                                      "0x10", "1_000", "1,5", "1.2.3", "64GB", " 1",  "1 ",  "--1"};
    kb_decimal value;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        CHECK_EQ(kb_decimal_parse(bad[i], strlen(bad[i]), &value), KB_DECIMAL_NOT_A_NUMBER);
    CHECK_EQ(kb_decimal_parse("-1", 2, &value), KB_DECIMAL_NEGATIVE);
    CHECK_EQ(kb_decimal_parse("-0.5", 4, &value), KB_DECIMAL_NEGATIVE);
    CHECK_EQ(kb_decimal_parse("1234567890123456789", 19, &value), KB_DECIMAL_TOO_LONG);
    CHECK_EQ(kb_decimal_parse("1e10000", 7, &value), KB_DECIMAL_TOO_LONG);
    CHECK_EQ(kb_decimal_parse("1e99999999999999", 16, &value), KB_DECIMAL_TOO_LONG);
}

static void scales_and_rounds_up_once(void) {
    int64_t value;
    bool exact;
    CHECK(!kb_decimal_scale(decimal("2.5"), 6, &value, &exact));
    CHECK_EQ(value, 2500000);
    CHECK(exact);
    CHECK(!kb_decimal_scale(decimal("0.0000001"), 6, &value, &exact));
    CHECK_EQ(value, 1);
    CHECK(!exact);
    CHECK(!kb_decimal_scale(decimal("3.00000049"), 6, &value, &exact));
    CHECK_EQ(value, 3000001);
    CHECK(!kb_decimal_scale(decimal("1e-9999"), 6, &value, NULL));
    CHECK_EQ(value, 1);
    CHECK(!kb_decimal_scale(decimal("0"), 6, &value, NULL));
    CHECK_EQ(value, 0);
    CHECK(!kb_decimal_scale(decimal("9.2e18"), 0, &value, NULL));
    CHECK_EQ(value, INT64_C(9200000000000000000));
    CHECK(kb_decimal_scale(decimal("9.3e18"), 0, &value, NULL));
    CHECK(kb_decimal_scale(decimal("1e9999"), 0, &value, NULL));
}

/* 819.2 GB/s: 64 bytes take 78.125 ps, exactly (ADR-0038). */
static void makes_exact_rates(void) {
    kb_ratio ratio;
    int64_t value;
    CHECK(!kb_decimal_invert(decimal("819.2"), 6, &ratio));
    CHECK(!kb_ratio_scale(ratio, 64, &value));
    CHECK_EQ(value, 78125);
    CHECK(!kb_decimal_invert(decimal("3"), 6, &ratio));
    CHECK(!kb_ratio_scale(ratio, 64, &value));
    CHECK_EQ(value, 21333334);
    CHECK(!kb_decimal_to_ratio(decimal("0.0625"), &ratio));
    CHECK_EQ(ratio.num, 1);
    CHECK_EQ(ratio.den, 16);
    CHECK(kb_decimal_invert(decimal("0"), 6, &ratio));
    CHECK(kb_decimal_invert(decimal("1e-30"), 6, &ratio));
    CHECK(kb_decimal_to_ratio(decimal("1e-30"), &ratio));
}

static void prints_what_it_reads(void) {
    static const char *const texts[] = {"0",           "1",
                                        "819.2",       "0.5",
                                        "0.0625",      "1000",
                                        "16384",       "33.1",
                                        "1e-30",       "0.000001",
                                        "17179869184", "123456789.123456789",
                                        "1e40",        "100000000000000000"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        char text[KB_DECIMAL_TEXT];
        CHECK_STR(kb_decimal_print(decimal(texts[i]), text), texts[i]);
    }
    uint64_t seed = 7;
    for (int i = 0; i < 20000; i++) { /* any rate comes back from its ratio as it was written */
        seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
        kb_decimal value = kb_decimal_make((int64_t)(seed >> 20) % 1000000000 + 1, -(i % 9));
        kb_ratio ratio;
        kb_decimal back = {0, 0};
        CHECK(!kb_decimal_invert(value, 6, &ratio) && !kb_decimal_from_inverse(ratio, 6, &back));
        CHECK(back.digits == value.digits && back.exponent == value.exponent);
    }
}

static const char *nearest_of(const char *wanted) {
    static const char *const known[] = {"GBps", "latency_ns", "overhead_ns",
                                        "name", "impl",       "from"};
    kb_nearest nearest = kb_nearest_start(wanted, strlen(wanted));
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        kb_nearest_offer(&nearest, known[i], strlen(known[i]));
    return nearest.best;
}

static void finds_the_nearest_word(void) {
    CHECK_STR(nearest_of("Gbps"), "GBps");
    CHECK_STR(nearest_of("GB/s"), "GBps");
    CHECK_STR(nearest_of("latency_us"), "latency_ns");
    CHECK_STR(nearest_of("lantecy_ns"), "latency_ns");
    CHECK_STR(nearest_of("overhead"), "overhead_ns");
    CHECK_STR(nearest_of("form"), "from");
    CHECK_STR(nearest_of("colour"), NULL);
    CHECK_STR(nearest_of(""), NULL);
}

/* --- trees ------------------------------------------------------------------------------------ */

typedef struct parsed {
    kb_alloc alloc;
    kb_arena arena;
    kb_error err;
    kb_status status;
    const kb_yaml_node *root;
} parsed;

static void parse_bytes(parsed *p, const char *text, size_t length) {
    p->alloc = kb_alloc_system();
    kb_arena_init(&p->arena, &p->alloc);
    p->err = (kb_error)KB_ERROR_INIT;
    p->root = NULL;
    p->status = kb_yaml_parse(&p->arena, text, length, "t.yaml", &p->root, &p->err);
}

static void parse(parsed *p, const char *text) {
    parse_bytes(p, text, strlen(text));
}

static void finish(parsed *p) {
    kb_arena_deinit(&p->arena);
    CHECK_EQ(p->alloc.live_nbytes, 0);
}

static void knows_positions(void) {
    parsed p;
    parse(&p, "# a comment\na: 1\nb:\n  - x\n  - {c: \"d\\u00e9\", e: }\nf: ~\n");
    CHECK_EQ(p.status, KB_OK);
    if (p.root) {
        CHECK_EQ(p.root->kind, KB_YAML_MAP);
        CHECK_EQ(p.root->n_items, 3);
        CHECK_EQ(p.root->n_expanded, 13); /* keys count too */
        CHECK_EQ(p.root->line, 2);
        const kb_yaml_node *b = kb_yaml_get(p.root, "b");
        CHECK_EQ(b->kind, KB_YAML_LIST);
        const kb_yaml_node *map = b->items->next->value, *c = kb_yaml_get(map, "c");
        CHECK_EQ(map->line, 5);
        CHECK_EQ(map->column, 5);
        CHECK_STR(c->text, "d\xc3\xa9");
        CHECK(!c->plain);
        CHECK_EQ(c->column, 9);
        CHECK(kb_yaml_is_null(kb_yaml_get(map, "e")));
        CHECK(kb_yaml_is_null(kb_yaml_get(p.root, "f")));
        CHECK(!kb_yaml_get(p.root, "g"));
    }
    finish(&p);
}

static void shares_aliases(void) {
    parsed p;
    parse(&p, "a: &x [1, 2]\nb: *x\nc: [*x, *x]\n");
    CHECK_EQ(p.status, KB_OK);
    if (p.root) {
        CHECK(kb_yaml_get(p.root, "a") == kb_yaml_get(p.root, "b"));
        CHECK_EQ(p.root->n_expanded, 17);
    }
    finish(&p);
}

static void refuses(const char *text, const char *message) {
    parsed p;
    parse(&p, text);
    CHECK_EQ(p.status, KB_TOPOLOGY);
    if (!CHECK(strstr(p.err.message, message))) printf("#     %s\n", p.err.message);
    finish(&p);
}

static void refuses_bad_yaml(void) {
    refuses("", "t.yaml:1:1: expected a mapping");
    refuses("# nothing\n", "t.yaml:1:1: expected a mapping");
    refuses("a: [1, 2", "did not find expected ',' or ']' (begun at line 1, column 4)");
    refuses("a:\n  - {b: c\n", "begun at line 2, column 5");
    refuses("a: \"open\n", "t.yaml:2:1: expected YAML");
    refuses("a:\n\t- b\n", "t.yaml:2:1: expected spaces, got a tab");
    refuses("a: 1\n b: 2\n", "t.yaml:2:");
    refuses("a: 1\nb: 2\na: 3\n", "t.yaml:3:1: duplicate key: \"a\" stands at line 1 already");
    refuses("{a: 1, \"a\": 2}", "t.yaml:1:8: duplicate key");
    refuses("a: &x [1, *x]\n", "t.yaml:1:11: cyclic alias: *x");
    refuses("a: &x {b: {c: *x}}\n", "t.yaml:1:15: cyclic alias: *x");
    refuses("a: *y\n", "t.yaml:1:4: unknown anchor: *y");
    refuses("a: 1\n---\nb: 2\n", "t.yaml:2:1: expected one document, got a second one");
    refuses("a: !!float 1\n",
            "t.yaml:1:4: expected a value without a tag, got tag:yaml.org,2002:float");
    refuses("%TAG !a! b\n---\na: 1\n", "t.yaml:1:1: expected no %TAG directives");
    refuses("a: 1\n...\n%TAG !a! b\n---\na: 1\n", "t.yaml:3:1: expected no %TAG directives");
    refuses("? [a, b]\n: c\n", "t.yaml:1:3: expected a key, got a list");
    refuses("\"a\\nb\": 1\n", "expected a key of 1 to 64 printable bytes");
    refuses("\"\": 1\n", "expected a key of 1 to 64 printable bytes");
    refuses("a: \"x\\0y\"\n", "t.yaml:1:4: expected a text without NUL");
    refuses("a: caf\xe9\n", "t.yaml:1:7: expected UTF-8");
    refuses("ok: 1\na: \xc3\x28\n", "t.yaml:2:5: expected UTF-8");
    refuses("a: \x01\n", "t.yaml:1:4: expected UTF-8");
}

static char *repeat(const char *first, const char *text, size_t n, const char *last) {
    char *all = malloc(strlen(first) + n * strlen(text) + strlen(last) + 1);
    if (!all) return NULL;
    size_t at = strlen(first);
    memcpy(all, first, at);
    for (size_t i = 0; i < n; i++, at += strlen(text)) memcpy(all + at, text, strlen(text));
    memcpy(all + at, last, strlen(last) + 1);
    return all;
}

static void refuses_hostile(const char *first, const char *text, size_t n, const char *last,
                            const char *message) {
    char *all = repeat(first, text, n, last);
    if (CHECK(all)) refuses(all, message);
    free(all);
}

static void has_limits(void) {
    refuses_hostile("a: ", "[", 65, "", "levels of nesting");
    refuses_hostile("a: ", "[", 200000, "", "levels of nesting");
    refuses_hostile("a: ", "{a: ", 100000, "", "levels of nesting");
    refuses_hostile("a: [", "1,", 1200000, "]", "expected at most 1048576 values");
    refuses_hostile("a: \"", "x", 4097, "\"", "expected a text of at most 4096 bytes, got 4097");
    refuses_hostile("a: \"", "x", 5000000, "\"", "expected a text of at most 4096 bytes");
    refuses_hostile("", "x", 65, ": 1", "expected a key of 1 to 64 printable bytes");
    refuses_hostile("a: [", "&a 1,", 257, "]", "expected at most 256 anchors");
    refuses_hostile("a: ", "x", 20 << 20, "", "expected at most 16777216 bytes of YAML");
    char keys[4096] = "{";
    for (int i = 0; i < 65; i++) (void)snprintf(keys + strlen(keys), 16, "k%d: 1,", i);
    refuses(keys, "expected at most 64 keys");
    parsed p;
    char *deep = repeat("", "[", 64, "");
    if (deep) {
        char *all = repeat(deep, "]", 64, "");
        if (all) parse(&p, all);
        CHECK_EQ(p.status, KB_OK);
        finish(&p);
        free(all);
    }
    free(deep);
}

/* Nine levels of ten aliases each: a billion values if it were unfolded. */
static void survives_a_billion_laughs(void) {
    char text[4096] = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
    for (int i = 1; i < 9; i++) {
        size_t at = strlen(text);
        at += (size_t)snprintf(text + at, sizeof text - at, "a%d: &a%d [", i, i);
        for (int j = 0; j < 10; j++)
            at += (size_t)snprintf(text + at, sizeof text - at, "%s*a%d", j ? ", " : "", i - 1);
        (void)snprintf(text + at, sizeof text - at, "]\n");
    }
    parsed p;
    parse(&p, text);
    CHECK_EQ(p.status, KB_TOPOLOGY);
    CHECK(strstr(p.err.message, "with aliases expanded"));
    CHECK(p.alloc.peak_nbytes < 200000);
    finish(&p);
}

static void shows_nodes_in_whole_characters(void) {
    char *text = repeat("\"x", "\xc3\xa9", 200, "\"");
    parsed p;
    char shown[KB_YAML_SHOWN];
    if (!CHECK(text)) return;
    parse(&p, text);
    if (CHECK_EQ(p.status, KB_OK)) {
        (void)kb_yaml_show(p.root, shown);
        size_t length = strlen(shown);
        CHECK(length > 40 && strcmp(shown + length - 4, "\"...") == 0);
        CHECK_EQ((unsigned char)shown[length - 5], 0xa9);
    }
    finish(&p);
    free(text);
}

int main(void) {
    TAP_RUN(reads_exact_decimals);
    TAP_RUN(refuses_what_is_no_decimal);
    TAP_RUN(scales_and_rounds_up_once);
    TAP_RUN(makes_exact_rates);
    TAP_RUN(prints_what_it_reads);
    TAP_RUN(finds_the_nearest_word);
    TAP_RUN(knows_positions);
    TAP_RUN(shares_aliases);
    TAP_RUN(refuses_bad_yaml);
    TAP_RUN(has_limits);
    TAP_RUN(survives_a_billion_laughs);
    TAP_RUN(shows_nodes_in_whole_characters);
    return tap_finish();
}
