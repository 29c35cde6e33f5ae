#!/usr/bin/env bats
# skiff build: real Go, a real registry, and images that others can read. No cluster, no Docker, no ko.

load ../support/common
load ../support/registry

setup() {
    common_setup
    copy_sample
}

teardown() {
    registry_stop
    common_teardown
}

# The sample, named after the registry.
sample_for_registry() { sed -i "s,gcr.io/my-project,$REGISTRY," skaffold.yaml k8s/deployment.yaml; }

# built_tag: the reference that build -q printed
built_tag() { jq -r '.builds[0].tag' <<<"$output"; }
digest_of() { grep -oE 'sha256:[0-9a-f]{64}$' <<<"$1"; }

@test "the sample builds with push: false and no cluster" {
    skiff_ok build
    expect_in "$output$stderr" 'Build [gcr.io/my-project/go-app] succeeded'
    expect_in "$output$stderr" 'skaffold.dev/' # the odd apiVersion: one calm note
}

@test "build -q prints JSON and nothing else" {
    skiff_ok build -q
    jq -e '.builds | length == 1' <<<"$output"
    expect_equal "$(jq -r '.builds[0].imageName' <<<"$output")" gcr.io/my-project/go-app
    expect_match "$(built_tag)" '^gcr.io/my-project/go-app:[^@]+@sha256:[0-9a-f]{64}$'
}

@test "-o '{{json .}}' is the same text, and --file-output writes it too" {
    skiff_ok build -q --file-output built.json
    local quiet=$output
    expect_equal "$(cat built.json)" "$quiet"
    skiff_ok build -o '{{ json . }}'
    expect_equal "$output" "$quiet"
    skiff build -o '{{ .Tag }}'
    expect_status 2
}

@test "--dry-run names the tag, builds nothing and asks nobody" {
    SKIFF_PATH=$(only_programs true)
    skiff_ok build -q --dry-run
    expect_match "$(built_tag)" '^gcr.io/my-project/go-app:[^@]+$'
}

@test "-t sets the tag" {
    skiff_ok build -q -t v7
    expect_match "$(built_tag)" '^gcr.io/my-project/go-app:v7@sha256:'
}

@test "pushed to a registry: skopeo reads the image, and it is what ko would make" {
    registry_start
    sample_for_registry
    skiff_ok build -q --push
    local tag config
    tag=$(built_tag)
    expect_match "$tag" "^$REGISTRY/go-app:[^@]+@sha256:"
    skopeo_plain copy "docker://$REGISTRY/go-app@$(digest_of "$tag")" "dir:$WORK/copy" # every blob is read and verified
    config=$(skopeo_plain inspect --config "docker://$REGISTRY/go-app@$(digest_of "$tag")")
    expect_match "$(jq -r '.config.Entrypoint[0]' <<<"$config")" '^/ko-app/[^/]+$'
    expect_equal "$(jq -r .config.User <<<"$config")" 65532
    expect_equal "$(jq -r .os <<<"$config")" linux
    expect_equal "$(jq -r .architecture <<<"$config")" "$(go env GOARCH)"
    expect_equal "$(jq '.rootfs.diff_ids | length' <<<"$config")" "$(jq '.layers | length' "$WORK/copy/manifest.json")"
    jq -e '.config.Env | any(startswith("KO_DATA_PATH="))' <<<"$config"
    jq -e '.config.Env | any(startswith("PATH=") and contains("/ko-app"))' <<<"$config"
}

@test "the program in the image runs" {
    registry_start
    sample_for_registry
    skiff_ok build -q --push
    local layer program
    skopeo_plain copy "docker://$REGISTRY/go-app@$(digest_of "$(built_tag)")" "oci:$WORK/oci:x"
    program=$(jq -r '.config.Entrypoint[0]' <<<"$(skopeo --insecure-policy inspect --config "oci:$WORK/oci:x")")
    mkdir root
    for layer in $(skopeo --insecure-policy inspect "oci:$WORK/oci:x" | jq -r '.Layers[]'); do
        tar -xf "oci/blobs/sha256/${layer#sha256:}" -C root
    done
    [[ -x root$program ]]
    grep -q '^nonroot:x:65532:' root/etc/passwd
    [[ -s root/etc/ssl/certs/ca-certificates.crt ]]
    expect_match "$(stat -c %a root/tmp)" '^1777$'
    expect_match "$(file -b "root$program")" 'statically linked'
}

@test "built again unchanged: the same digest, and no blob travels" {
    registry_start
    sample_for_registry
    skiff_ok build -q --push
    local first uploads
    first=$(built_tag)
    uploads=$(registry_count 'POST' /blobs/uploads/)
    ((uploads > 0))
    skiff_ok build -q --push
    expect_equal "$(built_tag)" "$first"
    expect_equal "$(registry_count POST /blobs/uploads/)" "$uploads"
}

@test "the same image from another directory, another cache and another day" {
    skiff_ok build -q
    local first
    first=$(built_tag)
    # Without a go.mod the program is named after its directory.
    mkdir ../elsewhere && cp -R . "../elsewhere/${PWD##*/}" && cd "../elsewhere/${PWD##*/}"
    rm -rf "$XDG_CACHE_HOME"
    find . -type f -exec touch -d 2001-02-03 {} +
    skiff_ok build -q
    expect_equal "$(built_tag)" "$first"
}

@test "a change of the code changes the digest, and back again" {
    skiff_ok build -q
    local first
    first=$(built_tag)
    sample_says 'Something else'
    skiff_ok build -q
    [[ $(built_tag) != "$first" ]]
    sample_says 'Hello from Go!'
    skiff_ok build -q
    expect_equal "$(built_tag)" "$first"
}

@test "--default-repo: the image goes there under a new name" {
    registry_start
    skiff_ok build -q --push --default-repo "$REGISTRY/mine"
    expect_match "$(built_tag)" "^$REGISTRY/mine/gcr_io_my-project_go-app:"
    skopeo_plain inspect --raw "docker://$REGISTRY/mine/gcr_io_my-project_go-app@$(digest_of "$(built_tag)")"
}

@test "a proxy is not asked for what is on loopback" {
    registry_start
    sample_for_registry
    make_base "$REGISTRY/base:1"
    export HTTP_PROXY=http://127.0.0.1:1 HTTPS_PROXY=http://127.0.0.1:1
    export http_proxy=$HTTP_PROXY https_proxy=$HTTPS_PROXY KO_DEFAULTBASEIMAGE=$REGISTRY/base:1
    skiff_ok build -q --push
}

@test "push: true in the file pushes" {
    registry_start
    sample_for_registry
    sed -i 's/push: false/push: true/' skaffold.yaml
    skiff_ok build -q
    skopeo_plain inspect --raw "docker://$REGISTRY/go-app@$(digest_of "$(built_tag)")"
}

@test "on scratch: one layer beside nothing, no user" {
    registry_start
    sample_for_registry
    sed -i 's/ko: {}/ko: {fromImage: scratch}/' skaffold.yaml
    skiff_ok build -q --push
    local config
    config=$(skopeo_plain inspect --config "docker://$REGISTRY/go-app@$(digest_of "$(built_tag)")")
    expect_equal "$(jq -r '.config.User // ""' <<<"$config")" ''
    expect_match "$(jq -r '.config.Entrypoint[0]' <<<"$config")" '^/ko-app/'
}

@test "on a base from a registry: its layers, variables and user stay" {
    registry_start
    sample_for_registry
    make_base "$REGISTRY/base:1"
    local base config
    base=$(skopeo_plain inspect "docker://$REGISTRY/base:1" | jq -r '.Layers[0]')
    export KO_DEFAULTBASEIMAGE=$REGISTRY/base:1
    skiff_ok build -q --push
    config=$(skopeo_plain inspect --config "docker://$REGISTRY/go-app@$(digest_of "$(built_tag)")")
    jq -e '.config.Env | index("FROM_BASE=yes")' <<<"$config"
    expect_equal "$(jq -r .config.User <<<"$config")" 1234
    expect_equal "$(skopeo_plain inspect "docker://$REGISTRY/go-app@$(digest_of "$(built_tag)")" | jq -r '.Layers[0]')" "$base"
}

@test "fromImage beats the environment" {
    registry_start
    make_base "$REGISTRY/base:1"
    export KO_DEFAULTBASEIMAGE=127.0.0.1:1/nobody/there
    sed -i "s,ko: {},ko: {fromImage: \"$REGISTRY/base:1\"}," skaffold.yaml
    skiff_ok build -q
}

@test "a base that cannot be reached: the error names the setting that helps, no silent fallback" {
    unset KO_DEFAULTBASEIMAGE
    export HTTPS_PROXY=http://127.0.0.1:1 https_proxy=http://127.0.0.1:1 # so that it fails on every machine, at once
    skiff build
    expect_status 4
    expect_in "$stderr" cgr.dev KO_DEFAULTBASEIMAGE skiff.local/static
}

@test "a base that is not in its registry" {
    registry_start
    export KO_DEFAULTBASEIMAGE=$REGISTRY/missing:1
    skiff build
    expect_status 4
    expect_in "$stderr" "$REGISTRY/missing:1"
}

@test "TLS and a password: refused without, pushed with docker's config.json" {
    registry_start tls
    sample_for_registry
    export SSL_CERT_FILE=$REGISTRY_DIR/cert.pem
    skiff build -q --push
    expect_status 5
    expect_in "$stderr" "$REGISTRY"
    export DOCKER_CONFIG=$HOME/docker
    mkdir "$DOCKER_CONFIG"
    printf '{"auths":{"%s":{"auth":"%s"}}}' "$REGISTRY" "$(printf 'dev:open sesame' | base64)" >"$DOCKER_CONFIG/config.json"
    skiff_ok build -q --push
    skopeo --insecure-policy inspect --raw --cert-dir "$REGISTRY_DIR" --tls-verify=false --creds 'dev:open sesame' \
        "docker://$REGISTRY/go-app@$(digest_of "$(built_tag)")"
}

@test "a wrong password: an error that does not show it" {
    registry_start tls
    sample_for_registry
    export SSL_CERT_FILE=$REGISTRY_DIR/cert.pem DOCKER_CONFIG=$HOME/docker
    mkdir "$DOCKER_CONFIG"
    printf '{"auths":{"%s":{"username":"dev","password":"a wrong one"}}}' "$REGISTRY" >"$DOCKER_CONFIG/config.json"
    skiff build --push -v debug
    expect_status 5
    expect_not_in "$output$stderr" 'a wrong one'
    expect_not_in "$output$stderr" "$(printf 'dev:a wrong one' | base64)"
}

@test "without Docker, ko, git and a shell: PATH has nothing but go" {
    SKIFF_PATH=$(only_programs go)
    skiff_ok build -q
    expect_match "$(built_tag)" '@sha256:'
}

@test "without a network, Docker and ko: nothing is missing, also for a module with vendored parts" {
    printf 'module example.com/app\n\ngo 1.19\n\nrequire example.com/lib v1.0.0\n' >go.mod
    mkdir -p vendor/example.com/lib
    printf 'package lib\n\nconst Text = "x"\n' >vendor/example.com/lib/lib.go
    printf '# example.com/lib v1.0.0\n## explicit\nexample.com/lib\n' >vendor/modules.txt
    printf 'package main\n\nimport "example.com/lib"\n\nfunc init() { println(lib.Text) }\n' >lib.go
    run --separate-stderr unshare -n env SKIFF_TEST="$BATS_TEST_TMPDIR" PATH="$(only_programs go)" "$SKIFF" build -q
    expect_status 0
    expect_match "$(built_tag)" '@sha256:'
}

@test "a package with a go.mod, an embedded file and kodata" {
    mkdir -p kodata
    printf 'module example.com/hello\n\ngo 1.19\n' >go.mod
    sed -i -e 's,^import (,import (\n\t_ "embed",' -e 's,^func main,//go:embed text\nvar text string\n\nfunc main,' main.go
    echo 'embedded' >text
    echo 'static' >kodata/page
    registry_start
    sample_for_registry
    skiff_ok build -q --push
    local config
    config=$(skopeo_plain inspect --config "docker://$REGISTRY/go-app@$(digest_of "$(built_tag)")")
    expect_equal "$(jq -r '.config.Entrypoint[0]' <<<"$config")" /ko-app/hello
    skopeo_plain copy "docker://$REGISTRY/go-app@$(digest_of "$(built_tag)")" "oci:$WORK/oci:x"
    local layer found=
    for layer in $(skopeo --insecure-policy inspect "oci:$WORK/oci:x" | jq -r '.Layers[]'); do
        found+=$(tar -xOf "oci/blobs/sha256/${layer#sha256:}" --wildcards '*/ko/page' 2>/dev/null || true)
    done
    expect_equal "$found" static
}

@test "interrupted: 130, no Go process stays" {
    export GOCACHE=$BATS_TEST_TMPDIR/go-build # empty: the build takes long
    background build
    wait_until 20 go_runs || fail 'go was never started'
    kill -INT "$BACKGROUND_PID"
    background_ends 130
}

go_runs() {
    local pid
    for pid in $(marked_pids); do
        [[ $(readlink "/proc/$pid/exe") == "$(readlink -f "$(go env GOROOT)")"/* ]] && return
    done
    return 1
}

@test "-o type=oci writes an OCI layout that skopeo reads; nothing is pushed" {
    sed -i 's/push: false/push: true/' skaffold.yaml
    skiff_ok build -o type=oci,dest=layout
    run --separate-stderr skopeo inspect --config oci:layout:gcr.io/my-project/go-app:latest
    expect_status 0
    expect_equal "$(jq -r '.config.Entrypoint[0]' <<<"$output")" /ko-app/work
}

@test "-o type=docker writes an archive that skopeo reads" {
    skiff_ok build -t v1 -o type=docker,dest=image.tar
    run --separate-stderr skopeo inspect --config docker-archive:image.tar
    expect_status 0
    expect_equal "$(jq -r '.config.User' <<<"$output")" 65532
}

@test "an --output of another kind is refused, with those there are" {
    skiff build -o type=tar,dest=x
    expect_status 2
    expect_in "$stderr" 'type=oci,dest=DIR'
}
