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
    expect_match "$stderr" 'already version skaffold/v4beta14'
    printf '%s\n' "$old" >skaffold.yaml
    skiff_ok fix --version skaffold/v2beta29
    expect_match "$output" '^apiVersion: skaffold/v2beta29$'
    expect_match "$output" '^    manifests:$'
    skiff fix --version skaffold/v1
    expect_status 3
    expect_match "$stderr" "more recent than target version 'skaffold/v1'"
}

@test "diagnose --enable-templating fills in what the environment has" {
    printf '%s\n' 'apiVersion: skaffold/v4beta14' 'kind: Config' 'portForward:' \
        '- {resourceType: pod, resourceName: "{{.SKIFF_T}}-{{.SKIFF_T | upper}}", port: 1}' \
        '- {resourceType: pod, resourceName: "{{.SKIFF_NONE}}", port: 2}' >skaffold.yaml
    SKIFF_T=a skiff_ok diagnose --yaml-only --enable-templating
    expect_match "$output" '^  resourceName: a-A$'
    expect_match "$output" 'resourceName: .\{\{.SKIFF_NONE\}\}.$'
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
    local newest=$output
    skiff_ok schema get skaffold/v4beta14
    expect_equal "$output" "$newest"
    skiff_ok schema list
    expect_equal "${#lines[@]}" 72
    skiff schema get skaffold/v1
    expect_status 1
    skiff schema get skaffold/v99
    expect_status 2
}

@test "--format json: findings as data, on standard error" {
    sed -i 's/manifests:/manifsts:/' skaffold.yaml
    skiff build --format json
    expect_status 3
    jq -e '.[0] | .severity == "error" and .line > 0 and .hint != null' <<<"$stderr"
    skiff build --format yaml
    expect_status 2
}

@test "diagnose prints builders and deployers that skiff does not run" {
    printf '%s\n' 'apiVersion: skaffold/v2beta29' 'kind: Config' 'build:' '  artifacts:' \
        '  - {image: a, jib: {}}' '  - {image: b, buildpacks: {builder: x}}' 'deploy:' \
        '  helm: {releases: [{name: r, chartPath: c, artifactOverrides: {image: a}}]}' >skaffold.yaml
    skiff_ok diagnose --yaml-only
    expect_match "$output" '^    jib: \{\}$'
    expect_match "$output" '^        image: .\{\{.IMAGE_FULLY_QUALIFIED_a\}\}.$'
    skiff build
    expect_status 3
    expect_match "$stderr" "skaffold.yaml:5:.*'build.artifacts\[0\].jib' is not supported by skiff"
}

@test "requires.git: cloned by git, its paths absolute there; in sync with its branch" {
    git init -q -b main lib
    printf '%s\n' 'apiVersion: skaffold/v4beta14' 'kind: Config' 'metadata: {name: lib}' \
        'build: {artifacts: [{image: one}]}' >lib/skaffold.yaml
    git -C lib add skaffold.yaml
    git -C lib -c user.email=a@b -c user.name=n commit -q -m one
    printf 'requires: [{git: {repo: %s, ref: main}}]\n' "$PWD/lib" >>skaffold.yaml
    sed -i 's,^apiVersion.*,apiVersion: skaffold/v2beta26,' skaffold.yaml
    skiff_ok diagnose --yaml-only
    expect_match "$output" "^    context: $HOME/.skaffold/remote-cache/[A-Za-z0-9_-]{32}$"
    sed -i 's/one/two/' lib/skaffold.yaml
    git -C lib -c user.email=a@b -c user.name=n commit -q -a -m two
    skiff_ok diagnose --yaml-only --sync-remote-cache=missing
    expect_match "$output" '^  - image: one$'
    skiff_ok diagnose --yaml-only
    expect_match "$output" '^  - image: two$'
    skiff diagnose --sync-remote-cache=often
    expect_status 2
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
    expect_match "$stderr" "kustomize '?overlay'?: .*nowhere"
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
