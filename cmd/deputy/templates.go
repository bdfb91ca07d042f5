package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"example.com/deputy/shared/api"
	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/operations"
	"example.com/deputy/shared/vault"
)

const templatesHelp = `Keep the templates from which people and other systems make spaces.

put reads a template as JSON from standard input, as the API has it
(docs/api.md):

  echo '{"displayName":"INC-{{seq}} {{title}}"}' | deputy templates put Incident

They are in the file of callers (deputy callers --help), and are the operator's:
what a system stores by the API works for that system alone.`

// mostTemplate is how much of standard input put reads, in bytes.
const mostTemplate = 256 << 10

// templatesCommand is deputy templates.
func templatesCommand(o outside) *cobra.Command {
	c := &cobra.Command{Use: "templates", Short: "Keep the templates of spaces", Long: templatesHelp, Args: exactly(0, "one of its commands")}
	c.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
	r := &callersFile{outside: o}
	r.flags(c)
	c.AddCommand(r.listTemplates(), r.getTemplate(), r.putTemplate(), r.deleteTemplate())
	return c
}

func (r *callersFile) listTemplates() *cobra.Command {
	return &cobra.Command{Use: "list", Short: "List all", Args: exactly(0, "no arguments"), RunE: func(c *cobra.Command, _ []string) error {
		set, err := r.set(c.Context())
		if err != nil {
			return err
		}
		list := []any{}
		for _, t := range set.Templates {
			list = append(list, api.TemplateOf(t))
			if !r.asJSON {
				_, _ = fmt.Fprintln(r.out, strings.TrimSpace(fmt.Sprintf("%-20s %s", t.Name, t.DisplayName)))
			}
		}
		if !r.asJSON {
			return nil
		}
		return printJSON(r.outside, list)
	}}
}

func (r *callersFile) getTemplate() *cobra.Command {
	return &cobra.Command{Use: "get NAME", Short: "Print one, as put takes it", Args: exactly(1, "the name of a template"), RunE: func(c *cobra.Command, args []string) error {
		set, err := r.set(c.Context())
		if err != nil {
			return err
		}
		t, there := set.Template(args[0])
		if !there {
			return noTemplate(args[0])
		}
		text, err := json.Marshal(api.TemplateOf(t))
		var body map[string]any
		if err == nil {
			err = json.Unmarshal(text, &body)
		}
		if err != nil {
			return fault.Wrap("deputy.templates", err)
		}
		delete(body, "name") // it is no part of what is put
		return printJSON(r.outside, body)
	}}
}

func (r *callersFile) putTemplate() *cobra.Command {
	return &cobra.Command{
		Use: "put NAME", Short: "Store one, in place of what there was", Args: exactly(1, "the name of the template, and its JSON on standard input"),
		RunE: func(c *cobra.Command, args []string) error {
			body, err := io.ReadAll(io.LimitReader(r.in, mostTemplate+1))
			switch {
			case err != nil:
				return fault.Wrap("deputy.templates", err)
			case len(body) > mostTemplate:
				return &usageError{errors.New("standard input is too long for a template")}
			}
			t, err := readTemplate(args[0], body)
			if err != nil {
				return err
			}
			_, err = r.edit(c.Context(), "templates.put "+t.Name, func(d *callers.Draft, _ *callers.Set) error { return d.PutTemplate(callers.NewTemplate(t)) })
			if err == nil {
				_, _ = fmt.Fprintf(r.err, "the template %s is stored\n", t.Name)
			}
			return err
		},
	}
}

// readTemplate is the template that a body of PUT /v1/templates/{name} makes.
func readTemplate(name string, body []byte) (vault.Template, error) {
	if !callers.ValidTemplateName(name) {
		return vault.Template{}, fault.New(fault.Invalid, i18n.English("%q cannot be the name of a template: it has 1 to 100 characters, no slash, and no dot or underscore in front."), name)
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
	return &cobra.Command{Use: "delete NAME", Short: "Remove one", Args: exactly(1, "the name of a template"), RunE: func(c *cobra.Command, args []string) error {
		_, err := r.edit(c.Context(), "templates.delete "+args[0], func(d *callers.Draft, _ *callers.Set) error {
			if !d.RemoveTemplate(args[0]) {
				return noTemplate(args[0])
			}
			return nil
		})
		if err == nil {
			_, _ = fmt.Fprintf(r.err, "the template %s is gone; spaces made from it stay\n", args[0])
		}
		return err
	}}
}

// set is what the file says now.
func (r *callersFile) set(ctx context.Context) (*callers.Set, error) {
	_, text, _, err := r.read(ctx)
	if err != nil {
		return nil, err
	}
	return callers.Parse(text)
}

func noTemplate(name string) error {
	return fmt.Errorf("there is no template %q; deputy templates list shows all", name)
}
