# parity.bats: skiff beside the real ko, both into one registry: manifests, configs and diffIDs equal to the byte.
load ../support/common
load ../support/registry
load ../support/ko

setup_file() {
    BATS_TEST_TMPDIR=$BATS_FILE_TMPDIR registry_start
    BATS_TEST_TMPDIR=$BATS_FILE_TMPDIR base_index "$REGISTRY/base:1"
    skopeo_plain copy --all --format v2s2 "docker://$REGISTRY/base:1" "docker://$REGISTRY/base:docker"
    skopeo_plain copy "docker://$REGISTRY/base:1" "docker://$REGISTRY/base:single"
    export REGISTRY REGISTRY_PID
}

teardown_file() { registry_stop; }

setup() {
    common_setup
    export KO_DEFAULTBASEIMAGE=$REGISTRY/base:1
    LINUX=linux/$(go env GOARCH)
}

teardown() { common_teardown; }

# same DIR STANZA [KO_ARG...]: `ko build KO_ARG...` in DIR, and skiff here with STANZA under `ko:`, make
# the same image. IMAGE: the artifact's name. OWN_PLATFORM: ko is told no platform but what ARGs say.
same() {
    local in=$1 stanza=$2 theirs ours platform=(--platform "$LINUX")
    shift 2
    if [[ -n ${OWN_PLATFORM:-} ]]; then platform=(); fi
    theirs=$(cd "$in" && real_ko ko/x "${platform[@]}" "$@") || return
    cat >skaffold.yaml <<END
apiVersion: skaffold/v4beta11
kind: Config
build:
  artifacts:
    - image: ${IMAGE:-$REGISTRY/skiff/x}
      ko:
$(sed 's/^/        /' <<<"$stanza")
END
    skiff_ok build -q --push ${IMAGE:+--default-repo "$REGISTRY/skiff"} || return
    ours=$(jq -r '.builds[0].tag' <<<"$output")
    OURS=${ours%%@*} OURS=${OURS#"$REGISTRY/"} OURS=${OURS%:*}
    OURS_DIGEST=${ours#*@}
    expect_same_image ko/x "${theirs#*@}" "$OURS" "$OURS_DIGEST" || fail "beside: ko build $*, ko: $stanza"
}

# ours FILTER: of the config of the image that skiff made last
ours() {
    registry_get "$OURS/blobs/$(registry_get "$OURS/manifests/$OURS_DIGEST" | jq -r .config.digest)" | jq -r "$1"
}

# A repository with a history, and what the cases need in it.
project() {
    mkdir -p cmd/web/static cmd/job lib app/cmd/tool
    printf 'module example.com/app\n\ngo 1.21\n\nrequire example.com/lib v0.0.0\n\nreplace example.com/lib => ./lib\n' >go.mod
    printf 'module example.com/lib\n\ngo 1.21\n' >lib/go.mod
    printf 'package lib\n\nfunc Text() string { return "lib" }\n' >lib/lib.go
    printf 'package main\n\nimport "example.com/lib"\n\nfunc main() { println(lib.Text()) }\n' >main.go
    printf 'package main\n\nimport "embed"\n\n//go:embed static\nvar files embed.FS\n\nfunc main() { _, e := files.ReadFile("static/a"); println(e == nil) }\n' >cmd/web/main.go
    echo embedded >cmd/web/static/a
    printf 'package main\n\nvar version, date, commit = "", "", ""\n\nfunc main() { println(version, date, commit, tagged) }\n' >cmd/job/main.go
    printf '//go:build !extra\n\npackage main\n\nconst tagged = false\n' >cmd/job/without.go
    printf '//go:build extra\n\npackage main\n\nconst tagged = true\n' >cmd/job/with.go
    printf 'module example.com/sub\n\ngo 1.21\n' >app/go.mod
    printf 'package main\n\nfunc main() { println("tool") }\n' >app/cmd/tool/main.go
    echo skaffold.yaml >.gitignore
    git init -q -b trunk .
    git add -A
    git -c user.name=n -c user.email=e@x commit -q -m one
    git tag v1.2.3
}

@test "which package: a module's root, several mains, dir, an import path, a file, replace, embed" {
    project
    same . 'main: .'
    expect_equal "$(ours '.config.Entrypoint[0]')" /ko-app/app
    same cmd/web 'main: ./cmd/web'
    same . 'main: cmd/job/main.go' ./cmd/job
    same app 'dir: app
main: ./cmd/tool' ./cmd/tool
    IMAGE=ko://example.com/app/cmd/job same . '{}' example.com/app/cmd/job
    expect_equal "$(ours '.config.Entrypoint[0]')" /ko-app/job
}

@test "go.work, vendor, a module outside, a dirty tree" {
    project
    printf 'go 1.21\n\nuse (\n\t.\n\t./lib\n\t./app\n)\n' >go.work
    same . 'main: ./app/cmd/tool' ./app/cmd/tool
    rm go.work
    go mod vendor
    echo 'package lib

func Text() string { return "changed behind the vendor directory" }' >lib/lib.go
    same . 'main: .'
    printf 'package lib\n\nfunc Text() string { return "from vendor" }\n' >vendor/example.com/lib/lib.go
    same . 'main: .'
}

@test "kodata: files, hidden ones, links inside the repository, time stamps" {
    project
    mkdir -p cmd/web/kodata/sub/empty cmd/web/kodata/.dir
    echo a >cmd/web/kodata/b && chmod 600 cmd/web/kodata/b
    echo a >cmd/web/kodata/a.sh && chmod 755 cmd/web/kodata/a.sh
    echo hidden >cmd/web/kodata/.hidden
    echo deep >cmd/web/kodata/.dir/deep
    ln -s ../.hidden cmd/web/kodata/sub/text
    ln -s .dir cmd/web/kodata/dir
    ln -s b cmd/web/kodata/c
    echo long >"cmd/web/kodata/$(printf 'l%.0s' {1..120})"
    echo umlaut >cmd/web/kodata/ü
    same . 'main: ./cmd/web' ./cmd/web
    export KO_DATA_DATE_EPOCH=1700000000 SOURCE_DATE_EPOCH=1600000000
    same . 'main: ./cmd/web' ./cmd/web
    expect_equal "$(ours '.history[-2].created')" 2023-11-14T22:13:20Z
    expect_equal "$(ours .created)" 2020-09-13T12:26:40Z
    echo outside >../outside
    ln -s ../../../../outside cmd/web/kodata/outside
    skiff build -q --push
    expect_status 3
    expect_in "$stderr" 'kodata/outside' KO_DATA_PATH_ALLOWED_ROOT
}

@test "the stanza: flags, ldflags, env, labels, templates" {
    project
    export VERSION=v9 SOURCE_DATE_EPOCH=1600000000 LABEL_VALUE='a <b> & ü'
    cat >.ko.yaml <<'END'
builds:
- id: job
  main: ./cmd/job
  env: ["GOAMD64=v2"]
  flags: ["-tags={{.Env.TAGS}}"]
  ldflags: [-s, "-X main.version={{.Env.VERSION}}", "-X main.date={{.Date}}", "-X main.commit={{.Git.ShortCommit}}-{{.Git.Tag}}-{{.Git.Branch}}-{{.Git.TreeState}}"]
END
    export TAGS=extra
    git add -A && git -c user.name=n -c user.email=e@x commit -q -m two
    same . 'main: ./cmd/job
env: ["GOAMD64=v2"]
flags: ["-tags={{.TAGS}}"]
ldflags: [-s, "-X main.version={{.VERSION}}", "-X main.date={{.Date}}", "-X main.commit={{.Git.ShortCommit}}-{{.Git.Tag}}-{{.Git.Branch}}-{{.Git.TreeState}}"]
labels: {z: "{{.LABEL_VALUE}}", a.b/c: over, new: one}' \
        --image-label "z=$LABEL_VALUE" --image-label a.b/c=over --image-label new=one ./cmd/job
    expect_equal "$(ours '.config.Labels.base')" yes
    # The same entry, taken from .ko.yaml by both.
    IMAGE=ko://example.com/app/cmd/job same . '{}' ./cmd/job
}

@test "args: ko's own flags, and those of go build" {
    project
    KO_DEFAULTFLAGS='-tags extra' same . 'main: ./cmd/job
args: [--platform, "'"$LINUX"'", "--image-label=one=1,two=2", --image-annotation, x.y/z=1, "--image-user=7:8", "--ldflags=-s,-w", --bare, -B, -j, "4", --sbom=none]' \
        --image-label one=1,two=2 --image-annotation x.y/z=1 --image-user 7:8 --ldflags -s,-w -j 4 ./cmd/job
    expect_equal "$(ours .config.User) $(ours '.config.Labels | .one + .two')" '7:8 12'
}

@test ".ko.yaml: bases, platforms, defaults, builds by directory; and KO_CONFIG_PATH" {
    project
    cat >.ko.yaml <<END
defaultBaseImage: 127.0.0.1:1/nobody/asks
BaseImageOverrides:
  example.com/App: $REGISTRY/base:docker
  example.com/app/cmd/job: $REGISTRY/base:single
  example.com/sub/cmd/tool: $REGISTRY/base:1
defaultPlatforms: [linux/arm64]
defaultEnv: [GOARM64=v8.1]
defaultFlags: -v -tags=extra
defaultLdflags: -s -w
builds:
- dir: app
  main: ./cmd/tool
  ldflags: -X main.a=b -X main.c=d
- id: web
  main: cmd/web/main.go
  env: [GOARM64=v8.2]
- main: ./cmd/job
  linux_capabilities: [net_bind_service, "CAP_CHOWN,12=ei", "=p-i", 40]
- ldflags: [-w]
  linux_capabilities: net_bind_service+ep
END
    unset KO_DEFAULTBASEIMAGE
    local OWN_PLATFORM=yes
    KO_DEFAULTPLATFORMS=$LINUX same . '{}' example.com/app
    KO_DEFAULTBASEIMAGE=$REGISTRY/base:1 IMAGE=ko://example.com/app/cmd/web same . '{}' example.com/app/cmd/web
    expect_equal "$(ours .architecture)" arm64
    IMAGE=ko://example.com/sub/cmd/tool same . '{}' example.com/sub/cmd/tool
    mkdir ../elsewhere && mv .ko.yaml ../elsewhere/
    export KO_DEFAULTPLATFORMS=$LINUX
    KO_CONFIG_PATH=../elsewhere IMAGE=ko://example.com/app/cmd/job same . '{}' example.com/app/cmd/job
    KO_CONFIG_PATH=../elsewhere/.ko.yaml IMAGE=ko://example.com/app/cmd/job same . '{}' example.com/app/cmd/job
}

@test "variables: KO_DEFAULT*, KO_BASEIMAGEOVERRIDES, KO_GO_PATH, GOOS and GOARCH, GOFLAGS" {
    project
    printf '#!/bin/sh\nexec go "$@"\n' >../my-go
    chmod +x ../my-go
    local OWN_PLATFORM=yes
    export KO_BASEIMAGEOVERRIDES="{\"example.com/app/cmd/job\": \"$REGISTRY/base:docker\"}" KO_DEFAULTPLATFORMS=linux/arm/v6
    export KO_DEFAULTFLAGS='-tags=extra -v' KO_DEFAULTLDFLAGS='-s -w' KO_DEFAULTENV='GOARM64=v8.1 A=b' KO_GO_PATH=$PWD/../my-go
    same . 'main: ./cmd/job' ./cmd/job
    unset "${!KO_DEFAULT@}" KO_BASEIMAGEOVERRIDES
    export KO_DEFAULTBASEIMAGE=$REGISTRY/base:1
    GOOS=linux GOARCH=arm64 same . 'main: ./cmd/job' ./cmd/job
    expect_equal "$(ours .architecture)" arm64
    GOOS=linux GOARCH=arm GOARM=7 same . 'main: ./cmd/job' ./cmd/job
    expect_equal "$(ours .variant)" v7
    OWN_PLATFORM=''
    GOFLAGS=-buildvcs=false\ -tags=extra same . 'main: ./cmd/job' ./cmd/job
}

@test "platforms: an index in the base's order, with its media type; all of them; one is no index" {
    project
    local OWN_PLATFORM=yes
    same . 'args: ["--platform=linux/arm/v7,linux/amd64", --image-annotation=a=b]' \
        --platform linux/arm/v7,linux/amd64 --image-annotation a=b .
    KO_DEFAULTBASEIMAGE=$REGISTRY/base:docker same . 'args: [--platform=all]' --platform all .
    expect_equal "$(registry_get "$OURS/manifests/$OURS_DIGEST" | jq -c '[.mediaType, (.manifests | length)]')" \
        '["application/vnd.docker.distribution.manifest.list.v2+json",4]'
    same . 'args: [--platform=linux/arm]' --platform linux/arm .
    local digest
    digest=$(skopeo_plain inspect --format '{{.Digest}}' "docker://$REGISTRY/base:1")
    KO_DEFAULTBASEIMAGE=$REGISTRY/base@$digest same . "args: [--platform, $LINUX]
fromImage: $REGISTRY/base@$digest" --platform "$LINUX" .
}

@test "what ko or skiff cannot do is refused with a reason, and nothing is pushed" {
    project
    refused() {
        skaffold_yaml "$1"
        skiff build -q --push
        [[ $status != 0 ]] || fail "not refused: $1" || return
        shift
        expect_in "$stderr" "$@"
    }
    skaffold_yaml() {
        printf 'apiVersion: skaffold/v4beta11\nkind: Config\nbuild:\n  artifacts:\n    - image: %s/refused/x\n      ko: %s\n' \
            "$REGISTRY" "$1" >skaffold.yaml
    }
    refused '{flags: [-toolexec=x]}' toolexec
    GOFLAGS=-toolexec=x refused '{}' toolexec
    refused '{main: ./cmd}' "no Go files"
    mkdir cmd/lib && echo 'package lib' >cmd/lib/lib.go
    refused '{main: ./cmd/lib}' "not package main"
    refused '{main: ./nowhere}' nowhere
    refused '{ldflags: ["{{.Env.NOPE}}"]}' NOPE 'skaffold.yaml:6:'
    GOOS=linux refused '{args: [--platform=linux/amd64]}' GOOS
    refused '{args: [--platform=windows/amd64]}' windows
    refused '{args: [--platform=linux/s390x]}' linux/s390x linux/arm/v7
    mkdir -p cmd/c
    printf 'package main\n\n// int one() { return 1; }\nimport "C"\n\nfunc main() { println(C.one()) }\n' >cmd/c/main.go
    refused '{main: ./cmd/c}' cgo CGO_ENABLED
    KO_DEFAULTBASEIMAGE=scratch refused '{main: ./cmd/c, env: [CGO_ENABLED=1]}' 'C library' scratch fromImage
    ! curl -sf "http://$REGISTRY/v2/refused/x/tags/list"
}
