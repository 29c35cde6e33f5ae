#!/usr/bin/env bats
# An API server that goes away in the middle of a session and comes back. It is one of this test's own,
# beside the cluster's and on the same etcd: nobody else notices.

load ../support/common
load ../support/cluster

setup() {
    cluster_setup
    API_PORT=$(free_port)
    api_command
    api_start
    kubectl config set-cluster "$(kubectl config view --minify -o 'jsonpath={.clusters[0].name}')" \
        --server="https://127.0.0.1:$API_PORT" >/dev/null
    wait_until 60 kubectl get --raw /readyz >/dev/null 2>&1 || fail "the second API server does not start" || return
    cp "$KUBECONFIG" second.kubeconfig
}

teardown() {
    cp "$SKIFF_TEST_KUBECONFIG" first.kubeconfig
    api_kill || true
    # What is left to do needs an API server that is there.
    KUBECONFIG=$PWD/first.kubeconfig kubectl delete namespace "$NAMESPACE" --wait=false >/dev/null 2>&1 || true
    cluster_teardown
}

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# The cluster's own, with another port, and without a say in the endpoints of the Service 'kubernetes'.
api_command() {
    local port pid i
    port=$(kubectl config view --minify -o 'jsonpath={.clusters[0].cluster.server}' | sed 's/.*://')
    pid=$(pgrep -f "kube-apiserver --secure-port $port " | head -n 1)
    [[ $pid ]] || fail "no kube-apiserver on port $port of this machine" || return
    mapfile -d '' API <"/proc/$pid/cmdline"
    for ((i = 0; i < ${#API[@]}; i++)); do
        [[ ${API[i]} != --secure-port ]] || API[i + 1]=$API_PORT
    done
    API+=(--endpoint-reconciler-type=none)
}

api_start() {
    "${API[@]}" >"$BATS_TEST_TMPDIR/api.log" 2>&1 </dev/null 3>&- 4>&- &
    API_PID=$!
}

api_kill() {
    [[ $API_PID ]] || return 0
    kill -KILL "$API_PID"
    wait "$API_PID" 2>/dev/null || true
    API_PID=
}

@test "the API server is killed and comes back: saves, logs, ports and Ctrl-C go on" {
    dev_start --port-forward=pods
    dev_says 'Port forwarding .*127\.0\.0\.1:[0-9]+'
    local port
    port=$(dev_said | sed -nE 's/.*Port forwarding .*127\.0\.0\.1:([0-9]+).*/\1/p' | head -n 1)
    dev_is_ready
    api_kill
    # A save in the meantime is built, and waits.
    sed -i -e 's/Hello from Go!/Meanwhile/' -e 's/listening on :8080/listening meanwhile/' main.go
    dev_says '^warning: the cluster cannot be reached: what has changed is applied when it can'
    # A second one replaces it.
    sed -i -e 's/Meanwhile/At last/' -e 's/listening meanwhile/listening at last/' main.go
    wait_until 60 built_twice || fail 'the second save is not built'
    api_start
    dev_says 'the cluster can be reached again' 90
    expect_serves 'At last'
    dev_says "^$LEDGER" 90
    dev_says '^\[go-app\] .*listening at last'
    expect_not_in "$(dev_said)" 'listening meanwhile'
    wait_until 60 forwarded "$port" 'At last' || fail "no answer on port $port"
    dev_mark
    # And once more while nothing is to be done: the next save is as if nothing had been.
    api_kill
    api_start
    wait_until 60 kubectl get --raw /readyz >/dev/null 2>&1
    sed -i 's/At last/After all/' main.go
    expect_serves 'After all'
    dev_says "^$LEDGER" 90
    wait_until 60 forwarded "$port" 'After all' || fail "no answer on port $port"
    dev_stop
    deployment_is_gone
}
forwarded() { [[ $(answer_of 127.0.0.1 "$1") == "$2" ]]; }
built_twice() { [[ $(dev_said | grep -c 'Build .* succeeded') == 2 ]]; }
