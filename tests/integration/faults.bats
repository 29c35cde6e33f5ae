#!/usr/bin/env bats
# The twelve faults of a registry, forced by a proxy before Debian's: tried again, or a clear error;
# never a wrong image. A base of 3 MB comes through the proxy, or the image goes through it.

load ../support/common
load ../support/registry

setup() {
    common_setup
    copy_sample
    sed -i '/^ *local:/d; /^ *push: false/d' skaffold.yaml
}

teardown() {
    helpers_stop
    registry_stop
    common_teardown
}

named() { sed -i "s,image: .*,image: $1," skaffold.yaml; }

# pull_through FAULT...: a base from behind the proxy, pushed to another registry.
pull_through() {
    registry_start
    BASE_BYTES=3000000 make_base "$REGISTRY/base:1"
    local origin=$REGISTRY origin_pid=$REGISTRY_PID
    REGISTRY='' REGISTRY_DIR=$BATS_TEST_TMPDIR/target
    registry_start
    HELPER_PIDS+=("$origin_pid")
    proxy_start "$origin" "$@"
    export KO_DEFAULTBASEIMAGE=$PROXY/base:1
    named "$REGISTRY/go-app"
    skiff build -q --push --sbom none
}

# push_through FAULT...: the image goes through the proxy.
push_through() {
    registry_start
    proxy_start "$REGISTRY" "$@"
    named "$PROXY/go-app"
    skiff build -q --push --sbom none
}

done_to() { grep -c " $1\$" "$PROXY_DIR/log" || true; }

# The image is there, and every digest in it is right.
right_image() {
    expect_status 0
    skopeo_plain copy "docker://$REGISTRY/go-app:latest" "dir:$WORK/copy"
}

# nothing_there CODE TEXT...: the command ended so, said that, and no image has the tag.
nothing_there() {
    expect_status "$1"
    shift
    expect_in "$stderr" "$@"
    ! skopeo_plain inspect --raw "docker://$REGISTRY/go-app:latest" 2>/dev/null
}

@test "1 an expired token, in the middle of an upload: one fresh token, nobody notices" {
    registry_start token
    export DOCKER_CONFIG=$HOME/docker
    mkdir "$DOCKER_CONFIG"
    proxy_start "$REGISTRY" expire PUT /blobs/uploads/
    printf '{"auths":{"%s":{"auth":"%s"}}}' "$PROXY" "$(printf 'dev:open sesame' | base64)" >"$DOCKER_CONFIG/config.json"
    named "$PROXY/go-app"
    skiff_ok build -q --push --sbom none
    (($(done_to expire) == 1))
    skopeo_plain copy --src-creds 'dev:open sesame' "docker://$REGISTRY/go-app:latest" "dir:$WORK/copy"
}

@test "2 a 401 to everything: an end after one more try" {
    registry_start token
    export DOCKER_CONFIG=$HOME/docker
    mkdir "$DOCKER_CONFIG"
    proxy_start "$REGISTRY" expire POST /blobs/uploads/ 90
    printf '{"auths":{"%s":{"auth":"%s"}}}' "$PROXY" "$(printf 'dev:open sesame' | base64)" >"$DOCKER_CONFIG/config.json"
    named "$PROXY/go-app"
    skiff build -q --push
    expect_status 5
    expect_in "$stderr" "$PROXY" 401
    (($(done_to expire) <= 8)) # twice in each of four lanes
}

@test "3 a 429 that asks to wait: said, waited for" {
    registry_start
    proxy_start "$REGISTRY" 429 POST /blobs/uploads/ 2
    named "$PROXY/go-app"
    skiff build --push --sbom none
    right_image
    (($(done_to 429) == 2))
    expect_in "$output$stderr" "the registry '$PROXY' asks to wait 1 s"
}

@test "4 a 500, twice in reading and in writing" {
    pull_through 500 GET /manifests/ 2 500 GET /blobs/ 2
    right_image
    (($(done_to 500) == 4))
    registry_stop
    helpers_stop
    unset REGISTRY KO_DEFAULTBASEIMAGE
    export KO_DEFAULTBASEIMAGE=skiff.local/static
    push_through 500 PUT /blobs/uploads/ 2 502 PUT /manifests/ 1
    right_image
    (($(done_to 500) + $(done_to 502) == 3))
}

@test "5 a reset in the middle of an upload: it starts over; every time: an end" {
    push_through reset PUT /blobs/uploads/ 2
    right_image
    (($(done_to reset) == 2))
    helpers_stop
    proxy_start "$REGISTRY" reset PUT /blobs/uploads/ 90
    named "$PROXY/never"
    skiff build -q --push --sbom none
    expect_status 5
    expect_in "$stderr" "$PROXY"
}

@test "5 a body that is too large for a proxy: in chunks" {
    push_through too-large PUT /blobs/uploads/ 90 too-large PATCH /blobs/uploads/ 90
    right_image
    (($(registry_count PATCH /blobs/uploads/) >= 4))
    (($(grep -c 'PUT.*too-large' "$PROXY_DIR/log") >= 2)) # refused whole, closed at the end
}

@test "6 a layer that is cut off: the rest is asked for" {
    pull_through truncate GET /blobs/ 1 1
    right_image
    (($(done_to truncate) == 1))
}

@test "7 wrong bytes: refused, of layers and documents" {
    pull_through garble GET /blobs/ 1 1 # the first is the config
    nothing_there 5 'digest does not match' /base
    helpers_stop
    registry_stop
    unset REGISTRY
    rm -rf "$XDG_CACHE_HOME/skiff/images"
    pull_through garble GET /blobs/
    nothing_there 4 'wrong bytes' /base
}

@test "8 a wrong length: refused" {
    pull_through longer GET /blobs/ 1 1
    nothing_there 5 'more bytes'
    helpers_stop
    registry_stop
    unset REGISTRY
    pull_through shorter GET /blobs/ 90 1
    nothing_there 5 'fewer bytes'
}

@test "9 a slow registry: waited for" {
    pull_through slow GET /blobs/ 2
    right_image
    (($(done_to slow) == 2))
}

@test "10 a redirect from https to http: not followed" {
    registry_start
    BASE_BYTES=3000000 make_base "$REGISTRY/base:1"
    mkdir -p "$BATS_TEST_TMPDIR/proxy"
    make_certificate "$BATS_TEST_TMPDIR/proxy"
    proxy_start "$REGISTRY" to-http GET /blobs/ 90
    export KO_DEFAULTBASEIMAGE=$PROXY/base:1 SSL_CERT_FILE=$PROXY_DIR/cert.pem
    named "$REGISTRY/go-app"
    skiff build -q --push --sbom none
    nothing_there 4 "$PROXY" http
}

# in_room CMD...: with small file systems of one's own over the cache of base images and over TMPDIR.
in_room() {
    mkdir -p "$XDG_CACHE_HOME/skiff/images" "$WORK/tmp" "$WORK/gotmp"
    run --separate-stderr unshare -m sh -c "$1"' && shift && exec env SKIFF_TEST="$0" TMPDIR="$@"' \
        "$BATS_TEST_TMPDIR" _ "$WORK/tmp" GOTMPDIR="$WORK/gotmp" "$SKIFF" "${@:2}"
}

@test "11 a full disk: without a cache where only that is full, else the place is named" {
    registry_start
    BASE_BYTES=3000000 make_base "$REGISTRY/base:1"
    export KO_DEFAULTBASEIMAGE=$REGISTRY/base:1
    local small="mount -t tmpfs -o size=1m none '$XDG_CACHE_HOME/skiff/images'"
    named registry.test/go-app
    in_room "$small" build -q -o type=oci,dest="$WORK/oci"
    expect_status 0
    skopeo --insecure-policy copy -q oci:oci:registry.test/go-app:latest "dir:$WORK/copy"

    in_room "$small && mount -t tmpfs -o size=1m none '$WORK/tmp'" build -q -o type=oci,dest="$WORK/second"
    expect_status 4
    expect_in "$stderr" TMPDIR 'no space left'
    [[ ! -e second/index.json ]]
}

@test "12 a cache that cannot be written: slower, and right" {
    registry_start
    BASE_BYTES=3000000 make_base "$REGISTRY/base:1"
    export KO_DEFAULTBASEIMAGE=$REGISTRY/base:1
    named registry.test/go-app
    in_room "mount -t tmpfs -o ro none '$XDG_CACHE_HOME/skiff/images'" build -q -o type=oci,dest="$WORK/oci"
    expect_status 0
    skopeo --insecure-policy copy -q oci:oci:registry.test/go-app:latest "dir:$WORK/copy"
}
