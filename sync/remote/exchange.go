package remote

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/pubsync/pubsync/sync/wire"
)

// maxErrorBody bounds what is read of a refusal, in bytes.
const maxErrorBody = 1 << 20

// Open sends an open frame and the frames in extra behind it, and calls reply
// for each frame of the answer.
func (c *Client) Open(ctx context.Context, open wire.Open, extra []byte, reply func(wire.Frame) error) error {
	body := append(wire.AppendOpen(nil, open), extra...)
	return c.frames(ctx, wire.SessionsPath, body, reply)
}

// Exchange sends frames to a session and calls reply for each frame of the
// answer; payloads are valid during the call. It repeats the request, whose
// frames are all idempotent, when the network or the server fails: reply may
// then see frames again. The server's refusals are [*wire.Error].
func (c *Client) Exchange(ctx context.Context, session string, body []byte, reply func(wire.Frame) error) error {
	return c.frames(ctx, wire.SessionsPath+"/"+session, body, reply)
}

// Send is Exchange that is not repeated: of a body that is lost on the way the
// server may have a part. What to do about its error is for [Client.Again] to say.
// A body larger than any that has got through waits for leave before it is sent:
// a proxy with a smaller limit refuses it for the price of its header. It calls gone
// when the last of the body is handed to the connection: the bytes may become others then.
// Of bodies that are under way at once those of lesser rank go first.
func (c *Client) Send(ctx context.Context, session string, body []byte, rank int64, gone func(), reply func(wire.Frame) error) error {
	size := int64(len(body))
	h := http.Header{}
	if size > max(unasked, c.through.Load()) {
		h.Set("Expect", "100-continue")
	}
	leave := c.way.enter(rank)
	defer leave()
	out := outgoing{bytes: body, gone: func() { leave(); gone() }, left: new(atomic.Bool), way: &c.way, rank: rank, stop: ctx.Done()}
	err := c.framesOnce(ctx, wire.SessionsPath+"/"+session, h, out, reply)
	for most := c.through.Load(); err == nil && size > most && !c.through.CompareAndSwap(most, size); most = c.through.Load() {
	}
	return err
}

// unasked is the size in bytes up to which a body is sent without leave: the least
// limit that proxies have, that of nginx.
const unasked = 1 << 20

// Abandon ends a session without publishing.
func (c *Client) Abandon(ctx context.Context, session string) error {
	return c.Delete(ctx, wire.SessionsPath+"/"+session)
}

// GetJSON fetches the JSON document at path into v.
func (c *Client) GetJSON(ctx context.Context, path string, v any) error {
	return c.retry(ctx, func() error {
		return c.do(ctx, http.MethodGet, path, "", nil, decodeInto(v))
	})
}

// PostJSON sends in as JSON to path and decodes the answer into out. It is not
// repeated: use it for what is not idempotent.
func (c *Client) PostJSON(ctx context.Context, path string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	return unwrapFinal(c.do(ctx, http.MethodPost, path, "application/json", body, decodeInto(out)))
}

// PutJSON sends in as JSON to path. It may be repeated.
func (c *Client) PutJSON(ctx context.Context, path string, in any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	return c.retry(ctx, func() error {
		return c.do(ctx, http.MethodPut, path, "application/json", body, discard)
	})
}

// PostLines sends in as JSON to path and calls line for each JSON value of the
// answer. It is not repeated.
func (c *Client) PostLines(ctx context.Context, path string, in any, line func(json.RawMessage) error) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	return unwrapFinal(c.do(ctx, http.MethodPost, path, "application/json", body, func(resp *http.Response) error {
		for dec := json.NewDecoder(resp.Body); ; {
			var v json.RawMessage
			err := dec.Decode(&v)
			if err == io.EOF {
				return nil
			}
			if err == nil {
				err = line(v)
			}
			if err != nil {
				return err
			}
		}
	}))
}

// Delete asks for the removal of what is at path.
func (c *Client) Delete(ctx context.Context, path string) error {
	return c.retry(ctx, func() error {
		return c.do(ctx, http.MethodDelete, path, "", nil, discard)
	})
}

// Get fetches path with the given extra header and hands the response, whose
// status is 2xx, to use. use may be called again after a failure.
func (c *Client) Get(ctx context.Context, path string, header http.Header, use func(*http.Response) error) error {
	return c.retry(ctx, func() error {
		return c.doHeader(ctx, http.MethodGet, path, header, outgoing{}, use)
	})
}

func discard(resp *http.Response) error {
	_, err := io.Copy(io.Discard, resp.Body)
	return err
}

func decodeInto(v any) func(*http.Response) error {
	return func(resp *http.Response) error {
		if v == nil {
			return discard(resp)
		}
		return json.NewDecoder(resp.Body).Decode(v)
	}
}

// atOnce is the rank of what is small, and whose answer is waited for.
const atOnce = math.MinInt64

func (c *Client) frames(ctx context.Context, path string, body []byte, reply func(wire.Frame) error) error {
	return c.retry(ctx, func() error {
		leave := c.way.enter(atOnce)
		defer leave()
		return c.framesOnce(ctx, path, http.Header{}, outgoing{bytes: body, gone: leave, way: &c.way, rank: atOnce, stop: ctx.Done()}, reply)
	})
}

func (c *Client) framesOnce(ctx context.Context, path string, h http.Header, body outgoing, reply func(wire.Frame) error) error {
	return c.doHeader(ctx, http.MethodPost, path, h, body, func(resp *http.Response) error {
		return readFrames(resp.Body, reply)
	})
}

// A final error comes from the caller's own reply function: no repeat mends it.
type final struct{ error }

func (f final) Unwrap() error { return f.error }

func readFrames(body io.Reader, reply func(wire.Frame) error) error {
	r := wire.NewReader(body)
	for {
		f, err := r.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := reply(f); err != nil {
			return final{err}
		}
	}
}

func (c *Client) do(ctx context.Context, method, path, contentType string, body []byte, use func(*http.Response) error) error {
	h := http.Header{}
	if contentType != "" {
		h.Set("Content-Type", contentType)
	}
	return c.doHeader(ctx, method, path, h, outgoing{bytes: body}, use)
}

func (c *Client) doHeader(ctx context.Context, method, path string, header http.Header, body outgoing, use func(*http.Response) error) error {
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, nil)
	if err != nil {
		return final{err}
	}
	if len(body.bytes) > 0 {
		req.GetBody = body.open
		if req.Body, err = body.open(); err != nil {
			return final{err}
		}
		req.ContentLength = int64(len(body.bytes))
	}
	for k, v := range header {
		req.Header[k] = v
	}
	req.Header.Set("User-Agent", c.cfg.UserAgent)
	if c.cfg.Token != "" {
		req.Header.Set("Authorization", "Bearer "+c.cfg.Token)
	}
	if c.cfg.Secret != "" {
		req.Header.Set(wire.SessionHeader, c.cfg.Secret)
	}
	c.requests.Add(1)
	resp, err := c.http.Do(req)
	if err != nil {
		return transportError(err)
	}
	defer resp.Body.Close()
	c.met.Store(true)
	if resp.StatusCode/100 != 2 {
		return refusal(resp)
	}
	return use(resp)
}

// transportError tells a server that is not the right one from one that is
// not there.
func transportError(err error) error {
	var (
		unknown  x509.UnknownAuthorityError
		hostname x509.HostnameError
		invalid  x509.CertificateInvalidError
		record   tls.RecordHeaderError
	)
	switch {
	case errors.Is(err, ErrIdentity):
		return final{ErrIdentity}
	case errors.As(err, &unknown), errors.As(err, &hostname), errors.As(err, &invalid):
		return final{fmt.Errorf("%w (%v)", ErrIdentity, err)}
	case errors.As(err, &record):
		return final{fmt.Errorf("%w: what answers there speaks no TLS", ErrUnreachable)}
	}
	return fmt.Errorf("%w: %w", ErrUnreachable, err)
}

// refusal turns an answer that is not 2xx into a [*wire.Error]. Answers of a
// proxy in between, which are no JSON of ours, get the code that their status
// stands for.
func refusal(resp *http.Response) error {
	b, _ := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody))
	var e wire.Error
	if json.Unmarshal(b, &e) == nil && e.Code != "" {
		return &e
	}
	switch s := resp.StatusCode; {
	case s == http.StatusRequestEntityTooLarge:
		return wire.Errorf(wire.CodeTooLarge, "a proxy before the server refuses bodies of this size")
	case s/100 == 3:
		return wire.Errorf(wire.CodeNotFound, "the server redirects to %q, which is not followed: a token goes to no other address", resp.Header.Get("Location"))
	case s == http.StatusNotFound && isFile(resp.Request.URL.Path):
		return absent(resp.Request.URL)
	case s == http.StatusInternalServerError && isFile(resp.Request.URL.Path) && bytes.HasPrefix(b, []byte(wire.CodeDamaged)):
		return damaged(resp.Request.URL)
	case s == http.StatusNotFound:
		return wire.Errorf(wire.CodeNotFound, "what answers there is no pubsync server, or an older one")
	case s == http.StatusTooManyRequests, s == http.StatusBadGateway, s == http.StatusServiceUnavailable, s == http.StatusGatewayTimeout:
		e := wire.Errorf(wire.CodeBusy, "a proxy before the server answers %s", resp.Status)
		e.RetryAfter = retryAfter(resp.Header)
		return e
	default:
		return wire.Errorf(wire.CodeInternal, "the server answers %s", resp.Status)
	}
}

const filesPath = "/files/"

func isFile(path string) bool { return strings.Contains(path, filesPath) }

// damaged is the refusal for a path whose content the server cannot give as it
// was published. Asking again does not help.
func damaged(u *url.URL) error {
	_, p, _ := strings.Cut(u.Path, filesPath)
	return wire.Errorf(wire.CodeDamaged, "the content of %q is damaged on the server", strings.TrimRight(p, "/")).
		WithHint("publish the same file again, anywhere on that server: that heals it (\"pubsync fsck --content\" there names all that is damaged)")
}

// absent is the refusal for a path at which there is nothing, or nothing to be
// seen: a server tells neither from the other.
func absent(u *url.URL) error {
	_, p, _ := strings.Cut(u.Path, filesPath)
	when := ""
	if at := u.Query().Get("at"); at != "" {
		when = " in version " + at
	}
	return wire.Errorf(wire.CodeNotFound, "nothing is published at %q%s", strings.TrimRight(p, "/"), when).
		WithHint("look with \"pubsync ls\"; what is private needs a token that may read it")
}

// retryAfter reads the header of that name, if it is a number of seconds.
func retryAfter(h http.Header) time.Duration {
	n, err := strconv.ParseUint(h.Get("Retry-After"), 10, 16)
	if err != nil {
		return 0
	}
	return time.Duration(n) * time.Second
}

// Backoff between repeats: doubling from first to longest, half of it random.
const (
	firstWait   = 200 * time.Millisecond
	longestWait = 15 * time.Second
)

// retry calls f until it succeeds, fails for good, or has failed for longer
// than the client's patience.
func (c *Client) retry(ctx context.Context, f func() error) error {
	again := c.Again()
	for {
		err := f()
		if err == nil {
			return nil
		}
		if err := again(ctx, err); err != nil {
			return err
		}
	}
}

// Again returns a function to be called after each failure of something: it waits,
// longer from call to call, and returns nil if the error of a request is worth
// another try; else it returns the error to end with, which is [ErrGaveUp] or
// [ErrUnreachable] once the client's patience is over. It is for one goroutine.
func (c *Client) Again() func(ctx context.Context, err error) error {
	wait, waited := firstWait, time.Duration(0)
	return func(ctx context.Context, err error) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		after, again := retryable(err)
		if !again {
			return unwrapFinal(err)
		}
		pause := max(after, wait/2+time.Duration(c.cfg.Jitter()*float64(wait/2)))
		if waited+pause > c.patience() {
			return c.giveUp(err, waited)
		}
		if c.cfg.Notify != nil {
			c.cfg.Notify(err, pause)
		}
		if err := c.cfg.Sleep(ctx, pause); err != nil {
			return cmp.Or(context.Cause(ctx), err)
		}
		waited += pause
		wait = min(2*wait, longestWait)
		return nil
	}
}

// stranger is how long a server that has never answered is waited for: a wrong
// address should not look like a slow network.
const stranger = 5 * time.Second

func (c *Client) patience() time.Duration {
	if c.met.Load() {
		return c.cfg.Patience
	}
	return min(c.cfg.Patience, stranger)
}

func unwrapFinal(err error) error {
	var f final
	if errors.As(err, &f) {
		return f.error
	}
	return err
}

// giveUp keeps "unreachable" for a server that never answered, so that a wrong
// address and a flaky link end differently.
func (c *Client) giveUp(err error, waited time.Duration) error {
	if errors.Is(err, ErrUnreachable) && !c.met.Load() {
		return fmt.Errorf("%w (tried for %v)", err, waited.Round(time.Second))
	}
	return fmt.Errorf("%w for %v: %w", ErrGaveUp, waited.Round(time.Second), err)
}

// retryable reports whether a repeat may help, and how long the server asked
// to wait.
func retryable(err error) (time.Duration, bool) {
	var f final
	if errors.As(err, &f) {
		return 0, false
	}
	var e *wire.Error
	if !errors.As(err, &e) {
		return 0, true // the network, or an answer cut short
	}
	switch e.Code {
	case wire.CodeBusy, wire.CodeParallel, wire.CodeInternal:
		return e.RetryAfter, true
	case wire.CodeNotYetValid:
		// A scheduler's clock a little ahead of the server's is worth a wait.
		return e.RetryAfter, e.RetryAfter <= 5*time.Second
	}
	return 0, false
}
