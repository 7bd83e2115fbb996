# figures and test set everything up by themselves: Python 3.11 to 3.13 and make are all they ask for.
PROFILE ?= quick
CORES   ?= all
WHERE   ?= local
# further options of Snakemake
OPTIONS ?=
DEVICE  ?= h200
# the first Python on the PATH in the declared range; PYTHON=/some/python3.12 decides otherwise
PYTHON  ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null && echo $$p && break; done)

BIN   := .venv/bin
READY := .venv/ready

.PHONY: help figures plan test notebooks docs readme clean

help:
	@echo 'make figures [PROFILE=quick] [CORES=all]   every run of a profile, then its tables, figures and report'
	@echo 'make figures WHERE=slurm [OPTIONS=...]         the same on a cluster (workflow/profiles/slurm/config.yaml)'
	@echo 'make plan [PROFILE=quick] [DEVICE=h200]    every job with its FLOPs, hours and memory, by estimate; starts nothing'
	@echo 'make test                                  every notebook and every test; no GPU, no data, no network'
	@echo 'make notebooks                             JupyterLab on nbs/'
	@echo 'make docs                                  the notebooks and the library as a site, in _site/'
	@echo 'make readme                                README.md from nbs/index.ipynb'
	@echo 'make clean                                 the environment and caches; runs/ and results/ stay'

# exec: the runs end with make, however make ends (workflow/lifeline.py)
figures: $(READY)
	@exec $(BIN)/python workflow/figures.py $(PROFILE) --profile workflow/profiles/$(WHERE) $(if $(filter local,$(WHERE)),--cores $(CORES)) $(OPTIONS)

plan: $(READY)
	@exec $(BIN)/python workflow/cost.py $(PROFILE) --device $(DEVICE)

test: $(READY)
	@exec $(BIN)/python -m pytest

notebooks: $(READY)
	@exec $(BIN)/python -m jupyterlab --notebook-dir=nbs

docs: $(READY) .venv/docs
	@exec $(BIN)/python docs/build.py

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
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-compile --editable '.[dev]'
	@touch $@

# what only the site needs, when it is asked for
.venv/docs: $(READY)
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --editable '.[dev,docs]'
	@touch $@

clean:
	rm -rf .venv build dist *.egg-info .pytest_cache _docs _proc _site
	find gradalign nbs tests workflow -name __pycache__ -prune -exec rm -rf {} + -o -name .ipynb_checkpoints -prune -exec rm -rf {} +
