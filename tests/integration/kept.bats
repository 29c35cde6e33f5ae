# kept.bats: what the ko builder keeps for the next process: nothing changed starts no Go, and whatever
# changed gives the image that the real ko makes of it.
load ../support/common
load ../support/registry
load ../support/ko

setup() {
    common_setup
    registry_start
    base_index "$REGISTRY/base:1"
    export KO_DEFAULTBASEIMAGE=$REGISTRY/base:1
    LINUX=linux/$(go env GOARCH)
    count_go
    project
}

teardown() {
    registry_stop
    common_teardown
}

project() {
    mkdir -p static lib kodata
    printf 'module example.com/app\n\ngo 1.21\n\nrequire example.com/lib v0.0.0\n\nreplace example.com/lib => ./lib\n' >go.mod
    printf 'module example.com/lib\n\ngo 1.21\n' >lib/go.mod
    printf 'package lib\n\nfunc Text() string { return "lib" }\n' >lib/lib.go
    printf 'package main\n\nimport (\n\t"embed"\n\n\t"example.com/lib"\n)\n\n//go:embed static\nvar files embed.FS\n\nfunc main() { _, e := files.ReadFile("static/a"); println(lib.Text(), e == nil) }\n' >main.go
    echo embedded >static/a
    echo data >kodata/a
    printf 'apiVersion: skaffold/v4beta11\nkind: Config\nbuild:\n  artifacts:\n    - image: %s/skiff/x\n      ko: {}\n' "$REGISTRY" >skaffold.yaml
    git init -q -b trunk .
    commit
}
commit() { git add -A && git -c user.name=n -c user.email=e@x commit -q --allow-empty -m more; }

build() {
    skiff_ok build -q --push "$@" || return
    DIGEST=$(jq -r '.builds[0].tag' <<<"$output")
    DIGEST=${DIGEST#*@}
}

@test "nothing changed: no Go, the same digest, one question; what the registry lost, it gets again" {
    local first heads posts
    build
    first=$DIGEST
    expect_go_runs 2
    heads=$(registry_count HEAD /skiff/x/) posts=$(registry_count POST /blobs/uploads/)
    build
    expect_equal "$DIGEST" "$first"
    expect_go_runs 0
    expect_equal "$(registry_count HEAD /skiff/x/)" $((heads + 2)) # the image, and its bill of materials
    expect_equal "$(registry_count POST /blobs/uploads/)" "$posts"
    touch main.go static/a
    git checkout -q HEAD -- .
    build
    expect_go_runs 0

    # Another tag of what is there: no blob travels.
    build -t other
    expect_go_runs 0
    expect_equal "$(registry_count POST /blobs/uploads/)" "$posts"

    registry_stop
    rm -rf "$REGISTRY_DIR/data/docker/registry/v2/repositories/skiff"
    registry_start
    build
    expect_equal "$DIGEST" "$first"
    expect_go_runs 1 # the bytes are wanted: go build
    registry_get "skiff/x/manifests/$first" >/dev/null
    build --cache-artifacts=false
    expect_go_runs 1
}

@test "whatever changed, the image is the real ko's; and then no Go again" {
    export GOENV=$HOME/go-env
    changed() { # WHAT COMMAND...
        local what=$1 theirs
        shift
        "$@"
        build || fail "after $what" || return
        theirs=$(real_ko ko/x --platform "$LINUX" .) || return
        expect_same_image ko/x "${theirs#*@}" skiff/x "$DIGEST" || fail "after $what: not what ko makes" || return
        rm -f "$BATS_TEST_TMPDIR/go.log"
        build && expect_go_runs 0 || fail "after $what: Go runs though nothing changed since"
    }
    changed 'the start' true
    changed 'a body in a replaced module' sed -i 's/"lib"/"bil"/' lib/lib.go
    changed 'an embedded file' sh -c 'echo EMBEDDED >static/a'
    changed 'a new embedded file' sh -c 'echo more >static/b'
    changed 'kodata' sh -c 'echo DATA >kodata/a'
    changed 'a commit' commit
    changed 'a tag' git tag v1.0.0
    changed 'a file that is nothing to Go but makes the tree dirty' touch unknown
    changed 'a new file of the package' sh -c 'printf "package main\n\nfunc init() { println(1) }\n" >new.go'
    changed 'another go.mod' sed -i 's/^go 1.21/go 1.22/' go.mod
    changed 'go env -w' go env -w GOFLAGS=-ldflags=-s
    changed 'a profile' sh -c 'cp "$(go env GOROOT)/src/cmd/compile/default.pgo" .'
    changed 'a base that moved' skopeo_plain copy "docker://$REGISTRY/base@$(registry_get base/manifests/1 | jq -r '.manifests[0].digest')" "docker://$REGISTRY/base:1"
    changed 'a module that a parent now is in' sh -c 'printf "go 1.22\n\nuse ./work\n" >../go.work'
}

@test "platforms: what is asked for is built, once, on one index of the base" {
    platforms() { printf 'apiVersion: skaffold/v4beta11\nkind: Config\nbuild:\n  artifacts:\n    - image: %s/skiff/x\n      ko: {args: ["--platform=%s"]}\n' "$REGISTRY" "$1" >skaffold.yaml; }
    platforms linux/arm64,linux/arm/v7
    build
    expect_go_runs 2 '^build'
    expect_equal "$(registry_get "skiff/x/manifests/$DIGEST" | jq -c '[.manifests[].platform.architecture]')" '["arm64","arm"]'
    expect_equal "$(registry_count GET /base/manifests/)" 3 # the tag, and two of its five children
    platforms all
    build
    expect_go_runs 4 '^build'
    build
    expect_go_runs 0
    platforms linux/arm
    build
    expect_equal "$(registry_get "skiff/x/manifests/$DIGEST" | jq -c '[.manifests[].platform.variant]')" '["v6","v7"]'
}

@test "a cache that cannot be written, a full disk: built all the same or a clear error, and nothing half" {
    build
    local first=$DIGEST
    rm -f "$BATS_TEST_TMPDIR/go.log"
    # Another user's cache, in effect: nothing can be written there.
    in_mounts() { run --separate-stderr unshare -m sh -ec "$1"' && shift && exec env SKIFF_TEST="$0" "$@"' "$BATS_TEST_TMPDIR" "${@:2}"; }
    in_mounts 'mount --bind "$XDG_CACHE_HOME/skiff" "$XDG_CACHE_HOME/skiff" && mount -o remount,bind,ro "$XDG_CACHE_HOME/skiff" && set -- x "$@"' \
        "$SKIFF" build -q --push --cache-artifacts=false
    expect_status 0
    expect_in "$output" "$first"
    in_mounts 'mount -t tmpfs -o size=300k none "$XDG_CACHE_HOME/skiff" && set -- x "$@"' "$SKIFF" build -q --push
    [[ $status == 0 ]] || expect_in "$stderr" 'no space left'
    build
    expect_equal "$DIGEST" "$first"
}

@test "interrupted wherever: nothing runs on, nothing is half, and the next build is right" {
    local program at first dir=$BATS_TEST_TMPDIR/stopping
    build
    first=$DIGEST
    mkdir "$dir"
    # Each of these interrupts skiff when it is started with the words in "stop-at".
    for program in go git; do
        printf '#!/bin/sh\ncase "%s $*" in "$(cat "%s" 2>/dev/null)"*) kill -INT $PPID ;; esac\nexec "%s" "$@"\n' \
            "$program" "$BATS_TEST_TMPDIR/stop-at" "$(type -P "$program")" >"$dir/$program"
        chmod +x "$dir/$program"
    done
    SKIFF_PATH=$dir:$PATH
    for at in 'go list' 'git status --porcelain=v2' 'go build' 'git for-each-ref'; do
        rm -rf "$XDG_CACHE_HOME/skiff/ko/known" "$XDG_CACHE_HOME/skiff/artifacts"
        echo "$at" >"$BATS_TEST_TMPDIR/stop-at"
        skiff build -q --push
        expect_status 130
        no_marked_pids || fail "after '$at':" "$(marked_pids)"
        expect_equal "$(find "$XDG_CACHE_HOME/skiff" -name '*.tmp.*' -o -path '*/ko/private/*')" ''
    done
    echo nothing >"$BATS_TEST_TMPDIR/stop-at"
    build
    expect_equal "$DIGEST" "$first"
    registry_get "skiff/x/manifests/$first" >/dev/null

    # While the linker or a compiler runs.
    export GOCACHE=$BATS_TEST_TMPDIR/go-build
    background build --push --cache-artifacts=false
    wait_until 30 a_tool_runs || fail 'no tool of Go was ever started'
    kill -INT "$BACKGROUND_PID"
    background_ends 130
}

a_tool_runs() {
    local pid
    for pid in $(marked_pids); do
        [[ $(readlink "/proc/$pid/exe") == */pkg/tool/* ]] && return
    done
    return 1
}
