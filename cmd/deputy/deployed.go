package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/googleauth"
	"example.com/deputy/shared/seal"
)

// deployment is what deploy.sh has made, as gcloud tells it.
type deployment struct {
	*examination
	project, region, number string
	clientID                string // of the OAuth client that is deployed
	services                map[string]service
}

// service is what is looked at of a service of Cloud Run.
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

// env is a variable's value, or the name and version of its secret.
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

// unchecked reports whether Cloud Run asks no caller who they are.
func (s service) unchecked() bool {
	return strings.EqualFold(s.Metadata.Annotations["run.googleapis.com/invoker-iam-disabled"], "true")
}

// ask runs gcloud on the project, and gives what it prints.
func (d *deployment) ask(ctx context.Context, args ...string) (string, error) {
	out, err := d.gcloud(ctx, append(args, "--project="+d.project)...)
	return strings.TrimSpace(string(out)), err
}

const again = "run ./deploy.sh for this project and region again"

// deployed looks at a project, as far as gcloud's account may.
func (e *examination) deployed(ctx context.Context, project, region, person string) {
	d := &deployment{examination: e, project: project, region: region, services: map[string]service{}}
	var err error
	if d.number, err = e.project(ctx, project); !e.check("project", err, "is its id right, and may you see it? gcloud auth login") {
		return
	}
	for _, name := range []string{"chatevent", "oauthcallback", "createspace", "securityevent"} {
		d.service(ctx, name)
	}
	d.others(ctx)
	d.addresses()
	d.secrets(ctx)
	d.securityEvents()
	d.store(ctx)
	d.callers(ctx)
	d.logs(ctx)
	d.sweep(ctx)
	account, _, _ := d.services["createspace"].env("DELEGATION_SERVICE_ACCOUNT")
	e.delegation(ctx, account, person)
}

func (e *examination) project(ctx context.Context, project string) (string, error) {
	out, err := e.gcloud(ctx, "projects", "describe", project, "--format=value(projectNumber)")
	return strings.TrimSpace(string(out)), err
}

// service checks whether a function is there, open to callers, and ready.
func (d *deployment) service(ctx context.Context, name string) {
	text, err := d.ask(ctx, "run", "services", "describe", "deputy-"+name, "--region="+d.region, "--format=json")
	var s service
	if err == nil {
		err = json.Unmarshal([]byte(text), &s)
	}
	if !d.check("service deputy-"+name, err, again) {
		return
	}
	d.services[name] = s
	open, err := d.open(ctx, s, d.region)
	if err == nil && !open {
		err = fmt.Errorf("nobody from outside may call deputy-%s", name)
	}
	d.check("callers of deputy-"+name, err, again+": the function checks its callers itself. If a policy of the organization forbids one way to open it (--no-invoker-iam-check, or a binding of allUsers: --all-users), the other may be allowed")
	if err = nil; s.Status.Ready != s.Status.Created {
		err = fmt.Errorf("the newest revision, %s, does not run; %s serves", s.Status.Created, firstOf(s.Status.Ready, "none"))
	}
	d.check("newest revision of deputy-"+name, err, "its log says why; mend that, and deploy again: ./deploy.sh")
	status, _, err := d.get(ctx, s.Status.URL+"/ready/store")
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("%s/ready/store answers %d", s.Status.URL, status)
	}
	d.check("readiness of deputy-"+name, err, `its log says why: resource.labels.service_name="deputy-`+name+`" and "start failed" or "store unreachable"`)
}

// open reports whether strangers' requests reach a service: nobody checks them
// before it, or everybody is let in.
func (d *deployment) open(ctx context.Context, s service, region string) (bool, error) {
	if s.unchecked() {
		return true, nil
	}
	members, err := d.ask(ctx, "run", "services", "get-iam-policy", s.Metadata.Name, "--region="+region, "--flatten=bindings[].members", "--filter=bindings.role=roles/run.invoker AND bindings.members:(allUsers allAuthenticatedUsers)", "--format=value(bindings.members)")
	return members != "", err
}

// others names every other service of the project that is open: what stands
// beside Deputy can ask the metadata server for its own account's tokens.
func (d *deployment) others(ctx context.Context) {
	const look = "other public services"
	text, err := d.ask(ctx, "run", "services", "list", "--format=json")
	var all []service
	if err == nil {
		err = json.Unmarshal([]byte(text), &all)
	}
	if err != nil {
		d.wrong(look, cause(err), "may you list the services of the project?")
		return
	}
	var names []string
	for _, s := range all {
		region := s.Metadata.Labels["cloud.googleapis.com/location"]
		if _, ours := d.services[strings.TrimPrefix(s.Metadata.Name, "deputy-")]; ours && region == d.region {
			continue
		}
		open, err := d.open(ctx, s, region)
		if err != nil {
			d.wrong(look, s.Metadata.Name+": "+cause(err), "may you see who may call it?")
			return
		}
		if open {
			names = append(names, s.Metadata.Name+" in "+region)
		}
	}
	if len(names) == 0 {
		d.fine(look)
		return
	}
	d.hint(look, "these are open to everybody, too; close what need not be, or give Deputy a project of its own: "+strings.Join(names, ", "))
}

// securityEvents checks whether that function knows all our clients, and no
// secret.
func (d *deployment) securityEvents() {
	s, ok := d.services["securityevent"]
	if !ok {
		return
	}
	var err error
	for _, c := range s.Spec.Template.Spec.Containers {
		for _, v := range c.Env {
			if v.ValueFrom.SecretKeyRef.Name != "" {
				err = fmt.Errorf("deputy-securityevent has the secret %s, and needs none", v.ValueFrom.SecretKeyRef.Name)
			}
		}
	}
	if ids, _, _ := s.env("OAUTH_CLIENT_ID"); err == nil && d.clientID != "" && !slices.Contains(strings.Split(ids, ","), d.clientID) {
		err = fmt.Errorf("its OAUTH_CLIENT_ID does not name %s, so Google's events about its tokens are refused", d.clientID)
	}
	d.check("client of deputy-securityevent", err, again)
}

// addresses checks whether the functions agree on where they are, and whom Chat
// signs for.
func (d *deployment) addresses() {
	callbacks := map[string]bool{}
	for name, s := range d.services {
		if name == "securityevent" { // leads nobody anywhere
			continue
		}
		value, _, _ := s.env("OAUTH_CALLBACK_URL")
		callbacks[value] = true
	}
	if len(callbacks) > 1 || callbacks[""] {
		d.wrong("OAUTH_CALLBACK_URL", "the functions do not have the same one, or have none", again)
	}
	chat, ok := d.services["chatevent"]
	number, _, _ := chat.env("CHAT_PROJECT_NUMBER")
	endpoint, _, _ := chat.env("CHAT_ENDPOINT_URL")
	switch {
	case !ok:
	case number != d.number:
		d.wrong("audience of Chat's events", fmt.Sprintf("CHAT_PROJECT_NUMBER is %q, and the project's number is %s", number, d.number), again)
	default:
		d.fine("audience of Chat's events")
		d.hint("Chat app", "its configuration has to have the HTTP endpoint URL "+endpoint+" to the letter and, for a classic app, the authentication audience Project number: what is wrong there is told by 401 in the log of deputy-chatevent")
	}
}

// secrets checks whether what is deployed is the newest, and opens.
func (d *deployment) secrets(ctx context.Context) {
	s, ok := d.services["oauthcallback"]
	if !ok {
		return
	}
	values := map[string]config.Secret{}
	for _, name := range []string{"KEYSET", "LOOKUP_KEYSET", "OAUTH_CLIENT"} {
		_, secret, version := s.env(name)
		newest, err := d.ask(ctx, "secrets", "versions", "list", secret, "--filter=state=ENABLED", "--sort-by=~createTime", "--limit=1", "--format=value(name)")
		if err == nil && newest != version && version != "latest" {
			err = fmt.Errorf("version %s of %s is deployed, and the newest is %s", version, secret, newest)
		}
		if !d.check("secret of "+name, err, "deploy, if that is not on purpose: ./deploy.sh") {
			continue
		}
		text, err := d.ask(ctx, "secrets", "versions", "access", version, "--secret="+secret)
		if err != nil {
			d.hint("value of "+name, "you may not read it, so it was not looked at")
			continue
		}
		values[name] = config.NewSecret(text)
	}
	d.client(values["OAUTH_CLIENT"], s)
	kek, _, _ := s.env("KEYSET_KEK")
	if values["KEYSET"].Empty() || values["LOOKUP_KEYSET"].Empty() {
		return
	}
	err := d.opens(ctx, values["KEYSET"], values["LOOKUP_KEYSET"], kek)
	if kek != "" && err != nil && fault.KindOf(err) == fault.Unavailable {
		d.hint("keysets", "the key "+kek+" could not be asked with your application default credentials, so they were not looked at: "+err.Error())
		return
	}
	d.check("keysets", err, "an older version of the secret may open (docs/operate.md, Keys)")
}

// client checks whether the OAuth client is of the right kind, and leads back to
// us.
func (d *deployment) client(text config.Secret, s service) {
	if text.Empty() {
		return
	}
	client, err := googleauth.ParseClient(text)
	if !d.check("OAuth client", err, "make a client of type Web application, and give its file to ./deploy.sh --client-secrets") {
		return
	}
	d.clientID = client.ID
	callback, _, _ := s.env("OAUTH_CALLBACK_URL")
	if !client.AllowsRedirect(callback + "/callback") {
		err = fmt.Errorf("the client's file does not list %s/callback", callback)
	}
	d.check("redirect address", err, "add it to the client's Authorized redirect URIs, download the file again, and give it to ./deploy.sh --client-secrets")
}

// opens opens the keysets as the functions do.
func (d *deployment) opens(ctx context.Context, keyset, lookup config.Secret, kek string) error {
	if kek != "" {
		key, err := d.kek(ctx, kek)
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
