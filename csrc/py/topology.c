#include "py/engine.h"

static PyObject *topology_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"text", "name", "overlay", NULL};
    const char *text, *name = "<text>", *overlay = "";
    Py_ssize_t length, overlay_length = 0;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "s#|ss#:Topology", names, &text, &length, &name,
                                     &overlay, &overlay_length))
        return NULL;
    kb_py_topology *self = (kb_py_topology *)type->tp_alloc(type, 0);
    if (!self) return NULL;
    kb_error err = KB_ERROR_INIT;
    self->alloc = kb_alloc_system();
    if (kb_topology_parse_overlaid(&self->alloc, text, (size_t)length, name, overlay,
                                   (size_t)overlay_length, &self->topology, &err)) {
        Py_DECREF(self);
        return kb_raise(&err);
    }
    return (PyObject *)self;
}

static void topology_dealloc(PyObject *object) {
    kb_py_topology *self = (kb_py_topology *)object;
    PyTypeObject *type = Py_TYPE(object);
    kb_topology_destroy(self->topology);
    type->tp_free(object);
    Py_DECREF(type);
}

static PyObject *topology_nodes(PyObject *object, void *unused) {
    (void)unused;
    const kb_topology *topology = ((kb_py_topology *)object)->topology;
    const kb_node *nodes = kb_topology_nodes(topology);
    uint32_t count = kb_topology_n_nodes(topology);
    PyObject *list = PyList_New(count);
    for (uint32_t i = 0; list && i < count; i++) {
        PyObject *row = Py_BuildValue("(ssL)", nodes[i].name, kb_impl_text(nodes[i].impl),
                                      (long long)nodes[i].overhead_fs);
        if (!row) Py_CLEAR(list);
        else PyList_SET_ITEM(list, i, row);
    }
    return list;
}

static PyObject *topology_links(PyObject *object, void *unused) {
    (void)unused;
    const kb_topology *topology = ((kb_py_topology *)object)->topology;
    const kb_link *links = kb_topology_links(topology);
    uint32_t count = kb_topology_n_links(topology);
    PyObject *list = PyList_New(count);
    for (uint32_t i = 0; list && i < count; i++) {
        PyObject *row =
            Py_BuildValue("(IILL)", links[i].src, links[i].dst, (long long)links[i].service_fs,
                          (long long)links[i].latency_fs);
        if (!row) Py_CLEAR(list);
        else PyList_SET_ITEM(list, i, row);
    }
    return list;
}

static PyObject *topology_find(PyObject *object, PyObject *arg) {
    const char *name = PyUnicode_AsUTF8(arg);
    uint32_t node;
    kb_error err = KB_ERROR_INIT;
    if (!name) return NULL;
    if (kb_topology_find(((kb_py_topology *)object)->topology, name, &node, &err))
        return kb_raise(&err);
    return PyLong_FromUnsignedLong(node);
}

static PyObject *topology_path(PyObject *object, PyObject *args) {
    unsigned src, dst;
    int slice = KB_ANY_SLICE;
    if (!PyArg_ParseTuple(args, "II|i:path", &src, &dst, &slice)) return NULL;
    const uint32_t *links;
    uint32_t n_links, path;
    kb_error err = KB_ERROR_INIT;
    if (kb_topology_path(((kb_py_topology *)object)->topology, src, dst, slice, &links, &n_links,
                         &path, &err))
        return kb_raise(&err);
    PyObject *list = PyList_New(n_links);
    for (uint32_t i = 0; list && i < n_links; i++) {
        PyObject *number = PyLong_FromUnsignedLong(links[i]);
        if (!number) Py_CLEAR(list);
        else PyList_SET_ITEM(list, i, number);
    }
    return list;
}

static PyObject *topology_to_yaml(PyObject *object, PyObject *unused) {
    (void)unused;
    const char *text;
    size_t length;
    kb_error err = KB_ERROR_INIT;
    if (kb_topology_to_yaml(((kb_py_topology *)object)->topology, &text, &length, &err))
        return kb_raise(&err);
    return PyUnicode_FromStringAndSize(text, (Py_ssize_t)length);
}

static PyObject *ratio_value(kb_ratio ratio) {
    return Py_BuildValue("(LL)", (long long)ratio.num, (long long)ratio.den);
}

#define VALUE_COUNT(value) PyLong_FromLongLong((long long)(value))
#define VALUE_NBYTES VALUE_COUNT
#define VALUE_NS VALUE_COUNT
#define VALUE_FLAG VALUE_COUNT
#define VALUE_LIMIT VALUE_COUNT
#define VALUE_CHOICE VALUE_COUNT
#define VALUE_GBPS(value) ratio_value(value)
#define VALUE_GHZ VALUE_GBPS
#define VALUE_FACTOR VALUE_GBPS

static int put_param(PyObject *dict, const char *group, const char *field, PyObject *value) {
    PyObject *key = PyUnicode_FromFormat("%s.%s", group, field);
    int failed = key && value ? PyDict_SetItem(dict, key, value) : -1;
    Py_XDECREF(key);
    Py_XDECREF(value);
    return failed;
}

/* Counts and every parameter by "group.field"; None for a purely explicit graph. */
static PyObject *topology_system(PyObject *object, void *unused) {
    (void)unused;
    const kb_system *system = kb_topology_system(((kb_py_topology *)object)->topology);
    if (!system || system->n_sips == 0) Py_RETURN_NONE;
    PyObject *dict = Py_BuildValue(
        "{s:L,s:L,s:L,s:L,s:L,s:L,s:L,s:L,s:L}", "n_sips", (long long)system->n_sips, "cubes_x",
        (long long)system->cubes_x, "cubes_y", (long long)system->cubes_y, "n_pes",
        (long long)system->n_pes, "n_slices", (long long)system->n_slices, "noc_x",
        (long long)system->noc_x, "noc_y", (long long)system->noc_y, "fabric_x",
        (long long)system->fabric_x, "fabric_y", (long long)system->fabric_y);
    int failed = dict ? 0 : -1;
#define FIELD(key, field, kind, default_, minimum, maximum, meaning) \
    if (!failed) failed = put_param(dict, group_name, #field, VALUE_##kind(params->field));
#define X(GROUP, group, path)                                    \
    {                                                            \
        const kb_params_##group *params = &system->params.group; \
        const char *group_name = #group;                         \
        KB_PARAMS_##GROUP(FIELD)                                 \
    }
    KB_PARAM_GROUPS(X)
#undef X
#undef FIELD
    if (failed) Py_CLEAR(dict);
    return dict;
}

static PyObject *topology_flit_nbytes(PyObject *object, void *unused) {
    (void)unused;
    return PyLong_FromLongLong(kb_topology_flit_nbytes(((kb_py_topology *)object)->topology));
}

static PyObject *topology_flit_links(PyObject *object, void *unused) {
    (void)unused;
    const kb_topology *topology = ((kb_py_topology *)object)->topology;
    PyObject *list = PyList_New(0);
    for (uint32_t i = 0; list && i < kb_topology_n_links(topology); i++) {
        if (!kb_topology_by_flit(topology, i)) continue;
        PyObject *number = PyLong_FromUnsignedLong(i);
        if (!number || PyList_Append(list, number)) Py_CLEAR(list);
        Py_XDECREF(number);
    }
    return list;
}

static PyObject *topology_warnings(PyObject *object, void *unused) {
    (void)unused;
    const kb_topology *topology = ((kb_py_topology *)object)->topology;
    uint32_t count = kb_topology_n_warnings(topology);
    PyObject *list = PyList_New(count);
    for (uint32_t i = 0; list && i < count; i++) {
        PyObject *text = PyUnicode_FromString(kb_topology_warning(topology, i));
        if (!text) Py_CLEAR(list);
        else PyList_SET_ITEM(list, i, text);
    }
    return list;
}

static PyMethodDef methods[] = {
    {"find", topology_find, METH_O, "find(name) -> node id"},
    {"path", topology_path, METH_VARARGS, "path(src, dst, slice=-1) -> link ids"},
    {"dram_map", kb_py_dram_map, METH_VARARGS, "dram_map(node) -> (fields, slices, burst) or None"},
    {"dram_decode", kb_py_dram_decode, METH_VARARGS, "dram_decode(node, offsets) -> table"},
    {"dram_encode", kb_py_dram_encode, METH_VARARGS, "dram_encode(node, table) -> offsets"},
    {"to_yaml", topology_to_yaml, METH_NOARGS, "The whole machine as YAML."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef getters[] = {
    {"nodes", topology_nodes, NULL, "(name, impl, overhead_fs) by node id", NULL},
    {"links", topology_links, NULL, "(src, dst, service_fs, latency_fs) by link id", NULL},
    {"system", topology_system, NULL, "counts and parameters of the hierarchical form", NULL},
    {"flit_links", topology_flit_links, NULL, "links whose ports serve flit by flit", NULL},
    {"warnings", topology_warnings, NULL, "what is allowed and hardly meant", NULL},
    {"flit_nbytes", topology_flit_nbytes, NULL, "bytes of a flit", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_new, (void *)topology_new},
    {Py_tp_dealloc, (void *)topology_dealloc},
    {Py_tp_methods, methods},
    {Py_tp_getset, getters},
    {Py_tp_doc, "Topology(text, name='<text>', overlay=''): a checked machine."},
    {0, NULL},
};

PyType_Spec kb_topology_spec = {
    .name = "kernbench._core.Topology",
    .basicsize = sizeof(kb_py_topology),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = slots,
};
