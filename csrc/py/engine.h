/* The Engine object: kb_engine with a busy flag, and what it keeps alive. */
#ifndef KB_PY_ENGINE_H
#define KB_PY_ENGINE_H

#include "py/state.h"

#include <stdatomic.h>

/* The GIL is let go for slices of KB_PY_SLICE_NS, made up of steps that are shorter: between two slices
 * Python looks at its signals, so that Ctrl-C answers within 0.1 s. */
enum { KB_PY_SLICE_NS = 10000000, KB_PY_STEP_EVENTS = 4096, KB_PY_STEP_WORK = 1 << 22 };

typedef struct kb_py_engine {
    PyObject_HEAD kb_pages *pages;
    kb_alloc alloc; /* over `pages` */
    kb_engine *engine;
    PyObject *topology; /* its kb_topology is borrowed by the engine */
    PyObject *kept;     /* dict by address: kernels and arrays that the engine borrows, each once */
    PyThreadState *inside; /* who has let the GIL go and runs the engine, or NULL */
    atomic_flag busy;
    void **unpins; /* pins whose views died while the engine was busy; under the GIL */
    size_t n_unpins, unpin_capacity;
    PyObject *on_print; /* called with what kernels printed, a list; or NULL */
    PyObject *
        on_error; /* called with the text of a failure and the kernels: gives a better text; or NULL */
} kb_py_engine;

/* Marks the object busy; false, with RuntimeError set, when another thread is inside. */
bool kb_py_enter(kb_py_engine *self);
void kb_py_leave(kb_py_engine *self);

/* Keeps an object that the engine borrows, or lets it go; -1, with an error set, on failure. */
int kb_py_keep(kb_py_engine *self, PyObject *object, bool keep);

/* Lets go of a pin, now or, when another thread is inside the engine, as soon as it leaves. */
void kb_py_unpin(kb_py_engine *self, void *pin);

/* Evaluates a kb_ call that uses `self` and `err` inside the busy flag; returns NULL on failure. */
#define KB_PY_CALL(object, call)                     \
    do {                                             \
        kb_py_engine *self = (kb_py_engine *)object; \
        kb_error err = KB_ERROR_INIT;                \
        if (!kb_py_enter(self)) return NULL;         \
        kb_status status_ = (call);                  \
        kb_py_leave(self);                           \
        if (status_) return kb_raise(&err);          \
    } while (0)

/* engine_memory.c */
PyObject *kb_py_map(PyObject *object, PyObject *args, PyObject *kwargs);
PyObject *kb_py_unmap(PyObject *object, PyObject *args);
PyObject *kb_py_free_nbytes(PyObject *object, PyObject *args);
PyObject *kb_py_write(PyObject *object, PyObject *args);

/* engine_work.c */
PyObject *kb_py_launch(PyObject *object, PyObject *args, PyObject *kwargs);
PyObject *kb_py_copy(PyObject *object, PyObject *args, PyObject *kwargs);
PyObject *kb_py_mark(PyObject *object, PyObject *args);
PyObject *kb_py_transfer(PyObject *object, PyObject *args);

/* engine_run.c */
PyObject *kb_py_run(PyObject *object, PyObject *args);
PyObject *kb_py_run_awaited(PyObject *object, PyObject *args);
PyObject *kb_py_await(PyObject *object, PyObject *args);
PyObject *kb_py_replay(PyObject *object, PyObject *unused);
PyObject *kb_py_handle(PyObject *object, PyObject *args);
PyObject *kb_py_probe(PyObject *object, PyObject *args);

/* engine_prints.c: takes what kernels printed, inside the busy flag: arguments for on_print, or NULL when there is
 * nothing.  And hands it over, outside: false when that failed.  Exceptions that are set already stay. */
PyObject *kb_py_take_prints(kb_py_engine *self);
bool kb_py_show_prints(kb_py_engine *self, PyObject *arguments);

/* arrays.c: what gives or takes NumPy arrays. */
PyObject *kb_py_view(PyObject *object, PyObject *args);
PyObject *kb_py_transfers(PyObject *object, PyObject *args);
PyObject *kb_py_oplog_columns(PyObject *object, PyObject *unused);
PyObject *kb_py_oplog_kernels(PyObject *object, PyObject *unused);
PyObject *kb_py_oplog_dump(PyObject *object, PyObject *unused);
PyObject *kb_py_oplog_hash(PyObject *object, void *unused);
PyObject *kb_py_oplog_count(PyObject *object, void *unused);

/* dram.c: memories with a standard; the first three are methods of a topology. */
PyObject *kb_py_dram_map(PyObject *object, PyObject *args);
PyObject *kb_py_dram_decode(PyObject *object, PyObject *args);
PyObject *kb_py_dram_encode(PyObject *object, PyObject *args);
PyObject *kb_py_memory(PyObject *object, PyObject *args);

#endif
