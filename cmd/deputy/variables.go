package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"example.com/deputy/shared/production"
)

// variables are the functions' variables that a command uses: those of its environment, or with --project and
// --region those of the deployed function oauthcallback, so that nobody works on another database by mistake.
type variables struct {
	deps
	project, region string
}

// addVariables adds the flags to a command and its subcommands.
func (d deps) addVariables(c *cobra.Command) *variables {
	v := &variables{deps: d}
	c.PersistentFlags().StringVar(&v.project, "project", "", "use the variables of this deployed `project`")
	c.PersistentFlags().StringVar(&v.region, "region", "", "`region` of its functions")
	return v
}

// openParts opens the store with the variables.
func (v *variables) openParts(ctx context.Context) (*production.Parts, error) {
	if (v.project == "") != (v.region == "") {
		return nil, &usageError{errors.New("use --project and --region together; see deputy people --help")}
	}
	lookup := v.lookupEnv
	if v.project != "" {
		env, err := v.deployed(ctx)
		if err != nil {
			return nil, fmt.Errorf("read the variables of deputy-oauthcallback in %s: %w", v.project, err)
		}
		lookup = func(name string) (string, bool) { value, ok := env[name]; return value, ok }
	}
	return v.open(ctx, lookup)
}

// deployed returns the variables of oauthcallback with the values of its secrets.
func (v *variables) deployed(ctx context.Context) (map[string]string, error) {
	text, err := v.gcloud(ctx, "run", "services", "describe", "deputy-oauthcallback", "--region="+v.region,
		"--format=json", "--project="+v.project)
	var s service
	if err == nil {
		err = json.Unmarshal(text, &s)
	}
	env := map[string]string{}
	for _, c := range s.Spec.Template.Spec.Containers {
		for _, e := range c.Env {
			value, ref := e.Value, e.ValueFrom.SecretKeyRef
			if err == nil && ref.Name != "" {
				text, err = v.gcloud(ctx, "secrets", "versions", "access", ref.Key, "--secret="+ref.Name,
					"--project="+v.project)
				value = strings.TrimSpace(string(text))
			}
			env[e.Name] = value
		}
	}
	return env, err
}

// projectID returns the project of the variables.
func (v *variables) projectID() string {
	if v.project != "" {
		return v.project
	}
	project, _ := v.lookupEnv("GOOGLE_CLOUD_PROJECT")
	return project
}
