#!/usr/bin/env bats
# Hooks around a deploy on a real cluster, on this machine and in the containers.

load ../support/common
load ../support/cluster

setup() {
    cluster_setup
    # The sample answers an argument with a word, so that a hook can run it in its container.
    sed -i 's/^func main() {/&\n\tif len(os.Args) > 1 {\n\t\tfmt.Println("in the container:", os.Args[1])\n\t\treturn\n\t}/; s/^import (/&\n\t"os"/' main.go
    cat >skaffold.yaml <<'END'
apiVersion: skaffold/v4beta11
kind: Config
build:
  local: {push: false}
  hooks:
    before: [{command: [sh, -c, 'test ! -e stop']}]
  artifacts:
  - image: gcr.io/my-project/go-app
    ko: {}
manifests:
  rawYaml: [k8s/deployment.yaml]
deploy:
  kubectl:
    hooks:
      before:
      - host: {command: [sh, -c, 'echo before in $SKAFFOLD_NAMESPACES of $SKAFFOLD_KUBE_CONTEXT; echo $SKAFFOLD_RUN_ID >>runs']}
      after:
      - container: {command: [/ko-app/work, hello], podName: go-app-*}
      - host: {command: [sh, -c, 'echo the end']}
END
}
teardown() { cluster_teardown; }

@test "run: hooks before the apply, and in the ready containers after it; one that fails is status 6" {
    skiff_ok run
    expect_in "$output" "before in $NAMESPACE of " '[go-app] in the container: hello' 'the end'
    expect_match "$(grep -nE 'before in|Starting deploy|stabilized in|the end' <<<"$output" | tr '\n' ' ')" \
        'before in.*stabilized in.*the end'
    sed -i 's,/ko-app/work,/no-such-program,' skaffold.yaml
    kubectl delete deployment go-app --wait >/dev/null
    skiff run
    expect_status 6
    expect_in "$stderr" "post-deploy hook '/no-such-program hello' in container 'go-app' of pod 'go-app-"
}

@test "dev: a failed pre-build hook keeps what runs; the next change tries again" {
    dev_start
    dev_is_ready
    touch stop
    sed -i 's/Hello from Go!/never/' main.go
    dev_says "pre-build hook 'sh -c test ! -e stop'"
    dev_says '^Watching for changes'
    expect_serves 'Hello from Go!'
    rm stop
    dev_mark
    sed -i 's/never/after the hook/' main.go
    expect_serves 'after the hook'
    dev_says '^Watching for changes'
    expect_in "$(dev_said)" 'in the container: hello' 'the end'
    dev_stop
    expect_equal "$(sort -u runs | wc -l)" 1
    deployment_is_gone
}

@test "dev: a failed test keeps what runs; a change of its files tests again" {
    mkdir checks
    echo 'test ! -e bad' >checks/one.sh
    cat >>skaffold.yaml <<'END'
test:
- image: gcr.io/my-project/go-app
  custom:
  - command: echo testing $IMAGE; sh checks/one.sh
    dependencies: {paths: [checks/*.sh]}
END
    dev_start
    dev_is_ready
    expect_match "$(cat "$BACKGROUND_OUT")" '^testing gcr.io/my-project/go-app:dev@sha256'
    touch bad
    sed -i 's/Hello from Go!/never/' main.go
    dev_says "^Test failed: test 'echo testing"
    dev_says '^Watching for changes'
    expect_serves 'Hello from Go!'
    dev_mark
    echo true >checks/one.sh
    dev_says 'checks/one.sh changed'
    expect_serves 'never'
    dev_says '^Watching for changes'
    expect_not_in "$(dev_said)" 'Building'
    dev_stop
}
