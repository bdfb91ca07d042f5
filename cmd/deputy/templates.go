package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"example.com/deputy/shared/api"
	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/operations"
	"example.com/deputy/shared/vault"
)

const templatesHelp = `Manage the operator's templates, from which people and callers create spaces.

put reads a template as JSON from standard input, in the format of the API
(docs/api.md):

  echo '{"displayName":"INC-{{seq}} {{title}}"}' | deputy templates put Incident

These templates are in the callers file (deputy callers --help). A template that
a caller stores through the API is available to that caller only.`

// maxTemplate limits a template on standard input, in bytes.
const maxTemplate = 256 << 10

func templatesCommand(d deps) *cobra.Command {
	c := groupCommand("templates", "Manage templates of spaces", templatesHelp)
	r := &callersFile{deps: d}
	r.addFlags(c)
	c.AddCommand(r.listTemplates(), r.getTemplate(), r.putTemplate(), r.deleteTemplate())
	return c
}

func (r *callersFile) listTemplates() *cobra.Command {
	c := &cobra.Command{Use: "list", Short: "List all templates", Args: exactArgs(0, "no arguments")}
	c.RunE = func(c *cobra.Command, _ []string) error {
		set, err := r.load(c.Context())
		if err != nil {
			return err
		}
		list := []any{}
		for _, t := range set.Templates {
			list = append(list, api.TemplateOf(t))
			if !r.asJSON {
				printRow(r.out, "%-20s %s", t.Name, t.DisplayName)
			}
		}
		if !r.asJSON {
			return nil
		}
		return r.printJSON(list)
	}
	return c
}

func (r *callersFile) getTemplate() *cobra.Command {
	c := &cobra.Command{
		Use: "get NAME", Short: "Print a template in the format of put", Args: exactArgs(1, "the name of a template"),
	}
	c.RunE = func(c *cobra.Command, args []string) error {
		set, err := r.load(c.Context())
		if err != nil {
			return err
		}
		t, ok := set.Template(args[0])
		if !ok {
			return errNoTemplate(args[0])
		}
		text, err := json.Marshal(api.TemplateOf(t))
		var body map[string]any
		if err == nil {
			err = json.Unmarshal(text, &body)
		}
		if err != nil {
			return fault.Wrap("deputy.templates", err)
		}
		delete(body, "name") // put takes the name as an argument
		return r.printJSON(body)
	}
	return c
}

func (r *callersFile) putTemplate() *cobra.Command {
	c := &cobra.Command{
		Use: "put NAME", Short: "Create or replace a template",
		Args: exactArgs(1, "the name of the template, and its JSON on standard input"),
	}
	c.RunE = func(c *cobra.Command, args []string) error {
		body, err := io.ReadAll(io.LimitReader(r.in, maxTemplate+1))
		switch {
		case err != nil:
			return fault.Wrap("deputy.templates", err)
		case len(body) > maxTemplate:
			return &usageError{errors.New("standard input is too long for a template")}
		}
		t, err := parseTemplate(args[0], body)
		if err != nil {
			return err
		}
		_, err = r.edit(c.Context(), "templates.put "+t.Name, func(d *callers.Draft, _ *callers.Set) error {
			return d.PutTemplate(callers.NewTemplate(t))
		})
		if err == nil {
			_, _ = fmt.Fprintf(r.err, "stored the template %s\n", t.Name)
		}
		return err
	}
	return c
}

// parseTemplate parses and checks a body of PUT /v1/templates/{name}.
func parseTemplate(name string, body []byte) (vault.Template, error) {
	if !callers.ValidTemplateName(name) {
		return vault.Template{}, fault.New(fault.Invalid, i18n.English("%q isn't a valid name for a template."+
			" Use 1 to 100 characters, no slash, and no dot or underscore at the start."), name)
	}
	var put api.PutTemplate
	if err := api.Decode(body, "PUT /v1/templates/{template}", &put); err != nil {
		return vault.Template{}, err
	}
	t, err := put.ToTemplate(name)
	if err != nil {
		return t, err
	}
	return operations.NormalizeTemplate(t)
}

func (r *callersFile) deleteTemplate() *cobra.Command {
	c := &cobra.Command{Use: "delete NAME", Short: "Delete a template", Args: exactArgs(1, "the name of a template")}
	c.RunE = func(c *cobra.Command, args []string) error {
		_, err := r.edit(c.Context(), "templates.delete "+args[0], func(d *callers.Draft, _ *callers.Set) error {
			if !d.RemoveTemplate(args[0]) {
				return errNoTemplate(args[0])
			}
			return nil
		})
		if err == nil {
			_, _ = fmt.Fprintf(r.err, "deleted the template %s; spaces created from it remain\n", args[0])
		}
		return err
	}
	return c
}

func errNoTemplate(name string) error {
	return fmt.Errorf("no template with the name %q; to list all templates, run deputy templates list", name)
}
