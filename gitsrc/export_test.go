package gitsrc

// Directory returns where the cache is.
func (s *Store) Directory() string { return s.dir }
