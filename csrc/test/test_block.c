#include "kernel/block.h"

#include "kernel/scalar.h"
#include "tap.h"

static kb_alloc alloc;
static kb_arena arena;
static kb_error err;
static int64_t work;

static void begin(void) {
    alloc = kb_alloc_system();
    kb_arena_init(&arena, &alloc);
    err = (kb_error)KB_ERROR_INIT;
    work = 0;
}

static void end(void) {
    kb_arena_deinit(&arena);
    CHECK_EQ(alloc.live_nbytes, 0);
}

static kb_kir_type type1(kb_dtype dtype, uint32_t n) {
    return (kb_kir_type){KB_BLOCK, (uint8_t)dtype, 0, 1, {n, 1, 1, 1, 1}};
}

static kb_kir_type type2(kb_dtype dtype, uint32_t m, uint32_t n) {
    return (kb_kir_type){KB_BLOCK, (uint8_t)dtype, 0, 2, {m, n, 1, 1, 1}};
}

static kb_blockval math(kb_mathop op, kb_kir_type type, const kb_blockval *a,
                        const kb_blockval *b) {
    kb_blockval dst = {0};
    if (!CHECK_EQ(kb_block_math(&arena, op, &type, a, b, NULL, &dst, &work, &err), KB_OK))
        printf("#     %s\n", err.message);
    return dst;
}

static kb_blockval range(int64_t start, uint32_t n) {
    return (kb_blockval){.is_mask = false, .block = kb_block_arange(KB_INT32, start, n)};
}

static kb_blockval splat(kb_kir_type type, int64_t value) {
    return kb_block_splat(&type, value);
}

/* (n) -> (n, 1) or (1, n) -> the dims of `type` */
static kb_blockval stretch(const kb_blockval *a, kb_kir_type type, int axis) {
    kb_kir_type thin = type;
    kb_blockval dst = *a;
    thin.dims[1 - axis] = 1;
    CHECK_EQ(kb_block_reshape(&arena, &thin, a, &dst, &work, &err), KB_OK);
    CHECK_EQ(kb_block_broadcast(&arena, &type, &dst, &dst, &work, &err), KB_OK);
    return dst;
}

static void pointers_of_a_matrix_tile_are_affine(void) {
    begin();
    kb_kir_type square = type2(KB_INT32, 64, 32), wide = square;
    kb_blockval rows = range(128, 64), columns = range(0, 32), k = splat(square, 4096);
    rows = stretch(&rows, square, 0);
    columns = stretch(&columns, square, 1);
    kb_blockval index = math(KB_MATHOP_MUL, square, &rows, &k);
    index = math(KB_MATHOP_ADD, square, &index, &columns);
    wide.pointer = 1;
    wide.dtype = KB_FLOAT16;
    kb_blockval base = splat(wide, 1 << 20), pointers;
    CHECK_EQ(kb_block_ptradd(&arena, &wide, &base, &index, &pointers, &work, &err), KB_OK);
    CHECK_EQ(pointers.block.base, (1 << 20) + 128 * 4096 * 2);
    CHECK_EQ(pointers.block.stride[0], 8192);
    CHECK_EQ(pointers.block.stride[1], 2);
    CHECK(!pointers.block.dense && !pointers.block.vector[0] && !pointers.block.vector[1]);
    CHECK_EQ(work, 0);
    end();
}

static void division_stays_affine_within_a_multiple(void) {
    begin();
    kb_kir_type line = type1(KB_INT32, 64);
    kb_blockval offs = range(1000, 64), m = splat(line, 2048), n = splat(line, 1024);
    kb_blockval rest = math(KB_MATHOP_MOD, line, &offs, &m);
    CHECK_EQ(rest.block.base, 1000);
    CHECK_EQ(rest.block.stride[0], 1);
    kb_blockval whole = math(KB_MATHOP_FLOORDIV, line, &offs, &m);
    CHECK_EQ(whole.block.base, 0);
    CHECK_EQ(whole.block.stride[0], 0);
    CHECK_EQ(work, 0);
    rest = math(KB_MATHOP_MOD, line, &offs, &n);
    CHECK(rest.block.vector[0] != NULL);
    CHECK_EQ(work, 64);
    work = 0;
    /* (row * 64 + column) // 64 is the row */
    kb_kir_type square = type2(KB_INT32, 8, 64);
    kb_blockval rows = range(0, 8), columns = range(0, 64), k = splat(square, 64);
    rows = stretch(&rows, square, 0);
    columns = stretch(&columns, square, 1);
    kb_blockval index = math(KB_MATHOP_MUL, square, &rows, &k);
    index = math(KB_MATHOP_ADD, square, &index, &columns);
    whole = math(KB_MATHOP_FLOORDIV, square, &index, &k);
    CHECK_EQ(whole.block.stride[0], 1);
    CHECK_EQ(whole.block.stride[1], 0);
    k = splat(square, 63);
    rest = math(KB_MATHOP_AND, square, &index, &k);
    CHECK_EQ(rest.block.stride[0], 0);
    CHECK_EQ(rest.block.stride[1], 1);
    CHECK_EQ(work, 0);
    end();
}

static void overflow_wraps_in_a_vector(void) {
    begin();
    kb_kir_type one = type1(KB_INT32, 4);
    kb_blockval least = splat(one, INT32_MIN), minus = splat(one, -1);
    kb_blockval quotient = math(KB_MATHOP_FLOORDIV, one, &least, &minus);
    CHECK_EQ(quotient.block.base, INT32_MIN);
    kb_kir_type line = type1(KB_INT32, 4);
    kb_blockval offs = range(INT32_MAX - 3, 4), two = splat(line, 2), sum;
    sum = math(KB_MATHOP_ADD, line, &offs, &two);
    CHECK(sum.block.vector[0] != NULL);
    const int64_t expected[] = {INT32_MAX - 1, INT32_MAX, INT32_MIN, INT32_MIN + 1};
    for (uint32_t i = 0; i < 4; i++) CHECK_EQ(kb_block_at(&sum, &i), expected[i]);
    end();
}

static void causal_masks_are_planes(void) {
    begin();
    kb_kir_type square = type2(KB_INT32, 64, 64), truth = type2(KB_BOOL, 64, 64);
    kb_blockval m = range(64, 64), n = range(96, 64), bound = splat(square, 120);
    kb_blockval rows = stretch(&m, square, 0), columns = stretch(&n, square, 1);
    kb_blockval causal = math(KB_MATHOP_GE, truth, &rows, &columns);
    CHECK_EQ(causal.mask.n_planes, 1);
    CHECK(!causal.mask.dense);
    kb_blockval inside = math(KB_MATHOP_LT, truth, &columns, &bound);
    CHECK_EQ(inside.mask.n_planes, 0);
    CHECK_EQ(inside.mask.hi[1], 24);
    kb_blockval both = math(KB_MATHOP_AND, truth, &causal, &inside);
    CHECK_EQ(both.mask.n_planes, 1);
    CHECK_EQ(both.mask.hi[1], 24);
    kb_blockval above = math(KB_MATHOP_NOT, truth, &causal, NULL);
    CHECK_EQ(above.mask.n_planes, 1);
    CHECK_EQ(work, 0);
    /* a tile left of the diagonal is not masked at all, one right of it is empty */
    kb_blockval far = range(1000, 64);
    rows = stretch(&far, square, 0);
    causal = math(KB_MATHOP_GE, truth, &rows, &columns);
    CHECK_EQ(causal.mask.n_planes, 0);
    CHECK_EQ(causal.mask.hi[0], 64);
    causal = math(KB_MATHOP_LT, truth, &rows, &columns);
    CHECK_EQ(causal.mask.hi[0], 0);
    end();
}

/* --- against brute force ------------------------------------------------------------------------- */

enum { POOL = 24, MOST = 240, ROUNDS = 4000 };

typedef struct value {
    kb_kir_type type;
    kb_blockval form;
    int64_t all[MOST];
} value;

static uint64_t state;

static uint32_t random_below(uint32_t n) {
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((state >> 33) % n);
}

static int64_t random_number(kb_dtype dtype) {
    static const int64_t nice[] = {0,  1,  2,   3,  4,  5,  7,  8,   15, 16,
                                   31, 64, 100, -1, -2, -3, -8, 127, 255};
    uint32_t kind = random_below(20);
    if (kind == 0) return kb_scalar_least(dtype);
    if (kind == 1) return kb_scalar_greatest(dtype);
    if (kind == 2) return kb_scalar_wrap(dtype, (int64_t)(state * 77));
    return kb_scalar_wrap(dtype, nice[random_below(sizeof nice / sizeof *nice)]);
}

static bool stretches(const kb_kir_type *from, const kb_kir_type *to) {
    if (from->rank != to->rank) return false;
    for (int d = 0; d < to->rank; d++)
        if (from->dims[d] != 1 && from->dims[d] != to->dims[d]) return false;
    return true;
}

static size_t n_elements(const kb_kir_type *type) {
    size_t count = 1;
    for (int d = 0; d < type->rank; d++) count *= type->dims[d];
    return count;
}

static int64_t seen(const value *a, const uint32_t *index) {
    size_t place = 0;
    for (int d = 0; d < a->type.rank; d++)
        place = place * a->type.dims[d] + (a->type.dims[d] == 1 ? 0 : index[d]);
    return a->all[place];
}

static bool next(const kb_kir_type *type, uint32_t *index) {
    for (int d = type->rank; d-- > 0;) {
        if (++index[d] < type->dims[d]) return true;
        index[d] = 0;
    }
    return false;
}

static struct {
    long n, affine, vector, dense, interval, plane, bits, dense_mask;
} forms;

/* The form says what brute force says. */
static bool agrees(const value *v, const char *what) {
    int64_t all[MOST];
    size_t count = n_elements(&v->type), wrong = 0;
    memset(all, 0x55, sizeof all);
    kb_block_expand(&v->form, all);
    while (wrong < count && all[wrong] == v->all[wrong]) wrong++;
    if (!CHECK_EQ(wrong, count))
        printf("#     %s, rank %u, element %zu: got %lld, expected %lld\n", what, v->type.rank,
               wrong, (long long)all[wrong], (long long)v->all[wrong]);
    forms.n++;
    if (!v->form.is_mask) {
        bool vector = false;
        for (int d = 0; d < v->type.rank; d++) vector |= v->form.block.vector[d] != NULL;
        if (v->form.block.dense) forms.dense++;
        else if (vector) forms.vector++;
        else forms.affine++;
    } else {
        bool bits = false;
        for (int d = 0; d < v->type.rank; d++) bits |= v->form.mask.bits[d] != NULL;
        if (v->form.mask.dense) forms.dense_mask++;
        else if (v->form.mask.n_planes) forms.plane++;
        else if (bits) forms.bits++;
        else forms.interval++;
    }
    return wrong == count;
}

static void seed_value(value *v, uint8_t rank, const uint32_t *dims, kb_dtype dtype) {
    v->type = (kb_kir_type){KB_BLOCK, (uint8_t)dtype, 0, rank, {1, 1, 1, 1, 1}};
    int axis = (int)random_below(rank);
    bool constant = random_below(3) == 0 || dtype == KB_BOOL;
    for (int d = 0; d < rank; d++)
        if (constant ? random_below(2) : d == axis) v->type.dims[d] = dims[d];
    if (constant) {
        v->form = kb_block_splat(&v->type, random_number(dtype));
    } else {
        int64_t start = random_below(2) ? 0 : random_number(dtype);
        if (start > kb_scalar_greatest(dtype) - dims[axis])
            start = kb_scalar_greatest(dtype) - dims[axis];
        kb_blockval line = {.is_mask = false, .block = kb_block_arange(dtype, start, dims[axis])};
        CHECK_EQ(kb_block_reshape(&arena, &v->type, &line, &v->form, &work, &err), KB_OK);
    }
    kb_block_expand(&v->form, v->all);
}

static bool random_math(value *pool, int n, value *v) {
    static const kb_dtype dtypes[] = {KB_INT32, KB_INT64, KB_UINT8, KB_INT8, KB_UINT64, KB_BOOL};
    kb_mathop op = (kb_mathop)random_below(KB_MATHOP_FMA);
    int arity = kb_mathop_arity(op), first = op == KB_MATHOP_WHERE;
    const value *operand[3] = {0};
    const kb_blockval *forms_of[3] = {0};
    memset(v, 0, sizeof *v);
    for (int i = 0; i < arity; i++) {
        operand[i] = &pool[random_below((uint32_t)n)];
        forms_of[i] = &operand[i]->form;
    }
    kb_dtype in = (kb_dtype)operand[first]->type.dtype, out = in;
    if (op == KB_MATHOP_CAST || op == KB_MATHOP_BITCAST) out = dtypes[random_below(6)];
    if (kb_mathop_result(op) == KB_RESULT_BOOL) out = KB_BOOL;
    if (first && operand[0]->type.dtype != KB_BOOL) return false;
    v->type = operand[0]->type;
    v->type.dtype = (uint8_t)out;
    for (int i = 0; i < arity; i++) {
        if (i >= first && operand[i]->type.dtype != in) return false;
        for (int d = 0; d < v->type.rank; d++)
            if (operand[i]->type.dims[d] != 1) v->type.dims[d] = operand[i]->type.dims[d];
    }
    if (!kb_scalar_defined(op, in, out)) return false;
    for (int i = 0; i < arity; i++)
        if (!stretches(&operand[i]->type, &v->type)) return false;
    CHECK_EQ(kb_block_math(&arena, op, &v->type, forms_of[0], forms_of[1], forms_of[2], &v->form,
                           &work, &err),
             KB_OK);
    uint32_t index[KB_MAX_RANK] = {0};
    size_t place = 0;
    do {
        uint64_t bits[3] = {0};
        for (int i = 0; i < arity; i++) bits[i] = (uint64_t)seen(operand[i], index);
        if (!CHECK_EQ(kb_scalar_math(op, in, out, bits[0], bits[1], bits[2],
                                     (uint64_t *)&v->all[place], &err),
                      KB_OK))
            return false;
        place++;
    } while (next(&v->type, index));
    return agrees(v, kb_mathop_name(op));
}

static bool random_broadcast(const value *a, const uint32_t *dims, value *v) {
    memset(v, 0, sizeof *v);
    v->type = a->type;
    for (int d = 0; d < a->type.rank; d++)
        if (random_below(2)) v->type.dims[d] = dims[d];
    if (!stretches(&a->type, &v->type)) return false;
    CHECK_EQ(kb_block_broadcast(&arena, &v->type, &a->form, &v->form, &work, &err), KB_OK);
    uint32_t index[KB_MAX_RANK] = {0};
    size_t place = 0;
    do v->all[place++] = seen(a, index);
    while (next(&v->type, index));
    return agrees(v, "broadcast");
}

/* Turns the value round and back through another shape, so that the pool's dims stay. */
static void random_reshape(const value *a) {
    value other = *a, back = *a;
    uint64_t permutation = 0;
    uint32_t count = (uint32_t)n_elements(&a->type), rank = 1 + random_below(4);
    other.type.rank = (uint8_t)rank;
    for (uint32_t d = 0; d < KB_MAX_RANK; d++) other.type.dims[d] = 1;
    for (uint32_t d = 0; d + 1 < rank; d++) {
        uint32_t part = 1 + random_below(6);
        if (count % part) part = 1;
        other.type.dims[d] = part;
        count /= part;
    }
    other.type.dims[rank - 1] = count;
    CHECK_EQ(kb_block_reshape(&arena, &other.type, &a->form, &other.form, &work, &err), KB_OK);
    (void)agrees(&other, "reshape");
    for (uint32_t d = 0; d < rank; d++) { /* reversed dims */
        permutation |= (uint64_t)(rank - 1 - d) << 4 * d;
        back.type.dims[d] = other.type.dims[rank - 1 - d];
    }
    back.type.rank = (uint8_t)rank;
    for (uint32_t d = rank; d < KB_MAX_RANK; d++) back.type.dims[d] = 1;
    CHECK_EQ(kb_block_trans(&arena, &back.type, permutation, &other.form, &back.form, &work, &err),
             KB_OK);
    uint32_t index[KB_MAX_RANK] = {0}, from[KB_MAX_RANK] = {0};
    size_t place = 0;
    do {
        for (uint32_t d = 0; d < rank; d++) from[rank - 1 - d] = index[d];
        back.all[place++] = seen(&other, from);
    } while (next(&back.type, index));
    (void)agrees(&back, "trans");
}

static void random_ptradd(const value *a) {
    if (a->type.dtype == KB_BOOL) return;
    value v = *a;
    kb_block base = {
        .rank = a->type.rank, .dtype = KB_INT64, .dims = {1, 1, 1, 1, 1}, .base = 4096};
    kb_blockval pointers = {.is_mask = false, .block = base};
    v.type.pointer = 1;
    v.type.dtype = KB_FLOAT32;
    CHECK_EQ(kb_block_ptradd(&arena, &v.type, &pointers, &a->form, &v.form, &work, &err), KB_OK);
    for (size_t i = 0; i < n_elements(&v.type); i++)
        v.all[i] = (int64_t)((uint64_t)a->all[i] * 4 + 4096);
    (void)agrees(&v, "ptradd");
}

static void random_shift(const value *a) {
    value v = *a;
    int64_t k = random_number((kb_dtype)a->type.dtype);
    if (!kb_block_shift(&a->form, k, &v.form)) return;
    for (size_t i = 0; i < n_elements(&v.type); i++)
        v.all[i] =
            kb_scalar_wrap((kb_dtype)a->type.dtype, (int64_t)((uint64_t)a->all[i] + (uint64_t)k));
    (void)agrees(&v, "shift");
}

static void random_expressions_equal_brute_force(void) {
    static value pool[POOL];
    static const kb_dtype dtypes[] = {KB_INT32, KB_INT32,  KB_INT32, KB_INT64,
                                      KB_UINT8, KB_UINT64, KB_BOOL};
    static const uint32_t sizes[] = {1, 2, 3, 4, 5, 6, 8};
    state = 1;
    for (int round = 0; round < ROUNDS; round++) {
        begin();
        uint8_t rank = (uint8_t)(1 + random_below(3));
        uint32_t dims[KB_MAX_RANK] = {1, 1, 1, 1, 1};
        for (int d = 0; d < rank; d++) dims[d] = sizes[random_below(rank == 3 ? 6 : 7)];
        if (rank == 1) dims[0] *= 1 + random_below(30);
        int n = 0;
        kb_dtype main_dtype = dtypes[random_below(6)];
        while (n < 8)
            seed_value(&pool[n++], rank, dims,
                       random_below(3) ? main_dtype : dtypes[random_below(7)]);
        for (int step = 0; step < 60; step++) {
            value *v = &pool[n < POOL ? n : (int)(8 + random_below(POOL - 8))];
            value fresh;
            const value *a = &pool[random_below((uint32_t)n)];
            if (step % 8 == 7) random_reshape(a);
            if (step % 8 == 6) random_ptradd(a);
            if (step % 8 == 5) random_shift(a);
            bool made =
                step % 4 == 3 ? random_broadcast(a, dims, &fresh) : random_math(pool, n, &fresh);
            if (!made) continue;
            *v = fresh;
            if (n < POOL) n++;
        }
        end();
    }
    printf(
        "# %ld results: affine %ld, vector %ld, dense %ld; interval %ld, bits %ld, plane %ld, dense %ld\n",
        forms.n, forms.affine, forms.vector, forms.dense, forms.interval, forms.bits, forms.plane,
        forms.dense_mask);
    CHECK(forms.affine > 1000 && forms.vector > 1000 && forms.dense > 1000);
    CHECK(forms.interval > 1000 && forms.bits > 100 && forms.plane > 100 &&
          forms.dense_mask > 1000);
}

static void a_copy_outlives_its_arena(void) {
    begin();
    kb_kir_type line = type1(KB_INT32, 10), truth = type1(KB_BOOL, 10);
    kb_blockval offs = range(0, 10), three = splat(line, 3), one = splat(line, 1), copies[2];
    kb_blockval rest = math(KB_MATHOP_MOD, line, &offs, &three);
    kb_blockval ones = math(KB_MATHOP_EQ, truth, &rest, &one);
    CHECK(rest.block.vector[0] && ones.mask.bits[0]);
    kb_alloc other = kb_alloc_system();
    kb_arena longer;
    kb_arena_init(&longer, &other);
    CHECK_EQ(kb_block_copy(&longer, &rest, &copies[0], &err), KB_OK);
    CHECK_EQ(kb_block_copy(&longer, &ones, &copies[1], &err), KB_OK);
    end();
    for (uint32_t i = 0; i < 10; i++) {
        CHECK_EQ(kb_block_at(&copies[0], &i), i % 3);
        CHECK_EQ(kb_block_at(&copies[1], &i), i % 3 == 1);
    }
    kb_arena_deinit(&longer);
}

static void each_failing_allocation_is_survived(void) {
    kb_status status = KB_NOMEM;
    for (uint64_t fail_at = 1; fail_at < 20 && status != KB_OK; fail_at++) {
        begin();
        alloc.fail_at = fail_at;
        kb_kir_type line = type1(KB_INT32, 4000), truth = type1(KB_BOOL, 4000);
        kb_blockval a = range(0, 4000), b = splat(line, 7), c;
        status = kb_block_math(&arena, KB_MATHOP_MOD, &line, &a, &b, NULL, &c, &work, &err);
        if (status == KB_OK)
            status = kb_block_math(&arena, KB_MATHOP_NE, &truth, &c, &b, NULL, &c, &work, &err);
        if (status == KB_OK) status = kb_block_copy(&arena, &a, &c, &err);
        CHECK(status == KB_OK || status == KB_NOMEM);
        end();
    }
    CHECK_EQ(status, KB_OK);
}

int main(void) {
    TAP_RUN(pointers_of_a_matrix_tile_are_affine);
    TAP_RUN(division_stays_affine_within_a_multiple);
    TAP_RUN(overflow_wraps_in_a_vector);
    TAP_RUN(causal_masks_are_planes);
    TAP_RUN(random_expressions_equal_brute_force);
    TAP_RUN(a_copy_outlives_its_arena);
    TAP_RUN(each_failing_allocation_is_survived);
    return tap_finish();
}
