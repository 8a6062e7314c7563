// Package display is how all commands show what they have: tables, forms such as json, progress, errors. What may come
// from outside is made safe for a terminal here.
package display
