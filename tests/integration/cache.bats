#!/usr/bin/env bats
# The artifact cache with real Go and a real registry: what was built before is neither built nor pushed
# again, and never taken for what it is not.

load ../support/common
load ../support/registry

setup() {
    common_setup
    copy_sample
    registry_start
    sed -i "s,gcr.io/my-project,$REGISTRY," skaffold.yaml k8s/deployment.yaml
    SKIFF_PATH=$(go_that_counts):$PATH
}

teardown() {
    registry_stop
    common_teardown
}

# A `go` that notes each of its runs.
go_that_counts() {
    local dir=$BATS_TEST_TMPDIR/counting real
    real=$(type -P go)
    mkdir -p "$dir"
    printf '#!/bin/sh\necho "$@" >>"%s"\nexec "%s" "$@"\n' "$BATS_TEST_TMPDIR/go.log" "$real" >"$dir/go"
    chmod +x "$dir/go"
    echo "$dir"
}
go_runs() { wc -l <"$BATS_TEST_TMPDIR/go.log" 2>/dev/null || echo 0; }
forget_runs() { rm -f "$BATS_TEST_TMPDIR/go.log"; }
built_tag() { jq -r '.builds[0].tag' <<<"$output"; }

@test "a second build starts no Go and pushes nothing; contents, not time stamps, decide" {
    skiff_ok build -q --push
    local first manifests
    first=$(built_tag)
    manifests=$(registry_count PUT /manifests/)
    forget_runs
    touch main.go
    skiff_ok build -q --push
    expect_equal "$(built_tag)" "$first"
    expect_equal "$(go_runs)" 0
    expect_equal "$(registry_count PUT /manifests/)" "$manifests"
    skiff_ok build --push
    expect_in "$output" 'Checking cache...' "$REGISTRY/go-app: Found Remotely"

    # another tag: the registry gives it to what is there
    skiff_ok build --push -t v2
    expect_in "$output" 'Found. Tagging'
    expect_equal "$(go_runs)" 0
    skopeo_plain inspect --raw "docker://$REGISTRY/go-app:v2" >/dev/null

    # a change, and back
    sample_says changed
    skiff_ok build --push
    expect_in "$output" 'Not found. Building' 'succeeded'
    forget_runs
    cp "$SAMPLE/main.go" main.go
    skiff_ok build -q --push
    expect_equal "$(built_tag)" "$first"
    expect_equal "$(go_runs)" 0

    # asked for
    skiff_ok build --push --cache-artifacts=false
    expect_not_in "$output" 'Checking cache'
    (($(go_runs) > 0))

    # a new file of the package counts, and so does what Go is told by its environment
    echo 'package main' >more.go
    skiff_ok build --push
    expect_in "$output" 'Not found. Building'
    rm more.go
    GOFLAGS=-tags=other skiff_ok build --push
    expect_in "$output" 'Not found. Building'
}

@test "a registry that has lost the image gets it again" {
    skiff_ok build --push
    registry_stop
    rm -rf "$REGISTRY_DIR/data" && mkdir "$REGISTRY_DIR/data"
    registry_start
    skiff_ok build --push
    expect_in "$output" 'Not found. Building' 'succeeded'
    skopeo_plain copy "docker://$REGISTRY/go-app:latest" "dir:$WORK/copy"
}

@test "several skiffs at once: one image, and a cache that is whole" {
    local i pids=()
    for i in 1 2 3; do
        env SKIFF_TEST="$BATS_TEST_TMPDIR" PATH="$SKIFF_PATH" "$SKIFF" build -q --push >"$BATS_TEST_TMPDIR/out.$i" 2>"$BATS_TEST_TMPDIR/err.$i" \
            </dev/null 3>&- 4>&- &
        pids+=($!)
    done
    for i in 0 1 2; do wait "${pids[$i]}" || fail "$(cat "$BATS_TEST_TMPDIR/err.$((i + 1))")"; done
    expect_equal "$(cat "$BATS_TEST_TMPDIR"/out.* | sort -u | wc -l)" 1
    jq -e '.results | length == 1' "$XDG_CACHE_HOME"/skiff/artifacts/*.json
    skiff_ok build --push
    expect_in "$output" 'Found Remotely'
}
