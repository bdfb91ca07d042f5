# shellcheck shell=bash disable=SC2154 # the options are deploy.sh's
# The functions: one image, and a service for each.

# name, target, concurrency, time-out, least and most instances. A function's own
# deadline (design section 11) is a little shorter than its time-out.
table="
chatevent     ChatEvent     40 30 0 20
oauthcallback OAuthCallback 40 30 0 5
createspace   CreateSpace   40 60 0 20
securityevent SecurityEvent 20 30 0 2
"
flags=(GOFLAGS='-trimpath -tags=grpcnotrace' GOOGLE_GOLDFLAGS='-s -w')

services() {
	local name target concurrency timeout least most versions=() secret version clients release
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
	[ -n "$clients" ] || stop "the client id in deputy-oauth-client was not found: say it with --set OAUTH_CLIENT_ID=..."
	[ -n "$source" ] || [ -n "$image" ] || build
	# What makes a release: the same for a run that broke off and for the one that
	# finishes it.
	release="$({
		printf '%s\n' "$image" ${versions[@]+"${versions[@]}"}
		[ -z "$source" ] || fingerprint
		for name in "${functions[@]}"; do environment "$name"; done
	} | digest)"
	while read -r name target concurrency timeout least most <&3; do
		[ -z "$name" ] || deploy "deputy-$name" "$name" "$target" "$concurrency" "$timeout" "$least" "$most"
	done 3<<<"$table"
}

# waiting ends a run that goes on when somebody has made what only they can.
waiting() {
	checklist
	echo
	echo "deploy.sh: the functions are not deployed yet, since the secret $1 holds nothing." >&2
	if [ "$1" = deputy-oauth-client ]; then
		echo "Make the OAuth client as said above, and run" >&2
		printf '  ./deploy.sh' >&2
		printf ' %q' ${given[@]+"${given[@]}"} --client-secrets client_secrets.json >&2
		echo >&2
	else
		echo "Run it without --only services: that makes the keysets." >&2
	fi
	exit 3
}

# client_ids VERSION are the ids of all OAuth clients that Google's security
# events may name: the one in use, and those that were in use before.
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

# build makes the image of what is in this folder, if there is none of it yet.
build() {
	image="$images/deputy:src-$(fingerprint)"
	have gcloud artifacts docker images describe "$image" --project="$project" >/dev/null ||
		change gcloud builds submit . --config=deploy/build.yaml --substitutions="_IMAGE=$image" --service-account="projects/$project/serviceAccounts/$(account build)" --project="$project" --region="$region"
}

# fingerprint names what would be uploaded: the same for the same files. The
# names have no blanks.
fingerprint() {
	find go.mod go.sum functions.go functions shared deploy/build.yaml -type f ! -name '*_test.go' ! -path '*/testdata/*' |
		LC_ALL=C sort | while IFS= read -r file; do
		echo "$file"
		cat "$file"
	done | digest
}

# inherit takes over what earlier runs were told of the deployed functions, as
# far as this one was not: a run that says less changes nothing of it. A look
# that fails ends the run (have): what only could not be seen must not be
# forgotten.
inherit() {
	local name is variable value
	for name in "${functions[@]}"; do
		is="$(have gcloud run services describe "deputy-$name" --region="$region" --project="$project" --flatten='spec.template.spec.containers[].env[]' --format='value(spec.template.spec.containers.env.name,spec.template.spec.containers.env.value)')" || is=""
		while IFS="$tab" read -r variable value <&3; do
			if [ "$variable" = FIRESTORE_DATABASE ]; then
				database="${database:-$value}"
			elif [ "$variable" = KEYSET_KEK ]; then
				kms=yes
			elif [[ "$variable" =~ ^($settable)$ ]] && [ -n "$value" ] && ! given_setting "$variable"; then
				settings+=("$variable=$value")
			fi
		done 3<<<"$is"
	done
	# The first run may have ended before there was a function. A push finds them.
	if [ -z "$kms$push" ] && grep -x cloudkms.googleapis.com <<<"$enabled" >/dev/null &&
		have gcloud kms keys describe keysets --keyring=deputy --location="$region" --project="$project" >/dev/null; then
		kms=yes
	fi
	database="${database:-(default)}"
}

# prepared ends a push before it changes anything if something is missing that
# only the operator's run makes. The pipeline's account could not, and an open
# service must be an operator's doing.
prepared() {
	local name missing=()
	[ -z "$dry" ] || return 0
	[ "$(have gcloud artifacts repositories describe deputy --location="$region" --project="$project" --format='value(labels.deputy-infra)')" = "$(this_infra)" ] ||
		missing+=("the project was not prepared by this form of deploy/infra.sh")
	for name in "${functions[@]}"; do
		if ! have gcloud run services describe "deputy-$name" --region="$region" --project="$project" --format='value(metadata.name)' >/dev/null; then
			missing+=("the service deputy-$name is not there")
		elif ! reached "deputy-$name"; then
			missing+=("nobody from outside reaches deputy-$name")
		fi
	done
	[ -n "$(setting OAUTH_CLIENT_ID "")" ] || missing+=("deputy-securityevent has no OAUTH_CLIENT_ID")
	[ "${#missing[@]}" = 0 ] && return
	printf 'deploy.sh: %s\n' ${missing[@]+"${missing[@]}"} >&2
	stop "nothing was changed. The operator runs ./deploy.sh for this project and region from these sources; then run this build again"
}

# reached SERVICE tells whether a request from anywhere comes to the function:
# nobody checks the caller before it, or allUsers may call.
reached() {
	local off
	off="$(have gcloud run services describe "$1" --region="$region" --project="$project" --format='value(metadata.annotations."run.googleapis.com/invoker-iam-disabled")')" || off=""
	[[ "$off" == [Tt]rue ]] ||
		have gcloud run services get-iam-policy "$1" --region="$region" --project="$project" --flatten='bindings[].members' --filter='bindings.role=roles/run.invoker AND bindings.members=allUsers' --format='value(bindings.role)' >/dev/null
}

# open SERVICE lets everybody call it, if not everybody may yet: each function
# checks by itself who calls (docs/security.md). An organization may forbid one
# of the two ways, seldom both.
open() {
	[ -z "$push" ] && ! reached "$1" || return 0
	if [ -n "$allusers" ]; then
		change gcloud run services add-iam-policy-binding "$1" --member=allUsers --role=roles/run.invoker --region="$region" --project="$project" ||
			stop "$1 could not be opened to allUsers. If your organization restricts sharing to its domain, leave out --all-users"
	else
		change gcloud run services update "$1" --no-invoker-iam-check --region="$region" --project="$project" ||
			stop "$1 could not be opened. If your organization requires the invoker check, allow it for this project, or use --all-users"
	fi
}

# unopened SERVICE WAS ends a run whose deployment failed. A new service is opened
# by the same command, so it may be that.
unopened() {
	[ -n "$2" ] || [ -n "$allusers" ] || echo "deploy.sh: if your organization requires the invoker check, allow to leave it out for this project, or use --all-users" >&2
	stop "$1 was not deployed"
}

# optional NAME is the part of the environment for a variable that may be unset.
optional() {
	local value
	value="$(setting "$1" "")"
	[ -z "$value" ] || printf '|%s=%s' "$1" "$value"
}

# environment NAME is what the function reads, and nothing else.
environment() {
	# A live heap of some 6 MB is collected when it has grown to 30, and whatever
	# comes, before the 256 MB are full (docs/performance.md).
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
	chatevent) printf '|CHAT_PROJECT_NUMBER=%s|CHAT_ENDPOINT_URL=%s' "$number" "$(setting CHAT_ENDPOINT_URL "$(url deputy-chatevent)")" ;;
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

# deploy SERVICE NAME TARGET CONCURRENCY TIMEOUT LEAST MOST: a new revision, if
# anything of it is new or the last one does not run, and its traffic. The whole
# environment is set each time, so that what is not listed any more disappears.
deploy() {
	local service="$1" name="$2" target="$3" arguments env secret="--clear-secrets" mark was settled="" ready="" created="" before=""
	env="$(environment "$name")"
	[ -n "$source" ] || env="FUNCTION_TARGET=$target|$env" # --function sets it: platform.md 1.7
	among "$name" "${holders[@]}" && secret="--set-secrets=KEYSET=${secrets[0]}:${versions[0]},LOOKUP_KEYSET=${secrets[1]}:${versions[1]},OAUTH_CLIENT=${secrets[2]}:${versions[2]}"
	arguments=(
		--region="$region" --project="$project" --service-account="$(account "$name")" --set-env-vars="^|^$env" "$secret"
		--cpu=1 --memory=256Mi --concurrency="$4" --timeout="$5" --min-instances="$6" --max-instances="$7" --cpu-boost
		'--startup-probe=httpGet.path=/ready,timeoutSeconds=10,periodSeconds=10,failureThreshold=6'
	)
	if [ -n "$source" ]; then
		arguments+=(--source=. --function="$target" --base-image=go126 --set-build-env-vars="^|^${flags[0]}|${flags[1]}")
		mark="$(fingerprint)"
	else
		arguments+=(--image="$image")
	fi
	[ -z "$tag" ] || arguments+=(--tag="$tag")
	mark="$(printf '%s\n' "${mark:-}" "${arguments[@]}" | digest)"
	# Cloud Run keeps the settings of a revision that never ran, too.
	if was="$(have gcloud run services describe "$service" --region="$region" --project="$project" --format='csv[no-heading](metadata.labels.deputy-settings,status.latestReadyRevisionName,status.latestCreatedRevisionName)')"; then
		IFS=, read -r settled ready created <<<"$was"
		before="$(serving "$service")"
		[ -z "$notraffic" ] || arguments+=(--no-traffic) # refused for a service that is not there yet
	elif [ -n "$allusers" ]; then
		arguments+=(--no-allow-unauthenticated) # open adds the binding; without a word, gcloud asks
	else
		arguments+=(--no-invoker-iam-check)
	fi
	if [ "$settled" != "$mark" ] || [ -z "$ready" ] || [ "$ready" != "$created" ]; then
		# The revision itself says which one it follows, of which release it is, and
		# how new its sources are: no tag keeps the old one public.
		change gcloud run deploy "$service" "${arguments[@]}" --labels="app=deputy,deputy-settings=$mark,deputy-release=$release,deputy-before=${before:-none},deputy-push=$pushed" || unopened "$service" "$was"
	fi
	open "$service"
	[ -n "$notraffic" ] || [ -z "$was" ] || newest "$service"
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

# revision NAME prints when it was made, of which release it is, which one it
# follows and how new its sources are.
revision() {
	have gcloud run revisions describe "$1" --region="$region" --project="$project" --format='csv[no-heading](metadata.creationTimestamp,metadata.labels.deputy-release,metadata.labels.deputy-before,metadata.labels.deputy-push)'
}

# newest SERVICE gives the traffic to the newest revision, whichever that will be.
newest() {
	local all
	all="$(traffic "$1")" || all=""
	grep '^100,True' <<<"$all" >/dev/null ||
		change gcloud run services update-traffic "$1" --to-latest --region="$region" --project="$project"
}

# age finds how new the sources are: the time of their commit, in seconds. A
# build by hand has no commit, and no place in the order of pushes (0).
age() {
	pushed=0
	[ -z "$dry" ] || return 0
	if [ -z "$push" ]; then
		pushed="$(git log -1 --format=%ct 2>/dev/null)" || pushed=0
	elif [ -n "$commit" ]; then
		pushed="$(git -c safe.directory="$PWD" log -1 --format=%ct "$commit")" ||
			stop "git does not tell when $commit was made, so this push has no place in their order"
	fi
}

# turn waits until all earlier builds have ended, and leaves in others those that
# still wait behind this one. Cloud Build orders the pushes, and what it has ended
# changes nothing any more.
turn() {
	others=""
	[ -z "$dry" ] || return 0
	while :; do
		others="$(have gcloud builds list --ongoing --region="$region" --filter='tags=deputy' --sort-by=createTime --format='value(id)' --project="$project")" || others=""
		[[ "$newline$others$newline" == *"$newline$push$newline"* ]] || stop "Cloud Build does not list the build $push in $region, so nobody knows whose turn it is"
		[ "${others%%"$newline"*}" != "$push" ] || return 0
		echo "deploy.sh: the earlier build ${others%%"$newline"*} is not over; waiting" >&2
		sleep 15
	done
}

# newer ends a push if what serves comes from newer sources.
newer() {
	local name now is theirs
	[ -z "$dry" ] && [ "$pushed" != 0 ] || return 0
	for name in "${functions[@]}"; do
		now="$(serving "deputy-$name")"
		[ -n "$now" ] || continue
		is="$(revision "$now")" || is=""
		IFS=, read -r _ _ _ theirs <<<"$is"
		[ "${theirs:-0}" -le "$pushed" ] ||
			stop "$now, which serves, was made from a newer commit than this push: an older push never replaces a newer one. To go back on purpose: ./deploy.sh --rollback, or deploy by hand"
	done
}

# answers ADDRESS tells whether it does; a new one may take a while. (Not by
# curl's --retry-all-errors: the curl of older Macs has none.)
answers() {
	local try
	for try in 1 2 3 4 5; do
		! look curl -fsS --max-time 30 "$1" >/dev/null || return 0
		[ "$try" = 5 ] || sleep 3
	done
	return 1
}

# smoke [TAG] tries the functions from outside, as far as strangers get.
smoke() {
	local name status
	[ -z "$dry" ] || return 0
	for name in "${functions[@]}"; do
		answers "$(url "deputy-$name" "$1")/ready/store" || broken "deputy-$name is not ready" || return 1
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
	local name had=()
	if [ -n "$push" ]; then
		turn
		newer # only now: the build before this one may just have been newer
	fi
	for name in "${functions[@]}"; do had+=("$(serving "deputy-$name")"); done
	if ! shift_all || ! smoke ""; then
		echo "deploy.sh: the new revisions fail; going back" >&2
		back
		exit 1
	fi
	for name in "${functions[@]}"; do untag "deputy-$name"; done
}

# untag SERVICE takes away the addresses that only led to the revisions while
# they were tried: an old revision must not stay public. Builds that still wait
# keep theirs.
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
	[ -z "$old" ] || change gcloud run services update-traffic "$1" --remove-tags="$old" --region="$region" --project="$project"
}

# shift_all gives all functions' traffic to --tag.
shift_all() {
	local name
	for name in "${functions[@]}"; do
		change gcloud run services update-traffic "deputy-$name" --to-tags="$tag=100" --region="$region" --project="$project" || return 1
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

# rollback undoes the newest release that serves: each function that has a
# revision of it gets the revision that had the traffic when that was deployed.
rollback() {
	local name now is release before all="" last
	if [ -n "$dry" ]; then
		for name in "${functions[@]}"; do
			change gcloud run services update-traffic "deputy-$name" --to-revisions=BEFORE=100 --region="$region" --project="$project"
		done
		return
	fi
	for name in "${functions[@]}"; do
		now="$(serving "deputy-$name")"
		[ -n "$now" ] || stop "deputy-$name has no revision that served before"
		is="$(revision "$now")" || stop "deputy-$name serves by a revision that is not there"
		all="$all$is,$name$newline"
	done
	# The newest revision of those that serve says which release is the last.
	last="$(LC_ALL=C sort <<<"$all" | sed -n '$p')"
	IFS=, read -r _ last _ <<<"$last"
	while IFS=, read -r _ release before _ name <&3; do
		if [ "$release" = "$last" ] && [ "${before:-none}" = none ] && [ -n "$name" ]; then
			stop "deputy-$name has no revision that served before"
		fi
	done 3<<<"$all"
	while IFS=, read -r _ release before _ name <&3; do
		if [ "$release" = "$last" ] && [ -n "$name" ]; then
			change gcloud run services update-traffic "deputy-$name" --to-revisions="$before=100" --region="$region" --project="$project"
		elif [ -n "$name" ]; then
			echo "deploy.sh: deputy-$name stays: the last release did not change it" >&2
		fi
	done 3<<<"$all"
}
