# shellcheck shell=bash disable=SC2154 # deploy.sh sets the options
# The functions: one image and one service for each.

# Name, target, concurrency, timeout in seconds, minimum and maximum instances. A
# function's own deadline is a little shorter than its timeout.
table="
chatevent     ChatEvent     40 30 0 20
oauthcallback OAuthCallback 40 30 0 5
createspace   CreateSpace   40 60 0 20
securityevent SecurityEvent 20 30 0 2
"
flags=(GOFLAGS='-trimpath -tags=grpcnotrace' GOOGLE_GOLDFLAGS='-s -w')

services() {
	local name target concurrency timeout least most limit versions=() secret version clients release
	[ -z "$push" ] || prepared
	[ -z "$push" ] || newer
	for secret in "${secrets[@]}"; do
		if ! version="$(version "$secret")"; then
			if [ -z "$dry" ]; then
				waiting "$secret"
			fi
			version=1
		fi
		versions+=("$version")
	done
	clients="$(client_ids "${versions[2]}")"
	[ -n "$clients" ] || stop "no client ID in the secret deputy-oauth-client; add --set OAUTH_CLIENT_ID=..."
	if [ -z "$source$image" ]; then
		build
	elif [ -z "$source" ]; then
		resolved || stop "the image $image does not exist"
	fi
	# A run that finishes an interrupted one must compute the same release.
	release="$({
		printf '%s\n' "$image" ${versions[@]+"${versions[@]}"}
		[ -z "$source" ] || fingerprint
		for name in "${functions[@]}"; do environment "$name"; done
	} | digest)"
	while read -r name target concurrency timeout least most <&3; do
		limit="$(setting MAX_INSTANCES "${most:-0}")"
		[ "${most:-0}" -le "$limit" ] || most="$limit"
		[ -z "$name" ] || deploy "deputy-$name" "$name" "$target" "$concurrency" "$timeout" "$least" "$most"
	done 3<<<"$table"
}

# waiting ends the run because a secret has no version yet, and prints what to do.
waiting() {
	checklist
	echo
	echo "deploy.sh: the functions are not deployed: the secret $1 has no version." >&2
	if [ "$1" = deputy-oauth-client ]; then
		echo "Create the OAuth client as described above, then run:" >&2
		printf '  ./deploy.sh' >&2
		printf ' %q' ${given[@]+"${given[@]}"} --client-secrets client_secrets.json >&2
		echo >&2
	else
		echo "To create the keysets, run deploy.sh without --only services." >&2
	fi
	exit 3
}

# client_ids VERSION prints the IDs of all OAuth clients that Google's security events may
# name: the current one and earlier ones.
client_ids() {
	local ids id="" text
	ids="$(setting OAUTH_CLIENT_ID "")"
	if [ -n "$client" ]; then
		id="$(sed -n 's/.*"client_id"[[:space:]]*:[[:space:]]*"\([^"]*\)".*/\1/p' "$client")"
	elif [ -z "$ids" ] && [ -n "$dry" ]; then
		id=CLIENT_ID
	elif [ -z "$ids" ]; then
		text="$(have gcloud secrets versions access "$1" --secret="${secrets[2]}" --project="$project")" || text=""
		id="$(sed -n 's/.*"client_id"[[:space:]]*:[[:space:]]*"\([^"]*\)".*/\1/p' <<<"$text")"
	fi
	if [ -n "$id" ] && [[ ",$ids," != *",$id,"* ]]; then
		ids="${ids:+$ids,}$id"
	fi
	printf '%s' "$ids"
}

# build builds the image of this directory unless it exists.
build() {
	image="$images/deputy:src-$(fingerprint)"
	[ -z "$dry" ] && resolved && return
	change gcloud builds submit . --config=deploy/build.yaml --substitutions="_IMAGE=$image" \
		--service-account="projects/$project/serviceAccounts/$(account build)" \
		--default-buckets-behavior=REGIONAL_USER_OWNED_BUCKET \
		--project="$project" --region="$(setting BUILD_REGION "$region")"
	resolved || stop "the build did not push the image $image"
}

# resolved replaces the image's tag with its digest: a tag can move, and Cloud Run keeps the image that it had when it
# was deployed. It fails if there is no such image. (gcloud's describe would need the Container Analysis API.)
resolved() {
	local sum
	[ -z "$dry" ] && [[ "$image" != *@sha256:* ]] || return 0
	sum="$(have gcloud artifacts docker tags list "${image%:*}" --filter="tag.basename()=\"${image##*:}\"" \
		--format='value(version.basename())')" || return 1
	[ -n "$sum" ] && image="${image%:*}@$sum"
}

# fingerprint prints a hash of the files that would be uploaded. Their names contain no
# spaces.
fingerprint() {
	find go.mod go.sum functions.go functions shared deploy/build.yaml -type f \
		! -name '*_test.go' ! -path '*/testdata/*' |
		LC_ALL=C sort | while IFS= read -r file; do
		echo "$file"
		cat "$file"
	done | digest
}

# prepared ends a push, before any change, if something is missing that the pipeline's
# account may not create or that only an operator may decide, such as public access.
prepared() {
	local name missing=()
	[ -z "$dry" ] || return 0
	[ "$(have gcloud artifacts repositories describe deputy --location="$region" --project="$project" \
		--format='value(labels.deputy-infra)')" = "$(this_infra)" ] ||
		missing+=("the project was not prepared by this version of deploy/infra.sh")
	for name in "${functions[@]}"; do
		if ! have gcloud run services describe "deputy-$name" --region="$region" --project="$project" \
			--format='value(metadata.name)' >/dev/null; then
			missing+=("the service deputy-$name does not exist")
		elif ! reached "deputy-$name"; then
			missing+=("the service deputy-$name has no public access")
		fi
	done
	[ -n "$(setting OAUTH_CLIENT_ID "")" ] || missing+=("OAUTH_CLIENT_ID of deputy-securityevent is not set")
	[ "${#missing[@]}" = 0 ] && return
	printf 'deploy.sh: %s\n' ${missing[@]+"${missing[@]}"} >&2
	stop "nothing was changed. The operator must run ./deploy.sh for this project and region from the same sources;" \
		"then restart this build"
}

# reached SERVICE succeeds if the service has public access: its invoker check is off or
# allUsers is an invoker.
reached() {
	local off
	off="$(have gcloud run services describe "$1" --region="$region" --project="$project" \
		--format='value(metadata.annotations."run.googleapis.com/invoker-iam-disabled")')" || off=""
	[[ "$off" == [Tt]rue ]] ||
		have gcloud run services get-iam-policy "$1" --region="$region" --project="$project" \
			--flatten='bindings[].members' --format='value(bindings.role)' \
			--filter='bindings.role=roles/run.invoker AND bindings.members=allUsers' >/dev/null
}

# open SERVICE grants public access if the service has none: each function verifies its
# callers itself (docs/security.md). An organization may forbid one of the two ways.
open() {
	[ -z "$push" ] && ! reached "$1" || return 0
	if [ -n "$allusers" ]; then
		change gcloud run services add-iam-policy-binding "$1" --member=allUsers --role=roles/run.invoker \
			--region="$region" --project="$project" ||
			stop "could not grant allUsers access to $1. If your organization restricts sharing, omit --all-users"
	else
		change gcloud run services update "$1" --no-invoker-iam-check --region="$region" --project="$project" ||
			stop "could not turn off the invoker check of $1. If your organization requires it, exempt this project" \
				"or use --all-users"
	fi
}

# unopened SERVICE WAS ends the run after a failed deployment. For a new service, the
# invoker check may be the reason, since the same command turns it off.
unopened() {
	[ -n "$2" ] || [ -n "$allusers" ] ||
		echo "deploy.sh: if your organization requires the invoker check, exempt this project or use --all-users" >&2
	stop "$1 was not deployed"
}

# optional NAME prints the part of the environment for an optional variable.
optional() {
	local value
	value="$(setting "$1" "")"
	[ -z "$value" ] || printf '|%s=%s' "$1" "$value"
}

# environment NAME prints the variables that the function reads.
environment() {
	# GOGC lets a live heap of about 6 MB grow to 30 MB; GOMEMLIMIT stays below the
	# container's 256 MB (docs/performance.md).
	printf 'GOOGLE_CLOUD_PROJECT=%s|FIRESTORE_DATABASE=%s|GOGC=400|GOMEMLIMIT=200MiB' "$project" "$database"
	optional LOG_LEVEL
	if [ "$1" = securityevent ]; then
		printf '|OAUTH_CLIENT_ID=%s' "$clients"
		return
	fi
	printf '|CALLERS=%s|OAUTH_CALLBACK_URL=%s' "$callers" "$(setting OAUTH_CALLBACK_URL "$(url deputy-oauthcallback)")"
	optional ALLOWED_DOMAINS
	[ -z "$kms" ] || printf '|KEYSET_KEK=gcp-kms://%s' "$kek"
	case "$1" in
	chatevent)
		printf '|CHAT_PROJECT_NUMBER=%s' "$number"
		printf '|CHAT_ENDPOINT_URL=%s' "$(setting CHAT_ENDPOINT_URL "$(url deputy-chatevent)")"
		;;
	oauthcallback)
		optional APP_NAME
		optional APP_CONTACT
		;;
	createspace)
		printf '|API_AUDIENCE=%s' "$(setting API_AUDIENCE "$(url deputy-createspace)")"
		optional DELEGATION_SERVICE_ACCOUNT
		;;
	esac
}

# deploy SERVICE NAME TARGET CONCURRENCY TIMEOUT MIN MAX deploys a new revision if it differs
# from the last one or the last one is not ready, and moves the traffic. It sets the whole
# environment, which removes variables that are no longer listed.
deploy() {
	local service="$1" name="$2" target="$3" arguments env secret="--clear-secrets" mark
	local was settled="" ready="" created="" before="" labels latest=status.latestCreatedRevisionName
	env="$(environment "$name")"
	[ -n "$source" ] || env="FUNCTION_TARGET=$target|$env" # with --from-source, --function sets it
	if among "$name" "${holders[@]}"; then
		secret="--set-secrets=KEYSET=${secrets[0]}:${versions[0]},LOOKUP_KEYSET=${secrets[1]}:${versions[1]}"
		secret="$secret,OAUTH_CLIENT=${secrets[2]}:${versions[2]}"
	fi
	arguments=(
		--region="$region" --project="$project" --service-account="$(account "$name")"
		--set-env-vars="^|^$env" "$secret"
		--cpu=1 --memory=256Mi --concurrency="$4" --timeout="$5" --min-instances="$6" --max-instances="$7" --cpu-boost
		'--startup-probe=httpGet.path=/startup,timeoutSeconds=10,periodSeconds=10,failureThreshold=6'
	)
	if [ -n "$source" ]; then
		arguments+=(--source=. --function="$target" --base-image=go126
			--build-service-account="projects/$project/serviceAccounts/$(account build)"
			--set-build-env-vars="^|^${flags[0]}|${flags[1]}")
		mark="$(fingerprint)"
	else
		arguments+=(--image="$image")
	fi
	mark="$(printf '%s\n' "${mark:-}" "${arguments[@]}" | digest)"
	# The settings label alone is not enough: it may belong to a revision that never became ready.
	if was="$(have gcloud run services describe "$service" --region="$region" --project="$project" \
		--format="csv[no-heading](metadata.labels.deputy-settings,status.latestReadyRevisionName,$latest)")"; then
		IFS=, read -r settled ready created <<<"$was"
		before="$(serving "$service")"
		[ -z "$notraffic" ] || arguments+=(--no-traffic) # not allowed for a new service
	elif [ -n "$allusers" ]; then
		arguments+=(--no-allow-unauthenticated) # keeps gcloud from asking; open adds the binding
	else
		arguments+=(--no-invoker-iam-check)
	fi
	if [ "$settled" = "$mark" ] && [ -n "$ready" ] && [ "$ready" = "$created" ]; then
		[ -z "$tag" ] || tagged "$service" "$ready"
	else
		[ -z "$tag" ] || arguments+=(--tag="$tag")
		# Labels record the release, the previous revision and the age of the sources, so
		# that no tag has to keep the previous revision public.
		labels="app=deputy,deputy-settings=$mark,deputy-release=$release"
		labels="$labels,deputy-before=${before:-none},deputy-push=$pushed"
		change gcloud run deploy "$service" "${arguments[@]}" --labels="$labels" || unopened "$service" "$was"
	fi
	open "$service"
	[ -n "$notraffic" ] || [ -z "$was" ] || newest "$service"
}

# tagged SERVICE REVISION gives a revision that is deployed already the tag of this run.
tagged() {
	local all
	all="$(traffic "$1")" || all=""
	grep -x "[0-9]*,[^,]*,$2,$tag" <<<"$all" >/dev/null ||
		change gcloud run services update-traffic "$1" --update-tags="$tag=$2" --region="$region" --project="$project"
}

# traffic SERVICE prints one line per traffic target: percent, whether it follows the
# latest revision, revision, tag.
traffic() {
	local target=status.traffic
	have gcloud run services describe "$1" --region="$region" --project="$project" --flatten="${target}[]" \
		--format="csv[no-heading]($target.percent,$target.latestRevision,$target.revisionName,$target.tag)"
}

# serving SERVICE prints the revision that receives the traffic.
serving() {
	local all
	all="$(traffic "$1")" || all=""
	sed -n 's/^[1-9][0-9]*,[^,]*,\([^,]*\).*/\1/p' <<<"$all" | sed -n 1p
}

# revision NAME prints its creation time, release, previous revision and commit time.
revision() {
	local m=metadata l=metadata.labels
	have gcloud run revisions describe "$1" --region="$region" --project="$project" \
		--format="csv[no-heading]($m.creationTimestamp,$l.deputy-release,$l.deputy-before,$l.deputy-push)"
}

# newest SERVICE makes the traffic follow the latest revision.
newest() {
	local all
	all="$(traffic "$1")" || all=""
	grep '^100,True' <<<"$all" >/dev/null ||
		change gcloud run services update-traffic "$1" --to-latest --region="$region" --project="$project"
}

# age sets pushed to the commit time of the sources in Unix seconds, or to 0 if there is no
# commit: a manual build is not ordered among pushes.
age() {
	pushed=0
	[ -z "$dry" ] || return 0
	if [ -z "$push" ]; then
		pushed="$(git log -1 --format=%ct 2>/dev/null)" || pushed=0
	elif [ -n "$commit" ]; then
		pushed="$(git -c safe.directory="$PWD" log -1 --format=%ct "$commit")" ||
			stop "git cannot find commit $commit, so this push cannot be ordered"
	fi
}

# turn waits until all earlier builds have ended, and sets others to the ongoing builds.
# Cloud Build orders the builds, and an ended build changes nothing.
turn() {
	others=""
	[ -z "$dry" ] || return 0
	while :; do
		others="$(have gcloud builds list --ongoing --region="$region" --filter='tags=deputy' --sort-by=createTime \
			--format='value(id)' --project="$project")" || others=""
		[[ "$newline$others$newline" == *"$newline$push$newline"* ]] ||
			stop "Cloud Build does not list build $push in $region, so the order of the builds is unknown"
		[ "${others%%"$newline"*}" != "$push" ] || return 0
		echo "deploy.sh: waiting for the earlier build ${others%%"$newline"*} to end" >&2
		sleep 15
	done
}

# newer ends a push if a serving revision comes from a newer commit.
newer() {
	local name now is theirs
	[ -z "$dry" ] && [ "$pushed" != 0 ] || return 0
	for name in "${functions[@]}"; do
		now="$(serving "deputy-$name")"
		[ -n "$now" ] || continue
		is="$(revision "$now")" || is=""
		IFS=, read -r _ _ _ theirs <<<"$is"
		[ "${theirs:-0}" -le "$pushed" ] ||
			stop "$now serves a newer commit: an older push never replaces a newer one." \
				"To go back, run ./deploy.sh --rollback or deploy manually"
	done
}

# answers ADDRESS succeeds if ADDRESS responds within five attempts, since a new one may
# take a while. (The curl of older macOS has no --retry-all-errors.)
answers() {
	local try
	for try in 1 2 3 4 5; do
		! look curl -fsS --max-time 30 "$1" >/dev/null || return 0
		[ "$try" = 5 ] || sleep 3
	done
	return 1
}

# smoke [TAG] tests the functions from outside, without credentials.
smoke() {
	local name status
	[ -z "$dry" ] || return 0
	for name in "${functions[@]}"; do
		answers "$(url "deputy-$name" "$1")/ready" || broken "deputy-$name is not ready" || return 1
	done
	status="$(look curl -sS --max-time 30 -o /dev/null -w '%{http_code}' \
		-X POST "$(url deputy-chatevent "$1")")" || true
	[ "$status" = 401 ] || broken "an event without a token returned '$status' instead of 401"
}

broken() {
	echo "deploy.sh: $*" >&2
	cat "$errors" >&2
	return 1
}

# promote moves the traffic to the tagged revisions, and back if anything fails.
promote() {
	local name had=()
	if [ -n "$push" ]; then
		turn
		newer # after turn, because the earlier build may have been newer
	fi
	for name in "${functions[@]}"; do had+=("$(serving "deputy-$name")"); done
	if ! shift_all || ! smoke ""; then
		echo "deploy.sh: the new revisions failed; rolling back" >&2
		back
		exit 1
	fi
	for name in "${functions[@]}"; do untag "deputy-$name"; done
}

# untag SERVICE removes the tags that served only for tests, so that no old revision stays
# public. Ongoing builds keep theirs.
untag() {
	local all line old="" id
	all="$(traffic "$1")" || all=""
	while IFS= read -r line <&3; do
		line="${line##*,}"
		[[ "$line" == "$tag" || "$line" == before || "$line" =~ ^c-[0-9a-f]{8}$ ]] || continue
		for id in ${others:-}; do
			[ "$line" != "c-$(cut -c1-8 <<<"$id")" ] || [ "$line" = "$tag" ] || continue 2
		done
		old="${old:+$old,}$line"
	done 3<<<"$all"
	[ -z "$old" ] ||
		change gcloud run services update-traffic "$1" --remove-tags="$old" --region="$region" --project="$project"
}

# shift_all moves the traffic of all functions to the revisions of --tag.
shift_all() {
	local name
	for name in "${functions[@]}"; do
		change gcloud run services update-traffic "deputy-$name" --to-tags="$tag=100" \
			--region="$region" --project="$project" || return 1
	done
}

# back moves the traffic to the revisions that had it before promote, where it can.
back() {
	local i
	for i in "${!functions[@]}"; do
		[ -z "${had[$i]}" ] ||
			change gcloud run services update-traffic "deputy-${functions[$i]}" --to-revisions="${had[$i]}=100" \
				--region="$region" --project="$project" ||
			echo "deploy.sh: could not move the traffic of deputy-${functions[$i]} back to ${had[$i]}" >&2
	done
}

# rollback undoes the newest serving release: each function with a revision of it returns
# to the revision that served before.
rollback() {
	local name now is release before all="" last
	if [ -n "$dry" ]; then
		for name in "${functions[@]}"; do
			change gcloud run services update-traffic "deputy-$name" --to-revisions=BEFORE=100 \
				--region="$region" --project="$project"
		done
		return
	fi
	for name in "${functions[@]}"; do
		now="$(serving "deputy-$name")"
		[ -n "$now" ] || stop "deputy-$name has no previous revision"
		is="$(revision "$now")" || stop "revision $now of deputy-$name does not exist"
		all="$all$is,$name$newline"
	done
	# The newest serving revision determines the last release.
	last="$(LC_ALL=C sort <<<"$all" | sed -n '$p')"
	IFS=, read -r _ last _ <<<"$last"
	while IFS=, read -r _ release before _ name <&3; do
		if [ "$release" = "$last" ] && [ "${before:-none}" = none ] && [ -n "$name" ]; then
			stop "deputy-$name has no previous revision"
		fi
	done 3<<<"$all"
	while IFS=, read -r _ release before _ name <&3; do
		if [ "$release" = "$last" ] && [ -n "$name" ]; then
			change gcloud run services update-traffic "deputy-$name" --to-revisions="$before=100" \
				--region="$region" --project="$project"
		elif [ -n "$name" ]; then
			echo "deploy.sh: deputy-$name is unchanged: the last release did not include it" >&2
		fi
	done 3<<<"$all"
}
