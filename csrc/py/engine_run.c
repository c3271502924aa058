/* Running, without the GIL and open to signals, and how far each handle has come. */
#include "py/engine.h"

#include <time.h>

static int64_t clock_ns(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* A little of a job; *more: it is not done. */
typedef kb_status (*step_fn)(kb_engine *engine, void *job, bool *more, kb_error *err);

/* Raises what went wrong in a run, which may name kernels. */
static void raise_failure(const kb_py_engine *self, const kb_error *err) {
    PyObject *text = NULL;
    if (self->on_error && !PyErr_Occurred())
        text = PyObject_CallFunction(self->on_error, "sO", err->message, self->kept);
    if (!text && PyErr_Occurred() && err->status != KB_INTERRUPTED) PyErr_Clear();
    (void)kb_raise_text(err, text);
    Py_XDECREF(text);
}

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
    PyObject *prints = kb_py_take_prints(self);
    kb_py_leave(self);
    if (status) raise_failure(self, &err);
    return kb_py_show_prints(self, prints) && status == KB_OK && !interrupted;
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

PyObject *kb_py_run(PyObject *object, PyObject *args) {
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

PyObject *kb_py_run_awaited(PyObject *object, PyObject *args) {
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

PyObject *kb_py_await(PyObject *object, PyObject *args) {
    unsigned handle;
    int awaited = 1;
    if (!PyArg_ParseTuple(args, "I|p:await_", &handle, &awaited)) return NULL;
    KB_PY_CALL(object, kb_engine_await(self->engine, handle, awaited != 0, &err));
    Py_RETURN_NONE;
}

PyObject *kb_py_replay(PyObject *object, PyObject *unused) {
    (void)unused;
    if (!work_off((kb_py_engine *)object, replay_step, NULL)) return NULL;
    Py_RETURN_NONE;
}

PyObject *kb_py_handle(PyObject *object, PyObject *args) {
    unsigned handle;
    kb_handle_info info;
    if (!PyArg_ParseTuple(args, "I:handle", &handle)) return NULL;
    KB_PY_CALL(object, kb_engine_handle(self->engine, handle, &info, &err));
    return Py_BuildValue("(OLLiLII)", info.done ? Py_True : Py_False, (long long)info.start_fs,
                         (long long)info.end_fs, (int)info.launch, (long long)info.target_fs,
                         info.late_pes, info.busy_pes);
}

enum { PROBE_HOPS = 4096 };

PyObject *kb_py_probe(PyObject *object, PyObject *args) {
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
