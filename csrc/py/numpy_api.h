/* NumPy's C API, its table of functions imported once, by module.c (which defines KB_IMPORTS_NUMPY). */
#ifndef KB_PY_NUMPY_API_H
#define KB_PY_NUMPY_API_H

#define NPY_NO_DEPRECATED_API NPY_1_7_API_VERSION
#define PY_ARRAY_UNIQUE_SYMBOL kb_numpy_api
#ifndef KB_IMPORTS_NUMPY
#define NO_IMPORT_ARRAY
#endif
#include <numpy/arrayobject.h>

#endif
