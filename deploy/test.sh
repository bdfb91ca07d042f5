#!/usr/bin/env bash
# Runs the tests in Cloud Build. An upload without tests must fail.
set -Eeuo pipefail
cd "$(dirname "$0")/.."
if [ "$(($(find . -name '*_test.go' | wc -l)))" -lt 100 ]; then
	echo "deploy/test.sh: the tests were not uploaded: submit with --ignore-file=.gcloudignore-build" >&2
	exit 1
fi
./test.sh
