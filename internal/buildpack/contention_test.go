package buildpack

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/deputy/emulator/google"
	"example.com/deputy/internal/deployed"
)

// TestContention creates 40 spaces at once from one template with {{seq}}, on two instances. Firestore aborts writes
// to a document that meet another one. Each space gets a number of its own.
func TestContention(t *testing.T) {
	w := newInstanceWorld(t)
	other := w.Start("CreateSpace", "DELEGATION_SERVICE_ACCOUNT="+delegationAccount)
	status, body, err := w.Call(t.Context(), http.MethodPut, w.api.Address+"/v1/templates/incident", "",
		`{"displayName":"Incident {{seq}}"}`)
	if err != nil || status/100 != 2 {
		t.Fatalf("%d %s, %v", status, body, err)
	}
	defer w.Break(deployed.FirestoreHost, deployed.Contend("sequences", 100*time.Millisecond))()
	start := time.Now()
	var wg sync.WaitGroup
	for i := range 40 {
		api := []*deployed.Service{w.api, other}[i%2]
		wg.Go(func() {
			key := fmt.Sprintf("incident-%d", i)
			status, body, err := w.Call(t.Context(), http.MethodPost, api.Address+"/v1/spaces", key,
				`{"actAs":"grace@example.com","authority":"delegation","template":"incident"}`)
			if err != nil || status != http.StatusCreated {
				t.Errorf("%d %s, %v", status, body, err)
			}
		})
	}
	wg.Wait()
	t.Logf("took %v", time.Since(start))
	numbers := map[string]bool{}
	for _, s := range w.Google.SpacesOf(google.People()[1]) {
		if number, ok := strings.CutPrefix(s.DisplayName, "Incident "); ok {
			numbers[number] = true
		}
	}
	if len(numbers) != 40 {
		t.Errorf("%d numbers: %v", len(numbers), numbers)
	}
}
