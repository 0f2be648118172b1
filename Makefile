# What people and CI run. `make help` lists it.

export CARGO_TARGET_DIR ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/openclaw/target
CARGO ?= cargo
DEBUG_BIN := $(CARGO_TARGET_DIR)/debug/openclaw
HOST := $(shell rustc -vV | sed -n 's/^host: //p')
RELEASE_BIN := $(CARGO_TARGET_DIR)/$(HOST)/release/openclaw
INTEROP := tests/interop
PREFIX ?= $(HOME)/.local

.DEFAULT_GOAL := help
.PHONY: help run build test check unit interop demo kills bench fuzz release install clean

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

build: ## build the debug binary and link it as bin/openclaw
	$(CARGO) build --locked --package openclaw-cli
	@mkdir -p bin && ln -sfn $(DEBUG_BIN) bin/openclaw

run: build ## build what is missing, make a config on first use, start the Gateway
	@bin/openclaw setup --non-interactive
	@exec bin/openclaw gateway run

test: check unit interop ## everything CI runs

check: ## format and lints
	$(CARGO) fmt --all -- --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings

unit: ## all Rust tests, the house's own among them
	$(CARGO) test --locked --workspace

interop: build $(INTEROP)/node_modules/.package-lock.json ## the original's own client and node host against our binary
	@export OPENCLAW_ORIGINAL=$$($(INTEROP)/original/install $(CARGO_TARGET_DIR)/original) OPENCLAW_BIN=$(DEBUG_BIN); \
	cd $(INTEROP) && node_modules/.bin/node --test --test-concurrency=1 --test-timeout=180000 'test/*.test.mjs'

$(INTEROP)/node_modules/.package-lock.json: $(INTEROP)/package-lock.json
	cd $(INTEROP) && npm ci --no-audit --no-fund
	@touch $@

demo: ## watch a message from Telegram reach a node and come back, hop by hop
	$(CARGO) build --locked --workspace --bin openclaw --bin demo
	@$(CARGO_TARGET_DIR)/debug/demo $(DEBUG_BIN)

kills: ## kill the Gateway at 500 random moments while people write to it: make kills KILLS=5000
	OPENCLAW_KILLS=$(or $(KILLS),500) $(CARGO) test --locked --workspace --bin openclaw --lib --test it chats_crash

bench: release ## measure the release binary; prints a table, writes bench.json
	$(CARGO) build --locked --release --package openclaw-bench
	$(CARGO_TARGET_DIR)/release/openclaw-bench --binary $(RELEASE_BIN) --json bench.json

fuzz: ## the fuzz targets for longer: make fuzz SECONDS=600
	BOLERO_RANDOM_ITERATIONS=1000000000 BOLERO_RANDOM_TEST_TIME_MS=$(or $(SECONDS),300)000 \
		$(CARGO) test --locked --package openclaw-wire --package openclaw-config fuzz

release: ## one static file, in the cache's release folder
	RUSTFLAGS="-C target-feature=+crt-static" $(CARGO) build --locked --release --target $(HOST) --package openclaw-cli
	@ls -l $(RELEASE_BIN)

install: release ## copy the release binary to PREFIX/bin (default ~/.local/bin)
	install -D -m 755 $(RELEASE_BIN) $(PREFIX)/bin/openclaw

clean: ## forget the build cache and installed packages
	rm -rf bin $(INTEROP)/node_modules $(CARGO_TARGET_DIR)
