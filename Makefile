# README's two commands are `make run` and `make test`; the others are their parts.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

DATA ?= data/demo
SEED ?= 20261123
PROJECTS ?= 731
LISTEN ?= 127.0.0.1:8080

.PHONY: help run test bench figures web web-deps rust-test verifier browser-test lint tools

help:
	@echo "make run    build, load a year of trade, serve it with live auctions on http://$(LISTEN)"
	@echo "make test   every test; installs what it needs, or says what is missing"
	@echo "make bench  measurements against baselines of the same run"
	@echo "make lint   rustfmt and clippy"

# A fresh demonstration: the data directory is made anew, so nothing but a demonstration may ever be in it.
run: web
	cargo build --release
	rm -rf "$(DATA)"
	./target/release/mingjian simulate --projects $(PROJECTS) --seed $(SEED) --data "$(DATA)"
	@# A line a request would wash the accounts and addresses away that it prints.
	MINGJIAN_LOG__FILTER=info,mingjian::request=warn ./target/release/mingjian serve --demo --data "$(DATA)" --listen $(LISTEN)

test: tools web lint
	@# The offline verifier comes out the same wherever it is built (docs/reproducible.md); its rules are not compiled again.
	cd web && node scripts/verifier.mjs --rules public/verifier.wasm --page-twice
	$(MAKE) rust-test
	cd web && npm run --silent format:check && npm run --silent typecheck && npm test --silent
	$(MAKE) browser-test

rust-test:
	cargo test

# The verifier's half needs no server and runs in a browser: in the interface, and in verify.html without a network.
verifier: web-deps
	rustup target add wasm32-unknown-unknown
	@if [ -d web/node_modules ]; then cd web && npm run --silent verifier; fi

# Without Node the server still builds; it then says how to build the interface.
web: web-deps verifier
	@if [ -d web/node_modules ]; then cd web && npm run --silent build; \
	else echo "no Node.js: the web interface is left out"; mkdir -p web/dist; fi

web-deps:
	@if command -v npm >/dev/null; then ops/ci/npm-ci; fi

browser-test:
	ops/ci/browser-test

lint:
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings

tools:
	ops/ci/install

bench:
	cargo bench --bench ledger
	cargo bench --bench evidence
	cargo bench --bench server
	cargo bench --bench proofs
	$(MAKE) figures
	cargo bench --bench database
	cargo bench --bench storm
	cargo bench --bench nodes
	cargo bench --bench many

# The interface in a real browser, against the release binary.
figures: web
	cargo build --release
	cd web && MINGJIAN="$(CURDIR)/target/release/mingjian" npm run --silent figures
	cd web && MINGJIAN="$(CURDIR)/target/release/mingjian" node tests/browser/verifying.mjs
