#!/usr/bin/env bats
# skiff run and delete on a real cluster.

load ../support/common
load ../support/cluster

setup() { cluster_setup; }
teardown() { cluster_teardown; }

@test "the sample verbatim: run, it answers; run again, nothing changes; delete, it is gone" {
    skiff_ok run
    expect_in "$output" 'Build [gcr.io/my-project/go-app] succeeded' 'Starting deploy...' \
        'deployment.apps/go-app created' 'Deployments stabilized in '
    expect_serves 'Hello from Go!'
    expect_match "$(kubectl get pod "$POD" -o jsonpath='{.spec.containers[0].image}')" \
        '^gcr.io/my-project/go-app:[^@]+@sha256:[0-9a-f]{64}$'
    local pod=$POD generation
    generation=$(generation)

    skiff_ok run
    expect_equal "$(generation)" "$generation"
    expect_serves 'Hello from Go!'
    expect_equal "$POD" "$pod"

    skiff_ok delete
    expect_in "$output" 'Cleaning up...' go-app
    deployment_is_gone
    skiff_ok delete # and again: nothing to do is no error
}

@test "delete --dry-run deletes nothing" {
    skiff_ok run
    skiff_ok delete --dry-run
    expect_in "$output" 'name: go-app'
    kubectl get deployment go-app
}

@test "an edit between two runs replaces the pod" {
    skiff_ok run
    expect_serves 'Hello from Go!'
    local first=$POD
    sample_says 'Second edition'
    skiff_ok run
    expect_serves 'Second edition'
    [[ $POD != "$first" ]]
}

@test "local.push unset: the image goes to the cluster's own registry, found by its ConfigMap" {
    local registry
    registry=$(kubectl get configmap -n kube-public local-registry-hosting -o jsonpath='{.data.localRegistryHosting\.v1}' |
        sed -nE 's/^ *host: *"?([^"]*)"?$/\1/p')
    [[ $registry == localhost:* || $registry == 127.0.0.1:* ]]
    sed -i '/local:/d; /push: false/d' skaffold.yaml
    skiff_ok run
    expect_serves 'Hello from Go!'
    expect_match "$(kubectl get pod "$POD" -o jsonpath='{.spec.containers[0].image}')" \
        "^$registry/gcr_io_my-project_go-app:[^@]+@sha256:"
    expect_in "$(curl -sS --noproxy '*' "http://$registry/v2/gcr_io_my-project_go-app/tags/list")" '"tags"'
}

@test "-n puts it into another namespace" {
    kubectl create namespace "$NAMESPACE-b"
    skiff_ok run -n "$NAMESPACE-b"
    kubectl get deployment go-app -n "$NAMESPACE-b"
    deployment_is_gone
    skiff_ok delete -n "$NAMESPACE-b"
    kubectl delete namespace "$NAMESPACE-b" --wait=false
}

@test "a program that ends at once: status 7, with its exit code and its last words" {
    sed -i 's/log.Println("listening on :8080")/log.Fatal("the database is not there")/' main.go
    skiff run
    expect_status 7
    expect_in "$stderr" go-app 'exit code 1' 'the database is not there'
}

@test "an object that the server refuses: status 6 and the reason" {
    sed -i 's/replicas: 1/replicas: many/' k8s/deployment.yaml
    skiff run
    expect_status 6
    expect_in "$stderr" replicas
    deployment_is_gone
}

@test "Go code that does not compile deploys nothing: status 4" {
    sample_says 'x" + 1 + "'
    skiff run
    expect_status 4
    expect_match "$stderr" 'main.go:11:[0-9]+'
    deployment_is_gone
}

@test "render --digest-source=tag on the cluster is what run applies, but for the digest" {
    skiff_ok render
    expect_match "$output" 'image: gcr.io/my-project/go-app:[^@]+$'
}

@test "run --tail follows the log until Ctrl-C" {
    background run --tail
    wait_until 90 grep -q 'listening on :8080' "$BACKGROUND_OUT" || fail 'no log came'
    kill -INT "$BACKGROUND_PID"
    wait_until 20 background_is_gone
    wait "$BACKGROUND_PID" || true
    kubectl get deployment go-app # run leaves it
}

@test "build here, deploy there: from a pipe, by --images and --tag; render and apply" {
    skiff deploy
    expect_status 2
    expect_in "$stderr" "no tag provided for image 'gcr.io/my-project/go-app'" '--build-artifacts'
    skiff_ok build --file-output built.json
    run --separate-stderr "$SKIFF" deploy --build-artifacts - <built.json
    expect_status 0
    expect_not_in "$output" 'Building'
    expect_serves 'Hello from Go!'
    local reference
    reference=$(jq -r '.builds[0].tag' built.json)
    skiff_ok render -i "gcr.io/my-project/go-app=$reference" -o ready.yaml
    expect_in "$(cat ready.yaml)" "image: $reference"
    skiff_ok delete
    deployment_is_gone
    skiff_ok apply ready.yaml
    expect_in "$output" 'deployment/go-app is ready.'
    skiff apply
    expect_status 2
}

@test "manifest paths with templates" {
    cp k8s/deployment.yaml k8s/blue.yaml
    cat >skaffold.yaml <<'END'
apiVersion: skaffold/v4beta11
kind: Config
manifests:
  rawYaml: ["k8s/{{.STAGE}}.yaml"]
deploy: {kubectl: {}}
END
    STAGE=blue skiff_ok render -n "$NAMESPACE"
    expect_in "$output" 'name: go-app'
    skiff render
    expect_status 3
    expect_in "$stderr" 'skaffold.yaml:4:' 'STAGE'
}
