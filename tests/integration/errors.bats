#!/usr/bin/env bats
# Bad input of every kind: what is wrong, where, what to do; the exit code of the table; never a
# crash, a hang or a process left behind (teardown looks for both).

load ../support/common
load ../support/registry

setup() {
    common_setup
    copy_sample
}

teardown() {
    registry_stop
    common_teardown
}

# A kubeconfig of two contexts whose servers answer nothing: 'near' on loopback, 'far' elsewhere.
fake_kubeconfig() {
    mkdir -p "$HOME/.kube"
    cat >"$KUBECONFIG" <<END
apiVersion: v1
kind: Config
clusters:
- {name: near, cluster: {server: "http://127.0.0.1:1"}}
- {name: far, cluster: {server: "http://192.0.2.1:6443"}}
contexts:
- {name: near, context: {cluster: near, user: nobody}}
- {name: far, context: {cluster: far, user: nobody}}
users:
- {name: nobody, user: {}}
current-context: ${1:-near}
END
}

# --- skaffold.yaml ---

@test "no skaffold.yaml" {
    rm skaffold.yaml
    skiff build
    expect_status 3
    expect_in "$stderr" skaffold.yaml
    skiff build -f elsewhere/skaffold.yaml
    expect_status 3
    expect_in "$stderr" elsewhere/skaffold.yaml
}

@test "an empty skaffold.yaml" {
    : >skaffold.yaml
    skiff build
    expect_status 3
    expect_in "$stderr" skaffold.yaml
    printf '# nothing but a comment\n' >skaffold.yaml
    skiff build
    expect_status 3
}

@test "an unreadable skaffold.yaml" {
    rm skaffold.yaml && mkdir skaffold.yaml
    skiff build
    expect_status 3
    expect_in "$stderr" skaffold.yaml
    rmdir skaffold.yaml && ln -s skaffold.yaml skaffold.yaml
    skiff build
    expect_status 3
    expect_in "$stderr" skaffold.yaml
}

@test "a skaffold.yaml that may not be read" {
    chmod 000 skaffold.yaml
    chmod 755 "$BATS_TEST_TMPDIR" "$WORK"
    cp "$SKIFF" skiff # the tree may be where others cannot look; the working directory is open
    run --separate-stderr setpriv --reuid 65534 --regid 65534 --clear-groups \
        env HOME=/nonexistent XDG_CACHE_HOME="$BATS_TEST_TMPDIR" ./skiff build --dry-run
    expect_status 3
    expect_match "$stderr" "skaffold.yaml.*[Pp]ermission denied"
}

@test "a YAML syntax error: file, line and column" {
    printf 'apiVersion: skaffold/v4beta13\nkind: Config\nbuild:\n  artifacts: [\n  - image: x\n' >skaffold.yaml
    skiff build
    expect_status 3
    expect_match "$stderr" 'skaffold.yaml:[45]:[0-9]+: '
}

@test "a tab where YAML wants blanks" {
    printf 'apiVersion: skaffold/v4beta13\nkind: Config\nbuild:\n\tartifacts: []\n' >skaffold.yaml
    skiff build
    expect_status 3
    expect_match "$stderr" 'skaffold.yaml:4:[0-9]+: '
    expect_match "$stderr" '[Tt]ab'
}

@test "an unknown field: place, line, caret and suggestion" {
    sed -i 's/artifacts:/artefacts:/' skaffold.yaml
    skiff build
    expect_status 3
    expect_match "$stderr" 'skaffold.yaml:4:3: .*artefacts'
    expect_in "$stderr" artifacts '^'
}

@test "all errors in one pass" {
    sed -i -e 's/artifacts:/artefacts:/' -e 's/manifests:/manifest:/' skaffold.yaml
    skiff build
    expect_status 3
    expect_in "$stderr" artefacts "manifest'"
}

@test "a list where a mapping belongs, in words" {
    sed -i 's/ko: {}/ko: [1]/' skaffold.yaml
    skiff build
    expect_status 3
    expect_match "$stderr" 'skaffold.yaml:6:[0-9]+: '
}

@test "an apiVersion that nobody knows" {
    sed -i 's,skaffold.dev/v2beta26,skaffold/v9,' skaffold.yaml
    skiff build
    expect_status 3
    expect_match "$stderr" 'skaffold.yaml:1:[0-9]+: .*v9'
}

@test "a builder that is not supported is refused by name" {
    sed -i 's/ko: {}/bazel: {target: "\/\/x"}/' skaffold.yaml
    skiff build
    expect_status 3
    expect_match "$stderr" 'skaffold.yaml:6:[0-9]+: .*bazel'
}

@test "an alias bomb ends at once" {
    {
        printf 'apiVersion: skaffold/v4beta13\nkind: Config\n.a: &a [x,x,x,x,x,x,x,x,x]\n'
        local last=a next
        for next in b c d e f g h i j k l; do
            printf '.%s: &%s [*%s,*%s,*%s,*%s,*%s,*%s,*%s,*%s,*%s]\n' "$next" "$next" "$last" "$last" \
                "$last" "$last" "$last" "$last" "$last" "$last" "$last"
            last=$next
        done
    } >skaffold.yaml
    skiff build --dry-run
    [[ $status == 3 || $status == 0 ]] # refused, or left alone as nobody looks there
}

@test "bytes that are no text" {
    head -c 4096 /dev/urandom >skaffold.yaml
    skiff build
    expect_status 3
    expect_in "$stderr" skaffold.yaml
}

# --- Go ---

@test "no Go" {
    SKIFF_PATH=$(only_programs true)
    skiff build
    expect_status 4
    expect_in "$stderr" 'go is not installed' PATH
}

@test "Go code that does not compile: file, line and column, status 4" {
    sed -i 's/fmt.Fprintln(w, /fmt.Fprintln(w, undefined, /' main.go
    skiff build
    expect_status 4
    expect_match "$stderr" 'main.go:11:[0-9]+: .*undefined'
}

@test "Go code that does not parse" {
    printf 'package main\n\nfunc main() {\n' >main.go
    skiff build
    expect_status 4
    expect_match "$stderr" 'main.go:[0-9]+:[0-9]+: '
}

@test "no Go code at all" {
    rm main.go
    skiff build
    expect_status 4
    expect_in "$stderr" 'Go files'
}

@test "not package main" {
    sed -i 's/^package main/package hello/' main.go
    skiff build
    [[ $status == 3 || $status == 4 ]] # which of the two files is wrong?
    expect_in "$stderr" 'package main'
}

@test "a context that is not there" {
    sed -i 's/ko: {}/ko: {}\n    context: nowhere/' skaffold.yaml
    skiff build
    [[ $status == 3 || $status == 4 ]]
    expect_in "$stderr" nowhere
}

# --- clusters ---

@test "no cluster: status 8, and what to do" {
    local command kubeconfig
    : >empty
    for command in run dev delete; do
        for kubeconfig in /dev/null "$WORK/empty" "$WORK/missing"; do
            KUBECONFIG=$kubeconfig skiff "$command"
            expect_status 8
            expect_in "$stderr" kubeconfig
        done
    done
}

@test "a kubeconfig that is no kubeconfig" {
    printf 'apiVersion: v1\nkind: [\n' >broken
    KUBECONFIG=$WORK/broken skiff run
    expect_status 8
    expect_match "$stderr" 'broken:[0-9]+'
}

@test "a cluster that does not answer: status 8 before anything is built" {
    fake_kubeconfig
    skiff run
    expect_status 8
    expect_in "$stderr" near 127.0.0.1:1
    expect_not_in "$output" 'Building ['
}

@test "the wrong context: those there are get named" {
    fake_kubeconfig
    skiff run --kube-context=nearr
    expect_status 8
    expect_in "$stderr" "'nearr'" near far
}

@test "no kubectl" {
    fake_kubeconfig
    SKIFF_PATH=$(only_programs go)
    skiff run --kube-context=near
    expect_status 8
    expect_in "$stderr" 'kubectl is not installed' PATH
}

@test "dev on a cluster that is not local and was not named: refused, and nobody is contacted" {
    # An address that is not loopback, in a network of our own, where a server notes who comes.
    cat >inside <<'END'
set -eu
ip link set lo up
ip address add 198.51.100.1/32 dev lo
python3 -u -m http.server --bind 198.51.100.1 --directory "$HOME" 6443 >"$WORK/server.log" 2>&1 &
trap 'kill $!' EXIT
until curl -sS --noproxy '*' http://198.51.100.1:6443/listening -o "$WORK/none" 2>"$WORK/none"; do sleep 0.05; done
code=0
"$SKIFF" dev || code=$?
curl -sS --noproxy '*' http://198.51.100.1:6443/after -o "$WORK/none"
exit "$code"
END
    fake_kubeconfig far
    sed -i 's/192.0.2.1/198.51.100.1/' "$KUBECONFIG"
    export WORK SKIFF
    run --separate-stderr timeout -k 5 60 unshare -n env SKIFF_TEST="$BATS_TEST_TMPDIR" bash inside
    expect_status 8
    expect_in "$stderr" far '--kube-context=far'
    expect_equal "$(grep -c '"GET ' server.log)" 2
}

# --- registries ---

@test "the registry is down: status 5" {
    sed -i 's,gcr.io/my-project,127.0.0.1:1,' skaffold.yaml
    skiff build --push
    expect_status 5
    expect_in "$stderr" 127.0.0.1:1
}

@test "something that is no registry answers" {
    local port
    mkdir web
    python3 -u -m http.server --bind 127.0.0.1 --directory web 0 >web.log 2>&1 3>&- 4>&- &
    REGISTRY_PID=$!
    wait_until 10 grep -q 'port [0-9]' web.log
    port=$(sed -nE 's/.* port ([0-9]+).*/\1/p' web.log)
    sed -i "s,gcr.io/my-project,127.0.0.1:$port," skaffold.yaml
    skiff build --push
    expect_status 5
    expect_in "$stderr" "127.0.0.1:$port"
}

@test "an image name that is none" {
    sed -i 's,gcr.io/my-project/go-app,"gcr.io/my project/go-app",' skaffold.yaml
    skiff build
    expect_status 3
    expect_match "$stderr" 'skaffold.yaml:5:[0-9]+'
}

# --- manifests ---

@test "a manifest that is not there" {
    rm k8s/deployment.yaml
    skiff render
    [[ $status == 3 || $status == 6 ]]
    expect_in "$stderr" k8s/deployment.yaml
}

@test "a pattern that matches no manifest" {
    sed -i 's,k8s/deployment.yaml,nowhere/*.yaml,' skaffold.yaml
    skiff render
    expect_in "$stderr" 'nowhere/*.yaml'
}

# --- places ---

@test "a cache that cannot be written" {
    : >"$BATS_TEST_TMPDIR/file"
    XDG_CACHE_HOME=$BATS_TEST_TMPDIR/file skiff build
    [[ $status != 0 && $status -lt 64 ]]
    expect_in "$stderr" "$BATS_TEST_TMPDIR/file"
}
