# The commands of the README. Everything else is `go`.
GO ?= go

.PHONY: demo test lint bench install-deps

demo: ## publish this tree (or DIR=...) on loopback and show what crossed the wire
	$(GO) run ./cli/pubsync demo $(or $(DIR),.)

test: install-deps ## all tests, with what they need
	$(GO) vet ./...
	$(GO) test ./...

install-deps: ## real peers for the tests, from Debian's packages
	@./.ci/deps

lint:
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -l $$(git ls-files '*.go'); exit 1; }
	$(GO) vet ./...

bench: ## measure against real peers; writes bench/results
	@./.ci/deps bench
	$(GO) run ./bench
