# shellcheck shell=bash disable=SC2154,SC2016,SC2034 # deploy.sh sets the options
# Removes what deploy.sh made. What is gone is skipped, so a second run finishes an
# interrupted one.

remove() {
	local answer
	echo "In project $project, this run deletes:"
	made listed
	cat <<TEXT
First, it disconnects everybody and revokes their tokens at Google. These stay:
  the key ring deputy of Cloud KMS, if there is one: keys can't be deleted
  the APIs, which other software may use, and gcloud's buckets for sources (gs://${project}_${region}_cloudbuild,
  gs://run-sources-$project-$region)
  log entries, until the retention of the log bucket ends
  in the console: the OAuth client, the consent screen, and the Chat app; delete them there
TEXT
	if [ -z "$yes$dry" ]; then
		printf 'To go on, enter the project ID: '
		read -r answer || answer=""
		[ "$answer" = "$project" ] || stop "nothing was deleted"
	fi
	revoke
	made deleted
	wanted=()
	settle remove projects -- "$project"
	accounts_of deleted
	[ -n "$dry" ] || echo "deploy.sh: Deputy is removed from $project"
}

# revoke disconnects everybody, with the configuration of the functions. Without keysets or
# a database, nobody is connected.
revoke() {
	[ -z "$dry" ] && version "${secrets[0]}" >/dev/null && version "${secrets[2]}" >/dev/null &&
		have gcloud firestore databases describe --database="$database" --project="$project" >/dev/null || return 0
	echo "+ go run ./cmd/deputy people disconnect-all" >&2
	GOOGLE_CLOUD_PROJECT="$project" FIRESTORE_DATABASE="$database" KEYSET="$(secret 0)" LOOKUP_KEYSET="$(secret 1)" \
	OAUTH_CLIENT="$(secret 2)" KEYSET_KEK="${kms:+gcp-kms://$kek}" \
	OAUTH_CALLBACK_URL="$(setting OAUTH_CALLBACK_URL "$(url deputy-oauthcallback)")" \
		go run ./cmd/deputy people disconnect-all ||
		stop "not everybody is disconnected, so nothing was deleted. Run the same command again"
}

secret() {
	have gcloud secrets versions access "$(version "${secrets[$1]}")" --secret="${secrets[$1]}" --project="$project"
}

# made listed|deleted prints or deletes what exists, and what uses a thing before the thing.
made() {
	local verb="$1" name file policy here=(--region="$region" --project="$project")
	local there=(--location="$region" --project="$project") at
	at="$(setting SCHEDULER_REGION "$region")"
	thing "$verb" gcloud scheduler jobs describe delete deputy-sweep --location="$at" --project="$project"
	thing "$verb" gcloud builds triggers describe delete deputy "${here[@]}"
	for name in "${functions[@]}"; do
		thing "$verb" gcloud run services describe delete "deputy-$name" "${here[@]}"
	done
	for file in deploy/alerts/*.json; do
		name="$(sed -n 's/^  "displayName": "\(.*\)",$/\1/p' "$file")"
		policy="$(have gcloud alpha monitoring policies list --filter="displayName=\"$name\"" --format='value(name)' \
			--project="$project")" || policy=""
		[ -z "$policy" ] ||
			thing "$verb" gcloud alpha monitoring policies describe delete "$policy" --project="$project"
	done
	for file in deploy/alerts/*.metric; do
		thing "$verb" gcloud logging metrics describe delete "deputy-$(basename "$file" .metric)" --project="$project"
	done
	thing "$verb" gcloud artifacts repositories describe delete deputy "${there[@]}"
	thing "$verb" gcloud storage buckets describe delete "$bucket" --project="$project"
	thing "$verb" gcloud firestore databases describe delete --database="$database" --project="$project"
	for name in "${secrets[@]}"; do thing "$verb" gcloud secrets describe delete "$name" --project="$project"; done
	[ "$verb" = deleted ] || accounts_of listed
}

# accounts_of listed|deleted is made for the service accounts, which have roles until the end.
accounts_of() {
	local are name
	are="$(have gcloud iam service-accounts list --filter='email:deputy-*' --format='value(email)' \
		--project="$project")" || are=""
	for name in "${functions[@]}" scheduler build; do
		! grep -qxF "$(account "$name")" <<<"$are" ||
			thing "$1" gcloud iam service-accounts describe delete "$(account "$name")" --project="$project"
	done
}

# thing VERB COMMAND... lists or deletes what COMMAND describes. COMMAND contains the words "describe delete".
thing() {
	local verb="$1" look=() drop=() word
	shift
	for word in "$@"; do
		[ "$word" = delete ] || look+=("$word")
		[ "$word" = describe ] || drop+=("$word")
	done
	[ -n "$dry" ] || have ${look[@]+"${look[@]}"} >/dev/null || return 0
	if [ "$verb" = listed ]; then
		word="${look[*]:1}"
		word="${word/ describe/}"
		echo "  ${word%% --project*}"
		return
	fi
	case "${look[*]}" in
	*storage*) change gcloud storage rm --recursive "$bucket" --project="$project" ;;
	*firestore*)
		change gcloud firestore databases update --database="$database" --no-delete-protection --project="$project"
		change ${drop[@]+"${drop[@]}"} --quiet
		;;
	*) change ${drop[@]+"${drop[@]}"} --quiet ;;
	esac
}
