# shellcheck shell=bash
# shellcheck disable=SC2034 # the scripts that source this read them
# lib.sh: what `up`, `down` and `status` share: where things are, what runs, and how all of it is
# taken away. Source it from bash scripts with `set -euo pipefail`.

CLUSTER_SOURCE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR source=../support/install.sh
. "$CLUSTER_SOURCE/../support/install.sh"

# Every daemon carries this variable with the state directory as its value in its environment, and
# so does all that it starts, but not the processes in containers. It tells our processes from
# everybody else's, also when their pid files are lost, and no recycled pid is ever taken for one.
CLUSTER_MARK=SKIFF_CLUSTER_DIR

CLUSTER_BRIDGE=skiff0         # holds the node's address
CLUSTER_NETWORK=skiff-pods    # the CNI network's name, also in iptables comments and result files
CLUSTER_CGROUP=skiff          # all pods are below it
CLUSTER_SERVICES=10.96        # /16
CLUSTER_DNS=10.96.0.10
CLUSTER_DOMAIN=cluster.local

# Places outside the state directory where containerd, the kubelet and CNI insist on writing.
# Those that were not here before `up` are removed by `down` once they are empty.
CLUSTER_BORROWED=(/var/lib/kubelet /var/lib/kubelet/device-plugins /var/lib/cni /var/lib/cni/results
    /var/log/containers /run/containerd /run/containerd/s /run/mount)

# Settings of the kernel that the kubelet or kube-proxy change; `down` puts the old values back.
CLUSTER_SYSCTLS=(vm/overcommit_memory vm/panic_on_oom kernel/panic kernel/panic_on_oops
    kernel/keys/root_maxkeys kernel/keys/root_maxbytes net/ipv4/conf/all/route_localnet
    net/ipv4/ip_forward)

# --- the command line ---

# cluster_options USAGE ARG...: sets NAME, D (the state directory) and KUBECONFIG_FILE, and
# BUILD_ONLY if the usage text knows of that option.
cluster_options() {
    local usage=$1 dir=
    shift
    NAME='' KUBECONFIG_FILE='' BUILD_ONLY=
    while (($#)); do
        case $1 in
        -h | --help)
            printf '%s\n' "$usage"
            exit 0
            ;;
        --name=* | --dir=* | --kubeconfig=*)
            set -- "${1%%=*}" "${1#*=}" "${@:2}"
            continue
            ;;
        --name | --dir | --kubeconfig)
            [[ -n ${2:-} ]] || cluster_usage "$usage" "$1 needs a value"
            case $1 in
            --name) NAME=$2 ;;
            --dir) dir=$2 ;;
            --kubeconfig) KUBECONFIG_FILE=$2 ;;
            esac
            shift
            ;;
        --build-only)
            [[ $usage == *--build-only* ]] || cluster_usage "$usage" "unknown option '$1'"
            # shellcheck disable=SC2034 # read by up
            BUILD_ONLY=1
            ;;
        *) cluster_usage "$usage" "unknown argument '$1'" ;;
        esac
        shift
    done
    [[ ${NAME:-skiff} =~ ^[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?$ ]] ||
        cluster_usage "$usage" "'$NAME' is no good name: small letters, digits and '-', at most 40"
    D=$(realpath -m -- "${dir:-${XDG_STATE_HOME:-$HOME/.local/state}/skiff/cluster/${NAME:-skiff}}")
    # It ends up in YAML, TOML and flags, and sockets in it have to fit into 108 bytes.
    [[ $D =~ ^[A-Za-z0-9_./@+-]+$ && ${#D} -le 70 ]] || cluster_usage "$usage" \
        "'$D' cannot be the state directory: at most 70 of letters, digits and _./@+- (choose with --dir)"
    if [[ -z $KUBECONFIG_FILE ]]; then
        KUBECONFIG_FILE=${KUBECONFIG:-}
        KUBECONFIG_FILE=${KUBECONFIG_FILE%%:*}
    fi
    KUBECONFIG_FILE=$(realpath -ms -- "${KUBECONFIG_FILE:-$HOME/.kube/config}")
}

cluster_usage() {
    printf 'error: %s\n%s\n' "$2" "${1%%$'\n\n'*}" >&2
    exit 2
}

cluster_need_root() {
    ((EUID == 0)) || skiff_die "root is needed: containers, links and iptables rules are made and removed"
}

# One `up` or `down` at a time on this machine. The lock is on a directory: it leaves no file.
cluster_lock() {
    exec 9</run
    flock -n 9 && return
    skiff_say "Another 'up' or 'down' is at work; waiting for it"
    flock 9
}

# --- the state directory ---
#
#   skiff-cluster    settings: ports, subnet, programs; its presence says that the rest is ours
#   kubeconfigs      the files that have our entries, one a line
#   before/          what the machine was like: kernel settings, directories that were missing
#   pki/ etcd/ containerd/ kubelet/ registry/    what outlives a restart
#   log/             one file a daemon
#   run/             pid files, sockets, generated configuration: made anew by each start

declare -A SET=()

settings_read() {
    local key value
    if [[ -r $D/skiff-cluster ]]; then
        while IFS='=' read -r key value; do
            [[ -z $key ]] || SET[$key]=$value
        done <"$D/skiff-cluster"
    fi
    NAME=${NAME:-${SET[name]:-skiff}}
    [[ ${SET[name]:-$NAME} == "$NAME" ]] || skiff_die "'$D' holds the cluster '${SET[name]}', not '$NAME'"
}

settings_write() {
    local key
    for key in "${!SET[@]}"; do
        printf '%s=%s\n' "$key" "${SET[$key]}"
    done | sort >"$D/skiff-cluster.new"
    mv "$D/skiff-cluster.new" "$D/skiff-cluster"
}

node_address() { echo "${SET[pods]}.0.1"; }

# --- what runs ---

CLUSTER_DAEMONS=(etcd apiserver controller-manager scheduler containerd kubelet proxy dns gateway registry)

# The moment a process started, in clock ticks since boot: with its pid, its identity.
process_start() {
    local stat
    stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
    stat=${stat##*) } # the name before it may hold anything
    # shellcheck disable=SC2086 # words are wanted
    set -- $stat
    [[ $1 != Z ]] && echo "${20}"
}

# Prints the pid of a daemon if it runs.
daemon_pid() {
    local pid start
    read -r pid start 2>/dev/null <"$D/run/$1.pid" || return 1
    [[ -n $start && $(process_start "$pid") == "$start" ]] && echo "$pid"
}

# Pids of everything that carries the mark of this state directory.
marked_pids() {
    { grep -lszxF "$CLUSTER_MARK=$D" /proc/[0-9]*/environ || true; } | cut -d / -f 3
}

# State directories of other clusters that run on this machine.
other_clusters() {
    { grep -hszxa "$CLUSTER_MARK=.*" /proc/[0-9]*/environ || true; } |
        tr '\0' '\n' | sed "s,^$CLUSTER_MARK=,," | sort -u | { grep -vxF "$D" || true; }
}

api_get() {
    curl -sS --fail --noproxy '*' --max-time 5 --cacert "$D/pki/ca.crt" \
        --cert "$D/pki/admin.crt" --key "$D/pki/admin.key" "https://127.0.0.1:${SET[api]}$1"
}

node_ready() { [[ $(api_get "/api/v1/nodes/$NAME?pretty=false" 2>/dev/null) == *'"type":"Ready","status":"True"'* ]]; }

# Tells on stdout what is missing; says nothing and succeeds when the cluster is whole.
cluster_trouble() {
    local daemon
    [[ -f $D/skiff-cluster ]] || { echo "it was never brought up"; return 1; }
    for daemon in "${CLUSTER_DAEMONS[@]}"; do
        daemon_pid "$daemon" >/dev/null || { echo "$daemon does not run"; return 1; }
    done
    api_get /readyz >/dev/null 2>&1 || { echo "the API server is not ready"; return 1; }
    node_ready || { echo "the node is not ready"; return 1; }
    ip link show "$CLUSTER_BRIDGE" >/dev/null 2>&1 || { echo "the link $CLUSTER_BRIDGE is gone"; return 1; }
}

# --- taking it away ---
#
# One way for every case, whether all runs, some was killed, or the machine was restarted: nothing
# is asked of the daemons. What outlives a restart stays; `down` removes that too.

cluster_stop() {
    processes_stop
    mounts_remove
    cgroups_remove
    links_remove
    iptables_remove iptables
    iptables_remove ip6tables
    strays_remove
    rm -rf --one-file-system "${D:?}/run"
}

# Killed, not asked: the API server takes a minute for a graceful end, etcd's data goes or is kept
# by the kernel, and a shim that is asked would first end its containers one by one.
processes_stop() {
    local try pids
    for ((try = 0; try < 100; try++)); do
        mapfile -t pids < <(marked_pids; contained_pids)
        ((${#pids[@]})) || return 0
        kill -KILL "${pids[@]}" 2>/dev/null || true
        sleep 0.05
    done
    skiff_die "these processes do not end: ${pids[*]}"
}

contained_pids() {
    local dir
    while read -r dir; do
        find "$dir" -name cgroup.procs -exec cat {} + 2>/dev/null || true
    done < <(cgroup_dirs) | sort -u
}

# Our cgroup, where it is there: one directory with cgroup v2, one a controller with v1.
cgroup_dirs() {
    local root
    while read -r root; do
        [[ ! -d $root/$CLUSTER_CGROUP ]] || echo "$root/$CLUSTER_CGROUP"
    done < <(cgroup_roots)
}

cgroup_roots() { awk '$3 == "cgroup" || $3 == "cgroup2" { print $2 }' /proc/self/mounts; }

# A cgroup stays busy for a moment after its last process.
cgroups_remove() {
    local try dirs
    for ((try = 0; try < 40; try++)); do
        mapfile -t dirs < <(cgroup_dirs)
        ((${#dirs[@]})) || return 0
        find "${dirs[@]}" -depth -type d -exec rmdir {} + 2>/dev/null || sleep 0.05
    done
    skiff_say "warning: these cgroups could not be removed: ${dirs[*]}"
}

mounts_remove() {
    local points point
    while mapfile -t points < <(mounts_ours) && ((${#points[@]})); do
        for point in "${points[@]}"; do
            umount -l "$(printf '%b' "$point")" || return
        done
    done
}

# In /proc/mounts a blank is \040: what printf %b turns back. The last mounted comes first.
mounts_ours() { awk -v dir="$D/" 'index($2, dir) == 1 { print $2 }' /proc/self/mounts | tac; }

# The pods' ends have gone with their network namespaces, or will in a moment; this is faster.
links_remove() {
    local link
    if [[ -n ${SET[pods]:-} ]]; then
        while read -r link; do
            ip link delete "$link" 2>/dev/null || true
        done < <(ip -4 route show root "${SET[pods]}.0.0/24" | sed -n 's/.* dev \(veth[^ ]*\).*/\1/p')
    fi
    ip link delete "$CLUSTER_BRIDGE" 2>/dev/null || true
}

# Take our rules and chains out of every table, each table in one step, with all others left as
# they are. Ours: chains of kube-proxy and the kubelet (KUBE-), of `up` (SKIFF-), and what the
# portmap plugin made for our network.
iptables_remove() {
    local save=$1-save restore=$1-restore table script
    command -v "$save" >/dev/null || return 0
    for table in filter nat mangle raw; do
        script=$("$save" -t "$table" 2>/dev/null | iptables_script "$table") || continue
        [[ -z $script ]] || "$restore" --wait=10 --noflush <<<"$script" || return
    done
}

iptables_script() {
    awk -v table="$1" -v network="$CLUSTER_NETWORK" '
        function ours(chain) { return chain ~ /^(KUBE|SKIFF)-/ || chain in pod }
        function target(rule, words, n, i) {
            n = split(rule, words, " ")
            for (i = 1; i < n; i++) if (words[i] == "-j" || words[i] == "-g") return words[i + 1]
        }
        /^:/ { chains[++n_chains] = substr($1, 2) }
        /^-A / {
            rules[++n_rules] = $0
            if (index($0, "name: \\\"" network "\\\"")) {
                mine[n_rules] = 1
                if (target($0) ~ /^CNI-DN-/) pod[target($0)] = 1
            }
        }
        END {
            # The portmap plugin shares these chains with other networks: only when nobody is left.
            others = 0
            for (i = 1; i <= n_rules; i++)
                if (rules[i] ~ /^-A CNI-HOSTPORT-DNAT /) { if (mine[i]) seen = 1; else others = 1 }
            if (seen && !others) {
                pod["CNI-HOSTPORT-DNAT"] = pod["CNI-HOSTPORT-SETMARK"] = pod["CNI-HOSTPORT-MASQ"] = 1
            }
            for (i = 1; i <= n_rules; i++) {
                split(rules[i], word, " ")
                if (!ours(word[2]) && (mine[i] || ours(target(rules[i])))) {
                    sub(/^-A/, "-D", rules[i])
                    out = out rules[i] "\n"
                }
            }
            for (i = 1; i <= n_chains; i++) if (ours(chains[i])) {
                flush = flush "-F " chains[i] "\n"
                drop = drop "-X " chains[i] "\n"
            }
            if (out flush != "") printf "*%s\n%s%s%sCOMMIT\n", table, out, flush, drop
        }'
}

# Files that our daemons left outside the state directory.
strays_remove() {
    local file id address
    for file in "$D"/run/containerd/io.containerd.runtime.v2.task/*/*/address; do
        [[ -f $file ]] || continue
        address=$(<"$file")
        rm -f "${address#unix://}"
    done
    for file in /var/lib/cni/results/"$CLUSTER_NETWORK"-*; do
        [[ -e $file ]] || continue
        id=${file##*/"$CLUSTER_NETWORK"-}
        id=${id%-*}
        rm -f "$file" /var/lib/cni/results/cni-loopback-"$id"-*
    done
    for file in /var/log/containers/*.log; do # links to links to our log files
        if [[ -L $file && $(readlink "$file") == "$D"/* ]]; then rm -f "$file"; fi
    done
    if [[ -f $D/skiff-cluster ]]; then
        rm -f /var/lib/kubelet/device-plugins/{kubelet.sock,DEPRECATION,kubelet_internal_checkpoint}
    fi
}

# What `up` noted before it began. Forwarding stays on while another bridge may live from it.
before_restore() {
    local file value dirs=()
    [[ -d $D/before ]] || return 0
    while read -r file value; do
        [[ $file == net/ipv4/ip_forward && -n $(ip -br link show type bridge) ]] && continue
        [[ $(<"/proc/sys/$file") == "$value" ]] || echo "$value" >"/proc/sys/$file" 2>/dev/null ||
            skiff_say "warning: $file could not be set back to $value"
    done <"$D/before/sysctl"
    mapfile -t dirs <"$D/before/missing"
    for ((value = ${#dirs[@]} - 1; value >= 0; value--)); do
        rmdir "${dirs[value]}" 2>/dev/null || true
    done
    rm -rf "$D/before"
}
