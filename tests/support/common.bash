# shellcheck shell=bash
# common.bash: what all bats files share. A test has a home, caches and a working directory of its
# own, runs the real skiff, and ends with nothing left behind: no process, no sanitizer report.
#
# In a bats file:  load ../support/common;  setup() { common_setup; }  teardown() { common_teardown; }

bats_require_minimum_version 1.5.0

REPO=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
SKIFF=${SKIFF:-$REPO/build/dev/bin/skiff}
SAMPLE=$REPO/examples/getting-started

common_setup() {
    local variable
    # Go's caches are worth sharing; everything else is the test's own.
    GOCACHE=$(go env GOCACHE) GOMODCACHE=$(go env GOMODCACHE) GOENV=$(go env GOENV)
    export GOCACHE GOMODCACHE GOENV
    for variable in "${!SKAFFOLD_@}" "${!KO_@}" DOCKER_CONFIG REGISTRY_AUTH_FILE NO_COLOR; do
        unset "$variable"
    done
    export HOME=$BATS_TEST_TMPDIR/home
    export XDG_CACHE_HOME=$HOME/.cache XDG_STATE_HOME=$HOME/.local/state XDG_CONFIG_HOME=$HOME/.config
    export KUBECONFIG=$HOME/.kube/config # not there: integration tests have no cluster
    export KO_DEFAULTBASEIMAGE=skiff.local/static
    export ASAN_OPTIONS=log_path=$BATS_TEST_TMPDIR/sanitizer:detect_leaks=1
    export UBSAN_OPTIONS=log_path=$BATS_TEST_TMPDIR/sanitizer:print_stacktrace=1
    WORK=$BATS_TEST_TMPDIR/work
    mkdir -p "$HOME" "$WORK"
    cd "$WORK" || return
}

common_teardown() {
    local code=0
    nothing_left || code=1
    no_sanitizer_report || code=1
    cd / && chmod -R u+w "$BATS_TEST_TMPDIR" # so that bats can remove it
    return "$code"
}

# --- running skiff ---

# skiff ARG...: run it; $status, $output (standard output) and $stderr tell how it went. It carries
# a mark in its environment, and so does all that it starts. SKIFF_PATH: its PATH, when it differs.
skiff() {
    run --separate-stderr timeout -k 5 120 \
        env SKIFF_TEST="$BATS_TEST_TMPDIR" PATH="${SKIFF_PATH:-$PATH}" "$SKIFF" "$@" </dev/null
}

# The same, and it must succeed.
skiff_ok() {
    skiff "$@"
    expect_status 0
}

# background ARG...: start it with its output in $BACKGROUND_OUT; a process group of its own, and
# SIGINT as a terminal has it.
background() {
    BACKGROUND_OUT=$BATS_TEST_TMPDIR/background.out
    : >"$BACKGROUND_OUT"
    set -m
    env SKIFF_TEST="$BATS_TEST_TMPDIR" PATH="${SKIFF_PATH:-$PATH}" "$SKIFF" "$@" \
        >>"$BACKGROUND_OUT" 2>&1 </dev/null 3>&- 4>&- &
    BACKGROUND_PID=$!
    set +m
}

background_runs() { [[ -n ${BACKGROUND_PID:-} ]] && kill -0 "$BACKGROUND_PID" 2>/dev/null; }
background_is_gone() { ! background_runs; }

# background_ends STATUS: it ends by itself or has been asked to, with this status.
background_ends() {
    local code=0
    wait_until 30 background_is_gone || fail "still runs after 30 s:" "$(cat "$BACKGROUND_OUT")" || return
    wait "$BACKGROUND_PID" || code=$?
    BACKGROUND_PID=
    ((code == $1)) || fail "exit status $code where $1 was expected:" "$(cat "$BACKGROUND_OUT")"
}

# Pids of what carries the mark of this test, but the zombies.
marked_pids() {
    local pid stat
    { grep -lszxF "SKIFF_TEST=$BATS_TEST_TMPDIR" /proc/[0-9]*/environ || true; } | cut -d / -f 3 |
        while read -r pid; do
            stat=$(cat "/proc/$pid/stat" 2>/dev/null) || continue
            [[ ${stat##*) } == Z* ]] || echo "$pid"
        done
}

# What skiff has killed may need a moment to be gone. What is left all the same is ended here.
nothing_left() {
    local pids pid
    wait_until 2 no_marked_pids && return
    mapfile -t pids < <(marked_pids)
    for pid in "${pids[@]}"; do
        echo "left behind: $pid $(tr '\0' ' ' <"/proc/$pid/cmdline")" >&2
    done
    kill -KILL "${pids[@]}" 2>/dev/null
    return 1
}
no_marked_pids() { [[ -z $(marked_pids) ]]; }

no_sanitizer_report() {
    local file code=0
    for file in "$BATS_TEST_TMPDIR"/sanitizer.*; do
        [[ -e $file ]] || continue
        head -n 60 "$file" >&2
        code=1
    done
    return "$code"
}

# --- waiting and expecting ---

# wait_until SECONDS CMD...: until CMD succeeds, else fails.
wait_until() {
    local until=$((SECONDS + $1))
    shift
    until "$@"; do
        ((SECONDS < until)) || return 1
        sleep 0.05
    done
}

fail() {
    printf '%s\n' "$@" >&2
    return 1
}

said() { printf '%s\n' "--- standard output:" "${output:-}" "--- standard error:" "${stderr:-}" "---"; }

# shellcheck disable=SC2154 # run sets it
expect_status() { [[ $status == "$1" ]] || fail "exit status $status where $1 was expected" "$(said)"; }

# expect_in TEXT PART...: TEXT contains every PART.
expect_in() {
    local text=$1 part
    shift
    for part; do
        [[ $text == *"$part"* ]] || fail "'$part' is not in:" "$text" || return
    done
}

expect_not_in() { [[ $1 != *"$2"* ]] || fail "'$2' is in:" "$1"; }

# expect_match TEXT REGEX: some line of TEXT matches.
expect_match() { grep -qE -- "$2" <<<"$1" || fail "no line matches '$2' in:" "$1"; }

expect_equal() { [[ $1 == "$2" ]] || fail "differs:" "  $1" "  $2"; }

# --- projects ---

# The sample, in the working directory.
copy_sample() { cp -R "$SAMPLE/." "$WORK/"; }

# The sample's program with another answer. In place, as many editors write.
sample_says() { sed "s/Hello from Go!/$1/" "$SAMPLE/main.go" >main.go; }

# The same as vim, VS Code and others do: a new file takes the name.
sample_says_by_rename() {
    sed "s/Hello from Go!/$1/" "$SAMPLE/main.go" >.main.go.new && mv .main.go.new main.go
}

# A directory with nothing but links to these programs: for PATH.
only_programs() {
    local dir=$BATS_TEST_TMPDIR/bin program path
    rm -rf "$dir" && mkdir "$dir"
    for program; do
        path=$(type -P "$program") || fail "$program is not in PATH" || return
        ln -s "$(readlink -f "$path")" "$dir/$program"
    done
    echo "$dir"
}
