#include <string.h>

#include "lib/base/glob.h"
#include "lib/base/map.h"
#include "lib/base/path.h"
#include "lib/io/file.h"
#include "lib/kube/manifest.h"

static bool is_url(const char *text)
{
    return strncmp(text, "http://", 7) == 0 || strncmp(text, "https://", 8) == 0 ||
           strncmp(text, "gs://", 5) == 0;
}

static bool has_manifest_name(const char *path)
{
    const char *ext = skf_path_ext(path);
    return strcmp(ext, ".yaml") == 0 || strcmp(ext, ".yml") == 0 || strcmp(ext, ".json") == 0;
}

/* Matches of one glob below root, and all below the directories that match, as absolute paths. */
static int glob_files(const char *root, const char *pattern, struct skf_strv *out,
                      struct skf_err *err)
{
    skf_autostrv struct skf_strv found = SKF_STRV_INIT;
    skf_autofree char *below = skf_xasprintf("%s/**", pattern);
    if (skf_file_glob(root, pattern, &found, err) < 0)
        return -(int)err->code;
    if (skf_glob_has_meta(pattern) && skf_file_glob(root, below, &found, err) < 0)
        return -(int)err->code;
    skf_strv_sort(&found);
    skf_strv_uniq(&found);
    for (size_t i = 0; i < found.n; i++) {
        if (has_manifest_name(found.v[i]))
            skf_strv_take(out, skf_path_join(root, found.v[i]));
    }
    return 0;
}

/* One entry of the list; what it gives is sorted. */
static int entry_files(const char *dir, const char *pattern, struct skf_strv *out,
                       struct skf_err *err)
{
    skf_autofree char *full = skf_path_abs(dir, pattern);
    if (skf_file_is_dir(full))
        return glob_files(full, "**", out, err);
    if (skf_file_exists(full)) {
        skf_strv_add(out, full); /* written out: any extension will do */
        return 0;
    }
    if (!skf_glob_has_meta(pattern))
        return 0;
    if (skf_path_is_abs(pattern))
        return glob_files("/", full + 1, out, err);
    return glob_files(dir, pattern, out, err);
}

int skf_manifest_files(const char *dir, const char *const *patterns, size_t n, bool allow_none,
                       struct skf_strv *out, struct skf_err *err)
{
    skf_autostrv struct skf_strv all = SKF_STRV_INIT;
    struct skf_map seen = SKF_MAP_INIT;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < n; i++) {
        skf_autostrv struct skf_strv files = SKF_STRV_INIT;
        if (is_url(patterns[i]))
            rc = skf_err_set(err, SKF_EUNSUPPORTED,
                             "manifest '%s': skiff does not fetch manifests; save it as a file",
                             patterns[i]);
        else
            rc = entry_files(dir, patterns[i], &files, err);
        if (rc == 0 && files.n == 0 && !allow_none)
            rc = skf_glob_has_meta(patterns[i])
                     ? skf_err_set(err, SKF_ENOTFOUND,
                                   "manifest pattern '%s' matches no file in "
                                   "'%s'",
                                   patterns[i], dir)
                     : skf_err_set(err, SKF_ENOTFOUND, "manifest '%s' does not exist in '%s'",
                                   patterns[i], dir);
        for (size_t k = 0; rc == 0 && k < files.n; k++) {
            if (skf_map_has(&seen, files.v[k]))
                continue;
            skf_map_put(&seen, files.v[k], &seen);
            skf_strv_add(&all, files.v[k]);
        }
    }
    skf_map_release(&seen);
    if (rc == 0)
        skf_strv_addv(out, &all);
    return rc;
}
