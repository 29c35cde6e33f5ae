#!/usr/bin/env bats
# Whose objects are they? What skiff removes, and what it leaves alone.

load ../support/common
load ../support/cluster

setup() { cluster_setup; }
teardown() { cluster_teardown; }

# A project without images: NAME and the names of its ConfigMaps.
config_maps() {
    local project=$1 name
    shift
    mkdir -p "$project/k8s"
    printf 'apiVersion: skaffold/v4beta11\nkind: Config\nmanifests: {rawYaml: [k8s/*.yaml]}\n' >"$project/skaffold.yaml"
    for name; do
        printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\ndata: {from: %s}\n' "$name" "$project" \
            >"$project/k8s/$name.yaml"
    done
}
exists() { kubectl get configmap "$1" >/dev/null 2>&1; }
is_gone() { ! exists "$1"; }
has_text() { [[ $(kubectl get configmap "$1" -o jsonpath='{.data.from}') == "$2" ]]; }

@test "delete removes what this project created, and leaves the rest: --dry-run says it beforehand" {
    config_maps shop made shared other
    config_maps till other
    kubectl create configmap shared >/dev/null
    (cd till && skiff_ok run)
    cd shop
    skiff_ok run
    expect_in "$stderr" "configmap/other belongs to another project (till-"
    has_text other shop
    skiff_ok delete --dry-run
    expect_in "$output" 'name: made'
    expect_not_in "$output" 'name: shared'
    expect_in "$stderr" 'ConfigMap/shared was not created by skiff: it stays' \
        'ConfigMap/other belongs to another project (till-'
    exists made
    skiff_ok delete
    is_gone made
    exists shared
    exists other
    cd ../till
    skiff_ok delete
    is_gone other
    # The same project from a copy elsewhere, when both come from one repository.
    cd ../shop
    git init -q . && git remote add origin git@example.com:team/shop.git
    skiff_ok run
    cp -R . ../clone && cd ../clone
    git remote set-url origin https://token@example.com/team/shop
    skiff_ok delete
    is_gone made
}

@test "two dev in one namespace: the second is told, changes nothing, and takes nothing with it" {
    config_maps shop one shared
    config_maps till two shared
    cd shop
    dev_start
    dev_says '^Watching for changes'
    cd ../till
    run --separate-stderr timeout 60 "$SKIFF" run
    expect_status 6
    expect_match "$stderr" "configmap/shared is kept up to date by 'skiff dev' of .*which still runs"
    is_gone two
    has_text shared shop
    run --separate-stderr timeout 60 "$SKIFF" delete
    expect_status 0
    exists shared
    # ... and its own project does not delete it either while it runs.
    cd ../shop
    run --separate-stderr timeout 60 "$SKIFF" delete
    expect_in "$stderr" "ConfigMap/one is in use by 'skiff dev' of"
    exists one
    # An object that left the manifests goes; one that somebody replaced meanwhile stays.
    dev_mark
    rm k8s/one.yaml
    dev_says 'configmap "one" deleted'
    kubectl delete configmap shared >/dev/null
    kubectl create configmap shared >/dev/null
    dev_stop
    expect_in "$(dev_said)" 'configmap/shared has been replaced since'
    exists shared
}

@test "what a dev that was killed left behind goes with the next one" {
    config_maps shop left
    cd shop
    dev_start
    dev_says '^Watching for changes'
    kill -KILL "$BACKGROUND_PID"
    wait "$BACKGROUND_PID" || true
    exists left
    dev_start
    dev_says '^Watching for changes'
    dev_stop
    is_gone left
}

@test "marks restart nothing, and labels that are also the selector survive" {
    sed -i -e 's/^  name: go-app/&\n  labels: \&labels {app: go-app}/' -e '/matchLabels:/{N;s/:.*/: *labels/}' k8s/deployment.yaml
    skiff_ok run
    local generation
    generation=$(generation)
    expect_match "$(kubectl get deployment go-app -o jsonpath='{.metadata.labels}')" 'skiff.dev/project'
    expect_equal "$(kubectl get deployment go-app -o jsonpath='{.spec.template.metadata.labels}')" '{"app":"go-app"}'
    skiff_ok run
    expect_equal "$(generation)" "$generation"
    expect_in "$output$stderr" 'unchanged'
}

@test "an object that is being deleted is waited for" {
    config_maps shop slow
    cd shop
    kubectl create -f - <<<'{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"slow","finalizers":["skiff.dev/test"]}}'
    kubectl delete configmap slow --wait=false >/dev/null
    skiff run --wait-for-deletions-max=1s
    expect_status 6
    expect_in "$stderr" 'still being deleted after 1 s: configmap/slow'
    background run
    dev_mark
    dev_says 'waiting until it is deleted: configmap/slow'
    kubectl patch configmap slow --type=json -p '[{"op":"remove","path":"/metadata/finalizers"}]' >/dev/null
    background_ends 0
    has_text slow shop
}

@test "remoteManifests: an object of the cluster gets the new image, and stays when ours go" {
    sed -i 's/^        ports:/        imagePullPolicy: IfNotPresent\n&/' k8s/deployment.yaml # else Always, without a tag
    kubectl create -f k8s/deployment.yaml >/dev/null
    rm -r k8s
    cat >skaffold.yaml <<END
apiVersion: skaffold/v4beta11
kind: Config
build: {artifacts: [{image: gcr.io/my-project/go-app, ko: {}}], local: {push: false}}
manifests:
  remoteManifests: [{manifest: "$NAMESPACE:deployment/go-app"}]
deploy: {kubectl: {}}
END
    skiff_ok run
    expect_serves 'Hello from Go!'
    skiff_ok render --digest-source=tag
    expect_in "$output" 'name: go-app'
    expect_not_in "$output" 'resourceVersion'
    skiff_ok delete
    expect_in "$stderr" 'was not created by skiff: it stays'
    kubectl get deployment go-app
    sed -i 's,deployment/go-app,deployment/not-there,' skaffold.yaml
    skiff run
    expect_status 6
    expect_in "$stderr" 'deployments.apps "not-there" not found'
    sed -i "s,$NAMESPACE:deployment/not-there,web," skaffold.yaml
    skiff run
    expect_status 3
    expect_match "$stderr" '^skaffold.yaml:5:21: error: .*TYPE/NAME'
}
