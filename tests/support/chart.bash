# shellcheck shell=bash
# chart.bash: a small chart named web, in the working directory. load it after common.

make_chart() {
    mkdir -p chart/templates
    cat >chart/Chart.yaml <<'END'
apiVersion: v2
name: web
version: 0.1.0
END
    cat >chart/values.yaml <<'END'
word: from-values
image: gcr.io/my-project/go-app
END
    cat >chart/templates/deployment.yaml <<'END'
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .Release.Name }}
  annotations: {word: {{ .Values.word | quote }}}
spec:
  selector:
    matchLabels: {app: go-app}
  template:
    metadata:
      labels: {app: go-app}
    spec:
      containers:
      - name: go-app
        image: {{ .Values.image }}
END
    echo '{{ if .Values.broken }}{{ fail "this chart is broken" }}{{ end }}' >chart/templates/broken.yaml
}
