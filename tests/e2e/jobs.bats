#!/usr/bin/env bats
# Custom actions and the tests of `verify` as Jobs in a real cluster.

load ../support/common
load ../support/cluster

setup() { cluster_setup; }
teardown() { cluster_teardown; }

no_job() { [[ -z $(kubectl get jobs -o name) ]]; }

@test "verify and exec in the cluster: log, env, overrides, status; a stuck image, the limit and Ctrl-C leave no Job" {
    cat >main.go <<'END'
package main

import (
	"fmt"
	"os"
	"time"
)

func main() {
	host, _ := os.Hostname()
	fmt.Println("args", os.Args[1:], "who", os.Getenv("WHO"), "more", os.Getenv("MORE"), "host", host)
	if len(os.Args) > 1 && os.Args[1] == "fail" {
		os.Exit(3)
	}
	if len(os.Args) > 1 && os.Args[1] == "wait" {
		time.Sleep(time.Hour)
	}
}
END
    cat >job.yaml <<'END'
apiVersion: batch/v1
kind: Job
metadata: {name: base}
spec:
  template:
    spec:
      containers:
      - {name: good, image: other, env: [{name: MORE, value: from the file}]}
END
    cat >skaffold.yaml <<'END'
apiVersion: skaffold/v4beta11
kind: Config
build:
  local: {push: false}
  artifacts: [{image: say, ko: {}}]
verify:
- name: answers
  container: {name: good, image: say, args: [hello], env: [{name: WHO, value: me}]}
  executionMode: {kubernetesCluster: {jobManifestPath: job.yaml}}
customActions:
- name: break
  executionMode:
    kubernetesCluster: {overrides: '{"spec": {"template": {"spec": {"hostname": "patched"}}}}'}
  containers:
  - {name: slow, image: say, args: [wait]}
  - {name: bad, image: say, args: [fail]}
- name: stuck
  executionMode: {kubernetesCluster: {}}
  containers: [{name: none, image: "No/Image"}]
- name: late
  timeout: 1
  executionMode: {kubernetesCluster: {}}
  containers: [{name: slower, image: say, args: [wait]}]
- name: forever
  executionMode: {kubernetesCluster: {}}
  containers: [{name: slowest, image: say, args: [wait]}]
- name: misled
  executionMode: {kubernetesCluster: {jobManifestPath: skaffold.yaml}}
  containers: [{name: misled, image: say}]
END
    skiff_ok build --file-output built.json
    skiff_ok verify -a built.json
    expect_in "$output" '[good] args [hello] who me more from the file'
    no_job
    sed -i 's/hello/fail/' skaffold.yaml
    skiff verify -a built.json
    expect_status 1
    expect_in "$output" '[good] args [fail]'
    expect_in "$stderr" "'answers', container 'good': it ended with status 3"
    no_job
    skiff exec break -a built.json
    expect_status 1
    expect_in "$output" '[bad] args [fail] who  more  host patched'
    expect_in "$stderr" "'break', container 'bad': it ended with status 3"
    no_job
    skiff exec late -a built.json
    expect_status 1
    expect_in "$stderr" 'longer than 1 s'
    no_job
    skiff exec misled -a built.json
    expect_status 3
    expect_in "$stderr" "skaffold.yaml: jobManifestPath names a Job, and its kind is 'Config'"
    background exec forever -a built.json
    wait_until 20 grep -q 'args \[wait\]' "$BACKGROUND_OUT"
    kill -INT "$BACKGROUND_PID"
    background_ends 130
    no_job
    skiff exec stuck -a built.json
    expect_status 1
    expect_in "$stderr" "container 'none': it does not start:" 'No/Image'
    no_job
}
