// Package attacks keeps the table of docs/reliability.md that says which tests try what somebody could send, write or
// answer to do harm. Its test counts their inputs and writes the table.
package attacks
