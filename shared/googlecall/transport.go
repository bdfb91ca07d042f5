package googlecall

import (
	"net/http"
	"time"

	"cloud.google.com/go/auth/credentials"
	"cloud.google.com/go/auth/httptransport"
	"google.golang.org/api/option"

	"example.com/deputy/shared/fault"
)

// NewTransport returns the base transport of a function. It keeps enough idle connections for a busy instance. Without
// HTTP/2 pings, calls would use a connection that was lost silently for a quarter of an hour (golang/go#36026). They
// find it after seven seconds, one less than a try of a call has.
func NewTransport() *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost = 100
	t.ResponseHeaderTimeout = 10 * time.Second
	t.HTTP2 = &http.HTTP2Config{SendPingTimeout: 4 * time.Second, PingTimeout: 3 * time.Second}
	return t
}

// OwnOptions returns the options for calling a Google API at endpoint with Deputy's own credentials and these scopes,
// whatever the environment says about hosts. Without options, these are the application default credentials, over a
// transport as NewTransport returns it. It returns Unavailable if there are none.
func OwnOptions(endpoint string, scopes []string, options ...option.ClientOption) ([]option.ClientOption, error) {
	pinned := []option.ClientOption{
		option.WithEndpoint(endpoint), option.WithUniverseDomain("googleapis.com"), option.WithScopes(scopes...),
	}
	if len(options) > 0 {
		return append(pinned, options...), nil
	}
	client, err := httptransport.NewClient(&httptransport.Options{
		BaseRoundTripper: NewTransport(), UniverseDomain: "googleapis.com",
		DetectOpts: &credentials.DetectOptions{Scopes: scopes},
	})
	if err != nil {
		return nil, &fault.Error{Op: "googlecall.OwnOptions", Kind: fault.Unavailable, Err: err}
	}
	return append(pinned, option.WithHTTPClient(client)), nil
}
