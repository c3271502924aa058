/* Status codes: one list that names every way a call can fail.
 *
 * A fallible function returns kb_status (KB_OK = 0) and must be checked.  The third column is the
 * Python exception that py/ raises for it (docs/adr/ADR-0044, "errors say where").
 */
#ifndef KB_BASE_STATUS_H
#define KB_BASE_STATUS_H

/*   X(enumerator, kebab-name, Python exception) */
#define KB_STATUS_LIST(X)                                        \
    X(OK, "ok", "")                                              \
    X(NOMEM, "out-of-host-memory", "MemoryError")                \
    X(INVALID, "invalid-argument", "ValueError")                 \
    X(TYPE, "wrong-type", "TypeError")                           \
    X(OVERFLOW, "overflow", "OverflowError")                     \
    X(INTERNAL, "internal-error", "KernbenchError")              \
    X(INTERRUPTED, "interrupted", "KeyboardInterrupt")           \
    X(BUSY, "busy", "RuntimeError")                              \
    X(FAILED, "context-failed", "KernbenchError")                \
    X(TOPOLOGY, "bad-topology", "TopologyError")                 \
    X(COMPILE, "bad-kernel", "CompilationError")                 \
    X(DEVICE_MEMORY, "out-of-device-memory", "OutOfMemoryError") \
    X(RESOURCES, "out-of-resources", "OutOfResources")           \
    X(BOUNDS, "out-of-bounds", "OutOfBoundsError")               \
    X(UNINIT, "uninitialised-read", "UninitialisedReadError")    \
    X(PAGE_FAULT, "page-fault", "PageFaultError")                \
    X(NO_DATA, "data-unavailable", "DataUnavailableError")       \
    X(DEADLOCK, "deadlock", "DeadlockError")                     \
    X(RACE, "race", "RaceError")

typedef enum kb_status {
#define X(name, kebab, exception) KB_##name,
    KB_STATUS_LIST(X)
#undef X
        KB_STATUS_COUNT
} kb_status;

#if defined(__GNUC__)
#define KB_MUST_CHECK __attribute__((warn_unused_result))
#define KB_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define KB_COLD __attribute__((cold)) /* what leads to it is kept away from what always happens */
#else
#define KB_MUST_CHECK
#define KB_PRINTF(fmt, args)
#define KB_COLD
#endif

/* The kebab-case name of a status; "unknown-status" for a number that is none. */
const char *kb_status_name(kb_status status);

/* The name of the Python exception class that carries this status. */
const char *kb_status_exception(kb_status status);

#endif
