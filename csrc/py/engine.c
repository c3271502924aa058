#include "py/engine.h"

#include <time.h>

/* --- life ------------------------------------------------------------------------------------ */

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
    static char *names[] = {"topology",           "data",           "oplog", "uninit", "oob",
                            "instruction_budget", "replay_threads", "isa",   NULL};
    kb_state *state = kb_state_of_type(type);
    kb_engine_options options = kb_engine_default_options();
    PyObject *topology;
    int data = 1, threads = 1;
    long long budget = 0;
    const char *oplog = "full", *uninit = "error", *oob = "error", *isa = NULL;
    if (!state ||
        !PyArg_ParseTupleAndKeywords(args, kwargs, "O!|$psssLiz:Engine", names,
                                     (PyTypeObject *)state->topology_type, &topology, &data, &oplog,
                                     &uninit, &oob, &budget, &threads, &isa) ||
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
    self->kept = PyList_New(0);
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

/* --- memory ---------------------------------------------------------------------------------- */

static PyObject *engine_map(PyObject *object, PyObject *args, PyObject *kwargs) {
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

static PyObject *engine_unmap(PyObject *object, PyObject *args) {
    unsigned long long va;
    if (!PyArg_ParseTuple(args, "K:unmap", &va)) return NULL;
    KB_PY_CALL(object, kb_engine_unmap(self->engine, va, &err));
    Py_RETURN_NONE;
}

static PyObject *engine_free_nbytes(PyObject *object, PyObject *args) {
    int sip;
    uint64_t nbytes = 0;
    if (!PyArg_ParseTuple(args, "i:free_nbytes", &sip)) return NULL;
    KB_PY_CALL(object, kb_engine_free_nbytes(self->engine, sip, &nbytes, &err));
    return PyLong_FromUnsignedLongLong(nbytes);
}

static PyObject *engine_write(PyObject *object, PyObject *args) {
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

/* --- work ------------------------------------------------------------------------------------- */

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

static PyObject *engine_launch(PyObject *object, PyObject *args, PyObject *kwargs) {
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
    if (PyList_Append(((kb_py_engine *)object)->kept, kernel) < 0) return NULL;
    uint32_t handle = 0;
    KB_PY_CALL(object, kb_engine_launch(self->engine, &order, &handle, &err));
    return PyLong_FromUnsignedLong(handle);
}

static PyObject *engine_copy(PyObject *object, PyObject *args, PyObject *kwargs) {
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

static PyObject *engine_mark(PyObject *object, PyObject *args) {
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

static PyObject *engine_transfer(PyObject *object, PyObject *args) {
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

/* --- running and looking ----------------------------------------------------------------------- */

static int64_t clock_ns(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* A little of a job; *more: it is not done. */
typedef kb_status (*step_fn)(kb_engine *engine, void *job, bool *more, kb_error *err);

/* Steps without the GIL until the job is done, looking at signals between slices; false, with an
 * exception set, when it failed or was interrupted. */
static bool work_off(kb_py_engine *self, step_fn step, void *job) {
    kb_error err = KB_ERROR_INIT;
    kb_status status = KB_OK;
    bool more = true, interrupted = false;
    if (!kb_py_enter(self)) return false;
    while (status == KB_OK && more && !interrupted) {
        self->inside = PyEval_SaveThread();
        int64_t end_ns = clock_ns() + KB_PY_SLICE_NS;
        do status = step(self->engine, job, &more, &err);
        while (status == KB_OK && more && clock_ns() < end_ns);
        PyEval_RestoreThread(self->inside);
        self->inside = NULL;
        interrupted = status == KB_OK && PyErr_CheckSignals() < 0;
    }
    kb_py_leave(self);
    if (status) (void)kb_raise(&err);
    return status == KB_OK && !interrupted;
}

typedef struct run_job {
    uint32_t handle;
    int64_t until_fs;
    kb_engine_end end;
} run_job;

static kb_status run_step(kb_engine *engine, void *job, bool *more, kb_error *err) {
    run_job *run = job;
    KB_TRY(kb_engine_run(engine, run->handle, run->until_fs, KB_PY_STEP_EVENTS, &run->end, err));
    *more = run->end == KB_ENGINE_BUDGET;
    return KB_OK;
}

static kb_status replay_step(kb_engine *engine, void *job, bool *more, kb_error *err) {
    (void)job;
    return kb_engine_replay(engine, KB_PY_STEP_WORK, more, err);
}

static PyObject *engine_run(PyObject *object, PyObject *args) {
    long long handle = -1, until_fs = INT64_MAX;
    if (!PyArg_ParseTuple(args, "|LL:run", &handle, &until_fs)) return NULL;
    run_job job = {handle < 0 ? KB_NO_HANDLE : (uint32_t)handle, until_fs, KB_ENGINE_BUDGET};
    if (!work_off((kb_py_engine *)object, run_step, &job)) return NULL;
    return PyBool_FromLong(job.end == KB_ENGINE_DONE);
}

static kb_status run_awaited_step(kb_engine *engine, void *job, bool *more, kb_error *err) {
    run_job *run = job;
    KB_TRY(kb_engine_run_awaited(engine, run->until_fs, KB_PY_STEP_EVENTS, &run->end, err));
    *more = run->end == KB_ENGINE_BUDGET;
    return KB_OK;
}

static PyObject *engine_run_awaited(PyObject *object, PyObject *args) {
    long long until_fs = INT64_MAX;
    if (!PyArg_ParseTuple(args, "|L:run_awaited", &until_fs)) return NULL;
    run_job job = {KB_NO_HANDLE, until_fs, KB_ENGINE_BUDGET};
    if (!work_off((kb_py_engine *)object, run_awaited_step, &job)) return NULL;
    PyObject *arrived = PyList_New(0);
    uint32_t handle;
    while (arrived && kb_engine_next_arrived(((kb_py_engine *)object)->engine, &handle)) {
        PyObject *number = PyLong_FromUnsignedLong(handle);
        if (!number || PyList_Append(arrived, number) < 0) Py_CLEAR(arrived);
        Py_XDECREF(number);
    }
    return arrived ? Py_BuildValue("(NO)", arrived, job.end == KB_ENGINE_IDLE ? Py_True : Py_False)
                   : NULL;
}

static PyObject *engine_await(PyObject *object, PyObject *args) {
    unsigned handle;
    int awaited = 1;
    if (!PyArg_ParseTuple(args, "I|p:await_", &handle, &awaited)) return NULL;
    KB_PY_CALL(object, kb_engine_await(self->engine, handle, awaited != 0, &err));
    Py_RETURN_NONE;
}

static PyObject *engine_replay(PyObject *object, PyObject *unused) {
    (void)unused;
    if (!work_off((kb_py_engine *)object, replay_step, NULL)) return NULL;
    Py_RETURN_NONE;
}

static PyObject *engine_handle(PyObject *object, PyObject *args) {
    unsigned handle;
    kb_handle_info info;
    if (!PyArg_ParseTuple(args, "I:handle", &handle)) return NULL;
    KB_PY_CALL(object, kb_engine_handle(self->engine, handle, &info, &err));
    return Py_BuildValue("(OLLiLII)", info.done ? Py_True : Py_False, (long long)info.start_fs,
                         (long long)info.end_fs, (int)info.launch, (long long)info.target_fs,
                         info.late_pes, info.busy_pes);
}

enum { PROBE_HOPS = 4096 };

static PyObject *engine_probe(PyObject *object, PyObject *args) {
    unsigned src, dst;
    long long nbytes, count = 1;
    if (!PyArg_ParseTuple(args, "IIL|L:probe", &src, &dst, &nbytes, &count)) return NULL;
    kb_probe_hop *hops = PyMem_Calloc(PROBE_HOPS, sizeof *hops);
    if (!hops) return PyErr_NoMemory();
    uint32_t n_hops = 0;
    int64_t latency_fs = 0;
    kb_py_engine *self = (kb_py_engine *)object;
    kb_error err = KB_ERROR_INIT;
    PyObject *result = NULL;
    if (kb_py_enter(self)) {
        self->inside = PyEval_SaveThread();
        kb_status status = kb_engine_probe(self->engine, src, dst, nbytes, count, hops, PROBE_HOPS,
                                           &n_hops, &latency_fs, &err);
        PyEval_RestoreThread(self->inside);
        self->inside = NULL;
        kb_py_leave(self);
        if (status) (void)kb_raise(&err);
        else result = PyList_New(n_hops);
    }
    for (uint32_t i = 0; result && i < n_hops; i++) {
        const kb_probe_hop *hop = &hops[i];
        PyObject *row = Py_BuildValue("(ILLLLL)", hop->link, (long long)hop->waiting_fs,
                                      (long long)hop->own_fs, (long long)hop->overhead_fs,
                                      (long long)hop->service_fs, (long long)hop->latency_fs);
        if (!row) Py_CLEAR(result);
        else PyList_SET_ITEM(result, i, row);
    }
    PyMem_Free(hops);
    return result ? Py_BuildValue("(NL)", result, (long long)latency_fs) : NULL;
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

static PyObject *engine_isa(PyObject *object, void *unused) {
    (void)unused;
    return PyUnicode_FromString(kb_engine_isa(((kb_py_engine *)object)->engine));
}

static PyMethodDef methods[] = {
    {"map", (PyCFunction)(void *)engine_map, METH_VARARGS | METH_KEYWORDS, "Reserve memory -> va"},
    {"unmap", engine_unmap, METH_VARARGS, "Give memory back."},
    {"free_nbytes", engine_free_nbytes, METH_VARARGS, "free_nbytes(sip): of its HBM"},
    {"write", engine_write, METH_VARARGS, "write(va, bytes): at once, in no simulated time"},
    {"view", kb_py_view, METH_VARARGS, "view(va, nbytes) -> read-only uint8 array, pinned"},
    {"launch", (PyCFunction)(void *)engine_launch, METH_VARARGS | METH_KEYWORDS, "-> handle"},
    {"copy", (PyCFunction)(void *)engine_copy, METH_VARARGS | METH_KEYWORDS, "-> handle"},
    {"transfer", engine_transfer, METH_VARARGS,
     "transfer(src, dst, nbytes, at_fs, op, address) -> handle"},
    {"transfers", kb_py_transfers, METH_VARARGS,
     "transfers(src, dst, nbytes, at_fs, op, address) -> (start_fs, end_fs); runs to the end"},
    {"run", engine_run, METH_VARARGS, "run(handle=-1, until_fs=max) -> done"},
    {"await_", engine_await, METH_VARARGS, "await_(handle, awaited=True)"},
    {"run_awaited", engine_run_awaited, METH_VARARGS,
     "run_awaited(until_fs=max) -> (awaited handles that are done, whether nothing is left)"},
    {"mark", engine_mark, METH_VARARGS, "mark(sip, stream, submit_fs, after=()) -> handle"},
    {"replay", engine_replay, METH_NOARGS, "Execute what was logged and not yet executed."},
    {"handle", engine_handle, METH_VARARGS,
     "(done, start_fs, end_fs, launch, target_fs, late_pes, busy_pes)"},
    {"probe", engine_probe, METH_VARARGS, "probe(src, dst, nbytes, count=1) -> (hops, latency_fs)"},
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
