# shellcheck shell=bash disable=SC2154,SC2016 # the options are deploy.sh's; backticks are Markdown's
# What Google has no interface for, with the addresses filled in.
#
# No sed stands inside a here-document: bash 3.2 reads quotes there otherwise.

checklist() {
	local callback endpoint audience scheduler
	callback="$(setting OAUTH_CALLBACK_URL "$(url deputy-oauthcallback)")"
	endpoint="$(setting CHAT_ENDPOINT_URL "$(url deputy-chatevent)")"
	audience="$(setting API_AUDIENCE "$(url deputy-createspace)")"
	scheduler="$(account scheduler)"
	cat <<TEXT

What is left to do in the console, once (docs/setup.md has every field):

1. Consent screen: https://console.cloud.google.com/auth/branding?project=$project
   Home page $callback/
   Privacy policy $callback/privacy
   Terms of service $callback/terms
   Audience Internal, if only your organization uses Deputy. External stands in status Testing at first: then every consent
   dies after 7 days. Publish the app before people rely on it.
   Data Access, scopes:
TEXT
	sed -n '/<!-- scopes -->/,/<!-- \/scopes -->/s/^| `\([^`]*\)`.*/     \1/p' docs/setup.md
	cat <<TEXT
2. OAuth client of type Web application: https://console.cloud.google.com/auth/clients?project=$project
   Authorized redirect URI $callback/callback
   Download its JSON, give it to ./deploy.sh by --client-secrets, and delete the file.
3. Chat app: https://console.cloud.google.com/apis/api/chat.googleapis.com/hangouts-chat?project=$project
   HTTP endpoint URL $endpoint (also App Home URL)
   Authentication audience: Project number ($number)
   Commands (id, name, type, "Open a dialog"):
TEXT
	sed -n '/<!-- commands -->/,/<!-- \/commands -->/s/^| \([0-9][0-9]*\) | `\([^`]*\)` | \([^|]*\) | \([^|]*\) | *\([^| ]*\) *|.*/     \1  \2  (\3) \5/p' docs/setup.md | sed 's/ *$//'
	cat <<TEXT
4. The scheduler's right to sweep (after gcloud auth application-default login):
   go run ./cmd/deputy callers add scheduler --project $project --unique-id \$(gcloud iam service-accounts describe $scheduler --project=$project --format="value(uniqueId)") --email $scheduler --name Scheduler --action sweep
5. Cross-Account Protection: accept its terms at https://console.cloud.google.com/apis/library/risc.googleapis.com?project=$project
   Receiver: $(url deputy-securityevent)/ ; docs/operate.md says how deputy risc set tells Google

Other systems call $(url deputy-createspace) with ID tokens for the audience $audience.
TEXT
}
