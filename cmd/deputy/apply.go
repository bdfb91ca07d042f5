package main

import (
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

func applyCommand(r *callersFile) *cobra.Command {
	c := &cobra.Command{
		Use: "apply FILE", Short: "Put a file in the place of what there is", Args: exactly(1, "a YAML file"),
		Long: "Show how FILE differs from what the functions read, ask, and put it in its place.\nIf somebody else has changed that meanwhile, nothing is written.",
	}
	yes := c.Flags().Bool("yes", false, "do not ask")
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
			_, _ = fmt.Fprintln(r.err, "nothing differs")
			return nil
		}
		r.write(string(diff.Diff("deployed", text, args[0], next)))
		if !*yes && !r.agrees("Apply this? [y/N] ") {
			return errors.New("nothing was changed")
		}
		if err := store.Write(c.Context(), next, version); err != nil {
			if fault.KindOf(err) == fault.Conflict {
				return errors.New("somebody has changed the file since it was compared; nothing was written. Run the same command again")
			}
			return err
		}
		_, _ = fmt.Fprintln(r.err, "applied; the functions follow within a minute")
		return r.audit(c.Context(), r.project, "callers.apply")
	}
	return c
}

// agrees asks on standard input.
func (o outside) agrees(question string) bool {
	_, _ = fmt.Fprint(o.err, question)
	line, _ := io.ReadAll(io.LimitReader(o.in, 10)) // nothing is no
	return slices.Contains([]string{"y", "yes"}, strings.ToLower(strings.TrimSpace(string(line))))
}
