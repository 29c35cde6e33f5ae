#!/usr/bin/env bats
# skiff render: the author's manifests with the image put in, and nothing else changed.

load ../support/common

setup() {
    common_setup
    copy_sample
}
teardown() { common_teardown; }

# The text with every image of the sample replaced by X.
blank_image() { sed -E 's,(gcr\.io/my-project/go-app)[:@][^"'"'"' ]*,\1,'; }

@test "the tag is put in, and the rest is the author's text, byte for byte" {
    cat >k8s/deployment.yaml <<'END'
# Who reads this? The author does.
apiVersion: "apps/v1"
kind:   Deployment   # odd spacing
metadata: {name: go-app, annotations: {build: "0123", answer: 'yes'}}
spec:
  selector:
    matchLabels: {app: go-app}
  template:
    metadata:
      labels: {app: go-app}
    spec:
      containers:
      # the one container
      - image: "gcr.io/my-project/go-app" # keep me
        name: go-app
        env:
        - {name: VERSION, value: "1.10"}
END
    skiff_ok render
    expect_match "$output" 'image: "gcr.io/my-project/go-app:[^@"]+" # keep me'
    expect_equal "$(blank_image <<<"$output")" "$(cat k8s/deployment.yaml)"
}

@test "the sample as it stands" {
    skiff_ok render
    expect_match "$output" '^        image: gcr.io/my-project/go-app:[a-zA-Z0-9._-]+$'
    expect_equal "$(blank_image <<<"$output")" "$(cat k8s/deployment.yaml)"
}

@test "progress goes to standard error" {
    skiff_ok render
    expect_not_in "$output" Generating
    expect_in "$stderr" 'Generating tags'
}

@test "-o writes a file and prints nothing" {
    skiff_ok render
    local printed=$output
    skiff_ok render -o out.yaml
    expect_equal "$output" ''
    expect_equal "$(cat out.yaml)" "$printed"
}

@test "-o into a directory that is not there" {
    skiff render -o nowhere/out.yaml
    expect_status 1
    expect_in "$stderr" nowhere/out.yaml
}

@test "--digest-source=local builds and gives the digest" {
    skiff_ok render --digest-source=local
    expect_match "$output" 'image: gcr.io/my-project/go-app:[^@]+@sha256:[0-9a-f]{64}$'
}

@test "--digest-source=none leaves images alone" {
    skiff_ok render --digest-source=none
    expect_equal "$output" "$(cat k8s/deployment.yaml)"
}

@test "a wrong --digest-source names the ones there are" {
    skiff render --digest-source=moon
    expect_status 2
    expect_in "$stderr" "'moon'" local tag remote none
}

@test "--offline needs neither kubeconfig nor cluster" {
    export KUBECONFIG=/nonexistent/kubeconfig
    skiff_ok render --offline
}

@test "-n puts the namespace in where none is named" {
    skiff_ok render -n elsewhere
    expect_match "$output" '^ +namespace: "?elsewhere"?$'
}

@test "several files and documents keep their order" {
    mkdir more
    printf 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: first\n---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: second\n' >more/a.yaml
    sed -i 's,^    - k8s/deployment.yaml,    - more/*.yaml\n    - k8s/deployment.yaml,' skaffold.yaml
    skiff_ok render
    expect_equal "$(grep -E '^  name:' <<<"$output" | paste -sd ' ')" '  name: first   name: second   name: go-app'
}

@test "a manifest that is no YAML: file and line, status 6 or 3" {
    printf 'apiVersion: v1\nkind: [\n' >k8s/deployment.yaml
    skiff render
    [[ $status == 6 || $status == 3 ]]
    expect_match "$stderr" 'k8s/deployment.yaml:[0-9]+'
}

@test "resourceSelector: images of a custom resource, and a kind left alone" {
    cat >skaffold.yaml <<'END'
apiVersion: skaffold/v4beta11
kind: Config
build:
  artifacts:
  - image: gcr.io/my-project/go-app
    ko: {}
resourceSelector:
  allow:
  - {groupKind: Canary.example.org, image: [".spec.steps.*.container"]}
  deny:
  - {groupKind: CronJob.batch, image: [".*"]}
END
    local canary='{apiVersion: example.org/v1, kind: Canary, metadata: {name: c}, spec: {steps: [{container: IMAGE}]}}'
    local cron='{apiVersion: batch/v1, kind: CronJob, metadata: {name: j}, spec: {image: IMAGE}}'
    printf -- '%s\n---\n%s\n' "$canary" "$cron" | sed 's,IMAGE,gcr.io/my-project/go-app,' >k8s/deployment.yaml
    skiff_ok render
    expect_match "$output" '\[\{container: gcr.io/my-project/go-app:[^ }]+\}\]'
    expect_in "$output" 'spec: {image: gcr.io/my-project/go-app}'

    sed -i 's,Canary.example.org,example.org/Canary,; s,"\.spec\.steps\..*container","spec[0]",' skaffold.yaml
    skiff render
    expect_status 3
    expect_match "$stderr" "skaffold.yaml:9:17: error: 'example.org/Canary' names no kind"
    expect_match "$stderr" "skaffold.yaml:9:45: error: 'spec\[0\]' is no path in an object"
}
