package pack

import (
	"container/list"
	"sync"
)

// baseCache keeps the objects that deltas were built from lately, because their neighbours are built from them too.
type baseCache struct {
	mu    sync.Mutex
	limit int
	bytes int
	order *list.List // of *cached, latest first
	items map[baseKey]*list.Element
}

type baseKey struct {
	pack   *packFile
	offset int64
}

type cached struct {
	key  baseKey
	kind Type
	data []byte
}

func newBaseCache(limit int) *baseCache {
	return &baseCache{limit: limit, order: list.New(), items: map[baseKey]*list.Element{}}
}

func (c *baseCache) get(key baseKey) (Type, []byte, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.items[key]
	if !ok {
		return 0, nil, false
	}
	c.order.MoveToFront(e)
	item := e.Value.(*cached)
	return item.kind, item.data, true
}

func (c *baseCache) put(key baseKey, kind Type, data []byte) {
	if len(data) > c.limit/4 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.items[key]; ok {
		return
	}
	c.items[key] = c.order.PushFront(&cached{key, kind, data})
	c.bytes += len(data)
	for c.bytes > c.limit {
		item := c.order.Remove(c.order.Back()).(*cached)
		delete(c.items, item.key)
		c.bytes -= len(item.data)
	}
}
