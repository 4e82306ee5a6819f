# Two commands matter: `make demo` shows isle on this machine, `make test` tests it. Both install what is missing.
bun := node_modules/.bin/bun
sudo := $(shell [ "$$(id -u)" = 0 ] || echo sudo)

.PHONY: setup demo test check bench docs install clean

setup: ## Install Debian packages and npm packages, build dist/isle
	tools/setup.sh

demo: setup ## Run containers with a private daemon, then take everything away
	$(sudo) $(bun) tools/demo.ts

test: ## Run all tests
	tools/setup.sh --tests
	$(sudo) $(bun) tools/test.ts

check: ## Format, lint, types, walls, dead code, documents
	$(bun) tools/check.ts

bench: setup ## Measure against the engines that are installed
	$(sudo) $(bun) test/perf/bench.ts

docs: ## Write the generated documents anew
	$(bun) tools/docs.ts --write

install: setup ## Install isle and its systemd units
	$(sudo) packaging/install.sh

clean:
	rm -rf dist bench-results
