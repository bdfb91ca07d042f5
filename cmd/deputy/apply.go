package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/diff"
	"github.com/spf13/cobra"

	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/fault"
)

const applyHelp = `Show how FILE differs from the deployed callers file, ask for confirmation, and
replace the deployed file. If it changes in the meantime, nothing is written.`

func applyCommand(r *callersFile) *cobra.Command {
	c := &cobra.Command{
		Use: "apply FILE", Short: "Replace the deployed callers file", Long: applyHelp,
		Args: exactArgs(1, "a YAML file"),
	}
	yes := c.Flags().Bool("yes", false, "don't ask for confirmation")
	c.RunE = func(c *cobra.Command, args []string) error {
		next, err := os.ReadFile(args[0]) //nolint:gosec // the operator names it
		if err == nil {
			_, err = callers.Parse(next)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", args[0], err)
		}
		store, text, version, err := r.read(c.Context())
		if err != nil {
			return err
		}
		if bytes.Equal(text, next) {
			_, _ = fmt.Fprintln(r.err, "no differences")
			return nil
		}
		r.write(string(diff.Diff("deployed", text, args[0], next)))
		if !*yes && !r.confirm("Apply these changes? [y/N] ") {
			return errors.New("nothing was changed")
		}
		if err := store.Write(c.Context(), next, version); err != nil {
			if fault.KindOf(err) == fault.Conflict {
				return errors.New("the deployed file has changed meanwhile; nothing was written. Run the command again")
			}
			return err
		}
		_, _ = fmt.Fprintln(r.err, "applied; the functions use it within a minute")
		return r.audit(c.Context(), r.project, "callers.apply")
	}
	return c
}

// confirm asks a question and reports whether standard input answers yes. A failed read counts as no.
func (d deps) confirm(question string) bool {
	_, _ = fmt.Fprint(d.err, question)
	line, _ := bufio.NewReader(io.LimitReader(d.in, 10)).ReadString('\n') // a terminal sends no end of file
	return slices.Contains([]string{"y", "yes"}, strings.ToLower(strings.TrimSpace(line)))
}
