/* builders/ko/elf.h: what a program file says of itself. Any bytes are fine. */
#ifndef SKF_BUILDERS_KO_ELF_H
#define SKF_BUILDERS_KO_ELF_H
#include <stdbool.h>

/* Go's own identification of a program, from its ELF note; "" when there is none. */
void skf_elf_build_id(int fd, char out[160]);
/* Does it want a loader, and so a C library in the image? */
bool skf_elf_is_dynamic(int fd);
#endif
