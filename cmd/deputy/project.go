package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"example.com/deputy/shared/googlecall"
	"example.com/deputy/shared/vault"
)

// checkOtherServices lists every other public service of the project. Code in
// the same project can get tokens of its own account from the metadata server.
func (d *deployment) checkOtherServices(ctx context.Context) {
	const check = "other public services"
	text, err := d.ask(ctx, "run", "services", "list", "--format=json")
	var all []service
	if err == nil {
		err = json.Unmarshal([]byte(text), &all)
	}
	if err != nil {
		d.fault(check, cause(err), "check that you can list the project's services")
		return
	}
	var names []string
	for _, s := range all {
		region := s.Metadata.Labels["cloud.googleapis.com/location"]
		_, isOurs := d.services[strings.TrimPrefix(s.Metadata.Name, "deputy-")]
		if isOurs && region == d.region {
			continue
		}
		public, err := d.isPublic(ctx, s, region)
		if err != nil {
			d.fault(check, s.Metadata.Name+": "+cause(err), "check that you can see the service's IAM policy")
			return
		}
		if public {
			names = append(names, s.Metadata.Name+" in "+region)
		}
	}
	if len(names) == 0 {
		d.ok(check)
		return
	}
	d.hint(check, "these are public, too; restrict those that need not be, or move Deputy to its own project: "+
		strings.Join(names, ", "))
}

// checkCallersBucket checks how the callers file is stored. Its content is checked by /ready.
func (d *deployment) checkCallersBucket(ctx context.Context) {
	bucket := "gs://" + d.project + "-deputy-callers"
	state, err := d.ask(ctx, "storage", "buckets", "describe", bucket,
		"--format=csv[no-heading](versioning_enabled,uniform_bucket_level_access,public_access_prevention)")
	if err == nil && !strings.EqualFold(state, "true,true,enforced") {
		err = fmt.Errorf("%s: versioning, uniform access and public access prevention are %s", bucket, state)
	}
	d.check("bucket of the callers file", err, redeploy)
}

// checkFirestore checks whether the database exists and has its TTL policies.
func (d *deployment) checkFirestore(ctx context.Context) {
	database := "(default)"
	if value, _, _ := d.services["oauthcallback"].env("FIRESTORE_DATABASE"); value != "" {
		database = value
	}
	kind, err := d.ask(ctx, "firestore", "databases", "describe", "--database="+database, "--format=value(type)")
	fix := redeploy
	if err == nil && kind != "FIRESTORE_NATIVE" {
		err = fmt.Errorf("the database %s is in the mode %s", database, kind)
		fix = "Deputy needs a database in Native mode: run ./deploy.sh with --database and a new name"
	}
	if !d.check("Firestore", err, fix) {
		return
	}
	for _, group := range vault.TTLCollectionGroups() {
		state, err := d.ask(ctx, "firestore", "fields", "ttls", "list",
			"--collection-group="+group, "--database="+database, "--format=value(ttlConfig.state)")
		if err == nil && state == "" {
			err = fmt.Errorf("%s has no TTL policy, so only the sweep removes expired documents", group)
		}
		d.check("expiry of "+group, err, redeploy)
	}
}

// checkLogs checks whether codes and addresses are kept out of the logs, and
// whether Google reported a missing Chat app.
func (d *deployment) checkLogs(ctx context.Context) {
	excluded, err := d.ask(ctx, "logging", "sinks", "describe", "_Default", "--flatten=exclusions[]",
		"--format=value(exclusions.name,exclusions.disabled,exclusions.filter)")
	for name, content := range map[string]string{
		"oauthcallback": "codes and states", "createspace": "email addresses of people",
	} {
		err := err
		if err == nil && !excludesRequests(excluded, "deputy-"+name) {
			err = fmt.Errorf("the request log of deputy-%s is kept, and its URLs contain %s", name, content)
		}
		d.check("request log of deputy-"+name, err, redeploy)
	}
	reported, err := d.ask(ctx, "logging", "read",
		`resource.labels.service_name=~"^deputy-" jsonPayload.error:"`+googlecall.ErrNotSetUp.Error()+`"`,
		"--freshness=1d", "--limit=1", "--format=value(timestamp)")
	if err == nil && reported != "" {
		err = fmt.Errorf("at %s, Google reported that the Chat app was not found", reported)
	}
	d.check("Chat app is configured", err,
		"complete Google Chat API > Configuration in the project of the OAuth client (docs/setup.md)")
}

// excludesRequests reports whether a line of exclusions covers all requests of a service.
func excludesRequests(lines, service string) bool {
	want := `resource.type="cloud_run_revision" AND resource.labels.service_name="` + service +
		`" AND log_id("run.googleapis.com/requests")`
	for line := range strings.Lines(lines) {
		parts := strings.Split(strings.TrimSpace(line), "\t")
		if len(parts) == 3 && parts[0] == service && !strings.EqualFold(parts[1], "true") && parts[2] == want {
			return true
		}
	}
	return false
}

// checkSweep checks whether the scheduler calls the sweep and is accepted.
func (d *deployment) checkSweep(ctx context.Context) {
	state, err := d.ask(ctx, "scheduler", "jobs", "describe", "deputy-sweep", "--location="+d.schedulerRegion,
		"--format=csv[no-heading](state,httpTarget.oidcToken.audience,status.code)")
	if !d.check("sweep", err, redeploy) {
		return
	}
	parts := append(strings.Split(state, ","), "", "", "")
	audience, _, _ := d.services["createspace"].env("API_AUDIENCE")
	switch {
	case parts[0] != "ENABLED":
		err = fmt.Errorf("the scheduler job deputy-sweep is %s", parts[0])
	case !slices.Contains(strings.Split(strings.ReplaceAll(audience, " ", ""), ","), parts[1]):
		err = fmt.Errorf("the token of the scheduler job deputy-sweep is for %s, but deputy-createspace expects %s",
			parts[1], audience)
	case parts[2] != "" && parts[2] != "0":
		err = fmt.Errorf("the last call of the scheduler job deputy-sweep failed (code %s)", parts[2])
	}
	d.check("sweep is called", err,
		"to fix the job, run ./deploy.sh; to add its caller, follow the checklist that ./deploy.sh prints")
}
