# shellcheck shell=bash disable=SC2154,SC2034 # deploy.sh sets the options; other files use tab and newline
# All calls to other programs: have (on top of look) reads, change writes.

# bash 3.2 does not support $'\t' inside "${...}".
tab=$'\t'
newline=$'\n'

errors="$(mktemp "${TMPDIR:-/tmp}/deputy.XXXXXX")"
owed=""
trap 'rm -f "$errors"; [ -z "$owed" ] || checklist' EXIT
trap 'exit 1' USR1 # have sends it from a subshell to end the run

# What Google answers when the same call may succeed soon: an outage, a conflict with another change, an API that was
# just enabled, and a quota per minute.
passing='ERROR: .*(UNAVAILABLE|ABORTED|DEADLINE_EXCEEDED|INTERNAL|RESOURCE_EXHAUSTED):'
passing="$passing|(status|code)[\"']: ?[\"']?(429|50[0234])"
passing="$passing|concurrent policy changes|try again|retry|has not been used in project|contention"
lasting='billing|constraint|completed with status' # although it says to retry; a build that failed
absent='NOT_FOUND|not found|not be found|does not exist|cannot find|matched no objects'
made='ALREADY_EXISTS|already exists|pre-conditions you specified did not hold'

# again TRY PATTERN waits before another try, and fails if there is none: the errors must match PATTERN.
again() {
	if [ "$1" = 5 ] || ! grep -qiE "$2" "$errors" || grep -qiE "$lasting" "$errors"; then return 1; fi
	echo "deploy.sh: Google says that this may pass; try $(($1 + 1)) of 5 in $((5 * $1)) s" >&2
	sleep "$((5 * $1))"
}

# look CMD... prints the output of CMD. It returns 1 if CMD reports that something does
# not exist, or in a dry run, and 2 for any other error.
look() {
	local said code try
	[ -z "$dry" ] || return 1
	for try in 1 2 3 4 5; do
		code=0
		said="$("$@" 2>"$errors" </dev/null)" || code=$?
		if [ "$code" = 0 ] || ! again "$try" "$passing"; then break; fi
	done
	if [ "$code" = 0 ]; then
		[ -n "$said" ] && printf '%s\n' "$said"
	elif [ "$code" != 127 ] &&
		grep -qiE "$absent" "$errors"; then
		return 1 # but not for code 127, when the shell did not find the program
	else
		return 2
	fi
}

# have CMD... succeeds if something exists, and prints the output of CMD. Any other
# error ends the run, so that nothing is created because a read failed. Do not pipe it
# into a command that may stop reading: the broken pipe would look like "not found".
have() {
	local code=0
	look "$@" || code=$?
	if [ "$code" = 2 ]; then
		printf 'deploy.sh: this command failed:\n  %s\n' "$*" >&2
		cat "$errors" >&2
		advice
		kill -USR1 $$
		exit 1
	fi
	return "$code"
}

# change [--from 'CMD'] CMD... runs a command that changes something; a dry run prints
# it. --from pipes the output of its CMD into it, which keeps secrets out of arguments
# and files. It repeats a command that is safe to repeat: if an earlier try was carried out,
# perhaps one of gcloud's own, what it creates exists, and what it deletes is gone. New accounts take
# a while to be known everywhere.
change() {
	local from="" try code carried
	if [ "$1" = --from ]; then
		from="$2"
		shift 2
	fi
	if [ -n "$dry" ]; then
		[ -z "$from" ] || printf '%s | ' "$from"
		printf '%q ' "$@"
		echo
	else
		echo "+ ${from:+$from | }$*" >&2
		for try in 1 2 3 4 5; do
			code=0
			{ piped "$@" 2>&1 >&3 | tee "$errors" >&2; } 3>&1 || code=$?
			[ "$code" != 0 ] || return 0
			case "$*" in
			*" delete "* | *" remove-iam-policy-binding "* | *" storage rm "*) carried="$absent" ;;
			*) carried="$made" ;;
			esac
			! grep -qiE "$carried" "$errors" || return 0
			if ! again "$try" "$passing|does not exist"; then
				advice
				return "$code"
			fi
		done
	fi
}

# piped CMD... runs CMD, with the output of from if it is set.
piped() {
	if [ -n "$from" ]; then
		bash -o pipefail -c "$from"' | "$@"' - "$@"
	else
		"$@"
	fi
}

# advice prints what to do about the last error.
advice() {
	local what="Fix the cause that gcloud names"
	if grep -qi billing "$errors"; then
		what="Enable billing for the project"
	elif grep -qiE 'constraint|organization polic' "$errors"; then
		what="An organization policy forbids this. Ask for an exception for this project, or choose another way:
docs/setup.md, Organization policies"
	elif grep -qiE 'PERMISSION_DENIED|does not have permission|forbidden|HTTPError 403' "$errors"; then
		what="Your account needs a role for this. Owner of the project is enough"
	elif grep -qiE 'UNAUTHENTICATED|reauth|invalid authentication credentials|gcloud auth login' "$errors"; then
		what="Sign in: gcloud auth login"
	elif grep -qiE "$passing" "$errors"; then
		what="Google has an outage, or a quota is used up. Wait some minutes"
	fi
	echo "deploy.sh: $what. Then run the same command again: it goes on where this run stopped" >&2
}

# stop prints why the run cannot continue and ends it.
stop() {
	echo "deploy.sh: $*" >&2
	exit 1
}

# digest hashes standard input. macOS has shasum, most Linux systems have sha256sum.
digest() {
	if command -v sha256sum >/dev/null; then sha256sum; else shasum -a 256; fi | cut -c1-16
}

# project_number looks up the project number, which is part of the functions' addresses.
project_number() {
	[ -z "$number" ] || return 0
	number="$(have gcloud projects describe "$project" --format='value(projectNumber)')" || number=000000000000
	[ -n "$dry" ] || [ "$number" != 000000000000 ] || stop "project $project not found, or you have no access to it"
}

# url SERVICE [TAG] prints the address of a service or of a tagged revision:
# https://cloud.google.com/run/docs/triggering/https-request#deterministic
url() { printf 'https://%s%s-%s.%s.run.app' "${2:+$2---}" "$1" "$number" "$region"; }
