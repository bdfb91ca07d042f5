package firestore

import (
	"context"
	"crypto/rand"
	"os"
	"path"
	"strings"
	"sync"
	"testing"

	"cloud.google.com/go/firestore"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"example.com/deputy/internal/vaulttest"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/vault"
)

// TestDocs_AnswersLost uses the dial options of production with Google's emulator.
func TestDocs_AnswersLost(t *testing.T) {
	emulator := os.Getenv("FIRESTORE_EMULATOR_HOST")
	if emulator == "" {
		t.Skip("NOT TESTED: writes whose answers are lost. FIRESTORE_EMULATOR_HOST is not set; " +
			"./test.sh starts Google's emulator if it is installed")
	}
	t.Setenv("FIRESTORE_EMULATOR_HOST", "")
	vaulttest.RunAnswersLost(t, func(t *testing.T) vaulttest.LossyDocs { return lossy(t, emulator) })
}

// lossy returns a Docs for an empty database of the emulator.
func lossy(t *testing.T, emulator string) vaulttest.LossyDocs {
	t.Helper()
	var mu sync.Mutex
	var left int
	var then func()
	lose := func(
		ctx context.Context, method string, request, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker,
		options ...grpc.CallOption,
	) error {
		err := invoke(ctx, method, request, reply, conn, options...)
		mu.Lock()
		lost, happens := left > 0 && path.Base(method) == "Commit", then
		if lost {
			left--
			then = nil
		}
		mu.Unlock()
		if !lost {
			return err
		}
		if happens != nil {
			happens()
		}
		return status.Error(codes.Unavailable, "the answer was lost")
	}
	options := append([]grpc.DialOption{grpc.WithTransportCredentials(insecure.NewCredentials())}, dialOptions...)
	conn, err := grpc.NewClient(emulator, append(options, grpc.WithChainUnaryInterceptor(lose))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	project := "lossy-" + strings.ToLower(rand.Text()[:10])
	client, err := firestore.NewClient(t.Context(), project, option.WithGRPCConn(conn))
	if err != nil {
		t.Fatal(err)
	}
	return vaulttest.LossyDocs{Docs: &Docs{client: client}, Lose: func(times int, happens func()) {
		mu.Lock()
		defer mu.Unlock()
		left, then = times, happens
	}}
}

// If the documents can't be read after a lost answer, the outcome is unknown.
func TestDocs_LostAndUnreadable(t *testing.T) {
	answers := []codes.Code{codes.Unavailable, codes.FailedPrecondition, codes.PermissionDenied}
	docs, _ := answeringWith(t, func() error {
		code := answers[0]
		answers = answers[1:]
		return status.Error(code, "x")
	})
	if _, err := docs.Replace(t.Context(), "c", "1", vault.Fields{"x": "new"}, "2026-11-22T10:00:00Z x"); err == nil ||
		fault.KindOf(err) != fault.Unavailable || len(answers) != 0 {
		t.Errorf("got %v; not asked: %v", err, answers)
	}
}
