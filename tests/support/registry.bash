# shellcheck shell=bash
# registry.bash: a real registry of a test's own on a free port of loopback, and images in it.
# load it after common.

# registry_start [tls | token]: sets REGISTRY to its host:port. With tls it speaks TLS with a
# certificate in $REGISTRY_DIR/cert.pem and wants the user 'dev' with the password 'open sesame'; with
# token it sends everybody to a token server (TOKENS: its directory), which knows the same user. It has
# the directory REGISTRY_DIR and the address REGISTRY when these are set.
registry_start() {
    REGISTRY_DIR=${REGISTRY_DIR:-$BATS_TEST_TMPDIR/registry}
    REGISTRY_LOG=$REGISTRY_DIR/log
    mkdir -p "$REGISTRY_DIR/data"
    local tls='' auth=''
    if [[ ${1:-} == token ]]; then
        TOKENS=$BATS_TEST_TMPDIR/tokens
        mkdir -p "$TOKENS"
        make_certificate "$TOKENS" rsa:2048
        python3 "$REPO/tests/support/tokenserver" "$TOKENS" >"$TOKENS/out" 2>&1 </dev/null 3>&- 4>&- &
        HELPER_PIDS+=($!)
        wait_until 20 test -e "$TOKENS/port" || fail "the token server does not start:" "$(cat "$TOKENS/out")" || return
        auth="auth: {token: {realm: 'http://127.0.0.1:$(cat "$TOKENS/port")/token', service: test, issuer: test, rootcertbundle: $TOKENS/cert.pem}}"
    elif [[ ${1:-} == tls ]]; then
        make_certificate "$REGISTRY_DIR"
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

# make_certificate DIR [KIND]: key.pem and cert.pem for 127.0.0.1.
make_certificate() {
    local kind=(ec -pkeyopt ec_paramgen_curve:P-256)
    [[ -z ${2:-} ]] || kind=("$2")
    openssl req -x509 -newkey "${kind[@]}" -nodes -days 2 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1 \
        -keyout "$1/key.pem" -out "$1/cert.pem" 2>/dev/null
}

# proxy_start HOST:PORT [FAULT METHOD PATH [TIMES [SKIP]]]...: tests/support/faultproxy before a registry;
# sets PROXY to its host:port. With TLS when PROXY_DIR has a certificate.
HELPER_PIDS=()
proxy_start() {
    PROXY_DIR=$BATS_TEST_TMPDIR/proxy
    mkdir -p "$PROXY_DIR"
    rm -f "$PROXY_DIR/port" "$PROXY_DIR/log"
    touch "$PROXY_DIR/log"
    python3 "$REPO/tests/support/faultproxy" "$PROXY_DIR" "$@" >"$PROXY_DIR/out" 2>&1 </dev/null 3>&- 4>&- &
    HELPER_PIDS+=($!)
    wait_until 20 test -e "$PROXY_DIR/port" || fail "the proxy does not start:" "$(cat "$PROXY_DIR/out")" || return
    PROXY=127.0.0.1:$(cat "$PROXY_DIR/port")
    export PROXY
}

# Token servers and proxies, and other processes that a test has put there.
helpers_stop() {
    local pid
    for pid in "${HELPER_PIDS[@]}"; do
        kill "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    HELPER_PIDS=()
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

# make_base REFERENCE [OPTION...]: an image with the file /marker and the variable FROM_BASE, in the
# registry; BASE_BYTES makes it larger. Options are those of skopeo copy.
make_base() {
    local dir=$BATS_TEST_TMPDIR/base arch layer config manifest
    arch=$(go env GOARCH)
    rm -rf "$dir" && mkdir -p "$dir/root" "$dir/oci/blobs/sha256"
    echo here >"$dir/root/marker"
    [[ -z ${BASE_BYTES:-} ]] || head -c "$BASE_BYTES" /dev/urandom >"$dir/root/more"
    tar -C "$dir/root" --sort=name --mtime=@0 --owner=0 --group=0 -cf "$dir/layer.tar" .
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
    skopeo_plain copy "${@:2}" "oci:$dir/oci" "docker://$1"
}

# Put a file into the layout of make_base; prints its hash.
oci_blob() {
    local hash
    hash=$(sha256sum "$1")
    hash=${hash%% *}
    cp "$1" "$dir/oci/blobs/sha256/$hash"
    echo "$hash"
}
