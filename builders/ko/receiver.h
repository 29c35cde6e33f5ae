/* builders/ko/receiver.h: the source of the program in receiver/, which the build puts into skiff
 * (embed.cmake): the user's Go builds it. */
#ifndef SKF_BUILDERS_KO_RECEIVER_H
#define SKF_BUILDERS_KO_RECEIVER_H
extern const char skf_ko_receiver_main[]; /* main.go */
extern const char skf_ko_receiver_mod[];  /* go.mod */
#endif
