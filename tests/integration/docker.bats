#!/usr/bin/env bats
# The docker and custom builders with a real Docker Engine (Debian's docker.io) and a real registry.

load ../support/common
load ../support/registry
load ../support/docker

# Debian's docker first: it has BuildKit built in.
PATH=/usr/bin:$PATH

setup_file() {
    docker_install
    docker_start
    # A program for images that hold nothing else: exits 0 when FILE holds TEXT, sleeps, or fails.
    cat >"$BATS_FILE_TMPDIR/tool.c" <<'END'
#include <stdio.h>
#include <string.h>
#include <unistd.h>
int main(int argc, char **argv)
{
    char text[256] = "";
    if (argc > 1 && strcmp(argv[1], "sleep") == 0) {
        printf("sleeping\n");
        fflush(stdout);
        return (int)sleep(300);
    }
    FILE *f = argc > 3 && strcmp(argv[1], "has") == 0 ? fopen(argv[2], "r") : NULL;
    if (f && fgets(text, sizeof text, f)) {
        text[strcspn(text, "\n")] = '\0';
        return strcmp(text, argv[3]) != 0;
    }
    printf("the tool fails\n");
    return 7;
}
END
    cc -static -o "$BATS_FILE_TMPDIR/tool" "$BATS_FILE_TMPDIR/tool.c"
}

teardown_file() { docker_stop; }

setup() {
    common_setup
    cp "$BATS_FILE_TMPDIR/tool" tool
    echo content >data.txt
    project 'docker: {network: host}'
    printf '%s\n' 'FROM scratch' 'COPY tool /tool' 'COPY data.txt /data.txt' \
        'RUN ["/tool", "has", "/data.txt", "content"]' 'ENTRYPOINT ["/tool"]' >Dockerfile
}

teardown() {
    registry_stop
    common_teardown
}

# project OPTIONS: one artifact, web
project() {
    cat >skaffold.yaml <<END
apiVersion: skaffold/v4beta11
kind: Config
build:
  tagPolicy: {sha256: {}}
  artifacts:
    - image: t/web
      $1
END
}

# without_docker: a PATH with no docker program
without_docker() { only_programs sh git; }

tag_of() { jq -r ".builds[$1].tag" <<<"$output"; }

# --- where the image goes -------------------------------------------------------------------------

@test "BuildKit through the docker program; the image stays in Docker under a tag of its content" {
    skiff_ok build -q --push=false
    local tag
    tag=$(tag_of 0)
    expect_match "$tag" '^t/web:[0-9a-f]{64}$'
    expect_equal "$(docker image inspect -f '{{.Id}}' "$tag")" "sha256:${tag#t/web:}"
    docker run --rm --network none "$tag" has /data.txt content
    skiff_ok build -q --push=false
    expect_equal "$(tag_of 0)" "$tag" # nothing changed: the same image
}

@test "pushed: the digest that the registry has" {
    registry_start
    skiff_ok build -q -d "$REGISTRY"
    local tag
    tag=$(tag_of 0)
    expect_match "$tag" "^$REGISTRY/t_web:latest@sha256:[0-9a-f]{64}\$"
    expect_equal "$(skopeo_plain inspect --format '{{.Digest}}' "docker://$REGISTRY/t_web:latest")" "${tag#*@}"
}

@test "without a docker program: the same over the Engine's API" {
    registry_start
    project 'docker: {network: none}'
    SKIFF_PATH=$(without_docker)
    skiff_ok build -q --push=false
    docker run --rm --network none "$(tag_of 0)" has /data.txt content
    skiff_ok build -q -d "$REGISTRY"
    local tag
    tag=$(tag_of 0)
    expect_equal "$(skopeo_plain inspect --format '{{.Digest}}' "docker://$REGISTRY/t_web:latest")" "${tag#*@}"
}

@test "a docker program without buildx: the classic builder, and one note" {
    project 'docker: {network: none}'
    SKIFF_PATH=$(docker_without_buildx):$PATH
    skiff_ok build --push=false
    expect_in "$output$stderr" 'no buildx plugin' 'succeeded'
    project 'docker: {secrets: [{id: x, src: data.txt}]}'
    skiff build --push=false
    expect_status 4 # the build failed
    expect_in "$output$stderr" "'secrets' needs BuildKit" 'buildx'
}

@test "useBuildkit: false goes to the classic builder" {
    project 'docker: {network: none}'
    sed -i 's/^build:/build:\n  local: {useBuildkit: false}/' skaffold.yaml
    printf '%s\n' 'FROM scratch' 'COPY <<END /x' 'hello' 'END' >Dockerfile # no heredocs there
    skiff build --push=false
    expect_status 4 # the build failed
    expect_in "$output$stderr" 'unknown instruction: HELLO'
}

# --- what is built --------------------------------------------------------------------------------

@test ".dockerignore: the same files by both ways" {
    mkdir -p src/deep node_modules/x docs
    touch src/a.go src/deep/b.go src/a.log node_modules/x/index.js docs/readme.md keep.log
    printf '%s\n' 'FROM scratch' 'COPY . /ctx' >Dockerfile
    printf '%s\n' '# comment' 'node_modules' '**/*.log' '!keep.log' 'docs/*' tool >.dockerignore
    skiff_ok build -q --push=false
    local with without
    with=$(docker_files "$(tag_of 0)" | grep ctx | sort)
    SKIFF_PATH=$(without_docker)
    skiff_ok build -q --push=false
    without=$(docker_files "$(tag_of 0)" | grep ctx | sort)
    expect_equal "$without" "$with"
    expect_in "$with" ctx/src/deep/b.go ctx/keep.log ctx/docs/ ctx/Dockerfile
    expect_not_in "$with" node_modules
    expect_not_in "$with" a.log
    expect_not_in "$with" readme.md
}

@test "buildArgs with templates, target, a Dockerfile elsewhere" {
    mkdir build
    project 'docker: {dockerfile: build/Dockerfile.web, target: wanted, buildArgs: {SAY: "{{.GREETING}}-{{.IMAGE_NAME}}", FROM_ENV: }}'
    printf '%s\n' 'FROM scratch AS wanted' 'ARG SAY' 'ARG FROM_ENV' 'COPY data.txt /' \
        'LABEL say=$SAY env=$FROM_ENV' 'FROM scratch' 'COPY nothing /' >build/Dockerfile.web
    GREETING=hello FROM_ENV=here skiff_ok build -q --push=false
    expect_equal "$(docker image inspect -f '{{.Config.Labels.say}} {{.Config.Labels.env}}' "$(tag_of 0)")" \
        'hello-web here'
    SKIFF_PATH=$(without_docker)
    GREETING=hello FROM_ENV=here skiff_ok build -q --push=false
    expect_equal "$(docker image inspect -f '{{.Config.Labels.say}} {{.Config.Labels.env}}' "$(tag_of 0)")" \
        'hello-web here'
}

@test "a secret reaches the step and not the image" {
    project 'docker: {network: host, secrets: [{id: token, src: "~/token"}]}'
    echo s3cret >"$HOME/token"
    printf '%s\n' 'FROM scratch' 'COPY tool /tool' \
        'RUN --mount=type=secret,id=token ["/tool", "has", "/run/secrets/token", "s3cret"]' >Dockerfile
    skiff_ok build -q --push=false
    local id
    id=$(docker create "$(tag_of 0)" x)
    expect_equal "$(docker export "$id" | grep -c s3cret)" 0
    docker rm "$id" >/dev/null
    SKIFF_PATH=$(without_docker)
    skiff build --push=false --cache-artifacts=false
    expect_status 4 # the build failed
    expect_in "$output$stderr" "'secrets' needs the program 'docker'"
}

@test "requires: the other image is a build argument" {
    cat >skaffold.yaml <<'END'
apiVersion: skaffold/v4beta11
kind: Config
build:
  tagPolicy: {sha256: {}}
  artifacts:
    - image: t/top
      context: top
      requires: [{image: t/base, alias: BASE}]
    - image: t/base
      context: base
END
    mkdir top base
    cp tool data.txt base
    printf '%s\n' 'FROM scratch' 'COPY tool data.txt /' >base/Dockerfile
    echo top >top/top.txt
    printf '%s\n' 'ARG BASE' 'FROM $BASE' 'COPY top.txt /' >top/Dockerfile
    skiff_ok build -q --push=false
    docker run --rm --network none "$(jq -r '.builds[] | select(.imageName == "t/top").tag' <<<"$output")" \
        /tool has /data.txt content
}

# --- what goes wrong ------------------------------------------------------------------------------

@test "the output of a build that works is not shown; of one that fails the step is, with its line" {
    skiff_ok build --push=false
    expect_not_in "$output$stderr" 'COPY tool'
    sed -i 's/"content"/"other"/' Dockerfile
    echo 'RUN ["/tool", "fail"]' >>Dockerfile
    sed -i '/"other"/d' Dockerfile
    skiff build --push=false
    expect_status 4 # the build failed
    expect_in "$output$stderr" 'the tool fails' 'Dockerfile:5:' "'RUN [\"/tool\", \"fail\"]' failed"
    project 'docker: {network: none}'
    SKIFF_PATH=$(without_docker)
    skiff build --push=false
    expect_status 4 # the build failed
    expect_in "$output$stderr" 'the tool fails' 'Dockerfile:5:' 'failed'
}

@test "on a terminal the output is one line that goes" {
    script -qec "'$SKIFF' build --push=false" screen >/dev/null
    expect_match "$(cat -v screen)" '\^M\^\[\[K\[t/web\] .'
    expect_not_in "$(tail -n 3 screen | cat -v)" '#1 '
    expect_match "$(cat screen)" 'Build \[t/web\] succeeded'
}

@test "a Dockerfile with a mistake: its line" {
    sed -i 's/^COPY data/COPPY data/' Dockerfile
    skiff build --push=false
    expect_status 4 # the build failed
    expect_in "$output$stderr" 'Dockerfile:3:' 'unknown instruction: COPPY'
    SKIFF_PATH=$(without_docker)
    skiff build --push=false
    expect_status 4 # the build failed
    expect_in "$output$stderr" 'Dockerfile:3:' 'unknown instruction: COPPY'
}

@test "no Dockerfile, no daemon, no Docker at all: what to do about it" {
    DOCKER_HOST=unix:///nowhere/docker.sock skiff build --push=false
    expect_status 4 # the build failed
    expect_in "$output$stderr" /nowhere/docker.sock 'start Docker, or set DOCKER_HOST'
    SKIFF_PATH=$(without_docker)
    DOCKER_HOST=unix:///nowhere/docker.sock skiff build --push=false
    expect_status 4 # the build failed
    expect_in "$output$stderr" 'no Docker here' 'install Docker'
    rm Dockerfile
    skiff build --push=false
    expect_status 4 # the build failed
    expect_in "$output$stderr" 'there is no Dockerfile at' "$WORK/Dockerfile"
}

@test "Ctrl-C ends a build at once, by both ways, and nothing is left" {
    echo 'RUN ["/tool", "sleep"]' >>Dockerfile
    background build --push=false -v debug
    wait_until 30 grep -q sleeping "$BACKGROUND_OUT" || fail "$(cat "$BACKGROUND_OUT")"
    kill -INT "$BACKGROUND_PID"
    background_ends 130
    project 'docker: {network: none}'
    SKIFF_PATH=$(without_docker)
    background build --push=false -v debug
    wait_until 30 grep -q sleeping "$BACKGROUND_OUT" || fail "$(cat "$BACKGROUND_OUT")"
    kill -INT "$BACKGROUND_PID"
    background_ends 130
}

# --- custom ---------------------------------------------------------------------------------------

@test "custom: the command's image, in Docker and in a registry" {
    registry_start
    project "custom: {buildCommand: 'docker build -q -t \$IMAGE \$BUILD_CONTEXT && if [ \$PUSH_IMAGE = true ]; then docker push -q \$IMAGE; fi'}"
    sed -i '/^RUN/d' Dockerfile
    skiff_ok build -q --push=false
    docker run --rm --network none "$(tag_of 0)" has /data.txt content
    skiff_ok build -q -d "$REGISTRY"
    local tag
    tag=$(tag_of 0)
    expect_match "$tag" "^$REGISTRY/t_web:latest@sha256:"
    expect_equal "$(skopeo_plain inspect --format '{{.Digest}}' "docker://$REGISTRY/t_web:latest")" "${tag#*@}"
}

@test "custom: a command that fails, and one that makes nothing" {
    registry_start
    project "custom: {buildCommand: 'echo why it fails; exit 4'}"
    skiff build --push=false
    expect_status 4 # the build failed
    expect_in "$output$stderr" 'why it fails' "the build command of 't/web' failed" 4
    project 'custom: {buildCommand: "true"}'
    docker rmi -f "$(docker images -q t/web)" >/dev/null 2>&1 || true
    skiff build --push=false -t never
    expect_status 4 # the build failed
    expect_in "$output$stderr" "the custom script didn't produce an image with tag [t/web:never]"
    skiff build -d "$REGISTRY" -t never
    expect_status 4 # the build failed
    expect_in "$output$stderr" "didn't push an image with tag [$REGISTRY/t_web:never]"
}

@test "exec and verify run containers: entrypoint, env, given images; a failure ends the others" {
    cat >main.go <<'END'
package main

import (
	"fmt"
	"os"
	"time"
)

func main() {
	fmt.Println("args", os.Args[1:], "who", os.Getenv("WHO"))
	if len(os.Args) > 1 && os.Args[1] == "fail" {
		os.Exit(3)
	}
	if len(os.Args) > 1 && os.Args[1] == "wait" {
		time.Sleep(time.Hour)
	}
}
END
    cat >skaffold.yaml <<'END'
apiVersion: skaffold/v4beta11
kind: Config
build:
  local: {push: false}
  artifacts:
  - image: say
    ko: {}
customActions:
- name: greet
  containers:
  - {name: one, image: say, args: [hello], env: [{name: WHO, value: me}]}
  - {name: two, image: say, command: [/ko-app/work, again]}
- name: break
  containers:
  - {name: slow, image: say, args: [wait]}
  - {name: bad, image: say, args: [fail]}
- name: late
  timeout: 1
  containers: [{name: slower, image: say, args: [wait]}]
- name: forever
  containers: [{name: slowest, image: say, args: [wait]}]
verify:
- name: first
  container: {name: v1, image: say, args: [fail]}
- name: second
  container: {name: v2, image: say}
profiles:
- name: inside
  verify:
  - name: third
    container: {name: v3, image: say}
    executionMode: {kubernetesCluster: {}}
END
    local before; before=$(docker ps -aq | sort)
    skiff_ok build --output type=docker,dest=say.tar --tag v1
    docker load -i say.tar
    skiff_ok exec greet --images say=say:v1 --docker-network none
    expect_in "$output" '[one] args [hello] who me' '[two] args [again] who '
    skiff exec break -i say=say:v1 --docker-network none
    expect_status 1
    expect_in "$stderr" "'break', container 'bad'" 'status 3'
    skiff exec late -i say=say:v1 --docker-network none
    expect_status 1
    expect_in "$stderr" 'longer than 1 s'
    skiff verify -i say=say:v1 --docker-network none
    expect_status 1
    expect_in "$output" '[v1] args [fail]' '[v2] args []'
    expect_in "$stderr" "'first', container 'v1'"
    skiff verify -p inside -i say=say:v1
    expect_status 8 # in the cluster, and there is none
    expect_equal "$output" ''
    skiff exec great
    expect_status 2
    expect_in "$stderr" "no custom action is named 'great'" 'greet, break, late, forever'
    background exec forever -i say=say:v1 --docker-network none
    wait_until 20 grep -q 'args \[wait\]' "$BACKGROUND_OUT"
    kill -INT "$BACKGROUND_PID"
    background_ends 130
    expect_equal "$(docker ps -aq | sort)" "$before"
}
