# kernbench: one door to every job, for people and for .ci/run.
VENV := .venv
PY := $(VENV)/bin/python
MESON := $(VENV)/bin/meson
NINJA := $(VENV)/bin/ninja
MAKEFLAGS += --no-print-directory --no-builtin-rules
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
unexport PYTHONPATH PYTHONHOME

.PHONY: bench_peers peers peers-flit help build run test test-full golden check format san asan tsan valgrind bench fuzz docs wheel clean python
.DELETE_ON_ERROR:

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 18

# --- the environment and the build -------------------------------------------------------------

# .venv/ready holds the path it was made for: a tree that was moved or copied makes it anew.
ifneq ($(file <$(VENV)/ready),$(CURDIR))
.PHONY: $(VENV)/ready
endif
$(VENV)/ready: pyproject.toml tools/make_env.sh
	@tools/make_env.sh >&2

# A build folder: name and meson options.
comma := ,
define build_folder
$(1)/build.ninja: $(VENV)/ready
	@rm -rf $(1)
	@$(MESON) setup $(1) $(2) >$(1).log || { cat $(1).log; rm $(1).log; exit 1; }
	@mv $(1).log $(1)/setup.log
endef
debug := -Dpython=false -Dbuildtype=debugoptimized
$(eval $(call build_folder,build))
$(eval $(call build_folder,build-asan,$(debug) -Db_sanitize=address$(comma)undefined))
$(eval $(call build_folder,build-tsan,$(debug) -Db_sanitize=thread))
$(eval $(call build_folder,build-valgrind,$(debug)))

# The package is compiled to bytecode here, as an import may be told not to write any (PYTHONDONTWRITEBYTECODE).
build: build/build.ninja ## set up .venv, compile the engine, put kernbench/_core in place
	@$(NINJA) -C build --quiet core
	@cd kernbench && ln -sf ../build/csrc/py/_core*.so .
	@$(PY) -m compileall -q kernbench

python: ## print the interpreter in which kernbench is installed
	@$(MAKE) build >&2
	@echo $(CURDIR)/$(PY)

# --- what it is for ----------------------------------------------------------------------------

run: build ## run benches/gemm.py on the default topology
	@$(VENV)/bin/kernbench run benches/gemm.py

test: build ## all tests: the C engine's, then Python's (PYTEST="-k name" passes options)
	@$(NINJA) -C build --quiet
	$(MESON) test -C build --no-rebuild --print-errorlogs
	$(PY) -m pytest -n auto $(PYTEST)

test-full: build ## every algorithm x collective x group size x dtype x odd size (PYTEST="-k ring" passes options)
	$(PY) -m pytest -q -n auto tests/ccl/full_product.py $(PYTEST)

golden: build ## write the golden op logs of tests/golden anew; read the difference
	KERNBENCH_GOLDEN=write $(PY) -m pytest -q tests/golden

# Triton and torch, for its interpreter, in an environment of their own.  PIP_EXTRA_INDEX_URL may name
# an index that has torch without CUDA, such as https://download.pytorch.org/whl/cpu.
.oracle/ready: Makefile
	@python3 -m venv --clear .oracle
	.oracle/bin/python -m pip install -q --disable-pip-version-check torch==2.13.0 numpy
	.oracle/bin/python -m pip install -q --disable-pip-version-check --no-deps triton==3.7.1
	@touch $@

parity: build .oracle/ready ## the kernel language against Triton's interpreter, tensors against torch (installs both)
	KERNBENCH_ORACLE=$(CURDIR)/.oracle/bin/python $(PY) -m pytest -q tests/parity $(PYTEST)

bench: build ## measure what docs/reference/benchmarks.md says, and write it anew: some minutes
	@$(NINJA) -C build --quiet
	$(PY) tools/bench/run.py --out docs/reference/benchmarks.md

# The engine beside other simulators: a harness calls COMMAND BENCH key=value ..., and reads a line of JSON.
bench_peers: build
	@$(NINJA) -C build --quiet csrc/bench/peers >&2

peers: bench_peers ## print the command that runs our side of the engine benchmarks
	@echo $(CURDIR)/build/csrc/bench/peers longer=20

peers-flit: bench_peers ## the same, flit by flit
	@echo $(CURDIR)/build/csrc/bench/peers longer=20 mode=flit

# --- quality -----------------------------------------------------------------------------------

c_files = $(shell find csrc -name '*.[ch]')
check: $(VENV)/ready ## formatting, lint, types, layers, ADR twins, reference pages
	$(VENV)/bin/clang-format --dry-run -Werror $(c_files)
	$(VENV)/bin/ruff check
	$(VENV)/bin/ruff format --check
	$(VENV)/bin/mypy kernbench tools
	$(PY) tools/check_layers.py
	$(PY) tools/verify_adr_lang_pairs.py
	$(PY) tools/gen_reference.py --check

format: $(VENV)/ready ## apply the formatting that check compares
	$(VENV)/bin/clang-format -i $(c_files)
	$(VENV)/bin/ruff check --fix-only
	$(VENV)/bin/ruff format

san: asan tsan valgrind ## the C tests under ASan+UBSan, TSan and valgrind

asan: build-asan/build.ninja
	$(MESON) test -C build-asan --print-errorlogs --timeout-multiplier 5

tsan: build-tsan/build.ninja
	$(MESON) test -C build-tsan --print-errorlogs --timeout-multiplier 5 --wrap "setarch -R"

# The core, where memory is handed around.  Not what compares numbers with long double: valgrind has it
# in 64 bits only, so those tests cannot pass there; the sanitizers run them all.
valgrind_core := base eventq sim range placement store yaml topology topology_errors kir verify access \
    payload oplog dispatch fabric traffic request pe_sched pe_dma pe_cpu launch machine replay engine
valgrind: build-valgrind/build.ninja
	@command -v valgrind >/dev/null || tools/need_packages.sh valgrind libc6-dbg
	$(MESON) test -C build-valgrind --print-errorlogs --timeout-multiplier 20 \
	    --wrap "valgrind -q --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite" \
	    $(valgrind_core)

fuzz: build-asan/build.ninja ## the fuzz targets over their corpora, and trains against flits, under ASan+UBSan
	@$(NINJA) -C build-asan --quiet csrc/test/test_trains
	$(MESON) test -C build-asan --print-errorlogs --suite fuzz
	build-asan/csrc/test/test_trains 100000 1000001

# --- what goes out -----------------------------------------------------------------------------

docs: $(VENV)/ready ## write the reference pages that come from the sources
	$(PY) tools/gen_reference.py

wheel: build ## a wheel in dist/, with libyaml linked statically
	@rm -rf dist
	$(PY) -m pip wheel -q --disable-pip-version-check --no-build-isolation --no-deps -w dist .
	@ls dist/*.whl

clean: ## remove everything that make made
	rm -rf build build-asan build-tsan build-valgrind dist $(VENV) .oracle kernbench/_core*.so
	find . -name __pycache__ -prune -exec rm -rf {} +
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis
