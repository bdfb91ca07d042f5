# shellcheck shell=bash disable=SC2154 # the options are deploy.sh's
# The images that builds run: a version stands in the files, and --pin writes the
# digest of that version beside it. The digest counts, the version is for people.

crane=github.com/google/go-containerregistry/cmd/crane@v0.22.1
pinned=(cloudbuild.yaml deploy/build.yaml Dockerfile)

# pin asks each image's registry, without docker, for its digest.
pin() {
	local file line image digest new
	for file in "${pinned[@]}"; do
		new=""
		while IFS= read -r line <&3; do
			image="$(sed -n \
				-e 's/^ *name: \([^ ]*\)$/\1/p' \
				-e 's/^ *- --builder=\([^ ]*\)$/\1/p' \
				-e 's/^FROM \([^ ]*\).*/\1/p' <<<"$line")"
			if [ -n "$image" ]; then
				digest="$(have go run "$crane" digest "${image%@*}")" || digest="sha256:DIGEST"
				[[ "$digest" == sha256:* ]] || stop "the registry gave no digest of ${image%@*}: $digest"
				line="${line%"$image"*}${image%@*}@$digest${line##*"$image"}"
				echo "$file: ${image%@*}@$digest" >&2
			fi
			new="$new$line$newline"
		done 3<"$file"
		[ -n "$dry" ] || printf '%s' "$new" >"$file"
	done
}
