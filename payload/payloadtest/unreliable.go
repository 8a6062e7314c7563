package payloadtest

import (
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"time"
)

// Stall is how long an unreliable registry says nothing, where it does so: a client must lose patience before.
const Stall = 2 * time.Second

// Unreliable makes a share of the requests to a registry fail, in one of the ways in which registries and networks do.
type Unreliable struct {
	next  http.Handler
	share float64

	mu     sync.Mutex
	random *rand.Rand
	failed map[string]int
}

// NewUnreliable returns an unreliable front for next, which answers what does not fail. Its Fail is a function for
// Registry.Fail.
func NewUnreliable(next http.Handler, seed uint64, share float64) *Unreliable {
	random := rand.New(rand.NewPCG(seed, seed)) //nolint:gosec // a test wants the same numbers each time
	return &Unreliable{next: next, share: share, random: random, failed: map[string]int{}}
}

// Fail answers a request that is to fail, and returns whether it is one.
func (u *Unreliable) Fail(w http.ResponseWriter, request *http.Request) bool {
	u.mu.Lock()
	fails, way, part := u.random.Float64() < u.share, ways[u.random.IntN(len(ways))], u.random.Float64()
	if fails {
		u.failed[way]++
	}
	u.mu.Unlock()
	if fails {
		u.failIn(way, part, w, request)
	}
	return fails
}

// Failed returns how many requests failed in each way.
func (u *Unreliable) Failed() map[string]int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return maps.Clone(u.failed)
}

// ways are in which an unreliable registry fails.
var ways = []string{"reset", "500", "503", "503 for years", "429", "cut off", "other content", "silence"}

// failIn fails a request. part is where in an answer, from 0 to 1.
func (u *Unreliable) failIn(way string, part float64, w http.ResponseWriter, request *http.Request) {
	switch way {
	case "500":
		w.WriteHeader(http.StatusInternalServerError)
	case "503":
		w.WriteHeader(http.StatusServiceUnavailable)
	case "503 for years":
		w.Header().Set("Retry-After", "1000000000")
		w.WriteHeader(http.StatusServiceUnavailable)
	case "429":
		w.Header().Set("Retry-After", "0")
		w.WriteHeader(http.StatusTooManyRequests)
	case "cut off", "other content":
		answer := httptest.NewRecorder()
		u.next.ServeHTTP(answer, request)
		body := answer.Body.Bytes()
		if len(body) == 0 {
			abort()
		}
		for name, values := range answer.Header() {
			w.Header()[name] = values
		}
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		at := int(part * float64(len(body)))
		if way == "other content" && request.Method == http.MethodGet {
			body[at] ^= 1
			at = len(body)
		}
		w.WriteHeader(answer.Code)
		_, _ = w.Write(body[:at])
		_ = http.NewResponseController(w).Flush()
		if at < len(body) {
			abort()
		}
	case "silence":
		_, _ = io.Copy(io.Discard, request.Body) // else the server does not see that the client has gone
		select {
		case <-request.Context().Done():
		case <-time.After(Stall):
		}
		abort()
	default:
		abort()
	}
}

// abort breaks the connection of the request that is being answered: net/http does so for this value, and logs nothing.
func abort() { panic(http.ErrAbortHandler) }
