/* What kernels printed, on its way to who shows it. */
#include "py/engine.h"

/* (launch, program, sequence, place, text, form, dtype, dims, bytes) */
static PyObject *row_of(const kb_print *print) {
    PyObject *dims = PyTuple_New(print->rank);
    for (int d = 0; dims && d < print->rank; d++) {
        PyObject *dim = PyLong_FromUnsignedLong(print->dims[d]);
        if (!dim) Py_CLEAR(dims);
        else PyTuple_SET_ITEM(dims, d, dim);
    }
    Py_ssize_t nbytes = (Py_ssize_t)(print->n_values * kb_dtype_nbytes(print->dtype));
    return dims ? Py_BuildValue("(iii(III)sisNy#)", (int)print->launch, (int)print->program,
                                (int)print->sequence, print->place[0], print->place[1],
                                print->place[2], print->text, (int)print->form,
                                kb_dtype_name(print->dtype), dims,
                                print->values ? (const char *)print->values : "", nbytes)
                : NULL;
}

static PyObject *rows_of(kb_py_engine *self, size_t count) {
    PyObject *rows = PyList_New((Py_ssize_t)count);
    for (size_t i = 0; rows && i < count; i++) {
        kb_print print = kb_engine_print(self->engine, i);
        PyObject *row = row_of(&print);
        if (!row) Py_CLEAR(rows);
        else PyList_SET_ITEM(rows, (Py_ssize_t)i, row);
    }
    return rows;
}

PyObject *kb_py_take_prints(kb_py_engine *self) {
    PyObject *type, *value, *traceback, *arguments = NULL;
    uint64_t n_lost;
    size_t count = self->on_print ? kb_engine_n_prints(self->engine, &n_lost) : 0;
    if (count == 0) return NULL;
    PyErr_Fetch(&type, &value, &traceback);
    PyObject *rows = rows_of(self, count);
    if (rows) arguments = Py_BuildValue("(NK)", rows, (unsigned long long)n_lost);
    kb_engine_clear_prints(self->engine);
    PyErr_Restore(type, value, traceback);
    return arguments;
}

bool kb_py_show_prints(kb_py_engine *self, PyObject *arguments) {
    PyObject *type, *value, *traceback;
    if (!arguments) return true;
    PyErr_Fetch(&type, &value, &traceback);
    PyObject *result = PyObject_CallObject(self->on_print, arguments);
    Py_XDECREF(result);
    Py_DECREF(arguments);
    if (type) PyErr_Restore(type, value, traceback);
    return result != NULL;
}
