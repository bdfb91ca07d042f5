#!/usr/bin/env bash
# Deploys Deputy to a Google Cloud project: what it stands on, and its functions.
# What Google has no interface for is printed at the end, with the addresses
# filled in; docs/setup.md goes through all of it.
#
# Nothing is changed that is as it should be: run it again after anything that
# went wrong, and after every change of the code.
#
#   deploy.sh      what was asked for, and in which order
#   deploy/*.sh    the doors to gcloud, what the functions stand on, the functions, the checklist, the images of builds
#
# Macs have bash 3.2 and BSD's tools: internal/deploytest knows what those lack.
set -Eeuo pipefail
cd "$(dirname "$0")"

usage() {
	cat <<'TEXT'
usage: ./deploy.sh --project PROJECT --region REGION [option ...]
       ./deploy.sh --pin

  --only infra|services    only what the functions stand on, or only the functions
  --client-secrets FILE    the OAuth client's file from the console: stored as a new version of its secret
  --set NAME=VALUE         a variable of the functions (APP_NAME, APP_CONTACT, ALLOWED_DOMAINS, LOG_LEVEL,
                           DELEGATION_SERVICE_ACCOUNT, OAUTH_CLIENT_ID, or an address of your own domain);
                           may be repeated, stays, and NAME= takes it back
  --all-users              let everybody call the functions by a binding of allUsers, where the organization forbids to
                           leave out the check of callers (--no-invoker-iam-check), which is the other way
  --kms                    wrap the keysets with a key of Cloud KMS; choose it at the first run
  --database NAME          Firestore's database; without: the one it has, at first (default)
  --image IMAGE            deploy this image; without: build one from this folder
  --from-source            no image of ours: Cloud Run builds each function from this folder
  --tag TAG                call the new revisions so, and give them an address of their own
  --no-traffic             people keep the revisions they have
  --smoke                  try the deployed functions (those of --tag, if it is given)
  --promote                give all traffic to the revisions of --tag, try them, and go back if they fail
  --rollback               give all traffic to the revisions that had it before the last release
  --trigger REPOSITORY     let Cloud Build deploy each push to main: projects/P/locations/R/connections/C/repositories/X
  --push BUILD             this is that build of Cloud Build: open nothing, stop if the operator has to prepare something,
                           wait for earlier builds, and never replace a newer push
  --commit SHA             the commit of --push; empty for a build by hand
  --pin                    write the digests of the images that builds run into cloudbuild.yaml, deploy/build.yaml and
                           Dockerfile, and do nothing else
  --project-number N       where gcloud may not look it up
  --dry-run                print the commands that a first run would make, and call nothing

TEXT
}

# misuse says what is wrong with how we were called.
misuse() {
	echo "deploy.sh: $*; see ./deploy.sh --help" >&2
	exit 64
}

project="" region="" only="" client="" kms="" database="" image="" source="" tag="" notraffic="" smoke="" promote="" rollback="" trigger="" number="" dry="" allusers="" push="" commit="" pin="" others=""
settings=()
given=("$@")
while [ $# -gt 0 ]; do
	case "$1" in
	--help | -h) usage && exit 0 ;;
	--kms) kms=yes ;;
	--from-source) source=yes ;;
	--no-traffic) notraffic=yes ;;
	--smoke) smoke=yes ;;
	--promote) promote=yes ;;
	--rollback) rollback=yes ;;
	--all-users) allusers=yes ;;
	--pin) pin=yes ;;
	--dry-run) dry=yes ;;
	--project | --region | --only | --client-secrets | --set | --database | --image | --tag | --trigger | --project-number | --push | --commit)
		[ $# -ge 2 ] || misuse "$1 wants a value"
		case "$1" in
		--project) project="$2" ;;
		--region) region="$2" ;;
		--only) only="$2" ;;
		--client-secrets) client="$2" ;;
		--set) settings+=("$2") ;;
		--database) database="$2" ;;
		--image) image="$2" ;;
		--tag) tag="$2" ;;
		--trigger) trigger="$2" ;;
		--project-number) number="$2" ;;
		--push) push="$2" ;;
		--commit) commit="$2" ;;
		esac
		shift
		;;
	*) misuse "unknown argument '$1'" ;;
	esac
	shift
done

# What --set may say.
settable='APP_NAME|APP_CONTACT|ALLOWED_DOMAINS|LOG_LEVEL|DELEGATION_SERVICE_ACCOUNT|OAUTH_CLIENT_ID|OAUTH_CALLBACK_URL|CHAT_ENDPOINT_URL|API_AUDIENCE'

# fits NAME VALUE PATTERN SENTENCE: a value that is given has to look like this.
# (An empty alternative in the pattern would do, if Apple's regcomp took it.)
fits() { [ -z "$2" ] || [[ "$2" =~ ^($3)$ ]] || misuse "$1 '$2' $4"; }
if [ -z "$pin" ]; then
	[ -n "$project" ] || misuse "--project is missing"
	[ -n "$region" ] || misuse "--region is missing, such as europe-west1"
fi
fits --project "$project" '[a-z][a-z0-9-]{4,28}[a-z0-9]' "is not a project id (6 to 30 small letters, digits and hyphens; not the name, not the number)"
fits --region "$region" '[a-z]+-[a-z]+[0-9]{1,2}' "is not a region such as europe-west1"
fits --only "$only" 'infra|services' "must be infra or services"
fits --database "$database" '\(default\)|[a-z][a-z0-9-]{2,61}[a-z0-9]' "is not a name of a database"
fits --tag "$tag" '[a-z]([a-z0-9-]{0,18}[a-z0-9])?' "must be at most 20 small letters, digits and hyphens"
fits --image "$image" '[a-z0-9][a-zA-Z0-9._/:@-]+' "is not an image"
fits --trigger "$trigger" 'projects/[^/]+/locations/[^/]+/connections/[^/]+/repositories/[^/]+' "must look like projects/P/locations/R/connections/C/repositories/X"
fits --project-number "$number" '[0-9]+' "must be a number"
fits --push "$push" '[0-9a-f]{8}-[0-9a-f-]{27}' "is not the id of a build"
fits --commit "$commit" '[0-9a-f]{40}' "is not a commit"
[ -z "$client" ] || [ -r "$client" ] || misuse "--client-secrets '$client' cannot be read"
[ -z "$image" ] || [ -z "$source" ] || misuse "--image and --from-source exclude each other"
[ -z "$promote" ] || [ -n "$tag" ] || misuse "--promote needs the --tag of the revisions"
[ "$only" != services ] || [ -z "$client" ] || misuse "--only services stores no --client-secrets: leave out one of them"
[ "$only" != services ] || [ -z "$trigger" ] || misuse "--only services makes no --trigger: leave out one of them"
[ -z "$promote$rollback" ] || [ -z "$only$client$image$source$trigger$notraffic$smoke${settings[*]+x}" ] || misuse "--promote and --rollback only give traffic: leave out what deploys"
[ -z "$promote" ] || [ -z "$rollback" ] || misuse "--promote and --rollback exclude each other"
[ -z "$push" ] || [ -n "$promote" ] || [ "$only" = services ] || misuse "--push needs --only services or --promote: the operator's run makes the rest"
[ -z "$push" ] || [ -n "$promote$image" ] || misuse "--push needs --image or --promote"
[ -z "$push" ] || [ -z "$allusers" ] || misuse "--push opens no service: leave out --all-users"
[ -z "$commit" ] || [ -n "$push" ] || misuse "--commit belongs to --push"
for setting in ${settings[@]+"${settings[@]}"}; do
	fits --set "$setting" "($settable)=[^|]*" "is not NAME=VALUE of a variable that can be set"
done

# shellcheck source=deploy/doors.sh
. deploy/doors.sh
# shellcheck source=deploy/infra.sh
. deploy/infra.sh
# shellcheck source=deploy/services.sh
. deploy/services.sh
# shellcheck source=deploy/checklist.sh
. deploy/checklist.sh
# shellcheck source=deploy/pins.sh
. deploy/pins.sh

if [ -n "$pin" ]; then
	pin
	exit
fi
command -v gcloud >/dev/null || [ -n "$dry" ] || misuse "gcloud is not on this machine: https://cloud.google.com/sdk/docs/install"
project_number
age
if [ -n "$promote" ]; then
	promote
elif [ -n "$rollback" ]; then
	rollback
else
	[ "$only" = services ] || apis
	inherit
	[ "$only" = services ] || infra
	[ "$only" = infra ] || services
	[ "$only" = services ] || alerts          # late: the counters behind them take a while to be known
	[ -n "$only$notraffic" ] || rights remove # last: what served before needed them
	[ -z "$smoke" ] || smoke "$tag"
	[ -n "$only" ] || checklist
fi
