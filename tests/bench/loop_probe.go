// loop_probe: the clock of tests/bench/loop, in one process so that watching costs next to nothing.
//
//	loop_probe EDITS URL BARE-URL IMAGE-A IMAGE-B SKIFF
//
// runs `SKIFF dev` in the directory dev. Then EDITS times, by turns, so that all see the same machine:
//
//	dev      edit dev/main.go and wait until it is applied and until the new text is served
//	build    edit build/main.go in the same way and run the bare `go build`
//	rollout  set the image of the deployment go-bare by kubectl to the other one of two that serve
//	         "A" and "B", and wait until that text is served
//
// It prints "dev APPLIED SERVING", "build TIME" and "rollout SET SERVING" in microseconds, and at the end
// the memory of the process: "memory NOW PEAK PRIVATE" in KiB.
package main

import (
	"bufio"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const limit = 90 * time.Second

func main() {
	log.SetFlags(0)
	log.SetPrefix("loop_probe: ")
	args := os.Args[1:]
	if len(args) != 6 {
		log.Fatal("wrong usage: see the head of loop_probe.go")
	}
	edits, err := strconv.Atoi(args[0])
	if err != nil || edits < 1 {
		log.Fatalf("'%s' is no number of edits", args[0])
	}
	url, bareURL, images := args[1], args[2], args[3:5]
	skiff, lines := start(args[5])
	for i := 0; i <= edits; i++ {
		quiet := i == 0 // the first round warms up
		dev(lines, url, fmt.Sprintf("edit %d", i), quiet)
		build(fmt.Sprintf("bare edit %d", i), quiet)
		rollout(bareURL, images[i%2], []string{"A", "B"}[i%2], quiet)
	}
	pid := skiff.Process.Pid
	fmt.Println("memory", status(pid, "VmRSS"), status(pid, "VmHWM"), status(pid, "RssAnon"))
	skiff.Process.Signal(syscall.SIGINT)
	for range lines {
	}
	if err := skiff.Wait(); err != nil {
		log.Fatalf("skiff: %s", err)
	}
}

func report(quiet bool, what string, times ...time.Duration) {
	if quiet {
		return
	}
	fmt.Print(what)
	for _, t := range times {
		fmt.Print(" ", t.Microseconds())
	}
	fmt.Println()
}

// --- the three measurements ---

func dev(lines <-chan line, url, text string, quiet bool) {
	saved := edit("dev/main.go", text)
	seen := make(chan time.Time)
	go func() { seen <- served(url, text) }()
	applied := await(lines, `deployment.apps/.* configured`).at
	serving := <-seen
	await(lines, "^Watching for changes")
	settled(url, text)
	report(quiet, "dev", applied.Sub(saved), serving.Sub(saved))
}

func build(text string, quiet bool) {
	edit("build/main.go", text)
	began := time.Now()
	gobuild := exec.Command("go", "build", "-trimpath", "-ldflags=-w", "-o", "../app", "main.go")
	gobuild.Dir = "build"
	gobuild.Env = append(os.Environ(), "CGO_ENABLED=0")
	gobuild.Stderr = os.Stderr
	if err := gobuild.Run(); err != nil {
		log.Fatalf("go build: %s", err)
	}
	report(quiet, "build", time.Since(began))
}

func rollout(url, image, text string, quiet bool) {
	began := time.Now()
	set := exec.Command("kubectl", "set", "image", "deployment/go-bare", "go-app="+image)
	set.Stderr = os.Stderr
	if err := set.Run(); err != nil {
		log.Fatalf("kubectl: %s", err)
	}
	isSet := time.Since(began)
	serving := served(url, text).Sub(began)
	settled(url, text)
	report(quiet, "rollout", isSet, serving)
}

// --- editing and watching ---

var greeting = regexp.MustCompile(`Fprintln\(w, ".*"\)`)

// Returns the moment of the save.
func edit(file, text string) time.Time {
	source, err := os.ReadFile(file)
	if err != nil {
		log.Fatal(err)
	}
	source = greeting.ReplaceAll(source, []byte(`Fprintln(w, "`+text+`")`))
	saved := time.Now()
	if err := os.WriteFile(file, source, 0o644); err != nil {
		log.Fatal(err)
	}
	return saved
}

var client = http.Client{
	Timeout: time.Second,
	// A new connection each time, so that it can go to the new pod.
	Transport: &http.Transport{DisableKeepAlives: true, Proxy: nil},
}

func answer(url string) string {
	response, err := client.Get(url)
	if err != nil {
		return ""
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(response.Body, 4096))
	return strings.TrimSpace(string(body))
}

// When the answer is this text for the first time.
func served(url, text string) time.Time {
	for until := time.Now().Add(limit); time.Now().Before(until); {
		if answer(url) == text {
			return time.Now()
		}
		time.Sleep(4 * time.Millisecond)
	}
	log.Fatalf("'%s' was not served within %s", text, limit)
	return time.Time{}
}

// Only the new one answers for a second: the old pod is gone and disturbs the next measurement no more.
func settled(url, text string) {
	until := time.Now().Add(limit)
	for good := 0; good < 50 && time.Now().Before(until); {
		if answer(url) == text {
			good++
		} else {
			good = 0
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// --- skiff ---

type line struct {
	text string
	at   time.Time
}

func start(program string) (*exec.Cmd, <-chan line) {
	skiff := exec.Command(program, "dev")
	skiff.Dir = "dev"
	skiff.Stderr = os.Stderr
	out, err := skiff.StdoutPipe()
	if err != nil {
		log.Fatal(err)
	}
	if err := skiff.Start(); err != nil {
		log.Fatal(err)
	}
	lines := make(chan line, 1000)
	go func() {
		for scan := bufio.NewScanner(out); scan.Scan(); {
			lines <- line{scan.Text(), time.Now()}
		}
		close(lines)
	}()
	await(lines, "^Watching for changes")
	return skiff, lines
}

// The next line that matches.
func await(lines <-chan line, pattern string) line {
	want := regexp.MustCompile(pattern)
	timer := time.After(limit)
	for {
		select {
		case l, open := <-lines:
			if !open {
				log.Fatalf("skiff ended before a line like '%s'", pattern)
			}
			if want.MatchString(l.text) {
				return l
			}
		case <-timer:
			log.Fatalf("no line like '%s' within %s", pattern, limit)
		}
	}
}

func status(pid int, key string) string {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		log.Fatal(err)
	}
	return regexp.MustCompile(key + `:\s+(\d+)`).FindStringSubmatch(string(text))[1]
}
