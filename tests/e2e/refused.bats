#!/usr/bin/env bats
# What the cluster refuses: said at its place in the manifest, and nothing is half applied.

load ../support/common
load ../support/cluster

setup() {
    cluster_setup
    rm -rf ./* && mkdir k8s
    printf 'apiVersion: skaffold/v4beta11\nkind: Config\nmanifests: {rawYaml: [k8s/*.yaml]}\n' >skaffold.yaml
    printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: good}\n' >k8s/a-good.yaml
}
teardown() { cluster_teardown; }

good_is_there() { kubectl get configmap good >/dev/null 2>&1; }

# refused TEXT...: run fails with these texts, and not even the good object is applied.
refused() {
    skiff run --status-check=false
    expect_status 6
    expect_in "$stderr" "$@"
    ! good_is_there || fail "half applied"
}

# deployment [REPLACEMENT]: a Deployment, changed by a sed command.
deployment() {
    sed "${1:-}" >k8s/web.yaml <<'END'
# Our web server.
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: 0
  selector:
    matchLabels:
      app: web
  template:
    metadata:
      labels:
        app: web
    spec:
      containers:
      - name: web
        image: nginx
        env:
        - {name: A, value: "1"}
        - name: PORT
          value: "80"
        ports:
        - containerPort: 80
END
}

@test "fields: unknown, of the wrong type, out of range, missing; all of a pass, each at its place" {
    deployment 's/replicas/replica/; s/"80"/80/; s/image:/imagePulPolicy: Always\n        image:/'
    refused "k8s/web.yaml:7:3: error: deployment/web: 'replica' is no field of this object" \
        '  replica: 0' "hint: did you mean 'replicas'?" \
        "k8s/web.yaml:18:9: error: deployment/web: 'imagePulPolicy' is no field" "did you mean 'imagePullPolicy'?" \
        "k8s/web.yaml:23:18: error: deployment/web: 'value': expected string" 'hint: put it in quotes' \
        'nothing is applied'
    deployment 's/replicas: 0/replicas: many/'
    refused "k8s/web.yaml:7:13: error: deployment/web: 'replicas': expected numeric"
    deployment 's/containerPort: 80/containerPort: 99999/; s/app: web/app: other/2; s/- name: web/- name: Web_1/'
    refused 'k8s/web.yaml:24:26: error: deployment/web: spec.template.spec.containers[0].ports[0].containerPort: Invalid value: 99999: must be between' \
        'k8s/web.yaml:17:15: error: deployment/web: spec.template.spec.containers[0].name: Invalid value: "Web_1"'
    deployment '/selector:/,+2d'
    refused 'k8s/web.yaml:6:1: error: deployment/web: spec.selector: Required value'
    deployment '/ app: web/{s/web/other/;:a;n;ba}'
    refused 'error: deployment/web: spec.template.metadata.labels: Invalid value' \
        "hint: the labels of the template must contain all of the selector's"
}

@test "kinds and namespaces that are not there; two namespaces at once" {
    printf 'apiVersion: apps/v1\nkind: Deploymnt\nmetadata: {name: web}\n' >k8s/b.yaml
    refused "k8s/b.yaml:2:7: error: deploymnt/web: the cluster knows no kind 'Deploymnt' in 'apps/v1'"
    printf 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: web\n  namespace: not-there\n' >k8s/b.yaml
    refused "k8s/b.yaml:5:14: error: configmap/web: namespaces \"not-there\" not found" \
        "kubectl create namespace not-there"
    skiff run --namespace="$NAMESPACE"
    expect_status 6
    expect_in "$stderr" 'k8s/b.yaml:5:14: error: configmap/web:'
}

@test "what cannot be changed in place names the way out, and --force takes it" {
    deployment
    skiff_ok run --status-check=false
    deployment 's/app: web/app: new/'
    skiff run --status-check=false
    expect_status 6
    expect_in "$stderr" 'error: deployment/web: spec.selector: Invalid value' 'field is immutable' \
        'hint: it cannot be changed in place: --force deletes the object and creates it anew'
    expect_match "$stderr" '^k8s/web.yaml:8:3: error'
    skiff_ok run --status-check=false --force
    expect_equal "$(kubectl get deployment web -o jsonpath='{.spec.selector.matchLabels.app}')" new
}

@test "a custom resource whose definition comes with it, and one whose definition does not" {
    local kind=Thing$$ plural=thing$$s
    printf 'apiVersion: %s.skiff.dev/v1\nkind: %s\nmetadata: {name: one}\nspec: {size: 1}\n' "$NAMESPACE" "$kind" >k8s/b.yaml
    refused "k8s/b.yaml:2:7: error: ${kind,,}/one: the cluster knows no kind '$kind'" 'CustomResourceDefinition'
    cat >k8s/c.yaml <<END
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: $plural.$NAMESPACE.skiff.dev}
spec:
  group: $NAMESPACE.skiff.dev
  scope: Namespaced
  names: {kind: $kind, plural: $plural, singular: ${kind,,}}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec: {type: object, properties: {size: {type: integer}}}
END
    skiff run --status-check=false
    kubectl get crd "$plural.$NAMESPACE.skiff.dev" >/dev/null
    expect_status 0
    sed -i 's/size: 1/size: big/' k8s/b.yaml
    skiff run --status-check=false
    expect_status 6
    expect_match "$stderr" '^k8s/b.yaml:4:14: error: '
    skiff_ok delete
    wait_until 30 crd_is_gone "$plural"
}
crd_is_gone() { ! kubectl get crd "$1.$NAMESPACE.skiff.dev" >/dev/null 2>&1; }

# As a user who may do what the cluster role says, in this namespace.
become() {
    local token
    kubectl create serviceaccount tester >/dev/null
    kubectl create rolebinding tester --clusterrole="$1" --serviceaccount="$NAMESPACE:tester" >/dev/null
    token=$(kubectl create token tester)
    kubectl config set-credentials tester --token="$token" >/dev/null
    kubectl config set-context --current --user=tester >/dev/null
}

@test "a user who may only read: said before anything is applied" {
    deployment
    become view
    refused "k8s/web.yaml:2:1: error: deployment/web: deployments.apps is forbidden" \
        "hint: a role with get, create and patch on 'deployments' in namespace '$NAMESPACE' is needed" \
        'k8s/a-good.yaml:1:1: error: configmap/good: configmaps is forbidden'
}

@test "credentials that have expired: one line, before anything is built" {
    become view
    kubectl config set-credentials tester --token=expired >/dev/null
    skiff run
    expect_status 8
    expect_in "$stderr" "the cluster does not accept the credentials of user 'tester'"
    expect_equal "$(wc -l <<<"$stderr")" 1
}

@test "a full quota" {
    deployment
    kubectl create quota full --hard=count/deployments.apps=0 >/dev/null
    wait_until 20 quota_counts
    refused 'k8s/web.yaml:2:1: error: deployment/web: deployments.apps "web" is forbidden: exceeded quota: full'
}
quota_counts() { [[ $(kubectl get quota full -o jsonpath='{.status.hard}') == *deployments* ]]; }

@test "in dev: a field that is refused, then repaired" {
    deployment
    dev_start --status-check=false
    dev_is_ready
    deployment 's/replicas: 0/replicas: 0\n  paused: [1]/'
    dev_says "k8s/web.yaml:8:3: error: deployment/web: 'paused': expected boolean$"
    dev_says '^Watching for changes'
    dev_mark
    deployment 's/replicas: 0/replicas: 0\n  paused: true/'
    dev_says 'deployment.apps/web configured'
    dev_stop
}
