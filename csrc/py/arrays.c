#include "py/engine.h"

#include "py/numpy_api.h"

/* --- pins: who keeps the bytes of a zero-copy view ------------------------------------------------- */

typedef struct kb_py_pin {
    PyObject_HEAD PyObject *engine;
    void *pin;
} kb_py_pin;

static void pin_dealloc(PyObject *object) {
    kb_py_pin *self = (kb_py_pin *)object;
    PyTypeObject *type = Py_TYPE(object);
    if (self->pin) kb_py_unpin((kb_py_engine *)self->engine, self->pin);
    Py_XDECREF(self->engine);
    type->tp_free(object);
    Py_DECREF(type);
}

static PyType_Slot pin_slots[] = {
    {Py_tp_dealloc, (void *)pin_dealloc},
    {Py_tp_doc, "The base of a zero-copy view: as long as it lives, the bytes stay."},
    {0, NULL},
};

PyType_Spec kb_pin_spec = {
    .name = "kernbench._core.Pin",
    .basicsize = sizeof(kb_py_pin),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = pin_slots,
};

PyObject *kb_py_view(PyObject *object, PyObject *args) {
    kb_state *state = kb_state_of_type(Py_TYPE(object));
    unsigned long long va;
    long long nbytes;
    if (!state || !PyArg_ParseTuple(args, "KL:view", &va, &nbytes)) return NULL;
    PyTypeObject *type = (PyTypeObject *)state->pin_type;
    kb_py_pin *base = (kb_py_pin *)type->tp_alloc(type, 0);
    if (!base) return NULL;
    const void *bytes = NULL;
    kb_py_engine *self = (kb_py_engine *)object;
    kb_error err = KB_ERROR_INIT;
    base->engine = Py_NewRef(object);
    kb_status status = KB_BUSY;
    if (kb_py_enter(self)) {
        status = kb_engine_view(self->engine, va, nbytes, &bytes, &base->pin, &err);
        kb_py_leave(self);
        if (status) (void)kb_raise(&err);
    }
    npy_intp dims[1] = {(npy_intp)nbytes};
    PyObject *array = status ? NULL
                             : PyArray_New(&PyArray_Type, 1, dims, NPY_UINT8, NULL, (void *)bytes,
                                           0, NPY_ARRAY_C_CONTIGUOUS | NPY_ARRAY_ALIGNED, NULL);
    if (!array) {
        Py_DECREF(base);
        return NULL;
    }
    if (PyArray_SetBaseObject((PyArrayObject *)array, (PyObject *)base) < 0) Py_CLEAR(array);
    return array;
}

/* --- batches of raw transfers ----------------------------------------------------------------------- */

static PyArrayObject *column(PyObject *values, int type, npy_intp count, const char *name) {
    PyArrayObject *array =
        (PyArrayObject *)PyArray_FROMANY(values, type, 1, 1, NPY_ARRAY_CARRAY_RO);
    if (array && count >= 0 && PyArray_DIM(array, 0) != count) {
        PyErr_Format(PyExc_ValueError, "transfers: expected %zd values of %s as of src, got %zd",
                     (Py_ssize_t)count, name, (Py_ssize_t)PyArray_DIM(array, 0));
        Py_CLEAR(array);
    }
    return array;
}

PyObject *kb_py_transfers(PyObject *object, PyObject *args) {
    PyObject *values[6];
    if (!PyArg_ParseTuple(args, "OOOOOO:transfers", &values[0], &values[1], &values[2], &values[3],
                          &values[4], &values[5]))
        return NULL;
    static const char *const names[] = {"src", "dst", "nbytes", "at_fs", "op", "addr"};
    static const int types[] = {NPY_UINT32, NPY_UINT32, NPY_INT64, NPY_INT64, NPY_UINT8, NPY_INT64};
    kb_py_engine *self = (kb_py_engine *)object;
    /* The engine borrows the arrays until the batch is done, even if this call is interrupted. */
    PyObject *arrays = PyList_New(0);
    void *data[8] = {NULL};
    npy_intp count = -1;
    for (int i = 0; arrays && i < 8; i++) {
        if ((i == 4 || i == 5) && values[i] == Py_None) continue;
        PyObject *array = i < 6 ? (PyObject *)column(values[i], types[i], count, names[i])
                                : PyArray_SimpleNew(1, &count, NPY_INT64);
        if (!array || PyList_Append(arrays, array) < 0) Py_CLEAR(arrays);
        if (array) {
            count = PyArray_DIM((PyArrayObject *)array, 0);
            data[i] = PyArray_DATA((PyArrayObject *)array);
        }
        Py_XDECREF(array);
    }
    if (!arrays) return NULL;
    kb_traffic_order order = {count,   data[0], data[1], data[2], data[3],
                              data[4], data[5], data[6], data[7]};
    uint32_t handle = 0;
    PyObject *result = NULL, *done = NULL;
    kb_error err = KB_ERROR_INIT;
    if (kb_py_keep(self, arrays, true) == 0 && kb_py_enter(self)) {
        kb_status status = kb_engine_traffic(self->engine, &order, &handle, &err);
        kb_py_leave(self);
        if (!status) done = PyObject_CallMethod(object, "run", "I", handle);
        if ((status || done) && kb_py_keep(self, arrays, false) < 0) Py_CLEAR(done);
        if (status) (void)kb_raise(&err);
    }
    if (done) {
        Py_ssize_t n = PyList_GET_SIZE(arrays);
        result = PyTuple_Pack(2, PyList_GET_ITEM(arrays, n - 2), PyList_GET_ITEM(arrays, n - 1));
    }
    Py_XDECREF(done);
    Py_DECREF(arrays);
    return result;
}

/* --- the op log -------------------------------------------------------------------------------------- */

static PyObject *read_column(const kb_oplog *log, const char *numpy, kb_oplog_column column) {
    npy_intp count = (npy_intp)kb_oplog_count(log);
    PyArray_Descr *descr = NULL;
    PyObject *text = PyUnicode_FromString(numpy);
    if (!text || PyArray_DescrConverter(text, &descr) == NPY_FAIL) {
        Py_XDECREF(text);
        return NULL;
    }
    Py_DECREF(text);
    PyObject *array = PyArray_NewFromDescr(&PyArray_Type, descr, 1, &count, NULL, NULL, 0, NULL);
    if (!array) return NULL;
    kb_oplog_read_column(log, column, PyArray_DATA((PyArrayObject *)array));
    PyArray_CLEARFLAGS((PyArrayObject *)array, NPY_ARRAY_WRITEABLE);
    return array;
}

PyObject *kb_py_oplog_columns(PyObject *object, PyObject *unused) {
    (void)unused;
    kb_py_engine *self = (kb_py_engine *)object;
    const kb_oplog *log = kb_engine_log(self->engine);
    if (!kb_oplog_is_whole(log)) {
        PyErr_SetString(PyExc_ValueError, "oplog: expected a Context with oplog=\"full\", got "
                                          "\"hash\", which keeps no records");
        return NULL;
    }
    if (!kb_py_enter(self)) return NULL;
    PyObject *dict = PyDict_New();
#define X(name, ctype, numpy, unit, meaning)                                        \
    if (dict) {                                                                     \
        PyObject *array = read_column(log, numpy, KB_COLUMN_##name);                \
        if (!array || PyDict_SetItemString(dict, #name, array) < 0) Py_CLEAR(dict); \
        Py_XDECREF(array);                                                          \
    }
    KB_OPLOG_COLUMNS(X)
#undef X
    kb_py_leave(self);
    return dict;
}

PyObject *kb_py_oplog_kernels(PyObject *object, PyObject *unused) {
    (void)unused;
    const kb_oplog *log = kb_engine_log(((kb_py_engine *)object)->engine);
    PyObject *list = PyList_New(0);
    for (int32_t i = 0; list && kb_oplog_kernel_name(log, i)[0]; i++) {
        PyObject *name = PyUnicode_FromString(kb_oplog_kernel_name(log, i));
        if (!name || PyList_Append(list, name) < 0) Py_CLEAR(list);
        Py_XDECREF(name);
    }
    return list;
}

PyObject *kb_py_oplog_dump(PyObject *object, PyObject *unused) {
    (void)unused;
    kb_alloc alloc = kb_alloc_system();
    char *text = NULL;
    size_t length = 0;
    KB_PY_CALL(object, kb_oplog_dump(&alloc, kb_engine_log(self->engine), &text, &length, &err));
    PyObject *result = PyUnicode_FromStringAndSize(text, (Py_ssize_t)length);
    kb_alloc_free(&alloc, text, length + 1, 1);
    return result;
}

PyObject *kb_py_oplog_hash(PyObject *object, void *unused) {
    (void)unused;
    return PyLong_FromUnsignedLongLong(
        kb_oplog_hash(kb_engine_log(((kb_py_engine *)object)->engine)));
}

PyObject *kb_py_oplog_count(PyObject *object, void *unused) {
    (void)unused;
    return PyLong_FromLongLong(kb_oplog_count(kb_engine_log(((kb_py_engine *)object)->engine)));
}
