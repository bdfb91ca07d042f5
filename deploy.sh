#!/usr/bin/env bash
# Deploys Deputy to a Google Cloud project: the infrastructure and the functions. It
# prints the manual steps at the end, with the addresses filled in; docs/setup.md
# explains them.
#
# Only what differs is changed, so it is safe to run again after a failure or a code
# change.
#
#   deploy.sh      options and order of the steps
#   deploy/*.sh    calls to gcloud, decisions, infrastructure, functions, checklist, removal, image digests
#
# macOS has bash 3.2 and BSD tools; internal/deploytest checks for unsupported features.
set -Eeuo pipefail

# cd would obey CDPATH. Go's caches need HOME; without it, ~ is the account's.
unset CDPATH
[ -n "${HOME:-}" ] || { unset HOME && HOME=~ && export HOME; }
from="$PWD"
cd "$(dirname "$0")"

usage() {
	cat <<'TEXT'
usage: ./deploy.sh --project PROJECT --region REGION [option ...]
       ./deploy.sh --pin

  --only infra|services    deploy only the infrastructure or only the functions
  --client-secrets FILE    store the OAuth client's JSON file as a new version of its secret
  --set NAME=VALUE         set a variable of the functions (APP_NAME, APP_CONTACT, ALLOWED_DOMAINS, LOG_LEVEL,
                           DELEGATION_SERVICE_ACCOUNT, OAUTH_CLIENT_ID, or a custom address), or of the
                           deployment (DATABASE_LOCATION, BUILD_REGION, SCHEDULER_REGION, each by default the
                           region; MAX_INSTANCES); repeatable. Later runs keep the value; NAME= removes it
  --show                   print what was decided, and where each value comes from; change nothing
  --all-users              allow public access with a binding of allUsers, for organizations that forbid the
                           default, --no-invoker-iam-check
  --kms                    wrap the keysets with a Cloud KMS key; choose this on the first run
  --database NAME          the Firestore database; default: the one in use, or (default) on the first run
  --image IMAGE            deploy this image, with its digest if it names a tag; default: build one from this
                           directory
  --from-source            let Cloud Run build each function from this directory
  --tag TAG                tag the new revisions, which gives each its own address
  --no-traffic             leave the traffic on the current revisions
  --smoke                  test the deployed functions (the revisions of --tag, if given)
  --promote                move all traffic to the revisions of --tag, test them, and roll back on failure
  --rollback               move all traffic to the revisions from before the last release
  --trigger REPOSITORY     deploy each push to main with Cloud Build; REPOSITORY is
                           projects/P/locations/R/connections/C/repositories/X
  --push BUILD             run as this build of Cloud Build: grant no public access, stop if the operator must
                           prepare something, wait for earlier builds, and never replace a newer push
  --commit SHA             the commit of --push; empty for a manual build
  --remove                 list what deploy.sh made, ask, revoke every grant, and delete it; with --yes, don't ask
  --pin                    only write the digests of the build images into cloudbuild.yaml, deploy/build.yaml
                           and cmd/server/Dockerfile
  --project-number N       the project number, if gcloud can't read it
  --dry-run                print the commands of a first run and call nothing

TEXT
}

# misuse ends the run because of a wrong argument.
misuse() {
	echo "deploy.sh: $*; see ./deploy.sh --help" >&2
	exit 64
}

project="" region="" only="" client="" kms="" database="" image="" source="" tag="" notraffic="" smoke="" promote=""
rollback="" trigger="" number="" dry="" allusers="" push="" commit="" pin="" others="" show="" kept="" remove="" yes=""
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
	--show) show=yes ;;
	--remove) remove=yes ;;
	--yes) yes=yes ;;
	--dry-run) dry=yes ;;
	--project | --region | --only | --client-secrets | --set | --database | --image | --tag | --trigger | \
		--project-number | --push | --commit)
		[ $# -ge 2 ] || misuse "$1 requires a value"
		case "$1" in
		--project) project="$2" ;;
		--region) region="$2" ;;
		--only) only="$2" ;;
		--client-secrets) case "$2" in /* | "") client="$2" ;; *) client="$from/$2" ;; esac ;;
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

# Variables that --set accepts.
settable='APP_NAME|APP_CONTACT|ALLOWED_DOMAINS|LOG_LEVEL|DELEGATION_SERVICE_ACCOUNT'
settable="$settable|OAUTH_CLIENT_ID|OAUTH_CALLBACK_URL|CHAT_ENDPOINT_URL|API_AUDIENCE"
settable="$settable|DATABASE_LOCATION|BUILD_REGION|SCHEDULER_REGION|MAX_INSTANCES"

# fits NAME VALUE PATTERN MESSAGE checks that a value, if given, matches the pattern.
# (Apple's regcomp does not support an empty alternative for the empty value.)
fits() { [ -z "$2" ] || [[ "$2" =~ ^($3)$ ]] || misuse "$1 '$2' $4"; }
if [ -z "$pin" ]; then
	[ -n "$project" ] || misuse "--project is missing"
	[ -n "$region" ] || misuse "--region is missing, such as europe-west1"
fi
fits --project "$project" '[a-z][a-z0-9-]{4,28}[a-z0-9]' \
	"is not a project ID (6 to 30 lowercase letters, digits and hyphens; not the project's name or number)"
fits --region "$region" '[a-z]+-[a-z]+[0-9]{1,2}' "is not a region such as europe-west1"
fits --only "$only" 'infra|services' "must be infra or services"
fits --database "$database" '\(default\)|[a-z][a-z0-9-]{2,61}[a-z0-9]' "is not a database name"
fits --tag "$tag" '[a-z]([a-z0-9-]{0,18}[a-z0-9])?' "must be at most 20 lowercase letters, digits and hyphens"
repository='[a-z0-9.-]+[.]pkg[.]dev/[a-z0-9._/-]+'
fits --image "$image" "$repository:[a-zA-Z0-9._-]+|[a-z0-9][a-z0-9._/:-]+@sha256:[0-9a-f]{64}" \
	"must be an image of Artifact Registry with a tag, such as R-docker.pkg.dev/P/deputy/deputy:1, or with a digest"
fits --trigger "$trigger" 'projects/[^/]+/locations/[^/]+/connections/[^/]+/repositories/[^/]+' \
	"must have the form projects/P/locations/R/connections/C/repositories/X"
fits --project-number "$number" '[0-9]+' "must be a number"
fits --push "$push" '[0-9a-f]{8}-[0-9a-f-]{27}' "is not a build ID"
fits --commit "$commit" '[0-9a-f]{40}' "is not a commit hash"
[ -z "$client" ] || [ -r "$client" ] || misuse "--client-secrets '$client' cannot be read"
[ -z "$image" ] || [ -z "$source" ] || misuse "--image and --from-source are mutually exclusive"
[ -z "$promote" ] || [ -n "$tag" ] || misuse "--promote requires --tag"
[ "$only" != services ] || [ -z "$client" ] || misuse "--only services and --client-secrets are mutually exclusive"
[ "$only" != services ] || [ -z "$trigger" ] || misuse "--only services and --trigger are mutually exclusive"
[ -z "$promote$rollback" ] || [ -z "$only$client$image$source$trigger$notraffic$smoke${settings[*]+x}" ] ||
	misuse "--promote and --rollback only move traffic: omit the deployment options"
[ -z "$promote" ] || [ -z "$rollback" ] || misuse "--promote and --rollback are mutually exclusive"
[ -z "$push" ] || [ -n "$promote" ] || [ "$only" = services ] || misuse "--push requires --only services or --promote"
[ -z "$push" ] || [ -n "$promote$image" ] || misuse "--push requires --image or --promote"
[ -z "$push" ] || [ -z "$allusers" ] || misuse "--push and --all-users are mutually exclusive"
[ -z "$remove" ] || [ -z "$show$push$promote$rollback$only$client$image$source$trigger" ] ||
	misuse "--remove only removes: omit the other options"
[ -z "$yes" ] || [ -n "$remove" ] || misuse "--yes requires --remove"
[ -z "$commit" ] || [ -n "$push" ] || misuse "--commit requires --push"
for setting in ${settings[@]+"${settings[@]}"}; do
	fits --set "$setting" "($settable)=[^|]*" "is not NAME=VALUE with a supported name"
done

# shellcheck source=deploy/calls.sh
. deploy/calls.sh
# shellcheck source=deploy/infra.sh
. deploy/infra.sh
# shellcheck source=deploy/services.sh
. deploy/services.sh
# shellcheck source=deploy/decisions.sh
. deploy/decisions.sh
# shellcheck source=deploy/checklist.sh
. deploy/checklist.sh
# shellcheck source=deploy/remove.sh
. deploy/remove.sh
# shellcheck source=deploy/pins.sh
. deploy/pins.sh

if [ -n "$pin" ]; then
	pin
	exit
fi
command -v gcloud >/dev/null || [ -n "$dry" ] || misuse "gcloud not found: https://cloud.google.com/sdk/docs/install"
project_number
age
if [ -n "$promote" ]; then
	promote
elif [ -n "$rollback" ]; then
	rollback
else
	[ -n "$show$remove" ] || [ "$only" = services ] || apis
	inherit
	if [ -n "$show$remove" ]; then
		[ -z "$show" ] || show
		[ -z "$remove" ] || remove
		exit
	fi
	[ "$only" = services ] || infra
	[ "$only" = infra ] || services
	[ -n "$only" ] || owed=yes # the checklist: the functions are there, whatever becomes of the rest
	[ "$only" = services ] || scheduler
	[ "$only" = services ] || alerts          # late: new metrics take a while to become available
	[ -n "$only$notraffic" ] || rights remove # last: the previous revisions needed them
	[ -z "$smoke" ] || smoke "$tag"
	[ -n "$only" ] || checklist
fi
