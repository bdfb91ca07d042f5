# shellcheck shell=bash disable=SC2154 # deploy.sh sets the options
# --pin adds to each image version in the build files its digest. The digest is what
# takes effect; the version is for readers.

crane=github.com/google/go-containerregistry/cmd/crane@v0.22.1
pinned=(cloudbuild.yaml deploy/build.yaml cmd/server/Dockerfile)

# pin looks up each digest in the registry, without docker.
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
				[[ "$digest" == sha256:* ]] || stop "the registry returned no digest for ${image%@*}: $digest"
				line="${line%"$image"*}${image%@*}@$digest${line##*"$image"}"
				echo "$file: ${image%@*}@$digest" >&2
			fi
			new="$new$line$newline"
		done 3<"$file"
		[ -n "$dry" ] || printf '%s' "$new" >"$file"
	done
}
