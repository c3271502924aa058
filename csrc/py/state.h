/* The extension's per-module state, and the few helpers that every file here uses.
 *
 * py/ is thin: parse, check, call one kb_ function, convert.  Objects are guarded by a busy flag: a
 * second thread that enters while the first runs gets RuntimeError, not a crash.
 */
#ifndef KB_PY_STATE_H
#define KB_PY_STATE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "engine/kb.h"

/* X(field): every object that the module's state owns; traverse and clear come from the same list. */
#define KB_STATE_OBJECTS(X) \
    X(topology_type)        \
    X(kernel_type)          \
    X(engine_type)          \
    X(pin_type)

typedef struct kb_state {
#define X(field) PyObject *field;
    KB_STATE_OBJECTS(X)
#undef X
} kb_state;

extern PyModuleDef kb_module;

kb_state *kb_state_of_type(PyTypeObject *type);

/* Raises the exception class that err->status names (kernbench.errors, else a builtin); returns NULL.  `text`, a str,
 * is said instead of err->message; it may be NULL. */
PyObject *kb_raise(const kb_error *err);
PyObject *kb_raise_text(const kb_error *err, PyObject *text);

/* One topology, shared by engines. */
typedef struct kb_py_topology {
    PyObject_HEAD kb_alloc alloc;
    kb_topology *topology;
} kb_py_topology;

typedef struct kb_py_kernel {
    PyObject_HEAD kb_alloc alloc;
    kb_kernel *kernel;
    PyObject *filename; /* for people */
    int first_line;
} kb_py_kernel;

/* Type specs, one per file. */
extern PyType_Spec kb_topology_spec, kb_kernel_spec, kb_engine_spec, kb_pin_spec;

/* Module functions of tables.c. */
extern PyMethodDef kb_table_methods[];

#endif
