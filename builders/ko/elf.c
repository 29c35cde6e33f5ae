#include "builders/ko/elf.h"

#include <elf.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/mem.h"

enum { ID_SCAN = 64 * 1024, MAX_HEADERS = 1000 };

/* The linker puts the note into the first page: name "Go", type 4, then the text. */
void skf_elf_build_id(int fd, char out[160])
{
    static const unsigned char tail[] = { 4, 0, 0, 0, 'G', 'o', 0, 0 };
    out[0] = '\0';
    skf_autofree unsigned char *page = skf_xmalloc(ID_SCAN);
    ssize_t n = pread(fd, page, ID_SCAN, 0);
    if (n < 64 || memcmp(page, "\177ELF", 4) != 0 || page[5] != 1) /* little endian only */
        return;
    const unsigned char *at = page;
    while ((at = memmem(at, (size_t)(page + n - at), tail, sizeof tail))) {
        const unsigned char *text = at + sizeof tail;
        if (at - page >= 8 && at[-8] == 4 && !at[-7] && !at[-6] && !at[-5]) {
            size_t len = at[-4] | (size_t)at[-3] << 8;
            if (!at[-2] && !at[-1] && len > 0 && len < 160 && text + len <= page + n) {
                memcpy(out, text, len);
                out[len] = '\0';
                return;
            }
        }
        at++;
    }
}

bool skf_elf_is_dynamic(int fd)
{
    Elf64_Ehdr head;
    Elf64_Phdr part;
    if (pread(fd, &head, sizeof head, 0) != sizeof head ||
        memcmp(head.e_ident, ELFMAG, SELFMAG) != 0)
        return false;
    if (head.e_ident[EI_CLASS] != ELFCLASS64 || head.e_ident[EI_DATA] != ELFDATA2LSB)
        return false;
    if (head.e_phentsize != sizeof part || head.e_phoff > INT32_MAX)
        return false;
    for (unsigned i = 0; i < head.e_phnum && i < MAX_HEADERS; i++) {
        off_t at = (off_t)(head.e_phoff + i * sizeof part);
        if (pread(fd, &part, sizeof part, at) != sizeof part)
            return false;
        if (part.p_type == PT_INTERP)
            return true;
    }
    return false;
}
