#!/usr/bin/env bats
# Lifecycle hooks of skaffold.yaml around the real build and render.

load ../support/common

setup() {
    common_setup
    copy_sample
}
teardown() { common_teardown; }

@test "hooks of build and artifact run around the build, with what they need to know" {
    cat >skaffold.yaml <<'END'
apiVersion: skaffold/v4beta11
kind: Config
build:
  local: {push: false}
  hooks:
    before: [{command: [sh, -c, 'echo phase-before in $SKAFFOLD_WORK_DIR']}]
    after: [{command: [sh, -c, 'echo phase-after']}]
  artifacts:
  - image: team/app
    ko: {}
    hooks:
      before:
      - {command: [sh, -c, 'echo before $SKAFFOLD_IMAGE $SKAFFOLD_PUSH_IMAGE'], os: [linux]}
      - {command: [false], os: [windows]}
      after: [{command: [sh, -c, 'echo after $SKAFFOLD_IMAGE_REPO:$SKAFFOLD_IMAGE_TAG $PWD'], dir: k8s}]
END
    skiff_ok build --tag v1
    expect_equal "$(grep -E '^(phase-|before|after|Building|Build \[|Starting|Completed)' <<<"$output")" "\
Starting pre-build hooks...
phase-before in $WORK
Completed pre-build hooks
Building [team/app]...
Starting pre-build hooks...
before team/app:v1 false
Completed pre-build hooks
Starting post-build hooks...
after team:v1 $WORK/k8s
Completed post-build hooks
Build [team/app] succeeded
Starting post-build hooks...
phase-after
Completed post-build hooks"
}

@test "a failed hook: nothing is built, status 4; of the artifact: its build has failed" {
    cat >skaffold.yaml <<'END'
apiVersion: skaffold/v4beta11
kind: Config
build:
  local: {push: false}
  hooks:
    before: [{command: [sh, -c, 'echo no database >&2; exit 3']}]
  artifacts:
  - image: app
    ko: {}
END
    skiff build
    expect_status 4
    expect_in "$output$stderr" 'no database' "pre-build hook 'sh -c echo no database >&2; exit 3'" 'status 3'
    expect_not_in "$output" 'Building'
    sed -i 's/before: .*/after: []/; s/ko: {}/&\n    hooks: {after: [{command: [no-such-program]}]}/' skaffold.yaml
    skiff build
    expect_status 4
    expect_in "$output$stderr" 'Build [app] failed' "post-build hook 'no-such-program'"
}

@test "render hooks: before, after, and one that changes the manifests" {
    sed -i 's/^apiVersion: .*/apiVersion: skaffold\/v4beta11/; /^deploy:/,$d' skaffold.yaml
    cat >>skaffold.yaml <<'END'
manifests:
  rawYaml: [k8s/*.yaml]
  hooks:
    before:
    - host: {command: [sh, -c, 'echo pre-render for $SKAFFOLD_NAMESPACES']}
    after:
    - host: {command: [sed, 's/replicas: 1/replicas: 2/; s/name: go-app$/name: changed/'], withChange: true}
    - host: {command: [sh, -c, 'grep -c name:.changed']}
END
    skiff_ok render -n somewhere
    expect_in "$stderr" 'Starting pre-render hooks...' 'pre-render for somewhere' 'Completed post-render hooks'
    expect_in "$output" 'name: changed' 'kind: Deployment'
    sed -i 's/command: \[sed.*withChange/command: ["true"], withChange/' skaffold.yaml
    skiff render
    expect_status 6
    expect_in "$stderr" 'post-render hook' 'printed no manifests'
}
