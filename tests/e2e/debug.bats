#!/usr/bin/env bats
# skiff debug: the sample runs in a real delve, from the Go module proxy, and a debugger finds it.

load ../support/common
load ../support/cluster

# delve is built once a machine: in the user's cache it stays from one test run to the next.
setup() {
    local cache=${XDG_CACHE_HOME:-$HOME/.cache}/skiff/ko/helpers
    cluster_setup
    mkdir -p "$cache" "$XDG_CACHE_HOME/skiff/ko"
    ln -s "$cache" "$XDG_CACHE_HOME/skiff/ko/helpers"
}
teardown() { cluster_teardown; }

# One question to delve's JSON-RPC: the state of the program.
delve_state() {
    exec 5<>"/dev/tcp/127.0.0.1/$1" || return
    echo '{"method":"RPCServer.State","params":[{"NonBlocking":true}],"id":1}' >&5
    timeout 5 head -n 1 <&5
    exec 5>&-
}

@test "debug: delve answers on the forwarded port, the app serves, probes and replicas are relaxed" {
    sed -i 's/replicas: 1/replicas: 2/; s/        - containerPort: 8080/&\n        readinessProbe: {httpGet: {path: \/, port: 8080}, timeoutSeconds: 1}/' k8s/deployment.yaml
    background debug
    dev_mark
    dev_says 'Port forwarding deployment/go-app in namespace .*, remote port 56268 -> http://127.0.0.1:[0-9]+' 300
    dev_says '^Watching for changes' 120
    local port
    port=$(grep -oE 'remote port 56268 -> http://127.0.0.1:[0-9]+' "$BACKGROUND_OUT" | grep -oE '[0-9]+$')
    expect_match "$(delve_state "$port")" '"Running":true'
    expect_serves 'Hello from Go!'
    local object
    object=$(kubectl get deployment go-app -o json)
    expect_equal "$(jq -r '.spec.replicas' <<<"$object")" 1
    expect_equal "$(jq -r '.spec.template.spec.containers[0].readinessProbe.timeoutSeconds' <<<"$object")" 600
    expect_equal "$(jq -r '.spec.template.metadata.annotations["debug.cloud.google.com/config"]' <<<"$object")" \
        '{"go-app":{"artifact":"gcr.io/my-project/go-app","runtime":"go","ports":{"dlv":56268}}}'
    sample_says 'Hello again!' # waits until it is asked for
    dev_says 'changes wait to be built'
    dev_stop
}
