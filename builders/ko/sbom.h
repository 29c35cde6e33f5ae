/* builders/ko/sbom.h: the bill of materials of an image, as ko writes it (ko-behaviour.md 15): an
 * SPDX document, and the image that carries it to a registry. */
#ifndef SKF_BUILDERS_KO_SBOM_H
#define SKF_BUILDERS_KO_SBOM_H
#include "builders/ko/buildinfo.h"
#include "lib/image/image.h"

/* Of a single image: it, its base, the modules in its program; owned text. */
char *skf_ko_sbom_of_image(const struct skf_image *image, const struct skf_go_buildinfo *info);
/* Of an index: it, its base, its images; owned text. */
char *skf_ko_sbom_of_index(const struct skf_image *index);
/* The text as the one layer of an image that nobody runs. */
struct skf_image *skf_ko_sbom_wrap(const char *text);
/* Where it goes: "REPOSITORY:sha256-HEX.sbom"; repository "" = that of `reference`. Owned. */
char *skf_ko_sbom_reference(const char *reference, const char *repository, const char *digest);
#endif
