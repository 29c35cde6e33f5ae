#!/usr/bin/env bats
# An API server of the test's own, beside the cluster's and on the same etcd: nobody else notices when it
# goes away, and it writes down who asked for what.

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
    cat >audit.yaml <<'END'
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules: [{level: Metadata}]
END
    API+=(--endpoint-reconciler-type=none --audit-policy-file="$PWD/audit.yaml" --audit-log-path="$PWD/audit.log"
        --audit-log-mode=blocking)
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

@test "Ctrl-C while the API server is away: said what stays, and delete takes it" {
    dev_start
    dev_is_ready
    api_kill
    kill -INT "$BACKGROUND_PID"
    background_ends 0
    expect_in "$(dev_said)" "these stay until 'skiff delete' removes them: deployment.apps/go-app"
    api_start
    wait_until 60 kubectl get --raw /readyz >/dev/null 2>&1
    skiff_ok delete
    wait_until 20 deployment_is_gone
}
forwarded() { [[ $(answer_of 127.0.0.1 "$1") == "$2" ]]; }
built_twice() { [[ $(dev_said | grep -c 'Build .* succeeded') == 2 ]]; }

# asked_by PROGRAM: how many requests it has made, and those that still run, since audit_mark.
audit_mark() { AUDIT_SEEN=$(stat -c %s audit.log); }
audited() { tail -c "+$((AUDIT_SEEN + 1))" audit.log | jq -r 'select(.userAgent | startswith("'"$1"'")) | "\(.verb) \(.requestURI)"'; }
asked_by() { audited "$1" | grep -c . || true; }

@test "fifty deployments: a save asks for as much as with one; a manifest's edit applies that one" {
    local i before applied
    for ((i = 0; i < 50; i++)); do
        printf -- '---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: idle-%d}\nspec:\n  replicas: 0\n' "$i"
        printf '  selector: {matchLabels: {app: idle}}\n  template:\n    metadata: {labels: {app: idle}}\n'
        printf '    spec: {containers: [{name: a, image: registry.example/none}]}\n'
    done >k8s/idle.yaml
    sed -i 's|^    - k8s/deployment.yaml|&\n    - k8s/idle.yaml|' skaffold.yaml
    dev_start
    dev_is_ready
    audit_mark
    sample_says 'One of many'
    dev_says "^$LEDGER"
    audited kubectl >&2
    audited skiff >&2
    # get and patch, and the schema; what is open (4 watches, a log) ends with an entry, and begins anew.
    (($(asked_by kubectl) <= 4)) || fail "kubectl asked $(asked_by kubectl) times"
    (($(asked_by skiff) <= 20)) || fail "skiff asked $(asked_by skiff) times"
    audit_mark
    dev_mark
    sed -i '0,/replicas: 0/s//replicas: 0\n  minReadySeconds: 1/' k8s/idle.yaml
    dev_says 'deployment.apps/idle-0 configured'
    dev_says '^Watching for changes'
    applied=$(audited kubectl | grep -c '^patch')
    expect_equal "$applied" 1
    dev_stop
}
