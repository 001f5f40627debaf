/* Which of timm's networks with a ResNet's tensors is torchvision's ResNet. timm has others whose tensors have the same
 * names and shapes, with another activation, pooling, stride or normalisation between them. */
#ifndef FREEZETUNE_TIMM_ARGS_H
#define FREEZETUNE_TIMM_ARGS_H

#include <stdbool.h>

#include <cjson/cJSON.h>

/* Whether timm's name of an architecture, with or without its tag, is one of our networks. */
bool timm_args_knows(const char *architecture);

/* The first entry of model_args that makes another network than timm's default, or whose key is not known; NULL: none.
 * `args`, an object, may be NULL or null. Borrowed. */
const cJSON *timm_args_other(const cJSON *args, bool is_body);

/* "avg", or missing; for a body also "", which is without pooling. */
bool timm_args_pools(const cJSON *global_pool, bool is_body);

#endif
