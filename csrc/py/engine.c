#include "py/engine.h"

/* The check that a word stands for: error, `repair` or, where there is no such way out, ignore. */
static int check_of(const char *what, const char *word, const char *repair, const char *ignore,
                    kb_check *check) {
    const char *words[] = {"error", repair, ignore};
    for (int i = 0; i < 3; i++)
        if (words[i] && strcmp(word, words[i]) == 0) {
            *check = (kb_check)i;
            return 0;
        }
    PyErr_Format(PyExc_ValueError, "%s: expected \"error\"%s\"%s\"%s%s%s, got \"%s\"", what,
                 ignore ? ", " : " or ", repair, ignore ? " or \"" : "", ignore ? ignore : "",
                 ignore ? "\"" : "", word);
    return -1;
}

/* Asked by the engine in the middle of an event; without the GIL, unless a short call drives it. */
static bool is_interrupted(void *interrupter) {
    kb_py_engine *self = interrupter;
    if (!self->inside) return false;
    PyEval_RestoreThread(self->inside);
    bool interrupted = PyErr_CheckSignals() < 0;
    self->inside = PyEval_SaveThread();
    return interrupted;
}

static PyObject *engine_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    static char *names[] = {
        "topology",       "data", "oplog",    "uninit",   "oob", "instruction_budget",
        "replay_threads", "isa",  "on_print", "on_error", NULL};
    kb_state *state = kb_state_of_type(type);
    kb_engine_options options = kb_engine_default_options();
    PyObject *topology, *on_print = NULL, *on_error = NULL;
    int data = 1, threads = 1;
    long long budget = 0;
    const char *oplog = "full", *uninit = "error", *oob = "error", *isa = NULL;
    if (!state ||
        !PyArg_ParseTupleAndKeywords(args, kwargs, "O!|$psssLizOO:Engine", names,
                                     (PyTypeObject *)state->topology_type, &topology, &data, &oplog,
                                     &uninit, &oob, &budget, &threads, &isa, &on_print,
                                     &on_error) ||
        check_of("uninit", uninit, "nan", "ignore", &options.uninit) ||
        check_of("oob", oob, "zero", NULL, &options.oob))
        return NULL;
    if (strcmp(oplog, "full") != 0 && strcmp(oplog, "hash") != 0)
        return PyErr_Format(PyExc_ValueError, "oplog: expected \"full\" or \"hash\", got \"%s\"",
                            oplog);
    options.data = data != 0;
    options.oplog = strcmp(oplog, "hash") == 0 ? KB_OPLOG_HASH : KB_OPLOG_FULL;
    options.instruction_budget = budget;
    options.replay_threads = threads;
    options.isa = isa;
    options.is_interrupted = is_interrupted;
    kb_py_engine *self = (kb_py_engine *)type->tp_alloc(type, 0);
    if (!self) return NULL;
    options.interrupter = self;
    self->topology = Py_NewRef(topology);
    self->kept = PyDict_New();
    self->on_print = Py_XNewRef(on_print);
    self->on_error = Py_XNewRef(on_error);
    self->pages = kb_pages_create();
    self->alloc = kb_alloc_paged(self->pages);
    kb_error err = KB_ERROR_INIT;
    if (!self->pages) (void)PyErr_NoMemory();
    if (!self->pages || !self->kept ||
        kb_engine_create(&self->alloc, ((kb_py_topology *)topology)->topology, &options,
                         &self->engine, &err)) {
        Py_DECREF(self);
        return PyErr_Occurred() ? NULL : kb_raise(&err);
    }
    return (PyObject *)self;
}

static void engine_dealloc(PyObject *object) {
    kb_py_engine *self = (kb_py_engine *)object;
    PyTypeObject *type = Py_TYPE(object);
    kb_engine_destroy(self->engine);
    kb_pages_destroy(self->pages);
    PyMem_Free(self->unpins);
    Py_XDECREF(self->topology);
    Py_XDECREF(self->kept);
    Py_XDECREF(self->on_print);
    Py_XDECREF(self->on_error);
    type->tp_free(object);
    Py_DECREF(type);
}

bool kb_py_enter(kb_py_engine *self) {
    if (atomic_flag_test_and_set(&self->busy)) {
        PyErr_SetString(PyExc_RuntimeError,
                        "engine: expected one thread at a time, got a call while another thread "
                        "is inside; give each thread a Context of its own");
        return false;
    }
    return true;
}

void kb_py_leave(kb_py_engine *self) {
    while (self->n_unpins > 0) kb_engine_unpin(self->engine, self->unpins[--self->n_unpins]);
    atomic_flag_clear(&self->busy);
}

int kb_py_keep(kb_py_engine *self, PyObject *object, bool keep) {
    PyObject *address = PyLong_FromVoidPtr(object);
    if (!address) return -1;
    int status =
        keep ? PyDict_SetItem(self->kept, address, object) : PyDict_DelItem(self->kept, address);
    Py_DECREF(address);
    return status;
}

/* Without memory to note it the pin stays until the engine goes: bytes are kept too long, never too
 * short. */
void kb_py_unpin(kb_py_engine *self, void *pin) {
    if (!atomic_flag_test_and_set(&self->busy)) {
        kb_engine_unpin(self->engine, pin);
        kb_py_leave(self);
        return;
    }
    if (self->n_unpins == self->unpin_capacity) {
        size_t wanted = 2 * self->unpin_capacity + 8;
        void **grown = PyMem_Realloc(self->unpins, wanted * sizeof *grown);
        if (!grown) return;
        self->unpins = grown;
        self->unpin_capacity = wanted;
    }
    self->unpins[self->n_unpins++] = pin;
}

static PyObject *engine_counters(PyObject *object, PyObject *unused) {
    (void)unused;
    kb_py_engine *self = (kb_py_engine *)object;
    if (!kb_py_enter(self)) return NULL;
    kb_counters counters = kb_engine_count(self->engine);
    kb_py_leave(self);
    PyObject *dict = PyDict_New();
#define X(counter, meaning)                                                              \
    if (dict) {                                                                          \
        PyObject *number = PyLong_FromUnsignedLongLong(counters.counter);                \
        if (!number || PyDict_SetItemString(dict, #counter, number) < 0) Py_CLEAR(dict); \
        Py_XDECREF(number);                                                              \
    }
    KB_COUNTERS(X)
#undef X
    return dict;
}

static PyObject *engine_messages_left(PyObject *object, PyObject *unused) {
    (void)unused;
    char text[KB_ERROR_CAPACITY];
    kb_py_engine *self = (kb_py_engine *)object;
    if (!kb_py_enter(self)) return NULL;
    kb_engine_describe_left(self->engine, text, sizeof text);
    kb_py_leave(self);
    return PyUnicode_FromString(text);
}

static PyObject *engine_now(PyObject *object, void *unused) {
    (void)unused;
    return PyLong_FromLongLong(kb_engine_now(((kb_py_engine *)object)->engine));
}

static PyObject *engine_has_failed(PyObject *object, void *unused) {
    (void)unused;
    return PyBool_FromLong(kb_engine_has_failed(((kb_py_engine *)object)->engine));
}

static PyObject *engine_isa(PyObject *object, void *unused) {
    (void)unused;
    return PyUnicode_FromString(kb_engine_isa(((kb_py_engine *)object)->engine));
}

static PyMethodDef methods[] = {
    {"map", (PyCFunction)(void *)kb_py_map, METH_VARARGS | METH_KEYWORDS, "Reserve memory -> va"},
    {"unmap", kb_py_unmap, METH_VARARGS, "Give memory back."},
    {"free_nbytes", kb_py_free_nbytes, METH_VARARGS, "free_nbytes(sip): of its HBM"},
    {"write", kb_py_write, METH_VARARGS, "write(va, bytes): at once, in no simulated time"},
    {"view", kb_py_view, METH_VARARGS, "view(va, nbytes) -> read-only uint8 array, pinned"},
    {"launch", (PyCFunction)(void *)kb_py_launch, METH_VARARGS | METH_KEYWORDS, "-> handle"},
    {"copy", (PyCFunction)(void *)kb_py_copy, METH_VARARGS | METH_KEYWORDS, "-> handle"},
    {"transfer", kb_py_transfer, METH_VARARGS,
     "transfer(src, dst, nbytes, at_fs, op, address) -> handle"},
    {"transfers", kb_py_transfers, METH_VARARGS,
     "transfers(src, dst, nbytes, at_fs, op, address) -> (start_fs, end_fs); runs to the end"},
    {"run", kb_py_run, METH_VARARGS, "run(handle=-1, until_fs=max) -> done"},
    {"await_", kb_py_await, METH_VARARGS, "await_(handle, awaited=True)"},
    {"run_awaited", kb_py_run_awaited, METH_VARARGS,
     "run_awaited(until_fs=max) -> (awaited handles that are done, whether nothing is left)"},
    {"mark", kb_py_mark, METH_VARARGS, "mark(sip, stream, submit_fs, after=()) -> handle"},
    {"replay", kb_py_replay, METH_NOARGS, "Execute what was logged and not yet executed."},
    {"handle", kb_py_handle, METH_VARARGS,
     "(done, start_fs, end_fs, launch, target_fs, late_pes, busy_pes)"},
    {"probe", kb_py_probe, METH_VARARGS, "probe(src, dst, nbytes, count=1) -> (hops, latency_fs)"},
    {"counters", engine_counters, METH_NOARGS, "What was counted, by name."},
    {"messages_left", engine_messages_left, METH_NOARGS, "What was sent and never received."},
    {"memory", kb_py_memory, METH_VARARGS, "memory(node) -> name -> array by pseudo-channel"},
    {"oplog_columns", kb_py_oplog_columns, METH_NOARGS, "Name -> read-only array."},
    {"oplog_kernels", kb_py_oplog_kernels, METH_NOARGS, "Kernel names by number."},
    {"oplog_dump", kb_py_oplog_dump, METH_NOARGS, "Canonical text."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef getters[] = {
    {"now_fs", engine_now, NULL, "the machine's clock", NULL},
    {"oplog_hash", kb_py_oplog_hash, NULL, "64-bit content hash", NULL},
    {"has_failed", engine_has_failed, NULL, "whether it takes no more work", NULL},
    {"isa", engine_isa, NULL, "the instruction set that computes values", NULL},
    {"oplog_count", kb_py_oplog_count, NULL, "records so far", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_new, (void *)engine_new},
    {Py_tp_dealloc, (void *)engine_dealloc},
    {Py_tp_methods, methods},
    {Py_tp_getset, getters},
    {Py_tp_doc, "Engine(topology, *, data, oplog, ...): one simulated machine."},
    {0, NULL},
};

PyType_Spec kb_engine_spec = {
    .name = "kernbench._core.Engine",
    .basicsize = sizeof(kb_py_engine),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = slots,
};
