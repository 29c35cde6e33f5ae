/* Runs a fuzz target over the files of a folder: the corpus as a plain test. */
#include <stdint.h>
#include <stdio.h>

#include "lib/base/path.h"
#include "lib/base/vec.h"
#include "lib/io/file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int main(int argc, char **argv)
{
    skf_autostrv struct skf_strv names = SKF_STRV_INIT;
    struct skf_err err = SKF_ERR_INIT;
    if (argc != 2 || skf_file_list(argv[1], &names, &err) < 0 || !names.n) {
        fprintf(stderr, "no corpus: %s\n", err.msg);
        return 1;
    }
    for (size_t i = 0; i < names.n; i++) {
        skf_autobuf struct skf_buf text = SKF_BUF_INIT;
        skf_autofree char *path = skf_path_join(argv[1], names.v[i]);
        if (skf_file_read(path, 1024 * 1024, &text, &err) < 0) {
            fprintf(stderr, "%s\n", err.msg);
            return 1;
        }
        LLVMFuzzerTestOneInput((const uint8_t *)text.data, text.len);
    }
    return 0;
}
