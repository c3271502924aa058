/* Topologies from text, for tests. */
#ifndef KB_TEST_TOPOLOGY_TEXT_H
#define KB_TEST_TOPOLOGY_TEXT_H

#include <stdlib.h>

#include "spec/topology.h"
#include "test/tap.h"

/* Parses YAML that must be good; NULL, and a failed check that shows the message, when it is not. */
static inline kb_topology *topology_parse(kb_alloc *alloc, const char *text) {
    kb_topology *topology = NULL;
    kb_error err = KB_ERROR_INIT;
    if (CHECK_EQ(kb_topology_parse(alloc, text, strlen(text), "t.yaml", &topology, &err), KB_OK))
        return topology;
    printf("#     %s\n", err.message);
    return NULL;
}

/* The id of a name that must be there. */
static inline uint32_t topology_node(const kb_topology *topology, const char *name) {
    uint32_t node = 0;
    kb_error err = KB_ERROR_INIT;
    if (!CHECK_EQ(kb_topology_find(topology, name, &node, &err), KB_OK))
        printf("#     %s\n", err.message);
    return node;
}

/* A file of the source tree, by the path of a file in csrc/test; malloc'ed, NULL when it cannot be read.
 * Tests run in the build folder, where the compiler ran. */
static inline char *read_source_file(const char *test_file, const char *path) {
    char where[4096];
    const char *end = strstr(test_file, "csrc/test/");
    int length = end ? (int)(end - test_file) : 0;
    (void)snprintf(where, sizeof where, "%.*s%s", length, test_file, path);
    FILE *file = fopen(where, "rb");
    if (!file) return NULL;
    char *text = calloc(1, 1 << 20);
    if (text && fread(text, 1, (1 << 20) - 1, file) == 0) text[0] = '\0';
    (void)fclose(file);
    return text;
}

#endif
