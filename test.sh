#!/usr/bin/env bash
# Runs the tests.
#   ./test.sh          every test that this machine supports; lists the ones it skipped
#   ./test.sh --all    all tests; installs missing tools and skips nothing
#   ./test.sh --release  --all, and what takes longer: cross builds, API clients, fuzzing, load, shuffled runs
#   ./test.sh --quick  only go test, without race detector and linters
# It ends only processes that it started, and also runs with macOS's bash 3.2 and tools.
set -Eeuo pipefail
cd "$(dirname "$0")"

mode="${1:-some}"
case "$mode" in
some | --all | --quick | --release) ;;
*)
	echo "test.sh: unknown argument '$mode'; use --all, --release, --quick or nothing" >&2
	exit 64
	;;
esac

release=""
if [ "$mode" = --release ]; then release=yes mode=--all; fi

missing=()
step() { printf '\n== %s\n' "$*"; }
cannot() {
	printf '\n!! NOT TESTED: %s\n' "$*"
	missing+=("$*")
}

# started lists process groups to end: the emulator is a script that starts Java.
started=()
bin=""
finish() {
	[ -z "$bin" ] || rm -rf "$bin"
	for pid in ${started[@]+"${started[@]}"}; do kill -- "-$pid" 2>/dev/null || true; done
	if [ "${#missing[@]}" -gt 0 ]; then printf '!! NOT TESTED: %s\n' ${missing[@]+"${missing[@]}"}; fi
}
trap finish EXIT

# package installs Debian packages with --all, if it can.
package() {
	[ "$mode" = --all ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 1
	step "install $*"
	apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

# emulator starts Google's Firestore emulator if it is installed.
emulator() {
	if [ -n "${FIRESTORE_EMULATOR_HOST:-}" ]; then return 0; fi
	local sdk port log try
	sdk="$(CLOUDSDK_CORE_DISABLE_PROMPTS=1 gcloud info --format='value(installation.sdk_root)' 2>/dev/null)" || return 1
	local program="$sdk/platform/cloud-firestore-emulator/cloud_firestore_emulator"
	[ -x "$program" ] || return 1
	port=$((20000 + RANDOM % 10000)) # below the range for outgoing connections
	log="$(mktemp "${TMPDIR:-/tmp}/deputy.XXXXXX")"
	set -m
	"$program" start --host=127.0.0.1 --port="$port" >"$log" 2>&1 &
	started+=("$!")
	set +m
	for ((try = 0; try < 150; try++)); do
		if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
			export FIRESTORE_EMULATOR_HOST="127.0.0.1:$port"
			return 0
		fi
		sleep 0.2
	done
	cat "$log" >&2
	return 1
}

step "modules"
go mod download

# go mod tidy also needs the test dependencies of other modules, which download skips.
if [ "$mode" = --all ]; then
	go mod tidy -diff
elif GOPROXY=off go mod tidy -diff 2>&1 | grep -q "module lookup disabled"; then
	cannot "go mod tidy (some modules are not downloaded; ./test.sh --all fetches them)"
fi

if [ "$mode" = --quick ]; then
	go test ./...
	exit
fi

step "Firestore emulator"
if emulator || { package google-cloud-cli google-cloud-cli-firestore-emulator && emulator; }; then
	echo "at $FIRESTORE_EMULATOR_HOST"
elif [ "$mode" = --all ]; then
	echo "test.sh: --all requires Google's Firestore emulator: install gcloud, then run" \
		"'gcloud components install cloud-firestore-emulator' (Debian: google-cloud-cli-firestore-emulator)" >&2
	exit 1
else
	cannot "vault/firestore, kill -9 at every crash point, and the deployed binary" \
		"(Google's Firestore emulator was not found)"
fi

step "browser"
if ! command -v curl >/dev/null && ! package curl; then
	if [ "$mode" = --all ]; then
		echo "test.sh: --all requires curl" >&2
		exit 1
	fi
	cannot "the commands of docs/api.md (curl was not found)"
fi
if command -v chromium || command -v chromium-browser || command -v google-chrome || package chromium; then
	:
elif [ "$mode" = --all ]; then
	echo "test.sh: --all requires Chromium: install the package chromium" >&2
	exit 1
else
	cannot "the page in a real browser (Chromium was not found)"
fi

if command -v Xvfb && command -v xdotool || package xvfb xdotool; then
	:
elif [ "$mode" = --all ]; then
	echo "test.sh: --all requires Xvfb and xdotool: install the packages xvfb and xdotool" >&2
	exit 1
else
	cannot "a double click across two windows (Xvfb or xdotool was not found)"
fi
if command -v xdg-open || package xdg-utils; then
	:
elif [ "$mode" = --all ]; then
	echo "test.sh: --all requires xdg-open: install the package xdg-utils" >&2
	exit 1
else
	cannot "deputy quickstart with xdg-open (it was not found)"
fi

veth() { unshare -rn ip link add type veth; }
if veth 2>/dev/null || { package iproute2 util-linux && veth; }; then
	:
else
	cannot "packets that are lost between two network namespaces (unshare -rn ip link add type veth fails)"
fi

# node_packages installs the locked Node packages of a folder in tools.
node_packages() {
	if ! command -v npm >/dev/null && ! package nodejs npm; then
		echo "test.sh: $mode requires Node.js 20.19 or later with npm" >&2
		exit 1
	fi
	npm ci --prefix "tools/$1" --ignore-scripts --no-audit --no-fund
}
if [ "$mode" = --all ]; then
	node_packages axe
	go -C tools mod download # the recipes of CONTRIBUTING.md generate code
elif [ ! -d tools/axe/node_modules ]; then
	cannot "the accessibility of the pages (./test.sh --all installs axe-core)"
fi

PICTURES="$(mktemp -d "${TMPDIR:-/tmp}/deputy.XXXXXX")"
export PICTURES
[ "$mode" != --all ] || export TEST_ALL=yes # also the tests that mostly wait
step "tests with the race detector (screenshots of the browser tests: $PICTURES)"
go test -race -count=1 -vet=off ./... # golangci-lint vets below

if [ "$mode" = --all ]; then
	step "two minutes of load with injected failures"
	go test -count=1 ./cmd/local -run UnderLoad -v -args -load 2m | grep -v "^=== "
	step "deploy.sh resumes after each kind of failure"
	go test -count=1 ./internal/deploytest -run ResumesAfterFailure -args -every
else
	cannot "two minutes of load, outages of what Deputy calls, deploy.sh with the real gcloud, and after every kind" \
		"of failure (./test.sh --all runs them)"
	cannot "the recipes of CONTRIBUTING.md (./test.sh --all follows them)"
	cannot "generated API clients, outages of minutes, most stories of deploy.sh with the real gcloud, fuzzing," \
		"and ten minutes of load" \
		"(./test.sh --release runs them)"
fi

step "linters (versions in tools/go.mod)"
bin="$(mktemp -d "${TMPDIR:-/tmp}/deputy.XXXXXX")" # a known folder could hold another user's programs
if go -C tools build -o "$bin/" tool 2>/dev/null; then
	unformatted="$("$bin/gofumpt" -l .)"
	if [ -n "$unformatted" ]; then
		printf 'test.sh: gofumpt would change:\n%s\n' "$unformatted" >&2
		exit 1
	fi
	"$bin/golangci-lint" run --allow-parallel-runners ./... # another checkout may be checked at the same time
	generated="$(mktemp -d "${TMPDIR:-/tmp}/deputy.XXXXXX")"
	cp shared/api/config.yaml shared/api/openapi.yaml "$generated"
	(cd "$generated" && "$bin/oapi-codegen" -config config.yaml openapi.yaml)
	if ! diff -q "$generated/api.gen.go" shared/api/api.gen.go; then
		echo "test.sh: shared/api/api.gen.go differs from openapi.yaml: run go generate ./shared/api" >&2
		exit 1
	fi
elif [ "$mode" = --all ]; then
	go -C tools build -o "$bin/" tool
else
	go vet ./...
	cannot "gofumpt, golangci-lint, and shared/api/api.gen.go against openapi.yaml" \
		"(the tools could not be built; ./test.sh --all fetches them)"
fi

step "shell scripts"
if command -v shellcheck >/dev/null && command -v shfmt >/dev/null || package shellcheck shfmt; then
	shellcheck -x test.sh .ci/run deploy.sh deploy/*.sh
	shfmt -d test.sh .ci/run deploy.sh deploy/*.sh
elif [ "$mode" = --all ]; then
	echo "test.sh: --all requires shellcheck and shfmt" >&2
	exit 1
else
	cannot "shell scripts (shellcheck or shfmt was not found)"
fi

if [ "$mode" = --all ]; then
	step "openapi.yaml: Redocly's and OWASP's rules"
	node_packages openapi
	(
		cd tools/openapi
		export REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true # nothing here calls home
		npx --no-install redocly lint --config redocly.yaml ../../shared/api/openapi.yaml
		npx --no-install spectral lint -r spectral.yaml --fail-severity=hint ../../shared/api/openapi.yaml
	)
else
	cannot "Redocly's and OWASP's rules for openapi.yaml (./test.sh --all runs them)"
fi

# Each target for a minute; a failing input stays in testdata as a test.
fuzz() {
	local file target
	git ls-files '*_test.go' | while read -r file; do
		sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p' "$file" | while read -r target; do
			echo "$target in $(dirname "$file")"
			go test "./$(dirname "$file")" -run '^$' -fuzz "^$target\$" -fuzztime 1m </dev/null
		done
	done
}

# shuffled runs all tests five times in random order, beside four busy loops.
shuffled() {
	local loop
	set -m
	for loop in 1 2 3 4; do
		while :; do :; done &
		started+=("$!")
	done
	set +m
	echo "with $loop busy loops"
	go test -race -count=5 -shuffle=on -timeout=60m ./...
}

if [ -n "$release" ]; then
	step "cross builds"
	for target in darwin/arm64 windows/amd64 linux/arm64; do
		echo "$target"
		GOOS="${target%/*}" GOARCH="${target#*/}" go build ./cmd/... ./functions/...
	done
	step "API clients of seven generators"
	node_packages clients
	go test -count=1 ./cmd/local -run '^TestClients$' -v -args -clients ../../tools/clients | grep -Ev "^(=== |time=)"
	step "deploy.sh with the real gcloud, every story"
	go test -count=1 -timeout=40m ./internal/deploytest -run Real -v -args -every | grep -v "^=== "
	step "outages of five and a half minutes, and each fault of each upstream"
	go test -count=1 -timeout=30m ./internal/buildpack -run 'Outages|Instance|PacketLoss' -v -args -every |
		grep -v "^=== "
	step "ten minutes of load with injected failures"
	go test -count=1 -timeout=20m ./cmd/local -run UnderLoad -v -args -load 10m | grep -v "^=== "
	step "fuzzing, a minute for each target"
	fuzz
	step "Google's answers in 20 shapes"
	for seed in $(seq 20); do
		echo "SEED=$seed"
		SEED="$seed" go test ./shared/... ./functions/... ./cmd/local
	done
	step "five shuffled runs with the race detector under load"
	shuffled
fi

step "done"
