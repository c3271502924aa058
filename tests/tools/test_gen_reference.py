from __future__ import annotations

TOOL = "gen_reference.py"

TREE = {
    "docs/reference/README.md": "",
    "docs/adr/ADR-0007-dev-host.md": "",
    "docs/adr/ADR-0007-dev-host.ko.md": "",
    "csrc/spec/params.h": """
#define KB_COUNT_LIST(X) \\
    X("", "sips", false, n_sips, 2, 4096, "SIPs") \\
    X("sip", "cubes", true, cubes_x, 4, 1024, "columns, rows")
/* The host, of
 * one script (ADR-0007; docs/howto/some-thing.md). */
#define KB_PARAMS_HOST(X) \\
    X("call_ns", call_fs, NS, "2000", 0, 1e9, "a call (of any kind), then [A]") \\
    X("kind", kind, CHOICE, "ring", "ring|mesh", 0, "how")
#define KB_PARAM_GROUPS(X) X(HOST, host, "sip.host")
""",
    "csrc/spec/dram.h": """
#define KB_DRAM_TIMING_LIST(X) \\
    X("tRP", rp, 1, "precharge to activate")
#define KB_DRAM_STANDARDS(X) \\
    X("HBM9_16Gb", 16, 2, 2, 4, 4, 16384, 32, a, b, c, 625000, 26)
""",
    "csrc/log/oplog.h": """
#define KB_OPLOG_COLUMNS(X) \\
    X(end_fs, int64_t, "<i8", "fs", "completion; a | b")
#define KB_OPKIND_LIST(X) \\
    X(DMA, "dma", "memory to tile")
""",
    "csrc/base/status.h": """
#define KB_STATUS_LIST(X) X(OK, "ok", "") \\
    X(NOMEM, "out-of-memory", "MemoryError")
""",
}


def test_pages_are_made_from_the_lists(tree, run_tool):
    root = tree(TREE)
    assert run_tool(TOOL, "--root", root)[0] == 0
    pages = root / "docs" / "reference"
    keys = (pages / "topology-keys.md").read_text(encoding="utf-8")
    assert "## `sip.host`" in keys
    assert "| `sips` | `2` | integer, 1 to 4096 | SIPs |" in keys
    assert "| `sip.cubes` | `[4, 4]` | [integer, integer], 1 to 1024 | columns, rows |" in keys
    about = "The host, of one script ([ADR-0007](../adr/ADR-0007-dev-host.md); "
    assert about + "[some thing](../howto/some-thing.md))." in keys.splitlines()
    call = "| `call_ns` | `2000` | decimal, ns, 0 to 1e9 | a call (of any kind), then | assumed |"
    assert call in keys.splitlines()
    assert "| `kind` | `ring` | `ring` or `mesh` | how | choice |" in keys.splitlines()
    dram = (pages / "dram-standards.md").read_text(encoding="utf-8").splitlines()
    assert "| `tRP` | 26 | precharge to activate |" in dram
    log = (pages / "op-log.md").read_text(encoding="utf-8").splitlines()
    assert "| `end_fs` | `<i8` | fs | completion; a \\| b |" in log
    assert "| 0 | `dma` | memory to tile |" in log
    status = (pages / "status-codes.md").read_text(encoding="utf-8").splitlines()
    assert "| 0 | `ok` | none |" in status
    assert "| 1 | `out-of-memory` | `MemoryError` |" in status


def test_check_finds_a_stale_page_and_writes_nothing(tree, run_tool):
    root = tree(TREE)
    assert run_tool(TOOL, "--root", root, "--check")[0] == 1
    assert [path.name for path in (root / "docs" / "reference").iterdir()] == ["README.md"]
    run_tool(TOOL, "--root", root)
    assert run_tool(TOOL, "--root", root, "--check") == (0, [])
    header = root / "csrc" / "log" / "oplog.h"
    header.write_text(TREE["csrc/log/oplog.h"].replace("dma", "dma_read"), encoding="utf-8")
    code, lines = run_tool(TOOL, "--root", root, "--check")
    assert code == 1
    assert lines == ["docs/reference/op-log.md:1: out of step with csrc/log/oplog.h; run make docs"]
