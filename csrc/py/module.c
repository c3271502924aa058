#define KB_IMPORTS_NUMPY
#include "py/state.h"

#include "py/numpy_api.h"

static kb_state *state_of(PyObject *module) {
    return PyModule_GetState(module);
}

kb_state *kb_state_of_type(PyTypeObject *type) {
    PyObject *module = PyType_GetModuleByDef(type, &kb_module);
    return module ? state_of(module) : NULL;
}

PyObject *kb_raise(const kb_error *err) {
    return kb_raise_text(err, NULL);
}

PyObject *kb_raise_text(const kb_error *err, PyObject *text) {
    const char *name = kb_status_exception(err->status);
    if (err->status == KB_INTERRUPTED && PyErr_Occurred()) return NULL;
    PyObject *module = PyImport_ImportModule("kernbench.errors");
    PyObject *class = module ? PyObject_GetAttrString(module, name) : NULL;
    if (!class) {
        PyErr_Clear();
        PyObject *builtins = PyEval_GetBuiltins();
        class = Py_XNewRef(PyDict_GetItemString(builtins, name));
    }
    if (!class) class = Py_NewRef(PyExc_RuntimeError);
    if (text) PyErr_SetObject(class, text);
    else PyErr_SetString(class, err->message);
    Py_XDECREF(class);
    Py_XDECREF(module);
    return NULL;
}

static int add_type(PyObject *module, PyType_Spec *spec, PyObject **slot) {
    *slot = PyType_FromModuleAndSpec(module, spec, NULL);
    return *slot ? PyModule_AddType(module, (PyTypeObject *)*slot) : -1;
}

static int module_exec(PyObject *module) {
    if (PyArray_ImportNumPyAPI() < 0) return -1;
    kb_state *state = state_of(module);
    if (add_type(module, &kb_topology_spec, &state->topology_type) < 0 ||
        add_type(module, &kb_kernel_spec, &state->kernel_type) < 0 ||
        add_type(module, &kb_engine_spec, &state->engine_type) < 0 ||
        add_type(module, &kb_pin_spec, &state->pin_type) < 0)
        return -1;
    return PyModule_AddStringConstant(module, "__version__", KB_VERSION);
}

static int module_traverse(PyObject *module, visitproc visit, void *arg) {
    kb_state *state = state_of(module);
#define X(field) Py_VISIT(state->field);
    KB_STATE_OBJECTS(X)
#undef X
    return 0;
}

static int module_clear(PyObject *module) {
    kb_state *state = state_of(module);
#define X(field) Py_CLEAR(state->field);
    KB_STATE_OBJECTS(X)
#undef X
    return 0;
}

static void module_free(void *module) {
    (void)module_clear(module);
}

static PyModuleDef_Slot module_slots[] = {
    {Py_mod_exec, (void *)module_exec},
    {0, NULL},
};

PyModuleDef kb_module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "kernbench._core",
    .m_doc = "The engine.  Private: use kernbench.",
    .m_size = sizeof(kb_state),
    .m_methods = kb_table_methods,
    .m_slots = module_slots,
    .m_traverse = module_traverse,
    .m_clear = module_clear,
    .m_free = module_free,
};

PyMODINIT_FUNC PyInit__core(void);

PyMODINIT_FUNC PyInit__core(void) {
    return PyModuleDef_Init(&kb_module);
}
