#!/usr/bin/env bats
# Edits of what a build is made by, while dev runs: only what they affect is done again.

load ../support/common
load ../support/cluster

setup() {
    cluster_setup
    export XDG_RUNTIME_DIR=$BATS_TEST_TMPDIR/run
    mkdir -m 700 "$XDG_RUNTIME_DIR"
}
teardown() { cluster_teardown; }

# Two programs in one deployment's project; the second runs nowhere.
two_programs() {
    local name
    for name in go-app other; do
        mkdir "$name" && cp main.go "$name/"
        printf 'module example.org/%s\n\ngo 1.21\n' "$name" >"$name/go.mod"
    done
    rm main.go
    cat >skaffold.yaml <<END
apiVersion: skaffold/v4beta11
kind: Config
build:
  local: {push: false}
  artifacts:
  - {image: gcr.io/my-project/go-app, context: go-app, ko: {}}
  - {image: gcr.io/my-project/other, context: other, ko: {}}
manifests: {rawYaml: [k8s/*]}
END
}

ready() { skiff_ok wait --timeout=90s; }
# built_since LINE: the images that were built after this line of the output
built_since() { tail -n +"$(($1 + 1))" "$BACKGROUND_OUT" | sed -nE 's/^Build \[gcr.io.my-project.(.*)\] succeeded/\1/p' | sort -u | paste -sd ' '; }
lines() { wc -l <"$BACKGROUND_OUT"; }

@test ".ko.yaml, go.mod, a new import, skaffold.yaml, a manifest: only what each affects is built or applied" {
    two_programs
    background dev --tail=false
    ready
    local mark
    mark=$(lines)

    printf 'defaultBaseImage: skiff.local/static\ndefaultLdflags: ["-X=main.unused=1"]\n' >go-app/.ko.yaml # appears
    ready
    expect_equal "$(built_since "$mark")" go-app

    mark=$(lines)
    sed -i 's/go 1.21/go 1.22/' other/go.mod
    ready
    expect_equal "$(built_since "$mark")" other

    mark=$(lines)
    mkdir other/inner && printf 'package inner\n\nconst Text = "inner"\n' >other/inner/inner.go
    ready
    expect_equal "$(built_since "$mark")" '' # nobody imports it yet
    sed -i 's,^import (,import (\n\t_ "example.org/other/inner",' other/main.go && ready
    expect_equal "$(built_since "$mark")" other
    mark=$(lines)
    echo 'var More = 1' >>other/inner/inner.go && ready # and now it counts
    expect_equal "$(built_since "$mark")" other

    mark=$(lines)
    sed -i 's,context: other\, ko: {},context: other\, ko: {ldflags: ["-s"]},' skaffold.yaml && ready
    expect_equal "$(built_since "$mark")" other
    expect_in "$(tail -n +"$((mark + 1))" "$BACKGROUND_OUT")" '1 of 2 images are built again'

    mark=$(lines)
    sed -i 's/replicas: 1/replicas: 2/' k8s/deployment.yaml && ready
    expect_equal "$(built_since "$mark")" ''
    expect_in "$(tail -n +"$((mark + 1))" "$BACKGROUND_OUT")" 'deployment.apps/go-app configured'

    echo 'defaultLdflags: [' >go-app/.ko.yaml && skiff wait --timeout=60s
    expect_status 4
    expect_in "$stderr" '.ko.yaml'
    skiff_ok state --json
    jq -e '.app.status == "Succeeded"' <<<"$output"
    printf 'defaultBaseImage: skiff.local/static\n' >go-app/.ko.yaml
    ready
}
