from __future__ import annotations

import pytest

TOOL = "check_layers.py"

GOOD = {
    "csrc/base/status.h": "typedef int kb_status;\n",
    "csrc/base/error.c": '#include "base/status.h"\n#include <stdio.h>\n'
    'void f(char *text) { (void)snprintf(text, 8, "printf(1.5)"); } /* float, stderr */\n'
    "void g(const char *format, ...) __attribute__((format(printf, 1, 2)));\n",
    "csrc/sim/time.h": '#include "base/status.h"\n// no double here\nenum { SECOND = 0x1e5 };\n',
    "csrc/mem/dtype.c": '#include "base/status.h"\nfloat half(float x) { return x * 0.5f; }\n',
    "csrc/hw/pe/pe_cpu.c": '#include "sim/time.h"\n#include "mem/dtype.h"\nint scalar;\n',
    "csrc/hw/machine.h": '#include "hw/pe/vm.h"\n#include "hw/fabric/fabric.h"\n',
    "csrc/replay/gemm.c": '#include "log/oplog.h"\nfloat total;\n',
    "csrc/log/oplog.h": "",
    "csrc/engine/kb.h": '#include "hw/hw.h"\n#include "replay/gemm.h"\n',
    "csrc/py/module.c": "#include <Python.h>\n#include <numpy/arrayobject.h>\n"
    '#include "engine/kb.h"\n#include "py/module.h"\nvoid f(void) { printf("x"); }\n',
    "csrc/test/test_hw.c": '#include "hw/hw.h"\n#include "test/tap.h"\n#include "sim/time.h"\n',
    "csrc/bench/bench_sim.c": '#include <stdio.h>\nvoid f(void) { puts("1.5"); }\n',
    "kernbench/__init__.py": "from kernbench.cli import main\nfrom . import errors\n",
    "kernbench/__main__.py": "from kernbench.cli import main\n",
    "kernbench/errors.py": "from . import _core\nimport math\n",
    "kernbench/units.py": "from .errors import KernbenchError\n",
    "kernbench/topology/__init__.py": "from .presets import names\nfrom ..units import parse\n",
    "kernbench/topology/presets.py": "from kernbench.topology import expand\n",
    "kernbench/torch/__init__.py": "from kernbench import runtime, ops\nimport kernbench.tp.a\n",
    "kernbench/cli/run.py": "from kernbench import __version__\nimport kernbench\n",
    "tests/test_any.py": "from kernbench import cli\n",
}


def test_a_good_tree_passes(tree, run_tool):
    assert run_tool(TOOL, tree(GOOD)) == (0, ["layers: every file uses only what stands above it"])


@pytest.mark.parametrize(
    ("path", "text", "line", "message"),
    [
        ("csrc/base/a.c", '\n#include "sim/t.h"\n', 2, "base may not include sim: it stands below"),
        ("csrc/sim/a.c", '#include "mem/m.h"\n', 1, "sim may not include mem: siblings"),
        ("csrc/mem/a.c", '#include "sim/t.h"\n', 1, "mem may not include sim: siblings"),
        ("csrc/hw/a.c", '#include "replay/r.h"\n', 1, "hw may not include replay: siblings"),
        ("csrc/hw/dram/a.c", '#include "hw/fabric/f.h"\n', 1, "dram may not include fabric"),
        ("csrc/hw/component/a.c", '#include "hw/pe/vm.h"\n', 1, "it stands below"),
        ("csrc/hw/pe/a.c", '#include "hw/machine.h"\n', 1, "pe may not include hw"),
        ("csrc/hw/a.c", '#include "hw/odd/f.h"\n', 1, "knows no folder hw/odd"),
        ("csrc/hw/pe/deep/a.c", '#include "hw/pe/vm.h"\n', 1, "knows no folder hw/pe/deep"),
        ("csrc/replay/a.c", '  #  include "hw/r.h"\n', 1, "replay may not include hw: siblings"),
        ("csrc/log/a.h", '/*\n*/\n#include "engine/kb.h"\n', 3, "log may not include engine"),
        ("csrc/engine/a.c", '#include "py/m.h"\n', 1, "engine may not include py"),
        ("csrc/engine/a.c", "#include <Python.h>\n", 1, "only py knows Python"),
        ("csrc/test/a.c", "#include <Python.h>\n", 1, "only py knows Python"),
        ("csrc/mem/a.c", "#include <numpy/arrayobject.h>\n", 1, "only py knows Python"),
        ("csrc/py/a.c", '#include "engine/wiring.h"\n', 1, "engine/kb.h alone"),
        ("csrc/py/a.c", '#include "mem/dtype.h"\n', 1, "engine/kb.h alone"),
        ("csrc/mem/a.c", '#include "test/tap.h"\n', 1, "test is for tests"),
        ("csrc/mem/a.c", '#include "dtype.h"\n', 1, 'expected "folder/file.h"'),
        ("csrc/mem/a.c", '#include "../mem/dtype.h"\n', 1, 'expected "folder/file.h"'),
        ("csrc/mem/a.c", '#include "util/x.h"\n', 1, "knows no folder util"),
        ("csrc/util/a.c", "\n", 1, "expected a file in a folder that the layer order knows"),
        ("csrc/a.c", "\n", 1, "expected a file in a folder that the layer order knows"),
        (
            "csrc/log/a.c",
            'int x;\nvoid f(void) { printf ("x"); }\n',
            2,
            "printf: the engine prints",
        ),
        ("csrc/hw/a.c", 'void f(void) { fputs("x", stderr); }\n', 1, "stderr: the engine prints"),
        ("csrc/sim/a.c", "/* x\n */ double x;\n", 2, "double: no floating point in sim/"),
        ("csrc/hw/transit.c", "long x = (long)(y * 1.5);\n", 1, "1.5: no floating point in hw/"),
        ("csrc/hw/pe/pe_gemm.c", "typedef float real;\n", 1, "float: no floating point in hw/"),
        (
            "kernbench/errors.py",
            "\nfrom kernbench.units import f\n",
            2,
            "errors may not import units",
        ),
        ("kernbench/units.py", "def f():\n    import kernbench.runtime\n", 2, "runtime: it stands"),
        ("kernbench/topology/a.py", "from ..language import jit\n", 1, "may not import language"),
        ("kernbench/triton/a.py", "from kernbench import torch\n", 1, "siblings"),
        ("kernbench/torch.py", "from kernbench import triton as t\n", 1, "siblings"),
        ("kernbench/runtime/a.py", "import kernbench\n", 1, "runtime may not import kernbench"),
        (
            "kernbench/runtime/a.py",
            "from kernbench import Context\n",
            1,
            "may not import kernbench",
        ),
        ("kernbench/ops/a.py", "from .. import errors, cli\n", 1, "ops may not import cli"),
        ("kernbench/ops/a.py", "import kernbench.util\n", 1, "no module kernbench.util"),
        ("kernbench/util/a.py", "\n", 1, "no module kernbench.util"),
        ("kernbench/results/a.py", "x =\n", 1, "cannot be parsed"),
    ],
)
def test_a_fault_is_named_with_its_line(tree, run_tool, path, text, line, message):
    code, lines = run_tool(TOOL, tree({path: text}))
    assert code == 1
    hits = [shown for shown in lines if shown.startswith(f"{path}:{line}: ") and message in shown]
    assert hits, lines


def test_every_fault_is_shown(tree, run_tool):
    root = tree({**GOOD, "csrc/sim/b.c": '#include "mem/m.h"\nfloat x;\n#include "hw/h.h"\n'})
    code, lines = run_tool(TOOL, root)
    assert code == 1
    assert [line.split(": ")[0] for line in lines] == [f"csrc/sim/b.c:{n}" for n in (1, 2, 3)]


def test_a_text_or_comment_is_no_include(tree, run_tool):
    text = '/*\n#include "hw/h.h"\n*/\nconst char *x = "\\"#include <Python.h> printf(";\n'
    assert run_tool(TOOL, tree({"csrc/base/a.c": text}))[0] == 0
