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
	echo "deploy.sh: the functions are not deployed yet, since the secret $1 holds nothing. Make the OAuth client as said above, and run" >&2
	echo "  ./deploy.sh --project $project --region $region --client-secrets client_secrets.json" >&2
	exit 3
}

# build makes the image of what is in this folder, if there is none of it yet.
build() {
	image="$images/deputy:src-$(fingerprint)"
	have gcloud artifacts docker images describe "$image" --project="$project" >/dev/null ||
		change gcloud builds submit . --config=deploy/build.yaml --substitutions="_IMAGE=$image" --project="$project" --region="$region"
}

# fingerprint names what would be uploaded: the same for the same files.
fingerprint() {
	find go.mod go.sum functions.go functions shared deploy/build.yaml -type f ! -name '*_test.go' ! -path '*/testdata/*' -print0 |
		LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum | cut -c1-16
}

# deploy SERVICE NAME TARGET CONCURRENCY TIMEOUT LEAST MOST: a new revision, if
# anything of it is new. Everybody may call it: each function checks by itself
# who calls (docs/security.md).
deploy() {
	local service="$1" name="$2" target="$3" arguments environment mark was
	environment="FUNCTION_TARGET=$target|GOOGLE_CLOUD_PROJECT=$project|FIRESTORE_DATABASE=$database|OAUTH_CALLBACK_URL=$(url deputy-oauthcallback)"
	# A live heap of some 6 MB is collected when it has grown to 30, and whatever
	# comes, before the 256 MB are full (docs/performance.md).
	environment+="|GOGC=400|GOMEMLIMIT=200MiB"
	case "$name" in
	chatevent) environment+="|CHAT_PROJECT_NUMBER=$number|CHAT_ENDPOINT_URL=$(url deputy-chatevent)" ;;
	createspace) environment+="|API_AUDIENCE=$(url deputy-createspace)" ;;
	esac
	[ -z "$kms" ] || environment+="|KEYSET_KEK=gcp-kms://$kek"
	local s
	for s in "${settings[@]}"; do environment+="|$s"; done # the last of a name counts
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
	if was="$(have gcloud run services describe "$service" --region="$region" --project="$project" --format='value(metadata.name,metadata.labels.deputy-settings)')"; then
		[ "${was##*$'\t'}" != "$mark" ] || return 0
		[ -z "$notraffic" ] || arguments+=(--no-traffic) # refused for a service that is not there yet
	fi
	change gcloud run deploy "$service" "${arguments[@]}" --labels="app=deputy,deputy-settings=$mark"
	# A service whose traffic was given to a revision keeps it there.
	[ -n "$notraffic" ] || [ -z "$was" ] || change gcloud run services update-traffic "$service" --to-latest --region="$region" --project="$project"
}

# smoke [TAG] tries the functions from outside, as far as strangers get.
smoke() {
	local name status
	[ -z "$dry" ] || return 0
	for name in "${functions[@]}"; do
		look curl -fsS --max-time 30 --retry 4 --retry-delay 3 --retry-all-errors "$(url "deputy-$name" "$1")/ready" >/dev/null || broken "deputy-$name is not ready" || return 1
	done
	status="$(look curl -sS --max-time 30 -o /dev/null -w '%{http_code}' -X POST "$(url deputy-chatevent "$1")")" || true
	[ "$status" = 401 ] || broken "an event without a token was answered '$status', not 401"
}

broken() {
	echo "deploy.sh: $*" >&2
	cat "$errors" >&2
	return 1
}

# promote gives the traffic to the tagged revisions, and takes it back when they
# fail.
promote() {
	local name
	for name in "${functions[@]}"; do
		change gcloud run services update-traffic "deputy-$name" --to-tags="$tag=100" --region="$region" --project="$project"
	done
	if ! smoke ""; then
		echo "deploy.sh: the new revisions fail; going back" >&2
		rollback
		exit 1
	fi
}

# rollback gives the traffic to the revision before the one that has it.
rollback() {
	local name serving revisions before
	for name in "${functions[@]}"; do
		serving="$(have gcloud run services describe "deputy-$name" --region="$region" --project="$project" --flatten='status.traffic[]' --format='csv[no-heading](status.traffic.percent,status.traffic.revisionName)')" || serving=""
		serving="$(sed -n 's/^[1-9][0-9]*,//p' <<<"$serving")"
		revisions="$(have gcloud run revisions list --service="deputy-$name" --region="$region" --project="$project" --sort-by=~metadata.creationTimestamp --format='value(metadata.name)')" || revisions=""
		before="$(sed -n "/^${serving%%$'\n'*}\$/,\$p" <<<"$revisions" | sed -n 2p)"
		if [ -z "$before" ] && [ -z "$dry" ]; then
			echo "deploy.sh: deputy-$name has no revision before ${serving:-the one that serves}" >&2
			continue
		fi
		change gcloud run services update-traffic "deputy-$name" --to-revisions="${before:-PREVIOUS}=100" --region="$region" --project="$project"
	done
}
