# Each target only calls what is there; CONTRIBUTING.md says more.
.PHONY: help run test test-all lint generate bench pictures

help: ## list the commands
	@sed -n 's/^\([a-z-]*\): ## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST)

run: ## Deputy and Google Chat on your machine
	go run ./cmd/local

test: ## every test that this machine supports
	./test.sh

test-all: ## install what is missing, and skip nothing
	./test.sh --all

lint: ## formatters and linters, in the versions of tools/go.mod
	go tool -modfile=tools/go.mod gofumpt -l .
	go tool -modfile=tools/go.mod golangci-lint run --allow-parallel-runners ./...

generate: ## what is made from openapi.yaml and the texts
	go generate ./shared/api ./shared/words

bench: ## CPU, latency, and memory against the least work (Linux, three minutes)
	go run ./bench

pictures: ## the pictures of the README
	go test ./cmd/local -run RealBrowser_Film -args -pictures "$(CURDIR)/docs"
