#!/usr/bin/env bats
# A running dev, asked and driven from outside: by the control socket and by keys.

load ../support/common
load ../support/cluster

setup() {
    cluster_setup
    export XDG_RUNTIME_DIR=$BATS_TEST_TMPDIR/run
    mkdir -m 700 "$XDG_RUNTIME_DIR"
}
teardown() { cluster_teardown; }

@test "save and wait, as an agent does: ready, a build that fails, ready again; state, why, trigger, events" {
    background dev
    skiff_ok wait --timeout=90s # also while dev is still starting
    expect_equal "$output" ready
    "$SKIFF" events >"$BATS_TEST_TMPDIR/events" 3>&- 4>&- &
    local events=$!

    sample_says 'second' && skiff_ok wait --timeout=60s --json
    expect_equal "$(jq -r .result <<<"$output")" ready
    jq -e '.ledger.totalMs > 0' <<<"$output"
    expect_serves second

    echo 'func broken( {' >>main.go && skiff wait --timeout=60s
    expect_status 4
    expect_in "$stderr" 'main.go'
    skiff_ok state --json
    jq -e '.failed == "build" and .app.status == "Succeeded" and .deploy.status == "Succeeded"' <<<"$output"
    expect_serves second # its status is told apart, and it serves on
    expect_in "$(cat "$BACKGROUND_OUT")" 'what was deployed before still runs, and is ready'
    skiff_ok wait --for=error --timeout=5s

    sample_says 'third' && skiff_ok wait --timeout=60s
    expect_serves third
    skiff_ok why main.go
    expect_in "$output" 'is read for image gcr.io/my-project/go-app'
    skiff_ok why k8s/deployment.yaml
    expect_in "$output" 'the manifests'
    skiff_ok why nothing.txt
    expect_in "$output" 'starts nothing'

    skiff_ok trigger
    skiff_ok wait --timeout=60s
    expect_in "$(cat "$BACKGROUND_OUT")" 'Triggered: all images are built again'
    kill -INT "$BACKGROUND_PID"
    background_ends 0
    wait "$events"
    jq -se 'map(.event) | index("changed") and index("build-failed") and index("loop-done") and index("triggered")' \
        "$BATS_TEST_TMPDIR/events"
    skiff wait
    expect_status 1
}

@test "--trigger=manual in a terminal: r builds what was saved, p and l answer, q cleans up" {
    mkfifo keys
    # A terminal of its own; what is written to the fifo is typed.
    env SKIFF_TEST="$BATS_TEST_TMPDIR" script -qefc "$SKIFF dev --trigger=manual" "$BATS_TEST_TMPDIR/screen" \
        <keys >/dev/null 2>&1 3>&- 4>&- &
    local script=$!
    exec 5>keys
    skiff_ok wait --timeout=90s
    expect_in "$(cat "$BATS_TEST_TMPDIR/screen")" 'r rebuild'
    sample_says typed
    skiff wait --timeout=30s
    expect_status 1
    expect_in "$stderr" 'changes wait for a trigger'
    printf r >&5
    expect_serves typed
    printf p >&5
    wait_until 20 screen_says 'Paused:'
    printf l >&5
    wait_until 20 screen_says 'Logs are off'
    printf q >&5
    exec 5>&-
    wait "$script"
    screen_says 'Cleaning up'
    [[ -z $(kubectl get deployments -o name) ]]
}

screen_says() { grep -q "$1" "$BATS_TEST_TMPDIR/screen"; }
@test "older images of the session go from the node, but for the last few" {
    local i socket
    socket=$(kubectl config view -o json | jq -r '.clusters[0].cluster.extensions[0].extension.containerd')
    sed -i "s,go-app,$NAMESPACE," skaffold.yaml k8s/deployment.yaml # no other test's image
    background dev --tail=false
    skiff_ok wait --timeout=90s
    for i in 1 2 3 4 5 6; do
        sample_says "save $i" && skiff_ok wait --timeout=60s
    done
    wait_until 20 few_images || fail "$(node_images)"
    kill -INT "$BACKGROUND_PID"
    background_ends 0
}

# By the name that the kubelet uses.
node_images() { ctr --address "$socket" --namespace k8s.io images ls -q | grep "$NAMESPACE@"; }
few_images() { (($(node_images | wc -l) <= 4)); }
