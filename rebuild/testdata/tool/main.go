// Command tool is the only program of the base images that tests build on: static, so that an image needs nothing else.
//
//	write PATH TEXT    a file, with the directories above it
//	copy FROM TO       a file
//	remove PATH        a file or a directory
//	remake PATH        a directory, empty, in place of the one that is there
//	link FROM TO       a second name of a file
//	compile            what a Go toolchain leaves in its caches: a file in $GOCACHE and one in $GOMODCACHE
//	spy PATH           everything that the step can see of its environment and of the usual places of credentials
//	say TEXT...        lines on standard output
//	talk               more than two pipes hold
//	complain           the same on both outputs, then exit status 3
//	fail               lines on standard error, then exit status 3
//	sleep              for a minute
//	-c COMMANDS        as the shell of an image: of the commands between semicolons, write and copy are done, others are nothing
package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"
)

func main() {
	if err := run(os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(verb string, args []string) error {
	switch verb {
	case "write":
		return write(args[0], args[1])
	case "copy":
		data, err := os.ReadFile(args[0])
		if err != nil {
			return err
		}
		return write(args[1], string(data))
	case "remove":
		return os.RemoveAll(args[0])
	case "remake":
		return errors.Join(os.RemoveAll(args[0]), os.Mkdir(args[0], 0o711))
	case "link":
		return os.Link(args[0], args[1])
	case "compile":
		return compile()
	case "spy":
		return spy(args[0])
	case "say":
		fmt.Println(strings.Join(args, "\n"))
	case "fail":
		fmt.Fprintln(os.Stderr, "one\ntwo\x1b[31m\nthe compiler is not amused")
		os.Exit(3)
	case "talk":
		return talk(os.Stdout)
	case "complain":
		if err := errors.Join(talk(os.Stdout), talk(os.Stderr)); err != nil {
			return err
		}
		os.Exit(3)
	case "sleep":
		fmt.Println("sleeping")
		time.Sleep(time.Minute)
	case "-c":
		for _, command := range strings.Split(args[0], ";") {
			words := strings.Fields(command)
			if len(words) == 3 && (words[0] == "write" || words[0] == "copy") {
				if err := run(words[0], words[1:]); err != nil {
					return err
				}
			}
		}
	default:
		return fmt.Errorf("unknown verb %q", verb)
	}
	return nil
}

func write(path, text string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(text), 0o644)
}

func compile() error {
	for _, variable := range []string{"GOCACHE", "GOMODCACHE"} {
		directory := os.Getenv(variable)
		if directory == "" {
			continue
		}
		entries, err := os.ReadDir(directory)
		if err != nil {
			return err
		}
		fmt.Printf("%s had %d entries\n", variable, len(entries))
		if err := write(filepath.Join(directory, "result"), "object code"); err != nil {
			return err
		}
	}
	return nil
}

func spy(path string) error {
	seen := os.Environ()
	sort.Strings(seen)
	for _, place := range []string{"/root", "/home", "/run/containers", "/run/user", "/run/secrets", "/tmp",
		"/etc/containers"} {
		_ = filepath.WalkDir(place, func(path string, entry os.DirEntry, err error) error {
			if err == nil && entry.Type().IsRegular() {
				data, _ := os.ReadFile(path)
				seen = append(seen, path+": "+string(data))
			}
			return nil
		})
	}
	fmt.Println(strings.Join(seen, "\n"))
	return write(path, strings.Join(seen, "\n"))
}

// talk writes so much that it cannot end before its first lines were read.
func talk(file *os.File) error {
	_, err := file.WriteString(strings.Repeat(strings.Repeat("no, ", 250)+"\n", 300) + "the last complaint of " +
		filepath.Base(file.Name()) + "\n")
	return err
}
