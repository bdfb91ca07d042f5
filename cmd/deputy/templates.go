package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"example.com/deputy/functions/createspace"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/vault"
)

const templatesHelp = `Keep the templates from which people and other systems make spaces.

put reads a template as JSON from standard input, as the API has it
(docs/api.md):

  echo '{"displayName":"INC-{{seq}} {{title}}"}' | deputy templates put Incident

It needs the right to write Firestore (roles/datastore.user), and application
default credentials: gcloud auth application-default login`

// mostTemplate is how much of standard input put reads, in bytes.
const mostTemplate = 256 << 10

// templatesCommand is deputy templates.
func templatesCommand(o outside) *cobra.Command {
	c := &cobra.Command{Use: "templates", Short: "Keep the templates of spaces", Long: templatesHelp, Args: exactly(0, "one of its commands")}
	c.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
	r := &records{outside: o}
	r.flags(c)
	c.AddCommand(r.listTemplates(), r.getTemplate(), r.putTemplate(), r.deleteTemplate())
	return c
}

func (r *records) listTemplates() *cobra.Command {
	return &cobra.Command{Use: "list", Short: "List all", Args: exactly(0, "no arguments"), RunE: func(c *cobra.Command, _ []string) error {
		v, err := r.vault(c.Context())
		if err != nil {
			return err
		}
		all, err := v.Templates(c.Context())
		if err != nil {
			return err
		}
		list := []any{}
		for _, t := range all {
			list = append(list, createspace.WriteTemplate(t))
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

func (r *records) getTemplate() *cobra.Command {
	return &cobra.Command{Use: "get NAME", Short: "Print one, as put takes it", Args: exactly(1, "the name of a template"), RunE: func(c *cobra.Command, args []string) error {
		v, err := r.vault(c.Context())
		if err != nil {
			return err
		}
		t, err := v.Template(c.Context(), args[0])
		if err != nil && fault.KindOf(err) == fault.NotFound {
			return noTemplate(args[0])
		}
		if err != nil {
			return err
		}
		text, err := json.Marshal(createspace.WriteTemplate(t))
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

func (r *records) putTemplate() *cobra.Command {
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
			t, err := createspace.ReadTemplate(args[0], body)
			if err != nil {
				return err
			}
			v, err := r.vault(c.Context())
			if err == nil {
				err = v.PutTemplate(c.Context(), t, func(*vault.Template) error { return nil })
			}
			if err == nil {
				_, _ = fmt.Fprintf(r.err, "the template %s is stored\n", t.Name)
			}
			return err
		},
	}
}

func (r *records) deleteTemplate() *cobra.Command {
	return &cobra.Command{Use: "delete NAME", Short: "Remove one", Args: exactly(1, "the name of a template"), RunE: func(c *cobra.Command, args []string) error {
		v, err := r.vault(c.Context())
		if err == nil {
			err = v.DeleteTemplate(c.Context(), args[0], func(there *vault.Template) error {
				if there == nil {
					return noTemplate(args[0])
				}
				return nil
			})
		}
		if err == nil {
			_, _ = fmt.Fprintf(r.err, "the template %s is gone; spaces made from it stay\n", args[0])
		}
		return err
	}}
}

func noTemplate(name string) error {
	return fmt.Errorf("there is no template %q; deputy templates list shows all", name)
}
