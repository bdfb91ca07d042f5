package main

import (
	"net/http"
	"strings"
	"testing"
)

func TestRISCError_SaysWhatToDo(t *testing.T) {
	for status := range map[int]bool{
		http.StatusBadRequest: true, http.StatusUnauthorized: true, http.StatusForbidden: true,
		http.StatusNotFound: true,
	} {
		err := riscError(status, []byte(`{"error": {"message": "no"}}`))
		if _, fix, _ := strings.Cut(err.Error(), "; "); len(fix) < 20 {
			t.Errorf("%d: %v", status, err)
		}
	}
}
