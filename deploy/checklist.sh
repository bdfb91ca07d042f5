# shellcheck shell=bash disable=SC2154,SC2016,SC2034 # deploy.sh sets the options; backticks are Markdown
# The steps for which Google has no API, with the addresses filled in. sed stays outside
# of the here-documents because bash 3.2 parses quotes in them differently.

checklist() {
	owed=""
	local callback endpoint audience scheduler row
	callback="$(setting OAUTH_CALLBACK_URL "$(url deputy-oauthcallback)")"
	endpoint="$(setting CHAT_ENDPOINT_URL "$(url deputy-chatevent)")"
	audience="$(setting API_AUDIENCE "$(url deputy-createspace)")"
	audience="${audience// /}"
	audience="${audience%%,*}" # of a list, the first
	scheduler="$(account scheduler)"
	cat <<TEXT

Do these steps once in the console (docs/setup.md lists every field):

1. Consent screen: https://console.cloud.google.com/auth/branding?project=$project
   Home page $callback/
   Privacy policy $callback/privacy
   Terms of service $callback/terms
   Audience Internal, if only your organization uses Deputy. An External app starts in status Testing, where every
   consent expires after 7 days: publish the app before people rely on it.
   Data Access, scopes:
TEXT
	sed -n '/<!-- scopes -->/,/<!-- \/scopes -->/s/^| `\([^`]*\)`.*/     \1/p' docs/setup.md
	cat <<TEXT
2. OAuth client of type Web application: https://console.cloud.google.com/auth/clients?project=$project
   Authorized redirect URI $callback/callback
   Download its JSON, pass it to ./deploy.sh with --client-secrets, and delete the file.
3. Chat app: https://console.cloud.google.com/apis/api/chat.googleapis.com/hangouts-chat?project=$project
   App name, avatar URL, description, visibility; Enable Interactive features: on
   Functionality: Join spaces and group conversations, Support App Home
   HTTP endpoint URL $endpoint (also App Home URL)
   Authentication Audience (classic apps): Project Number ($number)
   Commands (ID, name, type, "Open a dialog"):
TEXT
	row='^| \([0-9][0-9]*\) | `\([^`]*\)` | \([^|]*\) | \([^|]*\) | *\([^| ]*\) *|.*'
	sed -n "/<!-- commands -->/,/<!-- \\/commands -->/s/$row/     \\1  \\2  (\\3) \\5/p" docs/setup.md | sed 's/ *$//'
	cat <<TEXT
4. Allow the scheduler to run the sweep (after gcloud auth application-default login):
   go run ./cmd/deputy callers add scheduler --project $project --email $scheduler --name Scheduler --action sweep \\
     --unique-id \$(gcloud iam service-accounts describe $scheduler --project=$project --format="value(uniqueId)")
5. Cross-Account Protection: accept the terms at
   https://console.cloud.google.com/apis/library/risc.googleapis.com?project=$project
   Register the receiver with deputy risc set: $(url deputy-securityevent)/ or, if Google rejects
   that domain, an address of your own for it (docs/operate.md).

Other systems call $(url deputy-createspace) with ID tokens for the audience $audience.
TEXT
}
