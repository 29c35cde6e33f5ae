# shellcheck shell=bash
# ko.bash: the real ko beside skiff, on one registry and one base image. load it after registry.

# base_index REFERENCE: an index for linux/amd64, arm64, arm/v6 and arm/v7, with what a base image
# may hold: variables, labels, a command, history with and without dates, annotations, and the
# attestation that BuildKit puts beside each image.
base_index() {
    local dir=$BATS_TEST_TMPDIR/base-index platform config layer diff list=() notes
    rm -rf "$dir" && mkdir -p "$dir/root/etc" "$dir/oci/blobs/sha256"
    echo 'nonroot:x:65532:' >"$dir/root/etc/passwd"
    tar -C "$dir/root" --sort=name --mtime=@0 --owner=0 --group=0 -cf "$dir/layer.tar" etc
    diff=$(sha256sum <"$dir/layer.tar")
    gzip -n <"$dir/layer.tar" >"$dir/layer.tar.gz"
    layer=$(oci_descriptor application/vnd.oci.image.layer.v1.tar+gzip "$dir/layer.tar.gz")
    notes='{"org.opencontainers.image.authors":"somebody <a@b.example> & others","com.example.é":"ü"}'
    for platform in linux/amd64 linux/arm64 linux/arm/v6 linux/arm/v7; do
        jq -cn --arg p "$platform" --arg diff "sha256:${diff%% *}" '($p | split("/")) as [$os, $arch, $variant] |
            {architecture: $arch, created: "2021-03-04T05:06:07.89Z", os: $os,
             history: [{created: "2021-03-04T05:06:07.89Z", created_by: "ADD <etc> & more"},
                       {created: "2021-03-04T05:06:07.89Z", created_by: "ENV X", comment: "nothing", empty_layer: true},
                       {created_by: "LABEL", empty_layer: true}],
             rootfs: {type: "layers", diff_ids: [$diff]},
             config: {Env: ["LANG=C", "PATH=/usr/bin:/bin", "SSL_CERT_FILE=/etc/ssl/x"], User: "65532", WorkingDir: "/home",
                      Cmd: ["/bin/sh"], Labels: {base: "yes", "a.b/c": "<d>"}, ExposedPorts: {"80/tcp": {}},
                      Volumes: {"/data": {}}, StopSignal: "SIGQUIT"}} + if $variant then {$variant} else {} end' | tr -d '\n' >"$dir/config"
        config=$(oci_descriptor application/vnd.oci.image.config.v1+json "$dir/config")
        jq -cn --argjson config "$config" --argjson layer "$layer" --argjson notes "$notes" \
            '{schemaVersion: 2, mediaType: "application/vnd.oci.image.manifest.v1+json", config: $config, layers: [$layer],
              annotations: $notes}' >"$dir/manifest"
        list+=("$(oci_descriptor application/vnd.oci.image.manifest.v1+json "$dir/manifest" |
            jq -c --arg p "$platform" '. + {platform: ($p | split("/") | {architecture: .[1], os: .[0]} +
                (if .[2] then {variant: .[2]} else {} end)), annotations: {child: $p}}')")
    done
    echo '{}' >"$dir/empty"
    config=$(oci_descriptor application/vnd.oci.image.config.v1+json "$dir/empty")
    jq -cn --argjson config "$config" '{schemaVersion: 2, mediaType: "application/vnd.oci.image.manifest.v1+json",
        config: $config, layers: []}' >"$dir/manifest"
    list+=("$(oci_descriptor application/vnd.oci.image.manifest.v1+json "$dir/manifest" |
        jq -c '. + {platform: {architecture: "unknown", os: "unknown"},
                    annotations: {"vnd.docker.reference.type": "attestation-manifest"}}')")
    printf '%s\n' "${list[@]}" | jq -cs '{schemaVersion: 2, mediaType: "application/vnd.oci.image.index.v1+json",
        manifests: ., annotations: {"of.the": "index"}}' >"$dir/index"
    jq -cn --argjson d "$(oci_descriptor application/vnd.oci.image.index.v1+json "$dir/index")" \
        '{schemaVersion: 2, manifests: [$d]}' >"$dir/oci/index.json"
    echo '{"imageLayoutVersion":"1.0.0"}' >"$dir/oci/oci-layout"
    skopeo_plain copy --all "oci:$dir/oci" "docker://$1"
}

# oci_descriptor TYPE FILE: puts FILE into the layout of base_index.
oci_descriptor() {
    printf '{"mediaType":"%s","digest":"sha256:%s","size":%d}' "$1" "$(oci_blob "$2")" "$(stat -c %s "$2")"
}

# real_ko NAME ARG...: the real ko, which is kept by tests/run; prints the reference of $REGISTRY/NAME.
real_ko() {
    local repo=$REGISTRY/$1
    shift
    KO_DOCKER_REPO=$repo ko build --bare --sbom=none "$@" 2>"$BATS_TEST_TMPDIR/ko.log" ||
        fail "ko build $* failed:" "$(cat "$BATS_TEST_TMPDIR/ko.log")"
}

# registry_get PATH: a manifest or blob of $REGISTRY
registry_get() {
    curl -sfL -H 'Accept: application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json, application/vnd.docker.distribution.manifest.list.v2+json' \
        "http://$REGISTRY/v2/$1"
}

# expect_same_image REPO DIGEST REPO DIGEST: equal but for the compression of layers.
expect_same_image() {
    local a b i
    a=$(registry_get "$1/manifests/$2") b=$(registry_get "$3/manifests/$4")
    if [[ $(jq 'has("config")' <<<"$a$b") == *true* ]]; then
        expect_equal "$(registry_get "$1/blobs/$(jq -r .config.digest <<<"$a")")" \
            "$(registry_get "$3/blobs/$(jq -r .config.digest <<<"$b")")" || return
    fi
    expect_equal "$(comparable "$a")" "$(comparable "$b")" || return
    if [[ $(jq 'has("manifests")' <<<"$a") == true ]]; then
        for ((i = 0; i < $(jq '.manifests | length' <<<"$a"); i++)); do
            expect_same_image "$1" "$(jq -r ".manifests[$i].digest" <<<"$a")" "$3" "$(jq -r ".manifests[$i].digest" <<<"$b")" || return
        done
    fi
}

# A manifest or an index without what compression changes. The digest of the config stays: it is
# equal to the byte.
comparable() {
    jq -c 'if .manifests then .manifests[] |= del(.digest, .size)
           else .layers[] |= (.mediaType |= (sub("[.+]gzip$"; "")) | del(.digest, .size)) end' <<<"$1"
}

# count_go: from here on skiff finds a `go` that notes each of its runs.
count_go() {
    local dir=$BATS_TEST_TMPDIR/counting real
    real=$(type -P go)
    mkdir -p "$dir"
    printf '#!/bin/sh\necho "$@" >>"%s"\nexec "%s" "$@"\n' "$BATS_TEST_TMPDIR/go.log" "$real" >"$dir/go"
    chmod +x "$dir/go"
    # shellcheck disable=SC2034 # common.bash reads it
    # shellcheck disable=SC2034 # common.bash reads it
    SKIFF_PATH=$dir:$PATH
}

# expect_go_runs N [PATTERN]: since the last question there were N runs of Go (whose arguments match).
expect_go_runs() {
    local log=$BATS_TEST_TMPDIR/go.log runs=0
    [[ ! -e $log ]] || runs=$(grep -cE -- "${2:-.}" "$log") || true
    [[ $runs == "$1" ]] || fail "Go ran $runs times where $1 was expected:" "$(cat "$log" 2>/dev/null)" || return
    rm -f "$log"
}
