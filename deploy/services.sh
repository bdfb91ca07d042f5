# shellcheck shell=bash disable=SC2154 # the options are deploy.sh's
# The functions: one image, and a service for each.

# name, target, concurrency, time-out, least and most instances. A function's own
# deadline (design section 9) is a little shorter than its time-out.
table="
chatevent     ChatEvent     40 30 0 20
oauthcallback OAuthCallback 40 30 0 5
createspace   CreateSpace   40 60 0 20
securityevent SecurityEvent 20 30 0 2
"
flags=(GOFLAGS='-trimpath -tags=grpcnotrace' GOOGLE_GOLDFLAGS='-s -w')

services() {
	local name target concurrency timeout least most versions=() secret version
	for secret in "${secrets[@]}"; do
		if ! version="$(version "$secret")"; then
			if [ -z "$dry" ]; then
				waiting "$secret"
			fi
			version=1
		fi
		versions+=("$version")
	done
	[ -n "$source" ] || [ -n "$image" ] || build
	while read -r name target concurrency timeout least most; do
		[ -z "$name" ] || deploy "deputy-$name" "$name" "$target" "$concurrency" "$timeout" "$least" "$most" </dev/null
	done <<<"$table"
}

# waiting ends a run that goes on when somebody has made what only they can.
waiting() {
	checklist
	echo
	echo "deploy.sh: the functions are not deployed yet, since the secret $1 holds nothing." >&2
	if [ "$1" = deputy-oauth-client ]; then
		echo "Make the OAuth client as said above, and run" >&2
		echo "  ./deploy.sh$(printf ' %q' "${given[@]}") --client-secrets client_secrets.json" >&2
	else
		echo "Run it without --only services: that makes the keysets." >&2
	fi
	exit 3
}

# build makes the image of what is in this folder, if there is none of it yet.
build() {
	image="$images/deputy:src-$(fingerprint)"
	have gcloud artifacts docker images describe "$image" --project="$project" >/dev/null ||
		change gcloud builds submit . --config=deploy/build.yaml --substitutions="_IMAGE=$image" --service-account="projects/$project/serviceAccounts/$(account build)" --project="$project" --region="$region"
}

# fingerprint names what would be uploaded: the same for the same files.
fingerprint() {
	find go.mod go.sum functions.go functions shared deploy/build.yaml -type f ! -name '*_test.go' ! -path '*/testdata/*' -print0 |
		LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum | cut -c1-16
}

# inherit takes over what earlier runs were told of the deployed functions, as
# far as this one was not: a run that says less changes nothing of it.
inherit() {
	local service name value
	for service in deputy-chatevent deputy-createspace; do
		while IFS=, read -r name value; do
			value="${value#\"}" value="${value%\"}"
			case "$service $name" in
			*" FIRESTORE_DATABASE") [ -n "$database" ] || database="$value" ;;
			*" KEYSET_KEK") kms=yes ;;
			"deputy-chatevent OAUTH_CALLBACK_URL" | "deputy-chatevent CHAT_ENDPOINT_URL" | "deputy-createspace API_AUDIENCE")
				[ -n "$(setting "$name" "")" ] || settings+=("$name=$value")
				;;
			esac
		done <<<"$(look gcloud run services describe "$service" --region="$region" --project="$project" --flatten='spec.template.spec.containers[].env[]' --format='csv[no-heading](spec.template.spec.containers.env.name,spec.template.spec.containers.env.value)')"
	done
	# The first run may have ended before there was a function.
	if [ -z "$kms" ] && look gcloud kms keys describe keysets --keyring=deputy --location="$region" --project="$project" >/dev/null; then
		kms=yes
	fi
	database="${database:-(default)}"
}

# deploy SERVICE NAME TARGET CONCURRENCY TIMEOUT LEAST MOST: a new revision, if
# anything of it is new or the last one does not run, and its traffic. Everybody
# may call it: each function checks by itself who calls (docs/security.md).
deploy() {
	local service="$1" name="$2" target="$3" arguments environment mark was settled ready created before
	environment="FUNCTION_TARGET=$target|GOOGLE_CLOUD_PROJECT=$project|FIRESTORE_DATABASE=$database|OAUTH_CALLBACK_URL=$(setting OAUTH_CALLBACK_URL "$(url deputy-oauthcallback)")"
	# A live heap of some 6 MB is collected when it has grown to 30, and whatever
	# comes, before the 256 MB are full (docs/performance.md).
	environment+="|GOGC=400|GOMEMLIMIT=200MiB"
	case "$name" in
	chatevent) environment+="|CHAT_PROJECT_NUMBER=$number|CHAT_ENDPOINT_URL=$(setting CHAT_ENDPOINT_URL "$(url deputy-chatevent)")" ;;
	createspace) environment+="|API_AUDIENCE=$(setting API_AUDIENCE "$(url deputy-createspace)")" ;;
	esac
	[ -z "$kms" ] || environment+="|KEYSET_KEK=gcp-kms://$kek"
	local s
	for s in ${settings[@]+"${settings[@]}"}; do
		[[ "$s" =~ ^(OAUTH_CALLBACK_URL|CHAT_ENDPOINT_URL|API_AUDIENCE)= ]] || environment+="|$s"
	done
	arguments=(
		--region="$region" --project="$project" --service-account="$(account "$name")" --allow-unauthenticated
		--update-env-vars="^|^$environment"
		"--update-secrets=KEYSET=${secrets[0]}:${versions[0]},LOOKUP_KEYSET=${secrets[1]}:${versions[1]},OAUTH_CLIENT=${secrets[2]}:${versions[2]}"
		--cpu=1 --memory=256Mi --concurrency="$4" --timeout="$5" --min-instances="$6" --max-instances="$7" --cpu-boost
		'--startup-probe=httpGet.path=/ready,timeoutSeconds=10,periodSeconds=10,failureThreshold=6'
	)
	if [ -n "$source" ]; then
		arguments+=(--source=. --function="$target" --base-image=go126 --set-build-env-vars="^|^${flags[0]}|${flags[1]}")
		arguments[4]="${arguments[4]/FUNCTION_TARGET=$target|/}" # reserved there: platform.md 1.7
		mark="$(fingerprint)"
	else
		arguments+=(--image="$image")
	fi
	[ -z "$tag" ] || arguments+=(--tag="$tag")
	mark="$(printf '%s\n' "${mark:-}" "${arguments[@]}" | sha256sum | cut -c1-16)"
	# Cloud Run keeps the settings of a revision that never ran, too.
	settled="" ready="" created="" before=""
	if was="$(have gcloud run services describe "$service" --region="$region" --project="$project" --format='csv[no-heading](metadata.labels.deputy-settings,status.latestReadyRevisionName,status.latestCreatedRevisionName)')"; then
		IFS=, read -r settled ready created <<<"$was"
		before="$(serving "$service")"
		[ -z "$notraffic" ] || arguments+=(--no-traffic) # refused for a service that is not there yet
	fi
	if [ "$settled" != "$mark" ] || [ -z "$ready" ] || [ "$ready" != "$created" ]; then
		change gcloud run deploy "$service" "${arguments[@]}" --labels="app=deputy,deputy-settings=$mark"
	fi
	# gcloud only warns when it may not do that.
	allow roles/run.invoker allUsers run services -- "$service" --region="$region" --project="$project"
	[ -n "$notraffic" ] || [ -z "$was" ] || newest "$service" "$before"
}

# traffic SERVICE prints who has it: percent, whether it is always the newest,
# revision, tag; a line each.
traffic() {
	have gcloud run services describe "$1" --region="$region" --project="$project" --flatten='status.traffic[]' --format='csv[no-heading](status.traffic.percent,status.traffic.latestRevision,status.traffic.revisionName,status.traffic.tag)'
}

# serving SERVICE prints the revision that has the traffic.
serving() {
	local all
	all="$(traffic "$1")" || all=""
	sed -n 's/^[1-9][0-9]*,[^,]*,\([^,]*\).*/\1/p' <<<"$all" | sed -n 1p
}

# newest SERVICE BEFORE gives the traffic to the newest revision, whichever that
# will be, and remembers for --rollback which had it BEFORE.
newest() {
	local all now remember=()
	all="$(traffic "$1")" || all=""
	now="$(serving "$1")"
	[ -z "$2" ] || [ "$2" = "$now" ] && grep -q '^100,True' <<<"$all" && return 0
	[ -z "$2" ] || remember=(--update-tags="before=$2")
	change gcloud run services update-traffic "$1" --to-latest ${remember[@]+"${remember[@]}"} --region="$region" --project="$project"
}

# smoke [TAG] tries the functions from outside, as far as strangers get.
smoke() {
	local name status
	[ -z "$dry" ] || return 0
	for name in "${functions[@]}"; do
		look curl -fsS --max-time 30 --retry 4 --retry-delay 3 --retry-all-errors "$(url "deputy-$name" "$1")/ready/store" >/dev/null || broken "deputy-$name is not ready" || return 1
	done
	status="$(look curl -sS --max-time 30 -o /dev/null -w '%{http_code}' -X POST "$(url deputy-chatevent "$1")")" || true
	[ "$status" = 401 ] || broken "an event without a token was answered '$status', not 401"
}

broken() {
	echo "deploy.sh: $*" >&2
	cat "$errors" >&2
	return 1
}

# promote gives the traffic to the tagged revisions, and back to those that had
# it when anything fails.
promote() {
	local name all old had=()
	for name in "${functions[@]}"; do had+=("$(serving "deputy-$name")"); done
	if ! shift_all || ! smoke ""; then
		echo "deploy.sh: the new revisions fail; going back" >&2
		back
		exit 1
	fi
	# Of what Cloud Build has tagged, nobody needs the addresses any more.
	for name in "${functions[@]}"; do
		all="$(traffic "deputy-$name")" || all=""
		old="$(sed -n 's/.*,\(c-[0-9a-f]\{8\}\)$/\1/p' <<<"$all" | grep -vx "$tag" | paste -sd, -)" || old=""
		[ -z "$old" ] || change gcloud run services update-traffic "deputy-$name" --remove-tags="$old" --region="$region" --project="$project"
	done
}

# shift_all gives all functions' traffic to --tag, and remembers who had it.
shift_all() {
	local i remember
	for i in "${!functions[@]}"; do
		remember=()
		[ -z "${had[$i]}" ] || remember=(--update-tags="before=${had[$i]}")
		change gcloud run services update-traffic "deputy-${functions[$i]}" --to-tags="$tag=100" ${remember[@]+"${remember[@]}"} --region="$region" --project="$project" || return 1
	done
}

# back gives the traffic to those that had it before promote, as far as it can.
back() {
	local i
	for i in "${!functions[@]}"; do
		[ -z "${had[$i]}" ] || change gcloud run services update-traffic "deputy-${functions[$i]}" --to-revisions="${had[$i]}=100" --region="$region" --project="$project" ||
			echo "deploy.sh: deputy-${functions[$i]} could not be given back; it had ${had[$i]}" >&2
	done
}

# rollback gives the traffic to the revisions that had it before the last change
# of traffic.
rollback() {
	local name all missing=""
	for name in "${functions[@]}"; do
		all="$(traffic "deputy-$name")" || all=""
		if ! grep -q ',before$' <<<"$all" && [ -z "$dry" ]; then
			echo "deploy.sh: deputy-$name has no revision that served before" >&2
			missing=yes
			continue
		fi
		change gcloud run services update-traffic "deputy-$name" --to-tags=before=100 --region="$region" --project="$project"
	done
	[ -z "$missing" ] || exit 1
}
