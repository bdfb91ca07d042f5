# shellcheck shell=bash disable=SC2154,SC2034,SC2001 # deploy.sh sets the options; services.sh uses images
# The infrastructure of the functions.

functions=(chatevent oauthcallback createspace securityevent)
holders=(chatevent oauthcallback createspace) # read secrets and callers; securityevent does not
private=(oauthcallback createspace)           # their request URLs must not be logged
secrets=(deputy-keyset deputy-lookup-keyset deputy-oauth-client)
images="$region-docker.pkg.dev/$project/deputy"
kek="projects/$project/locations/$region/keyRings/deputy/cryptoKeys/keysets"
bucket="gs://$project-deputy-callers"
callers="$bucket/callers.yaml"

account() { echo "deputy-$1@$project.iam.gserviceaccount.com"; }

infra() {
	accounts
	holders_of_secrets
	remember # before what it decides
	database
	[ -z "$kms" ] || key
	keysets
	callers
	repository
	exclusions
	[ -z "$trigger" ] || trigger
	rights add
	prepared_by
}

# apis runs before all reads, which fail if their API is disabled.
enabled=""
apis() {
	local wanted=() api
	enabled="$(have gcloud services list --enabled --project="$project" --format='value(config.name)')" || enabled=""
	for api in run cloudbuild artifactregistry firestore secretmanager cloudscheduler iam iamcredentials logging \
		monitoring storage chat meet calendar-json cloudidentity gsuiteaddons; do
		grep -qx "$api.googleapis.com" <<<"$enabled" || wanted+=("$api.googleapis.com")
	done
	[ "${#wanted[@]}" = 0 ] || change gcloud services enable ${wanted[@]+"${wanted[@]}"} --project="$project"
}

# Each function has its own service account with only the permissions it needs.
accounts() {
	local name are
	# For an account that doesn't exist, describe may be refused (IAM's reference).
	are="$(have gcloud iam service-accounts list --filter='email:deputy-*' --format='value(email)' \
		--project="$project")" || are=""
	for name in "${functions[@]}" scheduler build; do
		grep -qxF "$(account "$name")" <<<"$are" ||
			change gcloud iam service-accounts create "deputy-$name" --display-name="Deputy: $name" --project="$project"
	done
}

# rights add|remove grants the accounts the roles below, or removes their other roles on
# these resources. Removal comes last: the old revisions need their roles until the new
# ones serve.
rights() {
	local verb="$1" name secret pipeline="$trigger" wanted
	[ -n "$pipeline" ] ||
		! have gcloud builds triggers describe deputy --region="$region" --project="$project" >/dev/null || pipeline=yes

	wanted=()
	for name in "${functions[@]}"; do
		may datastore.user "$name" "Deputy's database" "resource.name == \"projects/$project/databases/$database\""
	done
	may run.builder build # sources, logs, images
	if [ -n "$pipeline" ]; then
		# run.developer can deploy, but cannot grant public access.
		for name in logging.logWriter run.developer cloudbuild.builds.viewer; do may "$name" build; done
	fi
	settle "$verb" projects -- "$project"

	for secret in "${secrets[@]}"; do
		wanted=()
		for name in "${holders[@]}"; do may secretmanager.secretAccessor "$name"; done
		[ -z "$pipeline" ] || may secretmanager.viewer build
		settle "$verb" secrets -- "$secret" --project="$project"
	done

	wanted=()
	for name in "${holders[@]}"; do may storage.objectViewer "$name"; done
	settle "$verb" storage buckets -- "$bucket" --project="$project"

	if [ -n "$kms" ]; then
		wanted=()
		for name in "${holders[@]}"; do may cloudkms.cryptoKeyDecrypter "$name"; done
		settle "$verb" kms keys -- keysets --keyring=deputy --location="$region" --project="$project"
	fi

	wanted=()
	[ -z "$pipeline" ] || may artifactregistry.writer build
	settle "$verb" artifacts repositories -- deputy --location="$region" --project="$project"

	for name in "${functions[@]}"; do
		wanted=()
		[ -z "$pipeline" ] || may iam.serviceAccountUser build
		settle "$verb" iam service-accounts -- "$(account "$name")" --project="$project"
	done
}

# may ROLE NAME [TITLE EXPRESSION] adds a binding for deputy-NAME to wanted, as gcloud
# prints it: role, member, and the condition's title and expression, separated by tabs.
may() { wanted+=("roles/$1${tab}serviceAccount:$(account "$2")${3:+$tab$3$tab$4}"); }

# settle add|remove GCLOUD-WORDS... -- RESOURCE [FLAG...] adds the wanted bindings to a
# resource, or removes other bindings of Deputy's accounts. It ignores other accounts.
settle() {
	local verb="$1" words=() resource is binding member
	shift
	while [ "$1" != -- ]; do
		words+=("$1")
		shift
	done
	shift
	resource=("$@")
	is="$(have gcloud ${words[@]+"${words[@]}"} get-iam-policy "${resource[@]}" --flatten='bindings[].members' \
		--format='value(bindings.role,bindings.members,bindings.condition.title,bindings.condition.expression)')" ||
		is=""
	is="$(sed -e 's/[[:space:]]*$//' <<<"$is")" # without a condition, gcloud ends the line with tabs
	if [ "$verb" = add ]; then
		for binding in ${wanted[@]+"${wanted[@]}"}; do
			grep -qxF -- "$binding" <<<"$is" || binding_of add "$binding"
		done
		return
	fi
	while IFS= read -r binding <&3; do
		member="${binding#*"$tab"}"
		! ours "${member%%"$tab"*}" || among "$binding" ${wanted[@]+"${wanted[@]}"} || binding_of remove "$binding"
	done 3<<<"$is"
}

# ours MEMBER succeeds if MEMBER is an account that deploy.sh creates.
ours() {
	local name
	for name in "${functions[@]}" scheduler build; do
		[ "$1" != "serviceAccount:$(account "$name")" ] || return 0
	done
	return 1
}

# among WORD WORDS... succeeds if WORD is one of WORDS.
among() {
	local word="$1" other
	shift
	for other in "$@"; do [ "$other" != "$word" ] || return 0; done
	return 1
}

# binding_of add|remove BINDING changes one binding of the resource of settle.
binding_of() {
	local role member title expression condition=()
	IFS="$tab" read -r role member title expression <<<"$2"
	if [ -n "$expression" ]; then
		condition=("--condition=^~^title=$title~expression=$expression")
	elif [ "${words[0]}" = projects ]; then
		condition=(--condition=None) # otherwise gcloud asks, because other bindings have conditions
	fi
	change gcloud ${words[@]+"${words[@]}"} "$1-iam-policy-binding" "${resource[@]}" \
		--member="$member" --role="$role" ${condition[@]+"${condition[@]}"}
}

# database creates the Firestore database, its TTL policies and the indexes of the fields
# that are queried. shared/vault has the same lists (TTLCollectionGroups, IndexedFields).
database() {
	local group field
	have gcloud firestore databases describe --database="$database" --project="$project" >/dev/null ||
		change gcloud firestore databases create --database="$database" --type=firestore-native \
			--location="$(setting DATABASE_LOCATION "$region")" \
			--delete-protection --enable-pitr --project="$project"
	for group in pendingConsents operations acts; do
		have gcloud firestore fields ttls list --collection-group="$group" --database="$database" \
			--project="$project" --format='value(name)' >/dev/null ||
			change gcloud firestore fields ttls update expires --collection-group="$group" --database="$database" \
				--enable-ttl --async --project="$project"
	done
	for group in grants pendingConsents operations revocations sequences templates acts sweep; do
		indexed "$group" '*' ||
			change gcloud firestore indexes fields update '*' --collection-group="$group" --database="$database" \
				--disable-indexes --async --project="$project"
	done
	for field in grants/emailCode grants/tokenPrefix grants/tokenHash grants/tokenHexHash grants/removedDay grants/due \
		operations/person templates/owner; do
		indexed "${field%/*}" "${field#*/}" ||
			change gcloud firestore indexes fields update "${field#*/}" --collection-group="${field%/*}" \
				--database="$database" --index=order=ascending --async --project="$project"
	done
}

# indexed GROUP FIELD succeeds if the group has index settings for the field.
indexed() {
	local fields
	fields="$(have gcloud firestore indexes fields list --collection-group="$1" --database="$database" \
		--project="$project" --format='value(name)')" || return 1
	[[ "$fields$newline" == *"collectionGroups/$1/fields/$2$newline"* ]]
}

key() {
	grep -qx cloudkms.googleapis.com <<<"$enabled" ||
		change gcloud services enable cloudkms.googleapis.com --project="$project"
	have gcloud kms keyrings describe deputy --location="$region" --project="$project" >/dev/null ||
		change gcloud kms keyrings create deputy --location="$region" --project="$project"
	have gcloud kms keys describe keysets --keyring=deputy --location="$region" --project="$project" >/dev/null ||
		change gcloud kms keys create keysets --keyring=deputy --location="$region" --purpose=encryption \
			--rotation-period=90d --next-rotation-time=+p90d --project="$project"
}

# wrapped succeeds if the newest keyset is wrapped with a Cloud KMS key, and fails if there is none, or it is in clear.
# Both keysets are created at once. Nothing wraps them later.
wrapped() {
	local newest
	newest="$(version "${secrets[0]}")" &&
		have gcloud secrets versions access "$newest" --secret="${secrets[0]}" --project="$project" |
		grep -c encryptedKeyset >/dev/null # reads all: see have
}

# holders_of_secrets creates the secrets, without versions, in the region.
holders_of_secrets() {
	local secret
	for secret in "${secrets[@]}"; do
		have gcloud secrets describe "$secret" --project="$project" >/dev/null ||
			change gcloud secrets create "$secret" --replication-policy=user-managed --locations="$region" \
				--project="$project"
	done
}

# keysets creates the keysets. A pipe takes them to Secret Manager, so that nobody sees them.
keysets() {
	local kinds=(keyset lookup) i
	for i in 0 1; do
		version "${secrets[$i]}" >/dev/null ||
			change --from "go run ./cmd/deputy keys new ${kinds[$i]}${kms:+ --kek gcp-kms://$kek}" \
				gcloud secrets versions add "${secrets[$i]}" --data-file=- --project="$project"
	done
	[ -z "$client" ] || client_secrets
}

# client_secrets stores the OAuth client's file unless the newest enabled version is the same.
client_secrets() {
	local newest
	newest="$(version deputy-oauth-client)" || newest=""
	if [ -z "$newest" ] || [ "$(have gcloud secrets versions access "$newest" --secret=deputy-oauth-client \
		--project="$project")" != "$(cat "$client")" ]; then
		change gcloud secrets versions add deputy-oauth-client --data-file="$client" --project="$project"
	fi
}

# version SECRET prints the number of the newest enabled version.
version() {
	have gcloud secrets versions list "$1" --filter=state=ENABLED --sort-by=~createTime --limit=1 \
		--format='value(name)' --project="$project"
}

# callers creates the versioned bucket of the callers file, which the functions can only
# read, and an empty file if none exists. The precondition protects a file that was
# created in the meantime.
callers() {
	local is
	if ! is="$(have gcloud storage buckets describe "$bucket" --project="$project" \
		--format='value(versioning_enabled,uniform_bucket_level_access,public_access_prevention)')"; then
		change gcloud storage buckets create "$bucket" --location="$region" --uniform-bucket-level-access \
			--public-access-prevention --project="$project"
	fi
	[ "$is" = "True${tab}True${tab}enforced" ] ||
		change gcloud storage buckets update "$bucket" --versioning --uniform-bucket-level-access \
			--public-access-prevention --project="$project"
	have gcloud storage objects describe "$callers" --format='value(generation)' --project="$project" >/dev/null ||
		change --from "printf '# The systems that may call Deputy: docs/api.md\ncallers: []\n'" \
			gcloud storage cp - "$callers" --if-generation-match=0 --content-type=application/yaml --project="$project"
}

repository() {
	have gcloud artifacts repositories describe deputy --location="$region" --project="$project" \
		--format='value(name)' >/dev/null ||
		change gcloud artifacts repositories create deputy --repository-format=docker --location="$region" \
			--description="Deputy" --project="$project"
}

# prepared_by labels the repository, which the pipeline can read, with the version of this
# file that prepared the project. It is the last step of infra, so an interrupted run
# does not count.
prepared_by() {
	[ "$(have gcloud artifacts repositories describe deputy --location="$region" --project="$project" \
		--format='value(labels.deputy-infra)')" = "$(this_infra)" ] ||
		change gcloud artifacts repositories update deputy --location="$region" \
			--update-labels="deputy-infra=$(this_infra)" --project="$project"
}

# this_infra prints the version of this file, a hash without the text of comments.
this_infra() { sed 's/^[[:space:]]*#.*//' deploy/infra.sh | digest; }

# exclusions keeps request URLs out of the logs before the first request: the callback's
# contain a code and a state, and createspace's contain email addresses.
exclusions() {
	local name is filter old
	is="$(have gcloud logging sinks describe _Default --flatten='exclusions[]' --project="$project" \
		--format='value(exclusions.name,exclusions.filter,exclusions.disabled)')" || is=""
	is="$(sed 's/[[:space:]]*$//; s/[[:space:]]False$//' <<<"$is")"
	for name in "${private[@]}"; do
		filter="resource.type=\"cloud_run_revision\" AND resource.labels.service_name=\"deputy-$name\""
		filter="$filter AND log_id(\"run.googleapis.com/requests\")"
		! grep -qxF -- "deputy-$name$tab$filter" <<<"$is" || continue
		old=() # a changed or disabled one is replaced by the same command, without a gap
		! cut -f1 <<<"$is" | grep -x "deputy-$name" >/dev/null || old=(--remove-exclusions="deputy-$name")
		change gcloud logging sinks update _Default --project="$project" ${old[@]+"${old[@]}"} \
			--add-exclusion="name=deputy-$name,description=Its request URLs must not be kept,filter=$filter"
	done
}

scheduler() {
	local audience uri is job at
	at="$(setting SCHEDULER_REGION "$region")"
	audience="$(setting API_AUDIENCE "$(url deputy-createspace)")"
	audience="${audience// /}"
	audience="${audience%%,*}" # of a list, the first
	uri="$(url deputy-createspace)/v1/sweep"
	job=(deputy-sweep --location="$at" --schedule='0 * * * *' --uri="$uri" --http-method=POST
		--oidc-service-account-email="$(account scheduler)" --oidc-token-audience="$audience" --attempt-deadline=60s
		--project="$project")
	if ! is="$(have gcloud scheduler jobs describe deputy-sweep --location="$at" --project="$project" \
		--format='csv[no-heading](httpTarget.uri,httpTarget.oidcToken.audience)')"; then
		change gcloud scheduler jobs create http "${job[@]}"
	elif [ "$is" != "$uri,$audience" ]; then
		change gcloud scheduler jobs update http "${job[@]}"
	fi
}

# given_setting NAME succeeds if --set names the variable.
given_setting() {
	local s
	for s in ${settings[@]+"${settings[@]}"}; do
		[ "${s%%=*}" != "$1" ] || return 0
	done
	return 1
}

# setting NAME DEFAULT prints the value of --set NAME=VALUE, or DEFAULT if there is none
# or it is empty.
setting() {
	local s
	for s in ${settings[@]+"${settings[@]}"}; do
		if [ "${s%%=*}" = "$1" ] && [ -n "${s#*=}" ]; then
			printf '%s' "${s#*=}"
			return
		fi
	done
	printf '%s' "$2"
}

# alerts creates the log-based metrics and the alert policies (see docs/operate.md).
alerts() {
	local file name
	for file in deploy/alerts/*.metric; do
		name="deputy-$(basename "$file" .metric)"
		have gcloud logging metrics describe "$name" --project="$project" >/dev/null ||
			change gcloud logging metrics create "$name" --description="Deputy" --log-filter="$(cat "$file")" \
				--project="$project"
	done
	for file in deploy/alerts/*.json; do
		name="$(sed -n 's/^  "displayName": "\(.*\)",$/\1/p' "$file")"
		have gcloud alpha monitoring policies list --filter="displayName=\"$name\"" --format='value(name)' \
			--project="$project" >/dev/null ||
			change gcloud alpha monitoring policies create --policy-from-file="$file" --project="$project"
	done
}

# trigger makes Cloud Build deploy each push to main, as an account with few roles (see
# rights).
trigger() {
	have gcloud builds triggers describe deputy --region="$region" --project="$project" >/dev/null ||
		change gcloud builds triggers create github --name=deputy --region="$region" --repository="$trigger" \
			--branch-pattern='^main$' --build-config=cloudbuild.yaml --substitutions="_REGION=$region" \
			--service-account="projects/$project/serviceAccounts/$(account build)" --project="$project"
}
