#!/usr/bin/env bats
# push: false on clusters that run in containers or share a Docker. The API is the real cluster's; what it
# is taken for comes from its context's name, and the nodes are containers of a real Docker Engine with a
# real containerd in each. No kubelet runs there: the deployments have no replicas.

load ../support/common
load ../support/cluster
load ../support/docker
load ../support/nodes

PATH=/usr/bin:$PATH

setup_file() {
    docker_install
    export DOCKER_TLS_PORT=$((20000 + RANDOM % 10000)) CERTS=$BATS_FILE_TMPDIR/certs
    docker_certificates "$CERTS"
    docker_start --host "tcp://127.0.0.1:$DOCKER_TLS_PORT" --tlsverify --tlscacert "$CERTS/ca.pem" \
        --tlscert "$CERTS/server-cert.pem" --tlskey "$CERTS/server-key.pem"
    nodes_image
    node_start one io.x-k8s.kind.cluster=dev io.x-k8s.kind.role=control-plane
    node_start two io.x-k8s.kind.cluster=dev io.x-k8s.kind.role=worker
    node_start balancer io.x-k8s.kind.cluster=dev io.x-k8s.kind.role=external-load-balancer
    node_start server k3d.cluster=dev k3d.role=server
    node_start mini name.minikube.sigs.k8s.io=minikube
}

teardown_file() { docker_stop; }

setup() {
    cluster_setup
    sed -i 's/replicas: 1/replicas: 0/' k8s/deployment.yaml
}
teardown() { cluster_teardown; }

# is_cluster NAME: the cluster has this name now, and nothing says that it is the bundled one.
is_cluster() {
    kubectl config view --raw -o json >"$KUBECONFIG.json"
    jq --arg name "$1" '.clusters[0].name = $name | del(.clusters[0].cluster.extensions) | ."current-context" = $name
        | .contexts[0].name = $name | .contexts[0].context.cluster = $name' "$KUBECONFIG.json" >"$KUBECONFIG"
}

# program NAME: a script from standard input, first in skiff's PATH.
program() {
    mkdir -p "$BATS_TEST_TMPDIR/programs"
    cat >"$BATS_TEST_TMPDIR/programs/$1"
    chmod 755 "$BATS_TEST_TMPDIR/programs/$1"
    SKIFF_PATH=$BATS_TEST_TMPDIR/programs:$PATH
}

run_ok() { skiff_ok run --status-check=false; }
deployed() { kubectl get deployment go-app -o jsonpath='{.spec.template.spec.containers[0].image}'; }
deployed_by_digest() { deployed | sed 's/:[^:@]*@/@/'; }

# A docker that keeps what it feeds to a node, and runs the real one.
recording_docker() {
    program docker <<END
#!/bin/sh
case "\$*" in
*' import '*)
    echo "\$3" >>"$BATS_TEST_TMPDIR/imports"
    tee "$BATS_TEST_TMPDIR/sent-\$3" | /usr/bin/docker "\$@"
    ;;
*) exec /usr/bin/docker "\$@" ;;
esac
END
}
imports_of() { grep -c "$(docker inspect --format '{{.Id}}' "$1")" "$BATS_TEST_TMPDIR/imports"; }
layers_sent() { # to NODE: blobs that are neither the manifest nor the config
    tar -tvf "$BATS_TEST_TMPDIR/sent-$(docker inspect --format '{{.Id}}' "$1")" |
        awk '$6 ~ /^blobs/ && $3 > 4096' | wc -l
}

@test "kind: every node gets the image, then only what it lacks" {
    is_cluster kind-dev
    recording_docker
    run_ok
    local image
    image=$(deployed_by_digest)
    node_has_whole one "$image"
    node_has_whole two "$image"
    expect_equal "$(node_images balancer)" ""
    expect_equal "$(layers_sent one) $(layers_sent two)" "2 2"

    sample_says 'Hello again!' # the base layer stays
    run_ok
    image=$(deployed_by_digest)
    node_has_whole one "$image"
    expect_equal "$(layers_sent one) $(layers_sent two)" "1 1"

    sample_says 'And again!' # one node has lost everything meanwhile
    node_images two | xargs docker exec two ctr --namespace k8s.io images rm --sync
    run_ok
    image=$(deployed_by_digest)
    node_has_whole one "$image"
    node_has_whole two "$image"
    expect_equal "$(layers_sent one) $(layers_sent two)" "1 1" # the new layer, then the base beside it
    expect_equal "$(imports_of one) $(imports_of two)" "3 4"
}

@test "k3d, minikube with containerd, and an image of the docker builder" {
    is_cluster k3d-dev
    run_ok
    node_has_whole server "$(deployed_by_digest)"

    is_cluster minikube
    program minikube <<<$'#!/bin/sh\necho "the runtime is containerd" >&2\nexit 64'
    printf '%s\n' 'FROM scratch' 'COPY main.go /main.go' 'CMD ["/main.go"]' >Dockerfile
    sed -i 's/ko: {}/docker: {}/' skaffold.yaml
    run_ok
    node_has_whole mini "$(deployed_by_digest)"
}

@test "minikube with docker: what is built there is there" {
    is_cluster minikube
    program minikube <<END
#!/bin/sh
echo "\$@" >>$WORK/minikube.calls
echo 'DOCKER_TLS_VERIFY=1'
echo 'DOCKER_HOST=tcp://127.0.0.1:$DOCKER_TLS_PORT'
echo 'DOCKER_CERT_PATH=$CERTS'
echo 'MINIKUBE_ACTIVE_DOCKERD=minikube'
END
    local real=$DOCKER_HOST
    export DOCKER_HOST=unix:///nowhere # the user's own
    run_ok
    expect_equal "$(cat minikube.calls)" 'docker-env --shell none -p minikube --user=skaffold'
    DOCKER_HOST=$real docker image inspect "$(deployed)" >/dev/null
    sed -i 's/ko: {}/docker: {}/' skaffold.yaml
    printf '%s\n' 'FROM scratch' 'COPY main.go /main.go' >Dockerfile
    run_ok
    DOCKER_HOST=$real docker image inspect "$(deployed)" >/dev/null

    program minikube <<<$'#!/bin/sh\necho "the control plane node is not running" >&2\nexit 51'
    skiff run
    expect_status 5
    expect_in "$stderr" 'the control plane node is not running' 'minikube start'
}

@test "docker-desktop: the user's Docker is the cluster's" {
    is_cluster docker-desktop
    local real=$DOCKER_HOST meta
    meta=$HOME/.docker/contexts/meta/$(printf desktop-linux | sha256sum | cut -d ' ' -f 1)
    mkdir -p "$meta"
    echo '{"currentContext":"desktop-linux"}' >"$HOME/.docker/config.json"
    echo "{\"Name\":\"desktop-linux\",\"Endpoints\":{\"docker\":{\"Host\":\"$DOCKER_HOST\"}}}" >"$meta/meta.json"
    unset DOCKER_HOST
    run_ok
    DOCKER_HOST=$real docker image inspect "$(deployed)" >/dev/null
}

import_runs() { [[ -e $BATS_TEST_TMPDIR/import-runs ]]; }
no_import_in_node() { ! docker top "$1" | grep -q 'ctr .*import'; }

@test "nodes that are not there, and a load that is interrupted" {
    is_cluster kind-gone
    skiff run
    expect_status 5
    expect_in "$stderr$output" "the kind cluster 'gone' has no node that runs" 'io.x-k8s.kind.cluster=gone'

    is_cluster kind-dev
    program docker <<END
#!/bin/sh
case "\$*" in
*' import '*) { head -c 4096 && touch "$BATS_TEST_TMPDIR/import-runs" && sleep 300; } | /usr/bin/docker "\$@" ;;
*) exec /usr/bin/docker "\$@" ;;
esac
END
    background run
    wait_until 30 import_runs
    kill -INT "$BACKGROUND_PID"
    background_ends 130
    wait_until 10 no_import_in_node one
}
