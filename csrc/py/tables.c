#include "py/state.h"

/* The lists that Python must agree with the engine on come from the engine's own X-macros, so that no
 * number is written twice. */

static int put_names(PyObject *dict, const char *key, const char *const *names, size_t count) {
    PyObject *list = PyList_New((Py_ssize_t)count);
    for (size_t i = 0; list && i < count; i++) {
        PyObject *name = PyUnicode_FromString(names[i]);
        if (!name) Py_CLEAR(list);
        else PyList_SET_ITEM(list, (Py_ssize_t)i, name);
    }
    int failed = list ? PyDict_SetItemString(dict, key, list) : -1;
    Py_XDECREF(list);
    return failed;
}

static int put_number(PyObject *dict, const char *key, long value) {
    PyObject *number = PyLong_FromLong(value);
    int failed = number ? PyDict_SetItemString(dict, key, number) : -1;
    Py_XDECREF(number);
    return failed;
}

static PyObject *kir_tables(PyObject *module, PyObject *unused) {
    (void)module;
    (void)unused;
    static const char *const opcodes[] = {
#define X(name, text, dst, a, b, c, imm) text,
        KB_KIR_LIST(X)
#undef X
    };
    static const char *const mathops[] = {
#define X(name, text, arity, cost, result) text,
        KB_MATHOP_LIST(X)
#undef X
    };
    static const char *const reduceops[] = {
#define X(name, text) text,
        KB_REDUCEOP_LIST(X)
#undef X
    };
    static const char *const places[] = {
#define X(name, text) text,
        KB_AT_LIST(X)
#undef X
    };
    static const char *const precisions[] = {"ieee", "tf32", "tf32x3"};
    const char *dtypes[KB_DTYPE_COUNT];
    for (int i = 0; i < KB_DTYPE_COUNT; i++) dtypes[i] = kb_dtype_name((kb_dtype)i);
    PyObject *dict = PyDict_New();
    if (!dict || put_names(dict, "opcodes", opcodes, KB_KIR_COUNT) < 0 ||
        put_names(dict, "mathops", mathops, KB_MATHOP_COUNT) < 0 ||
        put_names(dict, "reduceops", reduceops, KB_REDUCEOP_COUNT) < 0 ||
        put_names(dict, "dtypes", dtypes, KB_DTYPE_COUNT) < 0 ||
        put_names(dict, "precisions", precisions, KB_PRECISION_COUNT) < 0 ||
        put_names(dict, "places", places, KB_AT_COUNT) < 0 ||
        put_number(dict, "max_rank", KB_MAX_RANK) < 0 ||
        put_number(dict, "max_tile_elements", KB_MAX_TILE_ELEMENTS) < 0 ||
        put_number(dict, "version", KB_KIR_VERSION) < 0)
        Py_CLEAR(dict);
    return dict;
}

static PyObject *oplog_schema(PyObject *module, PyObject *unused) {
    (void)module;
    (void)unused;
    static const char *const columns[][4] = {
#define X(column, ctype, numpy, unit, meaning) {#column, numpy, unit, meaning},
        KB_OPLOG_COLUMNS(X)
#undef X
    };
    static const char *const kinds[][2] = {
#define X(name, text, meaning) {text, meaning},
        KB_OPKIND_LIST(X)
#undef X
    };
    PyObject *column_list = PyList_New(0), *kind_list = PyList_New(0);
    for (size_t i = 0; column_list && i < sizeof columns / sizeof *columns; i++) {
        PyObject *row =
            Py_BuildValue("(ssss)", columns[i][0], columns[i][1], columns[i][2], columns[i][3]);
        if (!row || PyList_Append(column_list, row) < 0) Py_CLEAR(column_list);
        Py_XDECREF(row);
    }
    for (size_t i = 0; kind_list && i < KB_OPKIND_COUNT; i++) {
        PyObject *row = Py_BuildValue("(ss)", kinds[i][0], kinds[i][1]);
        if (!row || PyList_Append(kind_list, row) < 0) Py_CLEAR(kind_list);
        Py_XDECREF(row);
    }
    PyObject *dict = NULL;
    if (column_list && kind_list)
        dict = Py_BuildValue("{s:O,s:O}", "columns", column_list, "kinds", kind_list);
    Py_XDECREF(column_list);
    Py_XDECREF(kind_list);
    return dict;
}

static int dtype_of(PyObject *name, kb_dtype *dtype) {
    Py_ssize_t length;
    const char *text = PyUnicode_AsUTF8AndSize(name, &length);
    if (!text) return -1;
    if (kb_dtype_find(text, (size_t)length, dtype)) return 0;
    PyErr_Format(PyExc_ValueError, "convert: expected the name of a dtype, got %R", name);
    return -1;
}

static PyObject *convert(PyObject *module, PyObject *args) {
    (void)module;
    PyObject *src_name, *dst_name;
    Py_buffer bytes;
    kb_dtype src, dst;
    if (!PyArg_ParseTuple(args, "UUy*:convert", &src_name, &dst_name, &bytes)) return NULL;
    PyObject *result = NULL;
    if (dtype_of(src_name, &src) == 0 && dtype_of(dst_name, &dst) == 0) {
        Py_ssize_t count = bytes.len / (Py_ssize_t)kb_dtype_nbytes(src);
        if (count * (Py_ssize_t)kb_dtype_nbytes(src) != bytes.len)
            PyErr_Format(PyExc_ValueError, "convert: expected whole elements, got %zd bytes",
                         bytes.len);
        else result = PyBytes_FromStringAndSize(NULL, count * (Py_ssize_t)kb_dtype_nbytes(dst));
        if (result) kb_dtype_convert(dst, PyBytes_AS_STRING(result), src, bytes.buf, (size_t)count);
    }
    PyBuffer_Release(&bytes);
    return result;
}

PyMethodDef kb_table_methods[] = {
    {"kir_tables", kir_tables, METH_NOARGS, "The names behind KIR's numbers, and its limits."},
    {"oplog_schema", oplog_schema, METH_NOARGS, "Columns and kinds of the op log."},
    {"convert", convert, METH_VARARGS, "convert(src_dtype, dst_dtype, bytes) -> bytes, exact."},
    {NULL, NULL, 0, NULL},
};
