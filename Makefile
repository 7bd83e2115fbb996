# figures and test set everything up by themselves: Python 3.11 to 3.13 and make are all they ask for.
PROFILE ?= quick
CORES   ?= all
# the first Python on the PATH in the declared range; PYTHON=/some/python3.12 decides otherwise
PYTHON  ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null && echo $$p && break; done)

BIN   := .venv/bin
READY := .venv/ready

.PHONY: help figures test notebooks readme clean

help:
	@echo 'make figures [PROFILE=quick] [CORES=all]   every run of a profile, then its tables, figures and report'
	@echo 'make test                                  every notebook and every test; no GPU, no data, no network'
	@echo 'make notebooks                             JupyterLab on nbs/'
	@echo 'make readme                                README.md from nbs/index.ipynb'
	@echo 'make clean                                 the environment and caches; runs/ and results/ stay'

# exec: the runs end with make, however make ends (workflow/lifeline.py)
figures: $(READY)
	@exec $(BIN)/python workflow/figures.py $(PROFILE) --cores $(CORES)

test: $(READY)
	@exec $(BIN)/python -m pytest

notebooks: $(READY)
	@exec $(BIN)/python -m jupyterlab --notebook-dir=nbs

readme: $(READY)
	$(BIN)/python workflow/readme.py

# once, and again when the requirements change
$(READY): settings.ini setup.py pyproject.toml
	@test -n "$(PYTHON)" || { echo 'gradalign needs Python 3.11, 3.12 or 3.13, and none of them is on the PATH.' \
		'Install one, or name it: make PYTHON=/path/to/python3.12' >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; v = sys.version_info[:2]; sys.exit(None if (3, 11) <= v <= (3, 13) else \
		"gradalign needs Python 3.11, 3.12 or 3.13, and %s is %d.%d" % (sys.executable, *v))'
	@echo 'Setting up .venv: some minutes, once.'
	"$(PYTHON)" -m venv .venv
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --editable '.[dev]'
	@touch $@

clean:
	rm -rf .venv build dist *.egg-info .pytest_cache _docs _proc
	find gradalign nbs tests workflow -name __pycache__ -prune -exec rm -rf {} + -o -name .ipynb_checkpoints -prune -exec rm -rf {} +
