#include "cmd/guard.h"

#include <ctype.h>
#include <stdio.h>
#include <unistd.h>

#include "lib/kube/allowed.h"

static int refused(const struct skf_kube_context *c, struct skf_err *err)
{
    return skf_err_set(
        err, SKF_EDENIED,
        "the current context '%s' (%s) is not a local cluster, and nothing says that "
        "it is meant: name it with --kube-context=%s, choose another one, or allow it "
        "for good with 'skiff config allow-context %s'",
        c->name, c->server, c->name, c->name);
}

/* The first letter of the answer, in lower case; 'n' for none. */
static int ask(const struct skf_kube_context *c, const char *command)
{
    char answer[64];
    fprintf(stderr,
            "The current context '%s' (%s) is not a local cluster.\n"
            "Go on with 'skiff %s' there? [y = this time, a = always, N] ",
            c->name, c->server, command);
    fflush(stderr);
    return fgets(answer, sizeof answer, stdin) ? tolower((unsigned char)answer[0]) : 'n';
}

int guard_context(const struct skf_kube_context *c, const char *command, struct skf_err *err)
{
    bool allowed = false;
    if (skf_allowed_has(c, &allowed, err) < 0)
        return -(int)err->code;
    if (allowed)
        return 0;
    if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
        return refused(c, err);
    int answer = ask(c, command);
    if (answer == 'a')
        return skf_allowed_add(c, err);
    return answer == 'y' ? 0 : refused(c, err);
}
