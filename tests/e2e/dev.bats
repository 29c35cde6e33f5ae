#!/usr/bin/env bats
# skiff dev on a real cluster: every save is seen in the answer of a real pod.

load ../support/common
load ../support/cluster

setup() { cluster_setup; }
teardown() { cluster_teardown; }

@test "five edits, each answered by a new pod and told in a ledger line; Ctrl-C removes all" {
    local i pod='' line
    dev_start
    dev_is_ready
    expect_serves 'Hello from Go!'
    pod=$POD
    for i in 1 2 3 4 5; do
        dev_mark
        # Both ways of saving in turn.
        if ((i % 2)); then sample_says "Edit number $i"; else sample_says_by_rename "Edit number $i"; fi
        expect_serves "Edit number $i"
        [[ $POD != "$pod" ]]
        pod=$POD
        dev_says "^$LEDGER"
        line=$(dev_said | grep -E "^$LEDGER")
        expect_equal "$(wc -l <<<"$line")" 1
        expect_ledger_adds_up "$line"
        expect_match "$(dev_said)" '^main.go changed'
    done
    dev_mark
    dev_stop
    expect_match "$(dev_said)" '^Cleaning up'
    expect_match "$(dev_said)" '^[0-9]+ loops · p50 [0-9]+ ms · p95 [0-9]+ ms'
    deployment_is_gone
}

@test "Go code that does not build keeps the old pod serving; the fix recovers" {
    dev_start
    dev_is_ready
    expect_serves 'Hello from Go!'
    local pod=$POD generation
    generation=$(generation)
    sample_says 'x" + 1 + "'
    dev_says 'main.go:11:[0-9]+: '
    dev_says '^Watching for changes'
    expect_serves 'Hello from Go!'
    expect_equal "$POD" "$pod"
    expect_equal "$(generation)" "$generation"
    dev_mark
    sample_says 'Repaired'
    expect_serves 'Repaired'
    dev_says "^$LEDGER"
    dev_stop
    deployment_is_gone
}

@test "a start with broken Go code waits for the fix" {
    sample_says 'x" + 1 + "'
    dev_start
    dev_says 'main.go:11:[0-9]+: '
    dev_says '^Watching for changes'
    deployment_is_gone
    sample_says 'Good at last'
    expect_serves 'Good at last'
    dev_stop
    deployment_is_gone
}

@test "a broken skaffold.yaml: the last good one stays in force; fixing it goes on" {
    dev_start
    dev_is_ready
    sed -i 's/artifacts:/artefacts:/' skaffold.yaml
    dev_says 'skaffold.yaml:4:3: .*artefacts'
    dev_says 'last good configuration'
    sample_says 'By the last good one'
    expect_serves 'By the last good one'
    dev_mark
    sed -i 's/artefacts:/artifacts:/' skaffold.yaml
    dev_says 'Watching for changes|Configuration reloaded|Nothing to deploy'
    dev_mark
    sample_says 'By the repaired one'
    expect_serves 'By the repaired one'
    dev_stop
    deployment_is_gone
}

@test "a syntax error in skaffold.yaml" {
    dev_start
    dev_is_ready
    cp skaffold.yaml good.yaml
    printf 'build: [\n' >>skaffold.yaml
    dev_says 'skaffold.yaml:[0-9]+:[0-9]+: '
    dev_says 'last good configuration'
    cp good.yaml skaffold.yaml
    sample_says 'And on'
    expect_serves 'And on'
    dev_stop
}

@test "an edit of the manifest is applied without a build" {
    dev_start
    dev_is_ready
    sed -i 's/replicas: 1/replicas: 2/' k8s/deployment.yaml
    dev_says '^deployment.yaml changed|k8s/deployment.yaml changed'
    dev_says 'deployment.apps/go-app configured'
    dev_says '^Watching for changes'
    expect_not_in "$(dev_said)" 'Building ['
    wait_until 30 pod_count_is 2
    dev_stop
    deployment_is_gone
}

@test "a broken manifest keeps what runs; the fix recovers" {
    dev_start
    dev_is_ready
    expect_serves 'Hello from Go!'
    sed -i 's/replicas: 1/replicas: many/' k8s/deployment.yaml
    dev_says 'replicas'
    dev_says '^Watching for changes'
    expect_serves 'Hello from Go!'
    dev_mark
    sed -i 's/replicas: many/replicas: 2/' k8s/deployment.yaml
    wait_until 30 pod_count_is 2
    dev_stop
    deployment_is_gone
}

@test "two quick saves: the last one counts" {
    dev_start
    dev_is_ready
    local i
    for i in 1 2 3; do
        sample_says "Early $i"
        sample_says "Late $i"
        expect_serves "Late $i"
        dev_says '^Watching for changes'
        dev_mark
    done
    # A save while the build of another runs.
    sample_says 'First of two'
    dev_says '^Building \['
    sample_says 'Second of two'
    expect_serves 'Second of two'
    dev_says "^$LEDGER"
    dev_stop
    deployment_is_gone
}

@test "a save that changes nothing builds nothing" {
    dev_start
    dev_is_ready
    touch main.go k8s/deployment.yaml
    cp main.go copy && mv copy main.go
    sample_says 'A real change' # after it, all that came before has been noticed
    expect_serves 'A real change'
    dev_says "^$LEDGER"
    expect_equal "$(dev_said | grep -c '^Building \[')" 1
    dev_stop
}

@test "a new file of the package, and its removal" {
    dev_start
    dev_is_ready
    sed -i 's/"Hello from Go!"/greeting/' main.go
    printf 'package main\n\nconst greeting = "From a second file"\n' >greeting.go
    expect_serves 'From a second file'
    dev_mark
    rm greeting.go
    dev_says 'main.go:11:[0-9]+: '
    dev_mark
    printf 'package main\n\nconst greeting = "Back again"\n' >greeting.go
    expect_serves 'Back again'
    dev_stop
}

@test "files that are no input are no reason to build" {
    dev_start
    dev_is_ready
    echo 'notes' >NOTES.md
    mkdir -p .idea && echo x >.idea/workspace.xml
    printf 'package main\n' >main_test.go
    sample_says 'An input'
    expect_serves 'An input'
    dev_says "^$LEDGER"
    expect_equal "$(dev_said | grep -c ' changed$')" 1
    dev_stop
}

@test "the pods' log, with the container's name before it" {
    dev_start
    dev_says '^\[go-app\] .*listening on :8080'
    dev_is_ready
    sed -i 's/listening on :8080/listening again/' main.go
    dev_says '^\[go-app\] .*listening again'
    dev_stop
}

@test "--tail=false shows none" {
    dev_start --tail=false
    dev_is_ready
    expect_serves 'Hello from Go!'
    expect_not_in "$(cat "$BACKGROUND_OUT")" 'listening on'
    dev_stop
}

@test "--port-forward=pods: the same local port answers before and after an edit" {
    dev_start --port-forward=pods
    dev_says 'Port forwarding .*127\.0\.0\.1:[0-9]+'
    local port
    port=$(dev_said | sed -nE 's/.*Port forwarding .*127\.0\.0\.1:([0-9]+).*/\1/p' | head -n 1)
    wait_until 30 forwarded "$port" 'Hello from Go!' || fail "no answer on port $port"
    dev_is_ready
    sample_says 'Through the port'
    wait_until 60 forwarded "$port" 'Through the port' || fail "no new answer on port $port"
    dev_stop
    [[ -z $(answer_of 127.0.0.1 "$port") ]]
}

forwarded() { [[ $(answer_of 127.0.0.1 "$1") == "$2" ]]; }

@test "Ctrl-C while Go builds: nothing was created, nothing stays, status 0" {
    export GOCACHE=$BATS_TEST_TMPDIR/go-build # empty: the build takes long
    dev_start
    dev_says '^Building \['
    dev_stop
    deployment_is_gone
}

@test "Ctrl-C while waiting for the pod" {
    sed -i 's/        - containerPort: 8080/&\n        readinessProbe: {httpGet: {path: \/, port: 9}}/' k8s/deployment.yaml
    dev_start
    dev_says '^Waiting for deployments'
    dev_stop
    deployment_is_gone
}

@test "SIGTERM cleans up as well" {
    dev_start
    dev_is_ready
    kill -TERM "$BACKGROUND_PID"
    background_ends 0
    deployment_is_gone
}

@test "dev removes only what it created itself" {
    skiff_ok run
    dev_start
    dev_is_ready
    sample_says 'A guest'
    expect_serves 'A guest'
    dev_stop
    kubectl get deployment go-app
}

@test "--cleanup=false leaves it" {
    dev_start --cleanup=false
    dev_is_ready
    dev_stop
    expect_serves 'Hello from Go!'
}

@test "a project in git, with a go.mod" {
    printf 'module example.com/hello\n\ngo 1.19\n' >go.mod
    git init -q . && git add . && git -c user.name=t -c user.email=t@t commit -q -m first
    dev_start
    dev_is_ready
    sample_says 'In a module'
    expect_serves 'In a module'
    dev_says "^$LEDGER"
    dev_stop
    deployment_is_gone
}

@test "a context that comes to mean another cluster: nothing is applied there, and nothing removed" {
    dev_start
    dev_is_ready
    cp "$KUBECONFIG" good.kubeconfig
    kubectl config set-cluster "$(kubectl config view --minify -o 'jsonpath={.clusters[0].name}')" \
        --server=https://127.0.0.1:1 >/dev/null
    sample_says 'For another cluster'
    dev_says 'now leads to another cluster'
    dev_says '^Watching for changes'
    cp good.kubeconfig "$KUBECONFIG"
    dev_mark
    sample_says 'For the right one'
    expect_serves 'For the right one'
    dev_stop
    deployment_is_gone
}
