#!/usr/bin/env bats
# The registry client with Debian's registry: every way to log in, mirrors, mounts, proxies, the cache
# of base images, zstd, bills of materials. Uploads that are lost are in faults.bats.

load ../support/common
load ../support/registry

setup() {
    common_setup
    copy_sample
}

teardown() {
    helpers_stop
    registry_stop
    common_teardown
}

built_tag() { jq -r '.builds[0].tag' <<<"$output"; }
digest_of() { grep -oE 'sha256:[0-9a-f]{64}$' <<<"$1"; }

# named NAME: the sample's image is called so.
named() { sed -i "s,image: .*,image: $1," skaffold.yaml; }

# config_json TEXT: docker's config.json.
config_json() {
    export DOCKER_CONFIG=$HOME/docker
    mkdir -p "$DOCKER_CONFIG"
    printf '%s' "$1" >"$DOCKER_CONFIG/config.json"
}

base64_of() { printf '%s' "$1" | base64 -w0; }
LOGIN='dev:open sesame'

# --- logging in ---

@test "a token server: tokens for what is done, with a password, a refresh token, a ready token" {
    registry_start token
    named "$REGISTRY/team/app"
    skiff build -q --push # nobody in particular may not push
    expect_status 5
    expect_in "$stderr" "$REGISTRY"
    expect_not_in "$stderr" eyJ # no part of a token

    config_json "{\"auths\":{\"$REGISTRY\":{\"auth\":\"$(base64_of "$LOGIN")\"}}}"
    skiff_ok build -q --push -v debug
    expect_not_in "$stderr" eyJ
    expect_not_in "$stderr" sesame
    expect_in "$(cat "$TOKENS/log")" 'scope=repository%3Ateam%2Fapp%3Apull%2Cpush' 'with login'

    config_json "{\"auths\":{\"$REGISTRY\":{\"auth\":\"$(base64_of '<token>:')\",\"identitytoken\":\"a refresh token\"}}}"
    named "$REGISTRY/team/second"
    skiff_ok build -q --push
    expect_in "$(cat "$TOKENS/log")" 'POST /token'

    config_json "{\"auths\":{\"$REGISTRY\":{\"auth\":\"$(base64_of 'dev:a wrong one')\"}}}"
    skiff build -q --push
    expect_status 5
    expect_in "$stderr" "docker login $REGISTRY"
    expect_not_in "$stderr" 'a wrong one'
}

@test "a token server: a base that anybody may read is mounted by who may push" {
    registry_start token
    named "$REGISTRY/team/app"
    config_json "{\"auths\":{\"$REGISTRY\":{\"auth\":\"$(base64_of "$LOGIN")\"}}}"
    make_base "$REGISTRY/public/base:1" --dest-creds "$LOGIN"
    export KO_DEFAULTBASEIMAGE=$REGISTRY/public/base:1
    skiff_ok build -q --push
    (($(registry_count POST 'mount=sha256') == 1))
    (($(registry_count GET '/public/base/blobs/sha256') == 1)) # the config
}

@test "a credential helper: asked once, its silence is anonymous, its failure is told" {
    registry_start tls
    named "$REGISTRY/go-app"
    export SSL_CERT_FILE=$REGISTRY_DIR/cert.pem PATH=$WORK/bin:$PATH
    config_json "{\"credHelpers\":{\"$REGISTRY\":\"test\"}}"
    skiff build -q --push
    expect_status 5
    expect_in "$stderr" docker-credential-test config.json

    mkdir bin
    cat >bin/docker-credential-test <<END
#!/bin/sh
cat >>"$WORK/asked"; echo >>"$WORK/asked"
echo '{"ServerURL":"$REGISTRY","Username":"dev","Secret":"open sesame"}'
END
    chmod +x bin/docker-credential-test
    skiff_ok build -q --push
    expect_equal "$(cat asked)" "$REGISTRY"

    printf '#!/bin/sh\necho the keychain is locked\nexit 1\n' >bin/docker-credential-test
    named "$REGISTRY/other"
    skiff build -q --push
    expect_status 5
    expect_in "$stderr" docker-credential-test 'the keychain is locked'
}

@test "auths for a path: the longest one counts" {
    registry_start tls
    export SSL_CERT_FILE=$REGISTRY_DIR/cert.pem
    local wrong right
    wrong=$(base64_of dev:no) right=$(base64_of "$LOGIN")
    config_json "{\"auths\":{\"$REGISTRY\":{\"auth\":\"$wrong\"},\"$REGISTRY/team\":{\"auth\":\"$right\"},\"$REGISTRY/team/closed\":{\"auth\":\"$wrong\"}}}"
    named "$REGISTRY/team/app"
    skiff_ok build -q --push
    named "$REGISTRY/team/closed/app"
    skiff build -q --push
    expect_status 5
    named "$REGISTRY/app"
    skiff build -q --push
    expect_status 5
}

@test "TLS: a certificate that nobody knows is told; insecure by name; CAs from a directory and of Docker" {
    registry_start tls
    config_json "{\"auths\":{\"$REGISTRY\":{\"auth\":\"$(base64_of "$LOGIN")\"}}}"
    named "$REGISTRY/go-app"
    skiff build -q --push # its certificate is known to nobody
    expect_status 5
    expect_in "$stderr" "$REGISTRY" certificate
    skiff_ok build -q --push --insecure-registry "$REGISTRY"
    mkdir -p certs && cp "$REGISTRY_DIR/cert.pem" "certs/$(openssl x509 -noout -subject_hash -in "$REGISTRY_DIR/cert.pem").0"
    named "$REGISTRY/by-directory"
    SSL_CERT_DIR=$WORK/certs skiff_ok build -q --push
    # Docker's own folder of CAs, in a view of the file system of our own
    named "$REGISTRY/by-certs-d"
    run --separate-stderr unshare -m sh -c 'mount -t tmpfs none /etc/docker && mkdir -p "/etc/docker/certs.d/$1" &&
        cp "$2" "/etc/docker/certs.d/$1/ca.crt" && exec env SKIFF_TEST="$3" "$4" build -q --push' \
        _ "$REGISTRY" "$REGISTRY_DIR/cert.pem" "$BATS_TEST_TMPDIR" "$SKIFF"
    expect_status 0
}

# --- from where, and through what ---

@test "proxies: HTTP_PROXY and HTTPS_PROXY reach a name that nobody else knows" {
    registry_start
    proxy_start "$REGISTRY"
    named registry.test:5000/go-app
    export HTTP_PROXY=http://$PROXY NO_PROXY=example.com
    skiff_ok build -q --push --insecure-registry registry.test:5000
    skopeo_plain inspect --raw "docker://$REGISTRY/go-app@$(digest_of "$(built_tag)")"
    expect_in "$(cat "$PROXY_DIR/log")" 'PUT /v2/go-app/manifests/'
    registry_stop && unset HTTP_PROXY REGISTRY

    registry_start tls
    proxy_start "$REGISTRY"
    named 127.0.0.2.nip.test/go-app
    config_json "{\"auths\":{\"127.0.0.2.nip.test\":{\"auth\":\"$(base64_of "$LOGIN")\"}}}"
    export HTTPS_PROXY=http://$PROXY
    skiff_ok build -q --push --insecure-registry 127.0.0.2.nip.test
    expect_in "$(cat "$PROXY_DIR/log")" 'CONNECT 127.0.0.2.nip.test:443 tunnel'
    NO_PROXY=.nip.test skiff build -q --push --insecure-registry 127.0.0.2.nip.test -t other
    expect_status 5 # and the name is not known
}

@test "mirrors: Docker's for the Hub; what it lacks, the registry itself has to have" {
    registry_start
    make_base "$REGISTRY/library/alpine:3"
    export KO_DEFAULTBASEIMAGE=alpine:3 HTTPS_PROXY=http://127.0.0.1:1 # nobody goes out from here
    mkdir -p "$XDG_CONFIG_HOME/docker"
    echo "{\"registry-mirrors\": [\"http://$REGISTRY\"]}" >"$XDG_CONFIG_HOME/docker/daemon.json"
    named "$REGISTRY/go-app"
    skiff_ok build -q --push
    local manifest
    manifest=$(skopeo_plain inspect --raw "docker://$REGISTRY/go-app@$(digest_of "$(built_tag)")")
    expect_equal "$(jq -r '.annotations["org.opencontainers.image.base.name"]' <<<"$manifest")" index.docker.io/library/alpine:3
    KO_DEFAULTBASEIMAGE=alpine:4 skiff build -q --push
    expect_status 4
    expect_in "$stderr" alpine:4
}

@test "a base is read once: mounted, kept, and there without its registry" {
    registry_start
    make_base "$REGISTRY/base:1"
    export KO_DEFAULTBASEIMAGE=$REGISTRY/base:1
    local first=$REGISTRY first_log=$REGISTRY_LOG first_pid=$REGISTRY_PID layer
    layer=$(skopeo_plain inspect "docker://$REGISTRY/base:1" | jq -r '.Layers[0]')
    named "$REGISTRY/one"
    skiff_ok build -q --push # the same registry: mounted
    (($(registry_count GET "/base/blobs/$layer") == 0))

    REGISTRY='' REGISTRY_DIR=$BATS_TEST_TMPDIR/second
    registry_start
    named "$REGISTRY/one"
    skiff_ok build -q --push # another registry: read, and kept
    expect_equal "$(grep -c "GET /v2/base/blobs/$layer" "$first_log")" 1
    named "$REGISTRY/two"
    skiff_ok build -q --push # mounted from what was pushed before
    (($(registry_count POST "mount=$layer&from=one") == 1))

    kill "$first_pid" && wait "$first_pid" || true # the base's registry is gone
    rm -rf "$REGISTRY_DIR/data/docker/registry/v2/blobs" "$REGISTRY_DIR/data/docker/registry/v2/repositories"
    registry_stop && registry_start # and the target is empty
    skiff_ok build --push
    expect_in "$output$stderr" "$first/base:1" 'cannot be reached' 'sha256:'
    skopeo_plain copy "docker://$REGISTRY/two:latest" "dir:$WORK/copy"
}

@test "the cache of base layers has a size; what is no size is refused" {
    registry_start
    make_base "$REGISTRY/base:1"
    export KO_DEFAULTBASEIMAGE=$REGISTRY/base:1
    SKIFF_BASE_CACHE=lots skiff build -q
    expect_status 2
    expect_in "$stderr" SKIFF_BASE_CACHE lots
    SKIFF_BASE_CACHE=10 skiff_ok build -q --output "type=oci,dest=$WORK/oci"
    [[ ! -e $XDG_CACHE_HOME/skiff/images/layers ]]
    skiff_ok build -q --output "type=oci,dest=$WORK/oci2"
    expect_equal "$(find "$XDG_CACHE_HOME/skiff/images/layers" -type f -size +10c | wc -l)" 1
}

@test "a large layer on a terminal: one line that moves; in a pipe: nothing" {
    registry_start
    BASE_BYTES=12000000 make_base "$REGISTRY/base:1"
    proxy_start "$REGISTRY" slow GET /blobs/ 9 1
    export KO_DEFAULTBASEIMAGE=$PROXY/base:1 SKIFF_BASE_CACHE=0
    named "$REGISTRY/go-app"
    run script -qec "env SKIFF_TEST='$BATS_TEST_TMPDIR' '$SKIFF' build --push --sbom none" /dev/null
    expect_status 0
    expect_match "$output" 'pulling sha256:[0-9a-f]{12}: [0-9.]+ of 12\.[0-9] MB'
    named "$REGISTRY/second"
    rm -rf "$XDG_CACHE_HOME/skiff/homes" # else it is mounted
    skiff_ok build --push --sbom none
    expect_not_in "$output$stderr" pulling
}

# --- what is pushed ---

@test "--compression: zstd, gzip and none are one image to who unpacks it" {
    registry_start
    named "$REGISTRY/go-app"
    skiff build -q --compression lzma
    expect_status 2
    local how type config id diffs=''
    for how in zstd gzip none; do
        skiff_ok build -q --push --compression "$how" -t "$how"
        type=$(skopeo_plain inspect --raw "docker://$REGISTRY/go-app:$how" | jq -r '.layers[-1].mediaType')
        expect_match "$how $type" '^(zstd .*tar\+zstd|gzip .*tar\+gzip|none .*v1\.tar)$'
        # skopeo unpacks every layer and names it by its digest
        skopeo_plain copy --dest-decompress "docker://$REGISTRY/go-app:$how" "dir:$WORK/$how"
        config=$(skopeo_plain inspect --config "docker://$REGISTRY/go-app:$how")
        for id in $(jq -r '.rootfs.diff_ids[]' <<<"$config"); do
            [[ -e $how/${id#sha256:} ]] || fail "$how: no layer unpacks to $id"
        done
        diffs+="$(jq -c .rootfs.diff_ids <<<"$config") "
    done
    # shellcheck disable=SC2086 # three words
    expect_equal "$(printf '%s\n' $diffs | sort -u | wc -l)" 1
}

@test "an OCI layout of two platforms and two images, and an archive, as skopeo reads them" {
    cat >skaffold.yaml <<'END'
apiVersion: skaffold/v4beta11
kind: Config
build:
  artifacts:
    - image: example.com/one
      ko: {}
    - image: example.com/two
      ko: {labels: {which: two}}
END
    skiff_ok build -q -t v1 --platform linux/amd64,linux/arm64 -o type=oci,dest=layout
    expect_equal "$(jq '.manifests | length' layout/index.json)" 2
    local arch
    for arch in amd64 arm64; do
        skopeo --insecure-policy copy -q --override-arch "$arch" oci:layout:example.com/one:v1 "dir:$WORK/$arch"
        expect_equal "$(skopeo --insecure-policy inspect --config --override-arch "$arch" oci:layout:example.com/one:v1 | jq -r .architecture)" "$arch"
    done
    expect_equal "$(skopeo --insecure-policy inspect --config oci:layout:example.com/two:v1 | jq -r .config.Labels.which)" two
    skiff_ok build -q -t v1 --platform linux/amd64,linux/arm64 -o type=oci,dest=layout # again: replaced, not added
    expect_equal "$(jq '.manifests | length' layout/index.json)" 2

    skiff build -q -t v1 -o type=docker,dest=x.tar
    expect_status 2
    expect_in "$stderr" --build-image
    skiff_ok build -q -t v1 -b two -o type=docker,dest=x.tar
    skopeo --insecure-policy copy -q docker-archive:x.tar "dir:$WORK/archive"
    skopeo --insecure-policy copy -q oci-archive:x.tar "dir:$WORK/archive-oci" # the same file is both
    skiff build -q -t v1 -b two --platform linux/amd64,linux/arm64 -o type=docker,dest=y.tar
    expect_status 5
    expect_in "$stderr" 'one platform'
    [[ ! -e y.tar ]]
}

@test "a bill of materials is ko's, for an image, its platforms and their index" {
    registry_start
    printf 'module example.com/hello\n\ngo 1.19\n' >go.mod
    export KO_DOCKER_REPO=$REGISTRY/ko
    named "$REGISTRY/skiff"
    skiff_ok build -q --push -t base --platform linux/amd64,linux/arm64 --sbom none
    expect_equal "$(curl -s "http://$REGISTRY/v2/skiff/tags/list" | jq -c .tags)" '["base"]'
    export KO_DEFAULTBASEIMAGE=$REGISTRY/skiff:base
    skiff_ok build -q --push -t v1 --platform linux/amd64,linux/arm64
    [[ -n $(type -P ko) ]] || fail "ko is not in PATH"
    ko build --bare -t v1 --platform linux/amd64,linux/arm64 . 2>/dev/null
    local of
    mapfile -t of < <(paste -d ' ' <(digests_of ko) <(digests_of skiff))
    expect_equal "${#of[@]}" 3
    local line
    for line in "${of[@]}"; do
        diff <(bill ko "${line% *}") <(bill skiff "${line#* }")
    done
    local count
    count=$(registry_count PUT /manifests/)
    skiff_ok build -q --push -t v1 --platform linux/amd64,linux/arm64
    (($(registry_count PUT /manifests/) == count)) # all of it is there
    skiff build --sbom cyclonedx
    expect_status 2
    expect_in "$stderr" spdx
}

# The index under v1 of a repository, and its images.
digests_of() {
    local url=http://$REGISTRY/v2/$1/manifests/v1
    local accept='Accept: application/vnd.oci.image.index.v1+json'
    curl -sI -H "$accept" "$url" | tr -d '\r' | sed -n 's/^Docker-Content-Digest: //p'
    curl -s -H "$accept" "$url" | jq -r '.manifests[].digest'
}

# bill REPOSITORY DIGEST: the document, without what must differ: digests of images that are compressed
# otherwise, and the tool's name.
bill() {
    local layer hash edit='s/"Tool: .*"/"Tool"/' i=0
    layer=$(curl -s -H 'Accept: application/vnd.oci.image.manifest.v1+json' \
        "http://$REGISTRY/v2/$1/manifests/sha256-${2#sha256:}.sbom" | jq -r '.layers[0] | select(.mediaType == "text/spdx+json") | .digest')
    for hash in $(digests_of "$1"); do
        edit+=";s/${hash#sha256:}/IMAGE$((i++))/g"
    done
    curl -s "http://$REGISTRY/v2/$1/blobs/$layer" | sed "$edit"
}
