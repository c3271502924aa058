/* Memory of the machine: reserved, given back, written. */
#include "py/engine.h"

PyObject *kb_py_map(PyObject *object, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"sip",       "nbytes",       "placement", "chunk_nbytes",
                            "dim_count", "inner_nbytes", "slice",     "node",
                            "zeroed",    "keep",         NULL};
    static const char *const placements[] = {"blocked", "interleaved", "replicated", "sharded",
                                             "local"};
    const char *placement = "blocked", *node = NULL;
    long long nbytes, chunk = 65536, dim_count = 1, inner = 1;
    int sip, slice = 0, zeroed = 0, keep = 0;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "iL|sLLLizpp:map", names, &sip, &nbytes,
                                     &placement, &chunk, &dim_count, &inner, &slice, &node, &zeroed,
                                     &keep))
        return NULL;
    int place = 0;
    while (place < 5 && strcmp(placement, placements[place]) != 0) place++;
    if (place == 5)
        return PyErr_Format(PyExc_ValueError,
                            "placement: expected blocked, interleaved, "
                            "replicated, sharded or local, got \"%s\"",
                            placement);
    kb_map_spec spec = {.sip = sip,
                        .nbytes = nbytes,
                        .placement = (kb_placement_name)place,
                        .chunk_nbytes = chunk,
                        .dim_count = dim_count,
                        .inner_nbytes = inner,
                        .slice = slice,
                        .node = node,
                        .zeroed = zeroed != 0,
                        .keep = keep != 0};
    uint64_t va = 0;
    KB_PY_CALL(object, kb_engine_map(self->engine, &spec, &va, &err));
    return PyLong_FromUnsignedLongLong(va);
}

PyObject *kb_py_unmap(PyObject *object, PyObject *args) {
    unsigned long long va;
    if (!PyArg_ParseTuple(args, "K:unmap", &va)) return NULL;
    KB_PY_CALL(object, kb_engine_unmap(self->engine, va, &err));
    Py_RETURN_NONE;
}

PyObject *kb_py_free_nbytes(PyObject *object, PyObject *args) {
    int sip;
    uint64_t nbytes = 0;
    if (!PyArg_ParseTuple(args, "i:free_nbytes", &sip)) return NULL;
    KB_PY_CALL(object, kb_engine_free_nbytes(self->engine, sip, &nbytes, &err));
    return PyLong_FromUnsignedLongLong(nbytes);
}

PyObject *kb_py_write(PyObject *object, PyObject *args) {
    unsigned long long va;
    Py_buffer bytes;
    if (!PyArg_ParseTuple(args, "Ky*:write", &va, &bytes)) return NULL;
    kb_py_engine *self = (kb_py_engine *)object;
    kb_error err = KB_ERROR_INIT;
    PyObject *result = NULL;
    if (kb_py_enter(self)) {
        kb_status status = kb_engine_write(self->engine, va, bytes.buf, bytes.len, &err);
        kb_py_leave(self);
        result = status ? kb_raise(&err) : Py_NewRef(Py_None);
    }
    PyBuffer_Release(&bytes);
    return result;
}
