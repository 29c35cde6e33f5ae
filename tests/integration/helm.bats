#!/usr/bin/env bats
# Charts of skaffold.yaml, rendered by the real helm.

load ../support/common
load ../support/chart

setup() {
    common_setup
    copy_sample
    make_chart
}
teardown() { common_teardown; }

@test "render: values from everywhere, templates with the image, names in the chart replaced" {
    echo 'word: from-file' >my-values.yaml
    cat >skaffold.yaml <<'END'
apiVersion: skaffold/v4beta12
kind: Config
build:
  artifacts:
  - image: gcr.io/my-project/go-app
    ko: {}
manifests:
  helm:
    releases:
    - name: "web-{{.WHO}}"
      chartPath: chart
      valuesFiles: ["my-{{.KIND}}.yaml"]
      overrides: {word: from-overrides}
    - name: second
      chartPath: chart
      overrides: {word: from-overrides, image: "{{not a template}}"}
      setValues: {word: from-set}
      setValueTemplates: {image: "x.example/{{.IMAGE_NAME}}:{{.IMAGE_TAG_gcr_io_my_project_go_app}}"}
deploy: {kubectl: {}}
END
    WHO=me KIND=values skiff_ok render --tag v1
    expect_in "$output" 'name: web-me' 'word: "from-file"' 'image: gcr.io/my-project/go-app:v1' \
        'name: second' 'word: "from-set"' 'image: x.example/gcr.io/my-project/go-app:v1'
    # What deploy.helm names is shown too when nothing else is.
    sed -i 's/^manifests:/deploy:/; /^deploy: {kubectl/d' skaffold.yaml
    WHO=me KIND=values skiff_ok render --tag v1
    expect_in "$output" 'name: web-me' 'image: gcr.io/my-project/go-app:v1'
}

@test "what is wrong is said in helm's words, or with the line: status 6 or 3" {
    cat >skaffold.yaml <<'END'
apiVersion: skaffold/v4beta12
kind: Config
manifests:
  helm:
    releases:
    - name: web
      chartPath: chart
      setValues: {broken: true}
END
    skiff render
    expect_status 6
    expect_in "$stderr" 'helm template web' 'this chart is broken'
    sed -i 's/setValues: .*/namespace: "{{.NOT_SET}}"/' skaffold.yaml
    skiff render
    expect_status 6
    expect_in "$stderr" 'skaffold.yaml:8:' "namespace of helm release 'web'" 'NOT_SET'
    sed -i 's/namespace: .*/skipBuildDependencies: true/' skaffold.yaml
    SKIFF_PATH=$(only_programs env timeout) skiff render
    expect_status 6
    expect_in "$stderr" 'helm'
}

@test "filter puts images into what it reads" {
    run --separate-stderr "$SKIFF" filter --images gcr.io/my-project/go-app=reg.example/app:v2 <k8s/deployment.yaml
    expect_status 0
    expect_in "$output" 'image: reg.example/app:v2'
    echo '{"builds":[{"imageName":"gcr.io/my-project/go-app","tag":"from-file:v3"}]}' >built.json
    run --separate-stderr "$SKIFF" filter -a built.json -i gcr.io/my-project/go-app=x:y <k8s/deployment.yaml
    expect_in "$output" 'image: from-file:v3'
    run --separate-stderr "$SKIFF" filter -a k8s/deployment.yaml <k8s/deployment.yaml
    expect_status 3
    expect_in "$stderr" 'k8s/deployment.yaml:1:'
}
