# shellcheck shell=bash
# install.sh: what a bare Debian machine lacks, installed on demand. Source it from bash scripts
# with `set -euo pipefail`. All output goes to stderr.
#
#   skiff_say TEXT...          one line of progress
#   skiff_die TEXT...          one line of error, then exit 1
#   skiff_need_packages PKG... Debian packages; starts none of their services
#   skiff_need_go              a Go new enough, as `go` on PATH
#   skiff_need_kubectl         a kubectl, on PATH
#   skiff_need_ko              the ko that skiff's images are held against, on PATH; wants Go
#   skiff_need_helm            a helm 3, on PATH; wants Go
#   skiff_busy TEXT CMD...     run CMD in silence, tell every few seconds that it still runs

# The least Go that builds examples/cluster, and the one fetched when there is none.
SKIFF_GO_MINIMUM=1.24.0
SKIFF_GO_VERSION=1.26.8
SKIFF_KO_VERSION=v0.19.1
SKIFF_HELM_VERSION=v3.19.5

SKIFF_CACHE=${XDG_CACHE_HOME:-${HOME:?HOME is not set}/.cache}/skiff
SKIFF_SUPPORT=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

skiff_say() { printf '%s\n' "$*" >&2; }

skiff_die() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

# Run CMD with its output in a file that is shown only when it fails. On a terminal one line
# counts the seconds; else a line comes every 15 seconds. CMD gets a process group of its own, so
# that all of it can be stopped when we are.
skiff_busy() {
    local text=$1 log pid traps code=0 started=$SECONDS next=15
    shift
    traps=$(trap -p INT TERM)
    log=$(mktemp)
    skiff_say "$text"
    set -m
    "$@" >"$log" 2>&1 </dev/null &
    pid=$!
    set +m
    # shellcheck disable=SC2064 # the values of now
    trap "kill -- -$pid 2>/dev/null; rm -f '$log'; exit 130" INT TERM
    while kill -0 "$pid" 2>/dev/null; do
        sleep 0.2
        ((SECONDS - started < next)) && continue
        if [[ -t 2 ]]; then
            printf '\r  … %s' "$(skiff_elapsed $((SECONDS - started)))" >&2
            next=$((next + 1))
        else
            skiff_say "  … still busy after $(skiff_elapsed $((SECONDS - started)))"
            next=$((next + 15))
        fi
    done
    wait "$pid" || code=$?
    trap - INT TERM
    eval "$traps"
    [[ -t 2 ]] && ((SECONDS - started >= 15)) && printf '\n' >&2
    ((code == 0)) || tail -n 30 "$log" >&2
    rm -f "$log"
    return "$code"
}

skiff_elapsed() {
    if (($1 < 60)); then echo "$1 s"; else echo "$(($1 / 60)) min $(($1 % 60)) s"; fi
}

# --- Debian packages ---

skiff_need_packages() {
    local missing=() package
    for package; do
        skiff_has_package "$package" || missing+=("$package")
    done
    ((${#missing[@]})) || return 0
    command -v apt-get >/dev/null ||
        skiff_die "apt-get is not here: install ${missing[*]} by the means of this system"
    ((EUID == 0)) || skiff_die "root is needed to install packages; as root: apt-get install ${missing[*]}"
    skiff_busy "Installing ${missing[*]}" skiff_apt_install "${missing[@]}" ||
        skiff_die "apt-get could not install ${missing[*]}; its last words are above"
}

skiff_has_package() {
    [[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]
}

# Deaf to INT and TERM, and apt with it: a half-installed package is worse than a late end. The
# lock (on a directory: it leaves no file) keeps two of us from taking each other's policy for the
# one to put back; apt's own lock is waited for by apt.
skiff_apt_install() (
    export DEBIAN_FRONTEND=noninteractive
    trap '' INT TERM
    trap skiff_services_as_before EXIT
    exec 8</usr/sbin
    flock 8
    skiff_services_as_before # in case the last run was killed
    skiff_no_services
    apt-get update -qq -o DPkg::Lock::Timeout=300 8>&- ||
        echo "apt-get update failed: going on with the package lists that are here" >&2
    # Never at the cost of what is here: Docker's own containerd.io, say.
    apt-get install -qq -y --no-install-recommends --no-remove -o DPkg::Lock::Timeout=300 "$@" 8>&-
)

# Packages such as containerd start their service when they are installed. A policy-rc.d that
# answers 101 forbids that; the one that was here before is kept beside it meanwhile.
SKIFF_POLICY=/usr/sbin/policy-rc.d
SKIFF_POLICY_MARK='# from skiff: no service starts while skiff installs packages'

skiff_no_services() {
    if [[ -e $SKIFF_POLICY || -L $SKIFF_POLICY ]]; then
        mv "$SKIFF_POLICY" "$SKIFF_POLICY.before-skiff"
    fi
    printf '#!/bin/sh\n%s\nexit 101\n' "$SKIFF_POLICY_MARK" >"$SKIFF_POLICY.new-by-skiff"
    chmod 755 "$SKIFF_POLICY.new-by-skiff"
    mv "$SKIFF_POLICY.new-by-skiff" "$SKIFF_POLICY"
}

skiff_services_as_before() {
    rm -f "$SKIFF_POLICY.new-by-skiff"
    if grep -qsxF "$SKIFF_POLICY_MARK" "$SKIFF_POLICY"; then
        rm -f "$SKIFF_POLICY"
    fi
    if [[ -e $SKIFF_POLICY.before-skiff || -L $SKIFF_POLICY.before-skiff ]]; then
        mv "$SKIFF_POLICY.before-skiff" "$SKIFF_POLICY"
    fi
}

# --- Go ---

skiff_need_go() {
    local dir
    if skiff_go_is_enough "$(command -v go || true)"; then
        return 0
    fi
    for dir in /usr/local/go "$SKIFF_CACHE/go/$SKIFF_GO_VERSION"; do
        if skiff_go_is_enough "$dir/bin/go"; then
            PATH=$dir/bin:$PATH
            export PATH
            return 0
        fi
    done
    skiff_fetch_go "$SKIFF_CACHE/go/$SKIFF_GO_VERSION"
    PATH=$SKIFF_CACHE/go/$SKIFF_GO_VERSION/bin:$PATH
    export PATH
}

skiff_go_is_enough() {
    [[ -n $1 && -x $1 ]] || return 1
    local version
    version=$(cd / && GOTOOLCHAIN=local "$1" env GOVERSION 2>/dev/null) || return 1
    version=${version#go}
    version=${version%% *}
    [[ $(printf '%s\n' "$SKIFF_GO_MINIMUM" "$version" | sort -V | head -n 1) == "$SKIFF_GO_MINIMUM" ]]
}

# Debian 12 has Go 1.19. That is enough to fetch a newer one: Go's toolchains are modules too, so
# they come through the module proxy and are checked against Go's checksum database.
skiff_fetch_go() {
    local to=$1 arch fd
    mkdir -p "$(dirname "$to")"
    exec {fd}<"$(dirname "$to")"
    flock "$fd"
    if ! skiff_go_is_enough "$to/bin/go"; then # else another run fetched it while we waited
        arch=$(skiff_go_arch)
        command -v go >/dev/null || skiff_need_packages golang-go ca-certificates
        skiff_busy "Fetching Go $SKIFF_GO_VERSION from the module proxy (about 70 MB)" \
            skiff_unpack_go "$to" "$SKIFF_GO_VERSION.linux-$arch" ||
            skiff_die "Go $SKIFF_GO_VERSION could not be fetched from the module proxy" \
                "($(go env GOPROXY)); or install Go $SKIFF_GO_MINIMUM or newer as /usr/local/go"
        skiff_go_is_enough "$to/bin/go" || skiff_die "the Go in '$to' does not run"
    fi
    exec {fd}<&-
}

skiff_go_arch() {
    local arch
    arch=$(dpkg --print-architecture)
    case $arch in
    amd64 | arm64 | riscv64 | s390x) echo "$arch" ;;
    i386) echo 386 ;;
    armhf) echo armv6l ;;
    ppc64el) echo ppc64le ;;
    *) skiff_die "no Go toolchain is known for the architecture '$arch'" ;;
    esac
}

skiff_unpack_go() (
    to=$1
    rm -rf "$(dirname "$to")"/.fetch.* # of runs that were killed; the lock is ours
    temp=$(mktemp -d "$(dirname "$to")/.fetch.XXXXXX") || exit
    trap 'rm -rf "$temp"' EXIT
    trap 'exit 143' TERM
    cd "$temp" || exit
    # A module cache of its own, so that the only copy that stays is the unpacked one. It is
    # writable, so that it can be moved and removed.
    export GOFLAGS='-mod=mod -modcacherw' GOTOOLCHAIN=local GOWORK=off GOMODCACHE=$temp/cache
    printf 'module skiff.test/fetch\n' >go.mod &&
        go mod download "golang.org/toolchain@v0.0.1-go$2" &&
        mv "cache/golang.org/toolchain@v0.0.1-go$2" go || exit
    # The module zip keeps no executable bits, and cannot hold files of the name go.mod.
    chmod 755 go/bin/* go/pkg/tool/*/* &&
        find go -name _go.mod -execdir mv {} go.mod ';' &&
        rm -rf "$to" &&
        mv go "$to"
)

# --- kubectl ---

# The one on PATH, else the one that is built with the example cluster.
skiff_need_kubectl() {
    local dir
    command -v kubectl >/dev/null && return 0
    dir=$("$SKIFF_SUPPORT/../cluster/up" --build-only) || skiff_die "kubectl could not be built"
    PATH=$dir/bin:$PATH
    export PATH
}

# --- programs in Go ---

skiff_need_ko() {
    [[ $(ko version 2>/dev/null) == "$SKIFF_KO_VERSION" ]] ||
        skiff_need_go_program ko "$SKIFF_KO_VERSION" github.com/google/ko
}

# Any helm 3 will do; without one it takes about a minute.
skiff_need_helm() {
    [[ $(helm version --short 2>/dev/null) == v3.* ]] ||
        skiff_need_go_program helm "$SKIFF_HELM_VERSION" helm.sh/helm/v3/cmd/helm
}

# NAME VERSION PACKAGE: built once, kept by version in the user's cache, put on PATH.
skiff_need_go_program() {
    local to=$SKIFF_CACHE/$1-program/$2 fd
    mkdir -p "$to"
    exec {fd}<"$to"
    flock "$fd"
    if [[ ! -e $to/.built ]]; then
        skiff_busy "Building $1 $2" env GOBIN="$to" GOFLAGS= GOWORK=off CGO_ENABLED=0 \
            go install "$3@$2" || skiff_die "$1 $2 could not be built"
        : >"$to/.built"
    fi
    exec {fd}<&-
    PATH=$to:$PATH
    export PATH
}
