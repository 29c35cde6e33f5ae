#include "lib/kube/changes.h"

#include <stdint.h>
#include <string.h>

#include "lib/base/mem.h"

/* --- order ------------------------------------------------------------------------------------ */

static const struct {
    const char *kind;
    int rank;
} ranks[] = {
    { "Namespace", 0 },
    { "CustomResourceDefinition", 1 },
    { "PriorityClass", 2 },
    { "StorageClass", 2 },
    { "RuntimeClass", 2 },
    { "IngressClass", 2 },
    { "ServiceAccount", 3 },
    { "ClusterRole", 3 },
    { "Role", 3 },
    { "ClusterRoleBinding", 4 },
    { "RoleBinding", 4 },
    { "ResourceQuota", 5 },
    { "LimitRange", 5 },
    { "NetworkPolicy", 5 },
    { "PodDisruptionBudget", 5 },
    { "ConfigMap", 6 },
    { "Secret", 6 },
    { "PersistentVolume", 7 },
    { "PersistentVolumeClaim", 8 },
    { "Service", 9 },
    { "Endpoints", 9 },
    { "EndpointSlice", 9 },
    { "DaemonSet", 10 },
    { "StatefulSet", 10 },
    { "Deployment", 10 },
    { "ReplicaSet", 10 },
    { "Pod", 10 },
    { "Job", 10 },
    { "CronJob", 10 },
};
enum { RANK_REST = 11, RANK_WEBHOOK = 12 };

static int rank_of(const struct skf_object *o)
{
    /* A webhook answers for objects that come behind it: its own workload has to be there first. */
    if (strcmp(o->kind, "ValidatingWebhookConfiguration") == 0 ||
        strcmp(o->kind, "MutatingWebhookConfiguration") == 0 || strcmp(o->kind, "APIService") == 0)
        return RANK_WEBHOOK;
    for (size_t i = 0; i < SKF_ARRAY_LEN(ranks); i++) {
        if (strcmp(ranks[i].kind, o->kind) == 0)
            return ranks[i].rank;
    }
    return RANK_REST;
}

void skf_objects_sort(struct skf_objects *objects)
{
    if (objects->n < 2)
        return;
    struct skf_object *sorted = skf_xcalloc(objects->n, sizeof *sorted);
    size_t n = 0;
    for (int rank = 0; rank <= RANK_WEBHOOK; rank++) {
        for (size_t i = 0; i < objects->n; i++) {
            if (rank_of(&objects->v[i]) == rank)
                sorted[n++] = objects->v[i];
        }
    }
    memcpy(objects->v, sorted, n * sizeof *sorted);
    free(sorted);
}

void skf_objects_reverse(struct skf_objects *objects)
{
    for (size_t i = 0; i < objects->n / 2; i++) {
        struct skf_object swap = objects->v[i];
        objects->v[i] = objects->v[objects->n - 1 - i];
        objects->v[objects->n - 1 - i] = swap;
    }
}

char *skf_object_key(const struct skf_object *o, const char *default_namespace)
{
    const char *slash = strchr(o->api_version, '/');
    int group = slash ? (int)(slash - o->api_version) : 0;
    return skf_xasprintf("%.*s/%s/%s/%s", group, o->api_version, o->kind,
                         o->namespace_ ? o->namespace_ : default_namespace, o->name);
}

/* --- memory ----------------------------------------------------------------------------------- */

static struct skf_object *copy_of(const struct skf_object *o)
{
    struct skf_objects one = { 0 };
    struct skf_objects from = { .v = (struct skf_object *)(uintptr_t)o, .n = 1 };
    skf_objects_copy(&from, &one);
    return one.v; /* the array of one is the object */
}

static void object_free(void *value)
{
    struct skf_objects one = { .v = value, .n = 1, .cap = 1 };
    skf_objects_release(&one);
}

static void push_copy(struct skf_objects *to, const struct skf_object *o)
{
    struct skf_objects from = { .v = (struct skf_object *)(uintptr_t)o, .n = 1 };
    skf_objects_copy(&from, to);
}

void skf_applied_release(struct skf_applied *a)
{
    skf_map_release_with(&a->objects, object_free);
}

void skf_applied_put(struct skf_applied *a, const struct skf_objects *done,
                     const char *default_namespace)
{
    for (size_t i = 0; i < done->n; i++) {
        skf_autofree char *key = skf_object_key(&done->v[i], default_namespace);
        struct skf_object *old = skf_map_put(&a->objects, key, copy_of(&done->v[i]));
        if (old)
            object_free(old);
    }
}

void skf_applied_doubt(struct skf_applied *a, const struct skf_objects *tried,
                       const char *default_namespace)
{
    for (size_t i = 0; i < tried->n; i++) {
        skf_autofree char *key = skf_object_key(&tried->v[i], default_namespace);
        struct skf_object *known = skf_map_get(&a->objects, key);
        if (known)
            known->hash[0] = '\0'; /* like no text */
    }
}

void skf_applied_drop(struct skf_applied *a, const struct skf_objects *gone,
                      const char *default_namespace)
{
    for (size_t i = 0; i < gone->n; i++) {
        skf_autofree char *key = skf_object_key(&gone->v[i], default_namespace);
        struct skf_object *old = skf_map_del(&a->objects, key);
        if (old)
            object_free(old);
    }
}

void skf_applied_all(const struct skf_applied *a, struct skf_objects *out)
{
    struct skf_objects all = { 0 };
    for (struct skf_map_iter it = skf_map_first(&a->objects); it.key; skf_map_next(&it))
        push_copy(&all, it.value);
    skf_objects_sort(&all);
    skf_objects_reverse(&all);
    for (size_t i = 0; i < all.n; i++)
        skf_vec_push(out, all.v[i]);
    skf_vec_release(&all); /* the objects have moved */
}

void skf_applied_diff(const struct skf_applied *a, const struct skf_objects *now,
                      const char *default_namespace, struct skf_objects *changed,
                      struct skf_objects *removed)
{
    struct skf_map last = SKF_MAP_INIT; /* key: the object of `now` that counts */
    for (size_t i = 0; i < now->n; i++) {
        skf_autofree char *key = skf_object_key(&now->v[i], default_namespace);
        skf_map_put(&last, key, &now->v[i]);
    }
    for (size_t i = 0; i < now->n; i++) {
        skf_autofree char *key = skf_object_key(&now->v[i], default_namespace);
        if (skf_map_get(&last, key) != &now->v[i])
            continue;
        const struct skf_object *old = skf_map_get(&a->objects, key);
        if (!old || strcmp(old->hash, now->v[i].hash) != 0)
            push_copy(changed, &now->v[i]);
    }
    struct skf_objects gone = { 0 };
    for (struct skf_map_iter it = skf_map_first(&a->objects); it.key; skf_map_next(&it)) {
        if (!skf_map_has(&last, it.key))
            push_copy(&gone, it.value);
    }
    skf_objects_sort(&gone);
    skf_objects_reverse(&gone);
    for (size_t i = 0; i < gone.n; i++)
        skf_vec_push(removed, gone.v[i]);
    skf_vec_release(&gone); /* the objects have moved */
    skf_map_release(&last);
}
