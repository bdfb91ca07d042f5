# shellcheck shell=bash disable=SC2154,SC2034 # the options are deploy.sh's; services.sh uses images
# What the functions stand on.

functions=(chatevent oauthcallback createspace securityevent)
secrets=(deputy-keyset deputy-lookup-keyset deputy-oauth-client)
images="$region-docker.pkg.dev/$project/deputy"
kek="projects/$project/locations/$region/keyRings/deputy/cryptoKeys/keysets"

account() { echo "deputy-$1@$project.iam.gserviceaccount.com"; }

infra() {
	apis
	accounts
	database
	[ -z "$kms" ] || key
	keysets
	repository
	exclusion
	scheduler
	[ -z "$trigger" ] || trigger
}

apis() {
	local enabled wanted=() api
	enabled="$(have gcloud services list --enabled --project="$project" --format='value(config.name)')" || enabled=""
	for api in run cloudbuild artifactregistry firestore secretmanager cloudscheduler iam iamcredentials logging monitoring chat meet calendar-json cloudidentity gsuiteaddons ${kms:+cloudkms}; do
		grep -qx "$api.googleapis.com" <<<"$enabled" || wanted+=("$api.googleapis.com")
	done
	[ "${#wanted[@]}" = 0 ] || change gcloud services enable "${wanted[@]}" --project="$project"
}

# One account for each function: what one of them may, the others need not.
accounts() {
	local name
	for name in "${functions[@]}" scheduler; do
		have gcloud iam service-accounts describe "$(account "$name")" --project="$project" >/dev/null ||
			change gcloud iam service-accounts create "deputy-$name" --display-name="Deputy: $name" --project="$project"
	done
	have gcloud iam service-accounts describe "$(account build)" --project="$project" >/dev/null ||
		change gcloud iam service-accounts create deputy-build --display-name="Deputy: Cloud Build" --project="$project"
	allow roles/run.builder "serviceAccount:$(account build)" projects -- "$project" --condition=None # sources, logs, images
	for name in "${functions[@]}"; do
		allow roles/datastore.user "serviceAccount:$(account "$name")" projects -- "$project" --condition=None
	done
}

# allow ROLE MEMBER GCLOUD-WORDS... -- RESOURCE [FLAG...] lets a member do
# something to a resource.
allow() {
	local role="$1" member="$2" words=() resource=() flags=()
	shift 2
	while [ "$1" != -- ]; do
		words+=("$1")
		shift
	done
	shift
	while [ $# -gt 0 ]; do
		case "$1" in
		--condition=*) flags+=("$1") ;;
		*) resource+=("$1") ;;
		esac
		shift
	done
	have gcloud "${words[@]}" get-iam-policy "${resource[@]}" --flatten='bindings[].members' --filter="bindings.role=$role AND bindings.members=$member" --format='value(bindings.role)' >/dev/null ||
		change gcloud "${words[@]}" add-iam-policy-binding "${resource[@]}" --member="$member" --role="$role" "${flags[@]}"
}

# Firestore: records end by themselves (the sweep removes what is late), and
# only fields that are looked up by value have an index.
database() {
	local group field
	have gcloud firestore databases describe --database="$database" --project="$project" >/dev/null ||
		change gcloud firestore databases create --database="$database" --location="$region" --type=firestore-native --delete-protection --enable-pitr --project="$project"
	for group in pendingConsents seenEvents replies acts; do
		have gcloud firestore fields ttls list --collection-group="$group" --database="$database" --project="$project" --format='value(name)' >/dev/null ||
			change gcloud firestore fields ttls update expires --collection-group="$group" --database="$database" --enable-ttl --async --project="$project"
	done
	for group in grants pendingConsents seenEvents replies revocations sequences templates acts; do
		indexed "$group" '*' || change gcloud firestore indexes fields update '*' --collection-group="$group" --database="$database" --disable-indexes --async --project="$project"
	done
	for field in grants/emailCode grants/tokenPrefix grants/tokenHash grants/tokenHexHash replies/person; do
		indexed "${field%/*}" "${field#*/}" || change gcloud firestore indexes fields update "${field#*/}" --collection-group="${field%/*}" --database="$database" --index=order=ascending --async --project="$project"
	done
}

# indexed GROUP FIELD tells whether the field's indexes are set for the group.
indexed() {
	local fields
	fields="$(have gcloud firestore indexes fields list --collection-group="$1" --database="$database" --project="$project" --format='value(name)')" || return 1
	grep -q "collectionGroups/$1/fields/${2/\*/\\*}\$" <<<"$fields"
}

key() {
	have gcloud kms keyrings describe deputy --location="$region" --project="$project" >/dev/null ||
		change gcloud kms keyrings create deputy --location="$region" --project="$project"
	have gcloud kms keys describe keysets --keyring=deputy --location="$region" --project="$project" >/dev/null ||
		change gcloud kms keys create keysets --keyring=deputy --location="$region" --purpose=encryption --rotation-period=90d --next-rotation-time=+p90d --project="$project"
	local name
	for name in "${functions[@]}"; do
		allow roles/cloudkms.cryptoKeyDecrypter "serviceAccount:$(account "$name")" kms keys -- keysets --keyring=deputy --location="$region" --project="$project"
	done
}

# The keysets are made once, and never seen: they go from the program that makes
# them into Secret Manager by a pipe.
keysets() {
	local secret name kinds=(keyset lookup) i
	for secret in "${secrets[@]}"; do
		have gcloud secrets describe "$secret" --project="$project" >/dev/null ||
			change gcloud secrets create "$secret" --replication-policy=automatic --project="$project"
		for name in "${functions[@]}"; do
			allow roles/secretmanager.secretAccessor "serviceAccount:$(account "$name")" secrets -- "$secret" --project="$project"
		done
	done
	for i in 0 1; do
		version "${secrets[$i]}" >/dev/null ||
			change --from "go run ./cmd/deputy keys new ${kinds[$i]}${kms:+ --kek gcp-kms://$kek}" gcloud secrets versions add "${secrets[$i]}" --data-file=- --project="$project"
	done
	[ -z "$client" ] || client_secrets
}

# client_secrets stores the client's file, unless the same is stored already.
client_secrets() {
	[ "$(have gcloud secrets versions access latest --secret=deputy-oauth-client --project="$project")" = "$(cat "$client")" ] ||
		change gcloud secrets versions add deputy-oauth-client --data-file="$client" --project="$project"
}

# version SECRET is the number of its newest enabled version.
version() {
	have gcloud secrets versions list "$1" --filter=state=ENABLED --sort-by=~createTime --limit=1 --format='value(name)' --project="$project"
}

repository() {
	have gcloud artifacts repositories describe deputy --location="$region" --project="$project" >/dev/null ||
		change gcloud artifacts repositories create deputy --repository-format=docker --location="$region" --description="Deputy" --project="$project"
}

# Google sends a code and a state in the callback's address: request logs would
# keep them. So they are left out before the first request.
exclusion() {
	local excluded
	excluded="$(have gcloud logging sinks describe _Default --project="$project" --format='value(exclusions.name)')" || excluded=""
	grep -q deputy-oauthcallback <<<"$excluded" ||
		change gcloud logging sinks update _Default --project="$project" \
			--add-exclusion='name=deputy-oauthcallback,description=Addresses of the callback hold codes,filter=resource.type="cloud_run_revision" AND resource.labels.service_name="deputy-oauthcallback" AND log_id("run.googleapis.com/requests")'
}

scheduler() {
	local audience uri is job
	audience="$(setting API_AUDIENCE "$(url deputy-createspace)")"
	uri="$(url deputy-createspace)/v1/sweep"
	job=(deputy-sweep --location="$region" --schedule='0 * * * *' --uri="$uri" --http-method=POST
		--oidc-service-account-email="$(account scheduler)" --oidc-token-audience="$audience" --attempt-deadline=60s --project="$project")
	if ! is="$(have gcloud scheduler jobs describe deputy-sweep --location="$region" --project="$project" --format='csv[no-heading](httpTarget.uri,httpTarget.oidcToken.audience)')"; then
		change gcloud scheduler jobs create http "${job[@]}"
	elif [ "$is" != "$uri,$audience" ]; then
		change gcloud scheduler jobs update http "${job[@]}"
	fi
}

# setting NAME OTHERWISE is what --set says of a variable.
setting() {
	local s
	for s in ${settings[@]+"${settings[@]}"}; do
		if [ "${s%%=*}" = "$1" ]; then
			printf '%s' "${s#*=}"
			return
		fi
	done
	printf '%s' "$2"
}

# alerts: what is counted in the logs, and when somebody has to look
# (docs/operate.md has a line for each).
alerts() {
	local file name
	for file in deploy/alerts/*.metric; do
		name="deputy-$(basename "$file" .metric)"
		have gcloud logging metrics describe "$name" --project="$project" >/dev/null ||
			change gcloud logging metrics create "$name" --description="Deputy" --log-filter="$(cat "$file")" --project="$project"
	done
	for file in deploy/alerts/*.json; do
		name="$(sed -n 's/^  "displayName": "\(.*\)",$/\1/p' "$file")"
		have gcloud alpha monitoring policies list --filter="displayName=\"$name\"" --format='value(name)' --project="$project" >/dev/null ||
			change gcloud alpha monitoring policies create --policy-from-file="$file" --project="$project"
	done
}

# trigger lets Cloud Build deploy each push to main, as an account that may do
# that and little else.
trigger() {
	local build name
	build="serviceAccount:$(account build)"
	for name in logging.logWriter run.developer; do
		allow "roles/$name" "$build" projects -- "$project" --condition=None
	done
	allow roles/artifactregistry.writer "$build" artifacts repositories -- deputy --location="$region" --project="$project"
	for name in "${secrets[@]}"; do
		allow roles/secretmanager.viewer "$build" secrets -- "$name" --project="$project"
	done
	for name in "${functions[@]}"; do
		allow roles/iam.serviceAccountUser "$build" iam service-accounts -- "$(account "$name")" --project="$project"
	done
	have gcloud builds triggers describe deputy --region="$region" --project="$project" >/dev/null ||
		change gcloud builds triggers create github --name=deputy --region="$region" --repository="$trigger" --branch-pattern='^main$' --build-config=cloudbuild.yaml \
			--substitutions="_REGION=$region" --service-account="projects/$project/serviceAccounts/$(account build)" --project="$project"
}
