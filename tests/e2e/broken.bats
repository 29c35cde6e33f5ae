#!/usr/bin/env bats
# Broken apps on a real cluster: one line says what is wrong, before any deadline. And healthy ones
# that look broken for a while: they are waited for. An app is the sample with the files of
# tests/fixtures/broken/NAME over it.

load ../support/common
load ../support/cluster

setup() { cluster_setup; }
teardown() { cluster_teardown; }

# fails_with APP PART...: skiff run ends with 7, and one line of its standard error has all parts.
fails_with() {
    cp -R "$REPO/tests/fixtures/broken/$1/." "$WORK/"
    skiff run
    expect_status 7 || return
    local line
    line=$(grep '^Not ready: deployment/go-app: ' <<<"$stderr") || fail 'no verdict' "$(said)" || return
    shift
    expect_in "$line" "$@"
}

becomes_ready() {
    cp -R "$REPO/tests/fixtures/broken/$1/." "$WORK/"
    skiff_ok run
    expect_in "$output" 'Deployments stabilized in '
}

@test "a crash: the exit code, how often, and the last words" {
    fails_with crash "container 'go-app' crashes (exit code 1, 2 times)" 'SESSION_KEY is not set'
}

@test "a crash in the first second, after the API has said ready" {
    fails_with late-crash 'crashes (exit code 1, ' 'license has expired'
}

@test "a panic: its line, not the last of the stack" {
    fails_with panic 'crashes (exit code 2, 2 times)' 'panic: assignment to entry in nil map'
}

@test "a program that ends without an error" {
    fails_with exit-0 'ends by itself without an error (2 times)' 'nothing to do' 'use a Job'
}

@test "out of memory" {
    fails_with out-of-memory "container 'go-app' is killed: out of memory" 'raise resources.limits.memory'
}

@test "an init container that fails" {
    fails_with init-container "container 'migrate' (an init container) crashes (exit code 1, 2 times)" \
        "table users has no column 'mail'"
}

@test "an image of somebody else that is not there" {
    fails_with image-not-found "container 'sidecar' needs image 'localhost:5000/nowhere/nothing:1'" \
        'not found in its registry'
}

@test "a command that is not in the image" {
    fails_with command-not-found "cannot start: '/app/server' is not in the image" 'check command and args'
}

@test "a ConfigMap that nothing makes" {
    fails_with missing-configmap 'cannot be set up' 'configmap "settings" not found' 'add the ConfigMap'
}

@test "a key that is not in the Secret" {
    fails_with missing-secret-key 'cannot be set up' "couldn't find key pasword in Secret" 'create the Secret (or its key)'
}

@test "a ServiceAccount that is not there" {
    fails_with service-account 'no pod can be made' 'serviceaccount "deployer" not found' 'add the ServiceAccount'
}

@test "a nodeSelector that no node matches" {
    fails_with node-selector 'fits on no node' 'check nodeSelector'
}

@test "a readiness probe on a port where nobody listens" {
    fails_with probe-port 'listens on port 8080, and its readinessProbe asks port 9090' \
        'set the port of the readinessProbe to 8080'
}

@test "a readiness probe on a path that the app does not serve" {
    fails_with probe-path "answers 404 to its readinessProbe at '/healthz'"
}

@test "an app that listens on loopback only" {
    fails_with loopback 'listens on port 8080 of loopback only' 'let it listen on 0.0.0.0:8080'
}

@test "healthy: a slow start is no error" {
    becomes_ready slow-start
}

@test "healthy: two crashes, then it serves" {
    becomes_ready restarts
    expect_equal "$(kubectl get pods -o jsonpath='{.items[0].status.containerStatuses[0].restartCount}')" 2
}
