package cli

import (
	"net/http"
	"net/url"

	"golang.org/x/net/http/httpproxy"
)

// proxyOf returns the proxy that the environment asks for, by the usual
// variables (HTTPS_PROXY, NO_PROXY).
func proxyOf(env *Env) func(*http.Request) (*url.URL, error) {
	get := func(names ...string) string {
		for _, n := range names {
			if v := env.Getenv(n); v != "" {
				return v
			}
		}
		return ""
	}
	cfg := httpproxy.Config{
		HTTPSProxy: get("HTTPS_PROXY", "https_proxy"),
		NoProxy:    get("NO_PROXY", "no_proxy"),
	}
	f := cfg.ProxyFunc()
	return func(r *http.Request) (*url.URL, error) { return f(r.URL) }
}
