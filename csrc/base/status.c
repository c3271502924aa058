#include "base/status.h"

static const char *const names[KB_STATUS_COUNT] = {
#define X(name, kebab, exception) kebab,
    KB_STATUS_LIST(X)
#undef X
};

static const char *const exceptions[KB_STATUS_COUNT] = {
#define X(name, kebab, exception) exception,
    KB_STATUS_LIST(X)
#undef X
};

const char *kb_status_name(kb_status status) {
    return (unsigned)status < KB_STATUS_COUNT ? names[status] : "unknown-status";
}

const char *kb_status_exception(kb_status status) {
    return (unsigned)status < KB_STATUS_COUNT ? exceptions[status] : "KernbenchError";
}
