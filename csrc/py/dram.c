/* Memories with a standard: their address maps and what they have counted. */
#include "py/numpy_api.h"

#include "py/engine.h"

/* (fields, values) as a new int64 array. */
static PyArrayObject *new_table(npy_intp n_rows, npy_intp n) {
    npy_intp dims[2] = {n_rows, n};
    return (PyArrayObject *)PyArray_SimpleNew(2, dims, NPY_INT64);
}

static int64_t *cell(PyArrayObject *table, npy_intp row, npy_intp i) {
    return (int64_t *)PyArray_GETPTR2(table, row, i);
}

static const kb_dram *dram_of(PyObject *object, unsigned node) {
    const kb_dram *dram = kb_topology_dram(((kb_py_topology *)object)->topology, node);
    if (!dram) PyErr_SetString(PyExc_ValueError, "expected an hbm with a standard");
    return dram;
}

/* ([(field, count)], slices, bytes of a burst), or None where the node has no banks. */
PyObject *kb_py_dram_map(PyObject *object, PyObject *args) {
    unsigned node;
    if (!PyArg_ParseTuple(args, "I:dram_map", &node)) return NULL;
    const kb_dram *dram = kb_topology_dram(((kb_py_topology *)object)->topology, node);
    if (!dram) Py_RETURN_NONE;
    PyObject *fields = PyList_New(KB_DRAM_N_FIELDS);
    for (int f = 0; fields && f < KB_DRAM_N_FIELDS; f++) {
        PyObject *field = Py_BuildValue("(sK)", kb_dram_field_name((kb_dram_field)f),
                                        (unsigned long long)dram->map.sizes[f]);
        if (!field) Py_CLEAR(fields);
        else PyList_SET_ITEM(fields, f, field);
    }
    return fields ? Py_BuildValue("(NLK)", fields, (long long)dram->n_slices,
                                  (unsigned long long)dram->map.burst_nbytes)
                  : NULL;
}

/* Offsets within a slice, all good -> (fields, offsets). */
PyObject *kb_py_dram_decode(PyObject *object, PyObject *args) {
    unsigned node;
    PyObject *given;
    if (!PyArg_ParseTuple(args, "IO:dram_decode", &node, &given)) return NULL;
    const kb_dram *dram = dram_of(object, node);
    if (!dram) return NULL;
    PyArrayObject *offsets = (PyArrayObject *)PyArray_ContiguousFromAny(given, NPY_INT64, 1, 1);
    PyArrayObject *table = offsets ? new_table(KB_DRAM_N_FIELDS, PyArray_DIM(offsets, 0)) : NULL;
    for (npy_intp i = 0; table && i < PyArray_DIM(offsets, 0); i++) {
        uint64_t offset = (uint64_t)*(int64_t *)PyArray_GETPTR1(offsets, i);
        kb_dram_place place = kb_dram_map_decode(&dram->map, offset);
        for (int f = 0; f < KB_DRAM_N_FIELDS; f++) *cell(table, f, i) = (int64_t)place.at[f];
    }
    Py_XDECREF(offsets);
    return (PyObject *)table;
}

/* (fields, places), all good -> offsets within a slice. */
PyObject *kb_py_dram_encode(PyObject *object, PyObject *args) {
    unsigned node;
    PyObject *given;
    if (!PyArg_ParseTuple(args, "IO:dram_encode", &node, &given)) return NULL;
    const kb_dram *dram = dram_of(object, node);
    if (!dram) return NULL;
    PyArrayObject *table = (PyArrayObject *)PyArray_ContiguousFromAny(given, NPY_INT64, 2, 2);
    if (table && PyArray_DIM(table, 0) != KB_DRAM_N_FIELDS) {
        PyErr_Format(PyExc_ValueError, "expected %d rows", (int)KB_DRAM_N_FIELDS);
        Py_CLEAR(table);
    }
    npy_intp n = table ? PyArray_DIM(table, 1) : 0;
    PyArrayObject *offsets = table ? (PyArrayObject *)PyArray_SimpleNew(1, &n, NPY_INT64) : NULL;
    for (npy_intp i = 0; offsets && i < n; i++) {
        kb_dram_place place;
        for (int f = 0; f < KB_DRAM_N_FIELDS; f++) place.at[f] = (uint64_t)*cell(table, f, i);
        *(int64_t *)PyArray_GETPTR1(offsets, i) = (int64_t)kb_dram_map_encode(&dram->map, &place);
    }
    Py_XDECREF(table);
    return (PyObject *)offsets;
}

static PyObject *column(const kb_dram_statistics *statistics, uint32_t n_pcs, size_t offset) {
    npy_intp n = n_pcs;
    PyArrayObject *array = (PyArrayObject *)PyArray_SimpleNew(1, &n, NPY_INT64);
    for (npy_intp i = 0; array && i < n; i++)
        *(int64_t *)PyArray_GETPTR1(array, i) =
            *(const int64_t *)((const char *)&statistics[i] + offset);
    return (PyObject *)array;
}

/* Name -> array by pseudo-channel. */
PyObject *kb_py_memory(PyObject *object, PyObject *args) {
    enum { MOST_PCS = 4096 };
    unsigned node;
    uint32_t n_pcs = 0;
    if (!PyArg_ParseTuple(args, "I:memory", &node)) return NULL;
    kb_dram_statistics *statistics = PyMem_Calloc(MOST_PCS, sizeof *statistics);
    if (!statistics) return PyErr_NoMemory();
    kb_py_engine *self = (kb_py_engine *)object;
    kb_error err = KB_ERROR_INIT;
    PyObject *dict = NULL;
    if (kb_py_enter(self)) {
        kb_status status =
            kb_engine_memory_counts(self->engine, node, statistics, MOST_PCS, &n_pcs, &err);
        kb_py_leave(self);
        if (status) (void)kb_raise(&err);
        else dict = PyDict_New();
    }
#define X(name, meaning)                                                                 \
    if (dict) {                                                                          \
        PyObject *array = column(statistics, n_pcs, offsetof(kb_dram_statistics, name)); \
        if (!array || PyDict_SetItemString(dict, #name, array) < 0) Py_CLEAR(dict);      \
        Py_XDECREF(array);                                                               \
    }
    KB_DRAM_STATISTICS(X)
#undef X
    PyMem_Free(statistics);
    return dict;
}
