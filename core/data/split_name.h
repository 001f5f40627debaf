/* Names of folders that mean a part of a split: train/ and val/, Training/ and Testing/, seg_train/ and seg_test/,
 * training_set/ and test_set/, train2017/ and val2017/.
 *
 * A name is cut into words (at what is no letter or digit, between letters and digits, before a capital letter in the
 * middle of a word; case does not matter). One of the words says the part; words that say nothing (set, images, data)
 * are dropped; what is left must be the same for the parts of one split: "seg", "2017". A name alone is no split: a
 * class may be called "train" or "test".
 */
#ifndef FREEZETUNE_SPLIT_NAME_H
#define FREEZETUNE_SPLIT_NAME_H

#include <stdbool.h>

enum split_part { PART_NONE, PART_TRAIN, PART_VAL, PART_TEST };

struct split_name {
    enum split_part part; /* PART_NONE also for names with two parts in them, and for names too long to be one */
    bool plain;           /* exactly "train", "val" or "test" */
    char rest[64];        /* the other words, each followed by a space; "" when there are none */
};

struct split_name split_name_parse(const char *name);

/* True when the name has only words that say nothing: "images", "data_set". */
bool split_name_neutral(const char *name);

#endif
