package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// checkDecisions reads what deploy.sh keeps as annotations of the OAuth client's secret (deploy/decisions.sh), and
// checks whether the functions use it.
func (d *deployment) checkDecisions(ctx context.Context) {
	const check = "decisions"
	text, err := d.ask(ctx, "secrets", "describe", "deputy-oauth-client", "--format=json(annotations)")
	var secret struct {
		Annotations map[string]string `json:"annotations"`
	}
	if err == nil {
		err = json.Unmarshal([]byte(text), &secret)
	}
	if !d.check(check, err, redeploy) {
		return
	}
	d.schedulerRegion = cmp.Or(secret.Annotations["SCHEDULER_REGION"], d.region)
	for _, name := range slices.Sorted(maps.Keys(secret.Annotations)) {
		if slices.Contains([]string{"DATABASE_LOCATION", "BUILD_REGION", "SCHEDULER_REGION", "MAX_INSTANCES"}, name) {
			continue // no variable of a function
		}
		variable := strings.Replace(name, "database", "FIRESTORE_DATABASE", 1)
		used := 0
		for _, function := range slices.Sorted(maps.Keys(d.services)) {
			value, _, _ := d.services[function].env(variable)
			if value == "" {
				continue
			}
			used++
			if value != secret.Annotations[name] {
				d.fault(check, fmt.Sprintf("%s is %q, but deputy-%s uses %q", name, secret.Annotations[name], function,
					value), redeploy)
			}
		}
		if used == 0 && len(d.services) > 0 {
			d.fault(check, fmt.Sprintf("%s is %q, but no function uses it", name, secret.Annotations[name]), redeploy)
		}
	}
}
