# shellcheck shell=bash disable=SC2154 # deploy.sh sets the options
# What was decided: options and --set. It is kept with the deployment, as annotations of
# the OAuth client's secret, which the pipeline can read. Whether the keysets are wrapped
# is not kept: the keysets decide.

sources=() # where each value comes from, for --show: "NAME source"
inuse=""   # the database of the deployment

# inherit takes what this run doesn't say from the annotations, or from the functions of
# older deployments. If they cannot be read, the run ends (see have), so that nothing is lost.
inherit() {
	local name is line value
	[ -z "$database" ] || sources+=("database given")
	for line in ${settings[@]+"${settings[@]}"}; do sources+=("${line%%=*} given"); done
	kept="$(have gcloud secrets describe "${secrets[2]}" --project="$project" \
		--format='flattened(annotations)')" || kept=""
	while IFS= read -r line <&3; do
		name="${line%%:*}"
		value="${line#*:}"
		keep "${name#annotations.}" "${value#"${value%%[![:space:]]*}"}" kept
	done 3<<<"$kept"
	for name in "${functions[@]}"; do
		is="$(have gcloud run services describe "deputy-$name" --region="$region" --project="$project" \
			--flatten='spec.template.spec.containers[].env[]' \
			--format='value(spec.template.spec.containers.env.name,spec.template.spec.containers.env.value)')" || is=""
		while IFS="$tab" read -r line value <&3; do
			[ "$line" != FIRESTORE_DATABASE ] || line=database
			[ "$line" != KEYSET_KEK ] || kms=yes
			[ -z "$value" ] || keep "$line" "$value" "deputy-$name"
		done 3<<<"$is"
	done
	# The keysets decide: the first run may have ended before it deployed a function. A push always finds functions.
	if [ -z "$push$dry" ] && version "${secrets[0]}" >/dev/null; then
		if wrapped; then
			kms=yes
		elif [ -n "$kms" ]; then
			stop "the keysets are not wrapped with a Cloud KMS key, and cannot be later." \
				"Omit --kms; nothing was changed"
		fi
	elif [ -z "$kms$push" ] && grep -x cloudkms.googleapis.com <<<"$enabled" >/dev/null &&
		have gcloud kms keys describe keysets --keyring=deputy --location="$region" \
			--project="$project" >/dev/null; then
		kms=yes
	fi
	database="${database:-(default)}"
	[ -n "$dry" ] || [ -z "$inuse" ] || same_database
}

# same_database refuses another location, which can't be changed, and a database that doesn't exist: everybody would
# have to connect again.
same_database() {
	local at is
	at="$(setting DATABASE_LOCATION "$region")"
	[ "$(source_of database)" = given ] || [ "$(source_of DATABASE_LOCATION)" = given ] || return 0
	if is="$(have gcloud firestore databases describe --database="$database" --project="$project" \
		--format='value(locationId)')"; then
		[ "$(source_of DATABASE_LOCATION)" != given ] || [ "$is" = "$at" ] ||
			stop "the database $database is in $is, and can't be moved. Omit DATABASE_LOCATION; nothing was changed"
	elif [ "$database" != "$inuse" ]; then
		stop "the database $database does not exist, and Deputy uses $inuse. Omit --database, or create or restore" \
			"$database first; nothing was changed"
	fi
}

# keep NAME VALUE SOURCE takes a decision that nothing else has made.
keep() {
	[ "$1" != database ] || inuse="${inuse:-$2}"
	if [ "$1" = database ] && [ -z "$database" ]; then
		database="$2"
		sources+=("$1 $3")
	elif [[ "$1" =~ ^($settable)$ ]] && ! given_setting "$1"; then
		settings+=("$1=$2")
		sources+=("$1 $3")
	fi
}

# remember stores what differs from kept, from the first run on. NAME= of --set removes a value.
remember() {
	local s name updates="database=$database" removals=""
	for s in ${settings[@]+"${settings[@]}"}; do
		name="${s%%=*}"
		if [[ "$(source_of "$name")" == deputy-* ]]; then
			continue # an address or an ID that an earlier run found
		elif [ -n "${s#*=}" ]; then
			updates="$updates|$s"
		elif grep -q "^annotations\.$name:" <<<"$kept"; then
			removals="$removals${removals:+,}$name"
		fi
	done
	[ "$(LC_ALL=C sort <<<"${updates//|/$newline}")" != \
		"$(sed -n 's/^annotations\.\([^:]*\): */\1=/p' <<<"$kept" | LC_ALL=C sort)" ] || return 0
	[ -z "$removals" ] ||
		change gcloud secrets update "${secrets[2]}" --remove-annotations="$removals" --project="$project"
	change gcloud secrets update "${secrets[2]}" --update-annotations="^|^$updates" --project="$project"
}

# show prints the decisions and where each comes from.
show() {
	local s
	decision database "$database"
	for s in ${settings[@]+"${settings[@]}"}; do decision "${s%%=*}" "${s#*=}"; done
	printf '%-28s %s (%s)\n' "keysets" "$([ -n "$kms" ] && echo wrapped || echo "in clear")" "the keysets decide"
}

# decision NAME VALUE prints a line of show.
decision() {
	local from
	from="$(source_of "$1")"
	case "$from" in
	"") from="the default" ;;
	given) from="given now" ;;
	kept) from="kept with the deployment" ;;
	deputy-*) from="set in the service $from" ;;
	esac
	printf '%-28s %s (%s)\n' "$1" "$2" "$from"
}

# source_of NAME prints where the value comes from: given, kept, a service, or nothing for the default.
source_of() {
	local s
	for s in ${sources[@]+"${sources[@]}"}; do
		[ "${s%% *}" != "$1" ] || printf '%s' "${s#* }"
	done
}
