#!/usr/bin/env bats
# The configuration as others see it (diagnose, fix, schema), and manifests that kustomize makes.

load ../support/common

setup() {
    common_setup
    copy_sample
}
teardown() { common_teardown; }

@test "diagnose prints the newest version with all defaults, as YAML alone" {
    skiff_ok diagnose --yaml-only
    expect_match "$output" '^apiVersion: skaffold/v4beta14$'
    expect_match "$output" '^  - .*/k8s/deployment.yaml$'
    expect_match "$output" '^    gitCommit: \{\}$'
    expect_equal "$(grep -c . <<<"$output")" 19
}

@test "diagnose reads its own output" {
    skiff_ok diagnose --yaml-only
    printf '%s\n' "$output" >again.yaml
    local first=$output
    skiff_ok diagnose --yaml-only -f again.yaml
    expect_equal "$output" "$first"
}

@test "fix writes the newest version, beside the old text" {
    local old
    old=$(cat skaffold.yaml)
    skiff_ok fix --overwrite
    expect_match "$(cat skaffold.yaml)" '^apiVersion: skaffold/v4beta14$'
    expect_match "$(cat skaffold.yaml)" '^  rawYaml:$'
    expect_equal "$(cat skaffold.yaml.v2)" "$old"
    skiff_ok fix
    expect_match "$stderr" 'already at the newest version'
}

@test "fix: --overwrite and --output exclude each other" {
    skiff fix --overwrite -o x.yaml
    expect_status 2
    [[ ! -e x.yaml ]]
}

@test "the schema is JSON and knows the ko builder" {
    skiff_ok schema
    jq -e . >/dev/null <<<"$output"
    expect_in "$output" '"fromImage"'
}

kustomization() {
    mkdir -p base overlay
    mv k8s/deployment.yaml base/
    printf 'resources: [deployment.yaml]\n' >base/kustomization.yaml
    printf 'resources: [../base]\nnamePrefix: dev-\n' >overlay/kustomization.yaml
    sed -i -e 's/kubectl:/kustomize:/' -e 's/manifests:/paths:/' -e 's,- k8s/deployment.yaml,- overlay,' skaffold.yaml
}

@test "kustomize: the overlay is built and its image filled in" {
    kustomization
    skiff_ok render
    expect_match "$output" '^  name: dev-go-app$'
    expect_match "$output" 'image: gcr.io/my-project/go-app:[a-z0-9._-]+$'
}

@test "kustomize: a broken overlay is told in kustomize's own words, exit code 6" {
    kustomization
    printf 'resources: [../nowhere]\n' >overlay/kustomization.yaml
    skiff render
    expect_status 6
    expect_match "$stderr" "kustomize 'overlay': .*nowhere"
    expect_equal "$output" ''
}

@test "skaffold.env sets options, and never what is set already" {
    printf 'SKAFFOLD_DEFAULT_REPO=localhost:1/env\nSKAFFOLD_TAG="from-file"\n' >skaffold.env
    sed -i 's/push: false/push: true/' skaffold.yaml
    SKAFFOLD_TAG=from-outside skiff_ok build --dry-run -q
    expect_in "$output" '"tag":"localhost:1/env/gcr_io_my-project_go-app:from-outside"'
}

@test "a broken skaffold.env is a warning" {
    printf 'A="never closed\n' >skaffold.env
    skiff_ok build --dry-run -q
    expect_match "$stderr" 'warning: skaffold.env is not used: .*skaffold.env:1'
}

@test "the default repo of ~/.skaffold/config; the flag beats it" {
    mkdir -p "$HOME/.skaffold"
    printf 'global:\n  default-repo: localhost:1/global\n' >"$HOME/.skaffold/config"
    sed -i 's/push: false/push: true/' skaffold.yaml
    skiff_ok build --dry-run -q
    expect_in "$output" '"tag":"localhost:1/global/gcr_io_my-project_go-app:'
    skiff_ok build --dry-run -q --default-repo localhost:1/flag
    expect_in "$output" '"tag":"localhost:1/flag/gcr_io_my-project_go-app:'
}
