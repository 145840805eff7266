# make demo    set-up + the main job on embedded real data
# make test    set-up + the whole fast test suite
# make slow    set-up + the slow tests; SLOW='tests/models …' takes some
# make lint    set-up + ruff and mypy
# make check   make tables, and fail if that changes a file that is committed
# make screenshot  docs/leaderboard.png, from the demo's page; needs chromium
# make tables  the generated counts, tables, metafiles and configs/README.md, after a change of configs or networks
# make setup   .venv with the versions that constraints.txt pins; seconds when nothing changed
SHELL := /bin/bash
VENV := .venv
# The first Python of 3.10–3.12 found; PYTHON=… chooses another.
PYTHON ?= $(shell for python in python3 python3.12 python3.11 python3.10; do \
	$$python -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null && echo $$python && break; done)
RUN := . $(VENV)/bin/activate &&
STAMP := $(VENV)/.set-up

.PHONY: setup demo test slow tables check screenshot lint clean

setup: $(STAMP)

$(STAMP): setup.py pyproject.toml constraints.txt senet_mm/compat/senet_mm.pth
	@[ -n "$(PYTHON)" ] || { echo 'senet_mm needs Python 3.10, 3.11 or 3.12; name one with make PYTHON=…' >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(RUN) MMCV_WITH_OPS=0 pip install --disable-pip-version-check -q -c constraints.txt -e '.[dev]'
	$(RUN) python -m senet_mm.compat.opencv
	@touch $@

# QUICK=1 cuts every part to a few iterations: the same steps on the same code, no useful result.
ifdef QUICK
PRETRAIN := --cfg-options train_dataloader.dataset.indices=50
CIFAR := --cfg-options train_dataloader.dataset.indices=64 train_cfg.max_epochs=1 train_cfg.val_interval=1 \
	default_hooks.checkpoint.interval=1
DETECT := --cfg-options train_cfg.max_iters=4
TEST := --cfg-options test_dataloader.dataset.indices=6
endif
LEADERBOARD := $(RUN) tools/leaderboard.py $(addprefix work_dirs/,resnet20_demo se_resnet20_demo faster_rcnn_r50_demo \
	faster_rcnn_se_r50_demo) --page work_dirs/leaderboard.html
demo: setup
	$(RUN) tools/prepare_data.py demo
	$(RUN) for run in resnet20_demo se_resnet20_demo; do tools/train.py configs/demo/$$run.py $(CIFAR) && \
		tools/test.py configs/demo/$$run.py $$(cat work_dirs/$$run/last_checkpoint) || exit; done
	$(RUN) tools/train.py configs/demo/resnet50_demo.py $(PRETRAIN)
	$(RUN) tools/train.py configs/demo/se_resnet50_demo.py $(PRETRAIN)
	$(RUN) tools/train.py configs/demo/faster_rcnn_r50_demo.py --no-validate $(DETECT)
	$(RUN) tools/train.py configs/demo/faster_rcnn_se_r50_demo.py --no-validate $(DETECT)
	$(RUN) for run in faster_rcnn_r50_demo faster_rcnn_se_r50_demo; do tools/test.py configs/demo/$$run.py \
		$$(cat work_dirs/$$run/last_checkpoint) --out work_dirs/$$run/predictions.json $(TEST) || exit; done
	$(RUN) tools/draw_detections.py configs/demo/faster_rcnn_r50_demo.py plain=work_dirs/faster_rcnn_r50_demo/predictions.json \
		SE=work_dirs/faster_rcnn_se_r50_demo/predictions.json --out work_dirs/demo_detections.jpg
	@echo
	@$(LEADERBOARD)

# One process a core, one thread each: threads of several processes on the same cores wait for one another.
test: setup
	$(RUN) OMP_NUM_THREADS=1 pytest -n auto

slow: setup
	$(RUN) OMP_NUM_THREADS=1 pytest -m slow -n auto $(SLOW)

GENERATED := senet_mm/results/complexity.json senet_mm/results/published.json docs/complexity.md model-index.yml configs/README.md configs/zoo
tables: setup
	$(RUN) tools/complexity.py --all --format json --out senet_mm/results/complexity.json
	$(RUN) tools/complexity.py --all --format md --out docs/complexity.md
	$(RUN) tools/pin_configs.py
	$(RUN) tools/make_zoo.py > /dev/null

check: tables
	@[ -z "$$(git status --porcelain -- $(GENERATED))" ] || \
		{ git status --short -- $(GENERATED); echo 'these are not what make tables writes; commit what it wrote' >&2; exit 1; }

screenshot: setup
	$(LEADERBOARD) > /dev/null
	chromium --headless --no-sandbox --hide-scrollbars --virtual-time-budget=60000 --window-size=1200,1120 \
		--screenshot=docs/leaderboard.png "file://$(CURDIR)/work_dirs/leaderboard.html"

lint: setup
	$(RUN) ruff check . && ruff format --check . && mypy

clean:
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache
