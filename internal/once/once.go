// Package once remembers what was asked for, where singleflight forgets it as soon as the first who asked has the
// answer.
package once

import "sync"

// Map holds the answer to each question, which is looked for once: those who ask for the same meanwhile wait for the
// first. Its zero value is ready for use.
type Map[T any] struct {
	mu      sync.Mutex
	answers map[string]func() (T, error)
}

// Do returns what find returned for a key, an error too, however often it is asked.
func (m *Map[T]) Do(key string, find func() (T, error)) (T, error) {
	m.mu.Lock()
	answer, ok := m.answers[key]
	if !ok {
		if m.answers == nil {
			m.answers = map[string]func() (T, error){}
		}
		answer = sync.OnceValues(find)
		m.answers[key] = answer
	}
	m.mu.Unlock()
	return answer()
}

// Has reports whether a key was asked for.
func (m *Map[T]) Has(key string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.answers[key] != nil
}
