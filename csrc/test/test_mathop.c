#include "kernel/mathop.h"

#include "tap.h"

static void names_are_unique_and_arities_sane(void) {
    for (int i = 0; i < KB_MATHOP_COUNT; i++) {
        int arity = kb_mathop_arity((kb_mathop)i);
        CHECK(arity >= 1 && arity <= 3);
        for (int j = 0; j < i; j++)
            CHECK(strcmp(kb_mathop_name((kb_mathop)i), kb_mathop_name((kb_mathop)j)) != 0);
    }
    for (int i = 0; i < KB_REDUCEOP_COUNT; i++)
        for (int j = 0; j < i; j++)
            CHECK(strcmp(kb_reduceop_name((kb_reduceop)i), kb_reduceop_name((kb_reduceop)j)) != 0);
}

static void known_entries(void) {
    CHECK_STR(kb_mathop_name(KB_MATHOP_FLOORDIV), "floordiv");
    CHECK_EQ(kb_mathop_arity(KB_MATHOP_WHERE), 3);
    CHECK_EQ(kb_mathop_arity(KB_MATHOP_CAST), 1);
    CHECK_EQ(kb_mathop_cost(KB_MATHOP_ADD), KB_MATH_SIMPLE);
    CHECK_EQ(kb_mathop_cost(KB_MATHOP_SQRT), KB_MATH_DIVIDE);
    CHECK_EQ(kb_mathop_cost(KB_MATHOP_EXP), KB_MATH_SPECIAL);
    CHECK_EQ(kb_mathop_result(KB_MATHOP_LT), KB_RESULT_BOOL);
    CHECK_EQ(kb_mathop_result(KB_MATHOP_CAST), KB_RESULT_ANY);
    CHECK_STR(kb_reduceop_name(KB_REDUCEOP_ARGMIN), "argmin");
}

static void numbers_that_are_none(void) {
    CHECK_STR(kb_mathop_name(KB_MATHOP_COUNT), "unknown");
    CHECK_EQ(kb_mathop_arity((kb_mathop)255), 0);
    CHECK_EQ(kb_mathop_cost((kb_mathop)255), KB_MATH_SIMPLE);
    CHECK_EQ(kb_mathop_result((kb_mathop)255), KB_RESULT_ANY);
    CHECK_STR(kb_reduceop_name((kb_reduceop)KB_REDUCEOP_COUNT), "unknown");
}

int main(void) {
    TAP_RUN(names_are_unique_and_arities_sane);
    TAP_RUN(known_entries);
    TAP_RUN(numbers_that_are_none);
    return tap_finish();
}
