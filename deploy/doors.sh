# shellcheck shell=bash disable=SC2154,SC2034 # the options are deploy.sh's; the others use tab and newline
# The two doors to everything outside: have looks (look is its inside), change
# changes.

# Inside "${...}" bash 3.2 does not know $'\t', so these have names.
tab=$'\t'
newline=$'\n'

errors="$(mktemp "${TMPDIR:-/tmp}/deputy.XXXXXX")"
trap 'rm -f "$errors"' EXIT
trap 'exit 1' USR1 # have, in a subshell, ends the whole

# look CMD... prints what is said of something; 1 when it is not found, 2 for
# any other trouble. A dry run finds nothing.
look() {
	local said code=0
	[ -z "$dry" ] || return 1
	said="$("$@" 2>"$errors" </dev/null)" || code=$?
	if [ "$code" = 0 ]; then
		[ -n "$said" ] && printf '%s\n' "$said"
	elif [ "$code" != 127 ] && grep -qiE 'NOT_FOUND|not found|does not exist|cannot find|matched no objects' "$errors"; then
		return 1 # 127 is the shell's: then the program itself is not found
	else
		return 2
	fi
}

# have CMD... tells whether something is there, and prints what is said of it.
# Trouble ends the whole, so that nothing is made anew that only could not be
# seen. Never pipe it into what may stop reading: it would seem not to be there.
have() {
	local code=0
	look "$@" || code=$?
	if [ "$code" = 2 ]; then
		printf 'deploy.sh: this failed, so nothing more is done; mend it and run the same again:\n  %s\n' "$*" >&2
		cat "$errors" >&2
		kill -USR1 $$
		exit 1
	fi
	return "$code"
}

# change [--from 'CMD'] CMD... changes something; a dry run prints it. With
# --from, what CMD prints goes in by a pipe: no secret is an argument, or in a
# file.
change() {
	local from=""
	if [ "$1" = --from ]; then
		from="$2"
		shift 2
	fi
	if [ -n "$dry" ]; then
		[ -z "$from" ] || printf '%s | ' "$from"
		printf '%q ' "$@"
		echo
	elif [ -n "$from" ]; then
		echo "+ $from | $*" >&2
		bash -o pipefail -c "$from"' | "$@"' - "$@"
	else
		echo "+ $*" >&2
		"$@"
	fi
}

# stop says why nothing more is done, and ends the run.
stop() {
	echo "deploy.sh: $*" >&2
	exit 1
}

# digest names its standard input. Macs have shasum, most of Linux sha256sum.
digest() {
	if command -v sha256sum >/dev/null; then sha256sum; else shasum -a 256; fi | cut -c1-16
}

# project_number finds the number, of which the functions' addresses are made.
project_number() {
	[ -z "$number" ] || return 0
	number="$(have gcloud projects describe "$project" --format='value(projectNumber)')" || number=000000000000
	[ -n "$dry" ] || [ "$number" != 000000000000 ] || stop "there is no project $project that you may see"
}

# url SERVICE [TAG] is the address of a service, or of one of its revisions:
# https://cloud.google.com/run/docs/triggering/https-request#deterministic
url() { printf 'https://%s%s-%s.%s.run.app' "${2:+$2---}" "$1" "$number" "$region"; }
