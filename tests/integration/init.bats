#!/usr/bin/env bats
# skiff init: what it finds, how it pairs images with builders, and that what it writes runs.

load ../support/common

setup() { common_setup; }
teardown() { common_teardown; }

go_program() { # DIR
    mkdir -p "$1"
    printf 'package main\n\nfunc main() { println("hi") }\n' >"$1/main.go"
}
deployment() { # FILE IMAGE...
    mkdir -p "$(dirname "$1")"
    local file=$1 image n=0
    shift
    for image; do
        printf -- '---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d%s}\nspec:\n  selector: {matchLabels: {a: b}}\n  template:\n    metadata: {labels: {a: b}}\n    spec: {containers: [{name: c, image: "%s"}]}\n' $((n++)) "$image"
    done >"$file"
}

@test "a Go program and its manifest: the file is written, builds and renders" {
    go_program .
    deployment k8s/app.yaml example.com/team/hello
    skiff_ok init --force
    expect_match "$output" '^Configuration skaffold.yaml was written$'
    expect_equal "$(cat skaffold.yaml)" "apiVersion: skaffold/v4beta14
kind: Config
metadata:
  name: work
build:
  artifacts:
  - image: example.com/team/hello
    ko: {}
manifests:
  rawYaml:
  - k8s/app.yaml"
    skiff_ok build --push=false -q -t v1
    expect_in "$output" '"imageName":"example.com/team/hello"'
    skiff_ok render --digest-source=tag -t v1
    expect_match "$output" 'image: "?example.com/team/hello:v1'
}

@test "several services: by name, foreign images left alone, main packages of one module" {
    printf 'module x\n\ngo 1.21\n' >go.mod
    go_program cmd/web
    go_program cmd/worker
    mkdir -p front vendor/x node_modules/y .git
    printf 'FROM scratch\n' >front/Dockerfile
    printf 'FROM scratch\n' >vendor/x/Dockerfile
    printf 'FROM scratch\n' >node_modules/y/Dockerfile
    printf '//go:build ignore\n\npackage main\n' >gen.go
    deployment k8s/all.yaml gcr.io/p/web:v3 gcr.io/p/worker gcr.io/p/front redis:7
    skiff_ok init --force
    expect_match "$stderr" "the image 'redis' is not built from this source"
    skiff_ok diagnose --yaml-only
    expect_match "$output" '^  - image: gcr.io/p/web$'
    expect_match "$output" '^      main: ./cmd/web$'
    expect_match "$output" '^      main: ./cmd/worker$'
    expect_match "$output" "^    context: .*/front$"
    expect_equal "$(grep -c -- '- image:' skaffold.yaml)" 3
    skiff_ok init --analyze
    jq -e '(.builders | length) == 3 and (.images | length) == 4 and
        ([.images[] | select(.foundMatch)] | length) == 3' <<<"$output" >/dev/null
}

@test "what cannot be told apart is an error that says how to tell it; -a tells it" {
    mkdir a b
    printf 'FROM scratch\n' | tee a/Dockerfile >b/Dockerfile
    deployment k8s.yaml org/one org/two
    skiff init --force
    expect_status 1
    expect_match "$stderr" "cannot tell what builds the image 'org/one'.*-a PATH=org/one"
    [[ ! -e skaffold.yaml ]]
    skiff_ok init --force -a a/Dockerfile=org/two \
        -a '{"builder":"Docker","payload":{"path":"b/Dockerfile"},"image":"org/one"}'
    expect_in "$(cat skaffold.yaml)" $'- image: org/two\n    context: a\n' $'- image: org/one\n    context: b\n'
    skiff init --force -a nowhere=org/one
    expect_status 1
    expect_match "$stderr" "'nowhere' is neither a Dockerfile nor a Go program"
}

@test "kustomize: the base, and a profile for each variant" {
    mkdir -p base overlays/dev overlays/prod
    deployment base/d.yaml example.com/app
    printf 'resources: [d.yaml]\n' >base/kustomization.yaml
    printf 'resources: [../../base]\n' | tee overlays/dev/kustomization.yaml >overlays/prod/kustomization.yaml
    go_program app
    skiff_ok init --force
    skiff_ok diagnose --yaml-only
    expect_match "$output" '^    - .*/base$'
    skiff_ok diagnose --yaml-only -p prod
    expect_match "$output" '^    - .*/overlays/prod$'
}

@test "nothing to deploy, nobody to ask" {
    go_program .
    skiff init --force
    expect_status 1
    expect_match "$stderr" 'no Kubernetes manifest was found'
    deployment k8s.yaml x/y
    skiff init
    expect_status 1
    expect_match "$stderr" "'skiff init --force' writes what it finds"
    [[ ! -e skaffold.yaml ]]
}

# answers TEXT ARG...: skiff on a terminal of its own, where TEXT is typed.
answers() {
    local typed=$1
    shift
    run python3 - "$typed" "$SKIFF" "$@" <<'PY'
import os, pty, sys
typed, argv = sys.argv[1], sys.argv[2:]
pid, fd = pty.fork()
if pid == 0:
    os.execv(argv[0], argv)
os.write(fd, typed.encode())
out = b""
while True:
    try:
        data = os.read(fd, 4096)
    except OSError:
        break
    if not data:
        break
    out += data
sys.stdout.write(out.decode().replace("\r", ""))
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
PY
}

@test "on a terminal: questions, and a last one before the file is written" {
    mkdir a b
    printf 'FROM scratch\n' | tee a/Dockerfile >b/Dockerfile
    deployment k8s.yaml org/one org/two
    answers $'x\n2\n0\nn\n' init
    expect_status 1
    expect_match "$output" 'Which of these builds the image org/one\?'
    expect_match "$output" '  2  Docker \(b/Dockerfile\)'
    expect_match "$output" 'Write this to skaffold.yaml\?'
    [[ ! -e skaffold.yaml ]]
    answers $'2\n0\ny\n' init
    expect_status 0
    expect_in "$(cat skaffold.yaml)" $'- image: org/one\n    context: b\n'
    answers $'n\n' init
    expect_status 1
    expect_match "$output" 'skaffold.yaml is there already. Replace it\?'
}
