/* An image that does not come. Final at once when the registry has answered that it will not;
 * after a grace when it has not answered. */
#include <string.h>

#include "lib/base/mem.h"
#include "lib/kube/jget.h"
#include "lib/kube/judge_internal.h"

enum { PULL_GRACE_MS = 30 * 1000, RATE_GRACE_MS = 60 * 1000 };

/* "Back-off pulling image" alone hides the cause: the event before it has it. */
static const char *pull_message(const struct judged *c)
{
    const char *message = skf_jtext(c->status, "state.waiting.message");
    if (strchr(message, ':') && strncmp(message, "Back-off", 8) != 0)
        return message;
    const char *said = skf_jtext(skf_judge_container_event(c, "Failed", ""), "message");
    return !strstr(message, "ErrImagePull:") && strstr(said, "pull") ? said : message;
}

/* containerd tells each of its layers: the last one knows. */
static const char *innermost(const char *message)
{
    static const char *const layers[] = { "ErrImagePull: ", "failed to resolve reference ",
                                          "failed to do request: ", "rpc error: code = " };
    const char *at = message;
    for (size_t i = 0; i < SKF_ARRAY_LEN(layers); i++) {
        const char *found = strstr(at, layers[i]);
        at = found ? found : at;
    }
    const char *request = strstr(at, "failed to do request: ");
    return request ? request + strlen("failed to do request: ") : at;
}

static void no_credentials(const struct judged *c, const char *image, struct trouble *t)
{
    const json_t *secret = skf_judge_event(c->j, c->uid, "FailedToRetrieveImagePullSecret");
    skf_trouble_set(t, WEIGHT_FINAL, SKF_CAUSE_IMAGE,
                    "needs image '%s', which the node may not pull: no credentials", image);
    const char *open = strchr(skf_jtext(secret, "message"), '(');
    if (open) {
        skf_trouble_hint(t, "its pull secret '%.*s' is not in the pod's namespace",
                         (int)strcspn(open + 1, ")"), open + 1);
        skf_trouble_field(t, "imagePullSecrets");
        return;
    }
    skf_trouble_hint(t, "give the pod imagePullSecrets, or push to a registry that the cluster may "
                        "read");
}

static void not_found(const char *message, const char *image, struct trouble *t)
{
    bool hidden = SKF_ANY_OF(message, "pull access denied", "insufficient_scope");
    skf_trouble_set(t, WEIGHT_FINAL, SKF_CAUSE_IMAGE,
                    "needs image '%s', which cannot be pulled: not found in its registry%s", image,
                    hidden ? ", or not public" : "");
    skf_trouble_hint(t, "is it the name of an artifact in skaffold.yaml, spelled the same way?");
}

static void no_answer(const struct judged *c, const char *message, const char *image,
                      struct trouble *t)
{
    const char *why = innermost(message);
    skf_trouble_set(t, WEIGHT_GRACE, SKF_CAUSE_IMAGE,
                    "needs image '%s', which cannot be pulled: %s", image,
                    *why ? why : skf_jtext(c->status, "state.waiting.reason"));
    if (SKF_ANY_OF(message, "no such host"))
        skf_trouble_hint(t, "is the name of the registry right?");
    else if (SKF_ANY_OF(message, "connection refused", "i/o timeout", "no route to host"))
        skf_trouble_hint(t, "can the node reach that registry?");
    skf_trouble_lasting(c->j, c->uid, "pull",
                        SKF_ANY_OF(message, "toomanyrequests", "Too Many Requests") ? RATE_GRACE_MS
                                                                                    : PULL_GRACE_MS,
                        t);
}

void skf_judge_image(const struct judged *c, struct trouble *t)
{
    const char *reason = skf_jtext(c->status, "state.waiting.reason");
    const char *message = pull_message(c);
    const char *image = skf_jstr(c->spec, "image");
    if (!image)
        image = skf_jtext(c->status, "image");
    skf_trouble_container_field(t, c, "image");
    if (strcmp(reason, "InvalidImageName") == 0 || strstr(message, "invalid reference format")) {
        skf_trouble_set(t, WEIGHT_FINAL, SKF_CAUSE_IMAGE,
                        "has an image name that is not valid: '%s'", image);
        skf_trouble_hint(t, "names are lower case: [HOST[:PORT]/]NAME[:TAG][@DIGEST]");
    } else if (strcmp(reason, "ErrImageNeverPull") == 0) {
        skf_trouble_set(t, WEIGHT_FINAL, SKF_CAUSE_IMAGE,
                        "needs image '%s', which is not on the node, and imagePullPolicy is Never",
                        image);
        skf_trouble_hint(t, "take imagePullPolicy: Never out, or load the image into the node");
        skf_trouble_container_field(t, c, "imagePullPolicy");
    } else if (SKF_ANY_OF(message, "no match for platform", "no matching manifest",
                          "does not match the specified platform")) {
        skf_trouble_set(t, WEIGHT_FINAL, SKF_CAUSE_IMAGE,
                        "needs image '%s', which has no variant for the node's platform", image);
        skf_trouble_hint(t, "build it for the node's platform (--platform)");
    } else if (SKF_ANY_OF(message, "unauthorized", "authentication required", "no basic auth",
                          "authorization failed", "403 Forbidden", "401 Unauthorized")) {
        no_credentials(c, image, t);
    } else if (SKF_ANY_OF(message, "not found", "manifest unknown", "name unknown",
                          "repository does not exist", "pull access denied",
                          "insufficient_scope")) {
        not_found(message, image, t);
    } else if (SKF_ANY_OF(message, "server gave HTTP response to HTTPS client")) {
        skf_trouble_set(t, WEIGHT_FINAL, SKF_CAUSE_IMAGE,
                        "needs image '%s', whose registry speaks plain http; the node's containerd "
                        "is not told so",
                        image);
    } else if (SKF_ANY_OF(message, "x509: ")) {
        skf_trouble_set(t, WEIGHT_FINAL, SKF_CAUSE_IMAGE,
                        "needs image '%s', whose registry the node does not trust: %s", image,
                        strstr(message, "x509: "));
        skf_trouble_hint(t, "give the node's containerd the registry's CA");
    } else {
        no_answer(c, message, image, t);
    }
}
