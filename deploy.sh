#!/usr/bin/env bash
# Deploys Deputy to a Google Cloud project: what it stands on, and its functions.
# What Google has no interface for is printed at the end, with the addresses
# filled in; docs/setup.md goes through all of it.
#
# Nothing is changed that is as it should be: run it again after anything that
# went wrong, and after every change of the code.
#
#   deploy.sh      what was asked for, and in which order
#   deploy/*.sh    the doors to gcloud, what the functions stand on, the functions, the checklist
set -Eeuo pipefail
cd "$(dirname "$0")"

usage() {
	cat <<'TEXT'
usage: ./deploy.sh --project PROJECT --region REGION [option ...]

  --only infra|services    only what the functions stand on, or only the functions
  --client-secrets FILE    the OAuth client's file from the console: stored as a new version of its secret
  --set NAME=VALUE         a variable of the functions (APP_NAME, APP_CONTACT, ALLOWED_DOMAINS, LOG_LEVEL,
                           DELEGATION_SERVICE_ACCOUNT, or an address of your own domain); may be repeated
  --kms                    wrap the keysets with a key of Cloud KMS; choose it at the first run
  --database NAME          Firestore's database; without: the one it has, at first (default)
  --image IMAGE            deploy this image; without: build one from this folder
  --from-source            no image of ours: Cloud Run builds each function from this folder
  --tag TAG                call the new revisions so, and give them an address of their own
  --no-traffic             people keep the revisions they have
  --smoke                  try the deployed functions (those of --tag, if it is given)
  --promote                give all traffic to the revisions of --tag, try them, and go back if they fail
  --rollback               give all traffic to the revisions that had it before the last change of it
  --trigger REPOSITORY     let Cloud Build deploy each push to main: projects/P/locations/R/connections/C/repositories/X
  --project-number N       where gcloud may not look it up
  --dry-run                print the commands that a first run would make, and call nothing

TEXT
}

# misuse says what is wrong with how we were called.
misuse() {
	echo "deploy.sh: $*; see ./deploy.sh --help" >&2
	exit 64
}

project="" region="" only="" client="" kms="" database="" image="" source="" tag="" notraffic="" smoke="" promote="" rollback="" trigger="" number="" dry=""
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
	--dry-run) dry=yes ;;
	--project | --region | --only | --client-secrets | --set | --database | --image | --tag | --trigger | --project-number)
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
		esac
		shift
		;;
	*) misuse "unknown argument '$1'" ;;
	esac
	shift
done

# fits NAME VALUE PATTERN SENTENCE: a value that is given has to look like this.
fits() { [[ "$2" =~ ^($3)$ ]] || misuse "$1 '$2' $4"; }
[ -n "$project" ] || misuse "--project is missing"
[ -n "$region" ] || misuse "--region is missing, such as europe-west1"
fits --project "$project" '[a-z][a-z0-9-]{4,28}[a-z0-9]' "is not a project id (6 to 30 small letters, digits and hyphens; not the name, not the number)"
fits --region "$region" '[a-z]+-[a-z]+[0-9]{1,2}' "is not a region such as europe-west1"
fits --only "$only" '|infra|services' "must be infra or services"
fits --database "$database" '|\(default\)|[a-z][a-z0-9-]{2,61}[a-z0-9]' "is not a name of a database"
fits --tag "$tag" '|[a-z]([a-z0-9-]{0,18}[a-z0-9])?' "must be at most 20 small letters, digits and hyphens"
fits --image "$image" '|[a-z0-9][a-zA-Z0-9._/:@-]+' "is not an image"
fits --trigger "$trigger" '|projects/[^/]+/locations/[^/]+/connections/[^/]+/repositories/[^/]+' "must look like projects/P/locations/R/connections/C/repositories/X"
fits --project-number "$number" '[0-9]*' "must be a number"
[ -z "$client" ] || [ -r "$client" ] || misuse "--client-secrets '$client' cannot be read"
[ -z "$image" ] || [ -z "$source" ] || misuse "--image and --from-source exclude each other"
[ -z "$promote" ] || [ -n "$tag" ] || misuse "--promote needs the --tag of the revisions"
[ "$only" != services ] || [ -z "$client" ] || misuse "--only services stores no --client-secrets: leave out one of them"
[ "$only" != services ] || [ -z "$trigger" ] || misuse "--only services makes no --trigger: leave out one of them"
[ -z "$promote$rollback" ] || [ -z "$only$client$image$source$trigger$notraffic$smoke${settings[*]+x}" ] || misuse "--promote and --rollback only give traffic: leave out what deploys"
[ -z "$promote" ] || [ -z "$rollback" ] || misuse "--promote and --rollback exclude each other"
for setting in ${settings[@]+"${settings[@]}"}; do
	fits --set "$setting" '(APP_NAME|APP_CONTACT|ALLOWED_DOMAINS|LOG_LEVEL|DELEGATION_SERVICE_ACCOUNT|OAUTH_CALLBACK_URL|CHAT_ENDPOINT_URL|API_AUDIENCE)=[^|]*' "is not NAME=VALUE of a variable that can be set"
done

# shellcheck source=deploy/doors.sh
. deploy/doors.sh
# shellcheck source=deploy/infra.sh
. deploy/infra.sh
# shellcheck source=deploy/services.sh
. deploy/services.sh
# shellcheck source=deploy/checklist.sh
. deploy/checklist.sh

command -v gcloud >/dev/null || [ -n "$dry" ] || misuse "gcloud is not on this machine: https://cloud.google.com/sdk/docs/install"
project_number
if [ -n "$promote" ]; then
	promote
elif [ -n "$rollback" ]; then
	rollback
else
	inherit
	[ "$only" = services ] || infra
	[ "$only" = infra ] || services
	[ "$only" = services ] || alerts # last: the counters behind them take a while to be known
	[ -z "$smoke" ] || smoke "$tag"
	[ -n "$only" ] || checklist
fi
