/* The Job that a container becomes. (That it runs is an end-to-end test.) */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/base/mem.h"
#include "lib/base/path.h"
#include "lib/engine/job.h"
#include "lib/io/file.h"
#include "lib/kube/jget.h"

static const char *args[] = { "a", "b" };
static struct skf_variable env[] = { { "WHO", "me" }, { "EMPTY", NULL } };
static const struct skf_container container = {
    .name = "one",
    .image = "say",
    .args = { .v = args, .n = 2 },
    .env = { env, 2 },
};
static const struct skf_job_place place = { .otherwise = "plain" };

static json_t *made(const struct skf_cluster_mode *mode, const char *dir,
                    const struct skf_job_place *where)
{
    struct skf_err err = SKF_ERR_INIT;
    json_t *job = NULL;
    assert_int_equal(skf_job_manifest(mode, dir, &container, "say:v1", where, &job, &err), 0);
    return job;
}

static json_t *first_container(const json_t *job)
{
    return json_array_get(skf_jget(job, "spec.template.spec.containers"), 0);
}

static void test_plain(void **state)
{
    (void)state;
    json_t *job = made(&(struct skf_cluster_mode){ 0 }, "/", &place);
    json_t *c = first_container(job);
    skf_autofree char *text = json_dumps(c, JSON_COMPACT | JSON_SORT_KEYS);
    assert_string_equal(text,
                        "{\"args\":[\"a\",\"b\"],\"env\":[{\"name\":\"WHO\",\"value\":\"me\"},"
                        "{\"name\":\"EMPTY\",\"value\":\"\"}],\"image\":\"say:v1\","
                        "\"name\":\"one\"}");
    assert_string_equal(skf_jtext(job, "metadata.namespace"), "plain");
    assert_string_equal(skf_jtext(job, "spec.template.spec.restartPolicy"), "Never");
    assert_int_equal(skf_jint(job, "spec.backoffLimit", -1), 0);
    assert_memory_equal(skf_jtext(job, "metadata.name"), "one-skiff-", 10);
    json_decref(job);
}

static void test_overrides(void **state)
{
    (void)state;
    json_t *job = made(
        &(struct skf_cluster_mode){
            .overrides = "{\"metadata\": {\"name\": \"x\"}, \"spec\": {\"backoffLimit\": null, "
                         "\"template\": {\"spec\": {\"serviceAccountName\": \"sa\", "
                         "\"containers\": [{\"name\": \"one\", \"image\": \"other\"}, "
                         "{\"name\": \"two\", \"image\": \"side\"}]}}}}" },
        "/", &place);
    assert_memory_equal(skf_jtext(job, "metadata.name"), "one-skiff-", 10);
    assert_null(skf_jget(job, "spec.backoffLimit"));
    assert_string_equal(skf_jtext(job, "spec.template.spec.serviceAccountName"), "sa");
    assert_string_equal(skf_jtext(first_container(job), "image"), "other");
    assert_int_equal(json_array_size(skf_jget(first_container(job), "args")), 2);
    assert_int_equal(json_array_size(skf_jget(job, "spec.template.spec.containers")), 2);
    json_decref(job);
}

static void test_manifest(void **state)
{
    (void)state;
    static const char text[] = "kind: Job\n"
                               "metadata: {name: base, namespace: its-own}\n"
                               "spec: {template: {spec: {containers: [{name: one, image: x, "
                               "workingDir: /w, env: [{name: WHO, value: you}]}]}}}\n";
    struct skf_err err = SKF_ERR_INIT;
    skf_autofree char *dir = skf_file_temp_dir("skiff-job", &err);
    skf_autofree char *path = skf_path_join(dir, "job.yaml");
    assert_int_equal(skf_file_write_atomic(path, 0600, text, sizeof text - 1, &err), 0);
    const struct skf_cluster_mode mode = { .job_manifest = "job.yaml" };
    json_t *job = made(&mode, dir, &place);
    assert_string_equal(skf_jtext(job, "metadata.namespace"), "its-own");
    assert_string_equal(skf_jtext(first_container(job), "workingDir"), "/w");
    assert_string_equal(skf_jtext(first_container(job), "image"), "say:v1");
    const json_t *who = skf_jfind(first_container(job), "env", "name", "WHO");
    assert_string_equal(skf_jtext(who, "value"), "me");
    json_decref(job);
    job = made(&mode, dir, &(struct skf_job_place){ .namespace_ = "flag", .otherwise = "plain" });
    assert_string_equal(skf_jtext(job, "metadata.namespace"), "flag");
    json_decref(job);
    assert_int_equal(skf_file_remove_tree(dir, &err), 0);
}

static void test_refused(void **state)
{
    (void)state;
    static const struct skf_cluster_mode bad[] = {
        { .overrides = "[]" },
        { .overrides = "{" },
        { .overrides = "a: 1\n---\nb: 2\n" },
        { .job_manifest = "no/such/file" },
    };
    for (size_t i = 0; i < SKF_ARRAY_LEN(bad); i++) {
        struct skf_err err = SKF_ERR_INIT;
        json_t *job = NULL;
        assert_true(skf_job_manifest(&bad[i], "/", &container, "say", &place, &job, &err) < 0);
        assert_null(job);
        assert_int_equal(err.code, SKF_ECONFIG);
        assert_string_not_equal(err.msg, "");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_overrides),
        cmocka_unit_test(test_manifest),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
