#!/usr/bin/env bats
# File sync into real containers: changed files are served, and no image is built.

load ../support/common
load ../support/cluster
load ../support/docker

PATH=/usr/bin:$PATH

setup_file() {
    docker_install
    docker_start
    # A server of files, for an image that has tar and rm beside it.
    export SITE=$BATS_FILE_TMPDIR/site
    mkdir -p "$SITE"
    cat >"$BATS_FILE_TMPDIR/main.go" <<'END'
package main

import "net/http"

func main() { http.ListenAndServe(":8080", http.FileServer(http.Dir("/www"))) }
END
    (cd "$BATS_FILE_TMPDIR" && CGO_ENABLED=0 go build -ldflags=-w -o "$SITE/root/server" main.go)
    local program library
    for program in tar rm; do
        program=$(readlink -f "$(type -P "$program")")
        install -D "$program" "$SITE/root/bin/${program##*/}"
        for library in $(ldd "$program" | grep -oE '/[^ ]+'); do install -D "$library" "$SITE/root$library"; done
    done
}
teardown_file() { docker_stop; }

setup() { cluster_setup; }
teardown() { cluster_teardown; }

page_is() { [[ $(answer_of_path "$1") == "$2" ]]; }
answer_of_path() {
    local address
    address=$(pods | head -n 1 | cut -d ' ' -f 2)
    curl -sS --noproxy '*' --max-time 2 "http://$address:8080/$1" 2>/dev/null
}
pod_name() { pods | cut -d ' ' -f 1; }

@test "docker: inferred and manual rules, deletions, hooks; what no rule takes is built" {
    cp -R "$SITE/root" .
    mkdir -p web/css
    echo one >web/page.txt
    echo old >web/css/a.css
    printf '%s\n' 'FROM scratch' 'COPY root /' 'WORKDIR /www' 'COPY web .' 'ENTRYPOINT ["/server"]' >Dockerfile
    cat >skaffold.yaml <<'END'
apiVersion: skaffold/v4beta11
kind: Config
build:
  local: {push: false}
  artifacts:
    - image: gcr.io/my-project/go-app
      docker: {}
      sync:
        manual:
          - {src: 'web/**/*', dest: /www, strip: web/}
        hooks:
          before: [{host: {command: [sh, -c, 'echo "before $SKAFFOLD_FILES_ADDED_OR_MODIFIED|$SKAFFOLD_FILES_DELETED"']}}]
          after: [{host: {command: [sh, -c, 'echo "after $SKAFFOLD_IMAGE"']}}]
manifests: {rawYaml: [k8s/deployment.yaml]}
END
    dev_start
    dev_is_ready
    local pod
    pod=$(pod_name)
    wait_until 20 page_is page.txt one

    echo two >web/page.txt
    dev_says 'Synced into 1 container'
    dev_says "before $WORK/web/page.txt\\|$"
    dev_says 'after gcr.io/my-project/go-app:dev@sha256:'
    dev_says 'notice [0-9]+ · sync [0-9]+ = [0-9]+ ms'
    page_is page.txt two
    dev_is_ready

    mkdir web/new && echo deep >web/new/deep.txt && rm web/css/a.css
    wait_until 20 page_is new/deep.txt deep
    wait_until 20 page_is css/a.css '404 page not found'
    expect_equal "$(pod_name)" "$pod"
    dev_is_ready

    # Inferred: the same place, by COPY; what is copied before it is for a build.
    sed -i '/manual:/,/dest:/d; s/      sync:/&\n        infer: ["web\/**"]/' skaffold.yaml
    dev_is_ready
    echo three >web/page.txt
    dev_says 'Synced into 1 container'
    page_is page.txt three
    rm web/new/deep.txt # a build knows
    dev_says "web/new/deep.txt' has gone, and only a build knows what that means: building an image instead"
    dev_says 'Build \[gcr.io/my-project/go-app\] succeeded'
    dev_stop
}

@test "ko: kodata goes into an image without tar; Go code is built" {
    mkdir -p kodata/sub
    echo one >kodata/page.txt
    echo old >kodata/sub/old.txt
    cat >main.go <<'END'
package main

import (
	"net/http"
	"os"
)

func main() { http.ListenAndServe(":8080", http.FileServer(http.Dir(os.Getenv("KO_DATA_PATH")))) }
END
    cat >skaffold.yaml <<'END'
apiVersion: skaffold/v4beta11
kind: Config
build:
  local: {push: false}
  artifacts:
    - image: gcr.io/my-project/go-app
      ko: {}
      sync: {infer: ['kodata/**/*']}
manifests: {rawYaml: [k8s/deployment.yaml]}
END
    dev_start
    dev_is_ready
    local pod
    pod=$(pod_name)
    wait_until 20 page_is page.txt one
    echo two >kodata/page.txt
    dev_says 'Synced into 1 container'
    page_is page.txt two
    dev_is_ready
    mkdir kodata/new && echo deep >kodata/new/deep.txt && rm kodata/sub/old.txt
    wait_until 20 page_is new/deep.txt deep
    wait_until 20 page_is sub/old.txt '404 page not found'
    expect_equal "$(pod_name)" "$pod"
    dev_is_ready
    echo '// another' >>main.go && echo three >kodata/page.txt
    dev_says 'Build \[gcr.io/my-project/go-app\] succeeded'
    dev_is_ready
    wait_until 20 page_is page.txt three
    dev_stop
}

@test "requires: a Dockerfile on top of what ko built, with no registry between" {
    cat >main.go <<'END'
package main

import (
	"net/http"
	"os"
)

func main() { http.ListenAndServe(":8080", http.FileServer(http.Dir(os.Getenv("KO_DATA_PATH")))) }
END
    mkdir site kodata
    echo on top >site/page.txt
    printf '%s\n' 'ARG BASE' 'FROM $BASE' 'COPY page.txt /var/run/ko/' >site/Dockerfile
    cat >skaffold.yaml <<'END'
apiVersion: skaffold/v4beta11
kind: Config
build:
  local: {push: false}
  artifacts:
    - image: gcr.io/my-project/go-app
      context: site
      docker: {}
      requires: [{image: gcr.io/my-project/server, alias: BASE}]
    - image: gcr.io/my-project/server
      ko: {}
manifests: {rawYaml: [k8s/deployment.yaml]}
END
    skiff_ok run
    wait_until 20 page_is page.txt 'on top'
}
