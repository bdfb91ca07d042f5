package firestore

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"cloud.google.com/go/firestore"
	firestorepb "cloud.google.com/go/firestore/apiv1/firestorepb"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/timestamppb"

	"example.com/deputy/internal/deadconn"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/vault"
)

// emptyStore is a Firestore without documents.
type emptyStore struct {
	firestorepb.UnimplementedFirestoreServer
}

// RunQuery finds nothing.
func (emptyStore) RunQuery(_ *firestorepb.RunQueryRequest, out firestorepb.Firestore_RunQueryServer) error {
	return out.Send(&firestorepb.RunQueryResponse{ReadTime: timestamppb.Now()})
}

// Commit accepts every write.
func (emptyStore) Commit(_ context.Context, r *firestorepb.CommitRequest) (*firestorepb.CommitResponse, error) {
	out := &firestorepb.CommitResponse{CommitTime: timestamppb.Now()}
	for range r.GetWrites() {
		out.WriteResults = append(out.WriteResults, &firestorepb.WriteResult{UpdateTime: timestamppb.Now()})
	}
	return out, nil
}

// someWrite is a write without a precondition.
var someWrite = vault.Write{Ref: vault.Ref{Collection: "c", ID: "1"}, Fields: vault.Fields{"x": "y"}}

// through returns a Docs whose connections are made by dial.
func through(t *testing.T, dial func(context.Context, string) (net.Conn, error)) *Docs {
	t.Helper()
	options := slices.Concat(dialOptions, []grpc.DialOption{ // the last dialer counts
		grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithContextDialer(dial),
	})
	conn, err := grpc.NewClient("passthrough:firestore", options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	client, err := firestore.NewClient(t.Context(), "p", option.WithGRPCConn(conn))
	if err != nil {
		t.Fatal(err)
	}
	return &Docs{client: client}
}

// start serves store in network, within a synctest bubble.
func start(t *testing.T, network *deadconn.Network, store firestorepb.FirestoreServer) {
	t.Helper()
	server := grpc.NewServer()
	firestorepb.RegisterFirestoreServer(server, store)
	go func() { _ = server.Serve(network) }()
	t.Cleanup(server.Stop)
}

// A connection that dies silently is found 12 seconds later at most. One that was idle is found during the first
// call, which is repeated on a new one.
func TestDocs_DeadConnection(t *testing.T) {
	t.Setenv("FIRESTORE_EMULATOR_HOST", "")
	for name, c := range map[string]struct{ idle, late time.Duration }{
		"busy": {0, 12 * time.Second}, "idle": {time.Minute, 0},
	} {
		for method, call := range map[string]func(context.Context, *Docs) error{
			"read":  func(ctx context.Context, d *Docs) error { _, err := d.List(ctx, "c", "", 9); return err },
			"write": func(ctx context.Context, d *Docs) error { return d.Commit(ctx, someWrite) },
		} {
			synctest.Test(t, func(t *testing.T) {
				network := deadconn.New()
				start(t, network, emptyStore{})
				docs := through(t, func(ctx context.Context, address string) (net.Conn, error) {
					return network.Dial(ctx, "tcp", address)
				})
				for range 30 { // pings are under way
					if err := call(t.Context(), docs); err != nil {
						t.Fatal(err)
					}
					time.Sleep(time.Second)
				}
				time.Sleep(c.idle)
				network.Lose()
				lost, last := time.Now(), time.Duration(0)
				for time.Since(lost) < time.Minute {
					if err := call(t.Context(), docs); err != nil {
						last = time.Since(lost)
					}
					time.Sleep(time.Second)
				}
				if last > c.late {
					t.Errorf("%s, %s: the last failure ended after %v", name, method, last)
				}
			})
		}
	}
}

// After an outage of any length, Docs connects again within seconds.
func TestDocs_ConnectsAfterOutage(t *testing.T) {
	t.Setenv("FIRESTORE_EMULATOR_HOST", "")
	for name, fail := range map[string]func(context.Context) error{
		"refused":   func(context.Context) error { return errors.New("no route to host") },
		"swallowed": func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
	} {
		for more := range 20 { // so that it ends at each point of an attempt to connect
			synctest.Test(t, func(t *testing.T) {
				network := deadconn.New()
				start(t, network, emptyStore{})
				var down atomic.Bool
				docs := through(t, func(ctx context.Context, address string) (net.Conn, error) {
					if down.Load() {
						return nil, fail(ctx)
					}
					return network.Dial(ctx, "tcp", address)
				})
				list := func() error { _, err := docs.List(t.Context(), "c", "", 9); return err }
				if err := list(); err != nil {
					t.Fatal(err)
				}
				down.Store(true)
				network.Lose()
				if err := list(); fault.KindOf(err) != fault.Unavailable {
					t.Fatalf("%s: %v", name, err)
				}
				for end := time.Now().Add(10*time.Minute + time.Duration(more)*time.Second); time.Now().Before(end); {
					_ = list()
					time.Sleep(100 * time.Millisecond)
				}
				down.Store(false)
				ended := time.Now()
				for list() != nil && time.Since(ended) < time.Hour {
				}
				if late := time.Since(ended); late > 15*time.Second {
					t.Errorf("%s for 10 minutes and %d s: the first right answer after %v", name, more, late)
				}
			})
		}
	}
}
