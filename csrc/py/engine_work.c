/* What an engine is given to do: launches, copies, marks, transfers. */
#include "py/engine.h"

enum { MAX_AFTER = 64 };

/* The handles of a tuple, or none of NULL, into `room`. */
static int after_of(PyObject *tuple, uint32_t *room, const uint32_t **after, uint32_t *n_after) {
    Py_ssize_t count = tuple ? PyTuple_GET_SIZE(tuple) : 0;
    if (count > MAX_AFTER) {
        PyErr_Format(PyExc_ValueError, "after: expected at most %d handles, got %zd", MAX_AFTER,
                     count);
        return -1;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        unsigned long handle = PyLong_AsUnsignedLong(PyTuple_GET_ITEM(tuple, i));
        if (handle == (unsigned long)-1 && PyErr_Occurred()) return -1;
        room[i] = (uint32_t)handle;
    }
    *after = room;
    *n_after = (uint32_t)count;
    return 0;
}

PyObject *kb_py_launch(PyObject *object, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"kernel", "sip",       "grid",  "args", "stream",
                            "deal",   "submit_fs", "after", "comm", NULL};
    kb_state *state = kb_state_of_type(Py_TYPE(object));
    PyObject *kernel, *values, *after = NULL;
    kb_launch_order order = {.deal = KB_DEAL_BLOCKED};
    const char *deal = "blocked";
    long long submit_fs;
    int comm = 0;
    unsigned long long bits[256];
    if (!state ||
        !PyArg_ParseTupleAndKeywords(
            args, kwargs, "O!i(III)O!isL|O!p:launch", names, (PyTypeObject *)state->kernel_type,
            &kernel, &order.sip, &order.grid[0], &order.grid[1], &order.grid[2], &PyTuple_Type,
            &values, &order.stream, &deal, &submit_fs, &PyTuple_Type, &after, &comm))
        return NULL;
    uint32_t first[MAX_AFTER];
    if (after_of(after, first, &order.after, &order.n_after)) return NULL;
    order.kernel = ((kb_py_kernel *)kernel)->kernel;
    order.submit_fs = submit_fs;
    order.comm = comm != 0;
    if (strcmp(deal, "round_robin") == 0) order.deal = KB_DEAL_ROUND_ROBIN;
    else if (strcmp(deal, "each_pe") == 0) order.deal = KB_DEAL_EACH_PE;
    else if (strcmp(deal, "blocked") != 0)
        return PyErr_Format(PyExc_ValueError,
                            "deal: expected blocked, round_robin or each_pe, got \"%s\"", deal);
    Py_ssize_t count = PyTuple_GET_SIZE(values);
    if (count != (Py_ssize_t)order.kernel->n_params || count > 256)
        return PyErr_Format(PyExc_TypeError, "%s: expected %u arguments (at most 256), got %zd",
                            order.kernel->name, order.kernel->n_params, count);
    for (Py_ssize_t i = 0; i < count; i++) {
        bits[i] = PyLong_AsUnsignedLongLong(PyTuple_GET_ITEM(values, i));
        if (bits[i] == (unsigned long long)-1 && PyErr_Occurred()) return NULL;
    }
    uint64_t raw[256];
    for (Py_ssize_t i = 0; i < count; i++) raw[i] = bits[i];
    order.args = raw;
    if (kb_py_keep((kb_py_engine *)object, kernel, true) < 0) return NULL;
    uint32_t handle = 0;
    KB_PY_CALL(object, kb_engine_launch(self->engine, &order, &handle, &err));
    return PyLong_FromUnsignedLong(handle);
}

PyObject *kb_py_copy(PyObject *object, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"va",        "nbytes", "to_device", "stream",
                            "submit_fs", "after",  "install",   NULL};
    PyObject *after = NULL;
    unsigned long long va;
    long long nbytes, submit_fs;
    int to_device, stream, install = 0;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "KLpiL|O!p:copy", names, &va, &nbytes,
                                     &to_device, &stream, &submit_fs, &PyTuple_Type, &after,
                                     &install))
        return NULL;
    kb_copy_order order = {.install = install != 0,
                           .va = va,
                           .nbytes = nbytes,
                           .to_device = to_device != 0,
                           .stream = stream,
                           .submit_fs = submit_fs};
    uint32_t first[MAX_AFTER];
    if (after_of(after, first, &order.after, &order.n_after)) return NULL;
    uint32_t handle = 0;
    KB_PY_CALL(object, kb_engine_copy(self->engine, &order, &handle, &err));
    return PyLong_FromUnsignedLong(handle);
}

PyObject *kb_py_mark(PyObject *object, PyObject *args) {
    int sip, stream;
    long long submit_fs;
    PyObject *after = NULL;
    if (!PyArg_ParseTuple(args, "iiL|O!:mark", &sip, &stream, &submit_fs, &PyTuple_Type, &after))
        return NULL;
    kb_mark_order order = {.sip = sip, .stream = stream, .submit_fs = submit_fs};
    uint32_t first[MAX_AFTER];
    if (after_of(after, first, &order.after, &order.n_after)) return NULL;
    uint32_t handle = 0;
    KB_PY_CALL(object, kb_engine_mark(self->engine, &order, &handle, &err));
    return PyLong_FromUnsignedLong(handle);
}

PyObject *kb_py_transfer(PyObject *object, PyObject *args) {
    unsigned src, dst;
    long long nbytes, at_fs, address;
    int op;
    if (!PyArg_ParseTuple(args, "IILLiL:transfer", &src, &dst, &nbytes, &at_fs, &op, &address))
        return NULL;
    uint32_t handle = 0;
    KB_PY_CALL(object, kb_engine_transfer(self->engine, src, dst, nbytes, at_fs, (kb_traffic_op)op,
                                          address, &handle, &err));
    return PyLong_FromUnsignedLong(handle);
}
