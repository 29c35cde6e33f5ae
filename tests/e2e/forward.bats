#!/usr/bin/env bats
# Ports of real pods on loopback: through new pods, in both directions to the end, many at once.

load ../support/common
load ../support/cluster

setup() { cluster_setup; }
teardown() { cluster_teardown; }

# http://: as many bytes as asked for. :9000: takes as many bytes as the first line says, and only then
# answers.
write_server() {
    cat >main.go <<'END'
package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
)

func count() {
	l, _ := net.Listen("tcp", ":9000")
	for {
		c, err := l.Accept()
		if err != nil {
			continue
		}
		go func() {
			var want int64
			r := bufio.NewReader(c)
			fmt.Fscanf(r, "%d\n", &want)
			n, _ := io.CopyN(io.Discard, r, want)
			fmt.Fprintf(c, "%d bytes\n", n)
			c.Close()
		}()
	}
}

func main() {
	go count()
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(r.URL.Query().Get("n"))
		io.CopyN(w, zeros{}, int64(n))
		if n == 0 {
			fmt.Fprint(w, "VERSION")
		}
	})
	http.ListenAndServe(":8080", nil)
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }
END
    sed -i "s/VERSION/$1/" main.go
    cat >>k8s/deployment.yaml <<'END'
        - {containerPort: 9000, name: count}
        readinessProbe: {httpGet: {path: /, port: 8080}, periodSeconds: 1}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: go-app}
  ports:
  - {name: http, port: 80, targetPort: 8080}
  - {name: count, port: 9000, targetPort: count}
  - {name: talk, port: 53, protocol: UDP}
END
}

url() { curl -sS --noproxy '*' --max-time 20 "${@:2}" "http://$1"; }
# What the pod says of $2 bytes, sent by a client that then closes its half and listens.
count_through() { { echo "$2" && head -c "$2" /dev/zero; } | timeout 30 socat -t 20 - "TCP:127.0.0.1:$1"; }

@test "user-defined forwards: by port and name, on IPv6; they outlive new pods; big, many, half-closed" {
    write_server one
    cat >>skaffold.yaml <<'END'
portForward:
- {resourceType: service, resourceName: web, port: 80, localPort: 18080}
- {resourceType: Deployment, resourceName: go-app, port: count, localPort: 19000}
- {resourceType: service, resourceName: web, port: http, localPort: 18081, address: "::1"}
END
    # Somebody has the first port already.
    socat TCP-LISTEN:18080,bind=127.0.0.1,reuseaddr,fork /dev/null 3>&- 4>&- &
    local taken=$! i
    dev_start
    dev_says 'Port forwarding service/web in namespace .*, remote port 80 -> http://127.0.0.1:18081'
    dev_says 'local port 18080 is taken: service/web is at 18081 instead'
    dev_says 'Port forwarding deployment/go-app in namespace .*, remote port count -> http://127.0.0.1:19000'
    dev_says 'Port forwarding service/web in namespace .*, remote port http -> http://\[::1\]:1808[0-9]'
    local v6
    v6=$(dev_said | sed -nE 's/.*http:\/\/(\[::1\]:[0-9]+).*/\1/p')
    kill "$taken"
    # A connection that comes before the pod is there waits for it.
    expect_equal "$(url 127.0.0.1:18081)" one
    dev_is_ready
    expect_equal "$(url "$v6")" one
    # To the last byte, in both directions, with the client's half closed.
    expect_equal "$(url "127.0.0.1:18081/?n=100000000" | wc -c)" 100000000
    expect_equal "$(count_through 19000 30000000)" '30000000 bytes'
    # A client that reads more slowly than the pod writes gets the end as well.
    expect_equal "$(url "127.0.0.1:18081/?n=6000000" --limit-rate 4M | wc -c)" 6000000
    # Forty at once.
    seq 40 | xargs -P 40 -I{} curl -sS --noproxy '*' --max-time 30 "http://127.0.0.1:18081/?n=200000" | wc -c >many
    expect_equal "$(cat many)" 8000000
    # A new pod, the same ports; none of the requests in between fails.
    sed -i 's/"one"/"two"/' main.go
    for ((i = 0; i < 200; i++)); do
        [[ $(url 127.0.0.1:18081) == one ]] || break
    done
    expect_equal "$(url 127.0.0.1:18081)" two
    dev_says "^$LEDGER"
    expect_equal "$(count_through 19000 5)" '5 bytes'
    # Another local port in skaffold.yaml: taken up although nothing is deployed.
    dev_mark
    sed -i 's/localPort: 19000/localPort: 19002/' skaffold.yaml
    dev_says 'Port forwarding deployment/go-app .*remote port count -> http://127.0.0.1:19002'
    dev_says '^Watching for changes'
    expect_equal "$(count_through 19002 5)" '5 bytes'
    [[ -z $(answer_of 127.0.0.1 19000) ]]
    dev_stop
    [[ -z $(answer_of 127.0.0.1 18081) ]]
}

@test "modes: services (TCP only) and pods, one local port each; run stays until Ctrl-C; off" {
    write_server one
    background run --port-forward=services,pods
    dev_mark
    dev_says 'service/web .*remote port 80 -> http://127.0.0.1:4503$' 120
    dev_says 'service/web .*remote port 9000 -> '
    dev_says 'deployment/go-app .*remote port 8080 -> '
    expect_equal "$(dev_said | grep -c 'Port forwarding')" 4
    expect_not_in "$(dev_said)" 'remote port 53'
    expect_equal "$(url 127.0.0.1:4503)" one
    dev_says '^Deployments stabilized' # before, Ctrl-C would interrupt the run
    kill -INT "$BACKGROUND_PID"
    background_ends 0
    skiff_ok run --port-forward=off
    expect_not_in "$output" 'Port forwarding'
}
