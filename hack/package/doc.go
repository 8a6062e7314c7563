// Package packaging checks what `make packages` makes. The program to make it is the script package beside this file.
package packaging
