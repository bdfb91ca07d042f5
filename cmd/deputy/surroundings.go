package main

import (
	"context"
	"fmt"
	"strings"

	"example.com/deputy/shared/googlecall"
	"example.com/deputy/shared/vault"
)

// callers checks whether the file of callers is kept as it should be. What it
// says, /ready/store has read.
func (d *deployment) callers(ctx context.Context) {
	bucket := "gs://" + d.project + "-deputy-callers"
	is, err := d.ask(ctx, "storage", "buckets", "describe", bucket, "--format=csv[no-heading](versioning_enabled,uniform_bucket_level_access,public_access_prevention)")
	if err == nil && !strings.EqualFold(is, "true,true,enforced") {
		err = fmt.Errorf("%s has versions, uniform access, public access prevention: %s", bucket, is)
	}
	d.check("bucket of the file of callers", err, again)
}

// store checks whether Firestore is there and forgets what has expired.
func (d *deployment) store(ctx context.Context) {
	database := "(default)"
	if value, _, _ := d.services["oauthcallback"].env("FIRESTORE_DATABASE"); value != "" {
		database = value
	}
	_, err := d.ask(ctx, "firestore", "databases", "describe", "--database="+database)
	if !d.check("Firestore", err, again) {
		return
	}
	for _, group := range vault.ForgottenByTTL() {
		state, err := d.ask(ctx, "firestore", "fields", "ttls", "list", "--collection-group="+group, "--database="+database, "--format=value(ttlConfig.state)")
		if err == nil && state == "" {
			err = fmt.Errorf("nothing removes what has expired of %s but the sweep", group)
		}
		d.check("expiry of "+group, err, again)
	}
}

// logs checks whether codes and addresses are kept out of them, and what they say
// of the Chat app.
func (d *deployment) logs(ctx context.Context) {
	excluded, err := d.ask(ctx, "logging", "sinks", "describe", "_Default", "--flatten=exclusions[]", "--format=value(exclusions.name,exclusions.disabled,exclusions.filter)")
	for name, hold := range map[string]string{"oauthcallback": "codes and states stand", "createspace": "e-mail addresses of people stand"} {
		err := err
		if err == nil && !excludes(excluded, "deputy-"+name) {
			err = fmt.Errorf("the request log of deputy-%s is kept: %s in its addresses", name, hold)
		}
		d.check("request log of deputy-"+name, err, again)
	}
	absent, err := d.ask(ctx, "logging", "read", `resource.labels.service_name=~"^deputy-" jsonPayload.error:"`+googlecall.NotSetUp+`"`, "--freshness=1d", "--limit=1", "--format=value(timestamp)")
	if err == nil && absent != "" {
		err = fmt.Errorf("at %s Google said that the Chat app is not found", absent)
	}
	d.check("Chat app is configured", err, "fill in Google Chat API > Configuration in the project of the OAuth client (docs/setup.md)")
}

// excludes reports whether a line of exclusions leaves out all requests of a
// service.
func excludes(lines, service string) bool {
	want := `resource.type="cloud_run_revision" AND resource.labels.service_name="` + service + `" AND log_id("run.googleapis.com/requests")`
	for line := range strings.Lines(lines) {
		parts := strings.Split(strings.TrimSpace(line), "\t")
		if len(parts) == 3 && parts[0] == service && !strings.EqualFold(parts[1], "true") && parts[2] == want {
			return true
		}
	}
	return false
}

// sweep checks whether the scheduler calls, and is let in.
func (d *deployment) sweep(ctx context.Context) {
	said, err := d.ask(ctx, "scheduler", "jobs", "describe", "deputy-sweep", "--location="+d.region, "--format=csv[no-heading](state,httpTarget.oidcToken.audience,status.code)")
	if !d.check("sweep", err, again) {
		return
	}
	parts := append(strings.Split(said, ","), "", "", "")
	audience, _, _ := d.services["createspace"].env("API_AUDIENCE")
	switch {
	case parts[0] != "ENABLED":
		err = fmt.Errorf("the scheduler's job deputy-sweep is %s", parts[0])
	case parts[1] != audience:
		err = fmt.Errorf("its token is for %s, and deputy-createspace wants %s", parts[1], audience)
	case parts[2] != "" && parts[2] != "0":
		err = fmt.Errorf("its last call failed (code %s)", parts[2])
	}
	d.check("sweep is called", err, "./deploy.sh mends the job; its caller's record is made as the checklist of ./deploy.sh says")
}
