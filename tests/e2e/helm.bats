#!/usr/bin/env bats
# deploy.helm with the real helm on a real cluster.

load ../support/common
load ../support/cluster
load ../support/chart

setup() {
    cluster_setup
    make_chart
    cat >skaffold.yaml <<'END'
apiVersion: skaffold/v4beta12
kind: Config
build:
  local: {push: false}
  artifacts:
  - image: gcr.io/my-project/go-app
    ko: {}
deploy:
  helm:
    releases:
    - name: go-app
      chartPath: chart
      overrides: {word: overridden}
    hooks:
      after: [{host: {command: [sh, -c, 'echo after helm in $SKAFFOLD_NAMESPACES']}}]
END
}
teardown() { cluster_teardown; }

word() { kubectl get deployment go-app -o jsonpath='{.metadata.annotations.word}'; }
word_is() { [[ $(word) == "$1" ]]; }

@test "dev: images by name, edits of code and chart, Ctrl-C uninstalls" {
    dev_start
    dev_is_ready
    expect_in "$(cat "$BACKGROUND_OUT")" 'helm release/go-app deployed (revision 1)' "after helm in $NAMESPACE"
    expect_serves 'Hello from Go!'
    word_is overridden
    sample_says 'Again'
    expect_serves 'Again'
    dev_says "^$LEDGER"
    dev_mark
    sed -i '/overrides/d' skaffold.yaml
    dev_says 'helm release/go-app deployed \(revision 3\)'
    dev_says '^Watching for changes'
    word_is from-values
    dev_mark
    sed -i 's/from-values/edited/' chart/values.yaml
    dev_says 'helm release/go-app deployed \(revision 4\)'
    dev_says '^Watching for changes'
    word_is edited
    dev_mark
    echo 'broken: true' >>chart/values.yaml
    dev_says 'this chart is broken'
    dev_says '^Watching for changes'
    expect_serves 'Again'
    # What fails before the upgrade is not taken for done by the next attempt.
    dev_mark
    echo '{{' >chart/values.yaml
    dev_says 'Deploy failed'
    skiff_ok trigger
    skiff wait --timeout=60s
    expect_status 6
    dev_stop
    expect_match "$(dev_said)" 'release "go-app" uninstalled'
    [[ -z $(helm list -q) ]]
}

@test "run, run again, dev leaves it, delete uninstalls; a packaged chart in another namespace" {
    skiff_ok run
    expect_in "$output" 'Starting deploy...' '(revision 1)' 'deployment/go-app is ready.'
    dev_start
    dev_is_ready
    dev_stop
    [[ $(helm list -q) == go-app ]]
    skiff_ok delete
    expect_in "$output" 'release "go-app" uninstalled'
    deployment_is_gone
    skiff_ok delete
    sed -i "s/overrides: .*/namespace: $NAMESPACE-two\n      createNamespace: true\n      wait: true\n      packaged: {version: 9.9.9, appVersion: x}/" skaffold.yaml
    skiff_ok run
    expect_equal "$(helm list -n "$NAMESPACE-two" -o json | jq -r '.[0].chart + " " + .[0].app_version')" 'web-9.9.9 x'
    kubectl delete namespace "$NAMESPACE-two" --wait=false >/dev/null
}

@test "a chart that fails: status 6 and helm's words" {
    echo 'broken: true' >>chart/values.yaml
    skiff run
    expect_status 6
    expect_in "$stderr" "helm release 'go-app'" 'this chart is broken'
}
