package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/googleauth"
	"example.com/deputy/shared/seal"
)

// deployment checks what deploy.sh has deployed, as gcloud describes it.
type deployment struct {
	*doctor
	project, region, number string
	schedulerRegion         string
	clientID                string // of the deployed OAuth client
	services                map[string]service
}

// service holds the fields of a Cloud Run service that are checked.
type service struct {
	Metadata struct {
		Name        string            `json:"name"`
		Labels      map[string]string `json:"labels"`
		Annotations map[string]string `json:"annotations"`
	} `json:"metadata"`
	Status struct {
		URL     string `json:"url"`
		Ready   string `json:"latestReadyRevisionName"`
		Created string `json:"latestCreatedRevisionName"`
	} `json:"status"`
	Spec struct {
		Template struct {
			Spec struct {
				Containers []struct {
					Env []struct {
						Name, Value string
						ValueFrom   struct {
							SecretKeyRef struct{ Name, Key string } `json:"secretKeyRef"`
						} `json:"valueFrom"`
					} `json:"env"`
				} `json:"containers"`
			} `json:"spec"`
		} `json:"template"`
	} `json:"spec"`
}

// env returns a variable's value, or the name and version of its secret.
func (s service) env(name string) (value, secret, version string) {
	for _, c := range s.Spec.Template.Spec.Containers {
		for _, v := range c.Env {
			if v.Name == name {
				return v.Value, v.ValueFrom.SecretKeyRef.Name, v.ValueFrom.SecretKeyRef.Key
			}
		}
	}
	return "", "", ""
}

// skipsIAM reports whether Cloud Run's check of the invoker is disabled.
func (s service) skipsIAM() bool {
	return strings.EqualFold(s.Metadata.Annotations["run.googleapis.com/invoker-iam-disabled"], "true")
}

// ask runs gcloud on the project and returns its output.
func (d *deployment) ask(ctx context.Context, args ...string) (string, error) {
	out, err := d.gcloud(ctx, append(args, "--project="+d.project)...)
	if err != nil && refused.MatchString(err.Error()) {
		err = &refusedError{err}
	}
	return strings.TrimSpace(string(out)), err
}

// refused matches what gcloud says if its account isn't allowed to see something.
var refused = regexp.MustCompile(`PERMISSION_DENIED|\b403\b|does not have permission|has not been used in project`)

// refusedError says that nothing is known about what was asked for.
type refusedError struct{ error }

const redeploy = "run ./deploy.sh again for this project and region"

// checkDeployment checks a project, as far as gcloud's account has access.
func (d *doctor) checkDeployment(ctx context.Context, project, region, person string) {
	dep := &deployment{
		doctor: d, project: project, region: region, schedulerRegion: region, services: map[string]service{},
	}
	var err error
	dep.number, err = d.projectNumber(ctx, project)
	if !d.check("project", err, "check the project ID and your access to it; to sign in, run gcloud auth login") {
		return
	}
	for _, name := range []string{"chatevent", "oauthcallback", "createspace", "securityevent"} {
		dep.checkService(ctx, name)
	}
	dep.checkOtherServices(ctx)
	dep.checkDecisions(ctx)
	dep.checkAddresses()
	dep.checkSecrets(ctx)
	dep.checkSecurityEvents()
	dep.checkFirestore(ctx)
	dep.checkCallersBucket(ctx)
	dep.checkLogs(ctx)
	dep.checkSweep(ctx)
	account, _, _ := dep.services["createspace"].env("DELEGATION_SERVICE_ACCOUNT")
	d.checkDelegation(ctx, account, person)
}

func (d *doctor) projectNumber(ctx context.Context, project string) (string, error) {
	out, err := d.gcloud(ctx, "projects", "describe", project, "--format=value(projectNumber)")
	return strings.TrimSpace(string(out)), err
}

// checkService checks whether a function is deployed, public, and ready.
func (d *deployment) checkService(ctx context.Context, function string) {
	name := "deputy-" + function
	text, err := d.ask(ctx, "run", "services", "describe", name, "--region="+d.region, "--format=json")
	var s service
	if err == nil {
		err = json.Unmarshal([]byte(text), &s)
	}
	if !d.check("service "+name, err, redeploy) {
		return
	}
	d.services[function] = s
	public, err := d.isPublic(ctx, s, d.region)
	if err == nil && !public {
		err = fmt.Errorf("%s is not public: Cloud Run checks callers itself, and removes the signatures of their"+
			" tokens", name)
	}
	d.check("callers of "+name, err, redeploy+"; the function checks its callers itself. If an organization policy"+
		" forbids one way to make it public (--no-invoker-iam-check, or --all-users for a binding of allUsers),"+
		" try the other")
	if err = nil; s.Status.Ready != s.Status.Created {
		serving := cmp.Or(s.Status.Ready, "none")
		err = fmt.Errorf("the newest revision, %s, is not ready; %s serves the traffic", s.Status.Created, serving)
	}
	d.check("newest revision of "+name, err, "find the reason in its log, fix it, and run ./deploy.sh again")
	status, _, err := d.get(ctx, s.Status.URL+"/ready")
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("%s/ready: status %d", s.Status.URL, status)
	}
	d.check("readiness of "+name, err, `find the reason in the log: resource.labels.service_name="`+name+
		`" and "start failed" or "store unreachable"`)
}

// isPublic reports whether anyone can call a service: Cloud Run does not check the invoker, or a binding admits
// everyone. allAuthenticatedUsers is not enough: Cloud Run then checks each token and removes its signature.
func (d *deployment) isPublic(ctx context.Context, s service, region string) (bool, error) {
	if s.skipsIAM() {
		return true, nil
	}
	members, err := d.ask(ctx, "run", "services", "get-iam-policy", s.Metadata.Name, "--region="+region,
		"--flatten=bindings[].members",
		"--filter=bindings.role=roles/run.invoker AND bindings.members=allUsers",
		"--format=value(bindings.members)")
	return members != "", err
}

// checkSecurityEvents checks whether securityevent knows the OAuth client and has no secret.
func (d *deployment) checkSecurityEvents() {
	s, ok := d.services["securityevent"]
	if !ok {
		return
	}
	var err error
	for _, c := range s.Spec.Template.Spec.Containers {
		for _, v := range c.Env {
			if v.ValueFrom.SecretKeyRef.Name != "" {
				err = fmt.Errorf("deputy-securityevent has the secret %s but needs none", v.ValueFrom.SecretKeyRef.Name)
			}
		}
	}
	ids, _, _ := s.env("OAUTH_CLIENT_ID")
	if err == nil && d.clientID != "" && !slices.Contains(strings.Split(ids, ","), d.clientID) {
		err = fmt.Errorf("OAUTH_CLIENT_ID does not name %s, so events about its tokens are refused", d.clientID)
	}
	d.check("client of deputy-securityevent", err, redeploy)
}

// checkAddresses checks whether the functions have the same callback URL, and chatevent the right audience.
func (d *deployment) checkAddresses() {
	callbacks := map[string]bool{}
	for name, s := range d.services {
		if name == "securityevent" { // it links to no page
			continue
		}
		value, _, _ := s.env("OAUTH_CALLBACK_URL")
		callbacks[value] = true
	}
	if len(callbacks) > 1 || callbacks[""] {
		d.fault("OAUTH_CALLBACK_URL", "the functions have different values, or none", redeploy)
	}
	chat, ok := d.services["chatevent"]
	number, _, _ := chat.env("CHAT_PROJECT_NUMBER")
	endpoint, _, _ := chat.env("CHAT_ENDPOINT_URL")
	const check = "audience of Chat's events"
	switch {
	case !ok:
	case number != d.number:
		problem := fmt.Sprintf("CHAT_PROJECT_NUMBER is %q, but the project's number is %s", number, d.number)
		d.fault(check, problem, redeploy)
	default:
		d.ok(check)
		d.hint("Chat app", "in its configuration, set the HTTP endpoint URL to exactly "+endpoint+" and, for a classic"+
			" app, the authentication audience to Project number; a mistake there appears as status 401 in the log of"+
			" deputy-chatevent")
	}
}

// checkSecrets checks whether the newest secret versions are deployed and valid.
func (d *deployment) checkSecrets(ctx context.Context) {
	s, ok := d.services["oauthcallback"]
	if !ok {
		return
	}
	values := map[string]config.Secret{}
	for _, name := range []string{"KEYSET", "LOOKUP_KEYSET", "OAUTH_CLIENT"} {
		_, secret, version := s.env(name)
		newest, err := d.ask(ctx, "secrets", "versions", "list", secret,
			"--filter=state=ENABLED", "--sort-by=~createTime", "--limit=1", "--format=value(name)")
		if err == nil && newest != version && version != "latest" {
			err = fmt.Errorf("version %s of %s is deployed, but the newest is %s", version, secret, newest)
		}
		if !d.check("secret of "+name, err, "unless this is intended, run ./deploy.sh") {
			continue
		}
		text, err := d.ask(ctx, "secrets", "versions", "access", version, "--secret="+secret)
		if err != nil {
			d.hint("value of "+name, "not checked, because you don't have access to it")
			continue
		}
		values[name] = config.NewSecret(text)
	}
	d.checkClient(values["OAUTH_CLIENT"], s)
	kek, _, _ := s.env("KEYSET_KEK")
	if values["KEYSET"].Empty() || values["LOOKUP_KEYSET"].Empty() {
		return
	}
	err := d.openKeysets(ctx, values["KEYSET"], values["LOOKUP_KEYSET"], kek)
	if kek != "" && err != nil && fault.KindOf(err) == fault.Unavailable {
		d.hint("keysets", "not checked, because the key "+kek+
			" isn't available with your application default credentials: "+err.Error())
		return
	}
	d.check("keysets", err, "try an older version of the secret (docs/operate.md, Keys)")
}

// checkClient checks the OAuth client's type and redirect URI.
func (d *deployment) checkClient(text config.Secret, s service) {
	if text.Empty() {
		return
	}
	client, err := googleauth.ParseClient(text)
	if !d.check("OAuth client", err, "create a client of type Web application, and pass its file to"+
		" ./deploy.sh --client-secrets") {
		return
	}
	d.clientID = client.ID
	callback, _, _ := s.env("OAUTH_CALLBACK_URL")
	if !client.AllowsRedirect(callback + "/callback") {
		err = fmt.Errorf("the client's file does not list %s/callback", callback)
	}
	d.check("redirect address", err, "add it to the client's Authorized redirect URIs, download the file again, and"+
		" pass it to ./deploy.sh --client-secrets")
}

// openKeysets opens the keysets as the functions do.
func (d *deployment) openKeysets(ctx context.Context, keyset, lookup config.Secret, kek string) error {
	if kek != "" {
		key, err := d.openKEK(ctx, kek)
		if err == nil {
			keyset, err = seal.Unwrap(ctx, seal.Keyset, keyset, key)
		}
		if err == nil {
			lookup, err = seal.Unwrap(ctx, seal.Lookup, lookup, key)
		}
		if err != nil {
			return err
		}
	}
	_, err := seal.New(keyset, lookup, seal.Project(d.project), "doctor")
	return err
}
