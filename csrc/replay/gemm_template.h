/* The matrix kernels of one instruction set; included once for each element type by isa_*.c, with
 *
 *   GEMM(name)       gives the names of this type their suffix
 *   ELEMENT          the element, VECTOR a vector of LANES of them
 *   LOAD, STORE      a vector from and to memory, any alignment
 *   SPLAT            an element from memory, everywhere
 *   FMA(a, b, c)     the exact a * b + c
 *   ROWS             rows of a register block; its columns are 2 * LANES
 *
 * A register block holds ROWS x 2 vectors of c while it goes through k, so that each element of c
 * is one chain of fused multiply-adds in order of k (ADR-0047 D1).
 */

/* One instance for each number of rows: its loops are unrolled, its sums stay in registers. */
static inline __attribute__((always_inline)) void GEMM(rows)(size_t n_rows, size_t depth,
                                                             const ELEMENT *a, size_t a_stride,
                                                             const ELEMENT *b, ELEMENT *c,
                                                             size_t c_stride) {
    VECTOR left[ROWS], right[ROWS];
    _Pragma("GCC unroll 16") for (size_t i = 0; i < n_rows; i++) {
        left[i] = LOAD(c + i * c_stride);
        right[i] = LOAD(c + i * c_stride + LANES);
    }
    for (size_t k = 0; k < depth; k++) {
        VECTOR b_left = LOAD(b + k * 2 * LANES), b_right = LOAD(b + k * 2 * LANES + LANES);
        _Pragma("GCC unroll 16") for (size_t i = 0; i < n_rows; i++) {
            VECTOR a_row = SPLAT(a + i * a_stride + k);
            left[i] = FMA(a_row, b_left, left[i]);
            right[i] = FMA(a_row, b_right, right[i]);
        }
    }
    _Pragma("GCC unroll 16") for (size_t i = 0; i < n_rows; i++) {
        STORE(c + i * c_stride, left[i]);
        STORE(c + i * c_stride + LANES, right[i]);
    }
}

static void GEMM(block)(size_t n_rows, size_t depth, const void *a, size_t a_stride, const void *b,
                        void *c, size_t c_stride) {
    switch (n_rows) {
#define CASE(n) \
    case n: GEMM(rows)(n, depth, a, a_stride, b, c, c_stride); break;
        CASE(1)
        CASE(2)
        CASE(3)
        CASE(4)
#if ROWS > 4
        CASE(5)
        CASE(6)
#endif
#if ROWS > 6
        CASE(7)
        CASE(8)
#endif
#if ROWS > 8
        CASE(9)
        CASE(10)
        CASE(11)
        CASE(12)
#endif
#undef CASE
    default: break;
    }
}

#undef GEMM
#undef ELEMENT
#undef VECTOR
#undef LANES
#undef LOAD
#undef STORE
#undef SPLAT
#undef FMA
#undef ROWS
