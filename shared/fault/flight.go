package fault

import (
	"context"
	"time"

	"golang.org/x/sync/singleflight"

	"example.com/deputy/shared/i18n"
)

// Flight lets concurrent requests share one call. The zero value is ready to use.
type Flight[T any] struct{ group singleflight.Group }

// Do returns the result of f. Concurrent requests with the same key share one call of f, so it may outlive a request,
// but not limit. For a request that ends before the call, the error is Unavailable with the text slow.
func (s *Flight[T]) Do(
	ctx context.Context, key string, limit time.Duration, slow i18n.Text, f func(context.Context) (T, error),
) (out T, err error) {
	done := s.group.DoChan(key, func() (any, error) {
		ctx, cancel := Detach(ctx, limit)
		defer cancel()
		var out T
		err := Catch(func() (err error) {
			out, err = f(ctx)
			return err
		})
		return out, err
	})
	select {
	case r := <-done:
		out, _ = r.Val.(T)
		return out, r.Err
	case <-ctx.Done():
		return out, &Error{Op: "fault.Flight", Kind: Unavailable, Public: slow, Err: ctx.Err()}
	}
}
