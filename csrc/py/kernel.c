#include "py/state.h"

static PyObject *kernel_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"code", "filename", "first_line", NULL};
    Py_buffer code;
    PyObject *filename = NULL;
    int first_line = 0;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "y*|Ui:Kernel", names, &code, &filename,
                                     &first_line))
        return NULL;
    kb_py_kernel *self = (kb_py_kernel *)type->tp_alloc(type, 0);
    kb_error err = KB_ERROR_INIT;
    if (self) {
        self->alloc = kb_alloc_system();
        self->filename = filename ? Py_NewRef(filename) : PyUnicode_FromString("");
        self->first_line = first_line;
        if (kb_kernel_create(&self->alloc, code.buf, (size_t)code.len, &self->kernel, &err)) {
            Py_CLEAR(self);
            (void)kb_raise(&err);
        }
    }
    PyBuffer_Release(&code);
    return (PyObject *)self;
}

static void kernel_dealloc(PyObject *object) {
    kb_py_kernel *self = (kb_py_kernel *)object;
    PyTypeObject *type = Py_TYPE(object);
    kb_kernel_destroy(&self->alloc, self->kernel);
    Py_XDECREF(self->filename);
    type->tp_free(object);
    Py_DECREF(type);
}

static PyObject *kernel_name(PyObject *object, void *unused) {
    (void)unused;
    return PyUnicode_FromString(((kb_py_kernel *)object)->kernel->name);
}

static PyObject *kernel_filename(PyObject *object, void *unused) {
    (void)unused;
    return Py_XNewRef(((kb_py_kernel *)object)->filename);
}

static PyObject *kernel_first_line(PyObject *object, void *unused) {
    (void)unused;
    return PyLong_FromLong(((kb_py_kernel *)object)->first_line);
}

static PyObject *kernel_dump(PyObject *object, PyObject *unused) {
    (void)unused;
    kb_py_kernel *self = (kb_py_kernel *)object;
    char *text;
    size_t length;
    kb_error err = KB_ERROR_INIT;
    if (kb_kernel_dump(&self->alloc, self->kernel, &text, &length, &err)) return kb_raise(&err);
    PyObject *result = PyUnicode_FromStringAndSize(text, (Py_ssize_t)length);
    kb_alloc_free(&self->alloc, text, length + 1, 1);
    return result;
}

static PyMethodDef methods[] = {
    {"dump", kernel_dump, METH_NOARGS, "The bytecode as canonical text."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef getters[] = {
    {"name", kernel_name, NULL, "the kernel's name", NULL},
    {"filename", kernel_filename, NULL, "where its source is", NULL},
    {"first_line", kernel_first_line, NULL, "line of the file that is its line 1", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_new, (void *)kernel_new},
    {Py_tp_dealloc, (void *)kernel_dealloc},
    {Py_tp_methods, methods},
    {Py_tp_getset, getters},
    {Py_tp_doc, "Kernel(code, filename=\"\", first_line=0): checked KIR, ready to launch."},
    {0, NULL},
};

PyType_Spec kb_kernel_spec = {
    .name = "kernbench._core.Kernel",
    .basicsize = sizeof(kb_py_kernel),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = slots,
};
