# shellcheck shell=bash
# registry.bash: a real registry of a test's own on a free port of loopback, and images in it.
# load it after common.

# registry_start [tls]: sets REGISTRY to its host:port. With tls it speaks TLS with a certificate in
# $REGISTRY_DIR/cert.pem and wants the user 'dev' with the password 'open sesame'.
registry_start() {
    REGISTRY_DIR=$BATS_TEST_TMPDIR/registry
    REGISTRY_LOG=$REGISTRY_DIR/log
    mkdir -p "$REGISTRY_DIR/data"
    local tls='' auth=''
    if [[ ${1:-} == tls ]]; then
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=127.0.0.1 \
            -addext subjectAltName=IP:127.0.0.1 -keyout "$REGISTRY_DIR/key.pem" -out "$REGISTRY_DIR/cert.pem" 2>/dev/null
        htpasswd -nbB dev 'open sesame' >"$REGISTRY_DIR/htpasswd"
        tls="tls: {certificate: $REGISTRY_DIR/cert.pem, key: $REGISTRY_DIR/key.pem}"
        auth="auth: {htpasswd: {realm: test, path: $REGISTRY_DIR/htpasswd}}"
    fi
    cat >"$REGISTRY_DIR/config.yaml" <<END
version: 0.1
log: {level: info}
storage: {filesystem: {rootdirectory: $REGISTRY_DIR/data}}
http:
  addr: ${REGISTRY:-127.0.0.1:0}
  $tls
$auth
END
    docker-registry serve "$REGISTRY_DIR/config.yaml" >"$REGISTRY_LOG" 2>&1 </dev/null 3>&- 4>&- &
    REGISTRY_PID=$!
    wait_until 20 registry_listens || fail "the registry does not start:" "$(cat "$REGISTRY_LOG")"
}

registry_listens() {
    REGISTRY=$(sed -nE 's/.*listening on ([0-9.]+:[0-9]+).*/\1/p' "$REGISTRY_LOG")
    [[ -n $REGISTRY ]]
}

registry_stop() {
    [[ -n ${REGISTRY_PID:-} ]] || return 0
    kill "$REGISTRY_PID" 2>/dev/null || true
    wait "$REGISTRY_PID" 2>/dev/null || true
    REGISTRY_PID=
}

# How many requests of METHOD with PATTERN in their path there were: registry_count POST /blobs/uploads/
registry_count() { grep -cE "\"$1 [^ ]*$2" "$REGISTRY_LOG" || true; }

# skopeo, for a registry with plain http
skopeo_plain() {
    local verb=$1
    shift
    case $verb in
    copy) skopeo --insecure-policy copy -q --src-tls-verify=false --dest-tls-verify=false "$@" ;;
    *) skopeo --insecure-policy "$verb" --tls-verify=false "$@" ;;
    esac
}

# make_base REFERENCE: an image with the file /marker and the variable FROM_BASE, in the registry.
make_base() {
    local dir=$BATS_TEST_TMPDIR/base arch layer config manifest
    arch=$(go env GOARCH)
    rm -rf "$dir" && mkdir -p "$dir/root" "$dir/oci/blobs/sha256"
    echo here >"$dir/root/marker"
    tar -C "$dir/root" --sort=name --mtime=@0 --owner=0 --group=0 -cf "$dir/layer.tar" marker
    layer=$(oci_blob "$dir/layer.tar")
    printf '{"architecture":"%s","os":"linux","config":{"Env":["PATH=/bin","FROM_BASE=yes"],"User":"1234"},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' \
        "$arch" "$layer" >"$dir/config"
    config=$(oci_blob "$dir/config")
    printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:%s","size":%d},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"sha256:%s","size":%d}]}' \
        "$config" "$(stat -c %s "$dir/config")" "$layer" "$(stat -c %s "$dir/layer.tar")" >"$dir/manifest"
    manifest=$(oci_blob "$dir/manifest")
    printf '{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:%s","size":%d}]}' \
        "$manifest" "$(stat -c %s "$dir/manifest")" >"$dir/oci/index.json"
    echo '{"imageLayoutVersion":"1.0.0"}' >"$dir/oci/oci-layout"
    skopeo_plain copy "oci:$dir/oci" "docker://$1"
}

# Put a file into the layout of make_base; prints its hash.
oci_blob() {
    local hash
    hash=$(sha256sum "$1")
    hash=${hash%% *}
    cp "$1" "$dir/oci/blobs/sha256/$hash"
    echo "$hash"
}
