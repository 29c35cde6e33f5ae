#!/usr/bin/env bats
# After ready, on a real cluster: what the containers say, and that they go on living.

load ../support/common
load ../support/cluster

setup() { cluster_setup; }
teardown() { cluster_teardown; }

# The sample, and beside it a second container that says two lines and stays.
two_containers() {
    cat >main.go <<'GO'
package main

import (
	"fmt"
	"net/http"
	"os"
	"time"
)

func main() {
	if len(os.Args) > 1 {
		fmt.Println("first of the side")
		fmt.Println("second of the side, a warning")
		time.Sleep(time.Hour)
	}
	fmt.Println("listening, no warning")
	http.ListenAndServe(":8080", nil)
}
GO
    cat >>k8s/deployment.yaml <<'YAML'
      - name: side
        image: gcr.io/my-project/go-app
        args: [side]
YAML
}

logs_have() { skiff logs && grep -qF "$1" <<<"$output"; }

@test "logs: of all containers, by time; --grep, --json, --since, --follow, names" {
    two_containers
    skiff logs
    expect_status 1
    expect_in "$stderr" 'has no workload of this project'
    skiff_ok run
    wait_until 20 logs_have 'second of the side' || fail 'no lines' "$(said)"
    expect_status 0
    expect_in "$output" '[go-app] listening, no warning' '[side] first of the side'

    skiff_ok logs --grep 'warn(ing)$'
    expect_equal "$(wc -l <<<"$output")" 2
    skiff_ok logs --json --grep '^second'
    expect_equal "$(jq -r '.container + ": " + .text' <<<"$output")" 'side: second of the side, a warning'
    expect_match "$(jq -r .time <<<"$output")" '^20[0-9-]+T[0-9:]+\.[0-9]{9}Z$'
    skiff_ok logs --since 24h deployment/go-app
    expect_in "$output" 'listening'
    skiff logs nobody
    expect_status 1
    skiff logs --grep '('
    expect_status 2

    background logs --follow
    wait_until 20 grep -qF 'second of the side' "$BACKGROUND_OUT" || fail 'nothing is followed'
    kill -INT "$BACKGROUND_PID"
    background_ends 0
}

@test "dev: a crash long after ready is told once, with the same words, and so is that it is well again" {
    cat >main.go <<'GO'
package main

import (
	"fmt"
	"log"
	"net/http"
)

func main() {
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { fmt.Fprintln(w, "Hello from Go!") })
	http.HandleFunc("/die", func(w http.ResponseWriter, r *http.Request) { log.Fatal("error: the disk is full") })
	log.Fatal(http.ListenAndServe(":8080", nil))
}
GO
    dev_start
    dev_is_ready
    expect_serves 'Hello from Go!'
    local address
    address=$(pods | cut -d ' ' -f 2)
    curl -s --noproxy '*' "http://$address:8080/die" || true
    dev_says "deployment/go-app: container 'go-app' crashes \(exit code 1, [12] times?\): .*the disk is full \(k8s/deployment.yaml:[0-9]+:[0-9]+\)"
    dev_says 'deployment/go-app is ready'
    expect_equal "$(dev_said | grep -c 'crashes')" 1
    dev_stop
}
